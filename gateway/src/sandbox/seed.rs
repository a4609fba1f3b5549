//! The first start of a sandbox: the region goes in through the ordinary roads, once.

use super::pki::Material;
use super::region::{Holding, Mandate, Patient, REPRESENTATIVE, Region};
use crate::boot::BootError;
use crate::clock::Clock;
use crate::desk::{self, Refused};
use crate::localisation::{self, Entry};
use crate::register;
use crate::store::facts::Names;
use crate::store::keys::write_secret;
use crate::trust::participant::Holder;
use crate::trust::{Participant, Person, State};
use crate::world::World;
use consent::Period;
use consent::question::RecordedRepresentative;
use consent::record::Representation;
use data_encoding::BASE32_NOPAD;
use fhir_mappings::classify::Origin;
use fhir_mappings::identifiers::{Identifier, KnownSystem};
use fhir_mappings::intake::Format;
use jiff::Timestamp;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// Says that a folder is a sandbox, and when it was first started.
pub(super) const MARK: &str = "sandbox.json";

/// Where the listeners are.
pub(super) struct Places {
    pub(super) exchange: String,
    pub(super) portal: String,
    pub(super) management: String,
}

/// The instant of the first start: all invented dates are moved to its day.
pub(super) fn first_start(dir: &Path, clock: &Clock) -> Result<Timestamp, BootError> {
    let path = dir.join(MARK);
    if let Some(mark) = read_json(&path)? {
        let started = mark.get("started").and_then(Value::as_str).and_then(|t| t.parse().ok());
        return started.ok_or_else(|| BootError(format!("{}: no instant of first start", path.display())));
    }
    if dir.join("journal").exists() {
        return Err(BootError(format!("{} holds a gateway that is no sandbox", dir.display())));
    }
    let started = clock.now();
    let mark = json!({"started": started.to_string(), "filled": false, "secrets": {}});
    write_json(&path, &mark)?;
    Ok(started)
}

