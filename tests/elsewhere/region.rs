//! `sluis demo --remote`: the same region, each holder's data at a server of its own.

use serde_json::Value;
use sluis_tests::World;
use sluis_tests::json::{has_code, has_words, resources};
use sluis_tests::world::Start;
use std::collections::BTreeMap;
use std::process::Command;

/// How often each code stands in what is about the person. Whose Patient stands in the document hangs on when each was
/// recorded, which a server elsewhere need not say.
fn codes(document: &Value) -> BTreeMap<String, usize> {
    let mut codes = BTreeMap::new();
    for resource in resources(document) {
        let kind = resource["resourceType"].as_str().unwrap_or_default();
        if ["Composition", "Patient", "Practitioner", "PractitionerRole", "Organization"].contains(&kind) {
            continue;
        }
        sluis_tests::json::visit(resource, &mut |value| {
            if let (Some(system), Some(code)) = (value["system"].as_str(), value["code"].as_str()) {
                *codes.entry(format!("{kind} {system}|{code}")).or_default() += 1;
            }
        });
    }
    codes
}

#[test]
fn three_askers_get_the_same_from_servers_elsewhere_as_from_here() {
    let (here, elsewhere) = (World::fresh(), World::fresh_with(Start::default().arg("--remote")));
    for holder in ["huisarts-de-linde", "wijkverpleging-thuis"] {
        assert_eq!(elsewhere.participant(holder)["holder"], "remote");
        let run = elsewhere.sluis(["participant", "endpoint", "test", holder]);
        assert_eq!(run.code, 0, "{}", run.stdout);
    }
    for (staff, function, purpose, patient) in [
        ("valk", "triage", "TREAT", "jansen"),
        ("linden", "gp-own", "TREAT", "kaya"),
        ("dam", "wmo-individual", "CAREMGT", "kaya"),
        ("linden", "gp-own", "TREAT", "bakker"),
    ] {
        let document =
            |world: &World| world.staff(staff, function).purpose(purpose).summary(patient).ok().json();
        let (from_here, from_elsewhere) = (codes(&document(&here)), codes(&document(&elsewhere)));
        assert!(!from_here.is_empty());
        assert_eq!(from_here, from_elsewhere, "{staff} about {patient}");
    }
    elsewhere.staff("dam", "wmo-individual").purpose("CAREMGT").find("devries").is(403, "not-permitted");
    elsewhere.verify();
    // The data are there and not here: without its server a holder is a gap.
    let server = format!("holder-server --holder wijkverpleging-thuis --dir {}", elsewhere.dir().display());
    assert!(Command::new("pkill").args(["-f", &server]).status().expect("pkill (procps)").success());
    let document = elsewhere.staff("valk", "triage").summary("jansen").ok().json();
    assert!(has_code(&document, "B01AF02") && !has_code(&document, "404946006"));
    assert!(has_words(&resources(&document)[0]["section"], "Wijkverpleging Thuis"));
    // It starts again so, and no other way.
    assert_eq!(elsewhere.terminate().0, 0);
    let other = World::on(elsewhere.dir()).err().expect("not without --remote");
    assert!(other.contains("--remote"), "{other}");
}
