//! Finds the binary `sluis` (or builds it once) and runs its commands.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Path of the program under test: `SLUIS_BIN`, else built once by cargo in the same profile as the tests.
#[must_use]
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| match std::env::var_os("SLUIS_BIN") {
        Some(path) => std::fs::canonicalize(&path).expect("SLUIS_BIN names no file"),
        None => build(),
    })
}

fn build() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let built = Command::new(cargo)
        .args(["build", "-q", "-p", "gateway", "--bin", "sluis", "--message-format", "json"])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(built.status.success(), "sluis does not build");
    let messages = String::from_utf8_lossy(&built.stdout);
    let executables =
        messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut executables = executables.filter_map(|m| m["executable"].as_str().map(PathBuf::from));
    executables.next_back().expect("cargo names the program it built")
}

/// What a command said and how it ended.
#[derive(Debug, Clone)]
pub struct Run {
    /// Exit status; -1 if a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Run {
    /// The same, when the command ended with 0.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "exit {}\n{}\n{}", self.code, self.stdout, self.stderr);
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|e| panic!("no JSON ({e}): {}\n{}", self.stdout, self.stderr))
    }

    /// Standard output as one JSON value a line.
    #[track_caller]
    #[must_use]
    pub fn json_lines(&self) -> Vec<serde_json::Value> {
        let lines = self.stdout.lines().filter(|line| !line.trim().is_empty());
        lines.map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("no JSON ({e}): {l}"))).collect()
    }
}

/// Runs `sluis` with these arguments and nothing on standard input.
#[must_use]
pub fn sluis(args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Run {
    sluis_with(args, b"")
}

/// Runs `sluis` with these arguments and this standard input.
#[must_use]
pub fn sluis_with(args: impl IntoIterator<Item = impl AsRef<OsStr>>, input: &[u8]) -> Run {
    let mut child = Command::new(binary())
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("sluis starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    // A command that does not read its input closes the pipe: no fault of the test.
    let writer = std::thread::spawn(move || stdin.write_all(&input).is_ok());
    let output = child.wait_with_output().expect("sluis ends");
    let _read = writer.join();
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
