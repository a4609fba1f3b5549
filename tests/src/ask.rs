//! Questions as a participant's system asks them.

use crate::assertion::Assertion;
use crate::client::{Answer, Client, Request, encoded};
use crate::world::World;
use serde_json::{Value, json};
use std::sync::OnceLock;

/// The system of BSNs.
pub const BSN: &str = "http://fhir.nl/fhir/NamingSystem/bsn";

/// One asker: an organisation, a person who works there, a function, a purpose; with a token of its own.
pub struct Asker<'w> {
    world: &'w World,
    participant: String,
    assertion: Assertion,
    client: Client,
    token: OnceLock<String>,
}

impl World {
    /// An asker of this organisation: its first person, that person's first function, its first purpose.
    #[must_use]
    pub fn asker(&self, participant: &str) -> Asker<'_> {
        Asker {
            world: self,
            participant: participant.into(),
            assertion: Assertion::of(self, participant),
            client: self.client(participant),
            token: OnceLock::new(),
        }
    }

    /// A person of the region as an asker: Linden, Valk, Dam and so on, in a function of theirs.
    #[must_use]
    pub fn staff(&self, person: &str, function: &str) -> Asker<'_> {
        let people = self.region()["people"].as_array().expect("people");
        let found =
            people.iter().find(|p| p["id"] == person).unwrap_or_else(|| panic!("{person} is no staff"));
        let asker = self.asker(found["participant"].as_str().expect("participant")).person(person);
        if function.is_empty() { asker } else { asker.function(function) }
    }

    /// An officer, named as OpenID Connect names a user: without the name and role that staff bring.
    #[must_use]
    pub fn officer(&self, participant: &str, user: &str) -> Asker<'_> {
        self.asker(participant)
            .person(user)
            .claim("/extensions/hl7-b2b/subject_name", Value::Null)
            .claim("/extensions/hl7-b2b/subject_role", Value::Null)
            .purpose("HCOMPL")
    }

    /// The person, through their own app.
    #[must_use]
    pub fn own(&self, patient: &str) -> Asker<'_> {
        let subject = format!("{BSN}#{}", self.bsn(patient));
        self.asker("pgo-heuvelrijk")
            .claim("/extensions/hl7-b2b/subject_id", json!(subject))
            .claim("/extensions/hl7-b2b/subject_role", Value::Null)
            .claim("/extensions/hl7-b2b/subject_name", Value::Null)
            .purpose("PATRQT")
    }
}

impl<'w> Asker<'w> {
    fn change(mut self, change: impl FnOnce(Assertion) -> Assertion) -> Self {
        self.assertion = change(self.assertion);
        self.token = OnceLock::new();
        self
    }

    /// Another person of the organisation.
    #[must_use]
    pub fn person(self, id: &str) -> Self {
        let world = self.world;
        self.change(|a| a.person(world, id))
    }

    /// Another function.
    #[must_use]
    pub fn function(self, code: &str) -> Self {
        self.change(|a| a.function(code))
    }

    /// Another purpose.
    #[must_use]
    pub fn purpose(self, code: &str) -> Self {
        self.change(|a| a.purpose(code))
    }

    /// Another claim, by JSON pointer.
    #[must_use]
    pub fn claim(self, pointer: &str, value: Value) -> Self {
        self.change(|a| a.claim(pointer, value))
    }

    /// Fewer scopes.
    #[must_use]
    pub fn scope(self, scope: &str) -> Self {
        self.change(|a| a.scope(scope))
    }

    /// In an emergency about this person.
    #[must_use]
    pub fn break_glass(self, patient: &str, reason: &str) -> Self {
        let broken = json!({
            "patient": format!("{BSN}|{}", self.world.bsn(patient)),
            "reason_code": "danger", "reason_text": reason, "could_not_be_asked": true,
        });
        self.purpose("ETREAT").claim("/extensions/sluis/break-glass", broken)
    }

    /// Under a named doctor.
    #[must_use]
    pub fn responsible(self, person: &str) -> Self {
        self.claim("/extensions/sluis/responsible", json!(format!("urn:sluis:person#{person}")))
    }

