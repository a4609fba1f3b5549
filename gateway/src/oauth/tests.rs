//! The token endpoint and the token check against a small region with real certificates and keys.

use super::access_token::{LIFE_SECONDS, Verifier, mint};
use super::assertion::{Checked, check};
use super::refusal::{Cause, OAuthError, TokenInvalid};
use super::replay::ReplayGuard;
use super::signing::{SigningKey, SigningKeys};
use super::{Issuer, TokenRefusal};
use crate::listen::Peer;
use crate::trust::{Certificate, Fingerprint, Participant, Person, Trust};
use jiff::{Timestamp, ToSpan};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::{Value, json};
use std::sync::Arc;

/// A region of two organisations that ask, one that does not, and a certificate of nobody.
struct World {
    trust: Trust,
    issuer: Issuer,
    now: Timestamp,
    post: Client,
    linde: Client,
    nobody: Client,
}

/// A client with its certificate and keys.
struct Client {
    peer: Peer,
    key: KeyPair,
    pem: String,
}

impl Client {
    fn new(oin: &str) -> Self {
        let mut params = CertificateParams::new(["client.example".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), oin);
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let read = Certificate::from_der(certificate.der()).unwrap();
        let peer = Peer::new(Arc::new(read), "127.0.0.1:1".parse().unwrap());
        Self { peer, key: KeyPair::generate().unwrap(), pem: certificate.pem() }
    }

    fn jwk(&self, kid: &str) -> Value {
        let point = self.key.public_key_raw();
        let encode = |part: &[u8]| data_encoding::BASE64URL_NOPAD.encode(part);
        json!({"kty": "EC", "crv": "P-256", "kid": kid, "alg": "ES256", "x": encode(&point[1..33]), "y": encode(&point[33..])})
    }

    fn encoding(&self) -> EncodingKey {
        EncodingKey::from_ec_der(self.key.serialized_der())
    }
}

const POST_OIN: &str = "00000003900003820000";
const LINDE_OIN: &str = "00000003900001110000";

impl World {
    fn new() -> Self {
        let (post, linde, nobody) =
            (Client::new(POST_OIN), Client::new(LINDE_OIN), Client::new("00000003999999990000"));
        let participant = |changes: Value, client: &Client| {
            let mut whole = json!({
                "functions": [{"code": "triage", "from": "2026-01-01", "to": "2027-01-01"}],
                "purposes": ["TREAT", "COC", "ETREAT"],
                "scopes": ["system/Patient.rs", "system/Condition.rs", "system/Consent.cru"],
                "emergency": {"asks": true, "gives": false},
                "certificate_pem": client.pem,
                "jwks": {"keys": [client.jwk("k1")]},
                "audience": "smart",
                "agreement": {"version": "1", "from": "2026-01-01", "to": "2027-06-30"},
            });
            whole.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            Participant::from_json(whole.to_string().as_bytes()).unwrap()
        };
        let kvk = |value: &str| json!({"system": "http://fhir.nl/fhir/NamingSystem/kvk", "value": value});
        let trust = Trust::empty()
            .with_participant(participant(json!({"id": "post", "name": "De Post", "identifier": kvk("90000382")}), &post))
            .unwrap()
            .with_participant(participant(
                json!({
                    "id": "linde", "name": "De Linde", "identifier": kvk("90000111"), "audience": "fapi",
                    "purposes": ["TREAT", "COC", "PATRQT"], "emergency": {"asks": false, "gives": true},
                    "functions": [{"code": "gp-own", "from": "2026-01-01"}, {"code": "poh", "from": "2026-12-01"}],
                }),
                &linde,
            ))
            .unwrap();
        let person = |id: &str, name: &str, role: &str, functions: &[&str], participant: &str| {
            let role = json!({"system": "https://sluis.example/fhir/CodeSystem/person-role", "code": role});
            let whole = json!({"id": id, "name": name, "role": role, "functions": functions, "participant": participant});
            serde_json::from_value::<Person>(whole).unwrap()
        };
        let trust = trust
            .with_person(person("valk", "V. Valk", "triagist", &["triage"], "post"))
            .unwrap()
            .with_person(person("fg", "F. Graaf", "officer", &[], "post"))
            .unwrap()
            .with_person(person("linden", "L. Linden", "doctor", &["gp-own", "poh"], "linde"))
            .unwrap();
        let issuer = Issuer::parse("https://127.0.0.1:8443").unwrap();
        Self { trust, issuer, now: "2026-11-21T11:00:00Z".parse().unwrap(), post, linde, nobody }
    }

    fn ask(&self) -> Ask {
        let statement = json!({
            "hl7-b2b": {
                "version": "1", "subject_id": "urn:sluis:person#valk", "subject_name": "V. Valk",
                "subject_role": "https://sluis.example/fhir/CodeSystem/person-role#triagist",
                "organization_id": "http://fhir.nl/fhir/NamingSystem/kvk#90000382", "organization_name": "De Post",
                "purpose_of_use": ["urn:oid:2.16.840.1.113883.5.8#TREAT"],
            },
            "sluis": {"function": "triage"},
        });
        let now = self.now.as_second();
        Ask {
            header: json!({"alg": "ES256", "typ": "JWT", "kid": "k1"}),
            claims: json!({
                "iss": "post", "sub": "post", "aud": "https://127.0.0.1:8443/oauth/token",
                "jti": "j1", "exp": now + 240, "iat": now, "extensions": statement,
            }),
            form: vec![
                ("grant_type", "client_credentials".to_owned()),
                ("scope", "system/Patient.rs system/Condition.r".to_owned()),
                (
                    "client_assertion_type",
                    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".to_owned(),
                ),
            ],
            raw: None,
        }
    }

