//! What a resource says, in three cells: read from the minimised elements alone, whatever their shape.

use super::Language;
use crate::json::{Kind, Value};

/// One fact, ready to be shown, sorted and compared.
pub(super) struct Fact {
    /// What it is about: each system and code in order, or the words if there is no code. Facts that share one stand
    /// together.
    pub(super) keys: Vec<String>,
    /// Whether its name is one of its codes': another holder may write them in another order.
    pub(super) by_code: bool,
    /// What to show: the name and two more cells.
    pub(super) cells: [String; 3],
    /// When it happened, for order: as written, or empty.
    pub(super) when: String,
}

/// Reads a fact. `resolve` finds a resource of the document by its reference.
pub(super) fn read<'d>(
    resource_type: &str,
    root: Value<'d>,
    language: Language,
    resolve: &dyn Fn(&str) -> Option<Value<'d>>,
) -> Fact {
    let subject = subject_of(root, resolve);
    let name = subject.and_then(concept_text).or_else(|| other_name(root));
    let name = name.unwrap_or_else(|| language.unnamed().to_owned());
    let mut keys = subject.map(concept_keys).unwrap_or_default();
    let own_words = subject.is_none_or(|concept| concept.get_str("text").is_some());
    let by_code = !keys.is_empty() && !own_words && resource_type != "RelatedPerson";
    if keys.is_empty() {
        keys.push(name.to_lowercase());
    }
    let when = date_of(root);
    let cells = match resource_type {
        "AllergyIntolerance" => [name, severity(root, language), reactions(root)],
        "MedicationRequest" | "MedicationStatement" | "MedicationDispense" | "MedicationAdministration" => {
            [name, dosage(root, language), status(root, language)]
        }
        "Observation" => [name, observed(root, language), day(&when)],
        "RelatedPerson" => [person_name(root).unwrap_or_else(|| name.clone()), name, contact_points(root)],
        "CareTeam" => [name, members(root, resolve), day(&when)],
        "CarePlan" => [name, joined([status(root, language), actions(root)], "; "), day(&when)],
        "Consent" => [name, joined([directive(root, language), status(root, language)], ", "), day(&when)],
        "Goal" => [name, status(root, language), due(root)],
        _ => [name, status(root, language), day(&when)],
    };
    Fact { keys, by_code, cells, when }
}

/// The concept that says what it is.
fn subject_of<'d>(root: Value<'d>, resolve: &dyn Fn(&str) -> Option<Value<'d>>) -> Option<Value<'d>> {
    let concept_of =
        |names: &[&str]| names.iter().find_map(|name| root.each(name).find(|v| v.kind() == Kind::Object));
    let concept = concept_of(&["code", "medicationCodeableConcept", "vaccineCode"]);
    let through = |name: &str, member: &str| {
        let target = root.get(name)?.get_str("reference")?;
        resolve(&target)?.each(member).next()
    };
    concept
        .or_else(|| through("medicationReference", "code"))
        .or_else(|| through("device", "type"))
        // What kind of prescription or visit it is names nothing where something else does.
        .or_else(|| concept_of(&["type", "serviceType"]))
        .or_else(|| ["provision", "category", "relationship"].iter().find_map(|name| concept_in(root, name)))
}

fn concept_in<'d>(root: Value<'d>, name: &str) -> Option<Value<'d>> {
    let found = root.each(name).find(|v| v.kind() == Kind::Object)?;
    if name == "provision" { found.each("code").next() } else { Some(found) }
}

/// The words of a CodeableConcept: its text, else the first display, else the first code.
pub(super) fn concept_text(concept: Value<'_>) -> Option<String> {
    let said = |text: &std::borrow::Cow<'_, str>| !text.trim().is_empty();
    let of_coding =
        |member: &'static str| concept.each("coding").find_map(|coding| coding.get_str(member).filter(said));
    let text = concept.get_str("text").filter(said);
    text.or_else(|| of_coding("display")).or_else(|| of_coding("code")).map(std::borrow::Cow::into_owned)
}

fn concept_keys(concept: Value<'_>) -> Vec<String> {
    let key = |coding: Value<'_>| {
        let system = coding.get_str("system").unwrap_or_default();
        coding.get_str("code").map(|code| format!("{system}|{code}"))
    };
    let mut keys: Vec<String> = concept.each("coding").filter_map(key).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Names that are plain text: a plan's title, a goal's words, a person's name, a reference's display.
