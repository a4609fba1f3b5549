//! `sluis participant endpoint`: set, shown, and tried, with words for whoever must mend it.

use super::server::{ALLERGY, Mode, SECRET, Server};
use serde_json::json;
use sluis_tests::json::has_code;
use sluis_tests::{Request, World};
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::Ordering::Relaxed;

const HOLDER: &str = "wijkverpleging-thuis";

fn set(world: &World, endpoint: &serde_json::Value) -> sluis_tests::Run {
    world.sluis_with(
        ["participant", "endpoint", "set", HOLDER, "--file", "-"],
        endpoint.to_string().as_bytes(),
    )
}

#[test]
fn a_test_says_in_words_what_is_wrong() {
    let world = World::fresh();
    let cases = [
        (Mode::Well, "good", "search"),
        (Mode::OtherName, "bad", "names another host"),
        (Mode::Expired, "bad", "has expired"),
        (Mode::NotYet, "bad", "not valid yet"),
        (Mode::OtherAuthority, "bad", "no authority that we trust"),
        (Mode::Down, "bad", "connection"),
        (Mode::Stu3, "bad", "STU3"),
        (Mode::R5, "bad", "5.0.0"),
        (Mode::Says(401), "bad", "does not know who we are"),
        (Mode::Says(403), "bad", "system/*.rs"),
        (Mode::Says(405), "bad", "POST [base]/Patient/_search"),
        (Mode::OtherPatient, "bad", "people whom nobody asked for"),
        (Mode::PatientsOnly, "bad", "nothing can be searched for one person"),
        (Mode::Statement(302), "bad", "sends us on to another address"),
        (Mode::Statement(403), "bad", "CapabilityStatement (403)"),
        (Mode::NoVersion, "bad", "does not say which version"),
        (Mode::Denied, "bad", "does not let us search AllergyIntolerance"),
        (Mode::Careless, "bad", "somebody else's"),
        (Mode::Says(503), "bad", "come back in 60 s"),
    ];
    for (mode, state, words) in cases {
        let server = Server::start(mode, "999990184");
        set(&world, &server.endpoint()).ok();
        let run = world.sluis(["participant", "endpoint", "test", HOLDER]);
        assert_eq!(run.code, i32::from(state == "bad"), "{mode:?}: {}", run.stdout);
        let line = run.stdout.lines().find(|line| line.starts_with(state) && line.contains(words));
        assert!(line.is_some(), "{mode:?}: nobody says {words}:\n{}", run.stdout);
        let read: Vec<_> = world.sluis(["participant", "endpoint", "test", HOLDER, "--json"]).json_lines();
        assert!(read.iter().all(|finding| finding["what"].is_string() && finding["mend"].is_string()));
    }
    let mut closed = Server::start(Mode::Well, "999990184").endpoint();
    closed["url"] = json!("https://localhost:9/fhir");
    set(&world, &closed).ok();
    assert!(
        world.sluis(["participant", "endpoint", "test", HOLDER]).stdout.contains("nothing answers there")
    );
    closed["url"] = json!("https://no-such-host.invalid/fhir");
    set(&world, &closed).ok();
    assert!(world.sluis(["participant", "endpoint", "test", HOLDER]).stdout.contains("DNS"));
}

#[test]
fn an_endpoint_that_leads_into_our_own_network_is_not_connected_to_unless_it_is_named() {
    let world = World::fresh();
    let server = Server::start(Mode::Well, "999990184");
    let mut endpoint = server.endpoint();
    endpoint["networks"] = json!([]);
    set(&world, &endpoint).ok();
    let run = world.sluis(["participant", "endpoint", "test", HOLDER]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("loopback"), "{}", run.stdout);
    assert!(server.asked().is_empty());
}

