//! Bad input gets its documented refusal and its record, changes nothing else, and never ends the program.

use crate::refusals::permit;
use serde_json::{Value, json};
use sluis_tests::{Request, World, all_hold};
use std::io::Write;

fn alive(world: &World) {
    assert!(world.is_alive());
    assert_eq!(world.management("/readyz").0, 200);
}

#[test]
fn bodies_that_are_no_fhir_are_body_invalid_and_recorded() {
    let world = World::shared();
    let steen = world.staff("steen", "district-nursing");
    let before = consents(world);
    let right = permit(world, &world.bsn("kaya"), "wijkverpleging-thuis").to_string();
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("white space", b"   ".to_vec()),
        ("cut", right.as_bytes()[..right.len() / 2].to_vec()),
        ("two documents", format!("{right}{right}").into_bytes()),
        ("a trailing word", format!("{right} x").into_bytes()),
        ("not UTF-8", [right.as_bytes(), b"\xff\xfe"].concat()),
        (
            "not UTF-8 in a string",
            right
                .replace("Gesprek", "GESPREK")
                .replace("GESPREK", "Ges\u{fffd}prek")
                .into_bytes()
                .iter()
                .map(|b| if *b == 0xef { 0xff } else { *b })
                .collect(),
        ),
        ("a byte order mark", [b"\xef\xbb\xbf", right.as_bytes()].concat()),
        ("a lone surrogate", right.replace("Gesprek", "\\ud800").into_bytes()),
        ("a NUL", right.replace("Gesprek", "a\\u0000b").into_bytes()),
        ("a raw control character", right.replace("Gesprek", "a\u{1}b").into_bytes()),
        ("a key twice", right.replacen('{', "{\"status\":\"active\",", 1).into_bytes()),
        ("an escaped key twice", right.replacen('{', "{\"st\\u0061tus\":\"active\",", 1).into_bytes()),
        ("an array", format!("[{right}]").into_bytes()),
        ("a number", b"7".to_vec()),
        ("a text", b"\"Consent\"".to_vec()),
        ("null", b"null".to_vec()),
        ("deep", deep(10_000).into_bytes()),
        ("very deep", deep(500_000).into_bytes()),
        ("deep inside", right.replacen('{', &format!("{{\"extension\":{},", deep(2_000)), 1).into_bytes()),
        ("a long number", right.replacen('{', &format!("{{\"x\":{},", "9".repeat(100_000)), 1).into_bytes()),
        ("another type", right.replace("\"Consent\"", "\"Patient\"").into_bytes()),
        ("no type", right.replace("\"resourceType\":\"Consent\",", "").into_bytes()),
        ("an unknown element", right.replacen('{', "{\"colour\":\"red\",", 1).into_bytes()),
        ("a status of a wrong kind", right.replace("\"active\"", "7").into_bytes()),
        ("single quotes", b"{'resourceType':'Consent'}".to_vec()),
        ("a comment", format!("/* x */{right}").into_bytes()),
        ("XML", b"<Consent xmlns=\"http://hl7.org/fhir\"/>".to_vec()),
    ];
    let cases: Vec<_> = bodies
        .into_iter()
        .map(|(name, body)| {
            let answer = steen.send(Request::fhir("POST", "/fhir/Consent", body));
            (name, answer)
        })
        .collect();
    let dump = world.dump();
    all_hold(cases.into_iter().map(|(name, answer)| {
        let recorded = dump.iter().any(|r| r["request_id"] == answer.request_id() && r["kind"] == "refused");
        let got = (answer.status, answer.code());
        let held = if got != (400, "body-invalid".into()) {
            Err(format!("{got:?}"))
        } else if !recorded {
            Err("no record".into())
        } else {
            Ok(())
        };
        (format!("bad body: {name}"), held)
    }));
    alive(world);
    assert_eq!(consents(world), before, "nothing of it was taken");
}

/// The consents about Kaya, whom no other test of this world changes: ids and versions.
fn consents(world: &World) -> Vec<String> {
    let list = world.sluis(["consent", "list", "--patient", &world.bsn("kaya"), "--json"]).ok().json_lines();
    list.iter().map(|line| format!("{} {} {}", line["id"], line["version"], line["status"])).collect()
}