fn read_json(path: &Path) -> Result<Option<Value>, BootError> {
    match fs::read(path) {
        Ok(text) => {
            serde_json::from_slice(&text).map(Some).map_err(|e| BootError(format!("{}: {e}", path.display())))
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(BootError(format!("{}: {e}", path.display()))),
    }
}

fn write_json(path: &Path, value: &Value) -> Result<(), BootError> {
    let text = serde_json::to_vec_pretty(value).map_err(|e| BootError(e.to_string()))?;
    write_secret(path, &text).map_err(|e| BootError(format!("{}: {e}", path.display())))
}

/// A sandbox stays as it was first started: data here, or at the holders' own servers.
pub(super) fn stays_as_it_was(dir: &Path, remote: bool) -> Result<(), BootError> {
    let path = dir.join(MARK);
    let mark = read_json(&path)?.unwrap_or_default();
    let was = mark.get("remote").and_then(Value::as_bool).unwrap_or(false);
    if mark.get("filled") != Some(&json!(true)) || was == remote {
        return Ok(());
    }
    let how = if was { "with --remote" } else { "without --remote" };
    Err(BootError(format!(
        "{} was started {how}: start it so again, or throw it away with --fresh",
        dir.display()
    )))
}

pub(super) fn region(started: Timestamp) -> Result<Region, BootError> {
    let zone = jiff::tz::TimeZone::get("Europe/Amsterdam").map_err(|e| BootError(e.to_string()))?;
    Region::build(started.to_zoned(zone).date()).map_err(|e| BootError(e.to_string()))
}

/// Fills a new sandbox. Registering and importing again changes nothing, so that a first start that was cut short is
/// done again; what has no key of its own (consents, relations) goes in unless its very words stand there.
pub(super) fn fill(
    dir: &Path,
    world: &World,
    material: &Material,
    started: Timestamp,
    remote: bool,
) -> Result<(), BootError> {
    let path = dir.join(MARK);
    let mut mark = read_json(&path)?.unwrap_or_default();
    if mark.get("filled") == Some(&json!(true)) {
        return Ok(());
    }
    fill_in(world, material, started, remote)?;
    if let Some(members) = mark.as_object_mut() {
        members.insert("remote".into(), json!(remote));
        members.insert("filled".into(), json!(true));
    }
    write_json(&path, &mark)
}

fn fill_in(world: &World, material: &Material, started: Timestamp, remote: bool) -> Result<(), BootError> {
    let region = region(started)?;
    let refused = |what: String| move |e: Refused| BootError(format!("the region's own {what}: {e}"));
    for document in &region.participants {
        let mut participant = equipped(document, material)?;
        if remote && participant.holder.is_some() {
            participant.holder = Some(Holder::Remote);
        }
        let id = participant.id.as_str().to_owned();
        register::add(world, participant).map_err(refused(id))?;
    }
    for person in staff(&region)? {
        register::add_person(world, &person).map_err(refused(person.id.as_str().to_owned()))?;
    }
    for holding in &region.holdings {
        let patient = region.patients.iter().find(|p| p.id == holding.patient);
        let identifier = patient.and_then(|p| Identifier::new(KnownSystem::Bsn.uri(), &p.bsn));
        if remote {
            if let (Some(patient), Some(identifier)) = (patient, &identifier) {
                entered(world, holding, patient, identifier)
                    .map_err(refused(format!("index of {} at {}", holding.patient, holding.holder)))?;
            }
            continue;
        }
        let entry: Vec<Value> = holding.resources.iter().map(|r| json!({"resource": r})).collect();
        let bundle = json!({"resourceType": "Bundle", "type": "collection", "entry": entry}).to_string();
        let what = format!("data of {} at {}", holding.patient, holding.holder);
        desk::import(world, &holding.holder, bundle.as_bytes(), Format::Json, identifier.as_ref())
            .map_err(refused(what))?;
    }
    for patient in &region.patients {
        if let Some(bsn) = Identifier::new(KnownSystem::Bsn.uri(), &patient.bsn) {
            desk::know_as(world, &bsn, ("urn:sluis:person", &patient.id))
                .map_err(refused(patient.id.clone()))?;
        }
    }
    for mandate in &region.mandates {
        let what = format!("mandate of {} for {}", mandate.login, mandate.patient);
        if let Some(patient) = region.patients.iter().find(|p| p.id == mandate.patient) {
            mandated(world, patient, mandate).map_err(refused(what))?;
        }
    }
    let stands = |patient: &str, wire: &str| {
        let found = region.patients.iter().find(|p| p.id == patient);
        let identifier = found.and_then(|p| Identifier::new(KnownSystem::Bsn.uri(), &p.bsn));
        identifier.is_some_and(|i| desk::stands_already(world, &i, wire))
    };
    for recorded in &region.consents {
        let (what, wire) = (format!("consent of {}", recorded.patient), recorded.resource.to_string());
        if !stands(&recorded.patient, &wire) {
            desk::record_consent(world, wire.as_bytes(), desk::Origin::Desk).map_err(refused(what))?;
        }
    }
    for recorded in &region.relations {
        let (what, wire) = (format!("relation of {}", recorded.patient), recorded.resource.to_string());
        if !stands(&recorded.patient, &wire) {
            desk::add_relation(world, wire.as_bytes()).map_err(refused(what))?;
        }
    }
    for recorded in &region.attestations {
        if stands(&recorded.patient, &recorded.resource.to_string()) {
            continue;
        }
        let what = format!("attestation of {}", recorded.patient);
        let author = region.staff.iter().find(|s| s.participant == recorded.recorder);
        let (person, function) = author
            .map(|a| (a.id.as_str(), a.functions.first().map_or("", String::as_str)))
            .unwrap_or_default();
        let bytes = recorded.resource.to_string();
        desk::add_attestation(world, &recorded.recorder, person, function, bytes.as_bytes())
            .map_err(refused(what))?;
    }
    for id in &region.suspended {
        register::set_state(world, id, State::Suspended).map_err(refused(id.clone()))?;
    }
    Ok(())
}

/// A holder enters in the index what it has of a person: the classes of each resource, as it would find them itself.
fn entered(world: &World, holding: &Holding, patient: &Patient, person: &Identifier) -> Result<(), Refused> {
    let trust = world.store.trust();
    let categories = trust.participant(&holding.holder).map(|p| p.categories.clone()).unwrap_or_default();
    let categories: Vec<&str> = categories.iter().map(crate::trust::CategoryCode::as_str).collect();
    let origin = Origin { categories: &categories };
    let mut classes = consent::ClassSet::EMPTY;
    for resource in &holding.resources {
        let text = resource.to_string();
        if let Ok(doc) = fhir_mappings::json::parse(text.as_bytes()) {
            classes = classes.union(world.tables.classify(doc.root(), &origin).classes);
        }
    }
    let vocabulary = world.rules.vocabulary();
    let classes: Vec<String> = classes.iter().map(|class| vocabulary.class_code(class).to_owned()).collect();
    let entry = Entry { holder: &holding.holder, birth_date: Some(&patient.birth_date), classes: &classes };
    localisation::register(world, person, &entry).map(drop)
}

/// Records who acts for a person. What the person authorised personally opens by a permit of that person beside it:
/// being a carer by itself opens nothing.
fn mandated(world: &World, patient: &Patient, mandate: &Mandate) -> Result<(), Refused> {
    let unfit = || Refused::new("body-invalid", "the mandate does not read");
    let bsn = Identifier::new(KnownSystem::Bsn.uri(), &patient.bsn).ok_or_else(unfit)?;
    let recorded = RecordedRepresentative {
        person: consent::Identifier::new(REPRESENTATIVE, mandate.login.as_str()),
        kind: Representation::parse(&mandate.kind).ok_or_else(unfit)?,
        mandate: Period::parse(&mandate.from, mandate.to.as_deref().unwrap_or("")).map_err(|_| unfit())?,
        scope: (!mandate.classes.is_empty())
            .then(|| mandate.classes.iter().map(|class| class.as_str().into()).collect()),
    };
    let names = Names { acting: mandate.name.clone(), acted_for: patient.name.clone() };
    desk::represent(world, &bsn, recorded, Some(names), None)?;
    if mandate.kind != "informal-carer" {
        return Ok(());
    }
    let wire = authorisation(patient, mandate).to_string();
    if desk::stands_already(world, &bsn, &wire) {
        return Ok(());
    }
    desk::record_own_consent(world, wire.as_bytes())
}

/// What the person gave in writing to somebody who helps: to look along, in these classes, until then.
fn authorisation(patient: &Patient, mandate: &Mandate) -> Value {
    let hl7 = |system: &str, code: &str| json!({"coding": [{"system": format!("http://terminology.hl7.org/CodeSystem/{system}"), "code": code}]});
    let actor = |role: &str, reference: Value| json!({"role": hl7("v3-ParticipationType", role), "reference": reference});
    let person =
        json!({"type": "Patient", "identifier": {"system": KnownSystem::Bsn.uri(), "value": patient.bsn}});
    let codes: Vec<Value> = mandate
        .classes
        .iter()
        .map(|class| json!({"coding": [{"system": format!("{S}CodeSystem/data-class"), "code": class}]}))
        .collect();
    let mut period = json!({"start": mandate.from});
    if let (Some(members), Some(end)) = (period.as_object_mut(), &mandate.to) {
        members.insert("end".into(), json!(end));
    }
    json!({
        "resourceType": "Consent", "status": "active", "scope": hl7("consentscope", "patient-privacy"),
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": person, "dateTime": mandate.from, "performer": [person],
        "sourceAttachment": {"contentType": "text/plain", "title": mandate.evidence},
        "policy": [{"uri": format!("{S}policy/2026-11")}],
        "provision": {
            "type": "permit", "period": period,
            "actor": [
                actor("CST", json!({"type": "Group", "identifier": {"system": format!("{S}NamingSystem/category"), "value": "any"}})),
                actor("IRCP", json!({"type": "Practitioner", "identifier": {"system": format!("{S}NamingSystem/person"), "value": mandate.login}})),
            ],
            "purpose": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "PATRQT"}],
            "code": codes,
        },
    })
}

