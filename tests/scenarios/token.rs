//! The token endpoint over real TLS: every fault of CONTRACT.md 3, and what outlives a restart and a kill.

use serde_json::{Value, json};
use sluis_tests::assertion::{PURPOSE_OID, SCOPES};
use sluis_tests::{Answer, Assertion, Client, Request, World, all_hold};

const LINDE: &str = "huisarts-de-linde";
const POST: &str = "huisartsenpost-heuvelrijk";

type Change = Box<dyn Fn(Assertion) -> Assertion>;

fn claim(pointer: &'static str, value: Value) -> Change {
    Box::new(move |a| a.claim(pointer, value.clone()))
}

fn head(pointer: &'static str, value: Value) -> Change {
    Box::new(move |a| a.head(pointer, value.clone()))
}

fn field(name: &'static str, value: &'static str) -> Change {
    Box::new(move |a| a.field(name, value))
}

fn is(answer: &Answer, status: u16, code: &str) -> Result<(), String> {
    let got = (answer.status, answer.code());
    if got == (status, code.to_owned()) {
        return Ok(());
    }
    Err(format!("{} {} instead of {status} {code}", got.0, got.1))
}

#[test]
fn a_right_assertion_gets_a_short_bound_token() {
    let world = World::shared();
    for participant in [LINDE, POST, "sociaal-team-west", "zorgcoordinatie-heuvelrijk", "pgo-heuvelrijk"] {
        let answer = if participant == "pgo-heuvelrijk" {
            world.own("jansen").ask_token()
        } else {
            Assertion::of(world, participant).send(&world.client(participant))
        };
        let body = answer.ok().json();
        assert!(body["token_type"].as_str().unwrap().eq_ignore_ascii_case("bearer"));
        assert!(body["expires_in"].as_u64().unwrap() <= 300);
        assert!(!body["scope"].as_str().unwrap().is_empty());
        let token = body["access_token"].as_str().unwrap();
        let part = |n: usize| -> Value {
            let part = token.split('.').nth(n).unwrap();
            serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
        };
        assert_eq!(part(0)["typ"], "at+jwt");
        assert!(part(1)["cnf"]["x5t#S256"].is_string());
    }
}

