//! What the pages promise about the region is counted and looked up here, person by person.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, date};
use serde_json::Value;

use super::*;

const T: Date = date(2026, 11, 21);

fn region(first_start: Date) -> Region {
    Region::build(first_start).unwrap_or_else(|error| panic!("{error}"))
}

fn holding<'a>(region: &'a Region, patient: &str, holder: &str) -> &'a [Value] {
    let found = region.holdings.iter().find(|held| held.patient == patient && held.holder == holder);
    &found.unwrap_or_else(|| panic!("{holder} holds nothing about {patient}")).resources
}

fn resource_type(resource: &Value) -> &str {
    resource["resourceType"].as_str().unwrap()
}

/// Practitioners and organisations stand in every holding; what is about the person is counted without them.
fn about_the_person(resource: &Value) -> bool {
    !["Practitioner", "PractitionerRole", "Organization"].contains(&resource_type(resource))
}

/// Every text in a resource, attachments decoded.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(map) => {
            for (key, item) in map {
                match (key.as_str(), item) {
                    ("data", Value::String(data)) => {
                        let bytes = data_encoding::BASE64.decode(data.as_bytes()).unwrap();
                        found.push(String::from_utf8(bytes).unwrap());
                    }
                    _ => texts(item, found),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn markers(resource: &Value) -> BTreeSet<String> {
    let mut found = Vec::new();
    texts(resource, &mut found);
    let mut markers = BTreeSet::new();
    for text in found {
        for piece in text.split("MRK-").skip(1) {
            let tail: String =
                piece.chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '-').collect();
            markers.insert(tail);
        }
    }
    markers
}

/// All codes of a resource, as `code` members of codings.
fn codes(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| codes(item, found)),
        Value::Object(map) => {
            if let (Some(Value::String(code)), true) = (map.get("code"), map.contains_key("system")) {
                found.insert(code.clone());
            }
            map.values().for_each(|item| codes(item, found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn everyone_who_takes_part_is_there() {
    let region = region(T);
    let ids: Vec<&str> = region.participants.iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(
        ids,
        [
            "huisarts-de-linde",
            "huisartsenpost-heuvelrijk",
            "ggz-de-oever",
            "jeugd-ggz-de-oever",
            "sociaal-team-west",
            "zorgcoordinatie-heuvelrijk",
            "coordinatiepunt-verblijf",
            "wijkverpleging-thuis",
            "buurtnetwerk-samen",
            "zorgkantoor-heuvelrijk",
            "pgo-heuvelrijk",
            "geschorst-bureau",
        ]
    );
    assert_eq!(region.suspended, ["geschorst-bureau"]);
    assert_eq!(region.strangers, ["niemand"]);
    assert_eq!(region.patients.len(), 12, "eleven, and one who shares a name");
    for participant in &region.participants {
        assert_eq!(participant["recorder"], participant["holder"] == "hosted", "every holder is a recorder");
    }
}

#[test]
fn staff_work_in_functions_their_participant_has() {
    let region = region(T);
    for staff in &region.staff {
        let house = region.participants.iter().find(|it| it["id"] == staff.participant.as_str()).unwrap();
        let functions = house["functions"].as_array().unwrap();
        for function in &staff.functions {
            assert!(functions.iter().any(|it| it["code"] == function.as_str()), "{} {function}", staff.id);
        }
    }
    for participant in &region.participants {
        assert!(region.staff.iter().any(|staff| participant["id"] == staff.participant.as_str()));
        let purposes = participant["purposes"].as_array().unwrap();
        let emergency = purposes.iter().any(|code| code == "ETREAT");
        assert_eq!(participant["emergency"]["asks"], emergency, "{}", participant["id"]);
    }
}

#[test]
fn bsns_pass_the_eleven_test_and_are_nobody_elses() {
    let region = region(T);
    let mut seen = BTreeSet::new();
    for patient in &region.patients {
        let digits: Vec<i32> = patient.bsn.bytes().map(|byte| i32::from(byte - b'0')).collect();
        let weights = [9, 8, 7, 6, 5, 4, 3, 2, -1];
        let sum: i32 = digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum();
        assert_eq!((digits.len(), sum % 11), (9, 0), "{}", patient.id);
        assert_ne!(patient.bsn, "999990160", "the probe is nobody's");
        assert!(seen.insert(patient.bsn.clone()));
    }
}

#[test]
fn every_main_person_has_forty_resources_over_two_holders() {
    let region = region(T);
    for patient in region.patients.iter().filter(|patient| patient.id != "jansen2") {
        let held: Vec<usize> = region
            .holdings
            .iter()
            .filter(|held| held.patient == patient.id)
            .map(|held| held.resources.iter().filter(|resource| about_the_person(resource)).count())
            .collect();
        assert!(held.len() >= 2 && held.iter().sum::<usize>() >= 40, "{} {held:?}", patient.id);
    }
}

#[test]
fn two_persons_share_a_name_and_nothing_else() {
    let region = region(T);
    let same: Vec<_> = region.patients.iter().filter(|patient| patient.name == "Johanna Jansen").collect();
    assert_eq!(same.len(), 2);
    assert_ne!(same[0].bsn, same[1].bsn);
    assert_ne!(same[0].birth_date, same[1].birth_date);
}

#[test]
fn ids_are_unique_within_a_holder_and_references_resolve() {
    let region = region(T);
    for held in &region.holdings {
        let mut known = BTreeSet::new();
        for resource in &held.resources {
            let id = resource["id"].as_str().unwrap();
            assert!(id.len() <= 64, "{id}");
            assert!(known.insert(format!("{}/{id}", resource_type(resource))), "{id} stands twice");
        }
        for resource in &held.resources {
            let mut found = Vec::new();
            references(resource, &mut found);
            for reference in found {
                assert!(known.contains(&reference), "{}: {reference} is not there", held.holder);
            }
        }
    }
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get("reference") {
                found.push(reference.clone());
            }
            map.values().for_each(|item| references(item, found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn a_marker_stands_in_one_resource_only() {
    let region = region(T);
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for held in &region.holdings {
        for resource in held.resources.iter().filter(|resource| about_the_person(resource)) {
            let found = markers(resource);
            assert!(!found.is_empty(), "{} has no marker", resource["id"]);
            let here = format!("{}/{}", held.holder, resource["id"]);
            for marker in found {
                if let Some(before) = seen.insert(marker.clone(), here.clone()) {
                    panic!("{marker} stands in {before} and {here}");
                }
            }
        }
    }
    assert!(seen.len() > 1000, "{}", seen.len());
}

#[test]
fn every_free_text_has_a_marker() {
    const FREE: [&str; 9] = [
        "text",
        "description",
        "title",
        "div",
        "valueString",
        "conclusion",
        "patientInstruction",
        "instruction",
        "name",
    ];
    fn walk(value: &Value, inside: &str, seen: &mut usize) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| walk(item, inside, seen)),
            Value::Object(map) => {
                for (key, item) in map {
                    let Value::String(text) = item else {
                        walk(item, key, seen);
                        continue;
                    };
                    // Names and parsable dosing are no free text; own-name extensions repeat a name.
                    let parsable = inside == "dosageInstruction" || inside == "dosage";
                    let a_name = ["name", "_family", "extension"].contains(&inside)
                        && !map.contains_key("note")
                        && !text.contains(' ');
                    let named = inside == "name" || text.starts_with("x per") || map.contains_key("family");
                    if FREE.contains(&key.as_str()) && !parsable && !a_name && !named {
                        *seen += 1;
                        assert!(text.contains("MRK-"), "{key} in {inside}: {text}");
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let region = region(T);
    let mut seen = 0;
    for held in &region.holdings {
        for resource in held.resources.iter().filter(|resource| about_the_person(resource)) {
            if resource_type(resource) == "Location" {
                continue;
            }
            walk(resource, "", &mut seen);
        }
    }
    assert!(seen > 1000, "{seen}");
}

#[test]
fn yara_has_forty_markers_of_where_she_lives() {
    let region = region(T);
    let mut places = BTreeSet::new();
    for held in region.holdings.iter().filter(|held| held.patient == "yara") {
        for resource in &held.resources {
            places.extend(markers(resource).into_iter().filter(|marker| marker.contains("-plaats-")));
        }
    }
    assert!(places.len() >= 40, "{}", places.len());
}

/// What REGION.md section 3 says a holder holds about a person, by code.
const HELD: &[(&str, &str, &str)] = &[
    (
        "jansen",
        "huisarts-de-linde",
        "404904002 49436004 K78 84114007 K77 38341003 K86 64859006 L95 433144002 U99 396275006 L90 161898004 \
         165232002 U04 15188001 H86 35489007 P76 B01AF02 C07AB02 C03CA01 C09AA04 M05BA04 A12AX N02BE01 N05CD07 \
         764146007 62238-1 14682-9 59260-0 85354-9 29463-7 89666000 32485007",
    ),
    (
        "jansen",
        "wijkverpleging-thuis",
        "273302005 282097004 16581000146103 284785009 404946006 6012004 105529008 BOVENW 715758005 224152001 \
         wlz-decision isolation-needed 386806002",
    ),
    ("jansen", "sociaal-team-west", "wmo-decision"),
    (
        "amrani",
        "huisarts-de-linde",
        "73595000 P02 193462001 P06 160932005 Z01 267076002 Z04 44054006 T90.02 K86 219006 44261-6 59261-8 \
         A10BA02 C09AA03 N05BA04",
    ),
    ("amrani", "sociaal-team-west", "73438004 debts creditors rent-arrears benefit"),
    (
        "peters",
        "ggz-de-oever",
        "58214004 P72 398705004 417284009 N05AH02 26499-4 180171000146104 N05AD01 ZM IBS ZB 397940009 PSYTHPN \
         736253002 card-page visitor-alert",
    ),
    ("peters", "huisarts-de-linde", "P72 44054006 65568007 N05AH02 A10BA02"),
    ("peters", "sociaal-team-west", "rent-arrears neighbour-complaint wmo-decision"),
    ("sem", "jeugd-ggz-de-oever", "408856003 P99 P76 6471006 N06AB03 N05CH01 736253002"),
    ("sem", "huisarts-de-linde", "406506008 P21 N06BA04"),
    ("sem", "sociaal-team-west", "youth-decision 105421008"),
    (
        "noor",
        "huisarts-de-linde",
        "195967001 R96 R03AC02 91935009 39579001 C01CA24 X02 G03AA07 W11 young-person-only",
    ),
    ("noor", "jeugd-ggz-de-oever", "197480006 P74 248062006"),
    ("noor", "sociaal-team-west", "Z07"),
    ("yara", "huisarts-de-linde", "43116000 S87 D07AA02 P12 H71 Z25 397940009 protected-address"),
    ("yara", "sociaal-team-west", "OTS safety-plan about-others 105421008"),
    (
        "kaya",
        "huisarts-de-linde",
        "49049000 N87 230690007 K90 44054006 386805003 P20 N04BA02 B01AC04 A10AE04 A10AB05 C10AA05 VOL",
    ),
    ("kaya", "wijkverpleging-thuis", "420324007 111088007 129839007 A10AE04"),
    ("kaya", "sociaal-team-west", "243114000 wmo-decision interpreter about-others"),
    ("devries", "huisarts-de-linde", "86406008 B90 J05AR20 20447-9 40930008 T86 H03AA01 37796009 N89"),
    ("devries", "ggz-de-oever", "35489007"),
    ("bakker", "ggz-de-oever", "13746004 P73 N05AN01 14334-7 3016-3 29463-7 736253002 180171000146104"),
    ("bakker", "huisarts-de-linde", "13645005 R95 R03BB04 C03AA03 M01AE01"),
    ("bakker", "wijkverpleging-thuis", "334980009"),
    ("elidrissi", "huisarts-de-linde", "77386006 W78 271737000 B03AA07 SEX"),
    ("elidrissi", "sociaal-team-west", "housing-question"),
    ("visser", "sociaal-team-west", "debts 7 8 wmo-decision"),
    ("visser", "huisarts-de-linde", "127294003 84757009 N88 N03AG01 N03AX14 82581004 118228005 8"),
    ("visser", "wijkverpleging-thuis", "733966004"),
];

#[test]
fn each_holder_holds_what_the_page_says() {
    let region = region(T);
    for (patient, holder, wanted) in HELD {
        let mut found = BTreeSet::new();
        holding(&region, patient, holder).iter().for_each(|resource| codes(resource, &mut found));
        for code in wanted.split_whitespace() {
            assert!(found.contains(code), "{holder} has no {code} about {patient}");
        }
    }
}

#[test]
fn all_dates_move_by_whole_days_but_one_birthday() {
    let (at_t, later) = (region(T), region(date(2027, 1, 5)));
    let moved_by = 45;
    for (before, after) in at_t.patients.iter().zip(&later.patients) {
        let days =
            before.birth_date.parse::<Date>().unwrap().until(after.birth_date.parse::<Date>().unwrap());
        let expected = if before.id == "noor" { 0 } else { moved_by };
        assert_eq!(days.unwrap().get_days(), expected, "{}", before.id);
    }
    let whole = |text: &str| text.get(..10).and_then(|day| day.parse::<Date>().ok());
    let mut compared = 0;
    for (before, after) in at_t.holdings.iter().zip(&later.holdings) {
        let (mut old, mut new) = (Vec::new(), Vec::new());
        before.resources.iter().for_each(|resource| texts(resource, &mut old));
        after.resources.iter().for_each(|resource| texts(resource, &mut new));
        for (old, new) in old.iter().zip(&new) {
            if let (Some(old), Some(new)) = (whole(old), whole(new)) {
                if old.to_string() == "2012-02-29" {
                    continue;
                }
                assert_eq!(old.until(new).unwrap().get_days(), moved_by);
                compared += 1;
            }
        }
    }
    assert!(compared > 500, "{compared}");
}

#[test]
fn a_time_keeps_its_place_on_the_clock_over_summer_and_winter() {
    let calendar = |first| calendar::Calendar::new(first).unwrap();
    assert_eq!(calendar(T).fhir("T 10:40").unwrap(), "2026-11-21T10:40:00+01:00");
    assert_eq!(calendar(date(2027, 7, 1)).fhir("T 10:40").unwrap(), "2027-07-01T10:40:00+02:00");
    assert_eq!(calendar(T).fhir("T-90").unwrap(), "2026-08-23");
    assert_eq!(calendar(T).fhir("2015-03").unwrap(), "2015-03");
    assert_eq!(calendar(date(2026, 12, 21)).fhir("2015-03").unwrap(), "2015-04");
    assert_eq!(calendar(T).fhir("gisteren"), None);
}

#[test]
fn consents_have_the_wire_form_and_never_favour_their_recorder() {
    let region = region(T);
    for recorded in &region.consents {
        let consent = &recorded.resource;
        let what = format!("{} {}", recorded.patient, consent["identifier"][0]["value"]);
        assert_eq!(consent["status"], "active", "{what}");
        assert_eq!(consent["scope"]["coding"][0]["code"], "patient-privacy", "{what}");
        for element in ["dateTime", "performer", "organization", "policy", "sourceAttachment", "patient"] {
            assert!(!consent[element].is_null(), "{what} has no {element}");
        }
        let recorder = region.participants.iter().find(|it| it["id"] == recorded.recorder.as_str()).unwrap();
        assert_eq!(recorder["recorder"], true, "{what}");
        assert_eq!(consent["organization"][0]["identifier"], recorder["identifier"], "{what}");
        let held =
            region.holdings.iter().any(|it| it.patient == recorded.patient && it.holder == recorded.recorder);
        assert!(held, "{what}: the recorder holds nothing");
        if consent["provision"]["type"] == "permit" {
            let users = consent["provision"]["actor"].as_array().into_iter().flatten();
            for user in users.filter(|actor| actor["role"]["coding"][0]["code"] == "IRCP") {
                assert_ne!(user["reference"]["identifier"], recorder["identifier"], "{what}");
            }
        }
    }
    let by = |id: &str| region.consents.iter().filter(|it| it.patient == id).count();
    assert_eq!(by("elidrissi"), 0, "never asked");
    let counts: Vec<usize> =
        ["jansen", "amrani", "peters", "sem", "noor", "yara", "kaya", "devries", "bakker", "visser"]
            .into_iter()
            .map(by)
            .collect();
    assert_eq!(counts, [3, 4, 4, 3, 4, 1, 4, 3, 5, 6]);
}

#[test]
fn noors_consent_for_the_social_team_waits_for_the_second_key() {
    let region = region(T);
    let performers: Vec<usize> = region
        .consents
        .iter()
        .filter(|it| it.patient == "noor")
        .map(|it| it.resource["performer"].as_array().unwrap().len())
        .collect();
    assert_eq!(performers, [2, 2, 1, 2]);
}

#[test]
fn items_named_by_consents_exist() {
    let region = region(T);
    let mut named = 0;
    for recorded in &region.consents {
        for data in recorded.resource["provision"]["data"].as_array().into_iter().flatten() {
            let identifier = &data["reference"]["identifier"];
            let among_held = region
                .holdings
                .iter()
                .flat_map(|held| &held.resources)
                .any(|it| it["identifier"].as_array().is_some_and(|all| all.contains(identifier)));
            let among_relations =
                region.relations.iter().any(|it| it.resource["identifier"][0] == *identifier);
            assert!(among_held || among_relations, "{identifier}");
            named += 1;
        }
    }
    assert_eq!(named, 8);
}

#[test]
fn a_data_file_that_does_not_read_is_named_with_its_line() {
    #[track_caller]
    fn check(text: &'static str, line: usize) {
        let error = line::lines("probe", text).err().unwrap();
        assert_eq!((error.file, error.line), ("probe", line));
    }
    check("# first\ncondition | Astma | sinds=2018", 2);
    check("  | goes on with nothing", 1);
}

fn now() -> jiff::Timestamp {
    "2026-11-21T11:00:00Z".parse().unwrap()
}

#[test]
fn every_resource_is_valid_r4() {
    let region = region(T);
    let held = region.holdings.iter().flat_map(|held| &held.resources);
    let recorded = region.consents.iter().chain(&region.relations).chain(&region.attestations);
    let mut wrong = Vec::new();
    let mut checked = 0;
    for resource in held.chain(recorded.map(|recorded| &recorded.resource)) {
        let bytes = resource.to_string().into_bytes();
        let doc = fhir_mappings::json::parse(&bytes).unwrap();
        for issue in fhir_mappings::r4::check(doc.root()) {
            wrong.push(format!("{} {}: {issue:?}", resource["resourceType"], resource["id"]));
        }
        checked += 1;
    }
    assert!(wrong.is_empty(), "{} of {checked}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(checked > 700, "{checked}");
}

#[test]
fn each_holding_reads_as_one_bundle_about_one_person() {
    let region = region(T);
    for held in &region.holdings {
        let entries: Vec<Value> =
            held.resources.iter().map(|resource| serde_json::json!({"resource": resource})).collect();
        let bundle = serde_json::json!({"resourceType": "Bundle", "type": "collection", "entry": entries});
        let bytes = bundle.to_string().into_bytes();
        let read = fhir_mappings::intake::read(&bytes, fhir_mappings::intake::Format::Json);
        let read = read.unwrap_or_else(|refusal| panic!("{} {}: {refusal:?}", held.patient, held.holder));
        let persons = read.settle(None).unwrap_or_else(|refusal| panic!("{}: {refusal:?}", held.patient));
        assert!(!persons.is_empty(), "{}", held.patient);
    }
}

fn own_identifier(region: &Region, id: &str) -> consent::Identifier {
    let house = region.participants.iter().find(|it| it["id"] == id).unwrap();
    let text = |name: &str| house["identifier"][name].as_str().unwrap();
    consent::Identifier::new(text("system"), text("value"))
}

#[test]
fn every_consent_relation_and_attestation_is_accepted_when_recorded() {
    use fhir_mappings::{consent_wire, relation_wire};
    let region = region(T);
    let rules = consent::rules::Rules::national().unwrap();
    for recorded in &region.consents {
        let own = [own_identifier(&region, &recorded.recorder)];
        let context = consent_wire::Context {
            id: "probe",
            version: 1,
            register: "heuvelrijk",
            recorder: consent_wire::Recorder::Organisation(&own),
            now: now(),
            vocabulary: rules.vocabulary(),
            takes_part: &|named| {
                region.participants.iter().any(|it| it["identifier"]["value"] == *named.value)
            },
        };
        let read = consent_wire::read(recorded.resource.to_string().as_bytes(), &context);
        let read = read.unwrap_or_else(|refusal| {
            panic!("{} {}: {refusal:?}", recorded.patient, recorded.resource["identifier"][0]["value"])
        });
        assert!(!read.record.givers.is_empty());
    }
    for recorded in &region.relations {
        let kind = resource_type(&recorded.resource);
        let read = relation_wire::read_relation(kind, recorded.resource.to_string().as_bytes());
        read.unwrap_or_else(|refusal| panic!("{} {kind}: {refusal:?}", recorded.patient));
    }
    for recorded in &region.attestations {
        let person = [consent::Identifier::new("https://sluis.example/fhir/NamingSystem/person", "linden")];
        let context = relation_wire::AttestationContext {
            organisation: &[own_identifier(&region, &recorded.recorder)],
            person: &person,
            function: Some("gp-own"),
            now: now(),
            vocabulary: rules.vocabulary(),
        };
        let read = relation_wire::read_attestation(recorded.resource.to_string().as_bytes(), &context);
        read.unwrap_or_else(|refusal| panic!("{}: {refusal:?}", recorded.patient));
    }
    assert_eq!(region.attestations.len(), 1);
}

#[test]
fn everyone_can_be_registered_with_the_certificate_minted_for_them() {
    use crate::trust::Participant;
    let region = region(T);
    let minted = certs_dev::mint(&region.parties(), now()).unwrap();
    assert_eq!(minted.participants.len(), region.participants.len() + 1, "niemand has a certificate too");
    for (registration, minted) in region.participants.iter().zip(&minted.participants) {
        let mut registration = registration.clone();
        registration["certificate_pem"] = minted.client.cert_pem.clone().into();
        registration["jwks"] = serde_json::json!({"keys": [minted.signing.public_jwk]});
        let read = Participant::from_json(registration.to_string().as_bytes());
        assert!(read.is_ok(), "{}: {:?}", minted.id, read.err());
    }
}

#[test]
fn officers_stand_where_somebody_asks_and_patients_see_their_own() {
    let region = region(T);
    for staff in &region.staff {
        let role = serde_json::json!({"system": staff.role_system, "code": staff.role_code});
        let person = serde_json::json!({
            "id": staff.id, "name": staff.name, "role": role, "functions": staff.functions,
            "participant": staff.participant,
        });
        let person: crate::trust::Person = serde_json::from_value(person).unwrap();
        assert!(!person.is_officer(), "{}: officers stand among the logins", staff.id);
    }
    for login in &region.logins {
        match login.portal {
            Portal::Officer => {
                let id = login.participant.as_deref().unwrap();
                let house = region.participants.iter().find(|it| it["id"] == id).unwrap();
                assert!(house["purposes"].as_array().unwrap().iter().any(|code| code == "HCOMPL"), "{id}");
            }
            Portal::Patient => assert_eq!(login.acts_for.len(), 1, "{}", login.user),
            Portal::Operator => assert!(login.participant.is_none()),
        }
    }
    let mut users: Vec<&str> = region.logins.iter().map(|login| login.user.as_str()).collect();
    users.sort_unstable();
    users.dedup();
    assert_eq!(users.len(), region.logins.len(), "a user stands twice");
    for mandate in &region.mandates {
        assert!(
            region.logins.iter().any(|login| login.user == mandate.login),
            "{} cannot log in",
            mandate.login
        );
    }
}

#[test]
fn the_national_tables_know_a_class_for_everything_held() {
    let region = region(T);
    let rules = consent::Rules::national().unwrap();
    let tables = fhir_mappings::tables::Tables::national(rules.vocabulary()).unwrap();
    let mut unknown = Vec::new();
    for held in &region.holdings {
        let house = region.participants.iter().find(|it| it["id"] == held.holder.as_str()).unwrap();
        let listed = house["categories"].as_array().unwrap();
        let categories: Vec<&str> = listed.iter().filter_map(Value::as_str).collect();
        let origin = fhir_mappings::classify::Origin { categories: &categories };
        for resource in held.resources.iter().filter(|resource| about_the_person(resource)) {
            let bytes = resource.to_string().into_bytes();
            let doc = fhir_mappings::json::parse(&bytes).unwrap();
            if tables.classify(doc.root(), &origin).unclassified {
                unknown.push(format!(
                    "{} {} {}",
                    held.holder,
                    resource_type(resource),
                    resource["text"]["div"]
                ));
            }
        }
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}
