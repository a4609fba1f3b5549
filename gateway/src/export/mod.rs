//! A person's, an officer's or a supervisor's part of the journal as a file, with a signature that anybody can check without us: a C2SP
//! signed note under the journal's key. Its first line is never a log's origin, so that no note of an export passes for
//! a checkpoint. Blocking.

mod pdf;
mod source;
mod table;
mod traffic;

pub use source::{Copy, Source};
pub use traffic::traffic;

use crate::desk::Refused;
use crate::lens::{Lens, Seen, Unreadable, see_in};
use crate::store;
use crate::store::keys::PersonNo;
use crate::store::leaf::Leaf;
use crate::store::outward::{Named, PERSON};
use consent::Period;
use data_encoding::BASE64;
use fhir_mappings::audit::{Detail, Kind};
use fhir_mappings::identifiers::Identifier;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sluis_journal::COUNTERSIGNERS;
use table::{csv, printed};

/// The forms that an export may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// One line a record: position, stored leaf, its proof, the AuditEvent.
    Ndjson,
    /// A FHIR Bundle (collection) of AuditEvents.
    Bundle,
    /// A table for people.
    Csv,
    /// Pages to print.
    Pdf,
}

impl Format {
    /// The word for records and notes.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Bundle => "bundle",
            Self::Csv => "csv",
            Self::Pdf => "pdf",
        }
    }
}

/// A file and the note that signs it.
pub struct Export {
    /// The content.
    pub content: Vec<u8>,
    /// The signed note about the content: count of records and SHA-256.
    pub note: String,
    /// How many records.
    pub records: usize,
}

impl std::fmt::Debug for Export {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Export({} records)", self.records)
    }
}

/// For whom an export is.
#[derive(Debug, Clone, Copy)]
pub enum Reader<'a> {
    /// The person it is about.
    Person(&'a Identifier),
    /// The officer of a participant: what the own organisation asked or was asked about a person.
    Officer {
        /// Whom it is about.
        about: &'a Identifier,
        /// The participant.
        participant: &'a str,
    },
    /// Who supervises a participant by law, of a stretch of time: what it asked and was asked, of everybody, and what was
    /// changed in rules, keys and certificates. Persons bear ids made for this reader, by which nobody else knows them.
    Supervisor {
        /// Who reads.
        name: &'a str,
        /// The participant.
        participant: &'a str,
        /// Of when.
        period: &'a Period,
    },
}

impl Reader<'_> {
    fn word(&self) -> &str {
        match self {
            Self::Person(_) => "person",
            Self::Officer { participant, .. } => participant,
            Self::Supervisor { name, .. } => name,
        }
    }
}

/// Exports what the journal says to this reader. The record that it was done is durable before anything is handed out; a
/// cold copy takes none.
///
/// # Errors
/// When nobody is known by this identifier or there is no such participant; when it is more than one file may hold; when
/// the journal takes no record.
pub fn export(source: &dyn Source, reader: Reader<'_>, format: Format) -> Result<Export, Refused> {
    let (person, seen) = match reader {
        Reader::Person(about) => of_person(source, about, None)?,
        Reader::Officer { about, participant } => of_person(source, about, Some(participant))?,
        Reader::Supervisor { name, participant, period } => {
            (None, of_participant(source, name, participant, period)?)
        }
    };
    let mut more = vec![("for", reader.word())];
    if let Reader::Supervisor { participant, .. } = reader {
        more.push(("participant", participant));
    }
    record(source, person, format, seen.len(), &more)?;
    let content = match format {
        Format::Ndjson => ndjson(&seen, source)?.into_bytes(),
        Format::Bundle => bundle(&seen, source).into_bytes(),
        Format::Csv => csv(&seen).into_bytes(),
        Format::Pdf => printed(&seen, &reader, source),
    };
    let note = sign(&content, seen.len(), format, source)?;
    Ok(Export { content, note, records: seen.len() })
}

/// Records that something is handed out.
fn record(
    source: &dyn Source,
    person: Option<PersonNo>,
    format: Format,
    count: usize,
    more: &[(&str, &str)],
) -> Result<(), Refused> {
    let count = count.to_string();
    let usual = [("command", "export"), ("format", format.code()), ("records", &count)];
    let details = usual.iter().chain(more);
    let details = details.map(|(name, value)| Detail { name: (*name).into(), value: (*value).into() });
    source.record(person, details.collect())
}

type Records = Vec<(u64, Seen)>;

fn of_person(
    source: &dyn Source,
    about: &Identifier,
    officer: Option<&str>,
) -> Result<(Option<PersonNo>, Records), Refused> {
    let person = source.person(about)?;
    if let Some(id) = officer {
        known(source, id)?;
    }
    let lens = officer.map_or(Lens::Person, Lens::Officer);
    // Made for this reader alone: an id that nobody else can join on.
    let name = source.outward().seal(officer.unwrap_or("export"), Named { person, tag: PERSON });
    let mut seen = Vec::new();
    for index in source.timeline(person)? {
        seen.extend(see_in(index, &lens, &name, source.records(), source.keys())?.map(|one| (index, one)));
    }
    Ok((Some(person), seen))
}

