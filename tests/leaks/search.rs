//! Search as an oracle.

use crate::{form, linden, outside_the_grammar, twins};
use sluis_tests::{Request, World};

#[test]
fn l01_has_is_refused_whatever_the_data() {
    let (asker, id) = linden(World::shared(), "kaya");
    outside_the_grammar(
        &asker,
        &[
            format!("Condition?patient={id}&_has:Observation:encounter:code=x"),
            format!("Patient?_id={id}&_has:Condition:patient:code=35489007"),
            "Patient?_has:Condition:patient:code=35489007".into(),
            "Patient?_has%3ACondition%3Apatient%3Acode=1".into(),
            format!("Condition?_has:Condition:patient:_has:Observation:encounter:code=1&patient={id}"),
        ],
    );
}

#[test]
fn l02_fifty_comparisons_tell_nothing() {
    let (asker, id) = linden(World::shared(), "kaya");
    let first = asker.get(&format!("Observation?patient={id}&value-quantity=gt0")).face();
    for step in 0..50 {
        let way = if step % 2 == 0 { "gt" } else { "lt" };
        let answer = asker.get(&format!("Observation?patient={id}&value-quantity={way}{step}"));
        assert_eq!(answer.face(), first);
    }
    assert!(first.starts_with("400"));
}

#[test]
fn l03_forward_chains_are_refused_in_every_spelling() {
    let (asker, id) = linden(World::shared(), "kaya");
    outside_the_grammar(
        &asker,
        &[
            format!("Observation?patient={id}&encounter.service-type=394913002"),
            format!("Observation?patient={id}&encounter%2Eservice-type=394913002"),
            format!("Observation?patient={id}&encounter%252Eservice-type=394913002"),
            format!("Observation?patient={id}&subject:Patient.name=Kaya"),
            format!("Observation?patient.name=Kaya&patient={id}"),
            format!("Condition?patient.birthdate=1954&patient={id}"),
        ],
    );
}

#[test]
fn l04_hidden_elements_are_no_parameters() {
    let world = World::shared();
    let vos = world.staff("vos", "stay-search");
    let id = vos.id("jansen");
    outside_the_grammar(
        &vos,
        &[
            format!("Patient?_id={id}&address-city=Heuvelrijk"),
            "Patient?address-city=Heuvelrijk".into(),
            "Patient?birthdate=1942-06-11".into(),
            "Patient?name=Jansen".into(),
            "Patient?family=Jansen&given=Johanna".into(),
            format!("Condition?patient={id}&onset-date=2019"),
        ],
    );
    let refused = vos.send(form("/fhir/Patient/_search", "birthdate=1942-06-11"));
    assert_eq!(refused.status, 400);
    let refused = vos.send(form("/fhir/Patient/_search", "identifier=x%7C1&name=Jansen"));
    assert_eq!(refused.status, 400);
}

#[test]
fn l06_modifiers_are_refused() {
    let (asker, id) = linden(World::shared(), "kaya");
    let modifiers = [
        "missing=true",
        "not=1",
        "above=1",
        "below=1",
        "in=x",
        "not-in=x",
        "text=dep",
        "of-type=a|b|c",
        "exact=1",
        "contains=1",
        "identifier=1",
        "Patient=1",
    ];
    let targets: Vec<String> =
        modifiers.iter().map(|m| format!("Condition?patient={id}&code:{}", m.replace('|', "%7C"))).collect();
    outside_the_grammar(&asker, &targets);
    outside_the_grammar(
        &asker,
        &[format!("Condition?patient:Patient={id}"), "Condition?patient:missing=false".into()],
    );
}

#[test]
fn l07_query_languages_are_refused_and_never_dropped() {
    let (asker, id) = linden(World::shared(), "kaya");
    let more = [
        "_filter=code%20eq%201",
        "_content=dep",
        "_text=dep",
        "_query=x",
        "_list=1",
        "_source=x",
        "_profile=x",
        "_security=R",
        "_tag=x",
        "_type=Condition",
        "_lastUpdated=gt2000",
        "_id=1",
        "_sort=date",
        "_elements=code",
        "_summary=true",
        "_total=accurate",
        "_contained=true",
        "_format=xml",
        "_pretty=true",
        "__proto__=1",
        "x-vendor=1",
        "_count=0",
        "_count=201",
        "_count=-1",
        "_count=1&_count=2",
        "_offset=1",
        "_getpages=1",
        "_cursor=1",
    ];
    let targets: Vec<String> = more.iter().map(|m| format!("Condition?patient={id}&{m}")).collect();
    outside_the_grammar(&asker, &targets);
}

#[test]
fn l10_composites_do_not_match_across_rows() {
    let (asker, id) = linden(World::shared(), "kaya");
    outside_the_grammar(
        &asker,
        &[
            format!("Observation?patient={id}&code-value-quantity=http%3A%2F%2Floinc.org%7C59261-8%24gt60"),
            format!("Observation?patient={id}&combo-code-value-quantity=59261-8%24gt60"),
            format!("Observation?patient={id}&component-code-value-quantity=8480-6%24gt100"),
        ],
    );
    // A code of one coding with the system of another matches nothing.
    let crossed =
        asker.get(&format!("Condition?patient={id}&code=http%3A%2F%2Fsnomed.info%2Fsct%7CN87")).ok().json();
    assert_eq!(crossed["total"], 0);
}

#[test]
fn l11_numbers_in_a_row_tell_nothing_and_trip_the_budget() {
    let world = World::fresh_with(sluis_tests::world::Start::default().with_budgets());
    let valk = world.staff("valk", "triage");
    twins(&valk.find("unknown"), &valk.find("devries"));
    twins(&valk.find("unknown"), &valk.find("elidrissi"));
    let mut limited = None;
    for _ in 0..200 {
        let answer = valk.find("unknown");
        if answer.status == 429 {
            limited = Some(answer);
            break;
        }
        answer.is(403, "not-permitted");
    }
    let limited = limited.expect("200 look-ups that find nothing trip the budget");
    limited.is(429, "rate-limited");
    assert!(limited.header("retry-after").is_some());
    // Others are not hindered.
    world.staff("linden", "gp-own").find("kaya").ok();
}

#[test]
fn l12_conditional_interactions_are_refused() {
    let world = World::shared();
    let (asker, id) = linden(world, "kaya");
    for (method, target) in [
        ("PUT", format!("/fhir/Condition?patient={id}")),
        ("DELETE", format!("/fhir/Condition?patient={id}")),
        ("PATCH", format!("/fhir/Condition?patient={id}")),
        ("PUT", "/fhir/Consent?status=active".into()),
        ("DELETE", format!("/fhir/Consent/{id}")),
        ("PATCH", format!("/fhir/Consent/{id}")),
        ("POST", "/fhir/Condition".into()),
        ("POST", "/fhir/Patient".into()),
    ] {
        asker.send(Request::fhir(method, &target, "{}")).is(400, "query-not-supported");
    }
    let conditional = |about: &str| {
        let body = crate::planted::consent(world, &world.bsn(about)).to_string();
        let query = format!("patient={id}");
        let kuiper = world.staff("kuiper", "youth-ggz");
        kuiper.send(Request::fhir("POST", "/fhir/Consent", body).header("If-None-Exist", &query))
    };
    twins(&conditional("unknown"), &conditional("jansen"));
}
