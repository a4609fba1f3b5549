//! The spine, end to end: three askers and three documents, a withdrawal, a holder that fails, things the tests bring.

use serde_json::{Value, json};
use sluis_tests::ask::BSN;
use sluis_tests::json::{has_code, has_words, of_type, resources};
use sluis_tests::{World, all_hold, known_red};
use std::collections::BTreeSet;

use crate::refusals::permit;

/// What every document of ours must have (IPS 2.0.1, and DESIGN.md 9).
fn is_a_document(bundle: &Value) {
    assert_eq!(bundle["resourceType"], "Bundle");
    assert_eq!(bundle["type"], "document");
    assert!(bundle["timestamp"].is_string() && bundle["identifier"]["value"].is_string());
    let all = resources(bundle);
    let composition = all[0];
    assert_eq!(composition["resourceType"], "Composition");
    assert!(composition["type"]["coding"].as_array().unwrap().iter().any(|c| c["code"] == "60591-5"));
    let sections = composition["section"].as_array().unwrap();
    for required in ["10160-0", "48765-2", "11450-4"] {
        let section = sections
            .iter()
            .find(|s| has_code(&s["code"], required))
            .unwrap_or_else(|| panic!("no section {required}"));
        assert!(section["entry"].is_array() != section["emptyReason"].is_object(), "{required}: {section}");
        assert_eq!(section["text"]["status"], "generated");
    }
    let urls: BTreeSet<&str> =
        bundle["entry"].as_array().unwrap().iter().filter_map(|e| e["fullUrl"].as_str()).collect();
    assert_eq!(urls.len(), all.len(), "every entry has its own fullUrl");
    // Every reference leads to something in the document.
    sluis_tests::json::visit(bundle, &mut |v| {
        if let Some(reference) = v.get("reference").and_then(Value::as_str) {
            let ends = format!("/{reference}");
            assert!(urls.iter().any(|u| *u == reference || u.ends_with(&ends)), "{reference} leads nowhere");
        }
        assert!(!v.get("security").is_some_and(Value::is_array), "labels do not travel");
    });
}

#[test]
fn three_askers_about_one_person_get_three_documents() {
    let world = World::shared();
    let ask = |staff: &str, function: &str, purpose: &str, person: &str| {
        let document = world.staff(staff, function).purpose(purpose).summary(person).ok().json();
        is_a_document(&document);
        let kinds: Vec<String> = resources(&document)
            .into_iter()
            .map(|r| format!("{} {}", r["resourceType"], r["code"]))
            .collect();
        kinds.into_iter().collect::<BTreeSet<_>>()
    };
    let gp = ask("linden", "gp-own", "TREAT", "kaya");
    let social = ask("hoek", "arranger", "CAREMGT", "kaya");
    let nurse = ask("steen", "district-nursing", "TREAT", "kaya");
    assert!(gp != social && social != nurse && gp != nurse);
    assert!(gp.len() > 10 && social.len() > 5 && nurse.len() > 5);
    let triage = ask("valk", "triage", "TREAT", "jansen");
    let bed = ask("vos", "stay-search", "COC", "jansen");
    assert!(triage != bed && triage.len() > 10 && bed.len() > 5);
}

#[test]
fn withdrawing_changes_the_very_next_answer() {
    let world = World::fresh();
    let valk = world.staff("valk", "triage");
    let id = valk.id("jansen2");
    assert_eq!(valk.search_id(&id, "AllergyIntolerance", "").ok().json()["total"], 1);
    let bsn = world.bsn("jansen2");
    for consent in world.sluis(["consent", "list", "--patient", &bsn, "--json"]).ok().json_lines() {
        world.sluis(["consent", "withdraw", consent["id"].as_str().unwrap(), "--patient", &bsn]).ok();
    }
    valk.search_id(&id, "AllergyIntolerance", "").is(403, "not-permitted");
    valk.summary("jansen2").is(403, "not-permitted");
    valk.find("jansen2").is(403, "not-permitted");
    world.verify();
}

