//! What the recorded wishes come to: REGION.md section 3, as far as classes decide it, put to the engine itself.

use consent::question::{Asker, Assurance, BreakGlass, Capacity, Party, Purpose, Question, Subject};
use consent::record::{Reading, Representation};
use consent::relation::{Attestation, Relation};
use consent::{Dossier, Identifier, Period, Rules, decide_with};
use fhir_mappings::{consent_wire, relation_wire};
use jiff::Timestamp;
use jiff::civil::date;
use serde_json::Value;

use super::{REPRESENTATIVE, Region};

struct Scene {
    region: Region,
    rules: Rules,
    at: Timestamp,
}

impl Scene {
    fn at(instant: &str) -> Self {
        let region = Region::build(date(2026, 11, 21)).unwrap();
        Self { region, rules: Rules::national().unwrap(), at: instant.parse().unwrap() }
    }

    fn house(&self, id: &str) -> &Value {
        self.region.participants.iter().find(|it| it["id"] == id).unwrap()
    }

    fn party(&self, id: &str) -> Party {
        let house = self.house(id);
        let vocabulary = self.rules.vocabulary();
        let listed = |name: &str| house[name].as_array().unwrap().clone();
        Party {
            identifiers: vec![identifier(&house["identifier"])],
            categories: listed("categories")
                .iter()
                .map(|code| vocabulary.category(code.as_str().unwrap()).unwrap())
                .collect(),
            functions: listed("functions")
                .iter()
                .map(|function| vocabulary.function(function["code"].as_str().unwrap()).unwrap())
                .collect(),
        }
    }

    fn readings(&self, patient: &str) -> Vec<Reading> {
        let mut readings = Vec::new();
        for (number, recorded) in self.region.consents.iter().enumerate() {
            if recorded.patient != patient {
                continue;
            }
            let own = self.party(&recorded.recorder).identifiers;
            let id = number.to_string();
            let context = consent_wire::Context {
                id: &id,
                version: 1,
                register: "heuvelrijk",
                recorder: consent_wire::Recorder::Organisation(&own),
                now: "2026-11-21T11:00:00Z".parse().unwrap(),
                vocabulary: self.rules.vocabulary(),
                takes_part: &|_| true,
            };
            let read = consent_wire::read(recorded.resource.to_string().as_bytes(), &context).unwrap();
            readings.push(Reading::Readable(read.record));
        }
        readings
    }

    fn relations(&self, patient: &str) -> Vec<Relation> {
        let recorded = self.region.relations.iter().filter(|it| it.patient == patient);
        recorded
            .map(|it| {
                let kind = it.resource["resourceType"].as_str().unwrap();
                relation_wire::read_relation(kind, it.resource.to_string().as_bytes()).unwrap().relation
            })
            .collect()
    }

    fn attestations(&self, patient: &str) -> Vec<Attestation> {
        let recorded = self.region.attestations.iter().filter(|it| it.patient == patient);
        recorded
            .map(|it| {
                let person = [Identifier::new("https://sluis.example/fhir/NamingSystem/person", "linden")];
                let context = relation_wire::AttestationContext {
                    organisation: &self.party(&it.recorder).identifiers,
                    person: &person,
                    function: Some("gp-own"),
                    now: "2026-11-21T11:00:00Z".parse().unwrap(),
                    vocabulary: self.rules.vocabulary(),
                };
                relation_wire::read_attestation(it.resource.to_string().as_bytes(), &context)
                    .unwrap()
                    .attestation
            })
            .collect()
    }

    fn subject(&self, patient: &str) -> Subject {
        let person = self.region.patients.iter().find(|it| it.id == patient).unwrap();
        let mandates = self.region.mandates.iter().filter(|it| it.patient == patient);
        Subject {
            birth_date: Some(person.birth_date.parse().unwrap()),
            representatives: mandates
                .map(|mandate| consent::question::RecordedRepresentative {
                    person: Identifier::new(REPRESENTATIVE, mandate.login.as_str()),
                    kind: Representation::parse(&mandate.kind).unwrap(),
                    mandate: Period::default(),
                    scope: None,
                })
                .collect(),
        }
    }

