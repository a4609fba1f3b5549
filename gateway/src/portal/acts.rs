//! What a record of the journal says that happened, as codes that there are words for, and whether the administrator of
//! Sluis did it: an account of this machine, no organisation in care and nobody at this portal.

use crate::control::operator::OPERATOR;
use fhir_mappings::audit::{Action, Entry, Interaction, Kind};

/// Whether the administrator did it. Where whereabouts stay hidden nobody's account is told: then by what it was, for who
/// asks is always from somewhere, and the program itself is nobody.
pub(super) fn by_administrator(entry: &Entry) -> bool {
    let command = entry.interaction == Interaction::Operation && entry.organisation.is_none();
    entry.person.as_ref().is_some_and(|person| command || person.id.starts_with(OPERATOR))
}

/// Whether the administrator only tried out what would be allowed to somebody else: who was tried has done nothing, and
/// got nothing.
pub(super) fn is_trial(entry: &Entry) -> bool {
    entry.kind == Kind::DryRun && entry.action != Action::Read && by_administrator(entry)
}

/// What happened where its kind alone does not tell it: done, tried or read by command, or taken away.
pub(super) fn peculiar(entry: &Entry) -> Option<&'static str> {
    let command = by_administrator(entry);
    match entry.kind {
        Kind::Refused if command => Some("command-refused"),
        Kind::DryRun if command && entry.action == Action::Read => Some("command-read"),
        Kind::DryRun if command => Some("trial"),
        // Erased by its holder, or no longer entered in the index.
        Kind::Import if entry.action == Action::Delete => Some("erased"),
        _ => None,
    }
}

pub(super) fn detail<'e>(entry: &'e Entry, name: &str) -> Option<&'e str> {
    entry.details.iter().find(|detail| detail.name == name).map(|detail| detail.value.as_str())
}
