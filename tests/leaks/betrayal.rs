//! What betrays without being labelled: names, words, second codes, labels in other spellings, parts of parts, places that
//! another holder hides. And what looks like it and is not: an allergy that is hidden for its words harms.

use crate::planted;
use serde_json::{Value, json};
use sluis_tests::ask::BSN;
use sluis_tests::{Asker, Request, World};

const SCT: &str = "http://snomed.info/sct";
const ICPC: &str = "http://hl7.org/fhir/sid/icpc-1-nl";
const ICD10: &str = "http://hl7.org/fhir/sid/icd-10";
const LOINC: &str = "http://loinc.org";
const ATC: &str = "http://www.whocc.no/atc";
const HPK: &str = "urn:oid:2.16.840.1.113883.2.4.4.7";
const ACTCODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
const TYPES: &[&str] = &[
    "Condition",
    "Procedure",
    "Observation",
    "AllergyIntolerance",
    "MedicationRequest",
    "Flag",
    "CareTeam",
    "Appointment",
    "Encounter",
    "EpisodeOfCare",
    "CarePlan",
    "RelatedPerson",
];

/// A person at a holder, with these resources, whom triage may see: all that needs no named act and no label.
fn planted(world: &World, person: &str, holder: &str, mut resources: Vec<Value>) {
    for resource in &mut resources {
        let subject = ["AllergyIntolerance", "EpisodeOfCare", "RelatedPerson"].contains(&kind(resource));
        let name = if subject { "patient" } else { "subject" };
        if ![
            "Medication",
            "Organization",
            "Practitioner",
            "PractitionerRole",
            "Appointment",
            "Location",
            "Patient",
        ]
        .contains(&kind(resource))
        {
            resource[name] = json!({"reference": "Patient/p"});
        }
    }
    if !resources.iter().any(|resource| kind(resource) == "Patient") {
        resources.push(patient(person));
    }
    planted::import(world, holder, &resources.into());
}

fn patient(person: &str) -> Value {
    json!({"resourceType": "Patient", "id": "p", "identifier": [{"system": BSN, "value": person}],
           "name": [{"family": "Betrayed"}], "birthDate": "1970-01-01"})
}

fn kind(resource: &Value) -> &str {
    resource["resourceType"].as_str().unwrap()
}

fn coded(codings: &[(&str, &str, &str)]) -> Value {
    let coding = |(system, code, display): &(&str, &str, &str)| {
        let mut coding = json!({"system": system, "code": code});
        if !display.is_empty() {
            coding["display"] = json!(display);
        }
        coding
    };
    json!({"coding": codings.iter().map(coding).collect::<Vec<_>>()})
}

fn active(system: &str) -> Value {
    coded(&[(&format!("http://terminology.hl7.org/CodeSystem/{system}-clinical"), "active", "actief")])
}

/// Everything that this asker gets about a person, as text.
fn everything(asker: &Asker<'_>, person: &str) -> String {
    let number = format!("{BSN}|{person}");
    let found = asker.send(Request::form(
        "/fhir/Patient/_search",
        &[("identifier", number.as_str()), ("birthdate", "1970-01-01")],
    ));
    let id = found.ok().json()["entry"][0]["resource"]["id"].as_str().expect("an id").to_owned();
    let searches =
        TYPES.iter().map(|name| asker.search_id(&id, name, "_count=200")).filter(|a| a.status == 200);
    let mut text: String = searches.map(|answer| answer.text()).collect();
    text += &asker
        .send(Request::fhir(
            "POST",
            &format!("/fhir/Patient/{id}/$summary"),
            "{\"resourceType\":\"Parameters\"}",
        ))
        .text();
    text
}

/// Which of the markers `LEAK-n` and `KEPT-n` stand in a text.
fn markers(text: &str, of: &str) -> Vec<usize> {
    (0..200).filter(|n| text.contains(&format!("{of}-{n} "))).collect()
}

