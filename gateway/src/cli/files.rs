//! Files, folders and standard input, as arguments name them.

use super::Ended;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A value that may be personal: `-` reads it from standard input, for arguments show in process lists.
pub(super) fn value(argument: &str) -> Result<String, Ended> {
    if argument != "-" {
        return Ok(argument.to_owned());
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|e| Ended::Failed(format!("standard input: {e}")))?;
    Ok(text.trim().to_owned())
}

/// The bytes of a file, or of standard input for `-`.
pub(super) fn bytes(argument: &str) -> Result<Vec<u8>, Ended> {
    if argument == "-" {
        let mut bytes = Vec::new();
        std::io::stdin()
            .read_to_end(&mut bytes)
            .map_err(|e| Ended::Failed(format!("standard input: {e}")))?;
        return Ok(bytes);
    }
    std::fs::read(argument).map_err(|e| Ended::Failed(format!("{argument}: {e}")))
}

/// As [`bytes`], as text.
pub(super) fn text(argument: &str) -> Result<String, Ended> {
    String::from_utf8(bytes(argument)?).map_err(|_| Ended::Failed(format!("{argument}: not UTF-8")))
}

/// Every file below these paths, folders in the order of their names.
pub(super) fn all(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Ended> {
    let mut found = Vec::new();
    for path in paths {
        collect(path, &mut found)?;
    }
    Ok(found)
}

fn collect(path: &Path, found: &mut Vec<PathBuf>) -> Result<(), Ended> {
    let failed = |e: std::io::Error| Ended::Failed(format!("{}: {e}", path.display()));
    if !path.is_dir() {
        // A missing file is a refusal of that file, said when it is read.
        found.push(path.to_owned());
        return Ok(());
    }
    let mut inside = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        inside.push(entry.map_err(failed)?.path());
    }
    inside.sort();
    inside.iter().filter(|p| p.is_dir() || is_json(p)).try_for_each(|p| collect(p, found))
}

fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "json" || e == "ndjson")
}
