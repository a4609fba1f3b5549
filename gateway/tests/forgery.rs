//! Nobody outside a stage can make what only it may make. Each file in `forgery/` tries, as somebody who uses this crate
//! would; the compiler must refuse it for the reason that the file's first line names, in the words stored beside it.
//!
//! `FORGERY_ACCEPT=1` stores new words: read them before you commit them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot go on fails, with words"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn an_honest_use_compiles() {
    let errors = compile(&folder().join("honest.rs"));
    assert!(errors.is_empty(), "the road cannot be used at all:\n{errors}");
}

#[test]
fn no_proof_of_the_road_can_be_forged() {
    let mut attempts: Vec<PathBuf> =
        std::fs::read_dir(folder()).unwrap().map(|e| e.unwrap().path()).collect();
    attempts.retain(|path| path.extension().is_some_and(|e| e == "rs") && !path.ends_with("honest.rs"));
    attempts.sort();
    assert!(attempts.len() >= 22, "attempts went missing: {}", attempts.len());
    let faults: Vec<String> = attempts.iter().filter_map(|attempt| fault(attempt)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What is wrong with the way an attempt fails.
fn fault(attempt: &Path) -> Option<String> {
    let name = attempt.file_name().unwrap().to_string_lossy().into_owned();
    let source = std::fs::read_to_string(attempt).unwrap();
    let first = source.lines().next().unwrap_or_default();
    let reasons: Vec<&str> = first.trim_start_matches("//! ").split(':').next().unwrap().split(' ').collect();
    let said = compile(attempt);
    if said.is_empty() {
        return Some(format!("{name} compiles: the proof can be forged"));
    }
    let mut found: Vec<&str> = said.lines().map(reason).collect();
    found.sort_unstable();
    found.dedup();
    if found != reasons {
        return Some(format!("{name} fails with {found:?}, not with {reasons:?}:\n{said}"));
    }
    let stored = attempt.with_extension("stderr");
    if std::env::var_os("FORGERY_ACCEPT").is_some() {
        std::fs::write(&stored, &said).unwrap();
    }
    let expected = std::fs::read_to_string(&stored).unwrap_or_default();
    (said != expected).then(|| format!("{name}: the compiler says\n{said}\nnot as stored\n{expected}"))
}

/// Why the compiler refuses, from one of its lines: the error's code. A literal that names no field has none, and needs
/// no change when a stage gains a field.
fn reason(line: &str) -> &str {
    match line.split_once(": error[").and_then(|(_, rest)| rest.split_once(']')) {
        Some((code, _)) => code,
        None if line.ends_with("with struct literal syntax due to private fields") => "private-fields",
        None => "some other error",
    }
}

/// Compiles one file against the library that this test was linked with: its errors, one a line, or nothing.
fn compile(file: &Path) -> String {
    let deps = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let scratch = tempfile::tempdir().unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let run = Command::new(rustc)
        .args(["--edition", "2024", "--crate-type", "lib", "--emit", "metadata", "--error-format", "short"])
        .arg(format!("--extern=gateway={}", library(&deps).display()))
        .arg(format!("-Ldependency={}", deps.display()))
        .arg("--out-dir")
        .arg(scratch.path())
        .arg(file)
        .output()
        .expect("rustc runs");
    let said = String::from_utf8_lossy(&run.stderr).replace(&format!("{}/", folder().display()), "");
    let errors: String =
        said.lines().filter(|line| line.contains(": error")).map(|l| format!("{l}\n")).collect();
    assert_eq!(run.status.success(), errors.is_empty(), "{}:\n{said}", file.display());
    errors
}

/// The library as built for this test: the newest, for older builds lie beside it.
fn library(deps: &Path) -> PathBuf {
    let is_ours = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("libgateway-") && name.ends_with(".rlib")
    };
    let built = std::fs::read_dir(deps).unwrap().map(|entry| entry.unwrap().path()).filter(is_ours);
    built
        .max_by_key(|path| path.metadata().unwrap().modified().unwrap())
        .expect("libgateway beside this test")
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/forgery")
}
