//! What each function would see of each demonstration person, worked out in memory under any rules and tables: the
//! effect of a change shown before it is made. It decides and releases as the road does, and records nothing.

use super::region::{Holding, Patient, REPRESENTATIVE, Recorded, Region, Staff};
use crate::road::decide::PERSON_SYSTEM;
use consent::question::{
    Asker, Assurance, BreakGlass, Capacity, Party, Purpose, Question, RecordedRepresentative, Subject,
};
use consent::record::{Reading, Representation};
use consent::relation::{Attestation, Relation};
use consent::vocabulary::BreaksGlass;
use consent::{Dossier, Identifier, Rules, decide_with};
use fhir_mappings::release::{Bound, Contribution, Holder, Ids, Raw, Reader, View, release};
use fhir_mappings::tables::Tables;
use fhir_mappings::{consent_wire, relation_wire};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

/// What one function sees of one person at one holder.
pub(crate) struct Seen {
    pub(crate) patient: String,
    pub(crate) holder: String,
    /// For which purpose; in an emergency the glass was broken.
    pub(crate) purpose: Purpose,
    pub(crate) resources: Vec<Sight>,
}

/// One resource, as its holder keeps it and as it leaves.
#[derive(PartialEq, Eq)]
pub(crate) struct Sight {
    /// `Condition/frail`, or `derived/…` for a fact of ours.
    pub(crate) name: String,
    /// In the holder's words; in ours for a fact.
    pub(crate) title: String,
    /// (path, value) of every leaf that the holder keeps.
    pub(crate) held: Vec<Leaf>,
    /// The same of what leaves; `None` when the resource stays behind.
    pub(crate) given: Option<Vec<Leaf>>,
}

pub(crate) type Leaf = (String, String);

/// A sandbox region on the day that REGION.md tells of, with rules and tables.
pub(crate) struct Preview<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) tables: &'a Tables,
    pub(crate) region: &'a Region,
    at: Timestamp,
}

impl<'a> Preview<'a> {
    /// At noon of T (REGION.md 3).
    pub(crate) fn new(rules: &'a Rules, tables: &'a Tables, region: &'a Region) -> Result<Self, String> {
        let at = NOON.parse().map_err(|e: jiff::Error| e.to_string())?;
        Ok(Self { rules, tables, region, at })
    }

    /// Functions that somebody of the region works in.
    pub(crate) fn functions(&self) -> Vec<String> {
        let all = self.rules.vocabulary().all_functions();
        let codes = all.map(|function| self.rules.vocabulary().function_code(function).to_owned());
        codes.filter(|code| self.worker(code).is_some()).collect()
    }

