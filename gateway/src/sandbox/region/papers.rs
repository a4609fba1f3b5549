//! Lines that become written pieces: directives, contact reports, letters.

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::RegionError;
use super::code::hl7;
use super::draft::{Draft, concept_of, escaped, period};
use super::line::Line;
use super::scribe::Scribe;

const POLICY: &str = "https://wetten.overheid.nl/";

/// `directive` (a treatment wish, `choice=` ja, nee or words for "anders") and `will` (a written directive).
/// Both are FHIR Consent, but no privacy consents.
pub(super) fn directive(scribe: &mut Scribe<'_>, line: &Line<'_>) -> Result<Draft, RegionError> {
    let treatment = line.kind == "directive";
    let (profile, scope, category) = if treatment {
        (
            "TreatmentDirective2",
            "treatment",
            scribe.coded(line, "sct:129125009 verrichting met expliciete context")?,
        )
    } else {
        ("AdvanceDirective", "adr", hl7("consentcategorycodes", "acd"))
    };
    let code = scribe.concept(line)?;
    let other = match line.get("choice") {
        None | Some("ja" | "nee") => None,
        Some(words) => Some(scribe.free(words)),
    };
    let mut provision = serde_json::Map::new();
    if treatment {
        let kind = if line.get("choice") == Some("ja") { "permit" } else { "deny" };
        provision.insert("type".to_owned(), json!(kind));
    }
    provision.insert("code".to_owned(), json!([code]));
    if let Some(period) = period(None, scribe.when(line, "until")?) {
        provision.insert("period".to_owned(), period);
    }
    if let Some(person) = scribe.named(line, "for", "RelatedPerson").into_iter().next() {
        let role = hl7("v3-RoleCode", "RESPRSN");
        provision.insert("actor".to_owned(), json!([{"role": role, "reference": person}]));
    }
    let comment = line.get("note").map(|note| scribe.free(note));
    Ok(Draft::new("Consent", Some(profile))
        .maybe("modifierExtension", other.map(|words| json!([{
            "url": "http://nictiz.nl/fhir/StructureDefinition/ext-TreatmentDirective2.SpecificationOther",
            "valueString": words,
        }])))
        .maybe("extension", comment.map(|text| json!([{
            "url": "http://nictiz.nl/fhir/StructureDefinition/ext-Comment",
            "valueString": text,
        }])))
        .with("status", json!("active"))
        .with("scope", hl7("consentscope", scope))
        .with("category", json!([category]))
        .with("patient", scribe.subject())
        .with("dateTime", json!(scribe.on(line)?))
        .with("policy", json!([{"uri": POLICY}]))
        .with("provision", Value::Object(provision)))
}

/// `visit`: an encounter with its SOAP report; `item=S words` one line each of S, O, E, P.
pub(super) fn visit(scribe: &mut Scribe<'_>, line: &Line<'_>) -> Result<Vec<Draft>, RegionError> {
    let id = scribe.id(&format!("contact-{:03}", scribe.written.len()));
    let mut encounters = super::arranged::encounter(scribe, line)?;
    let encounter = match encounters.pop() {
        Some(encounter) => encounter.with("id", json!(id)),
        None => return Err(line.error("no encounter")),
    };
    let mut sections = Vec::new();
    for item in line.all("item") {
        let (letter, words) = item.split_once(' ').unwrap_or((item, ""));
        let code = match letter {
            "S" => "sct:255362007 subjectief",
            "O" => "sct:260224007 objectief",
            "E" => "sct:129265001 evaluatie",
            "P" => "sct:397943006 plan",
            _ => return Err(line.error(format!("item {letter} is none of S, O, E, P"))),
        };
        let code = scribe.coded(line, code)?;
        let words = escaped(&scribe.free(words));
        let div = format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{words}</div>");
        sections.push(json!({"code": code, "text": {"status": "generated", "div": div}}));
    }
    let author = scribe.author(line);
    let title = scribe.free(line.title);
    let report = Draft::new("Composition", Some("SOAPReport"))
        .with("status", json!("final"))
        .with("type", scribe.coded(line, "sct:11591000146107 patiëntcontactverslag")?)
        .with("subject", scribe.subject())
        .with("encounter", super::draft::reference("Encounter", &id))
        .with("date", json!(scribe.on(line)?))
        .with("author", json!([author]))
        .with("title", json!(title))
        .with("section", Value::Array(sections));
    encounters.extend([encounter, report]);
    Ok(encounters)
}

/// `letter`: a document, its `words=` inside as plain text.
pub(super) fn letter(scribe: &mut Scribe<'_>, line: &Line<'_>) -> Result<Draft, RegionError> {
    let words = scribe.free(line.need("words")?);
    let title = scribe.free(line.title);
    let kind = concept_of(&line.codes, line.title).unwrap_or_else(
        || json!({"coding": [{"system": "http://loinc.org", "code": "11488-4", "display": "Consult note"}]}),
    );
    let category = line.get("category").map(|category| scribe.coded(line, category)).transpose()?;
    let date = scribe.on(line)?;
    let author = scribe.author(line);
    let data = BASE64.encode(words.as_bytes());
    Ok(Draft::new("DocumentReference", None)
        .with("status", json!("current"))
        .with("type", kind)
        .maybe("category", category.map(|category| json!([category])))
        .with("subject", scribe.subject())
        .with("author", json!([author]))
        .with("custodian", scribe.organisation())
        .with("description", json!(title))
        .with(
            "content",
            json!([{"attachment": {
                "contentType": "text/plain;charset=utf-8",
                "data": data,
                "title": title,
                "creation": date,
            }}]),
        ))
}
