//! FHIR dates and instants as the stretch of time that they cover, Amsterdam time.
#![allow(clippy::unwrap_used)]

use consent::Moment;

fn covers(text: &str) -> (String, String) {
    let moment = Moment::parse(text).unwrap();
    assert_eq!(moment.as_str(), text, "as written");
    (moment.first().to_string(), moment.after().to_string())
}

#[test]
fn a_moment_covers_what_its_precision_says() {
    let pair = |first: &str, after: &str| (first.to_owned(), after.to_owned());
    assert_eq!(covers("2026"), pair("2025-12-31T23:00:00Z", "2026-12-31T23:00:00Z"));
    assert_eq!(covers("2026-02"), pair("2026-01-31T23:00:00Z", "2026-02-28T23:00:00Z"));
    // The day on which summer time begins has 23 hours.
    assert_eq!(covers("2026-03-29"), pair("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"));
    assert_eq!(covers("2026-03-29T10:00:00Z"), pair("2026-03-29T10:00:00Z", "2026-03-29T10:00:01Z"));
    assert_eq!(covers("2026-03-29T10:00:00.5Z"), pair("2026-03-29T10:00:00.5Z", "2026-03-29T10:00:00.501Z"));
}

#[test]
fn what_only_looks_like_one_is_none() {
    for text in [
        "",
        "26",
        "2026-",
        "2026-1-001",
        "2026-001-1",
        "20260-1-1",
        "2026-02-30",
        "2026-13",
        "+026",
        "2026-0a",
    ] {
        let fault = Moment::parse(text).err().unwrap();
        assert!(!fault.to_string().is_empty(), "{text}");
    }
}

#[test]
fn an_edge_compares_as_the_end_of_a_moment_does() {
    let texts = [
        "1937-06-30",
        "2025",
        "2026",
        "2026-02",
        "2026-03",
        "2026-03-28",
        "2026-03-29",
        "2026-03-30",
        "2026-10-24",
        "2026-10-25",
        "2026-10-26",
        "2026-12-31",
        "9999-12-31",
        "9999-12",
        "2026-03-29T00:30:00+01:00",
        "2026-03-28T23:59:59.9Z",
        "2026-02-30",
        "2026-13-01",
        "not a date",
        "2026-1-001",
        "",
    ];
    // Around midnight in Amsterdam on the days on which summer time begins and ends, and elsewhere.
    for at in [
        "2026-03-28T22:59:59.999Z",
        "2026-03-28T23:00:00Z",
        "2026-03-29T21:59:59Z",
        "2026-03-29T22:00:00Z",
        "2026-10-25T22:59:59Z",
        "2026-10-25T23:00:00Z",
        "2026-02-28T23:00:00Z",
        "2026-03-28T23:30:01Z",
        "2026-06-01T12:00:00Z",
        "1937-06-30T23:00:00Z",
    ] {
        let at: jiff::Timestamp = at.parse().unwrap();
        let edge = consent::period::Edge::new(at);
        for text in texts {
            let slowly = Moment::parse(text).map(|moment| at < moment.after());
            assert_eq!(edge.precedes_end_of(text), slowly, "{text:?} at {at}");
        }
    }
}

#[test]
fn an_age_turns_at_midnight_in_amsterdam() {
    let born = |text: &str| Some(text.parse().unwrap());
    let age = |birth: &str, at: &str| consent::standing::age_at(born(birth), at.parse().unwrap());
    assert_eq!(age("2010-11-21", "2026-11-20T22:59:59Z"), Some(15));
    assert_eq!(age("2010-11-21", "2026-11-20T23:00:00Z"), Some(16));
    assert_eq!(age("2012-02-29", "2026-02-28T22:59:59Z"), Some(13));
    assert_eq!(age("2012-02-29", "2026-02-28T23:00:00Z"), Some(14), "1 March in common years");
    assert_eq!(age("2012-02-29", "2028-02-28T23:00:00Z"), Some(16), "29 February in leap years");
    assert_eq!(consent::standing::age_at(None, "2026-11-20T23:00:00Z".parse().unwrap()), None);
}

#[test]
fn a_period_that_ends_before_it_starts_is_backwards() {
    let backwards = |start, end| consent::period::Period::parse(start, end).unwrap().is_backwards();
    assert!(backwards("2026-03-02", "2026-03-01"));
    assert!(backwards("2026-03-01T12:00:00Z", "2026-03-01T11:00:00Z"));
    // Ends are inclusive: one day is no way back, and an open side never is.
    assert!(!backwards("2026-03-01", "2026-03-01"));
    assert!(!backwards("2026-03-01", ""));
    assert!(!backwards("", "2026-03-01"));
}
