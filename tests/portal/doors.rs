//! Doors that stay shut: sign-in, sessions, forms, foreign ids, headers.

use sluis_tests::client::Request;
use sluis_tests::{Visitor, World};

const PATIENT: [&str; 8] = [
    "/patient",
    "/patient/sharing",
    "/patient/sharing/gp",
    "/patient/looked",
    "/patient/choices",
    "/patient/choice",
    "/patient/emergency",
    "/patient/for/x",
];
const OFFICER: [&str; 3] = ["/officer", "/officer/record/1", "/officer/journal"];

#[test]
fn without_signing_in_and_at_the_other_door_there_is_only_the_way_to_sign_in() {
    let world = World::shared();
    let (nobody, person, officer) =
        (world.visitor(), world.signed_in("amrani", "patient"), world.signed_in("officer-linde", "officer"));
    let shut = |visitor: &Visitor<'_>, path: &str, door: &str| {
        let answer = visitor.send(Request::get(path));
        assert_eq!((answer.status, answer.header("location")), (303, Some(door)), "{path}");
        assert!(answer.body.is_empty());
        let answer = visitor.send(Request::form(path, &[("sure", "yes")]));
        assert_eq!(answer.status, 303, "{path}");
    };
    for path in PATIENT {
        shut(&nobody, path, "/login/patient");
        shut(&officer, path, "/login/patient");
    }
    for path in OFFICER {
        shut(&nobody, path, "/login/officer");
        shut(&person, path, "/login/officer");
    }
    for path in
        ["/nothing", "/patients", "/officer/x", "/patient/x", "/operator", "/login/operator", "/style.css/x"]
    {
        let signed = if path.starts_with("/officer") { &officer } else { &person };
        assert_eq!(signed.open(path).answer.status, 404, "{path}");
    }
    for method in ["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"] {
        let answer = person.send(Request::new(method, "/patient/choices"));
        assert_eq!(answer.status, 404, "{method}");
    }
}

#[test]
fn a_wrong_secret_opens_nothing_and_names_no_user() {
    let world = World::shared();
    let visitor = world.visitor();
    let known = visitor.sign_in("amrani", "patient", "wrong");
    assert_eq!(known.answer.status, 401);
    let unknown = visitor.sign_in("nobody", "patient", "wrong");
    assert_eq!(unknown.answer.status, 401);
    assert!(visitor.cookie("__Host-sluis").is_none());
    // The right secret at the wrong door.
    let page = visitor.sign_in("amrani", "officer", &world.secret("amrani"));
    assert_eq!(page.answer.status, 403, "{}", page.text());
    page.says("Je kunt hier niet naar binnen").hides("amrani");
    let page = visitor.sign_in("officer-linde", "patient", &world.secret("officer-linde"));
    assert_eq!(page.answer.status, 403);
}

#[test]
fn a_code_counts_once_for_the_browser_that_asked_for_it() {
    let world = World::shared();
    // As far as the way back, which is not taken.
    let back = |visitor: &Visitor<'_>, user: &str| {
        let page = visitor.open("/login/patient");
        let hidden = page.hidden();
        let mut fields: Vec<(&str, &str)> = hidden.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let secret = world.secret(user);
        fields.extend([("user", user), ("secret", secret.as_str())]);
        let answer = visitor.send(Request::form("/dev/authorize", &fields));
        answer.header("location").unwrap().trim_start_matches(world.portal()).to_owned()
    };
    let (one, other) = (world.visitor(), world.visitor());
    let (way, others) = (back(&one, "amrani"), back(&other, "bakker"));
    // Somebody else's way back, given to this browser (login CSRF), and this one's taken by another.
    for (visitor, way) in [(&one, &others), (&other, &way)] {
        let page = visitor.open(way);
        assert_eq!(page.answer.status, 400, "{}", page.text());
        assert!(visitor.cookie("__Host-sluis").is_none());
    }
    // Neither counts any more.
    assert_eq!(one.open(&way).answer.status, 400);
    let way = back(&one, "amrani");
    let bent = way.replacen("iss=https", "iss=http", 1);
    assert_eq!(one.open(&bent).answer.status, 400, "a mixed-up provider");
    let way = back(&one, "amrani");
    assert_eq!(one.open(&way.replacen("code=", "code=x", 1)).answer.status, 400, "a bent code");
    let way = back(&one, "amrani");
    assert_eq!(one.open(&way).answer.status, 200);
    let mine = one.cookie("__Host-sluis").unwrap();
    assert_eq!(one.open(&way).answer.status, 400, "a code a second time");
    for way in ["/callback", "/callback?state=x&code=y", "/callback?error=access_denied"] {
        assert_eq!(other.open(way).answer.status, 400, "{way}");
    }
    // A session that was planted is not taken over: signing in makes a new one.
    let planted = world.visitor();
    planted.set_cookie("__Host-sluis", &mine);
    let _page = planted.sign_in("bakker", "patient", &world.secret("bakker"));
    assert_ne!(planted.cookie("__Host-sluis").unwrap(), mine);
}