#[test]
fn what_betrays_reaches_nobody_and_what_only_looks_like_it_is_not_missed() {
    const PERSON: &str = "999990202";
    let world = World::fresh();
    let (mut all, mut hidden, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    let mut add = |name: &str, leaks: bool, make: &dyn Fn(&str) -> Vec<Value>| {
        let of = if leaks { &mut hidden } else { &mut kept };
        of.push(name.to_owned());
        let marker = format!("{}-{} ", if leaks { "LEAK" } else { "KEPT" }, of.len() - 1);
        let number = all.len();
        for (part, mut resource) in make(&marker).into_iter().enumerate() {
            if resource.get("id").is_none() {
                resource["id"] = json!(format!("r{number}-{part}"));
            }
            all.push(resource);
        }
    };
    let condition = |codings: &[(&str, &str, &str)], meta: Value| {
        let mut one = json!({"resourceType": "Condition", "clinicalStatus": active("condition"), "code": coded(codings)});
        if !meta.is_null() {
            one["meta"] = meta;
        }
        vec![one]
    };
    // Codes: of the mind in lists that are no tree, beside another code, as an expression, of each system.
    for (system, code, display) in [
        (SCT, "66344007", "Recurrent major depression"),
        (SCT, "1234567", "Winterdepressie"),
        (SCT, "7654321", "Faalangst"),
        (SCT, "35489007:246112005=24484000", "ernstig"),
        (ICD10, "Z73.0", "Overbelast"),
        (ICD10, "Z86.5", "In de voorgeschiedenis"),
        (ICD10, "Y90.9", "In het bloed"),
        (ICPC, "W10", "Pil van de dag erna"),
        (ICPC, "B25", "Bang voor een ziekte"),
        (SCT, "2222222", "Verslaafd aan gokken"),
        (SCT, "3333333", "HIV-1 infection"),
        (SCT, "4444444", "Seksueel misbruik"),
    ] {
        add(&format!("{code} {display}"), true, &|m| {
            condition(&[(system, code, &format!("{m}{display}"))], Value::Null)
        });
    }
    add("a second code", true, &|m| {
        condition(&[(ICPC, "A04", "Moeheid"), (SCT, "66344007", &format!("{m}depression"))], Value::Null)
    });
    add("a second display", true, &|m| {
        condition(&[(ICPC, "A04", "Moeheid"), (SCT, "1234567", &format!("{m}burn-out"))], Value::Null)
    });
    add("a code that may be anything", true, &|m| {
        let mut one = condition(&[(SCT, "99988877", "")], Value::Null);
        one[0]["bodySite"] = json!([coded(&[(SCT, "80891009", &format!("{m}hart"))])]);
        one
    });
    // Labels in other spellings, as a tag, of unknown systems.
    for (name, security) in [
        ("by OID", json!({"security": [{"system": "urn:oid:2.16.840.1.113883.5.4", "code": "PSY"}]})),
        (
            "by an older URI",
            json!({"security": [{"system": "http://hl7.org/fhir/v3/ActCode", "code": "PSY"}]}),
        ),
        ("with a slash", json!({"security": [{"system": format!("{ACTCODE}/"), "code": "PSY"}]})),
        ("without a system", json!({"security": [{"code": "PSY"}]})),
        (
            "never, by OID",
            json!({"security": [{"system": "urn:oid:2.16.840.1.113883.5.4", "code": "PSYTHPN"}]}),
        ),
        (
            "very restricted",
            json!({"security": [{"system": "http://hl7.org/fhir/v3/Confidentiality", "code": "V"}]}),
        ),
        ("by its name alone", json!({"security": [{"display": "about-others"}]})),
        ("of an unknown system", json!({"security": [{"system": "urn:example:labels", "code": "X"}]})),
        ("as a tag", json!({"tag": [{"system": ACTCODE, "code": "PSY"}]})),
    ] {
        add(name, true, &|m| condition(&[(SCT, "38341003", &format!("{m}hypertensie"))], security.clone()));
    }
    // Medicines: by brand, inside their request, mixed of others.
    let medicine = |code: Value| {
        vec![
            json!({"resourceType": "MedicationRequest", "status": "active", "intent": "order", "medicationCodeableConcept": code}),
        ]
    };
    for brand in
        ["LEPONEX TABLET", "Seroquel 25", "Biktarvy", "PREZISTA", "clozapine", "AMISULPRIDE", "Suboxone"]
    {
        add(brand, true, &|m| medicine(coded(&[(HPK, "1", &format!("{m}{brand}"))])));
    }
    add("contained", true, &|m| {
        vec![
            json!({"resourceType": "MedicationRequest", "status": "active", "intent": "order", "medicationReference": {"reference": "#x"},
            "contained": [{"resourceType": "Medication", "id": "x", "code": coded(&[(HPK, "2", &format!("{m}CLOZAPINE TABLET"))])}]}),
        ]
    });
    add("mixed of a mixture", true, &|m| {
        vec![
            json!({"resourceType": "MedicationRequest", "status": "active", "intent": "order", "medicationReference": {"reference": "Medication/mix"}}),
            json!({"resourceType": "Medication", "id": "mix", "code": coded(&[(HPK, "3", &format!("{m}capsule"))]), "ingredient": [{"itemReference": {"reference": "Medication/part"}}]}),
            json!({"resourceType": "Medication", "id": "part", "code": coded(&[(HPK, "4", &format!("{m}poeder"))]), "ingredient": [{"itemReference": {"reference": "Medication/substance"}}]}),
            json!({"resourceType": "Medication", "id": "substance", "code": coded(&[(ATC, "N05AH02", &format!("{m}stof"))])}),
        ]
    });
    add("an intolerance by brand", true, &|m| {
        vec![
            json!({"resourceType": "AllergyIntolerance", "clinicalStatus": active("allergyintolerance"), "code": coded(&[(SCT, "416098002", "Drug allergy")]),
            "reaction": [{"substance": coded(&[(HPK, "5", &format!("{m}HALDOL TABLET"))]), "manifestation": [coded(&[(SCT, "247472004", "hives")])]}]}),
        ]
    });
    // The circle: what an appointment, a team, a role is about.
    add("an appointment", true, &|m| {
        vec![
            json!({"resourceType": "Appointment", "status": "booked", "start": "2026-12-01T10:00:00Z", "end": "2026-12-01T10:30:00Z",
            "serviceType": [coded(&[("http://terminology.hl7.org/CodeSystem/service-type", "168", &format!("{m}Psychiatric"))])],
            "participant": [{"actor": {"reference": "Patient/p"}, "status": "accepted"}]}),
        ]
    });
    add("a team by its name", true, &|m| {
        vec![
            json!({"resourceType": "CareTeam", "status": "active", "name": format!("{m}FACT-team psychiatrie"), "telecom": [{"system": "phone", "value": m}]}),
        ]
    });
    add("a member by the role", true, &|m| {
        vec![
            json!({"resourceType": "CareTeam", "status": "active", "participant": [
                {"role": [coded(&[(SCT, "5555555", &format!("{m}Community psychiatric nurse"))])], "member": {"reference": "Practitioner/nurse"}}]}),
            json!({"resourceType": "Practitioner", "id": "nurse", "name": [{"family": m}]}),
        ]
    });
    add("a labelled house", true, &|m| {
        vec![
            json!({"resourceType": "Encounter", "status": "finished", "class": {"system": ACTCODE, "code": "AMB"}, "serviceProvider": {"reference": "Organization/clinic"}}),
            json!({"resourceType": "Organization", "id": "clinic", "name": m, "meta": {"security": [{"system": ACTCODE, "code": "HIV"}]}}),
        ]
    });
    add("a test that betrays", true, &|m| {
        vec![json!({"resourceType": "Observation", "status": "final", "effectiveDateTime": "2026-11-20",
            "category": [coded(&[("http://terminology.hl7.org/CodeSystem/observation-category", "laboratory", "")])],
            "code": coded(&[(LOINC, "99999-9", &format!("{m}HIV 1 RNA"))]), "valueQuantity": {"value": 1}})]
    });
    // What only looks like it.
    let allergy = |code: Value| {
        vec![
            json!({"resourceType": "AllergyIntolerance", "clinicalStatus": active("allergyintolerance"), "criticality": "high", "code": code}),
        ]
    };
    for name in [
        "Allergy to non-steroidal anti-inflammatory drugs",
        "Allergy to opioid analgesic",
        "Overgevoelig voor opiaten (morfine)",
        "Environmental allergy",
        "Supplemental iron allergy",
        "Allergy to alcohol swab",
        "Aspirin",
    ] {
        add(name, false, &|m| allergy(coded(&[(SCT, "9999001", &format!("{m}{name}"))])));
    }
    for name in [
        "Acute respiratory distress syndrome",
        "Stress-incontinentie",
        "Stressfractuur",
        "Psoas abscess",
        "Onschuldig hartgeruis",
        "Digoxine-intoxicatie",
        "Uses hearing aids",
        "ST-depressie op ECG",
        "Leishmaniasis",
        "Non-alcoholic fatty liver",
        "Dwangstand van het hoofd",
    ] {
        add(name, false, &|m| condition(&[(SCT, "9999002", &format!("{m}{name}"))], Value::Null));
    }
    for name in ["BUPRENORFINE PLEISTER 5UG/UUR", "METOPROLOL", "NIRMATRELVIR/RITONAVIR"] {
        add(name, false, &|m| medicine(coded(&[(HPK, "6", &format!("{m}{name}"))])));
    }
    add("a known code without words", false, &|m| {
        let mut one = condition(&[(SCT, "38341003", "")], Value::Null);
        one[0]["bodySite"] = json!([coded(&[(SCT, "80891009", &format!("{m}hart"))])]);
        one
    });
    planted(&world, PERSON, "huisarts-de-linde", all);
    world
        .sluis_with(["consent", "record", "-"], planted::consent(&world, PERSON).to_string().as_bytes())
        .ok();
    let text = everything(&world.staff("valk", "triage"), PERSON);
    let out: Vec<_> = markers(&text, "LEAK").into_iter().map(|n| &hidden[n]).collect();
    assert!(out.is_empty(), "came out: {out:?}");
    let there = markers(&text, "KEPT");
    let missed: Vec<_> = (0..kept.len()).filter(|n| !there.contains(n)).map(|n| &kept[n]).collect();
    assert!(missed.is_empty(), "missed: {missed:?}");
}

#[test]
fn a_place_that_one_holder_hides_no_other_holder_shows() {
    const PERSON: &str = "999990214";
    let world = World::fresh();
    let mut who = patient(PERSON);
    who["address"] = json!([{"line": ["LEAK-0 straat"], "city": "LEAK-1 stad", "postalCode": "LEAK-2 code"}]);
    who["telecom"] = json!([{"system": "phone", "value": "LEAK-3 nummer"}]);
    let resources = || {
        vec![
            who.clone(),
            json!({"resourceType": "CareTeam", "id": "t", "status": "active", "name": "LEAK-4 wijk", "managingOrganization": [{"reference": "Organization/o"}]}),
            json!({"resourceType": "Organization", "id": "o", "name": "LEAK-5 school", "address": [{"city": "LEAK-6 stad"}]}),
            json!({"resourceType": "Condition", "id": "c", "clinicalStatus": active("condition"),
                "code": coded(&[(SCT, "38341003", "LEAK-7 hypertensie, school De Regenboog")])}),
            json!({"resourceType": "CarePlan", "id": "cp", "status": "active", "intent": "plan",
                "activity": [{"detail": {"status": "scheduled", "description": "LEAK-8 zwemles in Utrecht", "scheduledString": "LEAK-9 in Utrecht"}}]}),
            json!({"resourceType": "MedicationRequest", "id": "m", "status": "active", "intent": "order", "medicationCodeableConcept": coded(&[(ATC, "C07AB02", "KEPT-0 metoprolol")])}),
        ]
    };
    planted(&world, PERSON, "huisarts-de-linde", resources());
    world
        .sluis_with(["consent", "record", "-"], planted::consent(&world, PERSON).to_string().as_bytes())
        .ok();
    let valk = world.staff("valk", "triage");
    let seen = |of: &str| markers(&everything(&valk, PERSON), of);
    assert!(seen("LEAK").len() > 4, "it shows where nobody hides it: {:?}", seen("LEAK"));
    // A holder of whom nothing is permitted says that nothing may show where the person lives.
    let mut hides = patient(PERSON);
    hides["meta"] = json!({"security": [{"system": "https://sluis.example/fhir/CodeSystem/label", "code": "protected-address"}]});
    planted(&world, PERSON, "sociaal-team-west", vec![hides]);
    assert_eq!((seen("LEAK"), seen("KEPT")), (vec![], vec![0]));
    // Its next version says so no more.
    planted(&world, PERSON, "sociaal-team-west", vec![patient(PERSON)]);
    assert!(seen("LEAK").len() > 4);
}

#[test]
fn a_named_act_gives_one_rule_and_no_more() {
    const PERSON: &str = "999990226";
    let world = World::fresh();
    let allergy = |id: &str, marker: &str, recorded: &str| {
        json!({"resourceType": "AllergyIntolerance", "id": id, "clinicalStatus": active("allergyintolerance"), "criticality": "high", "recordedDate": recorded,
            "code": coded(&[(SCT, "111088007", marker)])})
    };
    let act = |code: &str, marker: &str| json!({"detail": {"status": "in-progress", "code": coded(&[("https://sluis.example/fhir/CodeSystem/social", code, "")]), "description": marker}});
    let resources = vec![
        allergy("a1", "LEAK-0 oud", "2020-01-01"),
        allergy("a2", "KEPT-0 latex", "2026-01-01"),
        json!({"resourceType": "CarePlan", "id": "cp", "status": "active", "intent": "plan", "activity": [
            act("seizure-rule", "KEPT-1 bel 112 na vijf minuten"), act("household", "LEAK-1 gesprek met psycholoog"), act("household", "LEAK-2 insuline")]}),
        json!({"resourceType": "Flag", "id": "f", "status": "active", "code": {"coding": [
            {"system": "https://sluis.example/fhir/CodeSystem/social", "code": "visitor-safety", "display": "KEPT-2 met twee"}]}}),
        json!({"resourceType": "Flag", "id": "g", "status": "active", "period": {"start": "2020-01-01"}, "code": {"coding": [
            {"system": "https://sluis.example/fhir/CodeSystem/social", "code": "visitor-safety", "display": "met twee"},
            {"system": SCT, "code": "66344007", "display": "LEAK-3 depression"}]}}),
    ];
    planted(&world, PERSON, "huisarts-de-linde", resources);
    let mut consent = planted::consent(&world, PERSON);
    consent["provision"]["actor"][1]["reference"]["identifier"]["value"] = json!("household-help");
    let class = |code: &str| json!({"coding": [{"system": "https://sluis.example/fhir/CodeSystem/data-class", "code": code}]});
    consent["provision"]["code"] = json!([class("allergies"), class("alerts"), class("plan")]);
    world.sluis_with(["consent", "record", "-"], consent.to_string().as_bytes()).ok();
    let text = everything(&world.staff("haan", "household-help").purpose("CAREMGT"), PERSON);
    assert_eq!((markers(&text, "LEAK"), markers(&text, "KEPT")), (vec![], vec![0, 1, 2]), "{text}");
}