/// A Consent with one thing wrong, and what is said of it: status, code, reason and, where one place is at fault, the place.
type Bad = (&'static str, Value, u16, &'static str, &'static str);

fn bad_consents(world: &World) -> Vec<Bad> {
    let right = || permit(world, &world.bsn("kaya"), "wijkverpleging-thuis");
    let with = |pointer: &str, value: Value| {
        let mut consent = right();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        match (consent.pointer_mut(pointer), value) {
            (_, Value::Null) => {
                consent.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
            }
            (Some(place), value) => *place = value,
            (None, value) => consent.pointer_mut(parent).unwrap()[name] = value,
        }
        consent
    };
    let group = |kind: &str, code: &str| {
        let system = format!("https://sluis.example/fhir/NamingSystem/{kind}");
        json!({"type": "Group", "identifier": {"system": system, "value": code}})
    };
    let class = |code: &str| json!([{"coding": [{"system": "https://sluis.example/fhir/CodeSystem/data-class", "code": code}]}]);
    let nested = |depth: usize| {
        (1..depth).fold(json!({"type": "deny"}), |inner, _| json!({"type": "permit", "provision": [inner]}))
    };
    let holder = json!({
        "role": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "CST"}]},
        "reference": {"type": "Organization", "identifier": {"system": "http://fhir.nl/fhir/NamingSystem/ura", "value": "90009999"}},
    });
    let number = json!({"system": "urn:example:practice", "value": "1"});
    let other = json!({"type": "Patient", "identifier": {"system": sluis_tests::ask::BSN, "value": world.bsn("jansen")}});
    let paper = json!([{"resourceType": "DocumentReference", "id": "d", "status": "current", "subject": other, "content": [{"attachment": {"title": "x"}}]}]);
    let tomorrow = (world.now() + jiff::SignedDuration::from_hours(48)).to_string();
    let backwards = json!({"start": "2027-01-01", "end": "2026-01-01"});
    let action = json!([{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentaction", "code": "disclose"}]}]);
    let linde = json!([{"identifier": world.participant("huisarts-de-linde")["identifier"]}]);
    let modifier = json!([{"url": "https://x.example/not", "valueBoolean": true}]);
    const NO: &str = "consent-refused";
    vec![
        ("no provision", with("/provision", Value::Null), 422, NO, "provision-missing"),
        ("untyped", with("/provision/type", Value::Null), 422, NO, "provision-untyped"),
        ("not active", with("/status", json!("draft")), 422, NO, "not-active"),
        ("inactive", with("/status", json!("inactive")), 422, NO, "not-active"),
        ("another scope", with("/scope/coding/0/code", json!("research")), 422, NO, "other-scope"),
        ("no category", with("/category", Value::Null), 400, "body-invalid", ""),
        ("the end before the start", with("/provision/period", backwards), 422, NO, "end-before-start"),
        ("a dateTime to come", with("/dateTime", json!(tomorrow)), 422, NO, "date-in-future"),
        ("an unknown data class", with("/provision/code", class("gossip")), 422, NO, "class-unknown"),
        (
            "an unknown category",
            with("/provision/actor/0/reference", group("category", "wizards")),
            422,
            NO,
            "category-unknown",
        ),
        (
            "an unknown function",
            with("/provision/actor/0/reference", group("function", "wizardry")),
            422,
            NO,
            "function-unknown",
        ),
        (
            "an unknown role",
            with("/provision/actor/0/role/coding/0/code", json!("XYZ")),
            422,
            NO,
            "role-unknown",
        ),
        ("an unknown holder", with("/provision/actor/0", holder), 422, NO, "holder-unknown"),
        ("another action", with("/provision/action", action), 422, NO, "action-other"),
        ("an unknown modifier extension", with("/modifierExtension", modifier), 422, NO, "modifier-unknown"),
        ("five deep", with("/provision/provision", json!([nested(4)])), 422, NO, "too-deep"),
        ("forty deep", with("/provision/provision", json!([nested(40)])), 422, NO, "too-deep"),
        ("no evidence", with("/sourceAttachment", Value::Null), 422, NO, "source-missing"),
        ("another person's evidence", with("/contained", paper), 422, NO, "other-persons-evidence"),
        ("a forged recorder", with("/organization", linde), 422, NO, "other-recorder"),
        ("one identifier twice", with("/identifier", json!([number, number])), 422, NO, "identifier-twice"),
        ("about another person", with("/performer/0", other), 422, NO, "performer-unknown"),
    ]
}

#[test]
fn a_bad_consent_has_its_reason_and_its_record_and_changes_nothing() {
    let world = World::shared();
    let steen = world.staff("steen", "district-nursing");
    let before = consents(world);
    let sent: Vec<_> = bad_consents(world)
        .into_iter()
        .map(|(name, consent, status, code, reason)| (name, steen.create(&consent), status, code, reason))
        .collect();
    let dump = world.dump();
    all_hold(sent.into_iter().map(|(name, answer, status, code, reason)| {
        let codings = &answer.json()["issue"][0]["details"]["coding"];
        let said = codings
            .as_array()
            .is_some_and(|all| reason.is_empty() || all.iter().any(|c| c["code"] == reason));
        let recorded = dump.iter().any(|r| r["request_id"] == answer.request_id() && r["kind"] == "refused");
        let words = answer.json()["issue"][0]["details"]["text"].as_str().is_some_and(|text| text.len() > 10);
        let held = (answer.status, answer.code().as_str()) == (status, code) && said && recorded && words;
        let what = format!("{} {} recorded {recorded}", answer.status, answer.text());
        (format!("bad consent: {name}"), held.then_some(()).ok_or(what))
    }));
    assert_eq!(consents(world), before, "nothing of it was taken");
    alive(world);
}

#[test]
fn a_consent_changed_on_a_stale_version_or_for_somebody_else_stays_as_it_is() {
    let world = World::fresh();
    let steen = world.staff("steen", "district-nursing");
    let created = steen.create(&permit(&world, &world.bsn("kaya"), "wijkverpleging-thuis"));
    assert_eq!(created.status, 201, "{}", created.text());
    let stands = consents(&world);
    let id = created.json()["id"].as_str().unwrap().to_owned();
    let mut withdrawn = created.json();
    withdrawn["status"] = json!("inactive");
    let put = |body: &Value, version: &str| {
        let request = Request::fhir("PUT", &format!("/fhir/Consent/{id}"), body.to_string());
        steen.send(request.header("If-Match", version))
    };
    let mut another = withdrawn.clone();
    another["patient"] =
        json!({"identifier": {"system": sluis_tests::ask::BSN, "value": world.bsn("jansen")}});
    for (answer, status) in [(put(&withdrawn, "W/\"7\""), 412), (put(&another, "W/\"1\""), 422)] {
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(world.records_of(answer.request_id()).iter().any(|r| r["kind"] == "refused"));
        assert_eq!(consents(&world), stands);
    }
    assert_eq!(put(&withdrawn, "W/\"1\"").status, 200);
    assert_ne!(consents(&world), stands);
}

#[test]
fn sizes_have_their_ends() {
    let world = World::shared();
    let steen = world.staff("steen", "district-nursing");
    let before = consents(world);
    let mut wordy = permit(world, &world.bsn("kaya"), "wijkverpleging-thuis");
    wordy["sourceAttachment"]["title"] = json!("x".repeat(1 << 20));
    let send = |body: Vec<u8>| steen.send(Request::fhir("POST", "/fhir/Consent", body));
    let huge = send(wordy.to_string().into_bytes());
    huge.is(413, "too-large");
    assert!(world.records_of(huge.request_id()).iter().any(|r| r["kind"] == "refused"));
    assert_eq!(consents(world), before);
    send(vec![b' '; 1024 * 1024 + 1]).is(413, "too-large");
    let whole = Request::fhir("POST", "/fhir/Consent", vec![b' '; 1024 * 1024]);
    steen.send(whole).is(400, "body-invalid");
    // An endless body in chunks is cut, and a client that reads only after it has written all still learns why (RFC 9112, 9.6).
    let mut open = steen.client().open().unwrap();
    let head = format!(
        "POST /fhir/Consent HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: application/fhir+json\r\nTransfer-Encoding: chunked\r\n\r\n",
        steen.token()
    );
    open.write(head.as_bytes()).unwrap();
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    for _ in 0..128 {
        open.write(chunk.as_bytes()).expect("what is sent after the answer is read away");
    }
    open.read(false).expect("an answer").is(413, "too-large");
    let long = format!("Condition?patient={}", "a".repeat(20_000));
    let answer = steen.client().try_send(&Request::get(&format!("/fhir/{long}")).bearer(&steen.token()));
    assert!(answer.is_err() || answer.is_ok_and(|a| matches!(a.status, 400 | 414 | 431)));
    let mut many = Request::get("/fhir/metadata");
    for number in 0..500 {
        many = many.header(&format!("X-{number}"), "x");
    }
    let answer = steen.client().try_send(&many);
    assert!(answer.is_err() || answer.is_ok_and(|a| a.status >= 400));
    alive(world);
}

#[test]
fn broken_http_ends_the_connection_and_nothing_else() {
    let world = World::shared();
    let client = world.client("huisarts-de-linde");
    let broken: [&[u8]; 12] = [
        b"\x00\x01\x02\x03\x04\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /fhir/metadata\r\n\r\n",
        b"GET /fhir/metadata HTTP/9.9\r\n\r\n",
        b"GET /fhir/metadata HTTP/1.1\r\nHost localhost\r\n\r\n",
        b"GET /fhir/metadata HTTP/1.1\r\n: x\r\n\r\n",
        b"POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        b"POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked, what\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\xff\xff",
        b"GET http://elsewhere.example/fhir/metadata HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n",
    ];
    for bytes in broken {
        let mut open = client.open().unwrap();
        let _sent = open.write(bytes);
        if let Ok(answer) = open.read(false) {
            assert!(answer.status >= 400 || answer.status == 200, "{}", answer.face());
        }
        alive(world);
    }
    // No TLS at all.
    let mut plain = std::net::TcpStream::connect(world.address()).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    drop(plain);
    alive(world);
}

#[test]
fn media_types_and_routes_have_their_refusals() {
    let world = World::shared();
    let linden = world.staff("linden", "gp-own");
    let token = linden.token();
    let send = |request: Request| linden.client().send(&request.bearer(&token));
    for media in [
        "application/xml",
        "text/plain",
        "application/fhir+xml",
        "multipart/form-data",
        "application/x-ndjson",
    ] {
        let request = Request::fhir("POST", "/fhir/Consent", "{}").replace("Content-Type", media);
        send(request).is(415, "unsupported-media-type");
        let request =
            Request::form("/fhir/Condition/_search", &[("patient", "x")]).replace("Content-Type", media);
        send(request).is(415, "unsupported-media-type");
    }
    for media in
        ["application/fhir+json; charset=utf-8", "application/json", "application/fhir+json; fhirVersion=4.0"]
    {
        let request = Request::fhir("POST", "/fhir/Consent", "{}").replace("Content-Type", media);
        send(request).is(400, "body-invalid");
    }
    for path in ["/fhir/Unicorn", "/fhir/Patient/a/b/c", "/fhir/$what", "/fhir/Condition/_searchx"] {
        send(Request::get(path)).is(400, "query-not-supported");
    }
    for path in ["/", "/nothing", "/oauth", "/oauth/authorize", "/fhirx/metadata"] {
        send(Request::get(path)).is(404, "not-found");
    }
    send(Request::get("/fhir/Organization/aaaa")).is(404, "not-found");
    alive(world);
}

#[test]
fn a_refused_command_changes_nothing() {
    let world = World::shared();
    let view = || world.sluis(["participant", "list", "--json"]).ok().stdout;
    let before = view();
    for (body, code) in
        [("", 1), ("{", 1), ("[]", 1), (r#"{"id":"x"}"#, 1), (r#"{"id":"x","colour":"red"}"#, 1)]
    {
        assert_eq!(
            world.sluis_with(["participant", "add", "--file", "-"], body.as_bytes()).code,
            code,
            "{body}"
        );
    }
    for args in [
        vec!["participant", "suspend", "nobody"],
        vec!["consent", "withdraw", "nothing", "--patient", "999990032"],
        vec!["consent", "list", "--patient", "999990160"],
        vec!["relation", "end", "nothing", "--patient", "999990032"],
        vec!["audit", "prove", "--index", "99999999"],
    ] {
        assert_eq!(world.sluis(args.clone()).code, 1, "{args:?}");
    }
    for args in [
        vec!["nonsense"],
        vec!["consent", "list"],
        vec!["explain", "--patient", "x", "--as", "y"],
        vec!["clock", "-5"],
        vec!["explain", "--patient", "999990032", "--as", "huisarts-de-linde", "--purpose", "PLAY"],
        vec!["certificate", "block", "not-hex"],
    ] {
        assert_eq!(world.sluis(args.clone()).code, 2, "{args:?}");
    }
    assert_eq!(view(), before);
    let nowhere = sluis_tests::sluis(["participant", "list", "--dir", "/nonexistent-folder"]);
    assert_eq!(nowhere.code, 1);
    for command in ["demo", "serve", "check-config", "import", "token", "summary", "send", "explain", "clock"]
    {
        let help = sluis_tests::sluis([command, "--help"]);
        assert!(help.code == 0 && help.stdout.contains("xample"), "{command}");
    }
}