    /// The world it asks in.
    #[must_use]
    pub fn world(&self) -> &'w World {
        self.world
    }

    /// Its client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Its organisation.
    #[must_use]
    pub fn participant(&self) -> &str {
        &self.participant
    }

    /// The answer of the token endpoint, asked anew.
    #[track_caller]
    #[must_use]
    pub fn ask_token(&self) -> Answer {
        let fresh = json!(uuid::Uuid::new_v4().to_string());
        let now = self.world.now().as_second();
        let assertion = self.assertion.clone().claim("/jti", fresh);
        assertion.claim("/iat", json!(now)).claim("/exp", json!(now + 120)).send(&self.client)
    }

    /// A token; asked once.
    #[track_caller]
    #[must_use]
    pub fn token(&self) -> String {
        if let Some(token) = self.token.get() {
            return token.clone();
        }
        let answer = self.ask_token();
        assert_eq!(answer.status, 200, "no token for {}: {}", self.participant, answer.text());
        let token = answer.json()["access_token"].as_str().expect("access_token").to_owned();
        self.token.get_or_init(|| token).clone()
    }

    /// Sends a request with the token.
    #[track_caller]
    #[must_use]
    pub fn send(&self, request: Request) -> Answer {
        self.client.send(&request.bearer(&self.token()))
    }

    /// GET below `/fhir/`.
    #[track_caller]
    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        self.send(Request::get(&format!("/fhir/{path}")))
    }

    /// The look-up by BSN and birth date.
    #[track_caller]
    #[must_use]
    pub fn find(&self, patient: &str) -> Answer {
        let identifier = format!("{BSN}|{}", self.world.bsn(patient));
        let birth_date = self.world.birth_date(patient);
        self.send(Request::form(
            "/fhir/Patient/_search",
            &[("identifier", &identifier), ("birthdate", &birth_date)],
        ))
    }

    /// This organisation's pseudonym of a person.
    #[track_caller]
    #[must_use]
    pub fn id(&self, patient: &str) -> String {
        let found = self.find(patient).ok().json();
        found["entry"][0]["resource"]["id"]
            .as_str()
            .unwrap_or_else(|| panic!("nobody found: {found}"))
            .to_owned()
    }

    /// `$summary` by BSN and birth date.
    #[track_caller]
    #[must_use]
    pub fn summary(&self, patient: &str) -> Answer {
        let parameters = json!({"resourceType": "Parameters", "parameter": [
            {"name": "identifier", "valueIdentifier": {"system": BSN, "value": self.world.bsn(patient)}},
            {"name": "birthdate", "valueDate": self.world.birth_date(patient)},
        ]});
        self.send(Request::fhir("POST", "/fhir/Patient/$summary", parameters.to_string()))
    }

    /// A search of one type, by the pseudonym; `more` is the rest of the query.
    #[track_caller]
    #[must_use]
    pub fn search(&self, patient: &str, resource_type: &str, more: &str) -> Answer {
        let id = self.id(patient);
        self.search_id(&id, resource_type, more)
    }

    /// A search with an id at hand.
    #[track_caller]
    #[must_use]
    pub fn search_id(&self, id: &str, resource_type: &str, more: &str) -> Answer {
        let more = if more.is_empty() { String::new() } else { format!("&{more}") };
        self.get(&format!("{resource_type}?patient={}{more}", encoded(id)))
    }

    /// The own decision.
    #[track_caller]
    #[must_use]
    pub fn explain(&self, id: &str) -> Answer {
        let body = json!({"resourceType": "Parameters"});
        self.send(Request::fhir("POST", &format!("/fhir/Patient/{id}/$explain"), body.to_string()))
    }

    /// Creates a resource.
    #[track_caller]
    #[must_use]
    pub fn create(&self, resource: &Value) -> Answer {
        let kind = resource["resourceType"].as_str().expect("resourceType");
        self.send(Request::fhir("POST", &format!("/fhir/{kind}"), resource.to_string()))
    }

    /// Replaces a resource.
    #[track_caller]
    #[must_use]
    pub fn update(&self, id: &str, resource: &Value) -> Answer {
        let kind = resource["resourceType"].as_str().expect("resourceType");
        self.send(Request::fhir("PUT", &format!("/fhir/{kind}/{id}"), resource.to_string()))
    }
}
