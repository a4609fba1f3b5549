//! What must be asked anew is listed in time.
#![allow(clippy::unwrap_used)]

mod world;

use consent::Rules;
use consent::renewal::{birthday, to_ask_anew};

#[track_caller]
fn check(birth: &str, said: &str, fact: &str, days: u16, expected: &[(&str, &str)]) {
    let rules = Rules::national().unwrap();
    let case = world::case("gp-own@linde", "TREAT", birth, "oever", said, fact);
    let birth = case.question.subject.birth_date;
    let found =
        to_ask_anew(&rules, birth, &case.readings, &case.question.attestations, case.question.at, days);
    let found: Vec<_> = found.iter().map(|one| (one.on.to_string(), world::word(one.why))).collect();
    let found: Vec<_> = found.iter().map(|(on, why)| (on.as_str(), why.as_str())).collect();
    assert_eq!(found, expected);
}

#[test]
fn youth_help_ends_at_eighteen_and_is_listed_thirty_days_ahead() {
    let said = "permit holder=youth-ggz user=youth-individual class=plan; permit holder=any user=gp";
    check("2008-12-21", said, "-", 30, &[("2026-12-21", "eighteen")]);
    check("2008-12-21", said, "-", 29, &[]);
}

#[test]
fn what_parents_gave_is_listed_before_sixteen_and_twelve() {
    check("2010-12-01", "permit holder=any user=gp by=parent:els", "-", 30, &[("2026-12-01", "sixteen")]);
    check("2014-12-01", "permit holder=any user=gp by=parent:els", "-", 30, &[("2026-12-01", "twelve")]);
    check("2010-12-01", "permit holder=any user=gp by=person+parent:els", "-", 30, &[]);
}

#[test]
fn periods_mandates_and_statements_of_incapacity_are_listed() {
    check("adult", "permit holder=any period=..2026-11-30", "-", 30, &[("2026-12-01", "period")]);
    check(
        "adult",
        "permit holder=any by=mentor:anna mandate=..2026-11-30",
        "-",
        30,
        &[("2026-12-01", "mandate")],
    );
    check(
        "adult",
        "permit holder=any by=mentor:anna",
        "incapacity period=..2026-12-10",
        30,
        &[("2026-12-11", "incapacity")],
    );
    check("adult", "deny period=..2026-11-30", "-", 30, &[]);
    check("adult", "permit holder=any period=..2026-11-30 status=inactive", "-", 30, &[]);
}

#[test]
fn a_leap_day_birthday_is_the_first_of_march_in_common_years() {
    let born = "2012-02-29".parse().unwrap();
    assert_eq!(birthday(born, 12).unwrap().to_string(), "2024-02-29");
    assert_eq!(birthday(born, 18).unwrap().to_string(), "2030-03-01");
}
