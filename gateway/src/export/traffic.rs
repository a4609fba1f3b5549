//! The traffic of a region: how often who asked whom, for what and how it ended, by day. For the regional officer, who
//! sees that something is unusual and knows nobody: no person, no employee, no class, no count that stands for a few.

use super::table::cell;
use super::{Export, Format, Source, of_period, pdf, record, sign};
use crate::desk::Refused;
use crate::lens::Unreadable;
use crate::store::leaf::LeafError;
use consent::Period;
use consent::period::day_of;
use fhir_mappings::audit::{Entry, Kind, Outcome, Share};
use jiff::civil::Date;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write;

/// A count below this is told as a few: who knows the region could tell who it was.
const FEW: u64 = 5;

/// So many rows are held in memory at once.
const ROWS_MAX: usize = 100_000;

/// What is counted together.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Cell {
    day: Date,
    asker: String,
    function: String,
    purpose: String,
    emergency: bool,
    holder: String,
    outcome: String,
}

impl Cell {
    fn columns(&self) -> [(&'static str, String); 7] {
        [
            ("day", self.day.to_string()),
            ("asker", self.asker.clone()),
            ("function", self.function.clone()),
            ("purpose", self.purpose.clone()),
            ("emergency", if self.emergency { "yes" } else { "no" }.to_owned()),
            ("holder", self.holder.clone()),
            ("outcome", self.outcome.clone()),
        ]
    }
}

/// Counts what was asked between two days, both included. The record that it was done is durable before anything is
/// handed out.
///
/// # Errors
/// When the period is no period, the form is a Bundle (there is no event in it), a record cannot be read, there are too
/// many rows, or the journal takes no record.
pub fn traffic(
    source: &dyn Source,
    reader: &str,
    period: &Period,
    format: Format,
) -> Result<Export, Refused> {
    let render = match format {
        Format::Csv => csv,
        Format::Ndjson => ndjson,
        Format::Pdf => printed,
        Format::Bundle => {
            return Err(Refused::new("usage", "counts are no events: choose csv, ndjson or pdf"));
        }
    };
    let cells = count(source, period)?;
    record(source, None, format, cells.len(), &[("for", &format!("regional {reader}"))])?;
    let content = render(&cells, reader, source);
    let note = sign(&content, cells.len(), format, source)?;
    Ok(Export { content, note, records: cells.len() })
}

fn count(source: &dyn Source, period: &Period) -> Result<BTreeMap<Cell, u64>, Refused> {
    let mut cells = BTreeMap::new();
    for (index, leaf) in of_period(source, period) {
        let leaf = leaf?;
        if !matches!(leaf.kind, Kind::Answered | Kind::Refused | Kind::TokenRefused) {
            continue;
        }
        let entry = match leaf.open(source.keys()) {
            Ok(entry) => entry,
            // A forgotten year opens to nobody, and counts no more.
            Err(LeafError::Forgotten) => continue,
            Err(_) => return Err(Unreadable(index).into()),
        };
        for cell in cells_of(&entry, day_of(leaf.time)) {
            *cells.entry(cell).or_default() += 1;
        }
        if cells.len() > ROWS_MAX {
            return Err(Refused::new(
                "too-many",
                format!("more than {ROWS_MAX} rows: ask for a shorter period"),
            ));
        }
    }
    Ok(cells)
}

/// One for each holder that was asked, or one where no holder was.
fn cells_of(entry: &Entry, day: Date) -> Vec<Cell> {
    let cell = |holder: String, outcome: &str| Cell {
        day,
        asker: entry.organisation.as_ref().map(|o| o.id.clone()).unwrap_or_default(),
        function: entry.function.clone().unwrap_or_default(),
        purpose: entry.purpose.clone().unwrap_or_default(),
        emergency: entry.emergency.is_some(),
        holder,
        outcome: outcome.to_owned(),
    };
    if entry.shares.is_empty() {
        return vec![cell(String::new(), whole(&entry.outcome))];
    }
    entry.shares.iter().map(|share| cell(share.holder.id.clone(), of(share))).collect()
}

fn whole(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Success => "answered",
        // What lies behind the outward reason is the person's choice.
        Outcome::Partial(why) | Outcome::Refused(why) | Outcome::Failed(why) => {
            why.split('/').next().unwrap_or_default()
        }
    }
}

