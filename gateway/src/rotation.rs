//! Changing keys while serving: every kind of key has a next one, and what was sealed, signed or named under those before
//! still opens, verifies and finds (DESIGN.md 4). Blocking.
//!
//! The record of a change is durable before the key is used, as that of a disclosure is before a byte leaves.

use crate::desk::{self, Refused};
use crate::oauth::signing::SigningKey;
use crate::store::keys::{KeyError, Named, Use, master_key, write_secret};
use crate::store::{self, StoreError};
use crate::world::World;
use fhir_mappings::audit::{Action, Change, Detail, Kind, Outcome};
use std::path::Path;

/// What is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn<'a> {
    /// The key of one use: a new one beside those that are.
    Named(Use),
    /// The keys of persons: each one's next record is sealed under a fresh key.
    Persons,
    /// The master key: everything in `keys/` is wrapped under the one in this file.
    Master(&'a Path),
}

impl<'a> Turn<'a> {
    /// What a command asks for: the name of a use, `person`, or `master` with a file.
    ///
    /// # Errors
    /// When there is no such kind, or a file is missing or too much.
    pub fn parse(kind: &str, file: Option<&'a Path>) -> Result<Self, Refused> {
        match (kind, file) {
            ("master", Some(file)) => Ok(Self::Master(file)),
            ("master", None) => {
                Err(Refused::new("usage", "--new-master names the file with the next master key"))
            }
            (_, Some(_)) => Err(Refused::new("usage", "--new-master goes with the kind `master` alone")),
            ("person", None) => Ok(Self::Persons),
            (kind, None) => Use::parse(kind).map(Self::Named).ok_or_else(|| {
                let all: Vec<_> = Use::ALL.iter().map(|which| which.name()).collect();
                Refused::new("usage", format!("kinds of key: {}, person, master", all.join(", ")))
            }),
        }
    }
}

/// What a change did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turned {
    /// The number of the new key within its use.
    pub number: Option<u8>,
    /// Of the journal's signing key: what checks it, as C2SP writes it.
    pub journal_key: Option<String>,
}

/// Changes a key, recorded first.
///
/// # Errors
/// See [`Refused`]; a change that was recorded and then failed is recorded as failed; until the next start at least, the former
/// key goes on.
pub fn run(world: &World, turn: Turn<'_>) -> Result<Turned, Refused> {
    match turn {
        Turn::Named(which) => {
            let fresh = world.store.keys().fresh(which).map_err(|e| refused(&e))?;
            let number = Some(fresh.id());
            let journal_key = match which {
                Use::JournalSigning => {
                    Some(store::verifier(&fresh, &world.settings.origin).map_err(|e| unsound(&e))?)
                }
                _ => None,
            };
            let turned = Turned { number, journal_key };
            record(world, which.name(), &turned, Outcome::Success)?;
            done(world, which.name(), &turned, take(world, fresh))
        }
        Turn::Persons => {
            let turned = Turned { number: None, journal_key: None };
            record(world, "person", &turned, Outcome::Success)?;
            done(world, "person", &turned, world.store.keys().turn_people().map_err(|e| refused(&e)))
        }
        Turn::Master(file) => {
            let bytes =
                std::fs::read(file).map_err(|e| Refused::new("keys", format!("{}: {e}", file.display())))?;
            let next = master_key(&bytes).ok_or_else(|| {
                Refused::new("keys", "a master key is 32 bytes, raw or as 64 hexadecimal digits")
            })?;
            if next == world.store.keys().master() {
                return Err(Refused::new("keys", "this is the master key that counts already"));
            }
            let turned = Turned { number: None, journal_key: None };
            record(world, "master", &turned, Outcome::Success)?;
            let rewrapped = world.store.keys().rewrap(&next).map_err(|e| refused(&e));
            done(world, "master", &turned, rewrapped)?;
            // A sandbox keeps its own; a real gateway's is the operator's to put in place.
            if world.settings.sandbox {
                let place = world.settings.root.join("keys/master.key");
                write_secret(&place, &bytes)
                    .map_err(|e| Refused::new("keys", format!("{}: {e}", place.display())))?;
            }
            Ok(turned)
        }
    }
}

fn take(world: &World, fresh: Named) -> Result<(), Refused> {
    let which = fresh.which();
    let signing = match which {
        Use::TokenSigning => {
            Some(SigningKey::from_pkcs8(fresh.secret()).map_err(|e| Refused::new("keys", e.to_string()))?)
        }
        _ => None,
    };
    world.store.turn(fresh, &world.settings.origin).map_err(|e| unsound(&e))?;
    match (which, signing) {
        (Use::TokenSigning, Some(key)) => {
            world.signing.rcu(|keys| keys.rotate(key.clone()));
        }
        (Use::OutwardId | Use::Page, _) => {
            world.outward.renew(world.store.keys()).map_err(|e| refused(&e))?;
        }
        _ => {}
    }
    Ok(())
}

fn done(world: &World, what: &str, turned: &Turned, did: Result<(), Refused>) -> Result<Turned, Refused> {
    if let Err(why) = did {
        record(world, what, turned, Outcome::Failed(why.reason.clone()))?;
        return Err(why);
    }
    Ok(turned.clone())
}

fn record(world: &World, what: &str, turned: &Turned, outcome: Outcome) -> Result<(), Refused> {
    let mut draft = desk::draft(Kind::Key, Action::Update, world, None);
    draft.entry.outcome = outcome;
    draft.entry.changes = vec![Change {
        what: "key".into(),
        id: what.to_owned(),
        version: turned.number.map(|number| number.to_string()),
        sha256: None,
    }];
    let key = turned.journal_key.clone();
    draft.entry.details.extend(key.map(|value| Detail { name: "journal-key".into(), value }));
    world.store.record_blocking(draft, None)?;
    Ok(())
}

fn refused(e: &KeyError) -> Refused {
    Refused::new("keys", e.to_string())
}

fn unsound(e: &StoreError) -> Refused {
    Refused::new("keys", e.to_string())
}
