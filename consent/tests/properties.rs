//! Properties that hold for any dossier and question (issue 3), over random statements of the
//! language of truth-table.txt.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod world;

use consent::answer::{Item, Permit, SenderBasis};
use consent::preview::{Form, Held, Named, Row, names, preview};
use consent::question::{Asker, BreakGlass, Capacity, Purpose, Question};
use consent::record::{ConsentRecord, Kind, Reading};
use consent::{ClassSet, Dossier, LabelSet, Rules};
use proptest::prelude::*;

static RULES: std::sync::LazyLock<Rules> = std::sync::LazyLock::new(|| Rules::national().unwrap());

fn word(choices: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(choices)
}

fn facets() -> impl Strategy<Value = String> {
    (
        word(&["", "holder=any", "holder=gp,ggz", "holder=@oever", "holder=@linde", "holder=wmo-individual"]),
        word(&[
            "",
            "user=gp",
            "user=ggz",
            "user=@linde",
            "user=~linden",
            "user=wmo-individual",
            "user=social",
            "user=home-care",
            "user=@thuis",
            "user=~brug",
        ]),
        word(&["", "class=medication", "class=mental-health", "class=acute-summary", "class=safety,money"]),
        word(&["", "", "label=PSY", "label=HIV", "label=R"]),
        word(&["", "", "item=a", "item=b"]),
        word(&["", "", "data=2026-01-01..", "data=..2025-12-31"]),
        word(&["", "", "in=r1", "in=r9"]),
        word(&[
            "",
            "",
            "for=TREAT",
            "for=COC",
            "for=ETREAT",
            "for=PATRQT",
            "period=..2026-11-20",
            "period=2026-01-01..2027",
        ]),
    )
        .prop_map(|(a, b, c, d, e, f, g, h)| format!("{a} {b} {c} {d} {e} {f} {g} {h}"))
}

fn provision() -> impl Strategy<Value = String> {
    let leaf = (word(&["permit", "deny"]), facets()).prop_map(|(kind, facets)| format!("{kind} {facets}"));
    leaf.prop_recursive(3, 6, 2, |inner| {
        (word(&["permit", "deny"]), facets(), prop::collection::vec(inner, 0..2)).prop_map(
            |(kind, facets, children)| {
                let children: Vec<_> = children.iter().map(|child| format!("{{ {child} }}")).collect();
                format!("{kind} {facets} {}", children.join(" "))
            },
        )
    })
}

fn statement() -> impl Strategy<Value = String> {
    (
        provision(),
        word(&["", "", "by=person+parent:els", "by=parent:els", "by=mentor:anna"]),
        word(&["", "on=2025-06-01", "on=2026-06-01"]),
        word(&["", "", "register=mitz", "recorder=linde", "recorder=thuis", "status=inactive"]),
    )
        .prop_map(|(provision, by, on, more)| format!("{provision} {by} {on} {more}"))
}

fn readings(texts: &[String]) -> Vec<Reading> {
    let rules = &*RULES;
    texts.iter().enumerate().map(|(index, text)| world::consent(rules, index + 1, text)).collect()
}

fn dossiers() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(statement(), 0..5)
}

fn questions() -> impl Strategy<Value = Question> {
    (
        prop::sample::select(
            &[
                ("gp-own@linde/linden", "TREAT", "oever"),
                ("gp-own@linde/linden", "COC", "team:wmo-individual"),
                ("ggz-treatment@oever/mulder", "TREAT", "linde"),
                ("wmo-individual@team/dam", "CAREMGT", "linde"),
                ("wmo-individual@team/dam", "CAREMGT", "team"),
                ("gp-out-of-hours@post/brug", "ETREAT", "linde"),
                ("representative elif", "PATRQT", "linde"),
            ][..],
        ),
        word(&["1980-01-01", "2010-06-01", "2012-02-29", "2017-03-03", "unknown"]),
        word(&[
            "",
            "considered-wish",
            "incapacity",
            "referral linde>oever id=r1",
            "team linde+oever id=r1 by=oever",
        ]),
        word(&["2026-11-21", "2029-04-01"]),
    )
        .prop_map(|((asker, purpose, holder), birth, fact, at)| {
            let glass = if purpose == "ETREAT" { "glass" } else { "" };
            let facts = format!("{fact}; {glass}; at {at}; recorded parent elif");
            world::case(asker, purpose, birth, holder, "nothing", &facts).question
        })
}

