//! Lines about who helps, when, towards what and on which ground: teams, contacts, visits, plans, decisions.

use serde_json::{Value, json};

use super::RegionError;
use super::code::hl7;
use super::draft::{Draft, concept_of, period, reference};
use super::line::Line;
use super::scribe::Scribe;

/// `team`: each `item=` is a member of staff or `Type/name` of this holder, then the role in words.
pub(super) fn team(scribe: &mut Scribe<'_>, line: &Line<'_>) -> Result<Draft, RegionError> {
    let mut members = Vec::new();
    for item in line.all("item") {
        let (who, _) = item.split_once(' ').unwrap_or((item, ""));
        let member = who_is(scribe, who);
        members.push(json!({"member": member}));
    }
    let name = scribe.free(line.title);
    Ok(Draft::new("CareTeam", Some("CareTeam"))
        .with("status", json!("active"))
        .with("name", json!(name))
        .with("subject", scribe.subject())
        .maybe("period", period(scribe.when(line, "since")?, None))
        .with("participant", Value::Array(members))
        .with("managingOrganization", json!([scribe.organisation()]))
        .with("telecom", json!([{"system": "phone", "value": scribe.house.phone, "use": "work"}])))
}

/// `episode`.
pub(super) fn episode(scribe: &mut Scribe<'_>, line: &Line<'_>) -> Result<Draft, RegionError> {
    let until = scribe.when(line, "until")?;
    let kind = scribe.concept(line)?;
    Ok(Draft::new("EpisodeOfCare", Some("EpisodeOfCare"))
        .with("status", json!(if until.is_some() { "finished" } else { "active" }))
        .with("type", json!([kind]))
        .with("patient", scribe.subject())
        .with("managingOrganization", scribe.organisation())
        .maybe("period", period(scribe.when(line, "since")?, until))
        .with("careManager", scribe.author(line)))
}

/// `encounter`: `as=` AMB, HH (at home), VR (by phone), IMP; `place=` makes a location of its own.
pub(super) fn encounter(scribe: &mut Scribe<'_>, line: &Line<'_>) -> Result<Vec<Draft>, RegionError> {
    let class = line.get("as").unwrap_or("AMB");
    let reason = line.get("reason").map(|reason| scribe.coded(line, reason)).transpose()?;
    let (location, place) = match line.get("place") {
        Some(place) => {
            let id = scribe.id(&format!("plaats-{:03}", scribe.written.len()));
            let name = scribe.placed(place);
            let location = Draft::new("Location", None)
                .with("id", json!(id))
                .with("status", json!("active"))
                .with("name", json!(name));
            (Some(location), Some(json!([{"location": reference("Location", &id)}])))
        }
        None => (None, None),
    };
    let kind = concept_of(&line.codes, line.title);
    let doctor = scribe.author(line);
    let start = scribe.on(line)?;
    let end = scribe.when(line, "until")?.or_else(|| Some(start.clone()));
    let visit = Draft::new("Encounter", Some("Encounter"))
        .with("status", json!(line.get("status").unwrap_or("finished")))
        .with("class", json!({"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": class}))
        .maybe("type", kind.map(|kind| json!([kind])))
        .with("subject", scribe.subject())
        .with("participant", json!([{"individual": doctor}]))
        .maybe("period", period(Some(start), end))
        .maybe("reasonCode", reason.map(|reason| json!([reason])))
        .maybe("location", place)
        .with("serviceProvider", scribe.organisation());
    Ok(location.into_iter().chain([visit]).collect())
}

/// `appointment`: `on=` start, `until=` end, both with a time.
pub(super) fn appointment(scribe: &mut Scribe<'_>, line: &Line<'_>) -> Result<Draft, RegionError> {
    let person = scribe.subject();
    let staff = scribe.author(line);
    let words = scribe.free(line.title);
    Ok(Draft::new("Appointment", None)
        .with("status", json!(line.get("status").unwrap_or("booked")))
        .maybe("serviceType", concept_of(&line.codes, line.title).map(|kind| json!([kind])))
        .with("description", json!(words))
        .with("start", json!(scribe.on(line)?))
        .maybe("end", scribe.when(line, "until")?.map(Value::from))
        .with(
            "participant",
            json!([
                {"actor": person, "status": "accepted"},
                {"actor": staff, "status": "accepted"},
            ]),
        ))
}

