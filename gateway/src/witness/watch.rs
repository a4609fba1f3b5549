//! How a gateway is witnessed: it shows its newest checkpoint every few seconds, remembers the newest cosigned one, and
//! holds everything back when the witness saw more than stands here, until an operator acknowledges what is missing.
//!
//! No release waits for a witness: this runs beside the road. Only who begins, and was not yet found to continue what the
//! witness saw, can be held back; a running journal does not lose records, so that later doubt is told and stops nothing.

use super::client::{Told, Witness};
use super::memory::Memory;
use crate::beginning;
use crate::desk::{self, Refused};
use crate::listen::management::Check;
use crate::outbound::Unreached;
use crate::store::Store;
use crate::world::World;
use data_encoding::BASE64;
use fhir_mappings::audit::{Action, Detail, Kind};
use sluis_journal::tree::leaf_hash;
use sluis_journal::{Checkpoint, Cosigned, Hash, ReadError};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The gateway's end of a witness.
pub struct Watch {
    witness: Witness,
    memory: Memory,
    origin: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    newest: Option<Newest>,
    standing: Standing,
    /// Whether the witness cosigned since this start: the journal continues what it saw.
    continues: bool,
}

struct Newest {
    note: String,
    cosigned: Cosigned,
    /// When it came; nothing when it was remembered from before this start.
    came: Option<Instant>,
}

/// How it stands between journal and witness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Standing {
    /// Not asked yet.
    #[default]
    Unasked,
    /// The newest checkpoint shown was cosigned.
    Good,
    /// It does not answer.
    Silent,
    /// It answers what is no answer, with this status.
    Odd(u16),
    /// It saw another history, and nobody has acknowledged that.
    Apart(Gap),
    /// It saw another history; an operator knows.
    Acknowledged(Gap),
}

/// What a witness saw that does not stand here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The size that it saw.
    pub witnessed: u64,
    /// The root that it saw, where its cosignature is at hand.
    pub root: Option<Hash>,
    /// The size here.
    pub here: u64,
}

