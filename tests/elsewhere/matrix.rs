//! Every way in which a holder's server may be wrong, where it is the only one and where it is one of three: what comes,
//! what is recorded, how long it takes.

use super::server::{AID, ALLERGY, BUDGET, MARKER, MEDICINE, Mode, STREET, Server};
use serde_json::{Value, json};
use sluis_tests::json::{has_code, has_words, resources};
use sluis_tests::{Request, World, all_hold, until};
use std::time::{Duration, Instant};

/// The holder that is moved to a server of its own.
pub const HOLDER: &str = "wijkverpleging-thuis";
/// Whom only that holder knows.
pub const ALONE: &str = "999990184";

/// What a mode must lead to: the code in the record, or everything.
const MODES: &[(Mode, Option<&str>)] = &[
    (Mode::Well, None),
    (Mode::Paged, None),
    (Mode::Packed, None),
    (Mode::Markup, None),
    (Mode::Slow, Some("late")),
    (Mode::Down, Some("down")),
    (Mode::OtherName, Some("certificate")),
    (Mode::Expired, Some("certificate")),
    (Mode::NotYet, Some("certificate")),
    (Mode::OtherAuthority, Some("certificate")),
    (Mode::Says(401), Some("down")),
    (Mode::Says(403), Some("down")),
    (Mode::Says(404), Some("down")),
    (Mode::Says(429), Some("down")),
    (Mode::Says(500), Some("down")),
    (Mode::Says(503), Some("down")),
    (Mode::Garbage, Some("unreadable")),
    (Mode::Stranger, Some("wrong-person")),
    (Mode::OtherPatient, Some("wrong-person")),
    (Mode::CrossReference, Some("wrong-person")),
    (Mode::SameIdElsewhere, Some("wrong-person")),
    (Mode::Endless, Some("too-large")),
    (Mode::Drip, Some("unended")),
    (Mode::Bomb, Some("too-large")),
    (Mode::Deep, Some("unreadable")),
    (Mode::Doubled, Some("unreadable")),
    (Mode::BadText, Some("unreadable")),
    (Mode::NoSearchset, Some("unreadable")),
    (Mode::Stu3, Some("misfit")),
    (Mode::R5, Some("misfit")),
    (Mode::Redirect, Some("redirected")),
    (Mode::NextElsewhere, Some("astray")),
    (Mode::NextForEver, Some("too-large")),
    (Mode::Nobody, Some("not-known")),
    (Mode::OtherForm, None),
    (Mode::WholeMedicine, None),
    (Mode::VersionedMedicine, None),
    (Mode::MedicineElsewhere, Some("incomplete")),
    (Mode::MedicineGone, Some("incomplete")),
    (Mode::MedicineUnreadable, Some("incomplete")),
    (Mode::Along, None),
    (Mode::PatientsOnly, Some("incomplete")),
    (Mode::Fewer, Some("incomplete")),
    (Mode::NextNowhere, Some("incomplete")),
    (Mode::Partial, Some("incomplete")),
    (Mode::Warns, None),
    (Mode::NextNumber, Some("astray")),
    (Mode::NextNumberEncoded, Some("astray")),
    (Mode::NumberAsId, Some("astray")),
    (Mode::TwoNumbers, Some("wrong-person")),
];

pub fn moved(world: &World, server: &Server) {
    let endpoint = server.endpoint().to_string();
    world.sluis_with(["participant", "endpoint", "set", HOLDER, "--file", "-"], endpoint.as_bytes()).ok();
}

fn entered_at(world: &World, server: &Server) {
    moved(world, server);
    entered(world, ALONE);
}

pub fn entered(world: &World, bsn: &str) {
    let add = ["index", "add", "--holder", HOLDER, "--patient", "-", "--birthdate", "1942-06-11"];
    world.sluis_with(add, bsn.as_bytes()).ok();
}

/// The failure that the newest record of this request names for the holder.
pub fn recorded(world: &World, request_id: &str) -> (Vec<String>, String) {
    let mut records = world.records_of(request_id);
    records.retain(|record| record["kind"] != "notice");
    let kinds = records.iter().map(|r| r["kind"].as_str().unwrap_or_default().to_owned()).collect();
    (kinds, records.last().map(|r| r["event"].to_string()).unwrap_or_default())
}