#[test]
fn every_fault_of_an_assertion_is_invalid_client() {
    let world = World::shared();
    let now = world.now().as_second();
    let client = world.client(LINDE);
    let faults: Vec<(&str, Change)> = vec![
        ("iss of another", claim("/iss", json!(POST))),
        ("sub of another", claim("/sub", json!(POST))),
        ("iss absent", claim("/iss", Value::Null)),
        ("sub absent", claim("/sub", Value::Null)),
        ("aud absent", claim("/aud", Value::Null)),
        ("aud of another profile", claim("/aud", json!(world.exchange()))),
        ("aud with a slash", claim("/aud", json!(format!("{}/oauth/token/", world.exchange())))),
        ("aud a list", claim("/aud", json!([format!("{}/oauth/token", world.exchange())]))),
        ("aud elsewhere", claim("/aud", json!("https://elsewhere.example/oauth/token"))),
        ("aud in capitals", claim("/aud", json!(format!("{}/oauth/token", world.exchange()).to_uppercase()))),
        ("exp absent", claim("/exp", Value::Null)),
        ("exp past", claim("/exp", json!(now - 60))),
        ("exp too far", claim("/exp", json!(now + 400))),
        ("exp a text", claim("/exp", json!("soon"))),
        ("exp huge", claim("/exp", json!(1e300))),
        ("exp negative", claim("/exp", json!(-1))),
        ("nbf ahead", claim("/nbf", json!(now + 60))),
        ("iat ahead", claim("/iat", json!(now + 60))),
        ("jti absent", claim("/jti", Value::Null)),
        ("jti empty", claim("/jti", json!(""))),
        ("jti a number", claim("/jti", json!(7))),
        ("typ absent", head("/typ", Value::Null)),
        ("typ of an access token", head("/typ", json!("at+jwt"))),
        ("kid absent", head("/kid", Value::Null)),
        ("kid unknown", head("/kid", json!("nobody"))),
        ("kid a path", head("/kid", json!("../../etc/passwd"))),
        ("alg none", head("/alg", json!("none"))),
        ("alg HS256", head("/alg", json!("HS256"))),
        ("alg RS256", head("/alg", json!("RS256"))),
        ("alg ES384 with an ES256 key", head("/alg", json!("ES384"))),
        ("alg absent", head("/alg", Value::Null)),
        ("jku in the header", head("/jku", json!("https://127.0.0.1:1/jwks.json"))),
        ("jwk in the header", head("/jwk", json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}))),
        ("x5u in the header", head("/x5u", json!("https://127.0.0.1:1/x.pem"))),
        ("crit in the header", head("/crit", json!(["exp"]))),
        (
            "organisation of another",
            claim(
                "/extensions/hl7-b2b/organization_id",
                json!("http://fhir.nl/fhir/NamingSystem/ura#90000372"),
            ),
        ),
        ("no assertion but words", Box::new(|a| a.raw("no.assertion.here"))),
        (
            "two parts",
            Box::new(|a| {
                let s = a.sign();
                let two = s.rsplit_once('.').unwrap().0.to_owned();
                a.raw(&two)
            }),
        ),
        (
            "signature cut",
            Box::new(|a| {
                let s = a.sign();
                a.raw(&s[..s.len() - 4])
            }),
        ),
        (
            "signature of zeros",
            Box::new(|a| {
                let s = a.sign();
                let zeros = data_encoding::BASE64URL_NOPAD.encode(&[0; 64]);
                let made = format!("{}.{zeros}", s.rsplit_once('.').unwrap().0);
                a.raw(&made)
            }),
        ),
        (
            "signature empty",
            Box::new(|a| {
                let s = a.sign();
                let made = format!("{}.", s.rsplit_once('.').unwrap().0);
                a.raw(&made)
            }),
        ),
        (
            "claims changed after signing",
            Box::new(|a| {
                let (old, new) = (a.sign(), a.clone().claim("/jti", json!("another")).sign());
                let made = format!("{}.{}", new.rsplit_once('.').unwrap().0, old.rsplit_once('.').unwrap().1);
                a.raw(&made)
            }),
        ),
        (
            "padded base64",
            Box::new(|a| {
                let s = a.sign();
                a.raw(&format!("{s}=="))
            }),
        ),
        ("client_id of another", field("client_id", POST)),
    ];
    let right = Assertion::of(world, LINDE);
    all_hold(faults.iter().map(|(name, change)| {
        let fresh = right.clone().claim("/jti", json!(uuid()));
        (format!("token: {name}"), is(&change(fresh).send(&client), 401, "invalid_client"))
    }));
    let with_other_key = right.clone().claim("/jti", json!(uuid())).signed_by(&Assertion::of(world, POST));
    with_other_key.send(&client).is(401, "invalid_client");
    // After all of these the right one is still taken: no fault burnt its jti.
    right.send(&client).ok();
}

