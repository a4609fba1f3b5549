//! Request shaping.

use crate::{form, linden, outside_the_grammar, twins};
use serde_json::json;
use sluis_tests::{Assertion, Request, World, sluis};

#[test]
fn l24_query_and_form_at_once_are_refused() {
    let (asker, id) = linden(World::shared(), "kaya");
    for (target, body) in [
        (format!("/fhir/Condition/_search?patient={id}"), format!("patient={id}")),
        ("/fhir/Condition/_search?code=1".into(), format!("patient={id}")),
        (format!("/fhir/Condition/_search?patient={id}"), "code=1".into()),
        (format!("/fhir/Condition/_search?patient={id}"), String::new()),
        ("/fhir/Patient/_search?birthdate=1954-09-09".into(), "identifier=x%7C1".into()),
    ] {
        let answer = asker.send(form(&target, &body));
        assert_eq!(answer.status, 400, "{target} {body}: {}", answer.text());
    }
    let alone = asker.send(form("/fhir/Condition/_search", &format!("patient={id}"))).ok().json();
    assert_eq!(alone["total"], asker.get(&format!("Condition?patient={id}")).ok().json()["total"]);
}

#[test]
fn l26_path_tricks_are_refused() {
    let (asker, id) = linden(World::shared(), "kaya");
    let token = asker.token();
    for target in [
        format!("/fhir//Condition?patient={id}"),
        format!("/fhir/./Condition?patient={id}"),
        format!("/fhir/x/../Condition?patient={id}"),
        format!("/fhir/%2e%2e/fhir/Condition?patient={id}"),
        format!("/fhir/Patient%2F{id}"),
        format!("/fhir/Patient/{id}/"),
        format!("/fhir/Patient/{id}."),
        format!("/fhir/Patient/{id};x=1"),
        format!("/fhir/Patient;a=b/{id}"),
        format!("/fhir/patient/{id}"),
        format!("/fhir/Patient/{id}%00"),
        format!("/fhir/Patient/{id}%20"),
        format!("/fhir/Patient\\{id}"),
        format!("/FHIR/Patient/{id}"),
        format!("/fhir/../fhir/Patient/{id}"),
    ] {
        let answer = asker.client().send(&Request::get(&target).bearer(&token));
        assert!(matches!(answer.status, 400 | 404), "{target}: {} {}", answer.status, answer.text());
        assert!(!answer.text().contains("Kaya"));
    }
}

#[test]
fn l27_methods_and_overrides_say_nothing() {
    let (asker, id) = linden(World::shared(), "kaya");
    let never: String = id.chars().rev().collect();
    for method in ["HEAD", "OPTIONS", "TRACE", "DELETE", "PATCH", "PUT", "FROB"] {
        let ask = |id: &str| asker.send(Request::new(method, &format!("/fhir/Patient/{id}")));
        let (there, missing) = (ask(&id), ask(&never));
        assert!(there.status >= 400, "{method}: {}", there.status);
        twins(&there, &missing);
        for header in ["etag", "last-modified"] {
            assert!(there.header(header).is_none(), "{method} {header}");
        }
    }
    for name in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"] {
        let get = asker.send(Request::get(&format!("/fhir/Patient/{id}")).header(name, "DELETE"));
        assert!(matches!(get.status, 200 | 400), "{name}: {}", get.status);
        let post = asker.send(form(&format!("/fhir/Patient/{id}"), "").header(name, "GET"));
        assert!(matches!(post.status, 400 | 415), "{name}: {}", post.status);
    }
}

#[test]
fn l29_a_batch_is_refused() {
    let (asker, id) = linden(World::shared(), "kaya");
    for kind in ["batch", "transaction", "searchset", "history"] {
        let bundle = json!({"resourceType": "Bundle", "type": kind,
            "entry": [{"request": {"method": "GET", "url": format!("Condition?patient={id}")}}]});
        for target in ["/fhir", "/fhir/", "/fhir/Bundle"] {
            let answer = asker.send(Request::fhir("POST", target, bundle.to_string()));
            assert!(matches!(answer.status, 400 | 404), "{target}: {}", answer.status);
            assert!(!answer.text().contains("MRK-"));
        }
    }
}

#[test]
fn l30_context_headers_change_nothing() {
    let world = World::shared();
    let vos = world.staff("vos", "stay-search");
    let id = vos.id("jansen");
    let plain = vos.get(&format!("Condition?patient={id}")).ok();
    for (name, value) in [
        ("X-Patient-id", "1"),
        ("X-Consent-Scope", "all"),
        ("X-Purpose-Of-Use", "ETREAT"),
        ("CDS-Redaction-Enabled", "false"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-User", "linden"),
        ("X-Real-IP", "::1"),
        ("X-Original-URL", "/fhir/metadata"),
        ("X-Rewrite-URL", "/fhir/metadata"),
        ("X-Provenance", "{}"),
        ("X-Break-Glass", "true"),
        ("X-Security-Labels", "R"),
        ("Forwarded", "for=1;by=2"),
        ("X-Role", "admin"),
        ("Prefer", "handling=lenient"),
    ] {
        let answer = vos.send(Request::get(&format!("/fhir/Condition?patient={id}")).header(name, value));
        assert!(answer.status == 400 || answer.json() == plain.json(), "{name}: {}", answer.text());
    }
}

#[test]
fn l32_foreign_old_swapped_and_replayed_credentials_are_401_and_recorded() {
    let world = World::shared();
    let client = world.client("huisarts-de-linde");
    let right = Assertion::of(world, "huisarts-de-linde");
    let fresh = || right.clone().claim("/jti", json!(uuid::Uuid::new_v4().to_string()));
    let used = fresh();
    used.send(&client).ok();
    let tries = [
        fresh().claim("/aud", json!("https://elsewhere.example")),
        fresh().head("/alg", json!("none")),
        fresh().head("/alg", json!("HS256")),
        fresh().head("/kid", json!("old-key")),
        fresh().claim("/exp", json!(world.now().as_second() - 3600)),
        used,
    ];
    for assertion in tries {
        let answer = assertion.send(&client);
        answer.is(401, "invalid_client");
        assert!(world.records_of(answer.request_id()).iter().any(|r| r["kind"] == "token-refused"));
    }
}

#[test]
fn l33_nothing_of_development_starts_in_production() {
    let folder = tempfile::tempdir().unwrap();
    let example =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("deploy/sluis.example.toml");
    let text = std::fs::read_to_string(&example).expect("the example configuration");
    let check = |text: &str| {
        let file = folder.path().join("sluis.toml");
        std::fs::write(&file, text).unwrap();
        sluis(["check-config", "--config", file.to_str().unwrap()])
    };
    for line in [
        "sandbox = true",
        "dev_mode = true",
        "allow_all = true",
        "allowed_queries = [\"*\"]",
        "insecure = true",
    ] {
        let run = check(&format!("{line}\n{text}"));
        assert_eq!(run.code, 1, "{line}: {} {}", run.stdout, run.stderr);
    }
    let (asker, id) = linden(World::shared(), "kaya");
    outside_the_grammar(
        &asker,
        &[format!("Patient/{id}?debug=true"), format!("Condition?patient={id}&_debug=explain")],
    );
}
