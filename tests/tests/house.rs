//! The house stands as `gateway/ARCHITECTURE.md` draws it: who may import whom, what the pure rooms may know, what lies
//! at the top, and that the sandbox can be left out. Reads what cargo says and what the sources say; runs nothing.

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every edge between our own rooms. A new one is a decision: argue it in ARCHITECTURE.md, then add it here.
const EDGES: [(&str, &[&str]); 7] = [
    ("consent", &[]),
    ("fhir-mappings", &["consent"]),
    ("sluis-journal", &[]),
    ("certs-dev", &[]),
    ("gateway", &["certs-dev", "consent", "fhir-mappings", "sluis-journal"]),
    ("sluis-tests", &["certs-dev", "consent", "fhir-mappings", "gateway", "sluis-journal"]),
    ("outside-client", &["sluis-tests"]),
];

/// Rooms without clock, network, storage, logging and async.
const PURE: [&str; 2] = ["consent", "fhir-mappings"];

/// Crates that bring one of those. Whatever pulls them in, at any depth, is refused.
const WORLDLY: [&str; 12] = [
    "tokio", "hyper", "axum", "h2", "rustls", "sled", "redb", "tracing", "log", "reqwest", "mio", "tempfile",
];

/// Paths of the standard library that reach the world.
const REACHING: [&str; 12] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::time",
    "std::io",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "TimeZone::system",
];

/// What may lie at the top, beside files whose names start with a dot (issue of the house).
const TOP: [&str; 12] = [
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "certs-dev",
    "consent",
    "deny.toml",
    "deploy",
    "fhir-mappings",
    "gateway",
    "tests",
];

#[test]
fn imports_run_one_way() {
    let mut faults = Vec::new();
    let packages = packages();
    for package in &packages {
        let name = package["name"].as_str().unwrap();
        let Some((_, allowed)) = EDGES.iter().find(|(room, _)| *room == name) else {
            faults.push(format!("{name} is a room that nobody drew"));
            continue;
        };
        let ours = dependencies(package, |d| d["path"].is_string());
        faults.extend(wrong_edges(&ours, allowed).into_iter().map(|to| format!("{name} -> {to}")));
    }
    assert_eq!(packages.len(), EDGES.len(), "a room that was drawn is gone");
    assert!(faults.is_empty(), "edges that nobody drew: {faults:?}");
    // Seen red: the same check refuses the way back.
    assert_eq!(wrong_edges(&["gateway".to_owned()], EDGES[1].1), ["gateway"]);
}

#[test]
fn the_sandbox_alone_brings_development_certificates() {
    let packages = packages();
    let gateway = packages.iter().find(|p| p["name"] == "gateway").unwrap();
    let to = gateway["dependencies"].as_array().unwrap().iter().find(|d| d["name"] == "certs-dev").unwrap();
    assert_eq!(to["optional"], true);
    assert_eq!(gateway["features"]["sandbox"], serde_json::json!(["dep:certs-dev"]));
    let real = tree(&["-p", "gateway", "--no-default-features"]);
    assert!(real.contains("sled"), "no tree was read");
    for dev in ["certs-dev", "rcgen"] {
        assert!(!real.contains(dev), "a build for real use brings {dev}");
    }
    assert!(tree(&["-p", "gateway"]).contains("certs-dev"), "the sandbox lost its certificates");
}

#[test]
fn pure_rooms_depend_on_nothing_that_reaches_the_world() {
    for room in PURE {
        let all = tree(&["-p", room]);
        assert!(all.contains("serde"), "no tree was read");
        let found: Vec<_> = WORLDLY.iter().filter(|name| all.contains(**name)).collect();
        assert!(found.is_empty(), "{room} brings {found:?}");
    }
}