/// What resources of every class pass: the answer that counts.
fn released(rules: &Rules, question: &Question, readings: &[Reading]) -> Vec<(ClassSet, [bool; 6])> {
    let decision = consent::decide(rules, question, readings);
    let label = |code: &str| LabelSet::only(rules.vocabulary().label(code).unwrap());
    let names = [world::item("a"), world::item("b")];
    let passes = |permit: &Permit| {
        [
            (LabelSet::EMPTY, 0..0, Some("2026-06-01")),
            (LabelSet::EMPTY, 0..0, Some("2020-06-01")),
            (LabelSet::EMPTY, 0..1, None),
            (LabelSet::EMPTY, 1..2, Some("2026-06-01")),
            (label("PSY"), 0..0, Some("2026-06-01")),
            (label("HIV"), 0..2, Some("2020-06-01")),
        ]
        .map(|(labels, which, day)| {
            permit.obligations.allows(&Item {
                labels,
                identifiers: &names[which],
                dated: day.map(world::instant),
            })
        })
    };
    question
        .classes
        .iter()
        .map(|class| (ClassSet::only(class), decision.permit(class).map_or([false; 6], passes)))
        .collect()
}

fn within(inner: &[(ClassSet, [bool; 6])], outer: &[(ClassSet, [bool; 6])]) -> bool {
    inner.iter().zip(outer).all(|((_, inner), (_, outer))| inner.iter().zip(outer).all(|(i, o)| !i || *o))
}

