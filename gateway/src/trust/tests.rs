//! Adding, suspending, blocking; what a certificate may say.

use super::*;
use rcgen::{CertificateParams, DnType, KeyPair, SanType};
use serde_json::{Value, json};

/// A certificate with a subject serialNumber and UZI otherNames.
fn certificate(serial: Option<&str>, other_names: &[&str]) -> (Certificate, String) {
    let mut params = CertificateParams::new(["a.example".to_owned()]).unwrap();
    if let Some(serial) = serial {
        params.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), serial);
    }
    for name in other_names {
        params.subject_alt_names.push(SanType::OtherName((vec![2, 5, 5, 5], (*name).into())));
    }
    let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    (Certificate::from_der(made.der()).unwrap(), made.pem())
}

const UZI: &str = "2.16.528.1.1007.99.2110-1-990000382-S-90000382-00.000-00000000";

#[test]
fn a_certificate_names_one_organisation_or_none() {
    let named = |serial, names: &[&str]| certificate(serial, names).0.organisation().clone();
    assert_eq!(named(Some("990000382"), &[UZI]), Organisation::Ura("90000382".to_owned()));
    assert_eq!(
        named(Some("00000003123456780000"), &[]),
        Organisation::Oin("00000003123456780000".to_owned())
    );
    assert_eq!(named(Some("00000003123456780000"), &[UZI]), Organisation::Unnamed, "two contradict");
    assert_eq!(named(None, &[UZI, &UZI.replace("-90000382-", "-90000383-")]), Organisation::Unnamed);
    assert_eq!(named(None, &[UZI, UZI]), Organisation::Ura("90000382".to_owned()));
    assert_eq!(named(None, &["x-1-2-S-9000038-00"]), Organisation::Unnamed);
    assert_eq!(named(Some("123"), &[]), Organisation::Unnamed);
}

#[test]
fn a_certificate_fits_only_the_organisation_it_names() {
    #[track_caller]
    fn check(serial: Option<&str>, names: &[&str], system: &str, value: &str, fits: bool) {
        let identifier = Identifier {
            system: format!("http://fhir.nl/fhir/NamingSystem/{system}"),
            value: value.to_owned(),
        };
        assert_eq!(
            certificate(serial, names).0.fits(&identifier).is_ok(),
            fits,
            "{serial:?} {system} {value}"
        );
    }
    check(None, &[UZI], "ura", "90000382", true);
    check(None, &[UZI], "ura", "90000383", false);
    check(None, &[UZI], "kvk", "90000382", false);
    let oin = Some("00000003123456780000");
    check(oin, &[], "kvk", "12345678", true);
    check(oin, &[], "kvk", "12345679", false);
    check(oin, &[], "oin", "00000003123456780000", true);
    check(oin, &[], "uzovi", "1234", true);
    check(oin, &[], "ura", "12345678", false);
    check(Some("00000001123456789000"), &[], "rsin", "123456789", true);
    check(None, &[], "ura", "90000382", false);
    check(oin, &[], "big", "12345678", false);
}

/// The file of a participant that is in order.
fn file() -> Value {
    let key = KeyPair::generate().unwrap();
    let point = key.public_key_raw().to_vec();
    let encode = |part: &[u8]| data_encoding::BASE64URL_NOPAD.encode(part);
    json!({
        "id": "post", "name": "De Post", "categories": ["gp"],
        "functions": [{"code": "gp-out-of-hours", "from": "2026-01-01", "to": null}],
        "identifier": {"system": "http://fhir.nl/fhir/NamingSystem/ura", "value": "90000382"},
        "purposes": ["TREAT"], "scopes": ["system/Patient.rs"], "certificate_pem": certificate(None, &[UZI]).1,
        "jwks": {"keys": [{"kty": "EC", "crv": "P-256", "kid": "k", "x": encode(&point[1..33]), "y": encode(&point[33..])}]},
        "audience": "smart", "holder": "hosted", "recorder": true, "emergency": {"asks": true, "gives": true},
        "endpoint": null, "agreement": {"version": "1", "from": "2026-01-01", "to": "2036-01-01"},
    })
}

fn read(file: &Value) -> Result<Participant, Vec<FieldMistake>> {
    Participant::from_json(file.to_string().as_bytes())
}

#[test]
fn a_participant_survives_being_written_and_read() {
    let participant = read(&file()).unwrap();
    let again = Participant::from_json(&serde_json::to_vec(&participant).unwrap()).unwrap();
    assert_eq!(participant, again);
    assert_eq!(participant.state, State::Active);
    assert!(participant.certificate_sha256.is_some());
}

