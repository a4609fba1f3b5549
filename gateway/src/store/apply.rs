//! Facts and records into the view: the one place that knows which index follows from what.

use super::facts::{Change, Fact};
use super::keys::{Keys, PersonNo};
use super::leaf::Leaf;
use super::seal::Key;
use super::state::{Hosted, PersonState, fold_hosted};
use super::view::{Batch, Index, View, ViewError};
use fhir_mappings::audit::Kind;

/// The pseudonym of an identifier: what finds a person without a number standing anywhere.
#[must_use]
pub(super) fn pseudonym(key: &Key, system: &str, value: &str) -> [u8; 32] {
    key.mac(&[b"identifier", system.as_bytes(), value.as_bytes()])
}

/// The pseudonyms by which a person is known from this change on, under every key that still finds.
pub(super) fn claims(keys: &[Key], change: &Change) -> Vec<[u8; 32]> {
    let named = change.facts.iter().filter_map(|fact| match fact {
        Fact::Identity { identifiers, .. } => Some(identifiers),
        _ => None,
    });
    let named = named.flatten();
    named.flat_map(|(system, value)| keys.iter().map(|key| pseudonym(key, system, value))).collect()
}

/// The state of a person in a view; an empty one when nothing is known.
pub(super) fn person_state(view: &View, person: PersonNo) -> Result<PersonState, ViewError> {
    match view.get(Index::People, &person.0.to_be_bytes())? {
        Some(bytes) => PersonState::decode(&bytes).ok_or(ViewError::Damaged),
        None => Ok(PersonState::default()),
    }
}

/// What a hosted holder holds of a person (`None`: resources about nobody).
pub(super) fn hosted(view: &View, person: Option<PersonNo>, holder: &str) -> Result<Vec<Hosted>, ViewError> {
    match view.get(Index::Hosted, &hosted_key(person, holder))? {
        Some(bytes) => serde_json::from_slice(&bytes).map_err(|_| ViewError::Damaged),
        None => Ok(Vec::new()),
    }
}

/// The 256 persons whose numbers begin like this.
pub(super) fn people(view: &View, block: u64) -> Result<Vec<(PersonNo, PersonState)>, ViewError> {
    let start = (block << 8).to_be_bytes();
    let prefix = start.get(..7).unwrap_or_default();
    let rows = view.scan(Index::People, prefix)?.into_iter().map(|(key, value)| {
        let number: [u8; 8] = key.try_into().map_err(|_| ViewError::Damaged)?;
        let state = PersonState::decode(&value).ok_or(ViewError::Damaged)?;
        Ok((PersonNo(u64::from_be_bytes(number)), state))
    });
    rows.collect()
}

fn hosted_key(person: Option<PersonNo>, holder: &str) -> Vec<u8> {
    [&person.map_or(0, |p| p.0).to_be_bytes(), holder.as_bytes()].concat()
}

fn json<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, ViewError> {
    serde_json::to_vec(value).map_err(|_| ViewError::Damaged)
}