fn has_denial(provision: &consent::record::Provision) -> bool {
    provision.kind == Kind::Deny || provision.exceptions.iter().any(has_denial)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn an_objection_never_widens(texts in dossiers(), facets in facets(), question in questions(), by in word(&["", "by=parent:els", "by=mentor:anna"])) {
        let rules = &*RULES;
        let before = readings(&texts);
        let mut after = before.clone();
        // On record of a register of its own, so that it is an addition and not a change of mind.
        after.push(world::consent(rules, 99, &format!("deny {facets} {by} register=other on=2026-03-01")));
        prop_assert!(within(&released(rules, &question, &after), &released(rules, &question, &before)));
    }

    #[test]
    fn narrowing_a_permit_never_widens_where_no_objection_applies(
        base in word(&["holder=any user=gp,ggz,wmo-individual", "holder=any user=gp,ggz,wmo-individual class=medication,mental-health,living"]),
        narrower in word(&["holder=@oever", "user=gp", "user=~linden", "class=medication", "item=a", "data=2026-01-01..", "in=r1", "for=TREAT", "period=..2026-11-20", "label=N"]),
        question in questions(),
    ) {
        let rules = &*RULES;
        // In the social domain a permit that names a class opens what is shut of one's own (CONTRACT.md 3).
        prop_assume!(question.asker.organisation.identifiers != question.holder.identifiers);
        let wide = readings(&[format!("permit {base}")]);
        let narrow = readings(&[format!("permit {base} {narrower}")]);
        prop_assert!(within(&released(rules, &question, &narrow), &released(rules, &question, &wide)));
    }

    #[test]
    fn order_of_arrival_is_irrelevant(texts in dossiers(), question in questions(), turn in 0usize..5) {
        let rules = &*RULES;
        let before = readings(&texts);
        let mut after = before.clone();
        if !after.is_empty() {
            let by = turn % after.len();
            after.rotate_left(by);
            if turn % 2 == 0 { after.reverse(); }
        }
        prop_assert_eq!(consent::decide(rules, &question, &before).classes.iter().map(|(_, v)| world::in_words(v)).collect::<Vec<_>>(),
            consent::decide(rules, &question, &after).classes.iter().map(|(_, v)| world::in_words(v)).collect::<Vec<_>>());
        prop_assert_eq!(released(rules, &question, &before), released(rules, &question, &after));
    }

    #[test]
    fn a_lapsed_record_equals_no_record(texts in dossiers(), extra in statement(), question in questions()) {
        let rules = &*RULES;
        let before = readings(&texts);
        let mut after = before.clone();
        if let Reading::Readable(record) = world::consent(rules, 99, &extra) {
            let mut lapsed: ConsentRecord = record;
            lapsed.provision.period = Some(world::period("..2026-11-20"));
            after.push(Reading::Readable(lapsed));
        }
        prop_assert_eq!(released(rules, &question, &before), released(rules, &question, &after));
    }

    #[test]
    fn unreadable_never_permits(texts in dossiers(), question in questions()) {
        let rules = &*RULES;
        let mut with = readings(&texts);
        with.push(Reading::Unreadable { id: "c99".into(), version: 1, register: "r".into() });
        let decision = consent::decide(rules, &question, &with);
        for (_, permit) in decision.permits() {
            // Only what no choice of the person touches: a holder's own data.
            prop_assert_eq!(permit.basis.sender, consent::answer::SenderBasis::OwnData);
        }
    }

    #[test]
    fn every_permit_says_why(texts in dossiers(), question in questions()) {
        use consent::answer::SenderBasis::*;
        let rules = &*RULES;
        let all = readings(&texts);
        let decision = consent::decide(rules, &question, &all);
        for (_, permit) in decision.permits() {
            match permit.basis.sender {
                ExplicitConsent | Emergency => prop_assert!(!permit.consents.is_empty()),
                PresumedReferral | DirectlyInvolved | Acute | SpokenAtDesk | OwnAccess | OwnData | Default | Statutory => {}
            }
        }
    }

    #[test]
    fn the_recorder_never_benefits(texts in dossiers(), question in questions()) {
        let rules = &*RULES;
        let asker: &Asker = &question.asker;
        let mine = asker.organisation.identifiers.first().cloned();
        let mut all = readings(&texts);
        for reading in &mut all {
            if let Reading::Readable(record) = reading { record.recorded_by.clone_from(&mine); }
        }
        let permits_gone: Vec<Reading> = all.iter().filter(|reading| match reading {
            Reading::Readable(record) => has_denial(&record.provision),
            Reading::Unreadable { .. } => true,
        }).cloned().collect();
        let decision = consent::decide(rules, &question, &all);
        for (_, permit) in decision.permits() {
            prop_assert!(permit.consents.is_empty(), "{permit:?} from {permits_gone:?}");
        }
    }

    #[test]
    fn a_question_to_one_of_many_holders_is_the_same_decision_and_the_trace_changes_nothing(texts in dossiers(), question in questions()) {
        let rules = &*RULES;
        let dossier = Dossier::compile(rules, &readings(&texts));
        let plain = consent::decide_with(rules, &question, &dossier);
        let (explained, traces) = consent::explain(rules, &question, &dossier);
        prop_assert_eq!(&plain, &explained);
        prop_assert_eq!(consent::decide_all(rules, &question, std::slice::from_ref(&question.holder), &dossier), vec![plain]);
        prop_assert!(traces.len() <= question.classes.len());
    }

    #[test]
    fn records_survive_storage(texts in dossiers()) {
        let all = readings(&texts);
        let stored = serde_json::to_string(&all).unwrap();
        prop_assert_eq!(serde_json::from_str::<Vec<Reading>>(&stored).unwrap(), all);
    }

    #[test]
    fn an_unknown_purpose_for_a_function_never_permits(texts in dossiers(), question in questions()) {
        let rules = &*RULES;
        let mut question = question;
        question.purpose = Purpose::Hcompl;
        prop_assert!(!consent::decide(rules, &question, &readings(&texts)).any_permit());
    }
}

/// Who may ask in the region of these tests, as registered, and for what.
fn everybody() -> Vec<(Asker, Vec<Purpose>)> {
    let professional = |(place, _, functions): &(&str, &str, &[&str])| -> Vec<(Asker, Vec<Purpose>)> {
        let people = if *place == "linde" { vec!["linden", "els"] } else { vec!["brug"] };
        let each = functions.iter().flat_map(|function| people.iter().map(move |who| (function, who)));
        each.map(|(function, who)| {
            let asker = format!("{function}@{place}/{who} under brug");
            let question = world::case(&asker, "TREAT", "adult", "linde", "nothing", "-").question;
            (question.asker, Purpose::ALL.to_vec())
        })
        .collect()
    };
    let daughter = world::case("representative elif", "PATRQT", "adult", "linde", "nothing", "-").question;
    let mut all: Vec<_> = world::PARTIES.iter().flat_map(professional).collect();
    all.push((daughter.asker, vec![Purpose::Patrqt]));
    all
}

