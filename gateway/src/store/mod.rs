//! What must not be lost, what proves it, and the view over both.
//!
//! Order of a change: holdings synced, journal synced, view applied, acknowledged. A disclosure is fenced: the writer
//! turns it away when the person's state or the trust list moved after it was decided (DESIGN.md 2). What it must
//! not do: decide, or know HTTP.

mod apply;
mod errors;
pub mod facets;
pub mod facts;
pub mod forgetting;
mod inner;
pub mod keys;
pub mod leaf;
mod opening;
pub mod outward;
mod passing;
pub mod seal;
pub mod state;
pub mod view;
pub mod whole;

pub use errors::{RecordError, StoreError};
pub use opening::Lacks;

use crate::trust::{Trust, TrustCell};
use facts::{Change, Fact};
use fhir_mappings::audit::Protocol;
use fhir_mappings::identifiers::Identifier;
use inner::{Inner, MOVED};
use keys::{KeyError, Keys, Named, PersonNo, Use};
use leaf::{Draft, Drafts, Leaf};
use outward::OutwardIds;
use seal::Key;
use sluis_journal::{Entry, Log, Placed, Records, Signer, Verdict, VerifierKey};
use state::{Hosted, PersonState};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use view::{EngineKind, Index, Reflects, ViewError};
use whole::{Held, Unsound};

/// Where the four folders are.
#[derive(Debug, Clone)]
pub struct Folders {
    /// The folder that holds `journal/`, `holdings/`, `keys/` and `view/`.
    pub root: PathBuf,
    /// The master key.
    pub master_key: Key,
    /// The journal's origin (C2SP checkpoint).
    pub origin: String,
    /// Which engine carries the view.
    pub engine: EngineKind,
}

/// What a disclosure or change was decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    /// The person, and the version of the state that was read.
    pub person: Option<(PersonNo, u64)>,
    /// Epoch of the trust list that was read.
    pub trust: u64,
}

/// What a start found and did.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Whether the view was rebuilt from nothing.
    pub rebuilt: bool,
    /// Records folded into the view at this start.
    pub caught_up: u64,
    /// A torn tail that was closed with a record.
    pub torn: bool,
    /// Whether there was no record at all.
    pub fresh: bool,
    /// Records `asked` that nothing closed: whoever asked got no answer.
    pub open: Vec<Leaf>,
    /// Assertions that were burnt and may still count: keyed hash and when it may be forgotten.
    pub burnt: Vec<(String, i64)>,
}

