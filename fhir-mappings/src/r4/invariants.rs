//! Rules between the elements of one object, by HL7's keys, written out by hand.
//!
//! Data types first, then resources. Rules that base R4 marks as warnings are left out, and so are those of the
//! definition resources (StructureDefinition, TestScript, …) that no care data carries.

use super::TypeDef;
use super::check::Walk;
use super::issue::{At, IssueCode};
use super::moment::Moment;
use crate::json::{Kind, Value};
use std::collections::HashSet;

/// Judges one object of the type or backbone `def`.
pub(super) fn check(walk: &mut Walk, value: Value<'_>, def: &TypeDef, at: &At<'_>) {
    let o = Object(value);
    let mut broken = |holds: bool, key: &'static str| {
        if !holds {
            walk.add(at, IssueCode::Invariant, key);
        }
    };
    data_types(def.name, o, &mut broken);
    clinical(def.name, o, &mut broken);
    administrative(def.name, o, &mut broken);
    forms_and_lists(def.name, o, &mut broken);
}

fn data_types(name: &str, o: Object<'_>, rule: &mut impl FnMut(bool, &'static str)) {
    let ucum = o.text("system").is_none_or(|s| s == UCUM);
    let coded = o.has("code") || !o.has("value");
    match name {
        "Extension" => rule(
            o.has("extension") != o.has_choice("value"),
            "ext-1: an extension has a value or extensions, never both",
        ),
        "Attachment" => rule(!o.has("data") || o.has("contentType"), "att-1: data needs a contentType"),
        "ContactPoint" => rule(!o.has("value") || o.has("system"), "cpt-2: a value needs a system"),
        "Quantity" => rule(!o.has("code") || o.has("system"), "qty-3: a unit code needs a system"),
        "Age" => {
            rule(!o.has("code") || o.has("system"), "qty-3: a unit code needs a system");
            rule(
                coded && ucum && o.number("value").is_none_or(|n| n > 0.0),
                "age-1: a positive value in UCUM",
            );
        }
        "Distance" => rule(coded && ucum, "dis-1: a value with a UCUM unit"),
        "Count" => {
            let one = o.text("code").is_none_or(|c| c == "1");
            let whole = o.0.get("value").and_then(|v| v.as_number()).is_none_or(|n| !n.contains('.'));
            rule(coded && ucum && one && whole, "cnt-3: a whole number with the unit 1");
        }
        "Duration" => {
            let system = o.text("system").is_some_and(|s| s == UCUM);
            rule(!o.has("code") || (system && o.has("value")), "drt-1: a unit code needs UCUM and a value");
        }
        "Period" => rule(!after(o, "start", "end"), "per-1: a period ends before it starts"),
        "Range" => {
            let end = |name: &str| o.0.get(name).and_then(|q| Object(q).number("value"));
            let unit = |name: &str| o.0.get(name).and_then(|q| q.get_str("code").or(q.get_str("unit")));
            let ordered = end("low").zip(end("high")).is_none_or(|(low, high)| low <= high);
            rule(ordered || unit("low") != unit("high"), "rng-2: low is above high");
        }
        "Ratio" => {
            let both = o.has("numerator") == o.has("denominator");
            rule(
                both && (o.has("numerator") || o.has("extension")),
                "rat-1: numerator and denominator, or neither",
            );
        }
        "Timing.repeat" => {
            let positive = |n: &str| o.number(n).is_none_or(|n| n >= 0.0);
            rule(!o.has("duration") || o.has("durationUnit"), "tim-1: a duration needs a unit");
            rule(!o.has("period") || o.has("periodUnit"), "tim-2: a period needs a unit");
            rule(positive("duration"), "tim-4: a duration is not negative");
            rule(positive("period"), "tim-5: a period is not negative");
            rule(!o.has("periodMax") || o.has("period"), "tim-6: periodMax needs a period");
            rule(!o.has("durationMax") || o.has("duration"), "tim-7: durationMax needs a duration");
            rule(!o.has("countMax") || o.has("count"), "tim-8: countMax needs a count");
            let meal =
                o.0.each("when").any(|w| w.as_str().is_some_and(|w| matches!(&*w, "C" | "CM" | "CD" | "CV")));
            rule(
                !o.has("offset") || (o.has("when") && !meal),
                "tim-9: an offset needs a when that is no meal",
            );
            rule(!o.has("timeOfDay") || !o.has("when"), "tim-10: timeOfDay or when, not both");
        }
        "Expression" => {
            rule(o.has("expression") || o.has("reference"), "exp-1: an expression or a reference")
        }
        "DataRequirement.codeFilter" => {
            rule(o.has("path") != o.has("searchParam"), "drq-1: path or searchParam")
        }
        "DataRequirement.dateFilter" => {
            rule(o.has("path") != o.has("searchParam"), "drq-2: path or searchParam")
        }
        "TriggerDefinition" => {
            rule(!o.has("data") || !o.has_choice("timing"), "trd-1: data or timing, not both");
            rule(!o.has("condition") || o.has("data"), "trd-2: a condition needs data");
        }
        _ => {}
    }
}

