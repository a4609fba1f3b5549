//! What must look alike looks alike, on every road; refusals come in their order; every answer has its headers.

use serde_json::{Value, json};
use sluis_tests::ask::BSN;
use sluis_tests::client::encoded;
use sluis_tests::{Answer, Asker, Request, World, all_hold};

/// Sends the same question about several persons and compares the faces. The first is nobody.
fn alike(name: &str, answers: &[(&str, Answer)]) -> Vec<(String, Result<(), String>)> {
    let first = answers[0].1.face();
    answers
        .iter()
        .map(|(who, answer)| {
            let same = answer.face() == first && answer.status == 403 && answer.code() == "not-permitted";
            let held = same.then_some(()).ok_or(format!("\n{}\n-- instead of\n{first}", answer.face()));
            (format!("alike: {name}: {who}"), held)
        })
        .collect()
}

/// Nobody; nobody asked; an objection; no relation or consent.
const PERSONS: [&str; 4] = ["unknown", "elidrissi", "devries", "amrani"];

#[test]
fn whoever_may_not_know_cannot_tell_why() {
    let world = World::shared();
    let valk = world.staff("valk", "triage");
    all_hold(alike("search", &PERSONS.map(|p| (p, valk.find(p)))));
    all_hold(alike("summary by identifier", &PERSONS.map(|p| (p, valk.summary(p)))));
}

#[test]
fn a_wrong_birth_date_is_an_unknown_person() {
    let world = World::shared();
    let valk = world.staff("valk", "triage");
    let identifier = format!("{BSN}|{}", world.bsn("jansen"));
    let wrong = valk.send(Request::form(
        "/fhir/Patient/_search",
        &[("identifier", &identifier), ("birthdate", "1942-06-12")],
    ));
    assert_eq!(wrong.face(), valk.find("unknown").face());
}

/// Ids that this organisation got while it was permitted, of persons for whom nothing is left.
struct Fallen<'w> {
    asker: Asker<'w>,
    withdrawn: String,
    foreign: String,
    never: String,
}

fn fallen(world: &World) -> Fallen<'_> {
    let asker = world.staff("valk", "triage");
    let withdrawn = asker.id("jansen2");
    let foreign = world.staff("linden", "gp-own").id("kaya");
    let bsn = world.bsn("jansen2");
    let list = world.sluis(["consent", "list", "--patient", &bsn, "--json"]).ok().json_lines();
    for consent in list {
        world.sluis(["consent", "withdraw", consent["id"].as_str().unwrap(), "--patient", &bsn]).ok();
    }
    let never = withdrawn.chars().rev().collect();
    Fallen { asker, withdrawn, foreign, never }
}

#[test]
fn an_id_that_lost_its_grant_is_an_id_that_never_was() {
    let world = World::fresh();
    let Fallen { asker, withdrawn, foreign, never } = fallen(&world);
    let ids = [("never", &never), ("withdrawn", &withdrawn), ("of another organisation", &foreign)];
    let road = |name: &str, ask: &dyn Fn(&str) -> Answer| {
        let answers: Vec<(&str, Answer)> = ids.iter().map(|(who, id)| (*who, ask(id))).collect();
        all_hold(alike(name, &answers));
    };
    road("read", &|id| asker.get(&format!("Patient/{id}")));
    road("summary", &|id| asker.get(&format!("Patient/{id}/$summary")));
    road("summary by POST", &|id| {
        asker.send(Request::fhir(
            "POST",
            &format!("/fhir/Patient/{id}/$summary"),
            r#"{"resourceType":"Parameters"}"#,
        ))
    });
    road("explain", &|id| asker.explain(id));
    road("audit", &|id| asker.get(&format!("AuditEvent?patient={id}")));
    road("consents", &|id| asker.get(&format!("Consent?patient={id}")));
    road("attestations", &|id| asker.get(&format!("Basic?patient={id}")));
    for kind in ["Condition", "Observation", "MedicationRequest", "CareTeam", "ServiceRequest"] {
        road(kind, &|id| asker.search_id(id, kind, ""));
        road(&format!("read of a {kind}"), &|id| asker.get(&format!("{kind}/{id}")));
    }
    road("lastn", &|id| asker.get(&format!("Observation/$lastn?patient={id}&category=laboratory&max=1")));
    world.verify();
}