#[test]
fn a_holder_alone_gives_all_or_is_unavailable_and_one_of_three_is_a_gap() {
    let world = World::fresh();
    let first = Server::start(Mode::Well, ALONE);
    moved(&world, &first);
    entered(&world, ALONE);
    entered(&world, &world.bsn("jansen"));
    let mut verdicts = Vec::new();
    for (mode, failure) in MODES {
        for (name, bsn) in [("alone", ALONE.to_owned()), ("one of three", world.bsn("jansen"))] {
            let server = Server::start(*mode, &bsn);
            moved(&world, &server);
            let alone = name == "alone";
            let verdict = std::panic::catch_unwind(|| judge(&world, *mode, *failure, alone));
            let verdict = verdict.map_err(|why| {
                why.downcast_ref::<String>().cloned().unwrap_or_else(|| "it does not hold".to_owned())
            });
            verdicts.push((format!("{mode:?}, {name}"), verdict));
            // No number of a person in any address, whatever the mode.
            let named = server
                .asked()
                .iter()
                .any(|asked| asked.split(' ').nth(1).is_some_and(|url| plain(url).contains(&bsn)));
            verdicts.push((
                format!("{mode:?}, {name}: addresses"),
                if named { Err("a BSN in a URL".into()) } else { Ok(()) },
            ));
        }
    }
    all_hold(verdicts);
    assert!(!world.output().contains(MARKER), "what a holder sent stands in our output");
    world.verify();
}

/// An address as whoever decodes it twice reads it.
fn plain(url: &str) -> String {
    let digits = |text: String| (0..=9).fold(text, |text, n| text.replace(&format!("%3{n}"), &n.to_string()));
    digits(digits(url.to_owned()).replace("%25", "%"))
}

fn judge(world: &World, mode: Mode, failure: Option<&str>, alone: bool) {
    let began = Instant::now();
    let answer = if alone {
        world.asker(HOLDER).summary(ALONE)
    } else {
        world.staff("valk", "triage").summary("jansen")
    };
    let took = began.elapsed();
    // Two rounds of connecting and putting a question again, besides the budget.
    assert!(took < Duration::from_millis(BUDGET) + Duration::from_secs(3), "{took:?}");
    assert!(!answer.text().contains(MARKER), "a marker is out: {}", answer.text());
    let (kinds, event) = recorded(world, answer.request_id());
    match (failure, alone) {
        (None, _) => {
            let document = answer.ok().json();
            for code in [ALLERGY, "91936005", "294505008", MEDICINE] {
                assert!(has_code(&document, code), "{code} is missing");
            }
            if mode == Mode::Along {
                assert!(has_code(&document, AID), "the aid that came along is missing");
            }
            assert_eq!(kinds, ["asked", "answered"]);
        }
        (Some(failure), true) => {
            answer.is(503, "source-unavailable");
            assert_eq!(kinds, ["asked", "refused"]);
            assert!(event.contains(failure), "{failure} is not recorded: {event}");
        }
        (Some(failure), false) => {
            let document = answer.ok().json();
            assert!(has_code(&document, "B01AF02"), "the GP's part is missing");
            assert!(!has_code(&document, ALLERGY), "a part of what fell is there");
            let sections = &resources(&document)[0]["section"];
            assert!(has_words(sections, "Wijkverpleging Thuis"), "no gap is named");
            assert_eq!(kinds, ["asked", "answered"]);
            assert!(event.contains(failure), "{failure} is not recorded: {event}");
        }
    }
}

#[test]
fn a_holder_that_sends_what_cannot_be_used_is_told_its_officer_once_in_a_while() {
    let world = World::fresh();
    let server = Server::start(Mode::Stranger, ALONE);
    moved(&world, &server);
    entered(&world, ALONE);
    for _ in 0..3 {
        world.asker(HOLDER).summary(ALONE).is(503, "source-unavailable");
    }
    let notices: Vec<Value> = world.dump().into_iter().filter(|record| record["kind"] == "notice").collect();
    assert_eq!(notices.len(), 1, "{notices:?}");
    // Its own officer finds it; what it says is sealed for anybody else.
    let refused = world.dump().into_iter().find(|record| record["kind"] == "refused").expect("refused");
    assert_eq!(notices[0]["request_id"], refused["request_id"]);
    assert!(!notices[0].to_string().contains(ALONE));
}