fn clinical(name: &str, o: Object<'_>, rule: &mut impl FnMut(bool, &'static str)) {
    match name {
        "AllergyIntolerance" => {
            let wrong = o.is_coded("verificationStatus", ALLERGY_VERIFICATION, &["entered-in-error"]);
            rule(wrong || o.has("clinicalStatus"), "ait-1: clinicalStatus is due unless entered in error");
            rule(!wrong || !o.has("clinicalStatus"), "ait-2: no clinicalStatus when entered in error");
        }
        "Condition" => {
            let wrong = o.is_coded("verificationStatus", CONDITION_VERIFICATION, &["entered-in-error"]);
            let over =
                o.is_coded("clinicalStatus", CONDITION_CLINICAL, &["resolved", "remission", "inactive"]);
            rule(!o.has_choice("abatement") || over, "con-4: abated, but the clinical status is not over");
            rule(!wrong || !o.has("clinicalStatus"), "con-5: no clinicalStatus when entered in error");
        }
        "Condition.stage" => {
            rule(o.has("summary") || o.has("assessment"), "con-1: a stage has a summary or assessment")
        }
        "Condition.evidence" => {
            rule(o.has("code") || o.has("detail"), "con-2: evidence has a code or detail")
        }
        "Observation" => {
            rule(!o.has("dataAbsentReason") || !o.has_choice("value"), "obs-6: a value, or why it is absent");
            rule(
                !o.has_choice("value") || !repeats_code(o),
                "obs-7: a component repeats the code of the whole",
            );
        }
        "Observation.component" => {
            rule(!o.has("dataAbsentReason") || !o.has_choice("value"), "obs-6: a value, or why it is absent");
        }
        "Observation.referenceRange" => {
            rule(o.has("low") || o.has("high") || o.has("text"), "obs-3: a range has low, high or text");
        }
        "FamilyMemberHistory" => {
            rule(!o.has_choice("age") || !o.has_choice("born"), "fhs-1: age or birth, not both");
            rule(o.has_choice("age") || !o.has("estimatedAge"), "fhs-2: estimatedAge needs an age");
        }
        "Immunization.education" => {
            rule(o.has("documentType") || o.has("reference"), "imm-1: a document type or a reference");
        }
        "ImmunizationRecommendation.recommendation" => {
            rule(o.has("vaccineCode") || o.has("targetDisease"), "imr-1: a vaccine or a disease");
        }
        "MedicationAdministration.dosage" => {
            rule(o.has("dose") || o.has_choice("rate"), "mad-1: a dose or a rate")
        }
        "MedicationDispense" => {
            rule(!after(o, "whenPrepared", "whenHandedOver"), "mdd-1: handed over before it was prepared");
        }
        "CarePlan.activity" => {
            rule(!o.has("detail") || !o.has("reference"), "cpl-3: detail or reference, not both")
        }
        "Goal.target" => rule(!o.has_choice("detail") || o.has("measure"), "gol-1: a detail needs a measure"),
        "ServiceRequest" => rule(!o.has("orderDetail") || o.has("code"), "prr-1: orderDetail needs a code"),
        "RiskAssessment.prediction" => {
            rule(
                o.number("probabilityDecimal").is_none_or(|p| p <= 100.0),
                "ras-2: a probability is at most 100",
            );
        }
        "MolecularSequence" => {
            let start = o.number("coordinateSystem");
            rule(start.is_none_or(|n| n == 0.0 || n == 1.0), "msq-3: coordinates start at 0 or 1");
        }
        "RequestGroup.action" => rule(o.has("resource") != o.has("action"), "rqg-1: a resource or actions"),
        _ => {}
    }
}