const S: &str = "https://sluis.example/fhir/";

/// A participant of the region with the certificate and key that were minted for it.
fn equipped(document: &Value, material: &Material) -> Result<Participant, BootError> {
    let id = document.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let known = material.party(&id).ok_or_else(|| BootError(format!("pki/{id} is missing")))?;
    let mut document = document.clone();
    if let Some(members) = document.as_object_mut() {
        members.insert("certificate_sha256".into(), json!(known.certificate_sha256));
        members.insert("jwks".into(), json!({"keys": [known.public_jwk]}));
    }
    Participant::from_json(document.to_string().as_bytes()).map_err(|mistakes| {
        let words: Vec<_> = mistakes.iter().map(|m| format!("{}: {}", m.field, m.what)).collect();
        BootError(format!("the region's own participant {id}: {}", words.join("; ")))
    })
}

fn staff(region: &Region) -> Result<Vec<Person>, BootError> {
    let document = |s: &super::region::Staff| {
        json!({
            "id": s.id, "name": s.name, "role": {"system": s.role_system, "code": s.role_code},
            "functions": s.functions, "participant": s.participant,
        })
    };
    let officers = region.logins.iter().filter(|l| l.portal.code() == "officer").filter_map(|l| {
        let participant = l.participant.clone()?;
        Some(json!({
            "id": l.user, "name": l.user, "functions": [], "participant": participant,
            "role": {"system": "https://sluis.example/fhir/CodeSystem/person-role", "code": "officer"},
        }))
    });
    let all = region.staff.iter().map(document).chain(officers);
    all.map(|d| serde_json::from_value(d).map_err(|e| BootError(format!("the region's own staff: {e}"))))
        .collect()
}