    fn ask_linde(&self) -> Ask {
        let mut ask = self.ask();
        ask.claim("/iss", json!("linde"));
        ask.claim("/sub", json!("linde"));
        ask.claim("/aud", json!("https://127.0.0.1:8443"));
        ask.claim(
            "/extensions/hl7-b2b",
            json!({
                "version": "1", "subject_id": "urn:sluis:person#linden",
                "organization_id": "urn:oid:2.16.840.1.113883.2.4.3.3#90000111",
                "purpose_of_use": ["http://terminology.hl7.org/CodeSystem/v3-ActReason#TREAT"],
            }),
        );
        ask.claim("/extensions/sluis", json!({}));
        ask
    }

    #[allow(clippy::result_large_err, reason = "as `check`")]
    fn send(&self, ask: &Ask, client: &Client) -> Result<Checked, TokenRefusal> {
        let body = ask.body(client);
        check(
            body.as_bytes(),
            Some("application/x-www-form-urlencoded"),
            &client.peer,
            &self.trust,
            self.now,
            &self.issuer,
        )
    }

    /// The asked thing is refused for this cause; unchanged it would pass.
    #[track_caller]
    fn refuses(&self, cause: Cause, change: impl FnOnce(&mut Ask)) {
        let mut ask = self.ask();
        self.send(&ask, &self.post).unwrap_or_else(|refusal| panic!("unchanged: {:?}", refusal.cause));
        change(&mut ask);
        match self.send(&ask, &self.post) {
            Ok(_) => panic!("taken, {cause:?} expected: {}", ask.claims),
            Err(refusal) => assert_eq!(refusal.cause, cause, "{}", ask.claims),
        }
    }
}

/// A token request to be changed.
struct Ask {
    header: Value,
    claims: Value,
    form: Vec<(&'static str, String)>,
    /// The assertion itself, instead of a signed one.
    raw: Option<String>,
}

impl Ask {
    fn claim(&mut self, pointer: &str, value: Value) {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        self.claims.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(name.to_owned(), value);
    }

    fn without(&mut self, pointer: &str) {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        self.claims.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name).unwrap();
    }

    fn parameter(&mut self, name: &'static str, value: &str) {
        self.form.retain(|(held, _)| *held != name);
        self.form.push((name, value.to_owned()));
    }

    fn drop(&mut self, name: &str) {
        self.form.retain(|(held, _)| *held != name);
    }

    fn body(&self, client: &Client) -> String {
        let assertion = self
            .raw
            .clone()
            .unwrap_or_else(|| signed(&self.header, &self.claims.to_string(), &client.encoding()));
        let encode = |value: &str| -> String {
            value
                .bytes()
                .map(|b| {
                    if b.is_ascii_alphanumeric() || b"-._".contains(&b) {
                        char::from(b).to_string()
                    } else {
                        format!("%{b:02X}")
                    }
                })
                .collect()
        };
        let mut pairs: Vec<String> =
            self.form.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        pairs.push(format!("client_assertion={}", encode(&assertion)));
        pairs.join("&")
    }
}

/// A JWT with any header and payload, signed with ES256 whatever the header says.
fn signed(header: &Value, payload: &str, key: &EncodingKey) -> String {
    let encode = |part: &[u8]| data_encoding::BASE64URL_NOPAD.encode(part);
    let message = format!("{}.{}", encode(header.to_string().as_bytes()), encode(payload.as_bytes()));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, Algorithm::ES256).unwrap();
    format!("{message}.{signature}")
}

#[test]
fn a_well_formed_request_is_checked_with_all_it_says() {
    let world = World::new();
    let mut ask = world.ask();
    ask.claim("/extensions/sluis/responsible", json!("urn:sluis:person#linden"));
    ask.claim("/extensions/sluis/relation", json!({"type": "care-team", "identifier": "ct-1"}));
    let checked = world.send(&ask, &world.post).unwrap();
    let asker = checked.asker();
    assert_eq!((asker.participant.as_str(), asker.purpose.code()), ("post", "TREAT"));
    assert_eq!(asker.function.as_ref().unwrap().as_str(), "triage");
    assert_eq!((asker.person.id.as_str(), asker.person.assurance.code()), ("valk", "registered"));
    assert_eq!(asker.responsible.as_ref().unwrap().assurance.code(), "registered");
    assert_eq!(asker.relation.as_ref().unwrap().identifier, "ct-1");
    assert_eq!(checked.scopes().to_string(), "system/Patient.rs system/Condition.r");
    assert!(!format!("{checked:?}").contains("valk"), "no person prints");
}

