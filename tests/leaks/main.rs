//! Every attack of LEAKS.md, black-box, against the running program with several holders and markers in what must not
//! travel. Close the kind, not the case: each test tries more forms than the line it is named after.

mod authority;
mod betrayal;
mod contents;
mod counts;
mod doors;
mod failure;
mod joins;
mod planted;
mod search;
mod shaping;

use sluis_tests::{Answer, Asker, Request, World};

/// Asks each of these below `/fhir/`; all must be refused as outside the grammar, none may say anything about data.
#[track_caller]
fn outside_the_grammar(asker: &Asker<'_>, targets: &[String]) {
    for target in targets {
        let answer = asker.get(target);
        assert!(
            answer.status == 400 && matches!(answer.code().as_str(), "query-not-supported" | "bsn-in-url"),
            "{target}: {} {}",
            answer.status,
            answer.text()
        );
    }
}

/// Two answers that must be equal but for Date, X-Request-Id and traceparent.
#[track_caller]
fn twins(one: &Answer, other: &Answer) {
    assert_eq!(one.face(), other.face());
}

/// The GP, with the pseudonym of a person.
fn linden(world: &World, patient: &str) -> (Asker<'static>, String) {
    // Worlds that are shared live as long as the program.
    let _same = world;
    let asker = World::shared().staff("linden", "gp-own");
    let id = asker.id(patient);
    (asker, id)
}

/// POST of a form with the token.
fn form(target: &str, body: &str) -> Request {
    Request { body: body.as_bytes().to_vec(), ..Request::new("POST", target) }
        .header("Content-Type", "application/x-www-form-urlencoded")
}

#[test]
fn all_seventy_two_attacks_are_tried() {
    let sources = [
        include_str!("search.rs"),
        include_str!("joins.rs"),
        include_str!("shaping.rs"),
        include_str!("contents.rs"),
        include_str!("counts.rs"),
        include_str!("doors.rs"),
        include_str!("failure.rs"),
        include_str!("authority.rs"),
    ];
    let names = |marker: &str, text: &str| -> Vec<String> {
        text.match_indices(marker)
            .map(|(at, _)| text[at + marker.len()..].chars().take_while(char::is_ascii_digit).collect())
            .filter(|digits: &String| digits.len() >= 2)
            .collect()
    };
    let mut tried: Vec<String> = sources.iter().flat_map(|s| names("\nfn l", s)).collect();
    tried.sort_by_key(|n| n.parse::<u32>().unwrap());
    assert_eq!(tried.len(), 72, "{tried:?}");
    assert!(sources.iter().all(|s| !s.contains("#[ignore")));
    let Some(shared) = sluis_tests::shared::folder() else {
        eprintln!("LEAKS.md is not beside this checkout: the list itself was not compared");
        return;
    };
    let mut listed = names("\n- L", &std::fs::read_to_string(shared.join("LEAKS.md")).unwrap());
    listed.sort_by_key(|n| n.parse::<u32>().unwrap());
    assert_eq!(tried, listed);
}
