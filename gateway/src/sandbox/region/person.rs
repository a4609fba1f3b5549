//! Reads one person's file: who it is, what each holder holds, and what the person said.

use serde_json::{Value, json};

use super::calendar::Calendar;
use super::code::{BSN, NL_CORE};
use super::draft::reference;
use super::line::Line;
use super::people::{House, human_name, language, marital};
use super::scribe::Scribe;
use super::wishes::Wishes;
use super::{Holding, Login, Patient, Portal, Region, RegionError};

/// Everybody's own GP practice.
const OWN_GP: &str = "huisarts-de-linde";

/// Adds one person to the region.
pub(super) fn add(
    region: &mut Region,
    calendar: &Calendar,
    houses: &[House],
    id: &'static str,
    lines: &[Line<'static>],
) -> Result<(), RegionError> {
    let Some((head, rest)) = lines.split_first() else {
        return Err(RegionError { file: id, line: 0, why: "empty".into() });
    };
    let birth_date = calendar
        .birth(head.need("since")?, head.get("fixed").is_some())
        .ok_or_else(|| head.error("no birth date"))?;
    let bsn = head.need("number")?;
    let wishes = Wishes {
        calendar,
        houses,
        person: id,
        name: head.title,
        bsn,
        representatives: rest.iter().filter(|line| line.kind == "representative").collect(),
    };
    let mut scribe: Option<Scribe<'_>> = None;
    let mut holders = Vec::new();
    let mut consents = 0;
    for line in rest {
        match line.kind {
            "holder" => {
                close(region, houses, id, scribe.take())?;
                let house = houses
                    .iter()
                    .find(|house| house.id == line.title)
                    .ok_or_else(|| line.error("no such participant"))?;
                holders.push(house.id.clone());
                let mut opened = Scribe::new(calendar, id, house, line.need("by")?);
                let patient = patient(&mut opened, head, line, &birth_date);
                opened.written.push(patient);
                scribe = Some(opened);
            }
            "consent" => {
                consents += 1;
                region.consents.push(wishes.consent(line, consents)?);
            }
            "relation" => region.relations.push(wishes.relation(line)?),
            "attest" => region.attestations.push(wishes.attestation(line)?),
            "mandate" | "representative" => region.mandates.push(wishes.mandate(line)?),
            "login" => region.logins.push(Login {
                user: line.title.to_owned(),
                portal: Portal::Patient,
                participant: None,
                acts_for: vec![id.to_owned()],
            }),
            _ => scribe.as_mut().ok_or_else(|| line.error("no holder yet"))?.write(line)?,
        }
    }
    close(region, houses, id, scribe)?;
    region.patients.push(Patient {
        id: id.to_owned(),
        name: head.title.to_owned(),
        bsn: bsn.to_owned(),
        birth_date,
        story: head.need("story")?.to_owned(),
        holders,
    });
    Ok(())
}

/// Puts what a holder holds in the region, with the organisations and people it refers to.
fn close(
    region: &mut Region,
    houses: &[House],
    person: &str,
    scribe: Option<Scribe<'_>>,
) -> Result<(), RegionError> {
    let Some(scribe) = scribe else { return Ok(()) };
    let broken = |why: String| RegionError { file: "staff.txt", line: 0, why };
    let mut resources = scribe.written;
    let mut organisations = vec![scribe.house.id.as_str(), OWN_GP];
    for id in &scribe.staff {
        let staff = region.staff.iter().find(|staff| &staff.id == id);
        let staff = staff.ok_or_else(|| broken(format!("nobody is called {id}")))?;
        let house = houses.iter().find(|house| house.id == staff.participant);
        let house = house.ok_or_else(|| broken(format!("{id} works nowhere")))?;
        if !organisations.contains(&house.id.as_str()) {
            organisations.push(house.id.as_str());
        }
        resources.extend(staff.resources(house));
    }
    let houses = houses.iter().filter(|house| organisations.contains(&house.id.as_str()));
    resources.extend(houses.filter_map(House::organisation));
    region.holdings.push(Holding { holder: scribe.house.id.clone(), patient: person.to_owned(), resources });
    Ok(())
}

/// The Patient as one holder has it: what the holder's line says goes before what the person's line says.
fn patient(scribe: &mut Scribe<'_>, head: &Line<'_>, holder: &Line<'_>, birth_date: &str) -> Value {
    let mut said = |key: &str| holder.get(key).or(head.get(key)).map(|text| scribe.placed(text));
    let mut telecom = Vec::new();
    if let Some(phone) = said("phone") {
        telecom.push(json!({"system": "phone", "value": phone, "use": "mobile"}));
    }
    if let Some(email) = said("email") {
        telecom.push(json!({"system": "email", "value": email, "use": "home"}));
    }
    let street = said("street");
    let city = said("city");
    let postcode = said("postcode");
    let address = json!({
        "use": "home",
        "type": "both",
        "line": [street],
        "city": city,
        "postalCode": postcode,
        "country": "NL",
    });
    let spoken = head.get("language").unwrap_or("nl").split_whitespace().enumerate();
    let languages: Vec<Value> =
        spoken.map(|(rank, code)| json!({"language": language(code), "preferred": rank == 0})).collect();
    let hidden = head.get("label") == Some("protected-address");
    let id = scribe.id("patient");
    let mut patient = json!({
        "resourceType": "Patient",
        "id": id,
        "meta": {"profile": [format!("{NL_CORE}Patient")]},
        "identifier": [
            {"system": BSN, "value": head.get("number")},
            {"system": format!("https://{}.heuvelrijk.example/patientnummer", scribe.house.short), "value": id},
        ],
        "active": true,
        "name": [human_name(head.title)],
        "telecom": telecom,
        "gender": head.get("kind"),
        "birthDate": birth_date,
        "address": [address],
        "communication": languages,
        "managingOrganization": scribe.organisation(),
    });
    if let Some(map) = patient.as_object_mut() {
        // Where a hidden child goes to the doctor tells where it lives.
        if !hidden {
            map.insert("generalPractitioner".to_owned(), json!([reference("Organization", "org-linde")]));
        }
        if let Some(status) = head.get("status").and_then(marital) {
            map.insert("maritalStatus".to_owned(), status);
        }
        if hidden {
            let label = super::code::label("protected-address");
            map.insert(
                "meta".to_owned(),
                json!({"profile": [format!("{NL_CORE}Patient")], "security": [label]}),
            );
        }
        let words = super::draft::escaped(&scribe.free(head.title));
        let div = format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{words}</div>");
        map.insert("text".to_owned(), json!({"status": "generated", "div": div}));
    }
    patient
}
