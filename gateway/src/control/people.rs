//! What is known of one person, as a desk reads it; that it is read is recorded before (`recorded.rs`).

use super::commands::{Done, Say, identifier, out};
use crate::desk::{self, Refused};
use crate::localisation;
use crate::store::state::PersonState;
use crate::world::World;
use serde_json::json;

fn state(world: &World, patient: &str) -> Result<PersonState, Refused> {
    let person = desk::known_person(world, &identifier(patient)?)?;
    world.store.person(person).map_err(|_| desk::view_down())
}

/// The consents.
pub(super) fn consents(world: &World, patient: &str, as_json: bool, say: Say<'_>) -> Done {
    for stored in &state(world, patient)?.consents {
        let (status, kind) = match &stored.reading {
            consent::Reading::Readable(record) => (json!(record.status), json!(record.provision.kind)),
            consent::Reading::Unreadable { .. } => (json!("unreadable"), json!("deny")),
        };
        let line = json!({"id": stored.id(), "version": stored.version(), "status": status, "type": kind, "recorder": stored.recorder});
        let words = format!(
            "{} v{} {} {} recorded by {}",
            stored.id(),
            stored.version(),
            status.as_str().unwrap_or_default(),
            kind.as_str().unwrap_or_default(),
            stored.recorder
        );
        out(say, if as_json { line.to_string() } else { words });
    }
    Ok(())
}

/// The relations.
pub(super) fn relations(world: &World, patient: &str, as_json: bool, say: Say<'_>) -> Done {
    for stored in &state(world, patient)?.relations {
        let line = json!({"id": stored.id, "version": stored.version, "kind": stored.relation.kind, "status": stored.relation.status, "recorder": stored.recorder});
        let word = |member: &str| line.get(member).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        let words = format!(
            "{} v{} {} {} recorded by {}",
            stored.id,
            stored.version,
            word("kind"),
            word("status"),
            stored.recorder
        );
        out(say, if as_json { line.to_string() } else { words });
    }
    Ok(())
}

/// The entries of a person in the index.
pub(super) fn index(world: &World, patient: &str, as_json: bool, say: Say<'_>) -> Done {
    for entry in localisation::entries(world, &identifier(patient)?)? {
        out(
            say,
            if as_json {
                json!({"id": entry.id, "holder": entry.holder, "classes": entry.classes}).to_string()
            } else {
                format!("{}  {}  {}", entry.id, entry.holder, entry.classes.join(" "))
            },
        );
    }
    Ok(())
}