impl Watch {
    /// For the data folder `root`.
    #[must_use]
    pub fn new(witness: Witness, root: &Path, origin: &str) -> Self {
        let memory = Memory::of(root);
        let newest = memory.cosigned(&witness.key, origin);
        let newest = newest.map(|(note, cosigned)| Newest { note, cosigned, came: None });
        let state = Mutex::new(State { newest, ..State::default() });
        Self { witness, memory, origin: origin.to_owned(), state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before anything is answered: holds the journal against what is remembered, then asks the witness once.
    ///
    /// # Errors
    /// The journal's tree cannot be read, so nobody can tell whether it is the one that was seen.
    pub async fn begin(&self, store: &Arc<Store>) -> Result<(), ReadError> {
        if let Some(gap) = self.look_back(store)? {
            self.apart(gap, store);
        }
        if !store.is_held_back() {
            self.round(store).await;
        }
        Ok(())
    }

    /// Goes on showing the newest checkpoint; later and later while nobody answers.
    pub async fn keep(&self, store: &Arc<Store>) {
        let mut failures = 0_u32;
        loop {
            let state = self.state().standing;
            failures = if state == Standing::Good { 0 } else { failures.saturating_add(1) };
            let wait = match failures {
                0 => self.witness.interval,
                n => Duration::from_secs(1 << (n - 1).min(5)),
            };
            tokio::time::sleep(wait.min(self.witness.interval * 2)).await;
            if !store.is_held_back() {
                self.round(store).await;
            }
        }
    }

    /// What is remembered against what stands.
    fn look_back(&self, store: &Store) -> Result<Option<Gap>, ReadError> {
        let state = self.state();
        let Some(newest) = &state.newest else { return Ok(None) };
        let seen = &newest.cosigned.checkpoint;
        let head = head(&store.log().checkpoint());
        let here = head.map_or(0, |head| head.size);
        let stands = seen.size <= here && store.log().root_at(seen.size)? == seen.root;
        Ok((!stands).then_some(Gap { witnessed: seen.size, root: Some(seen.root), here }))
    }

    /// Shows the newest checkpoint once, and takes note of what comes back.
    async fn round(&self, store: &Arc<Store>) {
        let mut old = {
            let state = self.state();
            state.newest.as_ref().filter(|_| state.continues).map(|n| n.cosigned.checkpoint.size)
        };
        for _ in 0..TRIES {
            let reader = Arc::clone(store);
            let read = tokio::task::spawn_blocking(move || submission(&reader, old)).await;
            let Ok(Ok((size, proof, note, here))) = read else {
                tracing::error!("the journal's tree cannot be read");
                return;
            };
            let standing = match self.witness.show(size, &proof, &note).await {
                Ok(Told::Lines(lines)) => self.take(&note, &lines),
                // It saw less, or (a start asks with its own size) just something else: shown again from there.
                Ok(Told::Size(seen)) if seen <= here && seen != size => {
                    old = Some(seen);
                    continue;
                }
                Ok(Told::Size(seen)) if seen > here || size == here => {
                    return self.apart(self.gap(seen, here), store);
                }
                Ok(Told::Size(_)) => Standing::Odd(409),
                // It saw the size that it was told, and the tree does not grow out of that.
                Ok(Told::No(422)) => return self.apart(self.gap(size, here), store),
                Ok(Told::No(status)) => Standing::Odd(status),
                Err(Unreached::Unreachable) => Standing::Silent,
                Err(Unreached::Address | Unreached::Authorities | Unreached::Answer) => Standing::Odd(0),
            };
            return self.stand(standing);
        }
        self.stand(Standing::Odd(409));
    }

    /// Remembers a cosignature that holds.
    fn take(&self, note: &str, lines: &str) -> Standing {
        let note = format!("{note}{lines}");
        let Ok(cosigned) = Cosigned::open(&note, &self.witness.key) else { return Standing::Odd(200) };
        if let Err(error) = self.memory.keep(&note) {
            tracing::warn!(%error, "the cosigned checkpoint cannot be remembered");
        }
        // One history again: what was acknowledged before excuses nothing any more.
        self.memory.settle();
        let mut state = self.state();
        state.newest = Some(Newest { note, cosigned, came: Some(Instant::now()) });
        state.continues = true;
        Standing::Good
    }

    fn stand(&self, standing: Standing) {
        let mut state = self.state();
        if state.standing != standing {
            // Said once, where it changes.
            match standing {
                Standing::Good => tracing::info!("the witness cosigns"),
                other => tracing::warn!(standing = ?other, "the witness does not cosign"),
            }
        }
        state.standing = standing;
    }

    fn gap(&self, witnessed: u64, here: u64) -> Gap {
        let state = self.state();
        let seen = state.newest.as_ref().map(|newest| &newest.cosigned.checkpoint);
        let root = seen.filter(|seen| seen.size == witnessed).map(|seen| seen.root);
        Gap { witnessed, root, here }
    }

    /// The witness saw what does not stand here. Whoever begins with that is held back.
    fn apart(&self, gap: Gap, store: &Store) {
        if self.memory.acknowledged(&gap, store.records()) {
            return self.stand(Standing::Acknowledged(gap));
        }
        if !self.state().continues {
            tracing::error!(
                witnessed = gap.witnessed,
                here = gap.here,
                "the journal lacks what its witness saw: nothing is answered until an operator acknowledges it"
            );
            store.hold_back();
        }
        self.stand(Standing::Apart(gap));
    }

    /// The gap that nobody has acknowledged yet.
    #[must_use]
    pub fn open_gap(&self) -> Option<Gap> {
        match self.state().standing {
            Standing::Apart(gap) => Some(gap),
            _ => None,
        }
    }

    /// Seconds since the newest cosignature; infinite when there is none.
    #[must_use]
    pub fn age_seconds(&self) -> f64 {
        let state = self.state();
        let Some(newest) = &state.newest else { return f64::INFINITY };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let told = now.saturating_sub(Duration::from_secs(newest.cosigned.time));
        // A witness whose clock runs ahead does not make an old word young.
        told.max(newest.came.map_or(Duration::ZERO, |came| came.elapsed())).as_secs_f64()
    }

    /// The readiness check.
    #[must_use]
    pub fn check(&self) -> Check {
        let age = self.age_seconds();
        let state = self.state();
        let cause = match state.standing {
            Standing::Apart(gap) => Some(format!(
                "the witness saw {} records and not those that stand here ({}): look what is missing, then \
                 `sluis audit acknowledge-gap --witnessed {}`",
                gap.witnessed, gap.here, gap.witnessed
            )),
            Standing::Acknowledged(gap) => Some(format!(
                "the acknowledged gap at {} records stands between journal and witness: its operator must begin anew",
                gap.witnessed
            )),
            Standing::Unasked => Some("the witness was not asked yet".to_owned()),
            // A word that is young enough outlives a silence.
            Standing::Good | Standing::Silent | Standing::Odd(_) if state.continues && age <= FRESH => None,
            Standing::Good => Some("the newest cosignature is too old: do both clocks hold?".to_owned()),
            Standing::Silent => Some("the witness does not answer".to_owned()),
            Standing::Odd(0) => Some("the witness does not answer as one".to_owned()),
            Standing::Odd(status) => {
                Some(format!("the witness answers {status} and no cosignature that holds"))
            }
        };
        Check { name: "witness", holds: cause.is_none(), cause }
    }

    /// A checkpoint of ours with the cosignature on it, where that covers this very checkpoint.
    #[must_use]
    pub fn with_cosignature(&self, note: String) -> String {
        let state = self.state();
        let covered = state.newest.as_ref().filter(|newest| newest.note.starts_with(&note));
        covered.map_or(note, |newest| newest.note.clone())
    }

    /// An operator knows what is missing: recorded first, then remembered, then everything is answered again.
    ///
    /// # Errors
    /// When there is no such gap, or the journal takes no record.
    pub fn acknowledge(&self, witnessed: u64, world: &World) -> Result<Gap, Refused> {
        let gap = self.open_gap().ok_or_else(|| Refused::new("no-gap", "nothing is missing here"))?;
        if gap.witnessed != witnessed {
            let words = format!("the witness saw {} records, not {witnessed}", gap.witnessed);
            return Err(Refused::new("other-gap", words));
        }
        let mut draft = desk::draft(Kind::AuditRead, Action::Execute, world, None);
        let mut say = |name: &str, value: String| {
            draft.entry.details.push(Detail { name: name.into(), value });
        };
        say("command", "acknowledge-gap".into());
        say("witnessed-size", gap.witnessed.to_string());
        gap.root.iter().for_each(|root| say("witnessed-root", BASE64.encode(&root.0)));
        say("found-size", gap.here.to_string());
        say("witness", self.witness.key.to_string());
        let placed = world.store.record_held_back(draft)?;
        let index = placed.records.start;
        let leaf = world.store.records().read(index).map(|record| leaf_hash(&record));
        let kept = leaf.map(|leaf| self.memory.acknowledge(&gap, index, leaf));
        if !matches!(kept, Ok(Ok(()))) {
            // It is recorded; only the next start will ask once more.
            tracing::warn!("the acknowledged gap cannot be remembered");
        }
        self.stand(Standing::Acknowledged(gap));
        world.store.go_on();
        if let Err(error) = beginning::write(world) {
            tracing::error!(%error, "the start cannot be recorded");
        }
        Ok(gap)
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("witness", &self.witness).field("origin", &self.origin).finish()
    }
}

fn head(note: &str) -> Option<Checkpoint> {
    Checkpoint::of_note(note).ok()
}

/// The newest checkpoint, and how it grew out of the tree of `old` leaves; out of itself when that is not known. Old size,
/// proof, note, and the note's size.
fn submission(store: &Store, old: Option<u64>) -> Result<(u64, Vec<Hash>, String, u64), ReadError> {
    let (proof, note) = store.log().consistency(old.unwrap_or(0))?;
    let here = head(&note).ok_or(ReadError::Absent)?.size;
    Ok((old.unwrap_or(here), proof, note, here))
}

/// Seconds (issue 5: a co-signature at most 60 s old).
const FRESH: f64 = 60.0;
/// Somebody else may show it a checkpoint of this log in between.
const TRIES: u32 = 3;