fn administrative(name: &str, o: Object<'_>, rule: &mut impl FnMut(bool, &'static str)) {
    let status = o.text("status").unwrap_or_default();
    match name {
        "Patient.contact" => {
            let any = ["name", "telecom", "address", "organization"].iter().any(|n| o.has(n));
            rule(any, "pat-1: a contact says who it is");
        }
        "Organization" => {
            rule(o.has("identifier") || o.has("name"), "org-1: an organization has an identifier or a name");
            let home = |n: &str| o.0.each(n).any(|t| t.get_str("use").is_some_and(|u| u == "home"));
            rule(!home("address"), "org-2: an organization has no home address");
            rule(!home("telecom"), "org-3: an organization has no home telecom");
        }
        "InsurancePlan" => rule(o.has("identifier") || o.has("name"), "ipn-1: an identifier or a name"),
        "Consent" => {
            rule(o.has("policy") || o.has("policyRule"), "ppc-1: a policy or a policyRule");
            let scopes = ["patient-privacy", "research", "adr", "treatment"];
            let personal = o.is_coded("scope", CONSENT_SCOPE, &scopes);
            rule(o.has("patient") || !personal, "ppc-2 to ppc-5: a consent of this scope has a patient");
        }
        "AuditEvent.entity" => rule(!o.has("name") || !o.has("query"), "sev-1: a name or a query, not both"),
        "Appointment" => {
            let (start, end) = (o.has("start"), o.has("end"));
            rule(start == end, "app-2: start and end, or neither");
            let open = matches!(&*status, "proposed" | "cancelled" | "waitlist");
            rule((start && end) || open, "app-3: this status needs start and end");
            let off = matches!(&*status, "noshow" | "cancelled");
            rule(!o.has("cancelationReason") || off, "app-4: a reason for what was not cancelled");
        }
        "Appointment.participant" => rule(o.has("type") || o.has("actor"), "app-1: a type or an actor"),
        "AppointmentResponse" => {
            rule(o.has("participantType") || o.has("actor"), "apr-1: a type or an actor")
        }
        "Task" => rule(!after(o, "authoredOn", "lastModified"), "inv-1: modified before it was authored"),
        "CoverageEligibilityResponse.insurance.item" => {
            rule(o.has("category") != o.has("productOrService"), "ces-1: a category or a product");
        }
        "Linkage" => rule(o.0.each("item").nth(1).is_some(), "lnk-1: a linkage joins two or more"),
        "Group" => {
            let actual = o.0.get("actual").and_then(|a| a.as_bool()) == Some(true);
            rule(!o.has("member") || actual, "grp-1: only an actual group has members");
        }
        "Parameters.parameter" => {
            let (value, resource, part) = (o.has_choice("value"), o.has("resource"), o.has("part"));
            let one = usize::from(value) + usize::from(resource) + usize::from(part) == 1;
            rule(one, "inv-1: a parameter is a value, a resource or parts");
        }
        _ => {}
    }
}

fn forms_and_lists(name: &str, o: Object<'_>, rule: &mut impl FnMut(bool, &'static str)) {
    let kind = o.text("type").unwrap_or_default();
    let kind = &*kind;
    match name {
        "Composition.section" => {
            rule(o.has("text") || o.has("entry") || o.has("section"), "cmp-1: a section holds something");
            rule(!o.has("emptyReason") || !o.has("entry"), "cmp-2: entries, or why there are none");
        }
        "List" => {
            let mode = o.text("mode").unwrap_or_default();
            let any = |n: &str| o.0.each("entry").any(|e| Object(e).has(n));
            rule(!o.has("emptyReason") || !o.has("entry"), "lst-1: entries, or why there are none");
            rule(mode == "changes" || !any("deleted"), "lst-2: only a list of changes has deletions");
            rule(mode == "working" || !any("date"), "lst-3: only a working list dates its entries");
        }
        "MeasureReport" => {
            rule(kind != "data-collection" || !o.has("group"), "mrp-1: no groups in data collection")
        }
        "QuestionnaireResponse.item" => {
            rule(!o.has("answer") || !o.has("item"), "qrs-1: answers or items, not both");
        }
        "Questionnaire" => {
            let mut seen = HashSet::new();
            rule(distinct_links(o.0, &mut seen), "que-2: linkId is unique");
        }
        "Questionnaire.item.enableWhen" => {
            let exists = o.text("operator").is_some_and(|op| op == "exists");
            rule(!exists || o.0.get("answerBoolean").is_some(), "que-7: exists is answered by yes or no");
        }
        "Questionnaire.item" => {
            let (options, set) = (o.has("answerOption"), o.has("answerValueSet"));
            let shown = kind == "display";
            let listed = matches!(
                kind,
                "choice"
                    | "open-choice"
                    | "decimal"
                    | "integer"
                    | "date"
                    | "dateTime"
                    | "time"
                    | "string"
                    | "quantity"
            );
            let long =
                matches!(kind, "boolean" | "decimal" | "integer" | "string" | "text" | "url" | "open-choice");
            let many = o.0.get("repeats").and_then(|r| r.as_bool()) == Some(true);
            rule(kind != "group" || o.has("item"), "que-1: a group has items");
            rule(!shown || !o.has("item"), "que-1: a display has no items");
            rule(!shown || !o.has("code"), "que-3: a display has no code");
            rule(!options || !set, "que-4: options or a value set");
            rule(listed || (!options && !set), "que-5: this type has no options");
            rule(!shown || !(o.has("required") || o.has("repeats")), "que-6: a display is not answered");
            rule(!(shown || kind == "group") || !o.has("initial"), "que-8: this type has no initial value");
            rule(!shown || !o.has("readOnly"), "que-9: a display is not answered");
            rule(long || !o.has("maxLength"), "que-10: this type has no length");
            rule(!options || !o.has("initial"), "que-11: options, so no initial value");
            let whens = o.0.each("enableWhen").count();
            rule(whens <= 2 || o.has("enableBehavior"), "que-12: several conditions need enableBehavior");
            rule(many || o.0.each("initial").count() <= 1, "que-13: one answer, one initial value");
        }
        "ValueSet.compose.include" => {
            let (concept, filter) = (o.has("concept"), o.has("filter"));
            rule(o.has("valueSet") || o.has("system"), "vsd-1: a value set or a system");
            rule(!(concept || filter) || o.has("system"), "vsd-2: concepts and filters need a system");
            rule(!concept || !filter, "vsd-3: concepts or filters");
        }
        "ConceptMap.group.unmapped" => {
            let mode = o.text("mode").unwrap_or_default();
            rule(mode != "fixed" || o.has("code"), "cmd-2: fixed needs a code");
            rule(mode != "other-map" || o.has("url"), "cmd-3: another map needs a url");
        }
        _ => {}
    }
}