#[test]
fn every_fault_of_a_form_has_its_error() {
    let world = World::shared();
    let client = world.client(LINDE);
    let faults: Vec<(&str, Change, u16, &str)> = vec![
        ("no grant_type", field("grant_type", ""), 400, "invalid_request"),
        ("a secret beside", field("client_secret", "hunter2"), 400, "invalid_request"),
        ("password grant", field("grant_type", "password"), 400, "unsupported_grant_type"),
        ("authorization_code", field("grant_type", "authorization_code"), 400, "unsupported_grant_type"),
        ("no assertion type", field("client_assertion_type", ""), 400, "invalid_request"),
        ("no scope", field("scope", ""), 400, "invalid_scope"),
        ("scope not SMART", field("scope", "everything"), 400, "invalid_scope"),
        ("scope v1", field("scope", "system/Patient.read"), 400, "invalid_scope"),
        ("scope for all", field("scope", "system/*.rs"), 400, "invalid_scope"),
        ("scope of a user", field("scope", "user/Patient.rs"), 400, "invalid_scope"),
        ("scope not registered", field("scope", "system/Patient.cruds"), 400, "invalid_scope"),
        ("scope of an unknown type", field("scope", "system/Unicorn.rs"), 400, "invalid_scope"),
        ("no hl7-b2b", claim("/extensions/hl7-b2b", Value::Null), 400, "invalid_request"),
        ("no extensions", claim("/extensions", Value::Null), 400, "invalid_request"),
        ("no purpose", claim("/extensions/hl7-b2b/purpose_of_use", Value::Null), 400, "invalid_request"),
        (
            "two purposes",
            claim(
                "/extensions/hl7-b2b/purpose_of_use",
                json!([format!("{PURPOSE_OID}#TREAT"), format!("{PURPOSE_OID}#COC")]),
            ),
            400,
            "invalid_request",
        ),
        ("emergency without a broken glass", Box::new(|a| a.purpose("ETREAT")), 400, "invalid_request"),
        (
            "broken glass without an emergency",
            claim(
                "/extensions/sluis/break-glass",
                json!({
            "patient": "http://fhir.nl/fhir/NamingSystem/bsn|999990032", "reason_code": "vital",
            "reason_text": "x", "could_not_be_asked": true}),
            ),
            400,
            "invalid_request",
        ),
        ("purpose not registered", Box::new(|a| a.purpose("CAREMGT")), 400, "unauthorized_client"),
        ("purpose of a person's app", Box::new(|a| a.purpose("PATRQT")), 400, "unauthorized_client"),
        ("function not registered", Box::new(|a| a.function("triage")), 400, "unauthorized_client"),
        ("function unknown", Box::new(|a| a.function("wizard")), 400, "unauthorized_client"),
    ];
    let right = Assertion::of(world, LINDE);
    all_hold(faults.iter().map(|(name, change, status, code)| {
        let fresh = change(right.clone().claim("/jti", json!(uuid())));
        (format!("token: {name}"), is(&fresh.send(&client), *status, code))
    }));
    let query = Request { target: "/oauth/token?scope=x".into(), ..right.request() };
    assert_eq!(client.send(&query).status, 400);
    let json_form = Request::new("POST", "/oauth/token").header("Content-Type", "application/json");
    client.send(&Request { body: b"{}".to_vec(), ..json_form }).is(400, "invalid_request");
    assert_eq!(client.send(&Request::get("/oauth/token")).status, 400);
}

#[test]
fn a_jti_is_taken_once() {
    let world = World::shared();
    let client = world.client(LINDE);
    let assertion = Assertion::of(world, LINDE);
    assertion.send(&client).ok();
    assertion.send(&client).is(401, "invalid_client");
}

#[test]
fn a_jti_is_taken_once_by_many_at_the_same_time() {
    let world = World::shared();
    let request = Assertion::of(world, LINDE).request();
    let clients: Vec<Client> = (0..8).map(|_| world.client(LINDE)).collect();
    let taken = std::thread::scope(|scope| {
        let tries: Vec<_> = clients.iter().map(|c| scope.spawn(|| c.send(&request).status)).collect();
        tries.into_iter().filter(|_| true).map(|t| t.join().unwrap()).filter(|s| *s == 200).count()
    });
    assert_eq!(taken, 1);
}

#[test]
fn a_burnt_jti_stays_burnt_over_a_kill_and_a_restart() {
    let world = World::fresh();
    let assertion = Assertion::of(&world, LINDE).claim("/exp", json!(world.now().as_second() + 290));
    assertion.send(&world.client(LINDE)).ok();
    world.kill();
    let again = World::on(world.dir()).unwrap();
    // The exchange may have another port: then the audience is another one, and the same jti must still be burnt.
    let same = assertion.claim("/aud", json!(format!("{}/oauth/token", again.exchange())));
    same.send(&again.client(LINDE)).is(401, "invalid_client");
    again.verify();
}

#[test]
fn the_client_is_the_one_its_certificate_belongs_to() {
    let world = World::shared();
    Assertion::of(world, LINDE).send(&world.client(POST)).is(401, "invalid_client");
    Assertion::of(world, LINDE).send(&world.client("niemand")).is(401, "invalid_client");
    let asker = world.asker(LINDE);
    let token = asker.token();
    let request = Request::get("/fhir/Condition?patient=x").bearer(&token);
    world.client(POST).send(&request).is(401, "token-invalid");
    world.client("niemand").send(&request).is(401, "token-invalid");
    // A forwarded certificate is somebody's word only.
    let forwarded = request.header("X-Forwarded-Client-Cert", "Hash=00").header("X-SSL-Client-Cert", "x");
    world.client(POST).send(&forwarded).is(401, "token-invalid");
}

