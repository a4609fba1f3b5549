//! Lines that become problems, allergies, alerts, medicines, acts and devices, after nl-core (zib2020).

use serde_json::{Value, json};

use super::RegionError;
use super::code::hl7;
use super::draft::{Draft, period, reference};
use super::line::Line;
use super::scribe::Scribe;

/// `condition`, `legal` (a court's or mayor's decision), `representation`.
pub(super) fn condition(scribe: &mut Scribe<'_>, line: &Line<'_>) -> Result<Draft, RegionError> {
    let (profile, category) = match line.kind {
        "legal" => ("LegalSituation-LegalStatus", "sct:303186005 juridische status van patiënt"),
        "representation" => ("LegalSituation-Representation", "sct:151701000146105 type voogd"),
        _ if line.get("stage").is_some() => ("PressureUlcer", "sct:282291009 diagnose"),
        _ => ("Problem", "sct:282291009 diagnose"),
    };
    let status = line.get("status").unwrap_or("active");
    let stage = line.get("stage").map(|stage| scribe.coded(line, stage)).transpose()?;
    let code = scribe.concept(line)?;
    let category = scribe.coded(line, line.get("category").unwrap_or(category))?;
    let since = scribe.when(line, "since")?.map(Value::from);
    let until = scribe.when(line, "until")?.map(Value::from);
    let draft = Draft::new("Condition", Some(profile));
    // R4 con-4: what has an abatement is over. What stands until a day to come gets a period instead.
    let draft = match (status, until) {
        ("active", Some(until)) => draft.with("onsetPeriod", json!({"start": since, "end": until})),
        (_, until) => draft.maybe("onsetDateTime", since).maybe("abatementDateTime", until),
    };
    // Whoever reads that an order is in force must know whom to call.
    let asserter = (line.kind == "legal").then(|| scribe.author(line));
    Ok(draft
        .with("clinicalStatus", hl7("condition-clinical", status))
        .with("verificationStatus", hl7("condition-ver-status", "confirmed"))
        .with("category", json!([category]))
        .with("code", code)
        .with("subject", scribe.subject())
        .maybe("recordedDate", scribe.when(line, "on")?.map(Value::from))
        .with("recorder", scribe.author(line))
        .maybe("asserter", asserter)
        .maybe("stage", stage.map(|stage| json!([{"summary": stage}])))
        .maybe("note", scribe.notes(line)))
}

/// `allergy`: `type=intolerance` where it is none, `category=food`, `severity=severe`, `reaction=`.
pub(super) fn allergy(scribe: &mut Scribe<'_>, line: &Line<'_>) -> Result<Draft, RegionError> {
    let severity = line.get("severity").unwrap_or("moderate");
    let reaction = match line.get("reaction") {
        Some(text) => {
            let manifestation = scribe.coded(line, text)?;
            Some(json!([{"manifestation": [manifestation], "severity": severity}]))
        }
        None => None,
    };
    let code = scribe.concept(line)?;
    Ok(Draft::new("AllergyIntolerance", Some("AllergyIntolerance"))
        .with("clinicalStatus", hl7("allergyintolerance-clinical", line.get("status").unwrap_or("active")))
        .with("verificationStatus", hl7("allergyintolerance-verification", "confirmed"))
        .with("type", json!(line.get("type").unwrap_or("allergy")))
        .with("category", json!([line.get("category").unwrap_or("medication")]))
        .with("criticality", json!(if severity == "severe" { "high" } else { "low" }))
        .with("code", code)
        .with("patient", scribe.subject())
        .maybe("onsetDateTime", scribe.when(line, "since")?.map(Value::from))
        .with("recorder", scribe.author(line))
        .maybe("reaction", reaction)
        .maybe("note", scribe.notes(line)))
}

/// `flag` (an alert) and `contra` (a contraindication for medication monitoring).
pub(super) fn flag(scribe: &mut Scribe<'_>, line: &Line<'_>) -> Result<Draft, RegionError> {
    let (profile, category) = match line.kind {
        "contra" => ("MedicationContraIndication", "sct:140401000146105 contra-indicatie medicatiebewaking"),
        _ => ("Alert", "loinc:74018-3 waarschuwing"),
    };
    let category = scribe.coded(line, line.get("category").unwrap_or(category))?;
    let code = scribe.concept(line)?;
    Ok(Draft::new("Flag", Some(profile))
        .with("status", json!(line.get("status").unwrap_or("active")))
        .with("category", json!([category]))
        .with("code", code)
        .with("subject", scribe.subject())
        .maybe("period", period(scribe.when(line, "since")?, scribe.when(line, "until")?))
        .with("author", scribe.author(line))
        .maybe("extension", comment(scribe, line)))
}

