//! Token requests: right ones, and ones with every part overridden.

use crate::client::{Answer, Client, Request};
use crate::world::World;
use data_encoding::BASE64URL_NOPAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};

/// A token request in the making.
#[derive(Clone)]
pub struct Assertion {
    /// JOSE header.
    pub header: Value,
    /// Claims.
    pub claims: Value,
    /// Form fields but for the assertion itself.
    pub form: Vec<(String, String)>,
    key: Vec<u8>,
    raw: Option<String>,
}

/// Scopes for everything that a participant may ask (those of CONTRACT.md 3 that hold data about a person).
pub const SCOPES: &str = "system/Patient.rs system/Condition.rs system/AllergyIntolerance.rs system/Flag.rs \
system/MedicationRequest.rs system/MedicationDispense.rs system/MedicationStatement.rs system/Medication.rs \
system/Observation.rs system/DiagnosticReport.rs system/Immunization.rs system/Procedure.rs \
system/DeviceUseStatement.rs system/DeviceRequest.rs system/Device.rs system/Encounter.cruds system/EpisodeOfCare.cruds \
system/CareTeam.cruds system/CarePlan.cruds system/Goal.rs system/ServiceRequest.cruds system/Task.rs \
system/Appointment.rs system/NutritionOrder.rs system/Coverage.rs system/RelatedPerson.rs \
system/DocumentReference.rs system/Consent.cruds system/ImmunizationRecommendation.rs \
system/QuestionnaireResponse.rs system/AuditEvent.rs system/Basic.cruds system/List.cruds system/Composition.rs";

/// The system of purposes of use.
pub const PURPOSE_OID: &str = "urn:oid:2.16.840.1.113883.5.8";

impl Assertion {
    /// A right one: this participant, its first person, that person's first function, its first purpose.
    #[must_use]
    pub fn of(world: &World, participant: &str) -> Self {
        let entry = world.participant(participant);
        let people = world.region()["people"].as_array().expect("people");
        let person = people.iter().find(|p| p["participant"] == participant);
        let jwk = std::fs::read(world.dir().join(entry["jwk"].as_str().expect("jwk"))).expect("a jwk");
        let jwk: Value = serde_json::from_slice(&jwk).expect("a jwk");
        let audience = if entry["audience"] == "smart" {
            format!("{}/oauth/token", world.exchange())
        } else {
            world.exchange().to_owned()
        };
        let now = world.now().as_second();
        let key =
            std::fs::read_to_string(world.dir().join(format!("pki/{participant}/key.pem"))).expect("a key");
        let mut made = Self {
            header: json!({"typ": "JWT", "alg": "ES256", "kid": jwk["kid"]}),
            claims: json!({
                "iss": participant, "sub": participant, "aud": audience,
                "jti": uuid::Uuid::new_v4().to_string(), "iat": now, "exp": now + 120,
                "extensions": {
                    "hl7-b2b": {
                        "version": "1",
                        "organization_id": format!("{}#{}",
                            entry["identifier"]["system"].as_str().unwrap_or_default(),
                            entry["identifier"]["value"].as_str().unwrap_or_default()),
                        "organization_name": entry["name"],
                        "purpose_of_use": [],
                    },
                    "sluis": {},
                },
            }),
            form: vec![
                ("grant_type".into(), "client_credentials".into()),
                (
                    "client_assertion_type".into(),
                    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".into(),
                ),
                ("scope".into(), SCOPES.into()),
            ],
            key: private_key(&jwk, &key),
            raw: None,
        };
        if let Some(purpose) = entry["purposes"][0].as_str() {
            made = made.purpose(purpose);
        }
        match person {
            Some(person) => made.person(world, person["id"].as_str().expect("id")),
            None => made,
        }
    }