    /// Codes of the classes that somebody gets from a holder, in an emergency with the glass broken.
    fn gets(&self, staff: &str, function: &str, holder: &str, patient: &str, emergency: bool) -> Vec<String> {
        let vocabulary = self.rules.vocabulary();
        let who = self.region.staff.iter().find(|it| it.id == staff).unwrap();
        assert!(who.functions.iter().any(|it| it == function), "{staff} does not work in {function}");
        let purpose = self.house(&who.participant)["purposes"][0].as_str().and_then(Purpose::parse);
        let question = Question {
            asker: Asker {
                organisation: self.party(&who.participant),
                function: vocabulary.function(function),
                person: vec![Identifier::new("https://sluis.example/fhir/NamingSystem/person", staff)],
                role: Some(who.role_code.as_str().into()),
                responsible: emergency
                    .then(|| Identifier::new("https://sluis.example/fhir/NamingSystem/person", "brug")),
                assurance: Assurance::Registered,
                capacity: Capacity::Professional,
            },
            purpose: if emergency { Purpose::Etreat } else { purpose.unwrap_or(Purpose::Coc) },
            subject: self.subject(patient),
            holder: self.party(holder),
            classes: vocabulary.all_classes(),
            relations: self.relations(patient),
            attestations: self.attestations(patient),
            break_glass: emergency.then_some(BreakGlass {
                first_use: None,
                could_not_be_asked: true,
                registered: self.house(&who.participant)["emergency"]["asks"] == true,
                followed_up: true,
            }),
            at: self.at,
        };
        let dossier = Dossier::compile(&self.rules, &self.readings(patient));
        let permitted = decide_with(&self.rules, &question, &dossier).permitted_classes();
        permitted.iter().map(|class| vocabulary.class_code(class).to_owned()).collect()
    }

    #[track_caller]
    fn check(&self, patient: &str, who: (&str, &str), holder: &str, plus: &str, minus: &str) {
        compare(who.0, &self.gets(who.0, who.1, holder, patient, false), plus, minus);
    }

    #[track_caller]
    fn check_emergency(&self, patient: &str, who: (&str, &str), holder: &str, plus: &str, minus: &str) {
        compare(who.0, &self.gets(who.0, who.1, holder, patient, true), plus, minus);
    }
}

#[track_caller]
fn compare(who: &str, got: &[String], plus: &str, minus: &str) {
    for class in plus.split_whitespace() {
        assert!(got.iter().any(|it| it == class), "{who} should get {class}, gets {got:?}");
    }
    for class in minus.split_whitespace() {
        let found = got.iter().any(|it| class == "any" || it == class);
        assert!(!found, "{who} should not get {class}, gets {got:?}");
    }
}

fn identifier(value: &Value) -> Identifier {
    Identifier::new(value["system"].as_str().unwrap(), value["value"].as_str().unwrap())
}

const NOON: &str = "2026-11-21T11:00:00Z";
const LINDE: &str = "huisarts-de-linde";
const OEVER: &str = "ggz-de-oever";
const JEUGD: &str = "jeugd-ggz-de-oever";
const WEST: &str = "sociaal-team-west";
const THUIS: &str = "wijkverpleging-thuis";

#[test]
fn jansen_is_seen_by_triage_and_the_search_for_a_bed_but_not_by_the_social_team() {
    let scene = Scene::at(NOON);
    scene.check(
        "jansen",
        ("valk", "triage"),
        LINDE,
        "medication allergies directives circle",
        "mental-health notes",
    );
    scene.check("jansen", ("valk", "triage"), THUIS, "living functioning circle", "notes");
    scene.check("jansen", ("vos", "stay-search"), THUIS, "functioning alerts plan", "notes problems");
    scene.check(
        "jansen",
        ("vos", "stay-search"),
        LINDE,
        "medication identity",
        "problems notes mental-health",
    );
    scene.check("jansen", ("dam", "wmo-individual"), LINDE, "", "any");
    scene.check("jansen", ("bos", "neighbourhood-network"), THUIS, "", "any");
}

#[test]
fn amranis_diagnoses_do_not_travel() {
    let scene = Scene::at(NOON);
    scene.check(
        "amrani",
        ("post", "debt-help"),
        LINDE,
        "identity circle living money",
        "problems mental-health substance-use medication results",
    );
    scene.check("amrani", ("dam", "wmo-individual"), LINDE, "", "any");
    scene.check("amrani", ("dam", "wmo-individual"), WEST, "plan living", "money");
    scene.check("amrani", ("linden", "gp-own"), WEST, "plan", "money");
    scene.check("amrani", ("bos", "neighbourhood-network"), LINDE, "", "any");
    scene.check(
        "amrani",
        ("bos", "neighbourhood-network"),
        WEST,
        "identity plan",
        "circle living money problems",
    );
}

#[test]
fn peters_is_unknown_to_triage_without_an_emergency() {
    let scene = Scene::at(NOON);
    scene.check("peters", ("valk", "triage"), OEVER, "", "any");
    scene.check("peters", ("valk", "triage"), LINDE, "", "any");
    scene.check(
        "peters",
        ("dam", "sheltered-living"),
        OEVER,
        "crisis-plan alerts",
        "mental-health medication notes legal",
    );
    scene.check("peters", ("linden", "gp-own"), OEVER, "medication mental-health legal", "notes");
}

