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

proptest! {
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