#[test]
fn whatever_is_wrong_with_a_holder_its_officer_is_told_each_of_it() {
    let world = World::fresh();
    let notices = || world.dump().iter().filter(|record| record["kind"] == "notice").count();
    let first = Server::start(Mode::Well, ALONE);
    moved(&world, &first);
    entered(&world, ALONE);
    let mut before = notices();
    let mut verdicts = Vec::new();
    let plain = |_: &mut Value| {};
    let no_networks = |endpoint: &mut Value| endpoint["networks"] = json!([]);
    let smart = |endpoint: &mut Value| {
        endpoint["authentication"] = json!({"kind": "smart", "client_id": "sluis-here"});
    };
    type Change = fn(&mut Value);
    let cases: [(Mode, &str, Change); 10] = [
        (Mode::Stu3, "misfit", plain),
        (Mode::Redirect, "redirected", plain),
        (Mode::Drip, "unended", plain),
        (Mode::OtherAuthority, "certificate", plain),
        (Mode::Well, "forbidden-address", no_networks),
        (Mode::SmartElsewhere, "token-elsewhere", smart),
        (Mode::Garbage, "unreadable", plain),
        (Mode::NextElsewhere, "astray", plain),
        (Mode::Stranger, "wrong-person", plain),
        (Mode::Bomb, "too-large", plain),
    ];
    for (mode, code, change) in cases {
        let server = Server::start(mode, ALONE);
        let mut endpoint = server.endpoint();
        change(&mut endpoint);
        let set = ["participant", "endpoint", "set", HOLDER, "--file", "-"];
        world.sluis_with(set, endpoint.to_string().as_bytes()).ok();
        for _ in 0..2 {
            let answer = world.asker(HOLDER).summary(ALONE);
            answer.is(503, "source-unavailable");
            let event = recorded(&world, answer.request_id()).1;
            let named = event.contains(&format!("\"{code}\""));
            verdicts.push((format!("{code} is recorded"), if named { Ok(()) } else { Err(event) }));
        }
        let told = notices() - before;
        before += told;
        let verdict = if told == 1 { Ok(()) } else { Err(format!("{told} notices")) };
        verdicts.push((format!("{code} is told once"), verdict));
    }
    all_hold(verdicts);
}

#[test]
fn only_what_is_permitted_and_registered_is_asked_and_suspension_and_withdrawal_end_it_at_once() {
    let world = World::fresh();
    let server = Server::start(Mode::Well, ALONE);
    moved(&world, &server);
    let born = ["index", "add", "--holder", HOLDER, "--birthdate", "1942-06-11", "--patient", "-"];
    let add = [&born[..], &["--class", "allergies", "--json"]].concat();
    let entry =
        world.sluis_with(add.clone(), ALONE.as_bytes()).ok().json()["entry"].as_str().unwrap().to_owned();
    let asker = world.asker(HOLDER);
    let document = asker.summary(ALONE).ok().json();
    assert!(has_code(&document, ALLERGY) && !has_code(&document, MEDICINE), "the index says allergies alone");
    let asked = server.asked();
    assert!(asked.iter().any(|asked| asked.starts_with("POST /fhir/Patient/_search ")));
    assert!(
        asked.iter().any(|asked| asked.contains("/AllergyIntolerance?patient=Patient%2Fp1")),
        "{asked:?}"
    );
    assert!(!asked.iter().any(|asked| asked.contains("MedicationRequest")), "{asked:?}");
    // Recorded before it was asked, with the same request.
    let kinds: Vec<_> = world.dump().iter().map(|record| record["kind"].clone()).collect();
    let at = kinds.iter().position(|kind| kind == "asked").expect("asked");
    assert_eq!(kinds.get(at + 1), Some(&json!("answered")));
    // Another holder's data of the same person is not this one's to be asked.
    let before = server.asked().len();
    world.sluis_with(["index", "withdraw", &entry, "--patient", "-"], ALONE.as_bytes()).ok();
    asker.summary(ALONE).is(403, "not-permitted");
    assert_eq!(server.asked().len(), before, "a withdrawn holder was asked");
    world.sluis_with(add, ALONE.as_bytes()).ok();
    let others = world.staff("valk", "triage");
    entered(&world, &world.bsn("jansen"));
    let jansens = Server::start(Mode::Well, &world.bsn("jansen"));
    moved(&world, &jansens);
    assert!(has_code(&others.summary("jansen").ok().json(), ALLERGY));
    let before = jansens.asked().len();
    world.sluis(["participant", "suspend", HOLDER]).ok();
    let document = others.summary("jansen").ok().json();
    assert!(
        !has_code(&document, ALLERGY) && has_words(&resources(&document)[0]["section"], "Wijkverpleging")
    );
    assert_eq!(jansens.asked().len(), before, "a suspended holder was asked");
}

