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
