//! What an export is made from: the running gateway, or a cold copy of its folder.

use super::Export;
use crate::desk::{self, Refused};
use crate::store;
use crate::store::facts::{Change, Fact};
use crate::store::keys::{Keys, PersonNo};
use crate::store::leaf::Leaf;
use crate::store::outward::OutwardIds;
use crate::store::whole::{Whole, Word};
use crate::world::World;
use consent::Period;
use fhir_mappings::audit::{Action, Detail, Kind};
use fhir_mappings::identifiers::Identifier;
use jiff::Timestamp;
use sluis_journal::{Archive, Proof, ReadError, Records};
use std::collections::HashSet;
use std::ops::Range;
use std::path::Path;

/// Where a journal and what opens it stand.
pub trait Source {
    /// The key ring.
    fn keys(&self) -> &Keys;
    /// The journal.
    fn records(&self) -> &Records;
    /// Maker of the ids by which a reader knows a person.
    fn outward(&self) -> &OutwardIds;
    /// The journal's origin.
    fn origin(&self) -> &str;
    /// The present moment.
    fn now(&self) -> Timestamp;
    /// An absolute address of a record's event.
    fn address(&self, index: u64) -> String;
    /// Who is known by this identifier.
    ///
    /// # Errors
    /// When nobody is, or it cannot be told.
    fn person(&self, identifier: &Identifier) -> Result<PersonNo, Refused>;
    /// Indexes of the records about a person, oldest first.
    ///
    /// # Errors
    /// When it cannot be told.
    fn timeline(&self, person: PersonNo) -> Result<Vec<u64>, Refused>;
    /// Whether there is such a participant.
    ///
    /// # Errors
    /// When it cannot be told.
    fn takes_part(&self, id: &str) -> Result<bool, Refused>;
    /// Indexes among which every record of a period stands.
    fn around(&self, period: &Period) -> Vec<Range<u64>>;
    /// That a record stands in the journal.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn prove(&self, index: u64) -> Result<Proof, ReadError>;
    /// Records that something is handed out, where there is a journal that takes records.
    ///
    /// # Errors
    /// When the journal takes none.
    fn record(&self, about: Option<PersonNo>, details: Vec<Detail>) -> Result<(), Refused>;
}

fn unreadable(e: &dyn std::fmt::Display) -> Refused {
    Refused::new("unreadable", e.to_string())
}

impl Source for World {
    fn keys(&self) -> &Keys {
        self.store.keys()
    }

    fn records(&self) -> &Records {
        self.store.records()
    }

    fn outward(&self) -> &OutwardIds {
        &self.outward
    }

    fn origin(&self) -> &str {
        &self.settings.origin
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn address(&self, index: u64) -> String {
        format!("{}AuditEvent/r{index}", self.settings.base)
    }

    fn person(&self, identifier: &Identifier) -> Result<PersonNo, Refused> {
        desk::known_person(self, identifier)
    }

    fn timeline(&self, person: PersonNo) -> Result<Vec<u64>, Refused> {
        self.store.timeline(person).map_err(|e| unreadable(&e))
    }

    fn takes_part(&self, id: &str) -> Result<bool, Refused> {
        Ok(self.store.trust().participant(id).is_some())
    }

    fn around(&self, period: &Period) -> Vec<Range<u64>> {
        self.store.around(period)
    }

    fn prove(&self, index: u64) -> Result<Proof, ReadError> {
        self.store.log().prove(index)
    }

    fn record(&self, about: Option<PersonNo>, details: Vec<Detail>) -> Result<(), Refused> {
        let mut draft = desk::draft(Kind::AuditRead, Action::Read, self, about);
        draft.entry.details.extend(details);
        Ok(self.store.record_blocking(draft, None).map(drop)?)
    }
}

/// A copy of the folder that nobody serves. Nothing is written to it, no record of an export either.
#[derive(Debug)]
pub struct Copy {
    keys: Keys,
    outward: OutwardIds,
    origin: String,
    journal: Archive,
    holdings: Records,
}

impl Copy {
    /// Opens a copy with its key ring.
    ///
    /// # Errors
    /// When it cannot be read, or shows that it is not whole: what is exported of it would look as if it were.
    pub fn open(dir: &Path, keys: Keys, origin: String) -> Result<Self, Refused> {
        let verifiers = store::journal_keys(&keys, &origin).map_err(|e| unreadable(&e))?;
        let folder = dir.join("journal");
        if let Some(finding) = Archive::lacks(&folder, &verifiers) {
            return Err(Refused::new("unreadable", format!("this is not the whole journal: {finding}")));
        }
        let journal = Archive::open(&folder, &verifiers).map_err(|e| unreadable(&e))?;
        let holdings = Archive::records_of(&dir.join("holdings")).map_err(|e| unreadable(&e))?;
        let outward = OutwardIds::new(&keys).map_err(|e| unreadable(&e))?;
        Ok(Self { keys, outward, origin, journal, holdings })
    }

