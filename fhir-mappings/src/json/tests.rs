//! The scanner against hand-picked traps and against serde_json.

use super::{ErrorKind, parse};
use proptest::prelude::*;

#[track_caller]
fn refused(text: &[u8], kind: ErrorKind) {
    assert_eq!(parse(text).map(|_| ()).map_err(|e| e.kind), Err(kind));
}

#[test]
fn what_two_parsers_could_read_differently_is_refused() {
    refused(b"", ErrorKind::Empty);
    refused(b" \n", ErrorKind::Empty);
    refused(b"\xEF\xBB\xBF{}", ErrorKind::Encoding);
    refused(b"{\"a\":\"\xFF\"}", ErrorKind::Encoding);
    refused(br#"{"a":1,"a":2}"#, ErrorKind::DuplicateKey);
    refused(br#"{"a":1,"\u0061":2}"#, ErrorKind::OddKey);
    refused(br#"{"":1}"#, ErrorKind::OddKey);
    refused(br#"{"a":"\ud800"}"#, ErrorKind::LoneSurrogate);
    refused(br#"{"a":"\udc00x"}"#, ErrorKind::LoneSurrogate);
    refused(br#"{"a":1}{}"#, ErrorKind::Trailing);
    refused(br#"{"a":1,}"#, ErrorKind::Syntax);
    refused(br#"[1,]"#, ErrorKind::Syntax);
    refused(br#"[,1]"#, ErrorKind::Syntax);
    refused(br#"{,}"#, ErrorKind::Syntax);
    refused(br#"{"a" 1}"#, ErrorKind::Syntax);
    refused(b"[01]", ErrorKind::Syntax);
    refused(b"[NaN]", ErrorKind::Syntax);
    refused(b"[1.]", ErrorKind::Syntax);
    refused(b"[-]", ErrorKind::Syntax);
    refused(b"[\"a\nb\"]", ErrorKind::Syntax);
    refused(b"[1", ErrorKind::Truncated);
    refused(br#"{"a":"#, ErrorKind::Truncated);
    refused("[".repeat(100_000).as_bytes(), ErrorKind::TooDeep);
}

#[test]
fn a_document_costs_no_more_than_its_length_allows() {
    let numbers = |count: usize| format!("[{}1]", "1,".repeat(count));
    assert!(parse(numbers(4_000).as_bytes()).is_ok(), "a short one may be dense");
    refused(numbers(1_000_000).as_bytes(), ErrorKind::TooDense);
    refused(format!("[{}[]]", "[],".repeat(1_000_000)).as_bytes(), ErrorKind::TooDense);
    // The densest that FHIR can be: short names, no white space, nothing but small values.
    let dense = format!(r#"[{}{{}}]"#, r#"{"id":"a","url":"b","code":"c","value":1},"#.repeat(100_000));
    assert!(parse(dense.as_bytes()).is_ok());
}

#[test]
fn a_walk_finds_members_items_and_text_as_written() {
    let text = br#" {"a":[1.50,{"b":"x\u00e9\n"}],"c":{},"d":[],"e":true} "#;
    let doc = parse(text).unwrap();
    let root = doc.root();
    let a: Vec<_> = root.get("a").unwrap().items().collect();
    assert_eq!(a[0].as_number(), Some("1.50"));
    assert_eq!(a[1].get_str("b").unwrap(), "x\u{e9}\n");
    assert_eq!(root.members().map(|m| m.name().to_owned()).collect::<Vec<_>>(), ["a", "c", "d", "e"]);
    assert_eq!(root.get("c").unwrap().raw(), "{}");
    assert_eq!(root.get("e").unwrap().as_bool(), Some(true));
    assert!(root.get("f").is_none());
}

#[test]
fn a_string_ends_at_its_quote_wherever_it_stands() {
    // Every place within two blocks and a remainder, every byte that could be taken for an end, after every kind of byte.
    for length in 0..44 {
        for filler in ["a", "!", "#", "[", "]", "\u{7f}", "\u{a2}", "\u{dc}"] {
            let body: String = filler.repeat(length);
            let text = format!("[\"{body}\",\"\"]");
            let doc = parse(text.as_bytes()).unwrap();
            assert_eq!(doc.root().items().next().unwrap().as_str().unwrap(), body, "{length}");
            for (bad, kind) in
                [("\n", ErrorKind::Syntax), ("\u{1f}", ErrorKind::Syntax), ("\\x", ErrorKind::Syntax)]
            {
                refused(format!("[\"{body}{bad}{body}\"]").as_bytes(), kind);
            }
            let escaped = format!("[\"{body}\\\"{body}\"]");
            let doc = parse(escaped.as_bytes()).unwrap();
            assert_eq!(doc.root().items().next().unwrap().as_str().unwrap(), format!("{body}\"{body}"));
            refused(format!("[\"{body}").as_bytes(), ErrorKind::Truncated);
        }
    }
}

/// Two names of one length with the same first and last eight bytes: one number, two members.
const ALIKE: [&str; 2] = ["beginning-a-the-ending", "beginning-b-the-ending"];

#[test]
fn names_of_one_number_are_two_members_and_one_name_is_one() {
    use super::name::number;
    assert_eq!(number(ALIKE[0].as_bytes()), number(ALIKE[1].as_bytes()), "else this shows nothing");
    let text = format!(r#"{{"{}":1,"{}":2}}"#, ALIKE[0], ALIKE[1]);
    let doc = parse(text.as_bytes()).unwrap();
    assert_eq!(ALIKE.map(|name| doc.root().get(name).unwrap().raw()), ["1", "2"]);
    assert!(doc.root().get("beginning-c-the-ending").is_none());
    refused(
        format!(r#"{{"{0}":1,"{1}":2,"{1}":3}}"#, ALIKE[0], ALIKE[1]).as_bytes(),
        ErrorKind::DuplicateKey,
    );
}

#[test]
fn sizes_are_taken_to_their_bound_and_not_beyond() {
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(deep(super::DEPTH_MAX).as_bytes()).is_ok());
    refused(deep(super::DEPTH_MAX + 1).as_bytes(), ErrorKind::TooDeep);
    let named = |length: usize| format!(r#"{{"{}":1}}"#, "n".repeat(length));
    assert!(parse(named(1_024).as_bytes()).is_ok());
    refused(named(1_025).as_bytes(), ErrorKind::OddKey);
    let members = |count: usize| {
        let members: Vec<String> = (0..count).map(|n| format!(r#""m{n}":1"#)).collect();
        format!("{{{}}}", members.join(","))
    };
    assert!(parse(members(500).as_bytes()).is_ok());
    refused(members(600).as_bytes(), ErrorKind::DuplicateKey);
}

#[test]
fn a_member_is_one_span_only_where_nothing_but_a_colon_is_between() {
    let span = |text: &str| {
        let doc = parse(text.as_bytes()).unwrap();
        let span = doc.root().get("a").unwrap().span_with_name();
        span.map(|(from, to)| doc.root().document(from, to).to_owned())
    };
    assert_eq!(span(r#"{"b":0,"a":"x"}"#).as_deref(), Some(r#""a":"x""#));
    for apart in [r#"{"a" :1}"#, r#"{"a": 1}"#, "{\"a\":\n1}"] {
        assert_eq!(span(apart), None, "{apart}");
    }
    let doc = parse(b"[1]").unwrap();
    assert_eq!(doc.root().span_with_name(), None);
    assert_eq!(doc.root().items().next().unwrap().span_with_name(), None);
}

proptest! {
    /// serde_json takes the last of two: only we can say that there were two.
    #[test]
    fn a_name_that_stands_twice_is_found_wherever_it_stands(
        length in 1_usize..20, others in 0_usize..150, first in 0_usize..150, second in 0_usize..150, wraps in 0_usize..3,
    ) {
        let twice = "n".repeat(length);
        let mut members: Vec<String> =
            (0..others).map(|n| format!(r#""x{n}":{}"#, ["1", r#"{"n":{"x0":[1]}}"#, r#"[{"x1":2}]"#][n % 3])).collect();
        members.insert(first.min(members.len()), format!(r#""{twice}":1"#));
        let wrapped = |members: &[String]| {
            let object = format!("{{{}}}", members.join(","));
            (0..wraps).fold(object, |inner, _| format!(r#"{{"in":[{inner}]}}"#))
        };
        prop_assert!(parse(wrapped(&members).as_bytes()).is_ok());
        members.insert(second.min(members.len()), format!(r#""{twice}":[]"#));
        let fault = parse(wrapped(&members).as_bytes()).map(|_| ()).map_err(|e| e.kind);
        prop_assert_eq!(fault, Err(ErrorKind::DuplicateKey));
    }

    #[test]
    fn whatever_is_accepted_serde_json_accepts_too(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        if parse(&bytes).is_ok() {
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_ok());
        }
    }

    #[test]
    fn json_like_text_is_judged_as_serde_json_judges_it(text in r#"[\[\]{},:"a0-9.eE\\u\- ntrueflas]{0,40}"#) {
        let ours = parse(text.as_bytes());
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        match (ours, theirs) {
            (Ok(_), Err(_)) => prop_assert!(false, "accepted what serde_json refuses"),
            (Err(e), Ok(_)) => prop_assert!(matches!(
                e.kind, ErrorKind::DuplicateKey | ErrorKind::OddKey | ErrorKind::TooDeep
            ), "{e}"),
            _ => {}
        }
    }
}
