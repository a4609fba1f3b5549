//! What a start writes into the journal: open questions closed, rules that changed, and that it started. Written once a start
//! may write: not before a witness was asked, and where that saw more than stands here, not before an operator knows.

use crate::boot::{BootError, failed};
use crate::desk;
use crate::store::facts::{Change, Fact};
use crate::store::leaf::{Draft, Leaf};
use crate::trail::NOTHING_RELEASED;
use crate::world::World;
use data_encoding::HEXLOWER;
use fhir_mappings::audit::{self, Action, Detail, Entry, Interaction, Kind, Outcome};
use sluis_journal::{Folder, Torn};
use std::sync::PoisonError;

/// Writes it, once.
///
/// # Errors
/// When the journal takes no record; then the next call tries again.
pub fn write(world: &World) -> Result<(), BootError> {
    let mut unbegun = world.unbegun.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(found) = unbegun.as_ref() else { return Ok(()) };
    close_open(world, &found.open)?;
    record_rules(world, found.fresh)?;
    let mut restarted = restart(if found.rebuilt { "view-rebuilt" } else { "started" }, world.clock.now());
    restarted.entry.protocols = world.protocols();
    let recorded = world.store.record_blocking(restarted, None);
    recorded.map_err(|_| BootError("the journal takes no record".into()))?;
    *unbegun = None;
    Ok(())
}

/// Who was asked about and got no answer before the end: closed, so that no question stands open (DESIGN.md 2).
fn close_open(world: &World, open: &[Leaf]) -> Result<(), BootError> {
    for leaf in open {
        // A forgotten person's question stays as it is.
        let Ok(mut entry) = leaf.open(world.store.keys()) else { continue };
        (entry.kind, entry.outcome) = (Kind::Refused, Outcome::Refused(NOTHING_RELEASED.into()));
        let person =
            leaf.tag_bytes().and_then(|tag| world.store.keys().by_tag(&tag)).map(|(person, _)| person);
        let request_id = leaf.request_id.clone();
        let draft = Draft { entry, time: world.clock.now(), request_id, person, burnt: None };
        let recorded = world.store.record_blocking(draft, None);
        recorded.map_err(|_| BootError("the journal takes no record".into()))?;
    }
    Ok(())
}

/// A change of rules or keys is a record of its own: the rules when their digest differs from the last one recorded, or
/// they are not kept yet, the keys when they were made with this folder.
fn record_rules(world: &World, fresh: bool) -> Result<(), BootError> {
    let refused = |_| BootError("the journal takes no record".into());
    if fresh {
        let mut draft = desk::draft(Kind::Key, Action::Create, world, None);
        draft.entry.changes = world
            .store
            .keys()
            .named()
            .into_iter()
            .map(|(which, id)| audit::Change {
                what: "key".into(),
                id: which.name().into(),
                version: Some(id.to_string()),
                sha256: None,
            })
            .collect();
        world.store.record_blocking(draft, None).map_err(refused)?;
    }
    let recorded = world.store.last_rules().map_err(|e| failed("the journal")(&e))?;
    let now = world.protocols();
    let (sha256, followed_up) = (&world.settings.rules_sha256, world.law().followed_up);
    let kept = world.store.keeps_rules(sha256, followed_up).map_err(|e| failed("the view")(&e))?;
    if kept && recorded.as_ref() == Some(&now) {
        return Ok(());
    }
    let action = if recorded.is_some() { Action::Update } else { Action::Create };
    let mut draft = desk::draft(Kind::Rules, action, world, None);
    draft.entry.changes = now
        .into_iter()
        .map(|rules| audit::Change {
            what: "rules".into(),
            id: rules.name,
            version: Some(rules.version),
            sha256: Some(rules.sha256),
        })
        .collect();
    if kept {
        world.store.record_blocking(draft, None).map_err(refused)?;
    } else {
        let book = world.settings.rulebook.clone();
        let whole = Change::of(Fact::Rules { book, followed_up });
        world.store.change_blocking(draft, whole, None, None).map_err(refused)?;
    }
    Ok(())
}

fn restart(why: &str, time: jiff::Timestamp) -> Draft {
    let mut entry = Entry::new(Kind::Restart, Action::Execute, Interaction::Operation, Outcome::Success);
    entry.details = vec![Detail { name: "why".into(), value: why.into() }];
    Draft { entry, time, request_id: uuid::Uuid::new_v4().to_string(), person: None, burnt: None }
}

/// The record that closes torn tails: where they stood and what they were, for the bytes themselves are cleared. The digest
/// tells whether a copy of the folder, taken before, holds the same tear.
pub(crate) fn closing(torn: &[Torn], time: jiff::Timestamp) -> Draft {
    let mut draft = restart("torn-tail", time);
    for tail in torn {
        let folder = match tail.folder {
            Folder::Journal => "journal",
            Folder::Holdings => "holdings",
        };
        let facts = [
            ("file", tail.file.clone()),
            ("offset", tail.offset.to_string()),
            ("bytes", tail.bytes.to_string()),
            ("sha256", HEXLOWER.encode(&tail.digest.0)),
        ];
        let facts = facts.map(|(name, value)| Detail { name: format!("{folder}-{name}"), value });
        draft.entry.details.extend(facts);
    }
    draft
}