/// The opened store.
pub struct Store {
    inner: Arc<Inner>,
    log: Log,
    /// Records are missing that somebody saw: no entry is taken until an operator knows.
    held_back: AtomicBool,
    /// Records are missing that a view of before saw: the same.
    lacks: Mutex<Option<Lacks>>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// The key ring.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.inner.keys
    }

    /// The current trust list.
    #[must_use]
    pub fn trust(&self) -> Arc<Trust> {
        self.inner.trust.load()
    }

    /// The trust list as the listener follows it.
    #[must_use]
    pub fn trust_cell(&self) -> Arc<TrustCell> {
        Arc::clone(&self.inner.trust)
    }

    /// Maker and reader of outward ids.
    ///
    /// # Errors
    /// When the ring has no such keys.
    pub fn outward(&self) -> Result<OutwardIds, KeyError> {
        OutwardIds::new(&self.inner.keys)
    }

    /// The records of `holdings/`: for telling the past again.
    #[must_use]
    pub fn holdings(&self) -> &Records {
        &self.inner.holdings
    }

    /// The journal's records.
    #[must_use]
    pub fn records(&self) -> &Records {
        &self.inner.records
    }

    /// The log itself, for checkpoints and proofs.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The key that checks the journal's checkpoints, as C2SP writes it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn journal_key(&self, origin: &str) -> Result<String, StoreError> {
        verifier(&self.inner.keys.current(Use::JournalSigning)?, origin)
    }

    /// Takes a key into the ring, where it was not yet, and works with it from now on.
    ///
    /// # Errors
    /// See [`StoreError`]. A key that the ring did not take changes nothing; one that it took and the running program could
    /// not work with counts from the next start.
    pub fn turn(&self, fresh: Named, origin: &str) -> Result<(), StoreError> {
        let (keys, which) = (&self.inner.keys, fresh.which());
        keys.adopt(fresh)?;
        match which {
            Use::Pseudonym => self.inner.pseudonyms.store(Arc::new(keys.opening(which)?)),
            Use::View => self.inner.view.take_keys(&view_keys(keys)?)?,
            Use::JournalSigning => {
                self.log.sign_with(signer_of(&keys.current(which)?, origin)?);
            }
            // Read from the ring each time, or held by whoever makes ids, links and tokens.
            Use::General | Use::OutwardId | Use::Page | Use::TokenSigning => {}
        }
        Ok(())
    }

    /// Whether the view follows the truth.
    #[must_use]
    pub fn view_is_sound(&self) -> bool {
        !self.inner.view_broken.load(Ordering::Acquire)
    }

    /// The person that one of these identifiers names; `None` when nobody does.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub fn find_person(&self, identifier: &Identifier) -> Result<Option<PersonNo>, ViewError> {
        self.inner.reading(|inner| inner.find_person(identifier.system(), identifier.value()))
    }

    /// A number for a person not known yet; taken whether or not it is then used.
    #[must_use]
    pub fn new_person(&self) -> PersonNo {
        PersonNo(self.inner.next_person.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// The present state of a person.
    ///
    /// # Errors
    /// See [`ViewError`]; also when the view cannot follow the truth.
    pub fn person(&self, person: PersonNo) -> Result<PersonState, ViewError> {
        self.inner.reading(|inner| apply::person_state(&inner.view, person))
    }

    /// Every person's present state, a bounded number at a time, in the order of their numbers.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub fn each_person(&self, mut tell: impl FnMut(PersonNo, PersonState)) -> Result<(), ViewError> {
        let last = self.inner.next_person.load(Ordering::Relaxed);
        // Numbers are written big-endian: all but the last byte is the prefix of 256 of them.
        for block in 0..=(last >> 8) {
            let people = self.inner.reading(|inner| apply::people(&inner.view, block))?;
            people.into_iter().for_each(|(person, state)| tell(person, state));
        }
        Ok(())
    }

    /// What a hosted holder holds of a person.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub fn hosted(&self, person: Option<PersonNo>, holder: &str) -> Result<Vec<Hosted>, ViewError> {
        self.inner.reading(|inner| apply::hosted(&inner.view, person, holder))
    }

    /// A change as it lies in `holdings/`, with the bytes of its resources.
    ///
    /// # Errors
    /// When the record cannot be read, or its person was forgotten.
    pub fn holding(&self, index: u64) -> Result<Change, StoreError> {
        let record = self.inner.holdings.read(index)?;
        Change::open(&self.inner.keys, &record).map_err(|_| StoreError::Holdings(index))
    }

    /// A consent, relation or attestation as it was sent: the one with this id in this record of `holdings/`.
    ///
    /// # Errors
    /// As [`Store::holding`].
    pub fn as_sent(&self, record: u64, id: &str) -> Result<String, StoreError> {
        let change = self.holding(record)?;
        // Of two with one id in a change the later stands.
        let found = change.facts.iter().rev().filter_map(Fact::resource).find(|(known, _)| *known == id);
        found.map(|(_, wire)| wire.to_owned()).ok_or(StoreError::Holdings(record))
    }

    /// Indexes of the journal records about a person, oldest first.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub fn timeline(&self, person: PersonNo) -> Result<Vec<u64>, ViewError> {
        let mut indexes = self.inner.reading(|inner| {
            let mut indexes = Vec::new();
            for (_, tag) in inner.keys.tags(person) {
                indexes.extend(inner.timeline(b'p', &tag)?);
            }
            Ok(indexes)
        })?;
        indexes.sort_unstable();
        Ok(indexes)
    }

    /// Indexes of the journal records of what a participant asked, oldest first.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub fn asked_by(&self, participant: &str) -> Result<Vec<u64>, ViewError> {
        self.inner.reading(|inner| inner.timeline(b'o', participant.as_bytes()))
    }

    /// The rules that the last record of kind `rules` names.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn last_rules(&self) -> Result<Option<Vec<Protocol>>, StoreError> {
        let Some(index) = self.inner.view.get(Index::Registry, &apply::LAST_RULES)? else { return Ok(None) };
        let index: [u8; 8] = index.try_into().map_err(|_| ViewError::Damaged)?;
        let record = self.inner.records.read(u64::from_be_bytes(index))?;
        let entry = Leaf::parse(&record).and_then(|leaf| leaf.open(&self.inner.keys));
        Ok(entry.ok().map(|entry| entry.protocols))
    }

    /// Whether these rules are kept whole.
    ///
    /// # Errors
    /// When the view cannot be read.
    pub fn keeps_rules(&self, sha256: &str, followed_up: bool) -> Result<bool, StoreError> {
        Ok(self.inner.view.get(Index::Registry, &apply::rules_key(sha256, followed_up))?.is_some())
    }

    /// Records an entry that changes nothing.
    ///
    /// # Errors
    /// See [`RecordError`].
    pub async fn record(
        &self,
        draft: impl Into<Drafts>,
        fence: Option<Fence>,
    ) -> Result<Placed, RecordError> {
        let entry = self.record_entry(draft, fence)?;
        self.log.append(entry).await.map_err(RecordError::from)
    }

    /// As [`Store::record`], for threads.
    ///
    /// # Errors
    /// See [`RecordError`].
    pub fn record_blocking(
        &self,
        draft: impl Into<Drafts>,
        fence: Option<Fence>,
    ) -> Result<Placed, RecordError> {
        let entry = self.record_entry(draft, fence)?;
        self.log.append_blocking(entry).map_err(RecordError::from)
    }

    /// Takes no entry from now on, so that nothing is answered: what is not recorded is not released.
    pub fn hold_back(&self) {
        self.held_back.store(true, Ordering::Release);
    }

    /// Takes entries again.
    pub fn go_on(&self) {
        self.held_back.store(false, Ordering::Release);
    }

    /// Whether no entry is taken.
    #[must_use]
    pub fn is_held_back(&self) -> bool {
        self.held_back.load(Ordering::Acquire) || self.lacks().is_some()
    }

    /// Records why entries are to be taken again, while none is.
    ///
    /// # Errors
    /// See [`RecordError`].
    pub fn record_held_back(&self, draft: Draft) -> Result<Placed, RecordError> {
        let entry = self.entry(draft.into(), None)?;
        self.log.append_blocking(entry).map_err(RecordError::from)
    }

    fn taking(&self) -> Result<(), RecordError> {
        if self.is_held_back() { Err(RecordError::Unavailable) } else { Ok(()) }
    }

    /// Records an entry, and runs `work` on the journal's writer where it enters: what `work` sees is one moment, with
    /// nothing half-written. Blocking; `work` must be quick.
    ///
    /// # Errors
    /// See [`RecordError`].
    pub fn record_at<T: Send + 'static>(
        &self,
        draft: Draft,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, RecordError> {
        self.taking()?;
        let record = draft.seal(&self.inner.keys, Vec::new())?;
        let leaf = Leaf::parse(&record)?;
        let follow = Arc::clone(&self.inner);
        let (seen, saw) = std::sync::mpsc::sync_channel(1);
        let entry = Entry::of(vec![record])
            .when(move |_| match seen.send(work()) {
                Ok(()) => Verdict::Enter,
                Err(_) => Verdict::Reject(MOVED),
            })
            .then(move |placed| follow.follow(placed, None, std::slice::from_ref(&leaf)));
        self.log.append_blocking(entry)?;
        saw.recv().map_err(|_| RecordError::Unavailable)
    }

    /// Makes a change durable with its record, and visible. `trust` is the list that follows from it, if it concerns
    /// participants.
    ///
    /// # Errors
    /// See [`RecordError`].
    pub async fn change(
        &self,
        draft: impl Into<Drafts>,
        change: Change,
        fence: Option<Fence>,
        trust: Option<Trust>,
    ) -> Result<Placed, RecordError> {
        let entry = self.change_entry(draft, change, fence, trust)?;
        self.log.append(entry).await.map_err(RecordError::from)
    }

    /// As [`Store::change`], for threads.
    ///
    /// # Errors
    /// See [`RecordError`].
    pub fn change_blocking(
        &self,
        draft: impl Into<Drafts>,
        change: Change,
        fence: Option<Fence>,
        trust: Option<Trust>,
    ) -> Result<Placed, RecordError> {
        let entry = self.change_entry(draft, change, fence, trust)?;
        self.log.append_blocking(entry).map_err(RecordError::from)
    }

    fn record_entry(&self, drafts: impl Into<Drafts>, fence: Option<Fence>) -> Result<Entry, RecordError> {
        self.taking()?;
        self.entry(drafts.into(), fence)
    }

    fn entry(&self, drafts: Drafts, fence: Option<Fence>) -> Result<Entry, RecordError> {
        let (records, leaves) = self.seal(drafts, Vec::new())?;
        let (condition, follow) = (Arc::clone(&self.inner), Arc::clone(&self.inner));
        Ok(Entry::of(records)
            .when(move |_| condition.judge(fence))
            .then(move |placed| follow.follow(placed, None, &leaves)))
    }

    /// The records of one entry: the main one vouches for the holdings, the notices follow it.
    fn seal(&self, drafts: Drafts, holdings: Vec<String>) -> Result<(Vec<Vec<u8>>, Vec<Leaf>), RecordError> {
        let Drafts { main, beside } = drafts;
        let mut records = vec![main.seal(&self.inner.keys, holdings)?];
        for notice in beside {
            records.push(notice.seal(&self.inner.keys, Vec::new())?);
        }
        let leaves = records.iter().map(|record| Leaf::parse(record)).collect::<Result<_, _>>()?;
        Ok((records, leaves))
    }

    fn change_entry(
        &self,
        drafts: impl Into<Drafts>,
        change: Change,
        fence: Option<Fence>,
        trust: Option<Trust>,
    ) -> Result<Entry, RecordError> {
        self.taking()?;
        let mut drafts = drafts.into();
        let holding = change.seal(&self.inner.keys).map_err(|_| RecordError::Unfit)?;
        let hash = sha256_hex(&holding);
        for change in &mut drafts.main.entry.changes {
            change.sha256 = Some(hash.clone());
        }
        if let Some(emergency) = &mut drafts.main.entry.emergency {
            emergency.attestation = Some(hash.clone());
        }
        let (records, leaves) = self.seal(drafts, vec![hash])?;
        let (condition, follow) = (Arc::clone(&self.inner), Arc::clone(&self.inner));
        let (person, moves_trust) = (change.person, trust.is_some());
        let claims = apply::claims(&self.inner.pseudonyms.load(), &change);
        Ok(Entry::of(records)
            .with_holdings(vec![holding])
            .when(move |_| condition.judge_and_move(fence, person, &claims, moves_trust))
            .then(move |placed| {
                follow.follow(placed, Some(&change), &leaves);
                if let Some(trust) = trust {
                    // Moves once more: also what was decided between entering and this moment is decided again.
                    let mut fences = follow.lock();
                    fences.trust += 1;
                    follow.trust.replace(trust.at_epoch(fences.trust));
                }
            }))
    }

    /// Holds the journal and what it speaks of against each other, all of it.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn check(&self) -> Result<Held, Unsound> {
        whole::check(self.records(), self.holdings(), Some(self.keys()))
    }

    /// Builds the view anew from the truth while it serves: every fact is folded again, and a view that could not
    /// follow is sound again. Returns how many records were read.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn rebuild_view(&self) -> Result<u64, StoreError> {
        self.build(&mut self.inner.followed())
    }

    /// As [`Store::rebuild_view`], if the view is still broken when its turn comes.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn mend_view(&self) -> Result<u64, StoreError> {
        let mut followed = self.inner.followed();
        if self.view_is_sound() { Ok(0) } else { self.build(&mut followed) }
    }

    fn build(&self, followed: &mut Reflects) -> Result<u64, StoreError> {
        let built = self.inner.build(followed)?;
        // What nobody has acknowledged is remembered by the new one too.
        self.inner.view.set_gap(self.lacks().map(|lacks| lacks.seen))?;
        Ok(built)
    }

    /// Flushes the view and marks it as closed cleanly.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub fn close(&self) -> Result<(), ViewError> {
        // One that could not follow is not left behind to be trusted.
        if self.view_is_sound() {
            self.see_head()?;
            self.inner.view.close()
        } else {
            self.inner.view.discard()
        }
    }
}