/// A person with what is recorded about them beside consents.
fn recorded() -> impl Strategy<Value = Question> {
    (
        word(&["1980-01-01", "2010-06-01", "2012-02-29", "2017-03-03", "unknown"]),
        word(&[
            "",
            "considered-wish",
            "incapacity",
            "spoken at=post in=gp-out-of-hours",
            "referral linde>oever id=r1",
            "referral oever>buurt id=r9",
            "team post+thuis id=r1",
            "team post+linde id=r9",
        ]),
        word(&["2026-11-21", "2029-04-01"]),
    )
        .prop_map(|(birth, fact, at)| {
            let facts = format!("{fact}; at {at}; recorded parent elif");
            world::case("person", "PATRQT", birth, "linde", "nothing", &facts).question
        })
}

fn glass(registered: bool) -> BreakGlass {
    BreakGlass { first_use: None, could_not_be_asked: true, registered, followed_up: true }
}

const HOLDERS: [(&str, bool); 4] =
    [("linde", true), ("oever", false), ("team", false), ("team:youth-individual", true)];

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    /// Whoever asks, for whatever, of whomever: what the preview told of them, or of somebody whom nobody names, is what
    /// is decided once the choice stands.
    #[test]
    fn what_a_preview_tells_is_what_is_decided(texts in dossiers(), choice in statement(), person in recorded()) {
        let rules = &*RULES;
        let mut readings = readings(&texts);
        readings.push(world::consent(rules, 99, &choice));
        let holders = HOLDERS.map(|(name, gives)| Held { party: world::party(rules, name), gives_in_emergency: gives });
        let mut form = Form {
            subject: person.subject.clone(),
            relations: person.relations.clone(),
            attestations: person.attestations.clone(),
            holders: holders.to_vec(),
            named: Vec::new(),
            followed_up: true,
            at: person.at,
        };
        let names = names(&form, &readings);
        let everybody = everybody();
        let known: Vec<_> = everybody.iter().filter(|(asker, _)| names.contains(rules, asker)).collect();
        form.named = known
            .iter()
            .map(|(asker, purposes)| Named {
                asker: asker.clone(),
                purposes: purposes.clone(),
                relations: person.relations.clone(),
                glass: Some(glass(true)),
            })
            .collect();
        let rows = preview(rules, &form, &Dossier::compile(rules, &readings));
        let mut met = 0;
        for (asker, purposes) in &everybody {
            let same = |(other, _): &&&(Asker, Vec<Purpose>)| {
                (&other.organisation, &other.person, other.function) == (&asker.organisation, &asker.person, asker.function)
            };
            let place = known.iter().position(|other| same(&other));
            if place.is_none() && asker.capacity != Capacity::Professional {
                continue;
            }
            for (purpose, (at, held)) in purposes.iter().flat_map(|purpose| holders.iter().enumerate().map(move |held| (*purpose, held))) {
                let question = Question {
                    asker: asker.clone(),
                    purpose,
                    holder: held.party.clone(),
                    break_glass: (purpose == Purpose::Etreat).then(|| glass(held.gives_in_emergency)),
                    ..person.clone()
                };
                let decided = consent::decide(rules, &question, &readings);
                let told = |row: &&Row| (row.named, row.function, row.purpose, row.holder) == (place, asker.function, purpose, at);
                let found: Vec<&Row> = rows.iter().filter(told).collect();
                match found.as_slice() {
                    [row] => prop_assert_eq!(&row.decision, &decided, "{:?} {:?}", asker.function.map(|f| rules.vocabulary().function_code(f)), purpose),
                    [] => prop_assert!(decided.permits().all(|(_, permit)| permit.basis.sender == SenderBasis::OwnData)),
                    _ => prop_assert!(false, "told twice"),
                }
                met += found.len();
            }
        }
        // Every row about somebody by name was met.
        prop_assert!(met >= rows.iter().filter(|row| row.named.is_some()).count());
    }
}
