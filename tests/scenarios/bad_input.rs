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
    // Nothing of it was taken, and the right one still is.
    let list = world.sluis(["consent", "list", "--patient", &world.bsn("kaya"), "--json"]).ok().json_lines();
    assert!(list.iter().all(|c| c["recorder"] != "nobody"));
}

#[test]
fn consents_that_say_too_little_or_too_much_are_refused_with_a_reason() {
    let world = World::shared();
    let steen = world.staff("steen", "district-nursing");
    let right = || permit(world, &world.bsn("kaya"), "wijkverpleging-thuis");
    let with = |pointer: &str, value: Value| {
        let mut consent = right();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = consent.pointer_mut(parent).unwrap();
        if value.is_null() {
            parent.as_object_mut().unwrap().remove(name);
        } else {
            parent[name] = value;
        }
        consent
    };
    let tomorrow = world.now() + jiff::SignedDuration::from_hours(48);
    let cases = [
        ("no provision", with("/provision", Value::Null)),
        ("untyped", with("/provision/type", Value::Null)),
        ("not active", with("/status", json!("draft"))),
        ("inactive", with("/status", json!("inactive"))),
        ("another scope", with("/scope/coding/0/code", json!("research"))),
        ("no category", with("/category", Value::Null)),
        (
            "the end before the start",
            with("/provision/period", json!({"start": "2027-01-01", "end": "2026-01-01"})),
        ),
        ("a dateTime to come", with("/dateTime", json!(tomorrow.to_string()))),
        (
            "an unknown data class",
            with(
                "/provision/code",
                json!([{"coding": [{"system": "https://sluis.example/fhir/CodeSystem/data-class", "code": "gossip"}]}]),
            ),
        ),
        (
            "an unknown category",
            with(
                "/provision/actor/0/reference",
                json!({"type": "Group", "identifier": {"system": "https://sluis.example/fhir/NamingSystem/category", "value": "wizards"}}),
            ),
        ),
        (
            "an unknown function",
            with(
                "/provision/actor/0/reference",
                json!({"type": "Group", "identifier": {"system": "https://sluis.example/fhir/NamingSystem/function", "value": "wizardry"}}),
            ),
        ),
        ("an unknown role", with("/provision/actor/0/role/coding/0/code", json!("XYZ"))),
        (
            "another action",
            with(
                "/provision/action",
                json!([{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentaction", "code": "disclose"}]}]),
            ),
        ),
        (
            "an unknown modifier extension",
            with("/modifierExtension", json!([{"url": "https://x.example/not", "valueBoolean": true}])),
        ),
        (
            "five deep",
            with(
                "/provision/provision",
                json!([{"type": "deny", "provision": [{"type": "permit", "provision": [{"type": "deny", "provision": [{"type": "permit", "provision": [{"type": "deny"}]}]}]}]}]),
            ),
        ),
        ("another's evidence", with("/sourceAttachment", Value::Null)),
        (
            "no evidence, another recorder",
            with(
                "/organization",
                json!([{"identifier": world.participant("huisarts-de-linde")["identifier"]}]),
            ),
        ),
    ];
    all_hold(cases.into_iter().map(|(name, consent)| {
        let answer = steen.create(&consent);
        let held = matches!(
            (answer.status, answer.code().as_str()),
            (400, "body-invalid") | (422, "consent-refused")
        );
        let held =
            held && answer.json()["issue"][0]["details"]["text"].as_str().is_some_and(|t| t.len() > 10);
        (
            format!("bad consent: {name}"),
            held.then_some(()).ok_or(format!("{} {}", answer.status, answer.text())),
        )
    }));
    alive(world);
}

#[test]
fn sizes_have_their_ends() {
    let world = World::shared();
    let steen = world.staff("steen", "district-nursing");
    let huge = Request::fhir("POST", "/fhir/Consent", vec![b' '; 1024 * 1024 + 1]);
    steen.send(huge).is(413, "too-large");
    let whole = Request::fhir("POST", "/fhir/Consent", vec![b' '; 1024 * 1024]);
    steen.send(whole).is(400, "body-invalid");
    // An endless body in chunks is cut.
    let mut open = steen.client().open().unwrap();
    let head = format!(
        "POST /fhir/Consent HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: application/fhir+json\r\nTransfer-Encoding: chunked\r\n\r\n",
        steen.token()
    );
    open.write(head.as_bytes()).unwrap();
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    for _ in 0..64 {
        if open.write(chunk.as_bytes()).is_err() {
            break;
        }
    }
    if let Ok(answer) = open.read(false) {
        assert_eq!(answer.status, 413, "{}", answer.text());
    }
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