/// `contact`: somebody around the person; codes are the contact roles and the family relation.
pub(super) fn contact(scribe: &mut Scribe<'_>, line: &Line<'_>) -> Result<Draft, RegionError> {
    let mut relations = Vec::new();
    for code in &line.codes {
        relations.push(scribe.coded(line, code)?);
    }
    let phone = line.get("phone").map(|phone| scribe.placed(phone));
    let street = line.get("street").map(|street| scribe.placed(street));
    let city = line.get("city").map(|city| scribe.placed(city));
    Ok(Draft::new("RelatedPerson", Some("ContactPerson"))
        .with("active", json!(true))
        .with("patient", scribe.subject())
        .maybe("relationship", (!relations.is_empty()).then_some(Value::Array(relations)))
        .with("name", json!([super::people::human_name(line.title)]))
        .maybe("telecom", phone.map(|phone| json!([{"system": "phone", "value": phone, "use": "mobile"}])))
        .maybe(
            "address",
            street.map(|street| match city {
                Some(city) => json!([{"use": "home", "line": [street], "city": city}]),
                None => json!([{"use": "home", "line": [street]}]),
            }),
        )
        .maybe("period", period(scribe.when(line, "since")?, scribe.when(line, "until")?)))
}

/// `coverage`: `number=` of the insured, title is the insurer.
pub(super) fn coverage(scribe: &mut Scribe<'_>, line: &Line<'_>) -> Result<Draft, RegionError> {
    let kind = concept_of(&line.codes, "").unwrap_or_else(|| hl7("v3-ActCode", "EHCPOL"));
    let insurer = scribe.placed(line.title);
    Ok(Draft::new("Coverage", Some("Payer.InsuranceCompany"))
        .with("status", json!("active"))
        .with("type", kind)
        .maybe("subscriberId", line.get("number").map(|number| json!(scribe.placed(number))))
        .with("beneficiary", scribe.subject())
        .maybe("period", period(scribe.when(line, "since")?, scribe.when(line, "until")?))
        .with(
            "payor",
            json!([{
                "type": "Organization",
                "identifier": {"system": "http://fhir.nl/fhir/NamingSystem/uzovi", "value": "9999"},
                "display": insurer,
            }]),
        ))
}

/// `goal`: `words=` in the person's own words.
pub(super) fn goal(scribe: &mut Scribe<'_>, line: &Line<'_>) -> Result<Draft, RegionError> {
    let words = scribe.free(line.get("words").unwrap_or(line.title));
    Ok(Draft::new("Goal", Some("TreatmentObjective"))
        .with("lifecycleStatus", json!(line.get("status").unwrap_or("active")))
        .with("description", json!({"text": words}))
        .with("subject", scribe.subject())
        .maybe("startDate", scribe.when(line, "since")?.map(Value::from))
        .maybe("target", scribe.when(line, "due")?.map(|due| json!([{"dueDate": due}])))
        .with("expressedBy", scribe.subject())
        .maybe("note", scribe.notes(line)))
}

/// `plan`, `help` (from others) and `crisis`: each `step=words / who / date` is an action with one owner.
pub(super) fn plan(scribe: &mut Scribe<'_>, line: &Line<'_>) -> Result<Draft, RegionError> {
    let mut categories = Vec::new();
    let profile = match line.kind {
        "help" => {
            categories.push(scribe.coded(line, "sct:243114000 ondersteuning")?);
            Some("HelpFromOthers")
        }
        "crisis" => {
            categories.push(scribe.coded(line, "sct:736253002 crisisplan geestelijke gezondheidszorg")?);
            None
        }
        _ => None,
    };
    for category in line.all("category") {
        categories.push(scribe.coded(line, category)?);
    }
    let mut steps = Vec::new();
    for text in line.all("step") {
        steps.push(step(scribe, line, text)?);
    }
    let title = scribe.free(line.title);
    let description = line.get("words").map(|words| scribe.free(words));
    let goals = scribe.named(line, "for", "Goal");
    Ok(Draft::new("CarePlan", profile)
        .with("status", json!("active"))
        .with("intent", json!("plan"))
        .maybe("category", (!categories.is_empty()).then_some(Value::Array(categories)))
        .with("title", json!(title))
        .maybe("description", description.map(Value::from))
        .with("subject", scribe.subject())
        .maybe("period", period(scribe.when(line, "since")?, scribe.when(line, "until")?))
        .with("author", scribe.author(line))
        .maybe("goal", (!goals.is_empty()).then_some(Value::Array(goals)))
        .maybe("activity", (!steps.is_empty()).then_some(Value::Array(steps)))
        .maybe("note", scribe.notes(line)))
}

