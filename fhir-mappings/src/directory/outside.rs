//! Entries of an outside directory, ready to be searched and shown beside our own.
//!
//! They stand under ids of ours that no participant can have, say where they come from (`meta.source`), and refer to each
//! other as they stand here. An entry that bears the business identifier of one of ours is not shown: references to it lead to
//! ours.

use super::history::Replica;
use super::search::Facts;
use super::{Participant, Rendered, Type};
use crate::json::{self, Value};
use data_encoding::HEXLOWER;
use ring::digest::{SHA256, digest};
use std::collections::HashMap;
use std::sync::Arc;

/// What is shown of an outside directory.
#[derive(Default)]
pub struct Outside {
    /// Its base address, without a slash at its end.
    base: String,
    /// In the order of types and ids.
    entries: Vec<Entry>,
    by_id: HashMap<(Type, String), usize>,
    by_identifier: HashMap<(Type, String, String), Vec<usize>>,
}

struct Entry {
    kind: Type,
    /// Its id there.
    id: String,
    facts: Facts,
    body: Arc<str>,
}

/// Entries of ours that stand in the place of outside ones: type and id here, to our id.
pub(super) type Led = HashMap<(Type, String), String>;

impl Outside {
    /// What a replica of the directory at `base` holds.
    #[must_use]
    pub fn of(replica: &Replica, base: &str) -> Self {
        let mut all = Self { base: base.trim_end_matches('/').to_owned(), ..Self::default() };
        for (kind, id, body) in replica.held() {
            let Ok(doc) = json::parse(body.as_bytes()) else { continue };
            let facts = facts(kind, id, doc.root(), &all.base);
            let place = all.entries.len();
            all.by_id.insert((kind, facts.id.clone()), place);
            for (system, value) in &facts.identifiers {
                let bearers = all.by_identifier.entry((kind, system.clone(), value.clone())).or_default();
                bearers.push(place);
            }
            all.entries.push(Entry { kind, id: id.to_owned(), facts, body: Arc::clone(body) });
        }
        all
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Which of them are ours by their business identifier. An identifier without a system says nothing.
    pub(super) fn led(&self, participants: &[Participant<'_>]) -> Led {
        let mut led = Led::new();
        for (participant, kind) in participants.iter().flat_map(|p| super::ALL.map(|kind| (p, kind))) {
            let ours = match kind {
                Type::Organization | Type::OrganizationAffiliation => true,
                Type::HealthcareService => !participant.functions.is_empty(),
                Type::Location => participant.place.is_some(),
                Type::Endpoint => participant.endpoint.is_some(),
                Type::PractitionerRole => false,
            };
            let (system, value) = participant.identifier;
            let bearers = self.by_identifier.get(&(kind, system.to_owned(), value.to_owned()));
            for bearer in bearers.into_iter().flatten().filter(|_| ours && !system.is_empty()) {
                let Some(entry) = self.entries.get(*bearer) else { continue };
                led.insert((kind, entry.facts.id.clone()), participant.id.to_owned());
            }
        }
        led
    }

    /// Those of a type that are shown.
    pub(super) fn shown<'o>(&'o self, kind: Type, led: &'o Led) -> impl Iterator<Item = (usize, &'o Facts)> {
        let all = self.entries.iter().enumerate().filter(move |(_, entry)| entry.kind == kind);
        all.filter(move |(_, entry)| !led.contains_key(&(kind, entry.facts.id.clone())))
            .map(|(place, entry)| (place, &entry.facts))
    }

    pub(super) fn place(&self, kind: Type, id: &str, led: &Led) -> Option<usize> {
        let key = (kind, id.to_owned());
        self.by_id.get(&key).copied().filter(|_| !led.contains_key(&key))
    }

    /// One as it is shown.
    pub(super) fn render(&self, place: usize, led: &Led) -> Option<Rendered> {
        let entry = self.entries.get(place)?;
        let doc = json::parse(entry.body.as_bytes()).ok()?;
        let root = doc.root();
        let mut edits = Vec::new();
        self.references(root, led, &mut edits);
        let source = format!("{}/{}/{}", self.base, entry.kind.as_str(), entry.id);
        let mut members = vec![
            format!(r#""resourceType":"{}""#, entry.kind.as_str()),
            format!(r#""id":{}"#, quoted(&entry.facts.id)),
            format!(r#""meta":{}"#, meta(root.get("meta"), &source)),
        ];
        // A narrative is somebody else's page: what it says stands in the members too.
        let apart = |name: &str| ["resourceType", "id", "_id", "meta", "text"].contains(&name);
        for member in root.members().filter(|member| !apart(member.name())) {
            members.push(format!(r#""{}":{}"#, member.name(), spliced(&entry.body, member.span(), &edits)?));
        }
        let bytes = format!("{{{}}}", members.join(",")).into_bytes();
        Some(Rendered { kind: entry.kind, id: entry.facts.id.clone(), bytes })
    }

    /// Where a reference to an entry leads here; anything else on that server is named whole, so that it is not taken for
    /// ours.
    fn references(&self, value: Value<'_>, led: &Led, edits: &mut Vec<((usize, usize), String)>) {
        for member in value.members() {
            let reference = (member.name() == "reference").then(|| member.as_str()).flatten();
            match reference {
                Some(reference) => {
                    let next = self.leads(&reference, led);
                    edits.extend(next.map(|next| (member.span(), quoted(&next))));
                }
                None => self.references(member, led, edits),
            }
        }
        for item in value.items() {
            self.references(item, led, edits);
        }
    }

    fn leads(&self, reference: &str, led: &Led) -> Option<String> {
        let below = below(reference, &self.base)?;
        let here = target(below).map(|(kind, id)| (kind, here(kind, id)));
        match here {
            Some(key) if led.contains_key(&key) => Some(format!("{}/{}", key.0.as_str(), led.get(&key)?)),
            Some(key) if self.by_id.contains_key(&key) => Some(format!("{}/{}", key.0.as_str(), key.1)),
            Some(_) | None => Some(format!("{}/{below}", self.base)),
        }
    }
}

impl std::fmt::Debug for Outside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Outside({} entries)", self.entries.len())
    }
}

/// The part of a reference below the base; `None` when it leads elsewhere, or into the resource itself.
fn below<'r>(reference: &'r str, base: &str) -> Option<&'r str> {
    if let Some(below) = reference.strip_prefix(base) {
        return below.strip_prefix('/');
    }
    (!reference.starts_with('#') && !reference.contains(':')).then_some(reference)
}

fn target(below: &str) -> Option<(Type, &str)> {
    let resource = below.split_once("/_history/").map_or(below, |(resource, _)| resource);
    let (kind, id) = resource.split_once('/')?;
    Some((Type::parse(kind)?, id))
}

/// The id here. Ids of participants have no dot.
fn here(kind: Type, id: &str) -> String {
    let plain = format!("outside.{id}");
    if plain.len() <= ID_MOST {
        return plain;
    }
    let digest = digest(&SHA256, format!("{}/{id}", kind.as_str()).as_bytes());
    let digest = HEXLOWER.encode(digest.as_ref());
    format!("hashed.{}", digest.get(..ID_MOST - 7).unwrap_or_default())
}

fn facts(kind: Type, id: &str, root: Value<'_>, base: &str) -> Facts {
    let text = |value: Value<'_>, name: &str| value.get_str(name).unwrap_or_default().into_owned();
    let coding = |coding: Value<'_>| (text(coding, "system"), text(coding, "code"));
    let concepts = |name: &str| root.each(name).flat_map(|c| c.each("coding")).map(coding).collect();
    let refers = |name: &str| {
        let reference = root.get(name).and_then(|named| named.get_str("reference"));
        let found = reference.as_deref().and_then(|reference| target(below(reference, base)?));
        found.map(|(kind, id)| here(kind, id)).unwrap_or_default()
    };
    let status = match kind {
        Type::Location | Type::Endpoint => text(root, "status"),
        _ if root.get("active").and_then(|active| active.as_bool()) == Some(false) => "false".to_owned(),
        _ => "true".to_owned(),
    };
    let (types, organization) = match kind {
        Type::Organization => (concepts("type"), here(kind, id)),
        Type::HealthcareService => (concepts("type"), refers("providedBy")),
        Type::Location => (Vec::new(), refers("managingOrganization")),
        Type::Endpoint => (root.each("connectionType").map(coding).collect(), refers("managingOrganization")),
        Type::PractitionerRole => (concepts("code"), refers("organization")),
        Type::OrganizationAffiliation => (concepts("code"), refers("organization")),
    };
    Facts {
        id: here(kind, id),
        identifiers: root.each("identifier").map(|i| (text(i, "system"), text(i, "value"))).collect(),
        name: text(root, "name"),
        types,
        status,
        organization,
        participating: refers("participatingOrganization"),
    }
}

fn meta(meta: Option<Value<'_>>, source: &str) -> String {
    let kept = meta.into_iter().flat_map(|meta| meta.members());
    let kept = kept.filter(|member| !["source", "_source"].contains(&member.name()));
    let mut members: Vec<_> = kept.map(|member| format!(r#""{}":{}"#, member.name(), member.raw())).collect();
    members.push(format!(r#""source":{}"#, quoted(source)));
    format!("{{{}}}", members.join(","))
}

/// A part of the body with what of the edits lies in it. The edits come in the order of the body.
fn spliced(body: &str, (start, end): (usize, usize), edits: &[((usize, usize), String)]) -> Option<String> {
    let (mut out, mut at) = (String::new(), start);
    for ((from, to), next) in edits.iter().filter(|((from, to), _)| *from >= start && *to <= end) {
        out.push_str(body.get(at..*from)?);
        out.push_str(next);
        at = *to;
    }
    out.push_str(body.get(at..end)?);
    Some(out)
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

const ID_MOST: usize = 64;