#[test]
fn pure_rooms_name_nothing_that_reaches_the_world() {
    let mut faults = Vec::new();
    for room in PURE {
        let sources = sources(&root().join(room).join("src"));
        assert!(sources.len() > 10, "no sources were read");
        for file in sources {
            let text = std::fs::read_to_string(&file).unwrap();
            let shown = file.strip_prefix(root()).unwrap().display().to_string();
            faults.extend(reaching(&text).into_iter().map(|(line, what)| format!("{shown}:{line}: {what}")));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    // Seen red: code counts, comments and longer names do not.
    assert_eq!(reaching("let a = std::fs::read(p);").len(), 1);
    assert_eq!(reaching("use std::{collections::BTreeMap, time::Instant};\n").len(), 1);
    assert!(reaching("// std::fs\n\"effectiveInstant\"").is_empty());
}

#[test]
fn the_top_holds_what_the_house_allows() {
    let listed = Command::new("git").args(["ls-files"]).current_dir(root()).output().expect("git runs");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let top: BTreeSet<_> = listed.lines().filter_map(|path| path.split('/').next()).collect();
    if top.is_empty() {
        println!("skipped: not a git checkout");
        return;
    }
    let foreign: Vec<_> = top.iter().filter(|name| !name.starts_with('.') && !TOP.contains(name)).collect();
    assert!(foreign.is_empty(), "foreign at the top: {foreign:?}");
}

/// Our dependencies that are not allowed.
fn wrong_edges(ours: &[String], allowed: &[&str]) -> Vec<String> {
    ours.iter().filter(|to| !allowed.contains(&to.as_str())).cloned().collect()
}

/// Lines of code that name something reaching the world.
fn reaching(text: &str) -> Vec<(usize, &'static str)> {
    let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    let named = |line: &str| {
        let grouped = line.trim_start().starts_with("use std::{");
        REACHING.into_iter().find(|what| {
            let short = what.strip_prefix("std::").map(|module| format!("{module}::"));
            line.contains(what) || grouped && short.is_some_and(|short| line.contains(&short))
        })
    };
    code.filter_map(|(n, line)| named(line).map(|what| (n + 1, what))).collect()
}

/// Sources that are built into the room: what a `#[cfg(test)] mod` declares is none.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let all = files(folder);
    let tests: Vec<PathBuf> = all.iter().flat_map(|file| test_modules(file)).collect();
    let is_test = |file: &PathBuf| tests.iter().any(|t| file.with_extension("").starts_with(t));
    all.into_iter().filter(|file| !is_test(file)).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, here): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    here.into_iter().chain(folders.iter().flat_map(|folder| files(folder))).collect()
}

/// Paths, without ending, of the test modules that a file declares.
fn test_modules(file: &Path) -> Vec<PathBuf> {
    let stem = file.file_stem().unwrap();
    let own = file.parent().unwrap();
    let folder = if stem == "mod" || stem == "lib" { own.to_owned() } else { own.join(stem) };
    let text = std::fs::read_to_string(file).unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let declared = lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]");
    let named = declared.filter_map(|pair| pair[1].strip_suffix(';')?.split("mod ").nth(1));
    named.map(|name| folder.join(name)).collect()
}

/// Names of a package's dependencies, development ones left out.
fn dependencies(package: &Value, pick: impl Fn(&Value) -> bool) -> Vec<String> {
    let all = package["dependencies"].as_array().unwrap().iter();
    all.filter(|d| d["kind"] != "dev" && pick(d)).map(|d| d["name"].as_str().unwrap().to_owned()).collect()
}

fn packages() -> Vec<Value> {
    let said = cargo(&["metadata", "--format-version", "1", "--no-deps"]);
    let said: Value = serde_json::from_str(&said).unwrap();
    said["packages"].as_array().unwrap().clone()
}

/// Names of all crates that a build on this platform needs, at any depth.
fn tree(args: &[&str]) -> BTreeSet<String> {
    let mut all = vec!["tree", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"];
    all.extend(args);
    cargo(&all).lines().filter_map(|line| line.split(' ').next().map(str::to_owned)).collect()
}

fn cargo(args: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let run =
        Command::new(cargo).args(args).arg("--locked").current_dir(root()).output().expect("cargo runs");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