#[test]
fn a_mistake_in_an_endpoint_is_said_and_changes_nothing() {
    let world = World::fresh();
    let good = Server::start(Mode::Well, "999990184").endpoint();
    set(&world, &good).ok();
    let with = |member: &str, value: serde_json::Value| {
        let mut bad = good.clone();
        bad[member] = value;
        bad
    };
    for (bad, says) in [
        (with("url", json!("http://localhost/fhir")), "https"),
        (with("url", json!("https://a:b@localhost/fhir")), "password"),
        (with("url", json!("https://localhost/fhir?x=1")), "query"),
        (with("url", json!("https://localhost/a/../b")), "dots"),
        (with("ca_pem", json!("nothing")), "PEM"),
        (with("networks", json!(["everywhere"])), "endpoint"),
        (with("budget_ms", json!(1)), "budget_ms"),
        (with("unknown", json!(1)), "unknown"),
        (with("authentication", json!({"kind": "bearer", "secret": "relative"})), "absolute path"),
        (with("authentication", json!({"kind": "password"})), "authentication"),
        (with("authentication", json!({"kind": "mtls", "secret": "/etc/secret"})), "unknown"),
        (
            with("authentication", json!({"kind": "smart", "client_id": "x", "token_url": "http://a/t"})),
            "https",
        ),
    ] {
        let run = set(&world, &bad);
        assert_eq!(run.code, 1, "{bad}");
        let all = run.stdout + &run.stderr;
        assert!(all.contains(says) || says == "authentication" && all.contains("password"), "{says}: {all}");
    }
    let shown = world.sluis(["participant", "endpoint", "show", HOLDER]).ok().json();
    assert_eq!(shown["url"], good["url"]);
    assert_eq!(world.sluis(["participant", "endpoint", "show", "huisarts-de-linde"]).code, 1);
    assert_eq!(world.sluis(["participant", "endpoint", "test", "nobody-at-all"]).code, 1);
}

fn entered(world: &World, server: &Server, authentication: &serde_json::Value) {
    let mut endpoint = server.endpoint();
    endpoint["authentication"] = authentication.clone();
    set(world, &endpoint).ok();
    let add = ["index", "add", "--holder", HOLDER, "--birthdate", "1942-06-11", "--patient", "-"];
    world.sluis_with(add, b"999990184").ok();
}

#[test]
fn by_smart_backend_services_we_show_our_own_key_and_take_a_new_token_when_one_is_turned_down() {
    let world = World::fresh();
    let server = Server::start(Mode::Smart, "999990184");
    entered(&world, &server, &json!({"kind": "smart", "client_id": "sluis-here"}));
    let tested = || world.sluis(["participant", "endpoint", "test", HOLDER]);
    assert!(tested().stdout.contains("invalid_client"), "{}", tested().stdout);
    // It takes our keys from where the portal publishes them.
    let jwks = world.visitor().send(Request::get("/.well-known/jwks.json"));
    *server.client_keys.lock().unwrap() = serde_json::from_str(&jwks.text()).expect("a key set");
    assert_eq!(tested().code, 0, "{}", tested().stdout);
    let asker = world.asker(HOLDER);
    assert!(has_code(&asker.summary("999990184").ok().json(), ALLERGY));
    let tokens = || server.asked().iter().filter(|asked| asked.starts_with("POST /fhir/token")).count();
    let before = tokens();
    assert!(has_code(&asker.summary("999990184").ok().json(), ALLERGY));
    assert_eq!(tokens(), before, "a token is used again while it counts");
    // Somebody else's test of the endpoint took a newer one: ours is turned down, and asked anew once.
    assert_eq!(tested().code, 0);
    assert!(has_code(&asker.summary("999990184").ok().json(), ALLERGY));
    assert!(!world.output().contains("token-"), "a token stands in our output");
}

/// Our key set, so that the server's token endpoint takes our assertions.
fn knows_us(world: &World, server: &Server) {
    let jwks = world.visitor().send(Request::get("/.well-known/jwks.json"));
    *server.client_keys.lock().unwrap() = serde_json::from_str(&jwks.text()).expect("a key set");
}