impl From<Unreadable> for Refused {
    /// A file that lacks a record would be signed as if it were whole.
    fn from(Unreadable(index): Unreadable) -> Self {
        Self::new("unreadable", format!("record {index} cannot be read: nothing is exported without it"))
    }
}

/// The records of a period, each read or the reason why the whole export stops: one that is left out unseen is worse.
fn of_period<'w>(
    source: &'w dyn Source,
    period: &'w Period,
) -> impl Iterator<Item = (u64, Result<Leaf, Unreadable>)> + 'w {
    let records = source.records();
    let leaves = source.around(period).into_iter().flatten().map(move |index| {
        let leaf = records.read(index).ok().and_then(|record| Leaf::parse(&record).ok());
        (index, leaf.ok_or(Unreadable(index)))
    });
    leaves.filter(|(_, leaf)| leaf.as_ref().map_or(true, |leaf| period.contains(leaf.time)))
}

fn of_participant(
    source: &dyn Source,
    reader: &str,
    participant: &str,
    period: &Period,
) -> Result<Records, Refused> {
    known(source, participant)?;
    let reads_as = format!("supervisor {reader}");
    let mut seen = Vec::new();
    for (index, leaf) in of_period(source, period) {
        let leaf = leaf?;
        let name = match leaf.tag_bytes() {
            // A forgotten year opens to nobody.
            Some(tag) => source
                .keys()
                .by_tag(&tag)
                .map(|(person, _)| source.outward().seal(&reads_as, Named { person, tag: PERSON })),
            None => Some(String::new()),
        };
        let Some(name) = name else { continue };
        let lens = match leaf.kind {
            Kind::Rules | Kind::Key | Kind::Certificate | Kind::Restart if leaf.tag.is_none() => Lens::Person,
            _ => Lens::Officer(participant),
        };
        seen.extend(see_in(index, &lens, &name, source.records(), source.keys())?.map(|one| (index, one)));
        if seen.len() > RECORDS_MAX {
            return Err(Refused::new(
                "too-many",
                format!("more than {RECORDS_MAX} records: ask for a shorter period"),
            ));
        }
    }
    Ok(seen)
}

/// So many are held in memory at once.
const RECORDS_MAX: usize = 100_000;

fn known(source: &dyn Source, participant: &str) -> Result<(), Refused> {
    let unknown = || Refused::new("unknown-participant", "there is no such participant");
    source.takes_part(participant)?.then_some(()).ok_or_else(unknown)
}

fn event(index: u64, seen: &Seen, source: &dyn Source) -> Option<Value> {
    seen.render(index, source.origin()).and_then(|(_, bytes)| serde_json::from_slice(&bytes).ok())
}

fn ndjson(seen: &[(u64, Seen)], source: &dyn Source) -> Result<String, Refused> {
    let mut lines = String::new();
    for (index, one) in seen {
        let proof = source.prove(*index);
        let proof =
            proof.map_err(|e| Refused::new("unreadable", format!("record {index} cannot be proven: {e}")))?;
        let line = json!({"index": index, "proof": proof, "event": event(*index, one, source)});
        lines.push_str(&line.to_string());
        lines.push('\n');
    }
    Ok(lines)
}

fn bundle(seen: &[(u64, Seen)], source: &dyn Source) -> String {
    let entries = seen.iter().filter_map(|(index, one)| {
        let event = event(*index, one, source)?;
        Some(json!({"fullUrl": source.address(*index), "resource": event}))
    });
    let entries: Vec<Value> = entries.collect();
    let mut bundle = json!({"resourceType": "Bundle", "type": "collection"});
    if let (false, Some(members)) = (entries.is_empty(), bundle.as_object_mut()) {
        members.insert("entry".into(), entries.into());
    }
    bundle.to_string()
}

/// The note: `<origin> export`, count, SHA-256 in base64, form, instant; signed as C2SP signs (Ed25519), by the keys of
/// the journal before the current one too: whoever knows one of them can check it.
fn sign(content: &[u8], records: usize, format: Format, source: &dyn Source) -> Result<String, Refused> {
    let origin = source.origin();
    let hash = BASE64.encode(digest(&SHA256, content).as_ref());
    let text = format!("{origin} export\n{records}\n{hash}\n{}\n{}\n", format.code(), source.now());
    let signers = store::signers(source.keys(), origin);
    let signers = signers.map_err(|e| Refused::new("keys", e.to_string()))?;
    let lines = signers.iter().take(COUNTERSIGNERS).map(|signer| signer.line(&text) + "\n");
    Ok(format!("{text}\n{}", lines.collect::<String>()))
}