/// SHA-256, hex.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref())
}

/// Oldest first.
fn view_keys(keys: &Keys) -> Result<Vec<Key>, KeyError> {
    let mut all = keys.opening(Use::View)?;
    all.reverse();
    Ok(all)
}

/// The keys that sign for a journal, newest first.
///
/// # Errors
/// See [`StoreError`].
pub fn signers(keys: &Keys, origin: &str) -> Result<Vec<Signer>, StoreError> {
    keys.all(Use::JournalSigning).iter().rev().map(|named| signer_of(named, origin)).collect()
}

fn signer_of(named: &Named, origin: &str) -> Result<Signer, StoreError> {
    let seed = named.secret().try_into().map_err(|_| StoreError::Origin)?;
    Signer::from_seed(origin, seed).map_err(|_| StoreError::Origin)
}

/// The key that checks what a journal key signs, as C2SP writes it.
///
/// # Errors
/// [`StoreError::Origin`].
pub fn verifier(named: &Named, origin: &str) -> Result<String, StoreError> {
    Ok(signer_of(named, origin)?.verifier().to_string())
}

/// The verifier keys of a folder's journal, current first: for commands that read a cold copy.
///
/// # Errors
/// See [`StoreError`].
pub fn journal_keys(keys: &Keys, origin: &str) -> Result<Vec<VerifierKey>, StoreError> {
    Ok(signers(keys, origin)?.iter().map(|signer| signer.verifier().clone()).collect())
}

/// Removes the view of a stopped gateway, so that the next start builds it anew.
///
/// # Errors
/// See [`ViewError`].
pub fn forget_view(root: &Path) -> Result<(), ViewError> {
    view::remove(&root.join("view"))
}