    /// Who works in a function first.
    pub(crate) fn worker(&self, function: &str) -> Option<&'a Staff> {
        self.region.staff.iter().find(|who| who.functions.iter().any(|own| own == function))
    }

    /// What the first person who works in a function sees of everybody, for every purpose they may ask with.
    pub(crate) fn seen_by(&self, function: &str) -> Result<Vec<Seen>, String> {
        let Some(who) = self.worker(function) else { return Ok(Vec::new()) };
        let asking = self.party(&who.participant)?;
        let somebody = Identifier::new(PERSON_SYSTEM, who.id.as_str());
        let purposes = self.purposes(function, &who.participant)?;
        let mut seen = Vec::new();
        for patient in &self.region.patients {
            let mut question = Question {
                asker: Asker {
                    organisation: asking.clone(),
                    function: self.rules.vocabulary().function(function),
                    person: vec![somebody.clone()],
                    role: Some(who.role_code.as_str().into()),
                    responsible: Some(somebody.clone()),
                    assurance: Assurance::Registered,
                    capacity: Capacity::Professional,
                },
                purpose: Purpose::Treat,
                subject: self.subject(patient),
                holder: Party::default(),
                classes: self.rules.vocabulary().all_classes(),
                relations: self.relations(&patient.id, &who.participant)?,
                attestations: self.attestations(&patient.id)?,
                break_glass: None,
                at: self.at,
            };
            let dossier = Dossier::compile(self.rules, &self.readings(&patient.id)?);
            let numbers = [(BSN, patient.bsn.as_str()), (BSN_OID, patient.bsn.as_str())];
            for holding in self.region.holdings.iter().filter(|held| held.patient == patient.id) {
                question.holder = self.party(&holding.holder)?;
                for purpose in &purposes {
                    let emergency = *purpose == Purpose::Etreat;
                    question.purpose = *purpose;
                    question.break_glass = emergency.then_some(BreakGlass {
                        first_use: None,
                        could_not_be_asked: true,
                        registered: self.in_emergency(&holding.holder, "gives")?,
                        followed_up: true,
                    });
                    let decision = decide_with(self.rules, &question, &dossier);
                    let view = View {
                        function: Some(function),
                        role: Some(&who.role_code),
                        reader: Reader::Professional,
                        emergency,
                        at: self.at,
                        identifiers: &numbers,
                        patient_id: "person",
                        types: &|_| true,
                        protected: false,
                        ids: &Plain,
                    };
                    seen.push(self.sights(holding, *purpose, &decision, &view)?);
                }
            }
        }
        Ok(seen)
    }

    fn sights(
        &self,
        holding: &Holding,
        purpose: Purpose,
        decision: &consent::Decision,
        view: &View<'_>,
    ) -> Result<Seen, String> {
        let texts: Vec<String> = holding.resources.iter().map(Value::to_string).collect();
        let keys: Vec<String> =
            (0..).zip(&holding.resources).map(|(at, held): (usize, _)| key(held, at)).collect();
        let raws: Vec<Raw<'_>> = texts
            .iter()
            .zip(&keys)
            .map(|(text, key)| Raw { key, full_url: None, bytes: text.as_bytes(), recorded: None })
            .collect();
        let house = self.house(&holding.holder)?;
        let categories: Vec<&str> = listed(house, "categories").filter_map(Value::as_str).collect();
        let holder = Holder { code: &holding.holder, name: text(house, "name"), categories: &categories };
        let contribution = Contribution {
            holder,
            decision,
            bound: Bound::AtImport,
            patient_references: &[],
            resources: &raws,
        };
        let released = release(self.tables, view, &[contribution]);
        let mut given = BTreeMap::new();
        let mut derived = Vec::new();
        for one in &released.resources {
            let value: Value = serde_json::from_slice(&one.bytes).map_err(|e| e.to_string())?;
            match &one.key {
                Some(key) => drop(given.insert((one.resource_type.clone(), key.clone()), leaves(&value))),
                None => derived.push(Sight {
                    name: format!("derived/{}", one.id),
                    title: title(&value),
                    held: Vec::new(),
                    given: Some(leaves(&value)),
                }),
            }
        }
        let held = holding.resources.iter().zip(keys).map(|(held, key)| {
            let kind = text(held, "resourceType").to_owned();
            Sight {
                name: format!("{kind}/{key}"),
                title: title(held),
                held: leaves(held),
                given: given.remove(&(kind, key)),
            }
        });
        let resources = held.collect::<Vec<_>>().into_iter().chain(derived).collect();
        Ok(Seen { patient: holding.patient.clone(), holder: holding.holder.clone(), purpose, resources })
    }

    fn house(&self, id: &str) -> Result<&'a Value, String> {
        let mut all = self.region.participants.iter();
        all.find(|house| text(house, "id") == id).ok_or_else(|| format!("the region has no {id}"))
    }

    fn party(&self, id: &str) -> Result<Party, String> {
        let house = self.house(id)?;
        let words = self.rules.vocabulary();
        let number = house.get("identifier").unwrap_or(&Value::Null);
        Ok(Party {
            identifiers: vec![Identifier::new(text(number, "system"), text(number, "value"))],
            categories: listed(house, "categories")
                .filter_map(|code| words.category(code.as_str()?))
                .collect(),
            functions: listed(house, "functions").filter_map(|f| words.function(text(f, "code"))).collect(),
        })
    }

    /// Those of a participant that are open to a function; an emergency where it is registered to ask in one.
    fn purposes(&self, function: &str, participant: &str) -> Result<Vec<Purpose>, String> {
        let words = self.rules.vocabulary();
        let spec = words.function(function).and_then(|function| words.function_spec(function));
        let Some(spec) = spec else { return Ok(Vec::new()) };
        let emergency = spec.emergency != BreaksGlass::Never && self.in_emergency(participant, "asks")?;
        let registered = listed(self.house(participant)?, "purposes");
        let registered = registered.filter_map(|code| Purpose::parse(code.as_str()?));
        let open =
            |purpose: &Purpose| spec.purposes.contains(purpose) && (*purpose != Purpose::Etreat || emergency);
        Ok(registered.filter(open).collect())
    }

    /// Whether a participant is registered to ask, or to give, in an emergency.
    fn in_emergency(&self, participant: &str, what: &str) -> Result<bool, String> {
        let registered = self.house(participant)?.get("emergency");
        Ok(registered.and_then(|emergency| emergency.get(what)) == Some(&Value::Bool(true)))
    }

    fn subject(&self, patient: &Patient) -> Subject {
        let mandates = self.region.mandates.iter().filter(|it| it.patient == patient.id);
        let recorded = mandates.filter_map(|mandate| {
            Some(RecordedRepresentative {
                person: Identifier::new(REPRESENTATIVE, mandate.login.as_str()),
                kind: Representation::parse(&mandate.kind)?,
                mandate: consent::Period::default(),
                scope: None,
            })
        });
        Subject { birth_date: patient.birth_date.parse().ok(), representatives: recorded.collect() }
    }

    fn about<'r>(all: &'r [Recorded], patient: &'r str) -> impl Iterator<Item = (String, &'r Recorded)> {
        let numbered = (1..).zip(all).filter(move |(_, it): &(u32, _)| it.patient == patient);
        numbered.map(|(number, it)| (number.to_string(), it))
    }

    fn readings(&self, patient: &str) -> Result<Vec<Reading>, String> {
        let mut readings = Vec::new();
        for (id, recorded) in Self::about(&self.region.consents, patient) {
            let own = self.party(&recorded.recorder)?.identifiers;
            let context = consent_wire::Context {
                id: &id,
                version: 1,
                register: "preview",
                recorder: consent_wire::Recorder::Organisation(&own),
                now: self.at,
                vocabulary: self.rules.vocabulary(),
                takes_part: &|_| true,
            };
            let read = consent_wire::read(recorded.resource.to_string().as_bytes(), &context);
            readings
                .push(Reading::Readable(read.map_err(|e| format!("consent of {patient}: {e:?}"))?.record));
        }
        Ok(readings)
    }

    /// What an organisation recorded itself opens nothing for it.
    fn relations(&self, patient: &str, asking: &str) -> Result<Vec<Relation>, String> {
        let others = Self::about(&self.region.relations, patient).filter(|(_, it)| it.recorder != asking);
        others
            .map(|(_, it)| {
                let wire = it.resource.to_string();
                let read = relation_wire::read_relation(text(&it.resource, "resourceType"), wire.as_bytes());
                let by = self.party(&it.recorder)?.identifiers.into_iter().next();
                read.map(|read| Relation { recorded_by: by, ..read.relation })
                    .map_err(|e| format!("relation of {patient}: {e:?}"))
            })
            .collect()
    }

    fn attestations(&self, patient: &str) -> Result<Vec<Attestation>, String> {
        let all = Self::about(&self.region.attestations, patient);
        all.map(|(_, it)| {
            let author = self.region.staff.iter().find(|who| who.participant == it.recorder);
            let person = [Identifier::new(PERSON_SYSTEM, author.map_or("", |who| who.id.as_str()))];
            let context = relation_wire::AttestationContext {
                organisation: &self.party(&it.recorder)?.identifiers,
                person: &person,
                function: author.and_then(|who| who.functions.first()).map(String::as_str),
                now: self.at,
                vocabulary: self.rules.vocabulary(),
            };
            let read = relation_wire::read_attestation(it.resource.to_string().as_bytes(), &context);
            read.map(|read| read.attestation).map_err(|e| format!("attestation of {patient}: {e:?}"))
        })
        .collect()
    }
}

