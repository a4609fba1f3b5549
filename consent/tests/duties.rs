//! What a permit obliges to: whom to tell, what to review, which part.
#![allow(clippy::unwrap_used, clippy::too_many_arguments)]

mod world;

use consent::answer::{Duty, Part};

#[track_caller]
fn check(
    asker: &str,
    purpose: &str,
    birth: &str,
    holder: &str,
    said: &str,
    facts: &str,
    class: &str,
    duties: &[Duty],
    part: Part,
) {
    let case = world::case(asker, purpose, birth, holder, said, facts);
    let decision = consent::decide_with(&case.rules, &case.question, &case.dossier());
    let permit = decision.permit(case.rules.vocabulary().class(class).unwrap()).unwrap();
    assert_eq!((&*permit.obligations.duties, permit.obligations.part), (duties, part));
}

const SUMMARY: &str = "permit holder=any for=ETREAT class=acute-summary";
const BOTH: &[Duty] = &[Duty::NotifyPerson, Duty::Review];

#[test]
fn an_emergency_is_told_to_the_person_and_reviewed() {
    let post = "gp-out-of-hours@post/brug";
    check(post, "ETREAT", "adult", "oever", SUMMARY, "glass", "medication", BOTH, Part::Whole);
    check(post, "ETREAT", "adult", "oever", SUMMARY, "glass", "identity", BOTH, Part::Whole);
}

#[test]
fn of_mental_health_an_emergency_sees_the_team_only() {
    check(
        "gp-out-of-hours@post/brug",
        "ETREAT",
        "adult",
        "oever",
        SUMMARY,
        "glass",
        "mental-health",
        BOTH,
        Part::TreatingTeam,
    );
}

#[test]
fn a_spoken_yes_is_told_and_reviewed() {
    let spoken = "spoken at=post in=gp-out-of-hours";
    check(
        "gp-out-of-hours@post/brug",
        "TREAT",
        "adult",
        "linde",
        "nothing",
        spoken,
        "medication",
        BOTH,
        Part::Whole,
    );
}

#[test]
fn an_attested_override_is_reviewed() {
    let said = "permit holder=any user=gp class=medication";
    check(
        "gp-own@linde",
        "TREAT",
        "2012-02-29",
        "jeugd",
        said,
        "considered-wish",
        "medication",
        &[Duty::Review],
        Part::Whole,
    );
}

#[test]
fn an_ordinary_permit_starts_no_duty() {
    let said = "permit holder=any user=gp class=medication";
    check("gp-own@linde", "TREAT", "adult", "jeugd", said, "-", "medication", &[], Part::Whole);
}