/// Writes `region.json` whole (CONTRACT.md 2).
pub(super) fn write_region_json(
    dir: &Path,
    world: &World,
    material: &Material,
    places: &Places,
    started: Timestamp,
) -> Result<(), BootError> {
    let region = region(started)?;
    let trust = world.store.trust();
    let mut participants = Vec::new();
    for document in &region.participants {
        let mut shown = document.clone();
        let id = document.get("id").and_then(Value::as_str).unwrap_or_default();
        if let (Some(members), Some(known)) = (shown.as_object_mut(), trust.participant(id)) {
            members.insert("holder".into(), json!(known.holder));
        }
        let state = match trust.participant(id).map(|p| p.state) {
            Some(State::Active) => "active",
            Some(State::Suspended) => "suspended",
            None => "unknown",
        };
        add_paths(&mut shown, id, state);
        participants.push(shown);
    }
    for id in &region.strangers {
        let mut shown = json!({"id": id, "name": "Niemand", "categories": [], "functions": [], "identifier": null,
            "purposes": [], "audience": "smart", "recorder": false, "holder": null});
        add_paths(&mut shown, id, "unknown");
        if material.party(id).is_some() {
            participants.push(shown);
        }
    }
    let people: Vec<Value> = staff(&region)?
        .iter()
        .filter(|p| !p.is_officer())
        .map(|p| serde_json::to_value(p).unwrap_or_default())
        .collect();
    let patients: Vec<Value> = region
        .patients
        .iter()
        .map(|p| {
            json!({"id": p.id, "name": p.name, "bsn": p.bsn, "birthDate": p.birth_date, "story": p.story, "holders": p.holders})
        })
        .collect();
    let document = json!({
        "exchange": places.exchange,
        "portal": places.portal,
        "management": places.management,
        "origin": super::demo::ORIGIN,
        "journal_key": world.store.journal_key(super::demo::ORIGIN).map_err(|e| BootError(e.to_string()))?,
        "started": started.to_string(),
        "participants": participants,
        "people": people,
        "patients": patients,
        "logins": logins(dir, started)?,
    });
    write_json(&dir.join("region.json"), &document)
}

fn add_paths(participant: &mut Value, id: &str, state: &str) {
    let Some(members) = participant.as_object_mut() else { return };
    for (member, file) in [("certificate", "cert.pem"), ("key", "key.pem"), ("jwk", "jwk.json")] {
        members.insert(member.into(), json!(format!("pki/{id}/{file}")));
    }
    members.insert("state".into(), json!(state));
}

/// The logins with their secrets, which are made once and kept.
pub(super) fn logins(dir: &Path, started: Timestamp) -> Result<Vec<Value>, BootError> {
    let region = region(started)?;
    let path = dir.join(MARK);
    let mut mark = read_json(&path)?.unwrap_or_default();
    let mut secrets = mark.get("secrets").cloned().unwrap_or_else(|| json!({}));
    let mut fresh = false;
    let mut logins = Vec::new();
    for login in &region.logins {
        if secrets.get(&login.user).is_none() {
            if let Some(members) = secrets.as_object_mut() {
                members.insert(login.user.clone(), json!(secret()?));
            }
            fresh = true;
        }
        logins.push(json!({
            "user": login.user, "portal": login.portal.code(), "participant": login.participant,
            "secret": secrets.get(&login.user), "acts_for": login.acts_for,
        }));
    }
    if fresh && let Some(members) = mark.as_object_mut() {
        members.insert("secrets".into(), secrets);
        write_json(&path, &mark)?;
    }
    Ok(logins)
}

fn secret() -> Result<String, BootError> {
    let mut bytes = [0; 15];
    SystemRandom::new().fill(&mut bytes).map_err(|_| BootError("the system gave no randomness".into()))?;
    Ok(BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())
}
