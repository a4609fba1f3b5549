//! Measures one decision over 20 consents and the preview of a whole form over 5 holders.
//! `cargo run --release -p consent --example speed`
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring program")]

use std::hint::black_box;
use std::time::Instant;

use consent::identifier::Identifier;
use consent::preview::{Form, Held, Named, names, preview};
use consent::question::{Asker, Assurance, BreakGlass, Capacity, Party, Purpose, Question, Subject};
use consent::record::{ConsentRecord, Giver, Holder, Kind, Provision, Reading, Source, Status, User};
use consent::{Dossier, Rules, decide_with};

fn id(name: &str) -> Identifier {
    Identifier::new("http://fhir.nl/fhir/NamingSystem/ura", name)
}

/// Twenty consents of every shape, all about this holder, most of them about this asker.
fn twenty() -> Vec<Reading> {
    (0u32..20)
        .map(|index| {
            let mut provision = Provision::new(if index % 5 == 4 { Kind::Deny } else { Kind::Permit });
            provision.holders =
                vec![if index % 2 == 0 { Holder::Any } else { Holder::Organisation(id("90000002")) }];
            provision.users = vec![match index % 4 {
                0 => User::Category("gp".into()),
                1 => User::Organisation(id("90000001")),
                2 => User::Function("gp-own".into()),
                _ => User::Category("home-care".into()),
            }];
            let classes = ["medication", "results", "mental-health", "acute-summary", "plan", "notes"];
            provision.classes =
                classes.iter().skip(index as usize % 6).take(2).map(|code| (*code).into()).collect();
            if index % 7 == 0 {
                let mut exception = Provision::new(Kind::Deny);
                exception.classes = vec!["notes".into()];
                provision.exceptions.push(exception);
            }
            Reading::Readable(ConsentRecord {
                id: format!("c{index}").into(),
                version: 1,
                status: Status::Active,
                givers: vec![Giver::Person],
                register: "local".into(),
                recorded_by: None,
                given_at: format!("2026-01-{:02}T10:00:00Z", index + 1).parse().unwrap(),
                source: Source::default(),
                policy: "https://sluis.example/fhir/policy/1".into(),
                provision,
            })
        })
        .collect()
}

fn party(rules: &Rules, ura: &str, category: &str, function: &str) -> Party {
    Party {
        identifiers: vec![id(ura)],
        categories: rules.vocabulary().category(category).into_iter().collect(),
        functions: rules.vocabulary().function(function).into_iter().collect(),
    }
}

fn main() {
    let rules = Rules::national().unwrap();
    let subject = Subject { birth_date: Some("1980-01-01".parse().unwrap()), representatives: Vec::new() };
    let question = Question {
        asker: Asker {
            organisation: party(&rules, "90000001", "gp", "gp-own"),
            function: rules.vocabulary().function("gp-own"),
            person: vec![id("linden")],
            role: None,
            responsible: None,
            assurance: Assurance::Registered,
            capacity: Capacity::Professional,
        },
        purpose: Purpose::Treat,
        subject: subject.clone(),
        holder: party(&rules, "90000002", "ggz", "ggz-treatment"),
        classes: rules.vocabulary().all_classes(),
        relations: Vec::new(),
        attestations: Vec::new(),
        break_glass: None,
        at: "2026-11-21T11:00:00Z".parse().unwrap(),
    };
    let readings = twenty();
    let dossier = Dossier::compile(&rules, &readings);
    let one_class = Question {
        classes: rules.vocabulary().classes("medication").unwrap_or_default(),
        ..question.clone()
    };
    let holders = [
        ("90000002", "ggz", "ggz-treatment"),
        ("90000003", "gp", "gp-own"),
        ("90000004", "home-care", "district-nursing"),
        ("90000005", "social", "wmo-individual"),
        ("90000006", "ggz", "youth-ggz"),
    ]
    .map(|(ura, category, function)| party(&rules, ura, category, function));
    let asker_at = |(ura, category, function): (&str, &str, &str)| Asker {
        organisation: party(&rules, ura, category, function),
        function: rules.vocabulary().function(function),
        ..question.asker.clone()
    };
    let mut form = Form {
        subject,
        relations: Vec::new(),
        attestations: Vec::new(),
        holders: holders.map(|party| Held { party, gives_in_emergency: true }).to_vec(),
        named: Vec::new(),
        followed_up: true,
        at: question.at,
    };
    // Every holder asks too, in each of two functions, and so does the one whom the consents name.
    let askers = [
        ("90000001", "gp", "gp-own"),
        ("90000001", "gp", "poh"),
        ("90000002", "ggz", "ggz-treatment"),
        ("90000002", "ggz", "ggz-crisis"),
        ("90000003", "gp", "gp-own"),
        ("90000003", "gp", "poh"),
        ("90000004", "home-care", "district-nursing"),
        ("90000004", "home-care", "household-help"),
        ("90000005", "social", "wmo-individual"),
        ("90000005", "social", "debt-help"),
        ("90000006", "ggz", "youth-ggz"),
        ("90000006", "ggz", "ggz-treatment"),
    ];
    let known = names(&form, &readings);
    form.named = askers
        .map(asker_at)
        .into_iter()
        .filter(|asker| known.contains(&rules, asker))
        .map(|asker| Named {
            asker,
            purposes: Purpose::ALL.to_vec(),
            relations: Vec::new(),
            glass: Some(BreakGlass {
                first_use: None,
                could_not_be_asked: true,
                registered: true,
                followed_up: true,
            }),
        })
        .collect();
    println!("askers by name: {}", form.named.len());
    measure("one decision, one class, 20 consents", 200_000, || {
        black_box(decide_with(&rules, black_box(&one_class), &dossier));
    });
    measure("one decision, all 18 classes, 20 consents", 100_000, || {
        black_box(decide_with(&rules, black_box(&question), &dossier));
    });
    measure("compiling 20 consents", 20_000, || {
        black_box(Dossier::compile(&rules, black_box(&readings)));
    });
    println!("rows of a whole form: {}", preview(&rules, &form, &dossier).len());
    measure("preview of a whole form, 5 holders", 500, || {
        black_box(preview(&rules, black_box(&form), &dossier));
    });
    measure("who is named in it", 500, || {
        black_box(names(black_box(&form), &readings));
    });
}

/// The best of many short batches: whoever else uses the machine must not count.
fn measure(what: &str, rounds: u32, mut run: impl FnMut()) {
    let batch = (rounds / 1000).max(1);
    let best = (0..1000)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..batch {
                run();
            }
            start.elapsed() / batch
        })
        .min()
        .unwrap_or_default();
    println!("{what}: {} ns", best.as_nanos());
}
