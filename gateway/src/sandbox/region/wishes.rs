//! What persons said, who they work with and what was attested: privacy consents (CONTRACT.md 7), relations
//! and attestations in the form in which a participant records them, and mandates for the portal.

use serde_json::{Map, Value, json};

use super::calendar::Calendar;
use super::code::{BSN, S, hl7};
use super::draft::period;
use super::line::Line;
use super::people::{House, human_name};
use super::{Mandate, REPRESENTATIVE, Recorded, RegionError};

/// What is needed to read the wishes of one person.
pub(super) struct Wishes<'a> {
    pub(super) calendar: &'a Calendar,
    pub(super) houses: &'a [House],
    pub(super) person: &'a str,
    pub(super) name: &'a str,
    pub(super) bsn: &'a str,
    pub(super) representatives: Vec<&'a Line<'a>>,
}

impl Wishes<'_> {
    /// `consent`: `from=` holders and `to=` users (`any`, `org:`, `cat:`, `fn:`, `person:`), `class=`, `label=`,
    /// `except=` classes that are not meant, `item=` and `for=` (a relation), `purpose=`, `given=`, `since=`,
    /// `until=`, `by=` who gives it, `deny=yes` for an objection.
    pub(super) fn consent(&self, line: &Line<'_>, number: usize) -> Result<Recorded, RegionError> {
        let recorder = line.need("recorder")?;
        let mut performers = Vec::new();
        let mut contained = Vec::new();
        for giver in line.get("by").unwrap_or("zelf").split_whitespace() {
            if giver == "zelf" {
                performers.push(self.patient());
            } else {
                performers.push(json!({"reference": format!("#{giver}"), "type": "RelatedPerson"}));
                contained.push(self.representative(line, giver)?);
            }
        }
        let mut consent = Map::new();
        consent.insert("resourceType".to_owned(), json!("Consent"));
        if !contained.is_empty() {
            consent.insert("contained".to_owned(), Value::Array(contained));
        }
        let value = format!("{}-{number}", self.person);
        consent.insert(
            "identifier".to_owned(),
            json!([{"system": format!("{S}NamingSystem/consent"), "value": value}]),
        );
        consent.insert("status".to_owned(), json!("active"));
        consent.insert("scope".to_owned(), hl7("consentscope", "patient-privacy"));
        consent.insert(
            "category".to_owned(),
            json!([{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}]),
        );
        consent.insert("patient".to_owned(), self.patient());
        consent.insert("dateTime".to_owned(), json!(self.date(line, "given")?));
        consent.insert("performer".to_owned(), Value::Array(performers));
        consent.insert("organization".to_owned(), json!([self.organisation(line, recorder)?]));
        consent
            .insert("sourceAttachment".to_owned(), json!({"contentType": "text/plain", "title": line.title}));
        consent.insert("policy".to_owned(), json!([{"uri": format!("{S}policy/2026-11")}]));
        consent.insert("provision".to_owned(), self.provision(line)?);
        Ok(self.recorded(recorder, Value::Object(consent)))
    }

    /// `relation`: `as=` the type, `from=` the requester, `to=` who takes part, `since=`, `until=`.
    pub(super) fn relation(&self, line: &Line<'_>) -> Result<Recorded, RegionError> {
        let kind = line.need("as")?;
        let recorder = line.need("recorder")?;
        let mut members = Vec::new();
        for id in line.need("to")?.split_whitespace() {
            members.push(self.organisation(line, id)?);
        }
        let span = period(Some(self.date(line, "since")?), self.optional(line, "until")?);
        let mut relation = Map::new();
        relation.insert("resourceType".to_owned(), json!(kind));
        relation.insert("identifier".to_owned(), json!([relation_identifier(line.need("id")?)]));
        relation.insert("status".to_owned(), json!("active"));
        match kind {
            "ServiceRequest" => {
                relation.insert("intent".to_owned(), json!("order"));
                relation.insert("code".to_owned(), json!({"text": line.title}));
                let from = line.need("from")?;
                relation.insert("requester".to_owned(), self.organisation(line, from)?);
                relation.insert("performer".to_owned(), Value::Array(members));
                relation.insert("occurrencePeriod".to_owned(), json!(span));
                if let Some(words) = line.get("words") {
                    relation.insert("patientInstruction".to_owned(), json!(words));
                }
            }
            "CareTeam" => {
                let members: Vec<Value> =
                    members.into_iter().map(|member| json!({"member": member})).collect();
                relation.insert("name".to_owned(), json!(line.title));
                relation.insert("participant".to_owned(), Value::Array(members));
                relation.insert("period".to_owned(), json!(span));
            }
            "CarePlan" => {
                relation.insert("intent".to_owned(), json!("plan"));
                relation.insert("title".to_owned(), json!(line.title));
                relation.insert("author".to_owned(), self.organisation(line, recorder)?);
                relation.insert("contributor".to_owned(), Value::Array(members));
                relation.insert("period".to_owned(), json!(span));
            }
            _ => return Err(line.error(format!("as={kind} is no relation"))),
        }
        relation.insert("subject".to_owned(), self.patient());
        Ok(self.recorded(recorder, Value::Object(relation)))
    }

    /// `attest`: `kind=` what is attested, `by=` who says so, `scope=` classes, `words=` the statement.
    pub(super) fn attestation(&self, line: &Line<'_>) -> Result<Recorded, RegionError> {
        let recorder = line.need("recorder")?;
        let author = line.need("by")?;
        let definition = |name: &str| format!("{S}StructureDefinition/attestation-{name}");
        let span = period(Some(self.date(line, "since")?), self.optional(line, "until")?);
        let mut extensions = vec![json!({"url": definition("period"), "valuePeriod": span})];
        for class in line.get("scope").into_iter().flat_map(str::split_whitespace) {
            extensions.push(json!({"url": definition("scope"), "valueCode": class}));
        }
        extensions.push(json!({"url": definition("text"), "valueString": line.need("words")?}));
        let basic = json!({
            "resourceType": "Basic",
            "extension": extensions,
            "code": {"coding": [{"system": format!("{S}CodeSystem/attestation"), "code": line.need("kind")?}]},
            "subject": self.patient(),
            "created": self.date(line, "since")?,
            "author": {
                "type": "Practitioner",
                "identifier": {"system": format!("{S}NamingSystem/person"), "value": author},
            },
        });
        Ok(self.recorded(recorder, basic))
    }

    /// `representative` (custody or a court's decision) and `mandate` (the person's own authorisation).
    pub(super) fn mandate(&self, line: &Line<'_>) -> Result<Mandate, RegionError> {
        Ok(Mandate {
            patient: self.person.to_owned(),
            login: line.need("id")?.to_owned(),
            name: line.title.to_owned(),
            kind: line.need("kind")?.to_owned(),
            classes: line
                .get("scope")
                .into_iter()
                .flat_map(str::split_whitespace)
                .map(str::to_owned)
                .collect(),
            from: self.date(line, "since")?,
            to: self.optional(line, "until")?,
            evidence: line.need("evidence")?.to_owned(),
        })
    }

    fn provision(&self, line: &Line<'_>) -> Result<Value, RegionError> {
        let deny = line.get("deny").is_some();
        let mut provision = Map::new();
        provision.insert("type".to_owned(), json!(if deny { "deny" } else { "permit" }));
        if let Some(span) = period(self.optional(line, "since")?, self.optional(line, "until")?) {
            provision.insert("period".to_owned(), span);
        }
        let mut actors = Vec::new();
        for (key, role) in [("from", "CST"), ("to", "IRCP")] {
            for who in line.get(key).into_iter().flat_map(str::split_whitespace) {
                let role = hl7("v3-ParticipationType", role);
                actors.push(json!({"role": role, "reference": self.actor(line, who)?}));
            }
        }
        insert_some(&mut provision, "actor", actors);
        insert_some(&mut provision, "securityLabel", words(line, "label").map(super::code::label).collect());
        let purposes = words(line, "purpose").map(
            |code| json!({"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": code}),
        );
        insert_some(&mut provision, "purpose", purposes.collect());
        insert_some(&mut provision, "code", words(line, "class").map(class).collect());
        let mut data = Vec::new();
        for item in words(line, "item") {
            let (resource_type, name) =
                item.split_once('/').ok_or_else(|| line.error("item needs Type/name"))?;
            let house = line.need("from")?.trim_start_matches("org:");
            let house = self.house(line, house)?;
            data.push(json!({"meaning": "instance", "reference": {
                "type": resource_type,
                "identifier": item_identifier(self.person, &house.short, name),
            }}));
        }
        for relation in words(line, "for") {
            data.push(json!({"meaning": "related", "reference": {
                "type": "ServiceRequest",
                "identifier": relation_identifier(relation),
            }}));
        }
        insert_some(&mut provision, "data", data);
        let except: Vec<Value> = words(line, "except").map(class).collect();
        if !except.is_empty() {
            provision.insert("provision".to_owned(), json!([{"type": "deny", "code": except}]));
        }
        Ok(Value::Object(provision))
    }

    fn actor(&self, line: &Line<'_>, who: &str) -> Result<Value, RegionError> {
        let group = |name: &str, value: &str| json!({"type": "Group", "identifier": {"system": format!("{S}NamingSystem/{name}"), "value": value}});
        match who.split_once(':') {
            None if who == "any" => Ok(group("category", "any")),
            Some(("cat", value)) => Ok(group("category", value)),
            Some(("fn", value)) => Ok(group("function", value)),
            Some(("org", value)) => self.organisation(line, value),
            Some(("person", value)) => Ok(json!({
                "type": "Practitioner",
                "identifier": {"system": format!("{S}NamingSystem/person"), "value": value},
            })),
            _ => Err(line.error(format!("{who} is nobody"))),
        }
    }

    fn representative(&self, line: &Line<'_>, id: &str) -> Result<Value, RegionError> {
        let found = self.representatives.iter().find(|given| given.get("id") == Some(id));
        let given = found.ok_or_else(|| line.error(format!("no representative {id}")))?;
        let definition = |name: &str| format!("{S}StructureDefinition/representation-{name}");
        let mut extensions = Vec::new();
        for class in words(given, "scope") {
            extensions.push(json!({"url": definition("scope"), "valueCode": class}));
        }
        extensions.push(json!({"url": definition("evidence"), "valueString": given.need("evidence")?}));
        Ok(json!({
            "resourceType": "RelatedPerson",
            "id": id,
            "extension": extensions,
            "identifier": [{"system": REPRESENTATIVE, "value": id}],
            "patient": self.patient(),
            "relationship": [{"coding": [{
                "system": format!("{S}CodeSystem/representation-kind"),
                "code": given.need("kind")?,
            }]}],
            "name": [human_name(given.title)],
            "period": period(Some(self.date(given, "since")?), self.optional(given, "until")?),
        }))
    }

    fn patient(&self) -> Value {
        json!({"type": "Patient", "identifier": {"system": BSN, "value": self.bsn}, "display": self.name})
    }

    fn house(&self, line: &Line<'_>, id: &str) -> Result<&House, RegionError> {
        self.houses
            .iter()
            .find(|house| house.id == id)
            .ok_or_else(|| line.error(format!("no participant {id}")))
    }

    fn organisation(&self, line: &Line<'_>, id: &str) -> Result<Value, RegionError> {
        let identifier = self.house(line, id)?.identifier();
        Ok(json!({"type": "Organization", "identifier": identifier}))
    }

    fn optional(&self, line: &Line<'_>, key: &str) -> Result<Option<String>, RegionError> {
        let Some(text) = line.get(key) else { return Ok(None) };
        self.calendar.fhir(text).map(Some).ok_or_else(|| line.error(format!("{key}={text} is no date")))
    }

    fn date(&self, line: &Line<'_>, key: &str) -> Result<String, RegionError> {
        self.optional(line, key)?.ok_or_else(|| line.error(format!("needs {key}=")))
    }

    fn recorded(&self, recorder: &str, resource: Value) -> Recorded {
        Recorded { recorder: recorder.to_owned(), patient: self.person.to_owned(), resource }
    }
}

/// Business identifier of a resource that a consent may name.
pub(super) fn item_identifier(person: &str, short: &str, name: &str) -> Value {
    json!({"system": format!("https://{short}.heuvelrijk.example/id"), "value": format!("{person}-{short}-{name}")})
}

fn relation_identifier(value: &str) -> Value {
    json!({"system": format!("{S}NamingSystem/relation"), "value": value})
}

fn class(code: &str) -> Value {
    json!({"coding": [{"system": format!("{S}CodeSystem/data-class"), "code": code}]})
}

fn words<'a>(line: &Line<'a>, key: &str) -> impl Iterator<Item = &'a str> {
    line.get(key).into_iter().flat_map(str::split_whitespace)
}

fn insert_some(provision: &mut Map<String, Value>, element: &str, values: Vec<Value>) {
    if !values.is_empty() {
        provision.insert(element.to_owned(), Value::Array(values));
    }
}