/// What one change does to the view. `record` is its index in `holdings/`.
pub(super) fn change(
    view: &View,
    pseudonyms: &[Key],
    change: &Change,
    record: u64,
) -> Result<Batch, ViewError> {
    let mut batch = Batch::default();
    if let Some(person) = change.person {
        let mut state = person_state(view, person)?;
        state.version += 1;
        for fact in &change.facts {
            state.fold(fact, record);
            if let Fact::Resources { holder, items } = fact {
                for item in items {
                    let bytes = change.blob.get(item.span.0..item.span.1).unwrap_or_default();
                    state.fold_place(holder, item, bytes);
                }
            }
            if let Fact::Identity { identifiers, .. } = fact {
                let newest = pseudonyms.first().ok_or(ViewError::Damaged)?;
                for (system, value) in identifiers {
                    let key = pseudonym(newest, system, value);
                    batch.set(Index::Pseudonyms, key, person.0.to_be_bytes());
                }
            }
        }
        let bytes = state.encode().map_err(|_| ViewError::Damaged)?;
        batch.set(Index::People, person.0.to_be_bytes(), bytes);
    }
    for fact in &change.facts {
        match fact {
            Fact::Resources { holder, items } => {
                let mut known = hosted(view, change.person, holder)?;
                fold_hosted(&mut known, record, items);
                batch.set(Index::Hosted, hosted_key(change.person, holder), json(&known)?);
            }
            Fact::ResourcesErased { holder, items, left: _ } => {
                let mut known = hosted(view, change.person, holder)?;
                let erased = |one: &Hosted| {
                    items.iter().any(|(of, key)| *of == one.item.resource_type && *key == one.item.key)
                };
                known.retain(|one| !erased(one));
                batch.set(Index::Hosted, hosted_key(change.person, holder), json(&known)?);
            }
            Fact::Participant { document } => registry(&mut batch, b'p', text(document, "id"), document)?,
            Fact::Staff { document } => registry(&mut batch, b's', text(document, "id"), document)?,
            Fact::Blocked { fingerprint } => {
                registry(&mut batch, b'x', fingerprint, &serde_json::Value::String(fingerprint.clone()))?;
            }
            Fact::Rules { book, followed_up } => {
                batch.set(Index::Registry, rules_key(&book.sha256(), *followed_up), record.to_be_bytes());
            }
            Fact::Identity { .. }
            | Fact::Consent { .. }
            | Fact::Relation { .. }
            | Fact::Attestation { .. }
            | Fact::Representative { .. }
            | Fact::GlassBroken { .. }
            | Fact::Registration { .. }
            | Fact::RegistrationEnded { .. }
            | Fact::UnreadableEnded { .. }
            | Fact::Hold { .. } => {}
        }
    }
    Ok(batch)
}

fn text<'a>(document: &'a serde_json::Value, member: &str) -> &'a str {
    document.get(member).and_then(serde_json::Value::as_str).unwrap_or_default()
}

fn registry(batch: &mut Batch, kind: u8, id: &str, document: &serde_json::Value) -> Result<(), ViewError> {
    batch.set(Index::Registry, [&[kind], id.as_bytes()].concat(), json(document)?);
    Ok(())
}

/// What one journal record adds to the timelines of a person and of an asking participant.
pub(super) fn record(batch: &mut Batch, keys: &Keys, leaf: &Leaf, index: u64) {
    // Known tags only: a forgotten year needs no index.
    if let Some(tag) = leaf.tag_bytes().filter(|tag| keys.by_tag(tag).is_some()) {
        batch.set(Index::Timeline, timeline_key(b'p', &tag, index), Vec::new());
    }
    if leaf.kind == Kind::Rules {
        batch.set(Index::Registry, LAST_RULES, index.to_be_bytes());
    }
    if let Some(asker) = &leaf.asker {
        batch.set(Index::Timeline, timeline_key(b'o', asker.as_bytes(), index), Vec::new());
    }
}

/// Where the index of the last record of kind `rules` stands.
pub(super) const LAST_RULES: [u8; 1] = [b'r'];

/// Where it stands that rules are kept whole in `holdings/`.
pub(super) fn rules_key(sha256: &str, followed_up: bool) -> Vec<u8> {
    [&[b'k', u8::from(followed_up)], sha256.as_bytes()].concat()
}

/// Key of a timeline row; without the index it is the prefix of the whole timeline.
pub(super) fn timeline_key(lens: u8, who: &[u8], index: u64) -> Vec<u8> {
    [timeline_prefix(lens, who).as_slice(), &index.to_be_bytes()].concat()
}

/// Prefix of a timeline.
pub(super) fn timeline_prefix(lens: u8, who: &[u8]) -> Vec<u8> {
    [&[lens], who, &[0]].concat()
}