#[test]
fn a_session_ends_by_signing_out_and_when_it_is_quiet() {
    let world = World::fresh();
    let person = world.signed_in("amrani", "patient");
    let cookie = person.cookie("__Host-sluis").unwrap();
    let _page = person.submit("/logout", &[]);
    assert!(person.cookie("__Host-sluis").is_none());
    let thief = world.visitor();
    thief.set_cookie("__Host-sluis", &cookie);
    assert_eq!(thief.open("/patient").path, "/dev/authorize");
    let person = world.signed_in("amrani", "patient");
    world.advance(14 * 60);
    assert_eq!(person.open("/patient").path, "/patient");
    world.advance(16 * 60);
    assert_eq!(person.open("/patient").path, "/dev/authorize");
}

#[test]
fn a_form_without_the_token_of_its_session_changes_nothing() {
    let world = World::fresh();
    let (person, other) = (world.signed_in("elidrissi", "patient"), world.signed_in("bakker", "patient"));
    let foreign = other.open("/patient/choice").ok().token();
    let before = world.dump().len();
    for token in [None, Some(""), Some("x"), Some(foreign.as_str())] {
        let mut fields = vec![("who", "everyone"), ("what", "all"), ("answer", "yes"), ("sure", "yes")];
        fields.extend(token.map(|token| ("token", token)));
        let page = person.submit("/patient/choice", &fields);
        assert_eq!(page.answer.status, 403, "{}", page.text());
    }
    assert!(world.dump()[before..].iter().all(|record| record["kind"] != "consent"));
    // Somebody else's choice cannot be taken back.
    let list = world.signed_in("jansen", "patient").open("/patient/choices").ok().html();
    let theirs = list.split("name=\"choice\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let token = person.open("/patient/choice").ok().token();
    let page = person
        .submit("/patient/choices/withdraw", &[("token", &token), ("choice", &theirs), ("sure", "yes")]);
    assert_eq!(page.answer.status, 404);
}

#[test]
fn nobody_elses_page_opens_with_an_id_that_was_made_for_another() {
    let world = World::shared();
    let elif = world.signed_in("elif", "patient");
    let page = elif.open("/patient").ok();
    let base = page.links().into_iter().find(|link| link.starts_with("/patient/for/")).unwrap();
    for user in ["jansen", "ingrid", "kaya", "anna"] {
        let other = world.signed_in(user, "patient");
        assert_eq!(other.open(&base).answer.status, 404, "{user}");
    }
    // Two who act for the same child have each their own.
    let els = world.signed_in("els", "patient").open("/patient").ok();
    let base_of_els = els.links().into_iter().find(|link| link.starts_with("/patient/for/")).unwrap();
    assert_eq!(world.signed_in("mark", "patient").open(&base_of_els).answer.status, 404);
    for id in ["kaya", "999990111", "x", "..", "%2e%2e"] {
        assert_eq!(elif.open(&format!("/patient/for/{id}")).answer.status, 404, "{id}");
    }
}

#[test]
fn every_page_forbids_scripts_frames_and_caches_and_shows_no_number_of_anybody() {
    let world = World::shared();
    let bsns: Vec<String> = world.region()["patients"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["bsn"].as_str().unwrap().to_owned())
        .collect();
    let mut pages = Vec::new();
    for patient in ["jansen", "peters", "noor", "devries", "visser"] {
        let visitor = world.signed_in(patient, "patient");
        pages.extend(PATIENT[..7].iter().map(|path| visitor.open(path).ok()));
    }
    let officer = world.signed_in("officer-linde", "officer");
    pages.extend(
        ["/officer", "/officer/journal", "/officer?all=yes"].iter().map(|path| officer.open(path).ok()),
    );
    pages.extend(["/", "/login/patient", "/nothing"].iter().map(|path| world.visitor().open(path)));
    for page in pages {
        let head = |name: &str| page.answer.header(name).unwrap_or_default().to_owned();
        assert_eq!(head("cache-control"), "no-store", "{}", page.path);
        let policy = head("content-security-policy");
        for part in [
            "default-src 'none'",
            "style-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(part), "{}: {policy}", page.path);
        }
        assert!(!policy.contains("unsafe"));
        assert_eq!(head("referrer-policy"), "no-referrer");
        assert_eq!(head("x-content-type-options"), "nosniff");
        let html = page.html();
        for forbidden in ["<script", "style=\"", " onclick", "javascript:", "http://"] {
            assert!(!html.contains(forbidden), "{forbidden} in {}", page.path);
        }
        for bsn in &bsns {
            assert!(!html.contains(bsn.as_str()), "a number in {}", page.path);
        }
        assert!(html.contains("<html lang=\"nl\">"), "{}", page.path);
        assert_eq!(html.matches("<h1").count(), 1, "{}", page.path);
    }
}

#[test]
fn the_language_is_the_browsers_then_the_chosen_one_and_the_page_stays() {
    let world = World::shared();
    let visitor = world.signed_in("jansen", "patient");
    let english = visitor.send(Request::get("/patient/looked").header("Accept-Language", "en-GB,en;q=0.9"));
    assert!(String::from_utf8_lossy(&english.body).contains("Who looked?"));
    let page = visitor.open("/patient/looked").ok();
    page.says("Wie heeft gekeken?");
    let other = page.links().into_iter().find(|link| link.contains("lang=en")).unwrap();
    assert_eq!(other, "/patient/looked?lang=en");
    visitor.open(&other).ok().says("Who looked?");
    visitor.open("/patient/sharing").ok().says("Who may see my data?");
    // Also on a page that a form made.
    let token = visitor.open("/patient/choice").ok().token();
    let fields = [("token", token.as_str()), ("who", "everyone"), ("what", "all"), ("answer", "yes")];
    let check = visitor.submit("/patient/choice", &fields).ok();
    check.says("Is this right?");
    let hidden = check.hidden();
    let mut again: Vec<(&str, &str)> = hidden.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    again.retain(|(name, _)| *name != "sure");
    assert!(again.contains(&("lang", "nl")));
    visitor
        .submit("/patient/choice", &again)
        .ok()
        .says("Klopt dit?")
        .says("Iedereen die mij in de zorg helpt");
}

#[test]
fn what_no_browser_sends_gets_an_answer_and_changes_nothing() {
    let world = World::shared();
    let visitor = world.signed_in("jansen", "patient");
    for query in ["?a=1&a=2", "?%", "?lang=xx", "?before=x", "?only=%ff", "?before=99999999999999999999"] {
        let answer = visitor.send(Request::get(&format!("/patient/looked{query}")));
        assert!(matches!(answer.status, 200 | 303), "{query}: {}", answer.status);
    }
    let huge = Request { body: vec![b'a'; 200_000], ..Request::form("/patient/choice", &[]) };
    assert!(matches!(visitor.send(huge).status, 303 | 413), "a giant form");
    assert!(world.is_alive());
}