#[test]
fn each_mistake_in_an_added_participant_names_its_member() {
    #[track_caller]
    fn check(pointer: &str, value: Value, field: &str, words: &str) {
        let mut file = file();
        *file.pointer_mut(pointer).unwrap() = value;
        let mistakes = read(&file).unwrap_err();
        assert!(mistakes.iter().any(|m| m.field == field && m.what.contains(words)), "{mistakes:#?}");
        assert!(mistakes.iter().all(|m| !m.mend.is_empty()));
    }
    check("/name", json!(" "), "name", "empty");
    check("/id", json!("De Post"), "", "lower-case");
    check("/purposes", json!(["FUN"]), "", "TREAT");
    check("/scopes", json!(["patient/*.read"]), "", "SMART");
    check("/audience", json!("both"), "", "smart");
    check("/holder", json!("cloud"), "", "hosted");
    check("/functions", json!([{"code": "a", "from": "soon"}]), "", "a date");
    check(
        "/functions",
        json!([{"code": "a", "from": "2026-02-01", "to": "2026-01-01"}]),
        "functions[0]",
        "ends before",
    );
    check(
        "/functions",
        json!([{"code": "a", "from": "2026-02-01"}, {"code": "a", "from": "2027-02-01"}]),
        "functions[1].code",
        "twice",
    );
    check(
        "/agreement",
        json!({"version": "1", "from": "2026-02-01", "to": "2026-01-31"}),
        "agreement",
        "ends before",
    );
    check("/identifier/system", json!("urn:x"), "identifier.system", "not a system");
    check("/identifier/value", json!("90000383"), "identifier", "names URA 90000382");
    check("/certificate_pem", json!("x"), "certificate_pem", "cannot be read");
    check("/jwks/keys", json!([]), "jwks.keys", "no key");
    check("/jwks/keys/0/x", json!("AA"), "jwks.keys[0]", "32 bytes");
    check("/jwks/keys/0/kid", json!(null), "jwks.keys[0]", "kid");
    check("/jwks/keys/0", json!({"kty": "oct", "kid": "k"}), "jwks.keys[0]", "not an EC key");
}

#[test]
fn an_unknown_a_doubled_and_a_private_member_are_mistakes() {
    for (pointer, name) in
        [("", "recoder"), ("/emergency", "ask"), ("/jwks/keys/0", "d"), ("/agreement", "til")]
    {
        let mut changed = file();
        changed.pointer_mut(pointer).unwrap()[name] = json!(true);
        let told = read(&changed).unwrap_err();
        assert!(told[0].what.contains(name), "{told:?}");
    }
    let doubled = file().to_string().replacen('{', r#"{"id":"x","#, 1);
    assert!(Participant::from_json(doubled.as_bytes()).is_err());
}

#[test]
fn a_change_makes_a_new_snapshot_and_leaves_the_old() {
    let (empty, participant) = (Trust::empty(), read(&file()).unwrap());
    let fingerprint = participant.certificate_sha256.unwrap();
    let one = empty.with_participant(participant).unwrap();
    assert_eq!((empty.epoch(), one.epoch(), empty.participants().count()), (0, 1, 0));
    assert_eq!(one.by_certificate(&fingerprint).unwrap().id.as_str(), "post");
    let oid = Identifier { system: "urn:oid:2.16.528.1.1007.3.3".to_owned(), value: "90000382".to_owned() };
    assert!(one.by_identifier(&oid).is_some(), "the OID form too");
    let suspended = one.suspend("post").unwrap();
    let now = "2026-11-21T11:00:00Z".parse().unwrap();
    assert_eq!(suspended.participant("post").unwrap().standing_at(now), Standing::Suspended);
    assert_eq!(one.participant("post").unwrap().standing_at(now), Standing::Good);
    assert_eq!(
        suspended.resume("post").unwrap().participant("post").unwrap().standing_at(now),
        Standing::Good
    );
    assert_eq!(one.suspend("nobody").unwrap_err(), TrustRefusal::UnknownParticipant);
    let blocked = one.block(fingerprint);
    assert!(blocked.by_certificate(&fingerprint).is_none() && blocked.participant("post").is_some());
}

#[test]
fn a_certificate_and_an_identifier_belong_to_one_participant() {
    let trust = Trust::empty().with_participant(read(&file()).unwrap()).unwrap();
    let held = trust.participant("post").unwrap();
    let mut other = Participant::clone(held);
    other.id = ParticipantId::parse("other").unwrap();
    assert!(
        matches!(trust.with_participant(other.clone()), Err(TrustRefusal::IdentifierTaken(id)) if id.as_str() == "post")
    );
    other.identifier.value = "90000999".to_owned();
    assert!(matches!(trust.with_participant(other.clone()), Err(TrustRefusal::CertificateTaken(_))));
    other.certificate_sha256 = Some(Fingerprint::of_der(b"other"));
    assert!(trust.with_participant(other.clone()).is_ok());
    assert!(matches!(
        trust.block(Fingerprint::of_der(b"other")).with_participant(other),
        Err(TrustRefusal::CertificateBlocked)
    ));
    let mut renewed = Participant::clone(held);
    let before = renewed.certificate_sha256.replace(Fingerprint::of_der(b"new")).unwrap();
    let trust = trust.with_participant(renewed).unwrap();
    assert!(trust.by_certificate(&before).is_none(), "the old certificate is nobody's");
}