    /// Asked by this person, as registered.
    #[must_use]
    pub fn person(mut self, world: &World, id: &str) -> Self {
        let people = world.region()["people"].as_array().expect("people");
        let b2b = &mut self.claims["extensions"]["hl7-b2b"];
        b2b["subject_id"] = json!(format!("urn:sluis:person#{id}"));
        if let Some(person) = people.iter().find(|p| p["id"] == id) {
            b2b["subject_name"] = person["name"].clone();
            let role = |member: &str| person["role"][member].as_str().unwrap_or_default().to_owned();
            b2b["subject_role"] = json!(format!("{}#{}", role("system"), role("code")));
        }
        self
    }

    /// In this function.
    #[must_use]
    pub fn function(mut self, code: &str) -> Self {
        self.claims["extensions"]["sluis"]["function"] = json!(code);
        self
    }

    /// For this purpose.
    #[must_use]
    pub fn purpose(mut self, code: &str) -> Self {
        let act_reason = format!("{PURPOSE_OID}#{code}");
        self.claims["extensions"]["hl7-b2b"]["purpose_of_use"] = json!([act_reason]);
        self
    }

    /// With another value at a JSON pointer of the claims; `null` removes the member.
    #[track_caller]
    #[must_use]
    pub fn claim(mut self, pointer: &str, value: Value) -> Self {
        set(&mut self.claims, pointer, value);
        self
    }

    /// With another value at a JSON pointer of the header; `null` removes it.
    #[track_caller]
    #[must_use]
    pub fn head(mut self, pointer: &str, value: Value) -> Self {
        set(&mut self.header, pointer, value);
        self
    }

    /// With another form field; an empty value removes it.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.form.retain(|(n, _)| n != name);
        if !value.is_empty() {
            self.form.push((name.into(), value.into()));
        }
        self
    }

    /// With these scopes.
    #[must_use]
    pub fn scope(self, scope: &str) -> Self {
        self.field("scope", scope)
    }

    /// Signed with another participant's key.
    #[must_use]
    pub fn signed_by(mut self, other: &Self) -> Self {
        self.key.clone_from(&other.key);
        self
    }

    /// With these characters in place of the signed assertion.
    #[must_use]
    pub fn raw(mut self, assertion: &str) -> Self {
        self.raw = Some(assertion.into());
        self
    }

    /// The signed assertion.
    #[must_use]
    pub fn sign(&self) -> String {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let input = format!("{}.{}", part(&self.header), part(&self.claims));
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &self.key, &random)
            .expect("a P-256 key");
        let signature = pair.sign(&random, input.as_bytes()).expect("signed");
        format!("{input}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
    }

    /// The request with this assertion.
    #[must_use]
    pub fn request(&self) -> Request {
        let assertion = self.sign();
        let mut fields: Vec<(&str, &str)> = self.form.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        fields.push(("client_assertion", &assertion));
        Request::form("/oauth/token", &fields)
    }

    /// Sends it.
    #[track_caller]
    #[must_use]
    pub fn send(&self, client: &Client) -> Answer {
        client.send(&self.request())
    }
}

fn set(value: &mut Value, pointer: &str, new: Value) {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let parent = value.pointer_mut(parent).unwrap_or_else(|| panic!("nothing at {pointer}"));
    if new.is_null() {
        parent.as_object_mut().expect("an object").remove(name);
    } else {
        parent[name] = new;
    }
}

/// The signing key, PKCS#8: of the JWK where it is the certificate's key too, else rebuilt from its private part.
fn private_key(jwk: &Value, certificate_key: &str) -> Vec<u8> {
    let part = |name: &str| {
        BASE64URL_NOPAD.decode(jwk[name].as_str().expect("a private JWK").as_bytes()).expect("base64url")
    };
    let (d, x, y) = (part("d"), part("x"), part("y"));
    assert!(certificate_key.contains("PRIVATE KEY"), "key.pem is no key");
    // RFC 5208 and 5915 around the three numbers of a P-256 key.
    let mut der = data_encoding::HEXLOWER
        .decode(b"308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420")
        .expect("hex");
    der.extend_from_slice(&d);
    der.extend_from_slice(&[0xa1, 0x44, 0x03, 0x42, 0x00, 0x04]);
    der.extend_from_slice(&x);
    der.extend_from_slice(&y);
    der
}