#[test]
fn recording_a_consent_about_nobody_and_about_a_stranger_is_alike() {
    let world = World::shared();
    // The youth care organisation holds nothing about Jansen and stands in no relation to her.
    let kuiper = world.staff("kuiper", "youth-ggz");
    let consent = |bsn: &str| permit(world, bsn, "jeugd-ggz-de-oever");
    let answers: Vec<(&str, Answer)> = ["unknown", "devries", "elidrissi", "jansen"]
        .into_iter()
        .map(|p| (p, kuiper.create(&consent(&world.bsn(p)))))
        .collect();
    all_hold(alike("recording a consent", &answers));
}

/// A relation or attestation about somebody, right in every word.
fn recordable(world: &World, bsn: &str, from: &str, kind: &str) -> Value {
    let organisation =
        |id: &str| json!({"type": "Organization", "identifier": world.participant(id)["identifier"]});
    let person = json!({"type": "Patient", "identifier": {"system": BSN, "value": bsn}});
    let (own, linde) = (organisation(from), organisation("huisarts-de-linde"));
    let period = json!({"start": "2026-11-01"});
    let code = |system: &str, code: &str| json!({"coding": [{"system": system, "code": code}]});
    match kind {
        "ServiceRequest" => {
            json!({"resourceType": kind, "status": "active", "intent": "order", "subject": person,
            "requester": own, "performer": [linde], "occurrencePeriod": {"start": "2026-11-01", "end": "2027-06-01"}})
        }
        "CareTeam" => json!({"resourceType": kind, "status": "active", "subject": person, "period": period,
            "participant": [{"member": own}, {"member": linde}]}),
        "CarePlan" => json!({"resourceType": kind, "status": "active", "intent": "plan", "subject": person,
            "period": period, "author": own, "contributor": [own, linde]}),
        "EpisodeOfCare" => {
            json!({"resourceType": kind, "status": "active", "patient": person, "period": period,
            "managingOrganization": own})
        }
        "Encounter" => {
            json!({"resourceType": kind, "status": "in-progress", "subject": person, "period": period,
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}, "serviceProvider": own})
        }
        _ => json!({"resourceType": "Basic", "subject": person, "created": "2026-11-21",
            "code": code("https://sluis.example/fhir/CodeSystem/attestation", kind),
            "author": {"type": "Practitioner", "identifier": {"system": "https://sluis.example/fhir/NamingSystem/person", "value": "valk"}},
            "extension": [
                {"url": "https://sluis.example/fhir/StructureDefinition/attestation-period", "valuePeriod": {"start": "2026-11-21"}},
                {"url": "https://sluis.example/fhir/StructureDefinition/attestation-text", "valueString": "mondeling ja"}]}),
    }
}

#[test]
fn recording_anything_about_nobody_and_about_a_stranger_is_alike() {
    let world = World::shared();
    let valk = world.staff("valk", "triage");
    let from = valk.participant().to_owned();
    let kinds =
        ["ServiceRequest", "CareTeam", "CarePlan", "EpisodeOfCare", "Encounter", "spoken", "considered-wish"];
    for kind in kinds {
        let answers = PERSONS.map(|p| (p, valk.create(&recordable(world, &world.bsn(p), &from, kind))));
        all_hold(alike(&format!("recording: {kind}"), &answers));
    }
    // And in somebody else's name: what is wrong with the words is said of nobody's, too.
    for kind in ["ServiceRequest", "CareTeam"] {
        let forged = |p: &str| {
            let mut words = recordable(world, &world.bsn(p), "ggz-de-oever", kind);
            if kind == "CareTeam" {
                words["participant"].as_array_mut().unwrap().truncate(2);
            }
            valk.create(&words)
        };
        let first = forged("unknown");
        assert_ne!(first.status, 201, "{}", first.text());
        for person in PERSONS {
            assert_eq!(forged(person).face(), first.face(), "{kind}: {person}");
        }
    }
}

#[test]
fn a_hidden_resource_is_one_that_never_was() {
    let world = World::shared();
    let linden = world.staff("linden", "gp-own");
    // The lithium of Bakker may be seen, his bipolar disorder may not: its holder knows its id, De Linde gets none.
    let id = linden.id("bakker");
    let mulder = world.staff("mulder", "ggz-treatment");
    let hidden = mulder.search("bakker", "Condition", "").ok().json();
    let hidden = hidden["entry"][0]["resource"]["id"].as_str().unwrap().to_owned();
    let seen = linden.search_id(&id, "Condition", "").ok().json();
    let own = seen["entry"][0]["resource"]["id"].as_str().unwrap().to_owned();
    linden.get(&format!("Condition/{own}")).ok();
    let never: String = own.chars().rev().collect();
    let answers = [
        ("never", linden.get(&format!("Condition/{never}"))),
        ("hidden, by its holder's id", linden.get(&format!("Condition/{hidden}"))),
        ("another type", linden.get(&format!("Observation/{own}"))),
        ("a person's id as a condition", linden.get(&format!("Condition/{id}"))),
        ("a condition's id as a person", linden.get(&format!("Patient/{own}"))),
    ];
    all_hold(alike("a hidden resource", &answers));
}