#[test]
fn an_objection_recorded_by_a_desk_shuts_at_once() {
    let world = World::fresh();
    let valk = world.staff("valk", "triage");
    valk.summary("jansen").ok();
    let mut objection = permit(&world, &world.bsn("jansen"), "huisarts-de-linde");
    objection["provision"]["type"] = json!("deny");
    objection["provision"]["actor"][0]["reference"]["identifier"] =
        world.participant("zorgcoordinatie-heuvelrijk")["identifier"].clone();
    world.sluis_with(["consent", "record", "-"], objection.to_string().as_bytes()).ok();
    valk.summary("jansen").is(403, "not-permitted");
    // The others keep what they had.
    let gp = world.staff("linden", "gp-own").summary("jansen").ok().json();
    assert!(has_code(&gp, "49436004") && has_code(&gp, "404946006"));
}

#[test]
fn a_consent_over_the_wire_opens_and_an_update_shuts() {
    let world = World::fresh();
    let steen = world.staff("steen", "district-nursing");
    // De Linde does not see what the nurse holds of Bakker.
    let linden = world.staff("linden", "gp-own");
    assert!(!has_code(&linden.everything("bakker").unwrap(), "334980009"));
    let consent = permit(&world, &world.bsn("bakker"), "wijkverpleging-thuis");
    let made = steen.create(&consent).ok();
    assert_eq!(made.status, 201);
    let (location, etag) =
        (made.header("location").unwrap().to_owned(), made.header("etag").unwrap().to_owned());
    assert!(has_code(&linden.everything("bakker").unwrap(), "334980009"));
    let id = location.split("/Consent/").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let stored = steen.get(&format!("Consent/{id}")).ok();
    known_red("consent: a read has its ETag", || assert_eq!(stored.header("etag"), Some(etag.as_str())));
    let mut withdrawn = stored.json();
    withdrawn["status"] = json!("inactive");
    let stale = sluis_tests::Request::fhir("PUT", &format!("/fhir/Consent/{id}"), withdrawn.to_string());
    steen.send(stale.clone().header("If-Match", "W/\"99\"")).is(412, "version-conflict");
    steen.send(stale.header("If-Match", &etag)).ok();
    assert!(!has_code(&linden.everything("bakker").unwrap(), "334980009"));
    world.verify();
}

#[test]
fn with_one_holder_failing_the_rest_comes_and_says_so() {
    let world = World::fresh();
    for mode in ["down", "garbage", "wrong-person", "slow"] {
        world.fault("wijkverpleging-thuis", mode);
        let valk = world.staff("valk", "triage");
        let document = valk.summary("jansen").ok().json();
        assert!(has_code(&document, "B01AF02"), "{mode}: the GP's part is there");
        assert!(!has_code(&document, "404946006"), "{mode}: the nurse's part is not");
        let composition = resources(&document)[0].clone();
        known_red(&format!("gap: {mode}"), || {
            assert!(has_words(&composition["section"], "Wijkverpleging Thuis"))
        });
        // Who was permitted nothing there does not hear that there is such a holder.
        let dam = world.staff("dam", "wmo-individual").purpose("CAREMGT").summary("jansen").ok().json();
        assert!(!has_words(&dam, "Wijkverpleging"), "{mode}");
    }
    for holder in ["huisarts-de-linde", "sociaal-team-west"] {
        world.fault(holder, "down");
    }
    world.staff("valk", "triage").summary("jansen").is(503, "source-unavailable");
    for holder in ["huisarts-de-linde", "sociaal-team-west", "wijkverpleging-thuis"] {
        world.fault(holder, "none");
    }
    assert!(has_code(&world.staff("valk", "triage").summary("jansen").ok().json(), "404946006"));
    world.verify();
}

