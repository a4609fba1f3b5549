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