#[test]
fn with_any_grant_a_search_is_200_and_perhaps_empty() {
    let world = World::shared();
    let vos = world.staff("vos", "stay-search");
    let id = vos.id("jansen");
    let empty = vos.search_id(&id, "Condition", "").ok().json();
    assert_eq!(empty["total"], 0, "{empty}");
    assert!(empty.get("entry").is_none());
}

#[test]
fn refusals_come_in_their_order() {
    let world = World::shared();
    let linden = world.staff("linden", "gp-own");
    let bsn = world.bsn("jansen");
    let token = linden.token();
    let form = |target: &str| {
        Request { body: b"patient=x".to_vec(), ..Request::new("POST", target) }
            .header("Content-Type", "application/x-www-form-urlencoded")
    };
    let big = "x".repeat(1024 * 1024 + 1);
    let cases: Vec<(&str, Request, u16, &str)> = vec![
        ("a BSN comes before 401", Request::get(&format!("/fhir/Patient/{bsn}")), 400, "bsn-in-url"),
        ("401 before 406", Request::get("/fhir/Unicorn").header("Accept", "image/png"), 401, "token-invalid"),
        (
            "406 before 415",
            form("/fhir/Condition/_search")
                .replace("Content-Type", "image/png")
                .header("Accept", "image/png")
                .bearer(&token),
            406,
            "not-acceptable",
        ),
        (
            "415 before 413",
            Request { body: big.clone().into_bytes(), ..form("/fhir/Condition/_search") }
                .replace("Content-Type", "image/png")
                .bearer(&token),
            415,
            "unsupported-media-type",
        ),
        (
            "413 before grammar",
            Request { body: big.into_bytes(), ..form("/fhir/Condition/_search") }.bearer(&token),
            413,
            "too-large",
        ),
        (
            "grammar before body",
            Request::fhir("POST", "/fhir/Consent?x=1", "{").bearer(&token),
            400,
            "query-not-supported",
        ),
        ("body before 403", Request::fhir("POST", "/fhir/Consent", "{").bearer(&token), 400, "body-invalid"),
        (
            "grammar before 403",
            Request::get("/fhir/Condition?patient=aaaaaaaaaaaa&_sort=date").bearer(&token),
            400,
            "query-not-supported",
        ),
        (
            "at last 403",
            Request::get("/fhir/Condition?patient=aaaaaaaaaaaa").bearer(&token),
            403,
            "not-permitted",
        ),
        ("outside /fhir", Request::get("/admin").bearer(&token), 404, "not-found"),
    ];
    all_hold(cases.into_iter().map(|(name, request, status, code)| {
        let answer = linden.client().send(&request);
        let got = (answer.status, answer.code());
        let held =
            (got == (status, code.to_owned())).then_some(()).ok_or(format!("{got:?}: {}", answer.text()));
        (format!("order: {name}"), held)
    }));
}

#[test]
fn a_bsn_in_a_url_is_refused_wherever_it_stands() {
    let world = World::shared();
    let linden = world.staff("linden", "gp-own");
    let bsn = world.bsn("jansen");
    let twice = bsn.bytes().map(|b| format!("%25{b:02X}")).collect::<String>();
    let once = bsn.bytes().map(|b| format!("%{b:02X}")).collect::<String>();
    let targets = [
        format!("Patient/{bsn}"),
        format!("Patient/{once}"),
        format!("Patient/{twice}"),
        format!("Condition?patient={bsn}"),
        format!("Condition?patient={once}"),
        format!("Condition?patient={twice}"),
        format!("Condition?patient=Patient/{bsn}"),
        format!("Condition?subject={bsn}"),
        format!("Patient?identifier={}", encoded(&format!("{BSN}|{bsn}"))),
        format!("Condition?patient:identifier={}", encoded(&format!("{BSN}|{bsn}"))),
        format!("Condition?patient.identifier={bsn}"),
        format!("Patient?_id={bsn}"),
        format!("AuditEvent?entity={bsn}"),
        format!("Patient/{bsn}/$summary"),
        format!("{bsn}"),
    ];
    all_hold(targets.iter().map(|target| {
        let answer = linden.get(target);
        let held = (answer.status == 400 && answer.code() == "bsn-in-url" && !answer.text().contains(&bsn))
            .then_some(())
            .ok_or(format!("{} {}", answer.status, answer.code()));
        (
            format!("bsn in url: {}", target.replace(&bsn, "N").replace(&once, "%N").replace(&twice, "%%N")),
            held,
        )
    }));
    // A SNOMED code that passes the eleven-test is no BSN.
    let id = linden.id("kaya");
    linden.get(&format!("Observation?patient={id}&category=275711006")).ok();
    linden.get(&format!("Condition?patient={id}&code=275711006")).ok();
}

