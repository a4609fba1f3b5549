//! Lines that become observations, reports and questionnaires, after nl-core (zib2020).

use serde_json::{Value, json};

use super::RegionError;
use super::code::{S, coding, hl7};
use super::draft::{Draft, period, quantity, said};
use super::line::Line;
use super::scribe::Scribe;

/// `lab`, `vital` and `obs` (`as=` names the profile, `category=` the status category).
pub(super) fn observation(scribe: &mut Scribe<'_>, line: &Line<'_>) -> Result<Draft, RegionError> {
    let (profile, category) = match line.kind {
        "lab" => (
            Some("LaboratoryTestResult"),
            Some(json!([
                hl7("observation-category", "laboratory"),
                scribe.coded(line, "sct:49581000146104 laboratoriumbevinding")?,
            ])),
        ),
        "vital" => (line.get("as"), Some(json!([hl7("observation-category", "vital-signs")]))),
        _ => (
            line.get("as"),
            line.get("category").map(|text| scribe.coded(line, text).map(|it| json!([it]))).transpose()?,
        ),
    };
    let code = scribe.concept(line)?;
    let performer = scribe.author(line);
    let parts: Vec<Value> =
        line.all("part").map(|text| part(scribe, line, text)).collect::<Result<_, _>>()?;
    let mut draft = Draft::new("Observation", profile)
        .with("status", json!("final"))
        .maybe("category", category)
        .with("code", code)
        .with("subject", scribe.subject())
        .with("performer", json!([performer]))
        .maybe("note", scribe.notes(line))
        .maybe("component", (!parts.is_empty()).then_some(Value::Array(parts)));
    draft = match (scribe.when(line, "since")?, line.get("on")) {
        (Some(since), None) => {
            draft.maybe("effectivePeriod", period(Some(since), scribe.when(line, "until")?))
        }
        _ => draft.with("effectiveDateTime", json!(scribe.on(line)?)),
    };
    if let Some(text) = line.get("value") {
        draft = match said(text) {
            Some(said) => draft.with(said.element, said.value),
            None => draft.with("valueString", json!(scribe.free(text))),
        };
    }
    let bound = |key: &str| {
        let text = line.get(key)?;
        let unit = line.get("value")?.split_once(' ')?.1;
        Some(quantity(&text.parse().ok()?, unit))
    };
    Ok(match (bound("low"), bound("high")) {
        (None, None) => draft,
        (low, high) => {
            let mut range = serde_json::Map::new();
            low.into_iter().for_each(|low| drop(range.insert("low".to_owned(), low)));
            high.into_iter().for_each(|high| drop(range.insert("high".to_owned(), high)));
            draft.with("referenceRange", json!([range]))
        }
    })
}

/// `part=words of the part sct:123 value`.
fn part(scribe: &mut Scribe<'_>, line: &Line<'_>, text: &str) -> Result<Value, RegionError> {
    let wrong = || line.error(format!("part={text} does not read"));
    let code = text.split_whitespace().find(|word| coding(word, "").is_some()).ok_or_else(wrong)?;
    let (display, value) = text.split_once(code).ok_or_else(wrong)?;
    let coding = coding(code, display.trim()).ok_or_else(wrong)?;
    let mut part = serde_json::Map::new();
    part.insert("code".to_owned(), json!({"coding": [coding]}));
    match said(value.trim()) {
        Some(said) => part.insert(said.element.to_owned(), said.value),
        None => part.insert("valueString".to_owned(), json!(scribe.free(value.trim()))),
    };
    Ok(Value::Object(part))
}

/// `report`: a diagnostic report over observations named by `for=Observation/...`.
pub(super) fn report(scribe: &mut Scribe<'_>, line: &Line<'_>) -> Result<Draft, RegionError> {
    let code = scribe.concept(line)?;
    let performer = scribe.author(line);
    let results = scribe.named(line, "for", "Observation");
    let conclusion = line.get("words").map(|words| scribe.free(words));
    Ok(Draft::new("DiagnosticReport", None)
        .with("status", json!("final"))
        .with("category", json!([hl7("v2-0074", "LAB")]))
        .with("code", code)
        .with("subject", scribe.subject())
        .with("effectiveDateTime", json!(scribe.on(line)?))
        .with("performer", json!([performer]))
        .maybe("result", (!results.is_empty()).then_some(Value::Array(results)))
        .maybe("conclusion", conclusion.map(Value::from)))
}

/// `questions`: a filled-in questionnaire; each `item=question = answer`, `type=` names it.
pub(super) fn questions(scribe: &mut Scribe<'_>, line: &Line<'_>) -> Result<Draft, RegionError> {
    let mut items = Vec::new();
    for (number, text) in line.all("item").enumerate() {
        let (question, answer) = text.rsplit_once('=').ok_or_else(|| line.error("item needs an answer"))?;
        let answer = match answer.trim().parse::<i64>() {
            Ok(score) => json!({"valueInteger": score}),
            Err(_) => json!({"valueString": scribe.free(answer.trim())}),
        };
        let question = scribe.free(question.trim());
        items.push(json!({"linkId": (number + 1).to_string(), "text": question, "answer": [answer]}));
    }
    let author = scribe.author(line);
    Ok(Draft::new("QuestionnaireResponse", None)
        .with("status", json!("completed"))
        .maybe("questionnaire", line.get("type").map(|name| json!(format!("{S}Questionnaire/{name}"))))
        .with("subject", scribe.subject())
        .with("authored", json!(scribe.on(line)?))
        .with("author", author)
        .with("item", Value::Array(items)))
}