/// `med` (agreed), `dispense` (handed out), `statement` (used); `product=` makes the medicine a resource.
pub(super) fn medicine(scribe: &mut Scribe<'_>, line: &Line<'_>) -> Result<Vec<Draft>, RegionError> {
    let concept = scribe.concept(line)?;
    let name = line.get("product").map(|product| scribe.id(&format!("product-{product}")));
    let product = name.as_ref().map(|name| {
        Draft::new("Medication", Some("PharmaceuticalProduct"))
            .with("id", json!(name))
            .with("code", concept.clone())
            .with("status", json!("active"))
    });
    let (element, value) = match &name {
        Some(name) => ("medicationReference", reference("Medication", name)),
        None => ("medicationCodeableConcept", concept),
    };
    let dosage = dosage(scribe, line)?;
    let reason = line.get("reason").map(|reason| scribe.coded(line, reason)).transpose()?;
    let used = period(scribe.when(line, "since")?, scribe.when(line, "until")?);
    let status = line.get("status").unwrap_or("active");
    let draft = match line.kind {
        "med" => Draft::new(
            "MedicationRequest",
            Some("http://nictiz.nl/fhir/StructureDefinition/mp-MedicationAgreement"),
        )
        .with("status", json!(status))
        .with("intent", json!("order"))
        .with("category", json!([scribe.coded(line, "sct:33633005 voorschrijven van geneesmiddel")?]))
        .with("subject", scribe.subject())
        .with("authoredOn", json!(scribe.on(line)?))
        .with("requester", scribe.author(line))
        .maybe("reasonCode", reason.map(|reason| json!([reason])))
        .maybe("dosageInstruction", dosage),
        "dispense" => Draft::new(
            "MedicationDispense",
            Some("http://nictiz.nl/fhir/StructureDefinition/mp-MedicationDispense"),
        )
        .with("status", json!("completed"))
        .with("category", scribe.coded(line, "sct:373784005 verstrekken van medicatie")?)
        .with("subject", scribe.subject())
        .with("whenHandedOver", json!(scribe.on(line)?))
        .maybe(
            "daysSupply",
            line.get("days")
                .and_then(|days| days.parse::<u32>().ok())
                .map(|days| json!({"value": days, "unit": "dag", "system": super::code::UCUM, "code": "d"})),
        )
        .maybe("dosageInstruction", dosage),
        _ => Draft::new(
            "MedicationStatement",
            Some("http://nictiz.nl/fhir/StructureDefinition/mp-MedicationUse2"),
        )
        .with("status", json!(status))
        .with("category", scribe.coded(line, "sct:422979000 bevinding betreffende medicatiegebruik")?)
        .with("subject", scribe.subject())
        .maybe("effectivePeriod", used)
        .with("dateAsserted", json!(scribe.on(line)?))
        .with("informationSource", scribe.author(line))
        .maybe("dosage", dosage),
    };
    let draft = draft.with(element, value).maybe("note", scribe.notes(line));
    Ok(product.into_iter().chain([draft]).collect())
}

/// `dose=2x1 tablet` (a day), `dose=zn 1 tablet` (as needed); `free=` is dosing that no phrase book knows,
/// `instruct=` a word to the person.
fn dosage(scribe: &mut Scribe<'_>, line: &Line<'_>) -> Result<Option<Value>, RegionError> {
    let instruct = line.get("instruct").map(|text| scribe.free(text));
    let free = line.get("free").map(|text| scribe.free(text));
    let mut dosage = match (line.get("dose"), free) {
        (None, None) => return Ok(None),
        (None, Some(free)) => json!({"text": free}),
        (Some(dose), _) => {
            let wrong = || line.error(format!("dose={dose} does not read"));
            let (times, amount) = match dose.strip_prefix("zn ") {
                Some(amount) => (None, amount),
                None => {
                    let (times, amount) = dose.split_once('x').ok_or_else(wrong)?;
                    (Some(times.parse::<u32>().map_err(|_| wrong())?), amount)
                }
            };
            let (number, unit) = amount.split_once(' ').ok_or_else(wrong)?;
            let number: serde_json::Number = number.parse().map_err(|_| wrong())?;
            let quantity = json!([{"doseQuantity": {"value": number, "unit": unit}}]);
            match times {
                Some(times) => json!({
                    "text": format!("{times}x per dag {number} {unit}"),
                    "timing": {"repeat": {"frequency": times, "period": 1, "periodUnit": "d"}},
                    "doseAndRate": quantity,
                }),
                None => json!({
                    "text": format!("zo nodig {number} {unit}"),
                    "asNeededBoolean": true,
                    "doseAndRate": quantity,
                }),
            }
        }
    };
    if let (Some(instruct), Some(dosage)) = (instruct, dosage.as_object_mut()) {
        dosage.insert("patientInstruction".to_owned(), Value::from(instruct));
    }
    Ok(Some(json!([dosage])))
}