#[test]
fn a_label_anywhere_in_a_part_hides_where_the_person_lives_whatever_was_asked() {
    let world = World::fresh();
    entered_at(&world, &Server::start(Mode::Well, ALONE));
    let asker = world.asker(HOLDER);
    let number = format!("{}|{ALONE}", sluis_tests::ask::BSN);
    let look_up = || asker.send(Request::form("/fhir/Patient/_search", &[("identifier", &number)])).ok();
    for (mode, shows) in [(Mode::Lives, true), (Mode::Hides, false)] {
        let server = Server::start(mode, ALONE);
        moved(&world, &server);
        let found = look_up();
        let id = found.json()["entry"][0]["resource"]["id"].as_str().expect("an id").to_owned();
        let answers = [
            ("the look-up", found),
            ("a read", asker.get(&format!("Patient/{id}")).ok()),
            ("the summary", asker.summary(ALONE).ok()),
        ];
        for (what, answer) in answers {
            assert_eq!(answer.text().contains(STREET), shows, "{mode:?}, {what}: {}", answer.text());
        }
    }
}

#[test]
fn a_server_that_says_when_to_come_again_is_not_asked_at_once() {
    let world = World::fresh();
    entered_at(&world, &Server::start(Mode::Well, ALONE));
    let asker = world.asker(HOLDER);
    for (status, times) in [(502, 2), (503, 1), (429, 1)] {
        let server = Server::start(Mode::Says(status), ALONE);
        moved(&world, &server);
        asker.summary(ALONE).is(503, "source-unavailable");
        let asked = server.asked().iter().filter(|asked| asked.contains("/Patient/_search")).count();
        assert_eq!(asked, times, "{status}");
    }
}

#[test]
fn a_class_that_is_entered_by_name_and_cannot_be_searched_is_missed() {
    let world = World::fresh();
    let server = Server::start(Mode::Well, ALONE);
    moved(&world, &server);
    let asker = world.asker(HOLDER);
    // Beside it the server lacks most types: what nobody said is there is not missed.
    for (classes, failure) in [
        (&["allergies", "medication"][..], None),
        (&["plan"], Some("incomplete")),
        (&["allergies", "functioning"], None),
        (&["allergies", "plan"], Some("incomplete")),
    ] {
        let mut add =
            vec!["index", "add", "--holder", HOLDER, "--birthdate", "1942-06-11", "--patient", "-", "--json"];
        add.extend(classes.iter().flat_map(|class| ["--class", class]));
        let entry = world.sluis_with(add, ALONE.as_bytes()).ok().json()["entry"].as_str().unwrap().to_owned();
        let answer = asker.summary(ALONE);
        match failure {
            None => assert!(has_code(&answer.ok().json(), ALLERGY), "{classes:?}"),
            Some(failure) => {
                answer.is(503, "source-unavailable");
                assert!(recorded(&world, answer.request_id()).1.contains(failure), "{classes:?}");
            }
        }
        world.sluis_with(["index", "withdraw", &entry, "--patient", "-"], ALONE.as_bytes()).ok();
    }
}