#[test]
fn every_answer_has_its_headers() {
    let world = World::shared();
    let linden = world.staff("linden", "gp-own");
    let id = linden.id("kaya");
    let asked = uuid::Uuid::new_v4().to_string();
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let token = linden.token();
    let requests = [
        Request::get(&format!("/fhir/Condition?patient={id}")).bearer(&token),
        Request::get(&format!("/fhir/Patient/{id}/$summary")).bearer(&token),
        Request::get("/fhir/Condition?patient=aaaaaaaaaaaa").bearer(&token),
        Request::get("/fhir/Condition?_has=x").bearer(&token),
        Request::get("/fhir/Condition?patient=x"),
        Request::get("/fhir/metadata"),
        Request::get("/.well-known/jwks.json"),
        Request::get("/openapi.json"),
        Request::get("/nothing/here").bearer(&token),
        Request::get("/fhir/Organization").bearer(&token),
        Request::form("/oauth/token", &[("grant_type", "password")]),
    ];
    for request in requests {
        let answer = linden
            .client()
            .send(&request.clone().header("X-Request-Id", &asked).header("traceparent", parent));
        let name = &request.target;
        assert_eq!(answer.header("x-request-id"), Some(asked.as_str()), "{name}");
        assert!(answer.header("traceparent").is_some_and(|t| t.starts_with(&parent[..35])), "{name}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{name}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{name}");
        assert_eq!(answer.header("x-environment"), Some("sandbox"), "{name}");
        let made = linden.client().send(&request.clone().header("X-Request-Id", "not-a-uuid"));
        assert!(made.request_id().parse::<uuid::Uuid>().is_ok(), "{name}");
    }
}

#[test]
fn refusals_speak_the_language_asked_and_name_nobody() {
    let world = World::shared();
    let valk = world.staff("valk", "triage");
    let identifier = format!("{BSN}|{}", world.bsn("devries"));
    let ask = |language: &str| {
        let form = [("identifier", identifier.as_str()), ("birthdate", "1971-08-30")];
        valk.send(Request::form("/fhir/Patient/_search", &form).header("Accept-Language", language))
    };
    let (nl, en) = (ask("nl"), ask("en"));
    let text = |a: &Answer| a.json()["issue"][0]["details"]["text"].as_str().unwrap().to_owned();
    assert_ne!(text(&nl), text(&en));
    for answer in [nl, en] {
        let body = answer.json();
        assert_eq!(body["resourceType"], "OperationOutcome");
        assert_eq!(
            body["issue"][0]["details"]["coding"][0]["system"],
            "https://sluis.example/fhir/CodeSystem/outcome"
        );
        assert!(!answer.text().contains(answer.request_id()), "no request id in the body");
        assert!(!answer.text().contains("Vries"));
    }
}

/// A permit for De Linde to see everything, recorded by this organisation.
pub(crate) fn permit(world: &World, bsn: &str, recorder: &str) -> Value {
    let organisation =
        |id: &str| json!({"type": "Organization", "identifier": world.participant(id)["identifier"]});
    json!({
        "resourceType": "Consent", "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"type": "Patient", "identifier": {"system": BSN, "value": bsn}},
        "dateTime": world.now().to_string(),
        "performer": [{"type": "Patient", "identifier": {"system": BSN, "value": bsn}}],
        "organization": [organisation(recorder)],
        "sourceAttachment": {"title": "Gesprek"},
        "policy": [{"uri": "https://sluis.example/fhir/policy/1"}],
        "provision": {"type": "permit", "actor": [
            {"role": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]},
             "reference": organisation("huisarts-de-linde")},
        ]},
    })
}