fn other_name(root: Value<'_>) -> Option<String> {
    let text = ["title", "description", "display"].iter().find_map(|name| {
        let member = root.get(name)?;
        member.as_str().map(std::borrow::Cow::into_owned).or_else(|| concept_text(member))
    });
    let display =
        || ["medicationReference", "device"].iter().find_map(|name| root.get(name)?.get_str("display"));
    text.or_else(|| display().map(std::borrow::Cow::into_owned)).or_else(|| person_name(root))
}

/// The first name of a Patient, RelatedPerson or Practitioner.
pub(super) fn person_name(root: Value<'_>) -> Option<String> {
    let name = root.each("name").next()?;
    if let Some(text) = name.as_str().or_else(|| name.get_str("text")) {
        return Some(text.into_owned());
    }
    let given = name.each("given").filter_map(|given| given.as_str());
    let parts: Vec<_> = given.chain(name.get_str("family")).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// How it stands. What takes the fact back (refuted, in error, not to be given) always shows.
fn status(root: Value<'_>, language: Language) -> String {
    let clinical = root.get("clinicalStatus").or_else(|| root.get("lifecycleStatus"));
    let member = clinical.or_else(|| root.get("status"));
    let forbidden = root.get("doNotPerform").and_then(|member| member.as_bool()) == Some(true);
    let forbids = if forbidden { language.do_not().to_owned() } else { String::new() };
    joined(
        [forbids, member.map(|m| status_words(m, language)).unwrap_or_default(), doubt(root, language)],
        ", ",
    )
}

/// Anything but `confirmed`.
fn doubt(root: Value<'_>, language: Language) -> String {
    let words = root.get("verificationStatus").map(|member| status_words(member, language));
    words.filter(|words| words != "confirmed").unwrap_or_default()
}

fn status_words(member: Value<'_>, language: Language) -> String {
    let code = member.as_str().or_else(|| member.each("coding").find_map(|coding| coding.get_str("code")));
    let words = code.map(|code| language.status(&code).to_owned());
    words.or_else(|| concept_text(member)).unwrap_or_default()
}

fn severity(root: Value<'_>, language: Language) -> String {
    let words = |name: &str| root.get(name).map(|part| status_words(part, language)).unwrap_or_default();
    joined([words("criticality"), words("clinicalStatus"), doubt(root, language)], ", ")
}

fn reactions(root: Value<'_>) -> String {
    let each = root.each("reaction").flat_map(|reaction| reaction.each("manifestation"));
    each.filter_map(concept_text).collect::<Vec<_>>().join(", ")
}

/// Who is in a team: the role and the name of each, as far as released.
fn members<'d>(root: Value<'d>, resolve: &dyn Fn(&str) -> Option<Value<'d>>) -> String {
    let people = root.each("participant").map(|participant| {
        let role = participant.each("role").find_map(concept_text).unwrap_or_default();
        let member = participant.get("member");
        let named = member.and_then(|member| resolve(&member.get_str("reference")?)).and_then(person_name);
        let shown = || member.and_then(|member| member.get_str("display")).map(std::borrow::Cow::into_owned);
        joined([role, named.or_else(shown).unwrap_or_default()], " ")
    });
    people.filter(|person| !person.is_empty()).collect::<Vec<_>>().join("; ")
}

/// What a plan says that will be done.
fn actions(root: Value<'_>) -> String {
    let details = root.each("activity").filter_map(|activity| activity.get("detail"));
    let words = details.filter_map(|detail| {
        let description = detail.get_str("description").map(std::borrow::Cow::into_owned);
        description.or_else(|| detail.get("code").and_then(concept_text))
    });
    words.collect::<Vec<_>>().join("; ")
}

/// Whether a directive says yes or no: the word that matters most at a bedside.
fn directive(root: Value<'_>, language: Language) -> String {
    let kind = root.each("provision").find_map(|provision| provision.get_str("type"));
    kind.map(|kind| language.status(&kind).to_owned()).unwrap_or_default()
}

fn due(root: Value<'_>) -> String {
    let target = root.each("target").find_map(|target| target.get_str("dueDate"));
    target.or_else(|| root.get_str("startDate")).map(|text| day(&text)).unwrap_or_default()
}

fn contact_points(root: Value<'_>) -> String {
    let values = root.each("telecom").filter_map(|telecom| telecom.get_str("value"));
    values.collect::<Vec<_>>().join(", ")
}

fn joined<const N: usize>(parts: [String; N], separator: &str) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(separator)
}

