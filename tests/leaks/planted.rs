//! A person whose records hold a marker, `LEAK-...`, in every kind of place that must not travel to a coordination
//! centre, at two holders.

use serde_json::{Value, json};
use sluis_tests::World;
use sluis_tests::ask::BSN;
use std::sync::OnceLock;

/// Whom it is about.
pub(crate) const PERSON: &str = "999990196";
/// Somebody else, with records of her own.
pub(crate) const OTHER: &str = "999990184";

/// The world with these two persons in it, and consents for triage.
pub(crate) fn world() -> &'static World {
    static PLANTED: OnceLock<()> = OnceLock::new();
    let world = World::shared();
    PLANTED.get_or_init(|| plant(world));
    world
}

fn coding(system: &str, code: &str, display: &str) -> Value {
    json!({"coding": [{"system": system, "code": code, "display": display}]})
}

const SCT: &str = "http://snomed.info/sct";
const ATC: &str = "http://www.whocc.no/atc";

fn plant(world: &World) {
    let subject = json!({"reference": "Patient/p", "display": "LEAK-subject-display"});
    let div = |marker: &str| json!({"status": "generated", "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{marker}</div>")});
    let meta = json!({
        "source": "https://intern.example/LEAK-source", "versionId": "LEAK-version",
        "tag": [{"system": "urn:x", "code": "LEAK-tag"}],
        "security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "N", "display": "LEAK-label"}],
    });
    let extension = json!([{"url": "https://x.example/LEAK-extension-url", "valueString": "LEAK-extension"}]);
    let linde = json!([
        {"resourceType": "Patient", "id": "p", "meta": meta, "text": div("LEAK-patient-div"), "extension": extension,
         "identifier": [{"system": BSN, "value": PERSON}], "name": [{"family": "Planted"}], "birthDate": "1942-06-11",
         "photo": [{"url": "https://intern.example/LEAK-photo"}],
         "managingOrganization": {"display": "LEAK-managing"},
         "link": [{"other": {"reference": "Patient/LEAK-linked"}, "type": "seealso"}]},
        {"resourceType": "Condition", "id": "c1", "meta": meta, "text": div("LEAK-condition-div"), "extension": extension,
         "contained": [{"resourceType": "Practitioner", "id": "k", "name": [{"text": "LEAK-contained"}]}],
         "recorder": {"reference": "#k", "display": "LEAK-recorder-display"},
         "clinicalStatus": coding("http://terminology.hl7.org/CodeSystem/condition-clinical", "active", "actief"),
         "code": {"coding": [{"system": SCT, "code": "38341003", "display": "Hypertensie"},
                             {"system": "https://intern.example/codes", "code": "LEAK-local-code"}], "text": "LEAK-code-text"},
         "subject": subject, "encounter": {"reference": "Encounter/e", "display": "LEAK-encounter-display"},
         "evidence": [{"detail": [{"reference": "Observation/LEAK-detail"}]}],
         "note": [{"text": "LEAK-note", "authorString": "LEAK-note-author"}]},
        {"resourceType": "Condition", "id": "hidden", "subject": subject,
         "code": {"coding": [{"system": SCT, "code": "35489007", "display": "LEAK-depression"}], "text": "LEAK-depression-text"}},
        {"resourceType": "Condition", "id": "unlabelled", "subject": subject,
         "code": {"text": "LEAK-unclassified"}},
        {"resourceType": "Condition", "id": "labelled", "subject": subject,
         "meta": {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"},
                               {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSY"}]},
         "code": coding(SCT, "40930008", "LEAK-labelled")},
        {"resourceType": "MedicationRequest", "id": "m1", "status": "active", "intent": "order", "subject": subject,
         "contained": [{"resourceType": "Medication", "id": "pil", "code": coding(ATC, "C07AB02", "Metoprolol"), "text": div("LEAK-contained-div")}],
         "medicationReference": {"reference": "#pil", "display": "LEAK-medication-display"},
         "reasonCode": [{"coding": [{"system": SCT, "code": "35489007"}], "text": "LEAK-reason"}],
         "note": [{"text": "LEAK-prescriber-note"}],
         "dosageInstruction": [{"text": "LEAK-dosage", "patientInstruction": "LEAK-instruction"}]},
        {"resourceType": "MedicationRequest", "id": "m2", "status": "active", "intent": "order", "subject": subject,
         "medicationCodeableConcept": coding(ATC, "N06AB03", "LEAK-fluoxetine")},
        {"resourceType": "Observation", "id": "o1", "status": "final", "subject": subject,
         "category": [coding("http://terminology.hl7.org/CodeSystem/observation-category", "laboratory", "lab")],
         "code": coding("http://loinc.org", "718-7", "Hb"), "effectiveDateTime": "2026-11-01",
         "performer": [{"display": "LEAK-GGZ-performer"}],
         "valueQuantity": {"value": 7.40, "unit": "mmol/L"},
         "note": [{"text": "LEAK-lab-note"}]},
        {"resourceType": "DiagnosticReport", "id": "d1", "status": "final", "subject": subject,
         "code": coding("http://loinc.org", "11502-2", "lab"), "effectiveDateTime": "2026-11-01", "conclusion": "LEAK-conclusion",
         "presentedForm": [{"url": "https://intern.example/LEAK-form", "title": "LEAK-form-title"}]},
        {"resourceType": "AllergyIntolerance", "id": "a1", "patient": subject, "text": div("LEAK-allergy-div"),
         "clinicalStatus": coding("http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "active", "actief"),
         "code": {"coding": [{"system": SCT, "code": "764146007", "display": "Penicilline"}], "text": "LEAK-allergy-text"},
         "note": [{"text": "LEAK-allergy-note"}]},
        {"resourceType": "CareTeam", "id": "t1", "status": "active", "subject": subject, "name": "LEAK-team-name",
         "participant": [{"role": [{"text": "LEAK-role"}], "member": {"display": "LEAK-psychiater"}}]},
        {"resourceType": "Appointment", "id": "ap1", "status": "booked", "description": "LEAK-appointment",
         "start": "2026-12-01T10:00:00+01:00", "end": "2026-12-01T10:10:00+01:00",
         "comment": "LEAK-comment", "serviceType": [{"text": "LEAK-service"}],
         "participant": [{"actor": subject, "status": "accepted"}]},
        {"resourceType": "Task", "id": "k1", "status": "requested", "intent": "order", "for": subject,
         "description": "LEAK-task", "note": [{"text": "LEAK-task-note"}]},
        {"resourceType": "Encounter", "id": "e", "status": "finished", "subject": subject,
         "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
         "serviceType": {"text": "LEAK-service-type"}, "reasonCode": [{"text": "LEAK-visit"}],
         "period": {"start": "2026-11-01T10:00:00+01:00"}},
        {"resourceType": "DocumentReference", "id": "doc", "status": "current", "subject": subject, "description": "LEAK-document",
         "type": coding("http://loinc.org", "11488-4", "LEAK-letter"),
         "content": [{"attachment": {"title": "LEAK-title", "url": "https://intern.example/Binary/LEAK-binary"}}]},
        {"resourceType": "Provenance", "id": "prov", "target": [{"reference": "Condition/hidden"}],
         "recorded": "2026-11-01T10:00:00Z", "agent": [{"who": {"display": "LEAK-agent"}}],
         "reason": [{"text": "LEAK-why"}]},
    ]);
    let oever = json!([
        {"resourceType": "Patient", "id": "q", "identifier": [{"system": BSN, "value": PERSON}], "name": [{"family": "Planted"}],
         "birthDate": "1942-06-11"},
        {"resourceType": "Condition", "id": "x1", "subject": {"reference": "Patient/q"}, "code": coding(SCT, "58214004", "LEAK-schizophrenia")},
        {"resourceType": "Observation", "id": "x2", "status": "final", "subject": {"reference": "Patient/q"},
         "code": coding("http://loinc.org", "14334-7", "LEAK-lithium"), "valueQuantity": {"value": 0.7, "unit": "mmol/L"}},
    ]);
    let other = json!([
        {"resourceType": "Patient", "id": "p", "identifier": [{"system": BSN, "value": OTHER}], "name": [{"family": "Ander"}],
         "birthDate": "1942-06-11"},
        {"resourceType": "Condition", "id": "o", "subject": {"reference": "Patient/p"}, "code": coding(SCT, "73211009", "OTHER-diabetes")},
    ]);
    import(world, "huisarts-de-linde", &linde);
    import(world, "ggz-de-oever", &oever);
    import(world, "huisarts-de-linde", &other);
    for person in [PERSON, OTHER] {
        world.sluis_with(["consent", "record", "-"], consent(world, person).to_string().as_bytes()).ok();
    }
}

/// Imports resources as one bundle.
#[track_caller]
pub(crate) fn import(world: &World, holder: &str, resources: &Value) {
    let entry: Vec<Value> = resources.as_array().unwrap().iter().map(|r| json!({"resource": r})).collect();
    let bundle = json!({"resourceType": "Bundle", "type": "collection", "entry": entry});
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("planted.json");
    std::fs::write(&file, bundle.to_string()).unwrap();
    world.sluis(["import", "--holder", holder, file.to_str().unwrap(), "--json"]).ok();
}

/// A permit from De Linde for triage: all that needs no named act.
pub(crate) fn consent(world: &World, person: &str) -> Value {
    let who = |role: &str, reference: Value| {
        json!({"role": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": role}]},
               "reference": reference})
    };
    let linde =
        json!({"type": "Organization", "identifier": world.participant("huisarts-de-linde")["identifier"]});
    let triage = json!({"type": "Group", "identifier": {"system": "https://sluis.example/fhir/NamingSystem/function", "value": "triage"}});
    json!({
        "resourceType": "Consent", "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"type": "Patient", "identifier": {"system": BSN, "value": person}},
        "dateTime": "2026-11-20T10:00:00+01:00",
        "performer": [{"type": "Patient", "identifier": {"system": BSN, "value": person}}],
        "organization": [linde],
        "sourceAttachment": {"title": "Gesprek"},
        "policy": [{"uri": "https://sluis.example/fhir/policy/1"}],
        "provision": {"type": "permit", "actor": [who("CST", linde), who("IRCP", triage)]},
    })
}