    fn each_leaf<T>(&self, mut tell: impl FnMut(u64, Leaf) -> T) -> Result<Vec<T>, Refused> {
        let leaves = self.journal.records().from(0).map(|record| {
            let (index, record) = record.map_err(|e| unreadable(&e))?;
            let leaf = Leaf::parse(&record).map_err(|e| unreadable(&format!("record {index}: {e}")))?;
            Ok(tell(index, leaf))
        });
        leaves.collect()
    }

    /// The first that `find` makes of a change that the journal vouches for; what does not go together is no answer.
    fn in_changes<T>(&self, find: impl Fn(&Change) -> Option<T>) -> Result<Option<T>, Refused> {
        let mut whole = Whole::default();
        let heard = self.each_leaf(|index, leaf| whole.record(index, &leaf))?;
        heard.into_iter().collect::<Result<(), _>>().map_err(|e| unreadable(&e))?;
        for record in self.holdings.from(0) {
            let (index, record) = record.map_err(|e| unreadable(&format!("holdings: {e}")))?;
            if whole.holding(&record).map_err(|e| unreadable(&e))? == Word::Nobody {
                continue;
            }
            let change = Change::open(&self.keys, &record);
            let change = change.map_err(|e| unreadable(&format!("holdings: record {index}: {e}")))?;
            if let Some(found) = find(&change) {
                return Ok(Some(found));
            }
        }
        whole.end().map(|()| None).map_err(|e| unreadable(&e))
    }
}

impl Source for Copy {
    fn keys(&self) -> &Keys {
        &self.keys
    }

    fn records(&self) -> &Records {
        self.journal.records()
    }

    fn outward(&self) -> &OutwardIds {
        &self.outward
    }

    fn origin(&self) -> &str {
        &self.origin
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// A copy does not know where its gateway answered.
    fn address(&self, index: u64) -> String {
        format!("urn:sluis:record#{index}")
    }

    fn person(&self, identifier: &Identifier) -> Result<PersonNo, Refused> {
        let named = |change: &Change| {
            let known = change.facts.iter().any(|fact| match fact {
                Fact::Identity { identifiers, .. } => identifiers
                    .iter()
                    .any(|(system, value)| system == identifier.system() && value == identifier.value()),
                _ => false,
            });
            change.person.filter(|_| known)
        };
        let nobody = || Refused::new("unknown-person", "nobody is known by this identifier");
        self.in_changes(named)?.ok_or_else(nobody)
    }

    fn timeline(&self, person: PersonNo) -> Result<Vec<u64>, Refused> {
        let tags: HashSet<_> = self.keys.tags(person).into_iter().map(|(_, tag)| tag).collect();
        let theirs =
            |index, leaf: Leaf| leaf.tag_bytes().is_some_and(|tag| tags.contains(&tag)).then_some(index);
        Ok(self.each_leaf(theirs)?.into_iter().flatten().collect())
    }

    fn takes_part(&self, id: &str) -> Result<bool, Refused> {
        let registered = |change: &Change| {
            let named = change.facts.iter().any(|fact| match fact {
                Fact::Participant { document } => document.get("id").is_some_and(|known| known == id),
                _ => false,
            });
            named.then_some(())
        };
        Ok(self.in_changes(registered)?.is_some())
    }

    /// All of it: a copy has no index of times.
    fn around(&self, _: &Period) -> Vec<Range<u64>> {
        std::iter::once(0..self.records().len()).collect()
    }

    fn prove(&self, index: u64) -> Result<Proof, ReadError> {
        self.journal.prove(index)
    }

    fn record(&self, _: Option<PersonNo>, _: Vec<Detail>) -> Result<(), Refused> {
        Ok(())
    }
}

impl Export {
    /// Writes the file and, beside it, the note that signs it; neither may exist. Gives what is said of them.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn keep(&self, to: &Path, as_json: bool) -> Result<String, Refused> {
        let mut note_name = to.file_name().unwrap_or_default().to_owned();
        note_name.push(".note");
        let signed_by = to.with_file_name(note_name);
        for (file, bytes) in [(to, self.content.as_slice()), (signed_by.as_path(), self.note.as_bytes())] {
            write_new(file, bytes)
                .map_err(|e| Refused::new("export-failed", format!("{}: {e}", file.display())))?;
        }
        if as_json {
            return Ok(
                serde_json::json!({"file": to, "note": signed_by, "records": self.records}).to_string()
            );
        }
        Ok(format!("{} records in {}, signed in {}", self.records, to.display(), signed_by.display()))
    }
}

/// A file that only its owner may read, and that was not there.
fn write_new(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut out = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    out.write_all(bytes)?;
    out.sync_all()
}