/// `procedure` and `freedom` (an intervention that restricts freedom).
pub(super) fn procedure(scribe: &mut Scribe<'_>, line: &Line<'_>) -> Result<Draft, RegionError> {
    let (profile, category) = match line.kind {
        "freedom" => ("FreedomRestrictingIntervention", Some("sct:225214000 beperken van vrijheid")),
        _ => ("Procedure-event", line.get("category")),
    };
    let category = category.map(|category| scribe.coded(line, category)).transpose()?;
    let code = scribe.concept(line)?;
    let performer = scribe.author(line);
    let (element, value) = match scribe.when(line, "until")? {
        Some(end) => ("performedPeriod", json!({"start": scribe.on(line)?, "end": end})),
        None => ("performedDateTime", json!(scribe.on(line)?)),
    };
    Ok(Draft::new("Procedure", Some(profile))
        .with("status", json!(line.get("status").unwrap_or("completed")))
        .maybe("category", category)
        .with("code", code)
        .with("subject", scribe.subject())
        .with(element, value)
        .with("performer", json!([{"actor": performer}]))
        .maybe("note", scribe.notes(line)))
}

/// `vaccine`.
pub(super) fn vaccine(scribe: &mut Scribe<'_>, line: &Line<'_>) -> Result<Draft, RegionError> {
    let code = scribe.concept(line)?;
    Ok(Draft::new("Immunization", Some("Vaccination-event"))
        .with("status", json!("completed"))
        .with("vaccineCode", code)
        .with("patient", scribe.subject())
        .with("occurrenceDateTime", json!(scribe.on(line)?))
        .with("primarySource", json!(true))
        .maybe("note", scribe.notes(line)))
}

/// `device`: the product and its use.
pub(super) fn device(scribe: &mut Scribe<'_>, line: &Line<'_>) -> Result<Vec<Draft>, RegionError> {
    let name = scribe.id(&format!("product-{:03}", scribe.written.len()));
    let concept = scribe.concept(line)?;
    let product = Draft::new("Device", Some("MedicalDevice.Product"))
        .with("id", json!(name))
        .with("type", concept)
        .with("patient", scribe.subject());
    let used = Draft::new("DeviceUseStatement", Some(line.get("as").unwrap_or("MedicalDevice")))
        .with("status", json!("active"))
        .with("subject", scribe.subject())
        .maybe("timingPeriod", period(scribe.when(line, "since")?, None))
        .with("device", reference("Device", &name))
        .maybe("note", scribe.notes(line));
    Ok(vec![product, used])
}

/// `diet`.
pub(super) fn diet(scribe: &mut Scribe<'_>, line: &Line<'_>) -> Result<Draft, RegionError> {
    let instruction = scribe.free(line.need("words")?);
    let diet = scribe.concept(line)?;
    Ok(Draft::new("NutritionOrder", Some("NutritionAdvice"))
        .with("status", json!("active"))
        .with("intent", json!("order"))
        .with("patient", scribe.subject())
        .with("dateTime", json!(scribe.on(line)?))
        .with("orderer", scribe.author(line))
        .with("oralDiet", json!({"type": [diet], "instruction": instruction})))
}

fn comment(scribe: &mut Scribe<'_>, line: &Line<'_>) -> Option<Value> {
    let text = scribe.free(line.get("note")?);
    Some(json!([{"url": "http://nictiz.nl/fhir/StructureDefinition/ext-Comment", "valueString": text}]))
}