#[test]
fn sems_youth_helper_knows_nothing_from_the_minute_he_is_eighteen() {
    let omar = ("omar", "youth-individual");
    Scene::at("2026-12-20T22:59:00Z").check(
        "sem",
        omar,
        JEUGD,
        "plan functioning",
        "medication mental-health crisis-plan",
    );
    Scene::at("2026-12-20T23:00:00Z").check("sem", omar, JEUGD, "", "any");
    Scene::at("2026-12-20T23:00:00Z").check("sem", ("linden", "gp-own"), JEUGD, "medication", "notes");
}

#[test]
fn noor_needs_two_keys() {
    let scene = Scene::at(NOON);
    scene.check("noor", ("kuiper", "youth-ggz"), LINDE, "problems allergies medication", "notes");
    scene.check("noor", ("linden", "gp-own"), JEUGD, "mental-health", "notes");
    scene.check("noor", ("omar", "youth-individual"), LINDE, "", "any");
    scene.check("noor", ("wit", "school-link"), LINDE, "allergies plan", "problems mental-health medication");
}

#[test]
fn yaras_helper_sees_what_her_mother_allowed() {
    let scene = Scene::at(NOON);
    scene.check("yara", ("omar", "youth-individual"), LINDE, "safety", "problems medication notes");
}

#[test]
fn kayas_plan_is_seen_by_each_domain_and_little_else() {
    let scene = Scene::at(NOON);
    scene.check("kaya", ("linden", "gp-own"), WEST, "plan", "money living");
    scene.check("kaya", ("linden", "gp-own"), THUIS, "plan functioning", "");
    scene.check("kaya", ("steen", "district-nursing"), WEST, "plan", "");
    scene.check("kaya", ("dam", "wmo-individual"), THUIS, "plan functioning", "medication problems");
    scene.check("kaya", ("dam", "wmo-individual"), LINDE, "", "any");
    scene.check("kaya", ("bos", "neighbourhood-network"), WEST, "plan", "circle living");
    scene.check("kaya", ("haan", "household-help"), THUIS, "allergies", "plan problems medication");
}

#[test]
fn devries_is_seen_by_her_own_gp_alone() {
    let scene = Scene::at(NOON);
    scene.check("devries", ("linden", "gp-own"), OEVER, "mental-health medication", "");
    for (who, function) in [
        ("brug", "gp-out-of-hours"),
        ("kuiper", "youth-ggz"),
        ("steen", "district-nursing"),
        ("valk", "triage"),
        ("mulder", "ggz-treatment"),
    ] {
        scene.check("devries", (who, function), LINDE, "", "any");
    }
    scene.check("devries", ("brug", "gp-out-of-hours"), OEVER, "", "any");
}

#[test]
fn bakkers_gp_sees_the_medicine_and_not_the_reason() {
    let scene = Scene::at(NOON);
    scene.check(
        "bakker",
        ("linden", "gp-own"),
        OEVER,
        "medication results allergies circle",
        "mental-health crisis-plan notes",
    );
    scene.check(
        "bakker",
        ("steen", "district-nursing"),
        LINDE,
        "medication problems",
        "circle results notes",
    );
    scene.check("bakker", ("steen", "district-nursing"), OEVER, "", "any");
    scene.check("bakker", ("dam", "wmo-individual"), OEVER, "", "any");
}

#[test]
fn el_idrissi_was_never_asked_so_nobody_gets_anything() {
    let scene = Scene::at(NOON);
    for (who, function) in [
        ("brug", "gp-out-of-hours"),
        ("mulder", "ggz-treatment"),
        ("dam", "wmo-individual"),
        ("valk", "triage"),
    ] {
        scene.check("elidrissi", (who, function), LINDE, "", "any");
    }
}

#[test]
fn vissers_mentor_counts_and_his_bewindvoerder_does_not() {
    let scene = Scene::at(NOON);
    scene.check("visser", ("steen", "district-nursing"), LINDE, "medication plan", "");
    scene.check(
        "visser",
        ("dam", "sheltered-living"),
        LINDE,
        "functioning plan",
        "medication substance-use problems",
    );
    scene.check("visser", ("post", "debt-help"), LINDE, "", "any");
    scene.check("visser", ("bos", "neighbourhood-network"), WEST, "", "any");
    scene.check("visser", ("graaf", "care-office"), LINDE, "", "any");
}

#[test]
fn an_emergency_opens_peters_summary_and_nothing_of_devries() {
    let scene = Scene::at(NOON);
    let never = "notes safety money plan substance-use";
    scene.check_emergency(
        "peters",
        ("valk", "triage"),
        OEVER,
        "identity circle medication allergies alerts crisis-plan legal",
        never,
    );
    scene.check_emergency("peters", ("valk", "triage"), LINDE, "medication", never);
    scene.check_emergency("peters", ("dam", "sheltered-living"), OEVER, "", "any");
    for holder in [LINDE, OEVER] {
        scene.check_emergency("devries", ("brug", "gp-out-of-hours"), holder, "", "any");
        scene.check_emergency("elidrissi", ("brug", "gp-out-of-hours"), holder, "", "any");
    }
}