#[test]
fn the_form_is_strict() {
    let world = World::new();
    world.refuses(Cause::Parameter, |ask| ask.drop("grant_type"));
    world.refuses(Cause::Grant, |ask| ask.parameter("grant_type", "authorization_code"));
    world.refuses(Cause::Grant, |ask| ask.parameter("grant_type", "password"));
    world.refuses(Cause::Parameter, |ask| ask.drop("client_assertion_type"));
    world.refuses(Cause::AssertionType, |ask| {
        ask.parameter("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer")
    });
    world.refuses(Cause::Parameter, |ask| ask.raw = Some(String::new()));
    world.refuses(Cause::SecondMethod, |ask| ask.parameter("client_secret", "x"));
    world.refuses(Cause::Form, |ask| ask.form.push(("scope", "system/Patient.rs".to_owned())));
    world.refuses(Cause::Client, |ask| ask.parameter("client_id", "linde"));
    let body = world.ask().body(&world.post);
    for media in [None, Some("application/json"), Some("multipart/form-data")] {
        let refusal = check(body.as_bytes(), media, &world.post.peer, &world.trust, world.now, &world.issuer)
            .unwrap_err();
        assert_eq!(refusal.cause, Cause::MediaType);
    }
}

#[test]
fn scopes_must_be_there_well_formed_and_registered() {
    let world = World::new();
    world.refuses(Cause::Scope, |ask| ask.drop("scope"));
    for bad in [
        "system/Patient.crs",
        "system/*.rs",
        "system/Flag.r",
        "system/Patient.read",
        "patient/Patient.rs",
        "openid",
        "system/Consent.d",
    ] {
        world.refuses(Cause::Scope, |ask| ask.parameter("scope", bad));
    }
}

