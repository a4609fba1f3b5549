//! What a certificate says is read back from its bytes.

use super::*;

fn now() -> jiff::Timestamp {
    "2026-11-21T11:00:00Z".parse().unwrap()
}

fn party(id: &str, identity: Identity) -> Party {
    Party { id: id.into(), name: format!("Organisatie {id}"), identity }
}

fn contains(der: &[u8], text: &str) -> bool {
    der.windows(text.len()).any(|window| window == text.as_bytes())
}

#[track_caller]
fn check(identity: Identity, subject: &str, other_name: Option<&str>) {
    let minted = mint(&[party("p", identity)], now()).unwrap();
    let der = &minted.participants[0].client.cert_der;
    assert!(contains(der, subject), "subject serialNumber");
    assert_eq!(other_name.is_some(), contains(der, "2.16.528.1.1007.99.2110"));
    assert!(other_name.is_none_or(|text| contains(der, text)), "otherName");
}

#[test]
fn a_client_certificate_carries_the_number_of_its_register() {
    check(
        Identity::Ura("90000382".into()),
        "990000382",
        Some("2.16.528.1.1007.99.2110-1-990000382-S-90000382-00.000-00000000"),
    );
    check(Identity::Kvk("90000382".into()), "00000003900003820000", None);
    check(Identity::Oin("00000001900003820000".into()), "00000001900003820000", None);
}

#[test]
fn an_identifier_that_is_no_register_number_is_refused() {
    for bad in ["", "1234567", "123456789", "1234567x"] {
        assert!(mint(&[party("p", Identity::Ura(bad.into()))], now()).is_err());
        assert!(mint(&[party("p", Identity::Kvk(bad.into()))], now()).is_err());
        assert!(mint(&[party("p", Identity::Oin(bad.into()))], now()).is_err());
    }
}

#[test]
fn the_server_has_the_three_names_of_this_machine() {
    let minted = mint(&[], now()).unwrap();
    let der = &minted.server.cert_der;
    assert!(contains(der, "localhost"));
    let ip = |octets: &[u8]| der.windows(octets.len()).any(|window| window == octets);
    assert!(ip(&[0x87, 4, 127, 0, 0, 1]));
    assert!(ip(&[0x87, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]));
}

#[test]
fn keys_are_pkcs8_and_the_jwk_signs_and_verifies() {
    use ring::signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    use ring::signature::{KeyPair as _, UnparsedPublicKey};
    let minted = mint(&[party("p", Identity::Ura("90000382".into()))], now()).unwrap();
    let participant = &minted.participants[0];
    assert!(participant.client.key_pem.starts_with("-----BEGIN PRIVATE KEY-----"));
    assert!(participant.signing.public_jwk.get("d").is_none());
    assert_eq!(participant.signing.private_jwk["alg"], "ES256");
    let der = pkcs8_der(&participant.signing.private_jwk).unwrap();
    let random = ring::rand::SystemRandom::new();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der, &random).unwrap();
    let signature = pair.sign(&random, b"assertion").unwrap();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref())
        .verify(b"assertion", signature.as_ref())
        .unwrap();
}

#[test]
fn a_jwk_with_another_length_is_refused() {
    let mut jwk = SigningKey::generate().unwrap().private_jwk;
    jwk["d"] = serde_json::Value::from("AAAA");
    assert!(pkcs8_der(&jwk).is_err());
    assert!(pkcs8_der(&serde_json::Value::Null).is_err());
}

#[test]
fn every_flaw_can_be_minted_and_differs_from_the_good_one() {
    let authority = Authority::new("Sluis development CA", now()).unwrap();
    let party = party("p", Identity::Ura("90000382".into()));
    let good = authority.client(&party, now()).unwrap();
    for flaw in Flaw::ALL {
        assert_ne!(flawed(&authority, &party, flaw, now()).unwrap().cert_sha256, good.cert_sha256);
    }
}