/// An object whose members the rules ask about.
#[derive(Clone, Copy)]
struct Object<'d>(Value<'d>);

impl<'d> Object<'d> {
    /// Whether the element is there, as a value or as extensions of a value that is not.
    fn has(self, name: &str) -> bool {
        self.0.members().any(|m| m.name() == name || m.name().strip_prefix('_') == Some(name))
    }

    /// Whether a choice element is there under any type.
    fn has_choice(self, name: &str) -> bool {
        self.0.members().any(|m| {
            let bare = m.name().strip_prefix('_').unwrap_or(m.name());
            bare.strip_prefix(name).is_some_and(|tail| tail.starts_with(|c: char| c.is_ascii_uppercase()))
        })
    }

    fn text(self, name: &str) -> Option<std::borrow::Cow<'d, str>> {
        self.0.get_str(name)
    }

    fn number(self, name: &str) -> Option<f64> {
        self.0.get(name)?.as_number()?.parse().ok()
    }

    /// Whether a concept carries one of these codes.
    fn is_coded(self, name: &str, system: &str, codes: &[&str]) -> bool {
        let concept = self.0.get(name);
        concept.is_some_and(|c| {
            c.each("coding").any(|c| {
                let coded = c.get_str("code").is_some_and(|code| codes.contains(&&*code));
                coded && c.get_str("system").is_some_and(|s| s == system)
            })
        })
    }
}

/// Whether the first moment certainly lies after the second.
fn after(o: Object<'_>, first: &str, second: &str) -> bool {
    let moment = |name| o.text(name).and_then(|text| Moment::parse(&text));
    moment(first).zip(moment(second)).is_some_and(|(a, b)| a.is_certainly_after(&b))
}

/// Whether a component carries a coding of the observation's own code.
fn repeats_code(o: Object<'_>) -> bool {
    let codings = |v: Value<'_>| {
        let concept = v.get("code");
        let pairs = concept.into_iter().flat_map(|c| c.each("coding"));
        let pairs =
            pairs.filter_map(|c| Some((c.get_str("system")?.into_owned(), c.get_str("code")?.into_owned())));
        pairs.collect::<HashSet<_>>()
    };
    let own = codings(o.0);
    o.0.each("component").any(|c| !own.is_disjoint(&codings(c)))
}

fn distinct_links(value: Value<'_>, seen: &mut HashSet<String>) -> bool {
    value.each("item").filter(|i| i.kind() == Kind::Object).all(|item| {
        let new = item.get_str("linkId").is_none_or(|link| seen.insert(link.into_owned()));
        new && distinct_links(item, seen)
    })
}

const UCUM: &str = "http://unitsofmeasure.org";
const ALLERGY_VERIFICATION: &str = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification";
const CONDITION_VERIFICATION: &str = "http://terminology.hl7.org/CodeSystem/condition-ver-status";
const CONDITION_CLINICAL: &str = "http://terminology.hl7.org/CodeSystem/condition-clinical";
const CONSENT_SCOPE: &str = "http://terminology.hl7.org/CodeSystem/consentscope";