#[test]
fn a_relation_opens_and_its_end_shuts() {
    let world = World::fresh();
    let vos = world.staff("vos", "stay-intake");
    vos.find("jansen").is(403, "not-permitted");
    let organisation =
        |id: &str| json!({"type": "Organization", "identifier": world.participant(id)["identifier"]});
    let referral = json!({
        "resourceType": "ServiceRequest", "status": "active", "intent": "order",
        "identifier": [{"system": "https://sluis.example/fhir/NamingSystem/relation", "value": "jansen-bed"}],
        "subject": {"type": "Patient", "identifier": {"system": BSN, "value": world.bsn("jansen")}},
        "requester": organisation("huisarts-de-linde"),
        "performer": [organisation("coordinatiepunt-verblijf")],
        "occurrencePeriod": {"start": "2026-11-20", "end": "2026-12-20"},
    });
    let made =
        world.sluis_with(["relation", "add", "-", "--json"], referral.to_string().as_bytes()).ok().json();
    let vos = world.staff("vos", "stay-intake");
    let seen = vos.everything("jansen").expect("after acceptance");
    for code in
        ["B01AF02", "C07AB02", "C03CA01", "C09AA04", "M05BA04", "A12AX", "N02BE01", "N05CD07", "89666000"]
    {
        assert!(has_code(&seen, code), "{code}: the whole list, and the directives");
    }
    assert!(!has_code(&seen, "35489007"));
    let bsn = world.bsn("jansen");
    world.sluis(["relation", "end", made["relation"].as_str().unwrap(), "--patient", &bsn]).ok();
    vos.summary("jansen").is(403, "not-permitted");
    world.verify();
}

#[test]
fn a_parents_objection_stops_what_two_keys_opened() {
    let world = World::fresh();
    let kuiper = world.staff("kuiper", "youth-ggz");
    assert!(has_code(&kuiper.everything("noor").unwrap(), "195967001"));
    let bsn = world.bsn("noor");
    let mut objection = permit(&world, &bsn, "huisarts-de-linde");
    objection["contained"] = json!([{
        "resourceType": "RelatedPerson", "id": "mark",
        "extension": [{"url": "https://sluis.example/fhir/StructureDefinition/representation-evidence", "valueString": "gezagsregister"}],
        "patient": {"type": "Patient", "identifier": {"system": BSN, "value": bsn}},
        "relationship": [{"coding": [{"system": "https://sluis.example/fhir/CodeSystem/representation-kind", "code": "parent"}]}],
        "name": [{"text": "Mark Hendriks"}], "period": {"start": "2012-02-29", "end": "2030-02-28"},
    }]);
    objection["performer"] = json!([{"reference": "#mark"}]);
    objection["provision"] = json!({"type": "deny"});
    world.sluis_with(["consent", "record", "-"], objection.to_string().as_bytes()).ok();
    assert!(!has_code(&kuiper.everything("noor").unwrap_or_default(), "195967001"));
}

