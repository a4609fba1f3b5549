//! `sluis tables`: the rules in words, for a privacy officer and a patient's advocate. Reads files only; no gateway needs
//! to run.

mod diff;
#[cfg(feature = "sandbox")]
mod report;
mod show;
mod words;

use super::Ended;
use super::args::TablesCommand;
use crate::boot::load_rules;
use consent::Rules;
use fhir_mappings::tables::Tables;
use std::path::{Path, PathBuf};

/// Rules and tables as they stand under one folder, or as built in.
struct Loaded {
    rules: Rules,
    tables: Tables,
    folder: Option<PathBuf>,
}

pub(super) fn run(command: &TablesCommand) -> Ended {
    let ended = match command {
        TablesCommand::Show { function, html, of } => {
            of_sandbox(&of.common.dir).and_then(|loaded| show::run(&loaded, function, *html, of))
        }
        TablesCommand::Diff { before, after, lang, json } => named(before)
            .and_then(|before| named(after).map(|after| (before, after)))
            .and_then(|(before, after)| diff::run(&before, &after, lang, *json)),
        #[cfg(feature = "sandbox")]
        TablesCommand::Report { function, html, of } => {
            of_sandbox(&of.common.dir).and_then(|loaded| report::run(&loaded, function.as_deref(), *html, of))
        }
    };
    ended.unwrap_or_else(|ended| ended)
}

/// The overlay of a folder's gateway stands in `tables/` there; without one the built-in package speaks alone.
fn of_sandbox(dir: &Path) -> Result<Loaded, Ended> {
    let overlay = dir.join("tables");
    load(overlay.is_dir().then_some(overlay))
}

/// `national` is the built-in package; anything else is an overlay folder.
fn named(name: &str) -> Result<Loaded, Ended> {
    if name == "national" {
        return load(None);
    }
    let folder = PathBuf::from(name);
    if !folder.is_dir() {
        return Err(Ended::Usage(format!("{name} is neither `national` nor a folder with an overlay")));
    }
    load(Some(folder))
}

fn load(folder: Option<PathBuf>) -> Result<Loaded, Ended> {
    let (rules, tables, _) = load_rules(folder.as_deref()).map_err(|e| Ended::Failed(e.to_string()))?;
    Ok(Loaded { rules, tables, folder })
}

impl Loaded {
    /// Which package this is, for the head of every page.
    fn name(&self) -> String {
        let tables = &self.tables;
        let over = self.folder.as_ref().map(|f| format!(" + {}", f.display())).unwrap_or_default();
        format!("{} ({}){over}, sha256 {}", tables.version(), tables.dated(), tables.hash())
    }
}

/// The demonstration region on the day that its stories tell of.
#[cfg(feature = "sandbox")]
fn region() -> Result<crate::sandbox::region::Region, Ended> {
    crate::sandbox::region::Region::build(jiff::civil::Date::constant(2026, 11, 21))
        .map_err(|e| Ended::Failed(e.to_string()))
}

/// Text as HTML writes it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A page that needs nothing but itself: no script, no font, no picture.
fn html_page(lang: &str, title: &str, body: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html>\n<html lang=\"{lang}\">\n<meta charset=\"utf-8\">\n\
<meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
<main>\n<h1>{title}</h1>\n{body}</main>\n</html>"
    )
}

const STYLE: &str = "body{font:1rem/1.5 sans-serif;max-width:70rem;margin:auto;padding:1rem;color:#111;background:#fff}\
table{border-collapse:collapse;width:100%}th,td{border:1px solid #999;padding:.25rem .5rem;text-align:left;vertical-align:top}\
th{background:#eee}del{color:#666}ins{text-decoration:none;font-weight:bold}";
