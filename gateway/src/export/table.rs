//! A part of the journal as people read it: a row a record, as a table or printed.

use super::{Reader, Source, pdf};
use crate::lens::Seen;
use fhir_mappings::audit::{Entry, Outcome, Person};
use std::fmt::Write;

/// What a record says, by column; the names stand in the first line of the table.
const COLUMNS: [&str; 15] = [
    "index",
    "time",
    "kind",
    "organisation",
    "person",
    "role",
    "function",
    "purpose",
    "outcome",
    "given",
    "withheld",
    "subject",
    "responsible",
    "basis",
    "network",
];

/// A record, cell by cell: one for each of [`COLUMNS`].
struct Row([String; COLUMNS.len()]);

impl Row {
    fn of(index: u64, Seen { leaf, entry, .. }: &Seen) -> Self {
        let kind = serde_json::to_value(entry.kind).unwrap_or_default();
        let role = entry.person.as_ref().and_then(|p| p.role.as_ref());
        Self([
            index.to_string(),
            leaf.time.to_string(),
            kind.as_str().unwrap_or_default().to_owned(),
            entry.organisation.as_ref().map(|o| o.name.clone()).unwrap_or_default(),
            name(entry.person.as_ref()),
            role.map(|r| r.code.clone()).unwrap_or_default(),
            entry.function.clone().unwrap_or_default(),
            entry.purpose.clone().unwrap_or_default(),
            outcome(entry),
            given(entry),
            withheld(entry),
            // Whom it is about, under the id that was made for this reader.
            entry.subject.clone().unwrap_or_default(),
            name(entry.responsible.as_ref()),
            basis(entry),
            entry.network.as_ref().map(|n| n.address.clone()).unwrap_or_default(),
        ])
    }

    fn cell(&self, column: &str) -> &str {
        let at = COLUMNS.iter().position(|name| *name == column);
        at.and_then(|at| self.0.get(at)).map_or("", String::as_str)
    }

    /// These cells that hold something.
    fn some(&self, columns: &[&str]) -> String {
        let cells = columns.iter().map(|column| self.cell(column)).filter(|text| !text.is_empty());
        cells.collect::<Vec<_>>().join(", ")
    }
}

pub(super) fn csv(seen: &[(u64, Seen)]) -> String {
    let mut table = COLUMNS.join(",") + "\r\n";
    for Row(cells) in seen.iter().map(|(index, one)| Row::of(*index, one)) {
        let row: Vec<String> = cells.iter().map(|text| cell(text)).collect();
        // Writing to a string does not fail.
        let _written = write!(table, "{}\r\n", row.join(",")).is_ok();
    }
    table
}

/// The same as the table, a few lines a record.
pub(super) fn printed(seen: &[(u64, Seen)], reader: &Reader<'_>, source: &dyn Source) -> Vec<u8> {
    let title = format!("{} - journal", source.origin());
    let head = |text: String| pdf::Line { text, heads: true };
    let plain = |text: String| pdf::Line { text, heads: false };
    let whom = match reader {
        Reader::Person(_) => "for the person it is about".to_owned(),
        Reader::Officer { participant, .. } => format!("for the privacy officer of {participant}"),
        Reader::Supervisor { name, participant, .. } => format!("for {name}, about {participant}"),
    };
    let mut lines = vec![
        head(title.clone()),
        plain(format!("{whom}; {} records; made {}", seen.len(), source.now())),
        plain(String::new()),
    ];
    for row in seen.iter().map(|(index, one)| Row::of(*index, one)) {
        let [index, time, kind, ended] = ["index", "time", "kind", "outcome"].map(|column| row.cell(column));
        lines.push(head(format!("{index}  {time}  {kind}  {ended}")));
        lines.push(plain(row.some(&["organisation", "person", "role", "function", "purpose"])));
        for (word, column) in [
            ("about", "subject"),
            ("on behalf of", "responsible"),
            ("given", "given"),
            ("on the basis of", "basis"),
            ("withheld", "withheld"),
            ("from", "network"),
        ] {
            let text = row.cell(column);
            lines.extend((!text.is_empty()).then(|| plain(format!("{word}: {text}"))));
        }
        lines.push(plain(String::new()));
    }
    pdf::pages(&title, &lines, "The note beside this file signs it.")
}

/// The name if the record has one, else the id.
fn name(person: Option<&Person>) -> String {
    person.map(|p| p.name.clone().unwrap_or_else(|| p.id.clone())).unwrap_or_default()
}

fn outcome(entry: &Entry) -> String {
    match &entry.outcome {
        Outcome::Success => "success".to_owned(),
        Outcome::Partial(why) | Outcome::Refused(why) | Outcome::Failed(why) => why.clone(),
    }
}

fn given(entry: &Entry) -> String {
    let one = |holder: &str, classes: &[String]| format!("{holder}: {}", classes.join(" "));
    let all = entry.shares.iter().flat_map(|s| s.given.iter().map(|g| one(&s.holder.id, &g.classes)));
    all.collect::<Vec<_>>().join("; ")
}

/// On what the holder may send and the asker receive, in the order of what was given.
fn basis(entry: &Entry) -> String {
    let all = entry.shares.iter().flat_map(|share| {
        share.given.iter().map(|given| format!("{}: {} / {}", share.holder.id, given.sender, given.receiver))
    });
    all.collect::<Vec<_>>().join("; ")
}

fn withheld(entry: &Entry) -> String {
    let one = |holder: &str, why: &str, classes: &[String]| format!("{holder}, {why}: {}", classes.join(" "));
    let all =
        entry.shares.iter().flat_map(|s| s.withheld.iter().map(|w| one(&s.holder.id, &w.reason, &w.classes)));
    all.collect::<Vec<_>>().join("; ")
}

/// RFC 4180; a cell that a spreadsheet would run as a formula is marked as text.
pub(super) fn cell(text: &str) -> String {
    let text = text.replace('"', "\"\"");
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    format!("\"{}{text}\"", if formula { "'" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn a_cell_is_quoted_and_never_run_as_a_formula() {
        for (text, written) in [
            ("plain", "\"plain\""),
            ("a \"b\", c", "\"a \"\"b\"\", c\""),
            ("=1+1", "\"'=1+1\""),
            ("@x", "\"'@x\""),
            ("", "\"\""),
        ] {
            assert_eq!(cell(text), written);
        }
    }
}