#[test]
fn a_token_that_is_good_for_less_than_is_asked_and_a_large_token_answer_are_said_to_be() {
    let world = World::fresh();
    for (mode, words) in [
        (
            Mode::SmartNarrow,
            "look  scope: the token is good for less than is asked: not for MedicationRequest",
        ),
        (Mode::SmartNarrow, "bad   scope: it does not let us search AllergyIntolerance"),
        (Mode::SmartLarge, "its token answer is larger than 64 KiB"),
    ] {
        let server = Server::start(mode, "999990184");
        knows_us(&world, &server);
        entered(&world, &server, &json!({"kind": "smart", "client_id": "sluis-here"}));
        let run = world.sluis(["participant", "endpoint", "test", HOLDER]);
        assert!(run.code == 1 && run.stdout.contains(words), "{words}: {}", run.stdout);
        assert!(!run.stdout.contains("max_bytes"), "{}", run.stdout);
    }
}

#[test]
fn a_token_that_its_server_forgot_is_not_shown_again_also_where_metadata_wants_one() {
    let world = World::fresh();
    let server = Server::start(Mode::Smart, "999990184");
    knows_us(&world, &server);
    entered(&world, &server, &json!({"kind": "smart", "client_id": "sluis-here"}));
    server.trouble.store(true, Relaxed);
    let asker = world.asker(HOLDER);
    asker.summary("999990184").is(503, "source-unavailable");
    server.trouble.store(false, Relaxed);
    server.revoke();
    assert!(has_code(&asker.summary("999990184").ok().json(), ALLERGY), "a token that is dead is shown on");
}

#[test]
fn a_token_that_is_said_to_last_for_ever_is_a_token_like_any_other() {
    let world = World::fresh();
    let server = Server::start(Mode::SmartForEver, "999990184");
    knows_us(&world, &server);
    entered(&world, &server, &json!({"kind": "smart", "client_id": "sluis-here"}));
    assert!(has_code(&world.asker(HOLDER).summary("999990184").ok().json(), ALLERGY));
}

#[test]
fn a_holder_does_not_send_us_for_a_token_to_another_host_unless_an_operator_named_it() {
    let world = World::fresh();
    let server = Server::start(Mode::SmartElsewhere, "999990184");
    knows_us(&world, &server);
    entered(&world, &server, &json!({"kind": "smart", "client_id": "sluis-here"}));
    let tested = || world.sluis(["participant", "endpoint", "test", HOLDER]).stdout;
    assert!(tested().contains("token_url"), "{}", tested());
    assert!(!server.asked().iter().any(|asked| asked.contains("/token")), "an assertion left");
    let named = server.url.replace("localhost", "127.0.0.1") + "/token";
    entered(&world, &server, &json!({"kind": "smart", "client_id": "sluis-here", "token_url": named}));
    let said = tested();
    assert!(said.contains("certificate names another host"), "its own certificate is looked at: {said}");
}

#[test]
fn a_bearer_token_comes_from_a_secret_that_only_we_may_read() {
    let world = World::fresh();
    let server = Server::start(Mode::Bearer, "999990184");
    let secret = world.dir().join("holder.token");
    std::fs::write(&secret, SECRET).unwrap();
    entered(&world, &server, &json!({"kind": "bearer", "secret": secret}));
    let tested = || world.sluis(["participant", "endpoint", "test", HOLDER]);
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(tested().stdout.contains("others than its owner may read it"), "{}", tested().stdout);
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(tested().code, 0, "{}", tested().stdout);
    assert!(has_code(&world.asker(HOLDER).summary("999990184").ok().json(), ALLERGY));
    for (written, words) in [
        ("another", "turns down the token that stands in the secret (401)"),
        ("", "the secret is empty"),
        ("two\nlines", "is no bearer token"),
        ("Bearer another", "without `Bearer`"),
    ] {
        std::fs::write(&secret, written).unwrap();
        assert!(tested().stdout.contains(words), "{words}: {}", tested().stdout);
    }
    let shown = world.sluis(["participant", "endpoint", "show", HOLDER]).ok().stdout;
    assert!(!shown.contains(SECRET) && !world.output().contains(SECRET));
}