/// Ids that a reader of a preview can follow.
struct Plain;

impl Ids for Plain {
    fn outward(&self, _: &str, _: &str, key: &str) -> String {
        key.rsplit('/').next().unwrap_or(key).to_owned()
    }
}

fn key(held: &Value, at: usize) -> String {
    held.get("id").and_then(Value::as_str).map_or_else(|| at.to_string(), str::to_owned)
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn listed<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// What a resource is about, in words.
fn title(resource: &Value) -> String {
    let words =
        ["/code", "/medicationCodeableConcept", "/type", "/category/0", "/relationship/0", "/vaccineCode"];
    let concept = words.iter().filter_map(|at| resource.pointer(at));
    let said = concept.filter_map(|concept| {
        let display = concept.pointer("/coding/0/display").and_then(Value::as_str);
        concept.get("text").and_then(Value::as_str).or(display)
    });
    let plain = ["/title", "/description/text", "/name/0/text", "/name"];
    let plain = plain.iter().filter_map(|at| resource.pointer(at)?.as_str());
    said.chain(plain).next().unwrap_or(text(resource, "resourceType")).to_owned()
}

/// Every leaf with its path; ids and what references name are ours in any case, so that only their place counts.
fn leaves(resource: &Value) -> Vec<Leaf> {
    let mut found = Vec::new();
    walk(resource, String::new(), &mut found);
    found.retain(|(path, _)| path != "id" && path != "resourceType");
    found
}

fn walk(value: &Value, path: String, found: &mut Vec<Leaf>) {
    match value {
        Value::Object(members) => {
            for (name, inner) in members {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                walk(inner, below, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, path.clone(), found)),
        Value::String(_) if path.ends_with("reference") => found.push((path, "→".to_owned())),
        Value::String(plain) => found.push((path, plain.clone())),
        other => found.push((path, other.to_string())),
    }
}

const NOON: &str = "2026-11-21T11:00:00Z";
const BSN: &str = "http://fhir.nl/fhir/NamingSystem/bsn";
const BSN_OID: &str = "urn:oid:2.16.840.1.113883.2.4.6.3";
