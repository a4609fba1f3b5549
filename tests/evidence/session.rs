//! A varied session: every road that leaves a record, once at least.

use data_encoding::BASE64;
use serde_json::{Value, json};
use sluis_tests::client::Client;
use sluis_tests::{Request, World};

/// A person of the region with data at three holders, whom everybody below asks about.
pub(crate) const PERSON: &str = "kaya";

/// A family name and words that occur nowhere else.
pub(crate) const NAME: &str = "Zwanenplantage";
pub(crate) const WORDS: &str = "PLANTED-WORDS-7531";
/// A number that passes the eleven-test and is nobody's yet.
pub(crate) const NUMBER: &str = "123456782";

fn document() -> String {
    json!({"resourceType": "Bundle", "type": "collection", "entry": [
        {"fullUrl": "urn:uuid:0b0f4a7e-8a3f-4d6c-9d1e-0123456789ab", "resource": {
            "resourceType": "Patient", "id": "planted", "birthDate": "1961-02-03", "gender": "female",
            "identifier": [{"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": NUMBER}],
            "name": [{"family": NAME, "given": ["Wilhelmina"]}]}},
        {"fullUrl": "urn:uuid:0b0f4a7e-8a3f-4d6c-9d1e-0123456789ac", "resource": {
            "resourceType": "Condition", "id": "planted-condition", "code": {"text": WORDS},
            "subject": {"reference": "Patient/planted"}}},
    ]})
    .to_string()
}

/// What was asked of the program in a session.
pub(crate) struct Session {
    /// Request ids of answers under `/fhir` and `/oauth`, with their status.
    pub(crate) answered: Vec<(String, u16)>,
}

/// Asks everything once.
pub(crate) fn run(world: &World) -> Session {
    let mut answered = Vec::new();
    let mut note = |answer: &sluis_tests::Answer| {
        answered.push((answer.request_id().to_owned(), answer.status));
    };
    let linden = world.staff("linden", "gp-own");
    note(&linden.ask_token());
    let id = linden.id(PERSON);
    note(&linden.summary(PERSON));
    note(&linden.search_id(&id, "Condition", "clinical-status=active"));
    note(&linden.search_id(&id, "Observation", "category=laboratory"));
    note(&linden.get(&format!("Patient/{id}")));
    note(&linden.explain(&id));
    // Refusals on every stage.
    note(&linden.get(&format!("Condition?patient={}", world.bsn(PERSON))));
    note(&linden.get("Condition?patient=x&_sort=date"));
    note(&linden.find("unknown"));
    note(&linden.get("Condition?patient=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
    note(&linden.client().send(&Request::get("/fhir/Patient/x").bearer("nonsense")));
    note(&linden.send(Request::get("/fhir/Patient/x").header("Accept", "text/html")));
    note(&linden.send(Request::new("POST", "/fhir/Patient/_search").header("Content-Type", "text/plain")));
    note(&linden.send(Request::fhir("POST", "/fhir/Consent", "{}")));
    note(&world.asker("coordinatiepunt-verblijf").find(PERSON));
    let suspended = sluis_tests::Assertion::of(world, "geschorst-bureau");
    note(&suspended.send(&world.client("geschorst-bureau")));
    // A number where an asker chooses the words.
    let staff = format!("urn:example:staff#{NUMBER}");
    for (pointer, value) in [
        ("/extensions/hl7-b2b/subject_id", json!(staff)),
        ("/extensions/hl7-b2b/subject_role", json!(staff)),
        ("/extensions/sluis/responsible", json!(staff)),
        ("/extensions/sluis/relation", json!({"type": "episode", "identifier": format!("bsn-{NUMBER}")})),
        ("/extensions/sluis/function", json!(NUMBER)),
    ] {
        let asker = world.staff("linden", "gp-own");
        let asker = asker.claim("/extensions/hl7-b2b/subject_id", json!("urn:example:staff#17"));
        let asker = asker.claim("/extensions/hl7-b2b/subject_name", json!(format!("Zuster {NUMBER}")));
        note(&asker.claim(pointer, value).ask_token());
    }
    // Somebody under responsibility, and an emergency.
    let valk = world.staff("valk", "triage").responsible("brug").break_glass("peters", WORDS);
    note(&valk.ask_token());
    note(&valk.summary("peters"));
    // What is recorded about a person: withdrawn again at once, so that the session leaves the region as it was.
    let own = world.own(PERSON);
    let own_id = own.id(PERSON);
    note(&own.get(&format!("AuditEvent?patient={own_id}&_count=5")));
    note(&own.get(&format!("Consent?patient={own_id}")));
    // The officer.
    note(&world.officer("huisarts-de-linde", "officer-linde").get(&format!("AuditEvent?patient={id}")));
    // The desk and the operator.
    let import = world.dir().join("planted.json");
    std::fs::write(&import, document()).unwrap();
    let import = import.to_str().unwrap().to_owned();
    let _taken = world.sluis(["import", "--holder", "huisarts-de-linde", &import]).ok();
    std::fs::remove_file(&import).unwrap();
    let number = world.bsn(PERSON);
    let explained =
        ["explain", "--as", "huisarts-de-linde", "--purpose", "TREAT", "--patient", "-", "--json"];
    let _said = world.sluis_with(explained, number.as_bytes()).ok();
    let _said = world.sluis(["participant", "suspend", "buurtnetwerk-samen"]).ok();
    let _said = world.sluis(["participant", "resume", "buurtnetwerk-samen"]).ok();
    let certificate = world.dir().join("pki/geschorst-bureau/cert.pem");
    let _said = world.sluis(["certificate", "block", certificate.to_str().unwrap()]).ok();
    let _said = world.sluis(["audit", "prove", "--index", "0"]).ok();
    // The planted person, through the front door.
    let form = [
        ("identifier", format!("http://fhir.nl/fhir/NamingSystem/bsn|{NUMBER}")),
        ("birthdate", "1961-02-03".to_owned()),
    ];
    let form: Vec<_> = form.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let found = linden.send(Request::form("/fhir/Patient/_search", &form)).ok();
    note(&found);
    note(&linden.get(&format!("Condition?patient={NUMBER}")));
    // A handshake without a certificate is counted.
    let _refused = Client::new(world, None).try_send(&Request::get("/fhir/metadata"));
    Session { answered }
}

/// `stored` of a dump's line, as bytes.
pub(crate) fn stored(record: &Value) -> Vec<u8> {
    BASE64.decode(record["record"].as_str().unwrap().as_bytes()).unwrap()
}