#[test]
fn a_holder_whose_agreement_has_ended_is_sent_no_number_and_is_a_gap() {
    let world = World::fresh();
    let server = Server::start(Mode::Well, &world.bsn("jansen"));
    moved(&world, &server);
    entered(&world, &world.bsn("jansen"));
    let valk = world.staff("valk", "triage");
    assert!(has_code(&valk.summary("jansen").ok().json(), ALLERGY));
    let mut known = world.sluis(["participant", "show", HOLDER, "--json"]).ok().json();
    let agreed = known["agreement"].clone();
    let mut agree = |term: Value| {
        known["agreement"] = term;
        known.as_object_mut().unwrap().remove("state");
        world.sluis_with(["participant", "add", "--file", "-"], known.to_string().as_bytes()).ok();
    };
    for (from, to) in [("2026-01-01", "2026-11-01"), ("2027-01-01", "2028-01-01")] {
        agree(json!({"version": agreed["version"], "from": from, "to": to}));
        let before = server.asked().len();
        let document = valk.summary("jansen").ok().json();
        assert_eq!(server.asked().len(), before, "a holder without agreement was asked: {from} to {to}");
        assert!(!has_code(&document, ALLERGY), "its data are given");
        assert!(has_words(&resources(&document)[0]["section"], "Wijkverpleging"), "no gap is named");
    }
    agree(agreed);
    assert!(has_code(&valk.summary("jansen").ok().json(), ALLERGY), "in agreement again");
}

#[test]
fn a_question_that_a_kill_left_open_is_closed_by_the_next_start() {
    let world = World::fresh();
    let server = Server::start(Mode::Slow, ALONE);
    moved(&world, &server);
    entered(&world, ALONE);
    let asker = world.asker(HOLDER);
    let _token = asker.token();
    std::thread::scope(|scope| {
        let asking =
            scope.spawn(|| std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| asker.summary(ALONE))));
        let deadline = Instant::now() + Duration::from_secs(5);
        while !server.asked().iter().any(|asked| asked.contains("AllergyIntolerance")) {
            assert!(Instant::now() < deadline, "it was never asked");
            std::thread::sleep(Duration::from_millis(10));
        }
        world.kill();
        let _broken_off = asking.join();
    });
    let again = World::on(world.dir()).expect("it starts again");
    let records = again.dump();
    let asked = records.iter().find(|record| record["kind"] == "asked").expect("asked");
    let closed: Vec<_> = records.iter().filter(|r| r["request_id"] == asked["request_id"]).collect();
    assert_eq!(closed.len(), 2, "{closed:?}");
    assert_eq!(closed[1]["kind"], "refused");
    assert!(closed[1]["event"].to_string().contains("nothing-released"));
    again.verify();
}

#[test]
fn a_question_has_an_end_also_when_whoever_asked_hangs_up_or_the_gateway_dies() {
    let world = World::fresh();
    let well = Server::start(Mode::Well, ALONE);
    moved(&world, &well);
    entered(&world, ALONE);
    let asker = world.asker(HOLDER);
    let number = format!("{}|{ALONE}", sluis_tests::ask::BSN);
    let found = asker.send(Request::form("/fhir/Patient/_search", &[("identifier", &number)])).ok().json();
    let id = found["entry"][0]["resource"]["id"].as_str().expect("an id").to_owned();
    let server = Server::start(Mode::Slow, ALONE);
    moved(&world, &server);
    let ask = |request_id: &str| {
        let before = server.asked().len();
        let mut connection = asker.client().open().unwrap();
        let token = asker.token();
        let text = format!(
            "GET /fhir/Patient/{id}/$summary HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
             X-Request-Id: {request_id}\r\n\r\n"
        );
        connection.write(text.as_bytes()).unwrap();
        until("the holder is asked", || server.asked().len() > before);
        connection
    };
    let hung_up = "0b8f3c1e-6a54-4a0e-9a1d-0c5f5a7d1e01";
    drop(ask(hung_up));
    until("its end is recorded", || recorded(&world, hung_up).0 == ["asked", "refused"]);
    assert!(recorded(&world, hung_up).1.contains("nothing-released"));
    // Two under one id, which a client may choose: neither's end is taken for the other's.
    let killed = "0b8f3c1e-6a54-4a0e-9a1d-0c5f5a7d1e02";
    let open = [ask(killed), ask(killed)];
    until("both are recorded", || recorded(&world, killed).0 == ["asked", "asked"]);
    world.kill();
    drop(open);
    let again = World::on(world.dir()).unwrap();
    let mut kinds = recorded(&again, killed).0;
    kinds.sort();
    assert_eq!(kinds, ["asked", "asked", "refused", "refused"]);
    assert_eq!(recorded(&again, hung_up).0, ["asked", "refused"], "closed once");
    again.verify();
}