#[test]
fn every_fault_of_an_access_token_is_token_invalid() {
    let world = World::shared();
    let asker = world.asker(LINDE);
    let token = asker.token();
    let mut flipped = token.clone().into_bytes();
    let last = flipped.len() - 10;
    flipped[last] = if flipped[last] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let none = format!(
        "{}.{}.",
        data_encoding::BASE64URL_NOPAD.encode(br#"{"alg":"none","typ":"at+jwt"}"#),
        parts[1]
    );
    let cases = [
        ("absent", String::new()),
        ("basic", "Basic dXNlcjpwYXNz".into()),
        ("empty", "Bearer ".into()),
        ("nonsense", "Bearer nonsense".into()),
        ("flipped", format!("Bearer {flipped}")),
        ("none", format!("Bearer {none}")),
        ("twice", format!("Bearer {token} {token}")),
        ("an assertion", format!("Bearer {}", Assertion::of(world, LINDE).sign())),
    ];
    all_hold(cases.iter().map(|(name, value)| {
        let mut request = Request::get("/fhir/Condition?patient=x");
        if !value.is_empty() {
            request = request.header("Authorization", value);
        }
        let answer = asker.client().send(&request);
        let held = is(&answer, 401, "token-invalid")
            .and_then(|()| answer.header("www-authenticate").map(|_| ()).ok_or("no WWW-Authenticate".into()));
        (format!("access token: {name}"), held)
    }));
    // A token in the query is no token.
    let query = Request::get(&format!("/fhir/Condition?patient=x&access_token={token}"));
    assert_eq!(asker.client().send(&query).status, 401);
}

#[test]
fn without_a_certificate_there_is_no_http() {
    let world = World::shared();
    let none = Client::new(world, None);
    assert!(none.try_send(&Request::get("/fhir/metadata")).is_err());
    // A certificate of the right authority that belongs to nobody: discovery answers, all else is 401.
    let nobody = world.client("niemand");
    assert_eq!(nobody.send(&Request::get("/fhir/metadata")).status, 200);
    assert_eq!(nobody.send(&Request::get("/.well-known/jwks.json")).status, 200);
    nobody.send(&Request::get("/fhir/Condition?patient=x")).is(401, "token-invalid");
}

#[test]
fn a_foreign_authority_gets_an_alert() {
    let (world, other) = (World::shared(), World::fresh());
    let path = |name: &str| other.dir().join(format!("pki/{LINDE}/{name}"));
    let (certificate, key) = (path("cert.pem"), path("key.pem"));
    let client = Client::with_files(
        &world.dir().join("pki/ca.pem"),
        Some((&certificate, &key)),
        world.now(),
        world.address(),
    );
    assert!(client.try_send(&Request::get("/fhir/metadata")).is_err());
    assert!(world.is_alive());
}

#[test]
fn a_suspension_holds_on_open_connections_and_live_tokens() {
    let world = World::fresh();
    let steen = world.staff("steen", "district-nursing");
    let id = steen.id("kaya");
    let mut open = steen.client().open().unwrap();
    let request = Request::get(&format!("/fhir/CarePlan?patient={id}")).bearer(&steen.token());
    assert_eq!(open.exchange(&request).unwrap().status, 200);
    world.sluis(["participant", "suspend", "wijkverpleging-thuis"]).ok();
    if let Ok(answer) = open.exchange(&request) {
        answer.is(401, "token-invalid");
    }
    steen.ask_token().is(401, "invalid_client");
    world.sluis(["participant", "resume", "wijkverpleging-thuis"]).ok();
    assert_eq!(world.staff("steen", "district-nursing").find("kaya").status, 200);
    // A blocked certificate ends in an alert, or in no answer at all on a connection that is open.
    let certificate = world.dir().join("pki/wijkverpleging-thuis/cert.pem");
    world.sluis(["certificate", "block", certificate.to_str().unwrap()]).ok();
    if let Ok(answer) = steen.client().try_send(&request) {
        assert_eq!(answer.status, 401, "{}", answer.text());
    }
    assert!(world.client("wijkverpleging-thuis").try_send(&Request::get("/fhir/metadata")).is_err());
    world.verify();
}

#[test]
fn the_suspended_participant_of_the_region_is_refused() {
    let world = World::shared();
    let id = world.region()["participants"]
        .as_array()
        .unwrap()
        .iter()
        .find(|p| p["state"] == "suspended")
        .unwrap()["id"]
        .as_str()
        .unwrap();
    Assertion::of(world, id).send(&world.client(id)).is(401, "invalid_client");
}

#[test]
fn purposes_and_functions_are_those_registered() {
    let world = World::shared();
    let purposes = ["TREAT", "ETREAT", "COC", "CAREMGT"];
    let participants = world.region()["participants"].as_array().unwrap();
    let active = participants.iter().filter(|p| p["state"] == "active" && p["id"] != "pgo-heuvelrijk");
    let mut cases = Vec::new();
    for participant in active {
        let id = participant["id"].as_str().unwrap();
        let client = world.client(id);
        for purpose in purposes {
            let mut assertion = Assertion::of(world, id).purpose(purpose);
            if purpose == "ETREAT" {
                assertion = assertion.claim(
                    "/extensions/sluis/break-glass",
                    json!({
                        "patient": "http://fhir.nl/fhir/NamingSystem/bsn|999990056", "reason_code": "danger",
                        "reason_text": "x", "could_not_be_asked": true,
                    }),
                );
            }
            let registered = participant["purposes"].as_array().unwrap().iter().any(|p| p == purpose);
            let answer = assertion.send(&client);
            let held =
                if registered { is(&answer, 200, "") } else { is(&answer, 400, "unauthorized_client") };
            cases.push((format!("matrix: {id} {purpose}"), held));
        }
        for function in ["gp-own", "triage", "debt-help", "district-nursing", "ggz-crisis", "stay-search"] {
            // By a person of whom we know nothing: taken at the participant's word, in a function that it has.
            let assertion = Assertion::of(world, id)
                .claim("/extensions/hl7-b2b/subject_id", json!("urn:example:staff#42"))
                .claim("/extensions/hl7-b2b/subject_role", Value::Null)
                .function(function);
            if participant["purposes"].as_array().unwrap().iter().all(|p| p == "HCOMPL" || p == "PATRQT") {
                continue;
            }
            let registered =
                participant["functions"].as_array().unwrap().iter().any(|f| f["code"] == function);
            let answer = assertion.send(&client);
            let held =
                if registered { is(&answer, 200, "") } else { is(&answer, 400, "unauthorized_client") };
            cases.push((format!("matrix: {id} {function}"), held));
        }
    }
    assert!(cases.len() > 80);
    all_hold(cases);
}

#[test]
fn what_is_outside_the_scope_is_not_permitted() {
    let world = World::shared();
    let narrow = world.staff("linden", "gp-own").scope("system/Patient.rs system/Condition.rs");
    let id = narrow.id("kaya");
    narrow.search_id(&id, "Condition", "").ok();
    narrow.search_id(&id, "AllergyIntolerance", "").is(403, "not-permitted");
    let summary = narrow.summary("kaya").ok().json();
    let types: std::collections::BTreeSet<_> = sluis_tests::json::resources(&summary)
        .into_iter()
        .map(|r| r["resourceType"].as_str().unwrap().to_owned())
        .collect();
    assert!(types.contains("Condition"), "{types:?}");
    for hidden in ["MedicationRequest", "AllergyIntolerance", "Observation", "CarePlan"] {
        assert!(!types.contains(hidden), "{hidden}");
    }
    assert!(SCOPES.contains("system/Condition.rs"));
}

#[test]
fn http_2_gives_the_same() {
    let world = World::shared();
    let linden = world.staff("linden", "gp-own");
    let id = linden.id("kaya");
    let request = Request::get(&format!("/fhir/Condition?patient={id}")).bearer(&linden.token());
    let (one, two) = (linden.client().send(&request), linden.client().send_h2(&request));
    assert_eq!((one.status, one.json()["total"].clone()), (two.status, two.json()["total"].clone()));
    assert_eq!(two.header("cache-control"), Some("no-store"));
}

fn uuid() -> String {
    uuid::Uuid::new_v4().to_string()
}