#[test]
fn what_the_tests_did_not_know_works_by_file_alone() {
    let world = World::fresh();
    // A person, imported at two holders.
    let bsn = "999990184";
    let file = world.dir().join("nieuw.json");
    let patient = json!({"type": "Patient", "identifier": {"system": BSN, "value": bsn}});
    let bundle = json!({"resourceType": "Bundle", "type": "collection", "entry": [
        {"resource": {"resourceType": "Patient", "id": "p1", "identifier": [{"system": BSN, "value": bsn}],
            "name": [{"family": "Nieuwkomer"}], "birthDate": "1942-06-11"}},
        {"resource": {"resourceType": "AllergyIntolerance", "id": "a1", "patient": patient,
            "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]},
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": "91935009", "display": "Pinda"}]}}},
    ]});
    std::fs::write(&file, bundle.to_string()).unwrap();
    let run = world.sluis(["import", "--holder", "huisarts-de-linde", file.to_str().unwrap()]).ok();
    assert!(run.stdout.contains("1 accepted, 0 refused"), "{}", run.stdout);
    // A participant: a second post, with the certificate of nobody.
    let nobody = world.participant("niemand").clone();
    let certificate =
        std::fs::read_to_string(world.dir().join(nobody["certificate"].as_str().unwrap())).unwrap();
    let mut jwk: Value =
        serde_json::from_slice(&std::fs::read(world.dir().join(nobody["jwk"].as_str().unwrap())).unwrap())
            .unwrap();
    jwk.as_object_mut().unwrap().remove("d");
    let scopes: Vec<&str> = sluis_tests::assertion::SCOPES.split(' ').collect();
    let ura = ura_of(&certificate);
    let registration = json!({
        "id": "niemand", "name": "Praktijk Nieuw", "categories": ["gp"],
        "functions": [{"code": "gp-own", "from": "2026-01-01", "to": "2036-01-01"}],
        "identifier": ura, "purposes": ["TREAT"], "scopes": scopes, "certificate_pem": certificate,
        "jwks": {"keys": [jwk]}, "audience": "smart", "holder": null, "recorder": false,
        "emergency": {"asks": false, "gives": false}, "endpoint": null,
        "agreement": {"version": "1", "from": "2026-01-01", "to": "2036-01-01"},
    });
    world.sluis_with(["participant", "add", "--file", "-"], registration.to_string().as_bytes()).ok();
    // A consent that names it.
    let mut consent = permit(&world, bsn, "huisarts-de-linde");
    consent["provision"]["actor"][0]["reference"]["identifier"] = ura.clone();
    world.sluis_with(["consent", "record", "-"], consent.to_string().as_bytes()).ok();
    let relation = json!({
        "resourceType": "CareTeam", "status": "active", "subject": patient,
        "identifier": [{"system": "https://sluis.example/fhir/NamingSystem/relation", "value": "nieuw"}],
        "period": {"start": "2026-01-01"},
        "participant": [
            {"member": {"type": "Organization", "identifier": world.participant("huisarts-de-linde")["identifier"]}},
            {"member": {"type": "Organization", "identifier": ura}},
        ],
    });
    world.sluis_with(["relation", "add", "-"], relation.to_string().as_bytes()).ok();
    let mut new = world.asker("niemand").purpose("TREAT").function("gp-own");
    for (claim, value) in
        [("subject_id", json!("urn:example:staff#7")), ("organization_name", json!("Praktijk Nieuw"))]
    {
        new = new.claim(&format!("/extensions/hl7-b2b/{claim}"), value);
    }
    new = new.claim(
        "/extensions/hl7-b2b/organization_id",
        json!(format!("{}#{}", ura["system"].as_str().unwrap(), ura["value"].as_str().unwrap())),
    );
    let seen = new.everything(bsn).expect("a new participant asks about a new person");
    assert!(has_code(&seen, "91935009"));
    assert_eq!(of_type(&seen[0], "Patient").len(), 1);
    world.verify();
}

/// The register number in a development certificate: eight digits in its subject.
fn ura_of(pem: &str) -> Value {
    use rustls_pki_types::pem::PemObject;
    let der = rustls_pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let at = der
        .windows(8)
        .position(|w| w.starts_with(b"9000") && w.iter().all(u8::is_ascii_digit))
        .expect("a number");
    let value = String::from_utf8_lossy(&der[at..at + 8]).into_owned();
    json!({"system": "http://fhir.nl/fhir/NamingSystem/ura", "value": value})
}

#[test]
fn a_resource_is_read_back_by_the_id_a_search_gave() {
    let world = World::shared();
    let linden = world.staff("linden", "gp-own");
    let id = linden.id("kaya");
    let mut cases = Vec::new();
    for kind in [
        "Condition",
        "MedicationRequest",
        "Observation",
        "CarePlan",
        "AllergyIntolerance",
        "Consent?category=http%3A%2F%2Fterminology.hl7.org%2FCodeSystem%2Fconsentcategorycodes%7Cacd",
    ] {
        let (kind, more) = kind.split_once('?').unwrap_or((kind, ""));
        let found = linden.search_id(&id, kind, more).ok().json();
        for resource in resources(&found).into_iter().take(2) {
            let read = linden.get(&format!("{kind}/{}", resource["id"].as_str().unwrap()));
            let held = (read.status == 200 && read.json() == *resource).then_some(()).ok_or(format!(
                "{} {}",
                read.status,
                read.text()
            ));
            cases.push((format!("read back: {kind}"), held));
        }
    }
    assert!(cases.len() >= 6);
    all_hold(cases);
}

#[test]
fn a_data_class_that_nobody_knew_works_by_table_alone() {
    let world = World::fresh();
    let bsn = world.bsn("jansen2");
    let file = world.dir().join("slaap.json");
    let bundle = json!({"resourceType": "Bundle", "type": "collection", "entry": [
        {"resource": {"resourceType": "Patient", "id": "j2", "identifier": [{"system": BSN, "value": bsn}], "birthDate": world.birth_date("jansen2")}},
        {"resource": {"resourceType": "Observation", "id": "slaap", "status": "final", "subject": {"reference": "Patient/j2"},
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": "258158006", "display": "Slaap"}]},
            "effectiveDateTime": "2026-11-01", "valueBoolean": true}},
    ]});
    std::fs::write(&file, bundle.to_string()).unwrap();
    world.sluis(["import", "--holder", "huisarts-de-linde", file.to_str().unwrap()]).ok();
    let sees = |world: &World, staff: &str, function: &str| {
        has_code(&world.staff(staff, function).everything("jansen2").unwrap_or_default(), "258158006")
    };
    assert!(!sees(&world, "valk", "triage"), "what no table knows is most sensitive");
    assert_eq!(world.terminate().0, 0);
    let tables = world.dir().join("tables");
    std::fs::create_dir_all(tables.join("codes")).unwrap();
    let class = r#"
        version = "heuvelrijk-slaap"
        date = "2026-11-21"
        [[vocabulary.class]]
        code = "sleep"
        nl = "Slapen"
        en = "Sleep"
        normality = "normal"
        opened = "full"
        cells = { GP = "F", TR = "F", HC = "A" }
    "#;
    std::fs::write(tables.join("rules.toml"), class).unwrap();
    std::fs::write(tables.join("codes/sleep.txt"), "SCT 258158006 | sleep | how one sleeps\n").unwrap();
    let world = World::on(world.dir()).unwrap();
    assert!(sees(&world, "valk", "triage"), "the class is normal, and triage has a column in it");
    assert!(!sees(&world, "steen", "district-nursing"), "home care needs a permit that names it");
    let mut consent = permit(&world, &bsn, "huisarts-de-linde");
    consent["provision"]["actor"][0]["reference"] = json!({"type": "Organization",
        "identifier": world.participant("wijkverpleging-thuis")["identifier"]});
    consent["provision"]["code"] = json!([{"coding": [{"system": "https://sluis.example/fhir/CodeSystem/data-class", "code": "sleep"}]}]);
    world.sluis_with(["consent", "record", "-"], consent.to_string().as_bytes()).ok();
    let care_team = json!({
        "resourceType": "CareTeam", "status": "active",
        "subject": {"type": "Patient", "identifier": {"system": BSN, "value": bsn}},
        "identifier": [{"system": "https://sluis.example/fhir/NamingSystem/relation", "value": "slaap"}],
        "period": {"start": "2026-01-01"},
        "participant": [
            {"member": {"type": "Organization", "identifier": world.participant("huisarts-de-linde")["identifier"]}},
            {"member": {"type": "Organization", "identifier": world.participant("wijkverpleging-thuis")["identifier"]}},
        ],
    });
    world.sluis_with(["relation", "add", "-"], care_team.to_string().as_bytes()).ok();
    assert!(sees(&world, "steen", "district-nursing"), "and gets it by one");
    world.verify();
}
