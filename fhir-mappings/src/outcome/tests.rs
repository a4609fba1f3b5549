//! The refusal table of CONTRACT.md, as a table.

use super::*;

const EN: Reason = Reason {
    code: "end-before-start",
    nl: "Het einde ligt voor het begin.",
    en: "It ends before it starts.",
};

#[test]
fn status_and_code_are_those_of_the_contract() {
    let expected = [
        (400, "query-not-supported"),
        (400, "body-invalid"),
        (400, "bsn-in-url"),
        (401, "token-invalid"),
        (403, "not-permitted"),
        (404, "not-found"),
        (406, "not-acceptable"),
        (409, "conflict"),
        (412, "version-conflict"),
        (413, "too-large"),
        (415, "unsupported-media-type"),
        (422, "consent-refused"),
        (429, "rate-limited"),
        (503, "audit-unavailable"),
        (503, "consent-unavailable"),
        (503, "source-unavailable"),
    ];
    assert_eq!(Code::ALL.map(|c| (c.status(), c.as_str())), expected);
}

#[test]
fn what_must_look_alike_takes_no_explanation() {
    for code in [Code::NotPermitted, Code::TokenInvalid] {
        for language in [Language::Nl, Language::En] {
            let bare = Outcome::new(code).to_json(language);
            assert_eq!(bare, Outcome::new(code).because(EN).at("Consent.patient").to_json(language));
        }
    }
}

#[test]
fn a_reason_comes_second_and_the_place_is_named() {
    let bytes =
        Outcome::new(Code::ConsentRefused).because(EN).at("Consent.provision.period").to_json(Language::En);
    let outcome: Value = serde_json::from_slice(&bytes).unwrap();
    let issue = &outcome["issue"][0];
    assert_eq!(issue["details"]["coding"][0]["code"], "consent-refused");
    assert_eq!(issue["details"]["coding"][1]["code"], "end-before-start");
    assert_eq!(issue["expression"][0], "Consent.provision.period");
    assert!(issue["details"]["text"].as_str().unwrap().ends_with("It ends before it starts."));
}

#[test]
fn every_code_has_its_own_words_in_both_languages() {
    let mut seen = std::collections::BTreeSet::new();
    for code in Code::ALL {
        for language in [Language::Nl, Language::En] {
            assert!(seen.insert(code.text(language)), "{code:?}");
        }
    }
}

#[test]
fn the_language_asked_for_is_spoken() {
    let table = [
        (None, Language::Nl),
        (Some(""), Language::Nl),
        (Some("en"), Language::En),
        (Some("en-GB,en;q=0.9,nl;q=0.8"), Language::En),
        (Some("nl-NL, en;q=0.5"), Language::Nl),
        (Some("fr, en;q=0.3"), Language::En),
        (Some("en;q=0"), Language::Nl),
        (Some("en;q=x, nl;q=0.1"), Language::Nl),
        (Some("*"), Language::Nl),
        (Some("nl;q=0.2, en;q=0.7"), Language::En),
    ];
    for (header, language) in table {
        assert_eq!(Language::from_accept_language(header), language, "{header:?}");
    }
}

#[test]
fn the_page_for_vendors_holds_every_code_and_reason() {
    let mut rows: Vec<_> = Code::ALL
        .iter()
        .map(|code| format!("| {} | `{}` | {} |", code.status(), code.as_str(), code.text(Language::En)))
        .collect();
    rows.extend(crate::consent_wire::Why::ALL.iter().map(|why| {
        let reason = why.reason();
        format!("| {} | `{}` | `{}` | {} |", why.code().status(), why.code().as_str(), reason.code, reason.en)
    }));
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/refusals.md");
    let page = std::fs::read_to_string(page).unwrap_or_default();
    let written: Vec<_> =
        page.lines().filter(|line| line.starts_with("| 4") || line.starts_with("| 5")).collect();
    assert_eq!(written, rows, "docs/refusals.md should hold:\n{}", rows.join("\n"));
}
