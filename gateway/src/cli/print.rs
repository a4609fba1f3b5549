//! Printing that survives a reader who went away (`| head`): the rest is not wanted, and that is no failure.

use std::fmt::Display;
use std::io::{ErrorKind, Write};

/// One line for standard output.
pub(crate) fn out(line: impl Display) {
    let mut stdout = std::io::stdout().lock();
    if let Err(e) = writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
        let status = if e.kind() == ErrorKind::BrokenPipe { 0 } else { 1 };
        std::process::exit(status);
    }
}

/// One line for standard error; nobody is left to tell when it cannot be written.
pub(crate) fn note(line: impl Display) {
    let _told = writeln!(std::io::stderr().lock(), "sluis: {line}").is_ok();
}