#[test]
fn header_and_signature_are_judged_by_the_registered_key() {
    let world = World::new();
    for (typ, cause) in [
        (json!("jwt"), Cause::Type),
        (json!("at+jwt"), Cause::Type),
        (json!(null), Cause::Type),
        (json!("dpop+jwt"), Cause::Type),
    ] {
        world.refuses(cause, |ask| ask.header["typ"] = typ);
    }
    world.refuses(Cause::Type, |ask| drop(ask.header.as_object_mut().unwrap().remove("typ")));
    world.refuses(Cause::Key, |ask| drop(ask.header.as_object_mut().unwrap().remove("kid")));
    for kid in ["k2", "", "../k1", "K1"] {
        world.refuses(Cause::Key, |ask| ask.header["kid"] = json!(kid));
    }
    for alg in ["none", "None", "HS256", "ES384", "RS256", "PS256", "EdDSA", "es256", ""] {
        world.refuses(Cause::Algorithm, |ask| ask.header["alg"] = json!(alg));
    }
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("jku", json!("https://evil.example/jwks")),
        ("jwk", world.linde.jwk("k1")),
        ("x5u", json!("https://evil.example/c")),
        ("x5c", json!(["MII"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
    ] {
        world.refuses(Cause::Header, |ask| ask.header[name] = value);
    }
    world.refuses(Cause::Signature, |ask| {
        ask.raw = Some(signed(&ask.header, &ask.claims.to_string(), &world.linde.encoding()));
    });
    world.refuses(Cause::Signature, |ask| {
        let token = signed(&ask.header, &ask.claims.to_string(), &world.post.encoding());
        let (message, _) = token.rsplit_once('.').unwrap();
        ask.raw = Some(format!("{message}.{}", data_encoding::BASE64URL_NOPAD.encode(&[0; 64])));
    });
}

#[test]
fn a_public_key_is_no_shared_secret() {
    let world = World::new();
    let jwk = world.post.jwk("k1").to_string();
    for secret in [jwk.as_bytes(), world.post.key.public_key_raw(), world.post.pem.as_bytes(), b""] {
        world.refuses(Cause::Algorithm, |ask| {
            let mut header = Header::new(Algorithm::HS256);
            header.kid = Some("k1".to_owned());
            ask.raw =
                Some(jsonwebtoken::encode(&header, &ask.claims, &EncodingKey::from_secret(secret)).unwrap());
        });
    }
}

#[test]
fn what_two_parsers_could_read_differently_is_no_assertion() {
    let world = World::new();
    world.refuses(Cause::Assertion, |ask| {
        let doubled = ask.claims.to_string().replacen('{', r#"{"iss":"linde","#, 1);
        ask.raw = Some(signed(&ask.header, &doubled, &world.post.encoding()));
    });
    for payload in ["", "null", "[]", "\"x\"", "{", "{}{}", "\u{feff}{}"] {
        world.refuses(Cause::Assertion, |ask| {
            ask.raw = Some(signed(&ask.header, payload, &world.post.encoding()))
        });
    }
    let whole = signed(&world.ask().header, &world.ask().claims.to_string(), &world.post.encoding());
    let parts: Vec<&str> = whole.split('.').collect();
    let bad = [
        "x".to_owned(),
        "..".to_owned(),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{whole}."),
        format!("{whole}.x"),
        format!("{}=.{}.{}", parts[0], parts[1], parts[2]),
        format!(" {whole}"),
        "a".repeat(20_000),
        format!("{}.{}", parts[0], parts[1]),
    ];
    for raw in bad {
        world.refuses(Cause::Assertion, |ask| ask.raw = Some(raw));
    }
}

#[test]
fn claims_must_name_this_client_and_this_audience_now() {
    let world = World::new();
    for name in ["/iss", "/sub"] {
        world.refuses(Cause::Client, |ask| ask.without(name));
        for bad in [json!("linde"), json!("Post"), json!(["post"]), json!(1), json!("post ")] {
            world.refuses(Cause::Client, |ask| ask.claim(name, bad));
        }
    }
    world.refuses(Cause::Audience, |ask| ask.without("/aud"));
    let url = "https://127.0.0.1:8443/oauth/token";
    for bad in [
        json!([url]),
        json!("https://127.0.0.1:8443"),
        json!(format!("{url}/")),
        json!("https://evil.example/oauth/token"),
        json!([url, "x"]),
    ] {
        world.refuses(Cause::Audience, |ask| ask.claim("/aud", bad));
    }
    world.refuses(Cause::Jti, |ask| ask.without("/jti"));
    for bad in [json!(""), json!(1), json!("x".repeat(256)), json!(null)] {
        world.refuses(Cause::Jti, |ask| ask.claim("/jti", bad));
    }
}

#[test]
fn time_is_judged_with_ten_seconds_of_skew() {
    let world = World::new();
    let now = world.now.as_second();
    for exp in [now - 9, now, now + 1, now + 300, now + 310] {
        let mut ask = world.ask();
        ask.claim("/exp", json!(exp));
        assert!(world.send(&ask, &world.post).is_ok(), "{}", exp - now);
    }
    world.refuses(Cause::Expiry, |ask| ask.without("/exp"));
    for bad in [
        json!(now - 10),
        json!(now - 3600),
        json!(now + 311),
        json!(now + 3600),
        json!(format!("{}", now + 60)),
        json!(1e300),
        json!(-1),
        json!(null),
        json!(true),
    ] {
        world.refuses(Cause::Expiry, |ask| ask.claim("/exp", bad));
    }
    for name in ["/nbf", "/iat"] {
        let mut ask = world.ask();
        ask.claim(name, json!(now + 10));
        assert!(world.send(&ask, &world.post).is_ok());
        for bad in [json!(now + 11), json!(now + 3600), json!("x"), json!(null)] {
            world.refuses(Cause::NotYet, |ask| ask.claim(name, bad));
        }
    }
}

#[test]
fn the_certificate_decides_who_the_client_is() {
    let world = World::new();
    let with = |trust: Trust, client: &Client| {
        let body = world.ask().body(&world.post);
        let result = check(
            body.as_bytes(),
            Some("application/x-www-form-urlencoded"),
            &client.peer,
            &trust,
            world.now,
            &world.issuer,
        );
        result.map(|_| ()).map_err(|refusal| (refusal.cause, refusal.status())).unwrap_err()
    };
    let trust = || world.trust.clone();
    assert_eq!(with(trust(), &world.nobody), (Cause::UnknownCertificate, 401));
    assert_eq!(with(trust(), &world.linde), (Cause::Signature, 401), "k1 of the other client");
    assert_eq!(with(trust().suspend("post").unwrap(), &world.post), (Cause::Suspended, 401));
    assert_eq!(
        with(trust().block(world.post.peer.fingerprint()), &world.post),
        (Cause::BlockedCertificate, 401)
    );
    let mut moved = Participant::clone(trust().participant("post").unwrap());
    moved.identifier.value = "90000999".to_owned();
    assert_eq!(with(trust().with_participant(moved).unwrap(), &world.post), (Cause::Misfit, 401));
    let resumed = trust().suspend("post").unwrap().resume("post").unwrap();
    let body = world.ask().body(&world.post);
    assert!(
        check(
            body.as_bytes(),
            Some("application/x-www-form-urlencoded"),
            &world.post.peer,
            &resumed,
            world.now,
            &world.issuer
        )
        .is_ok()
    );
}

#[test]
fn an_agreement_out_of_date_refuses() {
    let mut world = World::new();
    world.now = "2027-07-01T00:00:00+02:00".parse().unwrap();
    let refusal = world.send(&world.ask(), &world.post).unwrap_err();
    assert_eq!((refusal.cause, refusal.status()), (Cause::OutOfAgreement, 401));
}

#[test]
fn the_statement_must_be_whole() {
    let world = World::new();
    world.refuses(Cause::Extensions, |ask| ask.without("/extensions"));
    world.refuses(Cause::Extensions, |ask| ask.without("/extensions/hl7-b2b"));
    for name in ["version", "subject_id", "organization_id", "purpose_of_use"] {
        world.refuses(Cause::Extensions, |ask| ask.without(&format!("/extensions/hl7-b2b/{name}")));
    }
    for (name, bad) in [
        ("version", json!("2")),
        ("version", json!(1)),
        ("subject_id", json!("valk")),
        ("subject_id", json!(["urn:sluis:person#valk"])),
        ("organization_id", json!("#90000382")),
        ("subject_name", json!(1)),
        ("subject_name", json!("a\nb")),
        ("purpose_of_use", json!([])),
        ("purpose_of_use", json!("urn:oid:2.16.840.1.113883.5.8#TREAT")),
        (
            "purpose_of_use",
            json!(["urn:oid:2.16.840.1.113883.5.8#TREAT", "urn:oid:2.16.840.1.113883.5.8#COC"]),
        ),
        ("purpose_of_use", json!(["TREAT"])),
        ("purpose_of_use", json!([1])),
    ] {
        world.refuses(Cause::Extensions, |ask| ask.claim(&format!("/extensions/hl7-b2b/{name}"), bad));
    }
    for bad in [json!([]), json!("x"), json!(null)] {
        world.refuses(Cause::Extensions, |ask| ask.claim("/extensions/sluis", bad));
    }
    for bad in
        [json!({}), json!({"type": "friend", "identifier": "x"}), json!({"type": "plan"}), json!("plan")]
    {
        world.refuses(Cause::Relation, |ask| ask.claim("/extensions/sluis/relation", bad));
    }
}

#[test]
fn every_claim_must_match_what_is_registered() {
    let world = World::new();
    for bad in [
        "http://fhir.nl/fhir/NamingSystem/kvk#90000111",
        "http://fhir.nl/fhir/NamingSystem/ura#90000382",
        "urn:x#90000382",
    ] {
        world
            .refuses(Cause::Organisation, |ask| ask.claim("/extensions/hl7-b2b/organization_id", json!(bad)));
    }
    world.refuses(Cause::Organisation, |ask| {
        ask.claim("/extensions/hl7-b2b/organization_name", json!("De Linde"))
    });
    world.refuses(Cause::Person, |ask| ask.claim("/extensions/hl7-b2b/subject_name", json!("L. Linden")));
    world.refuses(Cause::Person, |ask| {
        ask.claim(
            "/extensions/hl7-b2b/subject_role",
            json!("http://fhir.nl/fhir/NamingSystem/uzi-rolcode#01.015"),
        )
    });
    world.refuses(Cause::Person, |ask| {
        ask.claim("/extensions/hl7-b2b/subject_id", json!("urn:sluis:person#linden"));
        ask.without("/extensions/hl7-b2b/subject_name");
        ask.without("/extensions/hl7-b2b/subject_role");
    });
}

#[test]
fn an_unknown_person_is_taken_at_the_participants_word() {
    let world = World::new();
    let mut ask = world.ask();
    ask.claim("/extensions/hl7-b2b/subject_id", json!("urn:oid:2.16.528.1.1007.3.1#900012345"));
    ask.claim("/extensions/hl7-b2b/subject_name", json!("N. Nieuw"));
    ask.without("/extensions/sluis/function");
    let checked = world.send(&ask, &world.post).unwrap();
    let person = &checked.asker().person;
    assert_eq!((person.assurance.code(), person.name.as_deref()), ("self-asserted", Some("N. Nieuw")));
    assert_eq!(checked.asker().function.as_ref().unwrap().as_str(), "triage", "the participant's first");
}

#[test]
fn purpose_and_function_must_be_registered_and_in_date() {
    let world = World::new();
    let purpose = |ask: &mut Ask, code: &str| {
        ask.claim(
            "/extensions/hl7-b2b/purpose_of_use",
            json!([format!("urn:oid:2.16.840.1.113883.5.8#{code}")]),
        );
    };
    for bad in ["CAREMGT", "PATRQT", "HCOMPL", "HMARKT", "treat"] {
        world.refuses(Cause::Purpose, |ask| purpose(ask, bad));
    }
    world.refuses(Cause::Purpose, |ask| {
        ask.claim("/extensions/hl7-b2b/purpose_of_use", json!(["urn:x#TREAT"]))
    });
    for bad in ["gp-own", "debt-help", "Triage", "no such"] {
        world.refuses(Cause::Function, |ask| ask.claim("/extensions/sluis/function", json!(bad)));
    }
    let mut early = world.ask_linde();
    early.claim("/extensions/sluis/function", json!("poh"));
    assert_eq!(world.send(&early, &world.linde).unwrap_err().cause, Cause::Function, "from 1 December");
    let first = world.send(&world.ask_linde(), &world.linde).unwrap();
    assert_eq!(first.asker().function.as_ref().unwrap().as_str(), "gp-own", "the person's first");
}

#[test]
fn compliance_belongs_to_officers_and_the_own_app_needs_no_function() {
    let world = World::new();
    let mut officer = world.ask();
    officer.claim("/extensions/hl7-b2b", json!({
        "version": "1", "subject_id": "urn:sluis:person#fg", "organization_id": "http://fhir.nl/fhir/NamingSystem/kvk#90000382",
        "purpose_of_use": ["urn:oid:2.16.840.1.113883.5.8#HCOMPL"],
    }));
    officer.claim("/extensions/sluis", json!({}));
    let checked = world.send(&officer, &world.post).unwrap();
    assert_eq!((checked.asker().purpose.code(), checked.asker().function.is_none()), ("HCOMPL", true));
    let mut own = world.ask_linde();
    own.claim("/extensions/hl7-b2b/subject_id", json!("urn:oid:2.16.840.1.113883.2.4.6.3#999990032"));
    own.claim("/extensions/hl7-b2b/purpose_of_use", json!(["urn:oid:2.16.840.1.113883.5.8#PATRQT"]));
    let checked = world.send(&own, &world.linde).unwrap();
    assert_eq!((checked.asker().person.id.as_str(), checked.asker().function.is_none()), ("999990032", true));
}

#[test]
fn break_glass_goes_with_emergency_and_only_with_it() {
    let world = World::new();
    let statement = json!({"patient": "urn:oid:2.16.840.1.113883.2.4.6.3|999990056", "reason_code": "danger", "could_not_be_asked": true});
    let emergency = |code: &str| json!([format!("urn:oid:2.16.840.1.113883.5.8#{code}")]);
    for code in ["ETREAT", "BTG"] {
        let mut ask = world.ask();
        ask.claim("/extensions/hl7-b2b/purpose_of_use", emergency(code));
        ask.claim("/extensions/sluis/break-glass", statement.clone());
        let checked = world.send(&ask, &world.post).unwrap();
        let glass = checked.asker().break_glass.as_ref().unwrap();
        assert_eq!(
            (checked.asker().purpose.code(), glass.patient_value.as_str(), glass.could_not_be_asked),
            ("ETREAT", "999990056", true)
        );
        assert!(!format!("{checked:?}{glass:?}").contains("999990056"), "no patient prints");
    }
    world.refuses(Cause::BreakGlass, |ask| ask.claim("/extensions/sluis/break-glass", statement.clone()));
    world.refuses(Cause::BreakGlass, |ask| {
        ask.claim("/extensions/hl7-b2b/purpose_of_use", emergency("ETREAT"))
    });
    for (name, bad) in [
        ("patient", json!("999990056")),
        ("patient", json!("|9")),
        ("patient", json!(null)),
        ("reason_code", json!("curious")),
        ("reason_code", json!("other")),
        ("could_not_be_asked", json!("yes")),
        ("reason_text", json!("")),
    ] {
        world.refuses(Cause::BreakGlass, |ask| {
            ask.claim("/extensions/hl7-b2b/purpose_of_use", emergency("ETREAT"));
            ask.claim("/extensions/sluis/break-glass", statement.clone());
            ask.claim(&format!("/extensions/sluis/break-glass/{name}"), bad);
        });
    }
    let mut other = world.ask_linde();
    other.claim("/extensions/hl7-b2b/purpose_of_use", emergency("ETREAT"));
    other.claim("/extensions/sluis", json!({"break-glass": statement}));
    let refusal = world.send(&other, &world.linde).unwrap_err();
    assert_eq!((refusal.cause, refusal.status()), (Cause::Purpose, 400));
    assert_eq!(refusal.attempt.break_glass.unwrap().patient_value, "999990056", "for the person's timeline");
    assert_eq!(refusal.attempt.participant.unwrap().as_str(), "linde");
}

#[test]
fn each_cause_has_its_status_and_a_code_of_its_own() {
    for cause in Cause::ALL {
        let status = match cause.error() {
            OAuthError::InvalidClient => 401,
            OAuthError::InvalidRequest
            | OAuthError::InvalidScope
            | OAuthError::UnauthorizedClient
            | OAuthError::UnsupportedGrantType => 400,
        };
        assert_eq!(cause.error().status(), status);
        assert_eq!(Cause::ALL.iter().filter(|other| other.code() == cause.code()).count(), 1, "{cause:?}");
        let refusal = TokenRefusal { cause: *cause, attempt: Default::default() };
        let body: Value = serde_json::from_str(&refusal.body()).unwrap();
        assert_eq!(body["error"], cause.error().code());
        assert_eq!(refusal.challenge().is_some(), status == 401);
    }
}

#[test]
fn a_jti_counts_once_falls_back_uncommitted_and_stays_burnt_over_a_restart() {
    let world = World::new();
    let checked = || world.send(&world.ask(), &world.post).unwrap();
    let guard = ReplayGuard::new(10);
    let reserved = guard.reserve(checked(), world.now).unwrap();
    assert_eq!(guard.reserve(checked(), world.now).unwrap_err().cause, Cause::Replay, "while reserved");
    drop(reserved);
    let reserved = guard.reserve(checked(), world.now).unwrap();
    let burn = reserved.burn();
    let _burnt = reserved.commit();
    assert_eq!(guard.reserve(checked(), world.now).unwrap_err().cause, Cause::Replay);
    let restarted = ReplayGuard::new(10);
    restarted.restore([burn]);
    let refusal = restarted.reserve(checked(), world.now).unwrap_err();
    assert_eq!((refusal.cause, refusal.attempt.person.unwrap().id.as_str()), (Cause::Replay, "valk"));
    let mut other = world.ask();
    other.claim("/jti", json!("j2"));
    assert!(restarted.reserve(world.send(&other, &world.post).unwrap(), world.now).is_ok());
    let same = world.send(&world.ask_linde(), &world.linde).unwrap();
    assert!(restarted.reserve(same, world.now).is_ok(), "another client may use the same jti");
}

#[test]
fn a_burnt_jti_is_remembered_as_long_as_its_assertion_is_taken() {
    let mut world = World::new();
    let guard = ReplayGuard::new(10);
    let ask = world.ask();
    let _burnt = guard.reserve(world.send(&ask, &world.post).unwrap(), world.now).unwrap().commit();
    world.now += 249.seconds();
    let late = world.send(&ask, &world.post).unwrap();
    assert_eq!(guard.reserve(late, world.now).unwrap_err().cause, Cause::Replay);
    world.now += 1.seconds();
    assert_eq!(world.send(&ask, &world.post).unwrap_err().cause, Cause::Expiry);
}

#[test]
fn a_full_guard_refuses_rather_than_forgets() {
    let mut world = World::new();
    let guard = ReplayGuard::new(1);
    let _burnt = guard.reserve(world.send(&world.ask(), &world.post).unwrap(), world.now).unwrap().commit();
    let mut second = world.ask();
    second.claim("/jti", json!("j2"));
    assert_eq!(
        guard.reserve(world.send(&second, &world.post).unwrap(), world.now).unwrap_err().cause,
        Cause::Busy
    );
    world.now += 10.minutes();
    second.claim("/exp", json!(world.now.as_second() + 60));
    assert!(
        guard.reserve(world.send(&second, &world.post).unwrap(), world.now).is_ok(),
        "the first has ended"
    );
}

/// A granted token with all that verifies it.
struct Grant {
    world: World,
    keys: SigningKeys,
    verifier: Verifier,
    token: String,
}

impl Grant {
    fn new() -> Self {
        let world = World::new();
        let key = || SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
        let keys = SigningKeys::new(key(), vec![]);
        let burnt = ReplayGuard::new(10)
            .reserve(world.send(&world.ask(), &world.post).unwrap(), world.now)
            .unwrap()
            .commit();
        let granted = mint(&burnt, &keys, world.now, &world.issuer).unwrap();
        assert_eq!((granted.token_type, granted.expires_in), ("bearer", 300));
        assert_eq!(granted.scope, "system/Patient.rs system/Condition.r");
        let verifier = Verifier::new(world.issuer.clone(), 100);
        Self { world, keys, verifier, token: granted.access_token }
    }

    fn verify(
        &self,
        header: Option<&str>,
        certificate: Fingerprint,
    ) -> Result<Arc<super::Session>, TokenInvalid> {
        self.verifier.verify(header, certificate, &self.world.trust, &self.keys, self.world.now)
    }

    fn own(&self) -> Result<Arc<super::Session>, TokenInvalid> {
        self.verify(Some(&format!("Bearer {}", self.token)), self.world.post.peer.fingerprint())
    }

    /// A token that our own key signed, with other claims.
    fn forged(&self, typ: &str, change: impl FnOnce(&mut Value)) -> String {
        let payload = self.token.split('.').nth(1).unwrap();
        let payload = data_encoding::BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap();
        let mut claims: Value = serde_json::from_slice(&payload).unwrap();
        change(&mut claims);
        let key = self.keys.current();
        super::jwt::sign(typ, key.kid(), &claims, key.encoding()).unwrap()
    }
}

#[test]
fn a_token_carries_its_asker_sealed_and_is_bound_to_its_certificate() {
    let grant = Grant::new();
    let session = grant.own().unwrap();
    assert_eq!(session.asker().person.id, "valk");
    assert_eq!(session.scopes().to_string(), "system/Patient.rs system/Condition.r");
    let (_, rest) = grant.token.split_once('.').unwrap();
    let payload = data_encoding::BASE64URL_NOPAD.decode(rest.split('.').next().unwrap().as_bytes()).unwrap();
    let payload = String::from_utf8(payload).unwrap();
    assert!(!payload.contains("valk") && !payload.contains("Valk"), "{payload}");
    assert!(payload.contains(&grant.world.post.peer.fingerprint().to_base64url()));
    let bearer = format!("Bearer {}", grant.token);
    for other in [&grant.world.linde, &grant.world.nobody] {
        let refused = grant.verify(Some(&bearer), other.peer.fingerprint()).unwrap_err();
        assert!(matches!(refused, TokenInvalid::Binding), "{refused:?}");
    }
}

#[test]
fn a_cached_token_is_judged_as_a_fresh_one() {
    let mut grant = Grant::new();
    grant.own().unwrap();
    let unchanged = grant.world.trust.clone();
    grant.world.trust = unchanged.suspend("post").unwrap();
    assert_eq!(grant.own().unwrap_err(), TokenInvalid::Standing, "on the next request");
    grant.world.trust = unchanged.suspend("post").unwrap().resume("post").unwrap();
    grant.own().unwrap();
    grant.world.trust = unchanged.block(grant.world.post.peer.fingerprint());
    assert_eq!(grant.own().unwrap_err(), TokenInvalid::Certificate);
    grant.world.trust = unchanged.clone();
    grant.own().unwrap();
    grant.world.now += (LIFE_SECONDS - 1).seconds();
    grant.own().unwrap();
    grant.world.now += 1.seconds();
    assert_eq!(grant.own().unwrap_err(), TokenInvalid::Expired);
}

#[test]
fn a_function_that_ends_takes_its_tokens_along() {
    let mut grant = Grant::new();
    let mut post = Participant::clone(grant.world.trust.participant("post").unwrap());
    post.functions[0].to = Some(crate::trust::term::Bound::parse("2026-11-21T11:01:00Z").unwrap());
    grant.world.trust = grant.world.trust.with_participant(post).unwrap();
    grant.own().unwrap();
    grant.world.now += 61.seconds();
    assert_eq!(grant.own().unwrap_err(), TokenInvalid::Function);
}

#[test]
fn what_is_no_bearer_token_of_ours_is_refused() {
    let grant = Grant::new();
    let certificate = grant.world.post.peer.fingerprint();
    assert_eq!(grant.verify(None, certificate).unwrap_err(), TokenInvalid::Missing);
    for header in [
        "",
        "Bearer",
        "Bearer ",
        "Basic eDp5",
        &grant.token,
        &format!("Bearer {0} {0}", grant.token),
        &format!("Bearer {0},{0}", grant.token),
    ] {
        assert_eq!(grant.verify(Some(header), certificate).unwrap_err(), TokenInvalid::Scheme, "{header}");
    }
    assert!(
        grant.verify(Some(&format!("bearer {}", grant.token)), certificate).is_ok(),
        "the scheme has no case"
    );
    let judged = |token: &str| grant.verify(Some(&format!("Bearer {token}")), certificate).unwrap_err();
    assert_eq!(judged("x"), TokenInvalid::Malformed);
    assert_eq!(judged(&grant.forged("JWT", |_| {})), TokenInvalid::Malformed);
    assert_eq!(
        judged(&grant.forged("at+jwt", |c| c["iss"] = json!("https://evil.example"))),
        TokenInvalid::Malformed
    );
    assert_eq!(
        judged(&grant.forged("at+jwt", |c| c["aud"] = json!("https://127.0.0.1:8443"))),
        TokenInvalid::Malformed
    );
    assert_eq!(
        judged(&grant.forged("at+jwt", |c| c["jti"] = json!("other"))),
        TokenInvalid::Malformed,
        "the seal is bound to it"
    );
    assert_eq!(
        judged(&grant.forged("at+jwt", |c| drop(c.as_object_mut().unwrap().remove("cnf")))),
        TokenInvalid::Malformed
    );
    assert_eq!(judged(&grant.forged("at+jwt", |c| c["exp"] = json!("9999999999"))), TokenInvalid::Malformed);
    assert_eq!(
        judged(&grant.forged("at+jwt", |c| c["iat"] = json!(9_999_999_999_u64))),
        TokenInvalid::Expired
    );
    assert_eq!(
        judged(&grant.forged("at+jwt", |c| c["scope"] = json!("system/*.cruds"))),
        TokenInvalid::Registration
    );
    let assertion =
        signed(&world_header(), &grant.world.ask().claims.to_string(), &grant.world.post.encoding());
    assert_eq!(judged(&assertion), TokenInvalid::Malformed, "an assertion is no access token");
    let (message, signature) = grant.token.rsplit_once('.').unwrap();
    let flipped = if let Some(rest) = signature.strip_prefix('A') {
        format!("B{rest}")
    } else {
        format!("A{}", signature.split_at(1).1)
    };
    assert_eq!(judged(&format!("{message}.{flipped}")), TokenInvalid::Signature);
}

fn world_header() -> Value {
    json!({"alg": "ES256", "typ": "JWT", "kid": "k1"})
}

#[test]
fn keys_rotate_while_their_tokens_live() {
    let mut grant = Grant::new();
    let next = SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
    let before = grant.keys.clone();
    grant.keys = before.rotate(next.clone());
    grant.own().unwrap();
    assert_eq!(grant.keys.jwks()["keys"].as_array().unwrap().len(), 2);
    assert!(!grant.keys.jwks().to_string().contains("\"d\""));
    grant.keys = SigningKeys::new(next, vec![]);
    assert_eq!(grant.own().unwrap_err(), TokenInvalid::Key, "also from the cache");
}

#[test]
fn every_algorithm_we_name_verifies() {
    let world = World::new();
    let encode = |part: &[u8]| data_encoding::BASE64URL_NOPAD.encode(part);
    let p384 = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let point = p384.public_key_raw();
    let ec = json!({"kty": "EC", "crv": "P-384", "kid": "k3", "x": encode(&point[1..49]), "y": encode(&point[49..])});
    let rsa = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
    // RFC 8017 A.1.1: the modulus starts behind nine bytes of heads; PKCS#8 wraps the key in 26 bytes.
    let n = encode(&rsa.public_key_raw()[9..265]);
    let rs = json!({"kty": "RSA", "kid": "k4", "n": n, "e": "AQAB"});
    let mut post = Participant::clone(world.trust.participant("post").unwrap());
    post.jwks = serde_json::from_value(json!({"keys": [world.post.jwk("k1"), ec, rs]})).unwrap();
    assert_eq!(post.jwks.mistakes().count(), 0);
    let trust = world.trust.with_participant(post).unwrap();
    let judged = |kid: &str, alg: Algorithm, key: &EncodingKey| {
        let mut header = Header::new(alg);
        header.kid = Some(kid.to_owned());
        let mut ask = world.ask();
        ask.raw = Some(jsonwebtoken::encode(&header, &ask.claims, key).unwrap());
        let body = ask.body(&world.post);
        let form = Some("application/x-www-form-urlencoded");
        let result = check(body.as_bytes(), form, &world.post.peer, &trust, world.now, &world.issuer);
        result.map(|_| ()).map_err(|refusal| refusal.cause)
    };
    let (ec, rs) = (
        EncodingKey::from_ec_der(p384.serialized_der()),
        EncodingKey::from_rsa_der(&rsa.serialized_der()[26..]),
    );
    assert_eq!(judged("k3", Algorithm::ES384, &ec), Ok(()));
    assert_eq!(judged("k4", Algorithm::PS256, &rs), Ok(()));
    assert_eq!(judged("k4", Algorithm::RS256, &rs), Err(Cause::Algorithm), "PKCS#1 v1.5 is none of them");
    assert_eq!(judged("k4", Algorithm::PS384, &rs), Err(Cause::Algorithm));
}

#[test]
fn discovery_has_one_source() {
    let world = World::new();
    let scopes = ["system/Patient.rs".to_owned()];
    let server = super::discovery::authorization_server(&world.issuer, &scopes);
    let smart = super::discovery::smart_configuration(&world.issuer, &scopes);
    for (name, value) in server.as_object().unwrap() {
        assert_eq!(&smart[name], value);
    }
    assert_eq!(smart["token_endpoint"], "https://127.0.0.1:8443/oauth/token");
    assert!(smart["capabilities"].as_array().unwrap().contains(&json!("client-confidential-asymmetric")));
}