fn of(share: &Share) -> &'static str {
    match (share.failed.is_some(), share.given.is_empty(), share.withheld.is_empty()) {
        (true, ..) => "failed",
        (_, true, _) => "withheld",
        (_, false, true) => "given",
        (_, false, false) => "given in part",
    }
}

/// The count as it is told.
fn told(count: u64) -> String {
    if count < FEW { format!("1-{}", FEW - 1) } else { count.to_string() }
}

fn csv(cells: &BTreeMap<Cell, u64>, _reader: &str, _source: &dyn Source) -> Vec<u8> {
    let mut table = String::from("day,asker,function,purpose,emergency,holder,outcome,count\r\n");
    for (one, count) in cells {
        let row = one.columns().map(|(_, text)| cell(&text)).join(",");
        // Writing to a string does not fail.
        let _written = write!(table, "{row},{}\r\n", cell(&told(*count))).is_ok();
    }
    table.into_bytes()
}

fn ndjson(cells: &BTreeMap<Cell, u64>, _reader: &str, _source: &dyn Source) -> Vec<u8> {
    let mut lines = String::new();
    for (cell, count) in cells {
        let mut line: serde_json::Map<String, serde_json::Value> =
            cell.columns().into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect();
        line.insert("emergency".into(), cell.emergency.into());
        line.insert("count".into(), if *count < FEW { json!(told(*count)) } else { json!(count) });
        lines.push_str(&json!(line).to_string());
        lines.push('\n');
    }
    lines.into_bytes()
}

fn printed(cells: &BTreeMap<Cell, u64>, reader: &str, source: &dyn Source) -> Vec<u8> {
    let title = format!("{} - traffic", source.origin());
    let line = |text: String, heads: bool| pdf::Line { text, heads };
    let mut lines = vec![
        line(title.clone(), true),
        line(format!("for {reader}; {} rows; made {}", cells.len(), source.now()), false),
        line(format!("A count below {FEW} is told as 1-{}: it could tell who it was.", FEW - 1), false),
        line(String::new(), false),
    ];
    let mut day = None;
    for (cell, count) in cells {
        if day.replace(cell.day) != Some(cell.day) {
            lines.push(line(cell.day.to_string(), true));
        }
        let holder = if cell.holder.is_empty() { "nobody" } else { &cell.holder };
        let who = [&cell.asker, &cell.function, &cell.purpose].map(String::as_str);
        let who = who.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
        let emergency = if cell.emergency { ", emergency" } else { "" };
        let outcome = &cell.outcome;
        lines.push(line(format!("{}  {who}{emergency} > {holder}: {outcome}", told(*count)), false));
    }
    pdf::pages(&title, &lines, "The note beside this file signs it.")
}

#[cfg(test)]
mod tests {
    use super::{cells_of, told};
    use fhir_mappings::audit::{Action, Coding, Entry, Holder, Interaction, Kind, Outcome, Share};
    use jiff::civil::date;

    #[test]
    fn a_few_are_told_as_a_few() {
        assert_eq!([1, 4, 5, 6].map(told), ["1-4", "1-4", "5", "6"]);
    }

    #[test]
    fn each_holder_counts_apart_and_no_reason_of_a_person_is_told() {
        let holder = |id: &str| Holder {
            id: id.into(),
            identifier: Coding { system: "s".into(), code: "c".into() },
            country: "NL".into(),
        };
        let share = |id: &str, failed: Option<&str>| Share {
            holder: holder(id),
            given: vec![],
            withheld: vec![],
            resources: 0,
            failed: failed.map(str::to_owned),
        };
        let refused = Outcome::Refused("not-permitted/refused".into());
        let mut entry = Entry::new(Kind::Refused, Action::Read, Interaction::Search, refused);
        let outcomes = |entry: &Entry| {
            let cells = cells_of(entry, date(2026, 11, 21));
            cells.into_iter().map(|cell| (cell.holder, cell.outcome)).collect::<Vec<_>>()
        };
        assert_eq!(outcomes(&entry), [(String::new(), "not-permitted".to_owned())]);
        entry.shares = vec![share("one", None), share("other", Some("slow"))];
        assert_eq!(
            outcomes(&entry),
            [("one".to_owned(), "withheld".to_owned()), ("other".to_owned(), "failed".to_owned())]
        );
    }
}