/// How to use a medicine: the holder's words, else what the structured dosage says, else a pointer.
fn dosage(root: Value<'_>, language: Language) -> String {
    let all = root.each("dosageInstruction").chain(root.each("dosage"));
    let phrases: Vec<_> = all.map(|dose| one_dosage(dose, language)).filter(|p| !p.is_empty()).collect();
    if phrases.is_empty() { language.see_source().to_owned() } else { phrases.join("; ") }
}

fn one_dosage(dose: Value<'_>, language: Language) -> String {
    if let Some(text) = dose.get_str("text").filter(|text| !text.trim().is_empty()) {
        return text.into_owned();
    }
    let mut parts = Vec::new();
    let amounts = dose.each("doseAndRate").chain([dose]);
    parts.extend(
        amounts.filter_map(|part| part.get("doseQuantity").or_else(|| part.get("dose"))).filter_map(quantity),
    );
    let repeat = dose.get("timing").and_then(|timing| timing.get("repeat"));
    parts.extend(repeat.and_then(|repeat| {
        let frequency = repeat.get("frequency")?.as_number()?;
        let period = repeat.get("period").and_then(|period| period.as_number()).unwrap_or("1");
        Some(language.how_often(frequency, period, &repeat.get_str("periodUnit")?))
    }));
    if dose.get("asNeededBoolean").and_then(|needed| needed.as_bool()) == Some(true) {
        parts.push(language.as_needed().to_owned());
    }
    parts.join(", ")
}

/// The number is shown as its author wrote it.
fn quantity(value: Value<'_>) -> Option<String> {
    let number = value.get("value")?.as_number()?;
    let comparator = value.get_str("comparator").unwrap_or_default();
    let unit = value.get_str("unit").or_else(|| value.get_str("code")).unwrap_or_default();
    Some(format!("{comparator}{number} {unit}").trim_end().to_owned())
}

fn observed(root: Value<'_>, language: Language) -> String {
    let mut parts: Vec<String> = value_of(root, language).into_iter().collect();
    parts.extend(root.each("component").filter_map(|component| {
        let name = component.get("code").and_then(concept_text).unwrap_or_default();
        value_of(component, language).map(|value| format!("{name} {value}").trim().to_owned())
    }));
    if parts.is_empty() {
        root.get("dataAbsentReason").and_then(concept_text).unwrap_or_default()
    } else {
        parts.join("; ")
    }
}

fn value_of(root: Value<'_>, language: Language) -> Option<String> {
    let member = root.members().find(|member| member.name().starts_with("value"))?;
    match member.kind() {
        Kind::String => member.as_str().map(|text| day(&text)),
        Kind::Number => member.as_number().map(str::to_owned),
        Kind::True | Kind::False => member.as_bool().map(|yes| language.yes_no(yes).to_owned()),
        Kind::Object => quantity(member).or_else(|| concept_text(member)).or_else(|| range(member)),
        Kind::Array | Kind::Null => None,
    }
}

fn range(value: Value<'_>) -> Option<String> {
    let end = |name: &str| value.get(name).and_then(quantity);
    let (low, high) = (end("low").or_else(|| end("numerator")), end("high").or_else(|| end("denominator")));
    let separator = if value.get("numerator").is_some() { " / " } else { " - " };
    let ends: Vec<_> = low.into_iter().chain(high).collect();
    (!ends.is_empty()).then(|| ends.join(separator))
}

/// When it happened, else when it was written down.
fn date_of(root: Value<'_>) -> String {
    let plain = DATES.iter().find_map(|name| root.get_str(name));
    let start = || {
        PERIODS.iter().find_map(|name| {
            let period = root.each(name).next()?;
            period.get_str("start").or_else(|| period.get_str("end"))
        })
    };
    plain.or_else(start).map(std::borrow::Cow::into_owned).unwrap_or_default()
}

/// An instant as its day; any other text as it is.
pub(super) fn day(text: &str) -> String {
    let is_instant = text.as_bytes().get(10) == Some(&b'T')
        && text.bytes().take(10).all(|b| b.is_ascii_digit() || b == b'-');
    if is_instant { text.chars().take(10).collect() } else { text.to_owned() }
}

const DATES: [&str; 15] = [
    "effectiveDateTime",
    "performedDateTime",
    "occurrenceDateTime",
    "onsetDateTime",
    "onsetString",
    "timingDateTime",
    "startDate",
    "start",
    "authoredOn",
    "recordedDate",
    "recordedOn",
    "dateTime",
    "date",
    "created",
    "issued",
];

const PERIODS: [&str; 6] =
    ["effectivePeriod", "performedPeriod", "onsetPeriod", "occurrencePeriod", "executionPeriod", "period"];