fn step(scribe: &mut Scribe<'_>, line: &Line<'_>, text: &str) -> Result<Value, RegionError> {
    let mut pieces = text.split(" / ");
    let words = scribe.free(pieces.next().unwrap_or_default());
    let mut detail = serde_json::Map::new();
    detail.insert("status".to_owned(), json!("in-progress"));
    detail.insert("description".to_owned(), json!(words));
    if let Some(who) = pieces.next() {
        let owner = who_is(scribe, who.trim());
        detail.insert("performer".to_owned(), json!([owner]));
    }
    if let Some(due) = pieces.next() {
        let due = scribe.calendar.fhir(due.trim()).ok_or_else(|| line.error(format!("{due} is no date")))?;
        detail.insert("scheduledPeriod".to_owned(), json!({"end": due}));
    }
    Ok(json!({"detail": detail}))
}

/// `task`: one thing one person does by a day.
pub(super) fn task(scribe: &mut Scribe<'_>, line: &Line<'_>) -> Result<Draft, RegionError> {
    let words = scribe.free(line.title);
    let owner = match line.get("owner") {
        Some(owner) => who_is(scribe, owner),
        None => scribe.author(line),
    };
    Ok(Draft::new("Task", None)
        .with("status", json!(line.get("status").unwrap_or("in-progress")))
        .with("intent", json!("order"))
        .maybe("code", concept_of(&line.codes, line.title))
        .with("description", json!(words))
        .with("for", scribe.subject())
        .maybe("authoredOn", scribe.when(line, "on")?.map(Value::from))
        .with("requester", scribe.author(line))
        .with("owner", owner)
        .maybe("restriction", scribe.when(line, "due")?.map(|due| json!({"period": {"end": due}}))))
}

/// `decision`: what somebody has a right to, by which act (`social:wmo-decision` and the like).
pub(super) fn decision(scribe: &mut Scribe<'_>, line: &Line<'_>) -> Result<Draft, RegionError> {
    let code = scribe.concept(line)?;
    Ok(Draft::new("ServiceRequest", None)
        .maybe(
            "identifier",
            line.get("number").map(
                |number| json!([{"system": "https://west.heuvelrijk.example/besluit", "value": number}]),
            ),
        )
        .with("status", json!(line.get("status").unwrap_or("active")))
        .with("intent", json!("order"))
        .with("code", code)
        .with("subject", scribe.subject())
        .maybe("occurrencePeriod", period(scribe.when(line, "since")?, scribe.when(line, "until")?))
        .with("authoredOn", json!(scribe.on(line)?))
        .with("requester", scribe.organisation())
        .maybe("note", scribe.notes(line)))
}

/// `organisation`: one that takes no part but stands in somebody's records.
pub(super) fn organisation(scribe: &mut Scribe<'_>, line: &Line<'_>) -> Result<Draft, RegionError> {
    let name = scribe.placed(line.title);
    let street = line.get("street").map(|street| scribe.placed(street));
    let phone = line.get("phone").map(|phone| scribe.placed(phone));
    Ok(Draft::new("Organization", None)
        .with("active", json!(true))
        .maybe("type", concept_of(&line.codes, "").map(|kind| json!([kind])))
        .with("name", json!(name))
        .maybe("telecom", phone.map(|phone| json!([{"system": "phone", "value": phone}])))
        .maybe("address", street.map(|street| json!([{"line": [street]}]))))
}

/// A member of staff by id, the person as `zelf`, or `Type/name` of this holder.
fn who_is(scribe: &mut Scribe<'_>, who: &str) -> Value {
    match who.split_once('/') {
        Some((resource_type, name)) => reference(resource_type, &scribe.id(name)),
        None if who == "zelf" => scribe.subject(),
        None => scribe.role(who),
    }
}
