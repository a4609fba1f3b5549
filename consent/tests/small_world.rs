//! The engine against the naive twin: every pair of statements of a small language over every
//! question of a small world, and random larger dossiers. A sample in the normal run; all of it
//! (more than ten million combinations) with SLUIS_LONG=1.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod naive;
mod world;

use consent::answer::Item;
use consent::question::Question;
use consent::record::{ConsentRecord, Reading};
use consent::{Dossier, LabelSet, Rules};
use naive::Naive;

/// Small steps through a large space, the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides).unwrap()).unwrap()
    }
    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len())]
    }
}

fn questions() -> Vec<Question> {
    let mut questions = vec![];
    for (asker, purpose, holder) in [
        ("gp-own@linde/linden", "TREAT", "oever"),
        ("ggz-treatment@oever/mulder", "COC", "linde"),
        ("wmo-individual@team/dam", "CAREMGT", "linde"),
        ("gp-own@linde/linden", "TREAT", "team:wmo-individual"),
        ("gp-out-of-hours@post/brug", "ETREAT", "linde"),
        // Their own data: whole, within the column, and with a glass that need not be broken.
        ("ggz-treatment@oever/mulder", "TREAT", "oever"),
        ("wmo-individual@team/dam", "CAREMGT", "team:wmo-individual"),
        ("gp-out-of-hours@post/brug", "ETREAT", "post"),
    ] {
        for birth in ["1980-01-01", "2010-06-01", "2012-02-29", "2017-03-03"] {
            for facts in ["", "considered-wish scope=medication; referral linde>oever id=r1", "incapacity"] {
                let facts = if purpose == "ETREAT" { format!("glass; {facts}") } else { facts.to_owned() };
                questions.push(world::case(asker, purpose, birth, holder, "nothing", &facts).question);
            }
        }
    }
    questions
}

/// How many resources agreed.
fn compare(
    rules: &Rules,
    question: &Question,
    readings: &[Reading],
    dossier: &Dossier,
    said: &dyn Fn() -> String,
) -> usize {
    let vocabulary = rules.vocabulary();
    let decision = consent::decide_with(rules, question, dossier);
    let naive = Naive::new(rules, question, readings);
    let label = |code: &str| LabelSet::only(vocabulary.label(code).unwrap());
    let a = [world::item("a")];
    let items = [
        Item { labels: LabelSet::EMPTY, identifiers: &[], dated: Some(world::instant("2026-06-01")) },
        Item { labels: label("PSY"), identifiers: &a, dated: None },
    ];
    let mut seen = 0;
    for class in ["medication", "mental-health", "safety", "plan"] {
        let permit = decision.permit(vocabulary.class(class).unwrap());
        for item in &items {
            let engine = permit.is_some_and(|permit| permit.obligations.allows(item));
            let twin = naive.allows(class, item);
            assert_eq!(engine, twin, "{class} {item:?}\n{question:?}\n{}", said());
            seen += 1;
        }
    }
    seen
}

fn statements() -> Vec<String> {
    let mut statements = vec![];
    for kind in ["permit", "deny"] {
        for holder in ["", "holder=any", "holder=@oever,@linde"] {
            for user in ["", "user=gp,ggz", "user=@linde,wmo-individual,@post", "user=~linden,~brug,~mulder"]
            {
                for class in
                    ["", "class=medication", "class=acute-summary,safety", "class=medication label=PSY"]
                {
                    for by in ["", "by=person+parent:els", "by=parent:els", "by=mentor:anna"] {
                        for more in ["", "on=2026-06-01 recorder=thuis", "for=ETREAT"] {
                            statements.push(format!("{kind} {holder} {user} {class} {by} {more}"));
                        }
                    }
                }
            }
        }
    }
    statements
}

fn renamed(reading: &Reading, index: usize) -> Reading {
    match reading {
        Reading::Readable(record) => {
            Reading::Readable(ConsentRecord { id: format!("c{index}").into(), ..record.clone() })
        }
        Reading::Unreadable { .. } => reading.clone(),
    }
}

fn long() -> bool {
    std::env::var_os("SLUIS_LONG").is_some()
}

#[test]
fn every_pair_of_statements_is_decided_as_the_naive_twin_decides() {
    let rules = Rules::national().unwrap();
    let questions = questions();
    let texts = statements();
    let written: Vec<Reading> = texts.iter().map(|text| world::consent(&rules, 1, text)).collect();
    let pairs = written.len() * written.len();
    let step = if long() { 1 } else { 4_999 };
    let mut combinations = 0usize;
    for pair in (0..pairs).step_by(step) {
        let (one, other) = (pair / written.len(), pair % written.len());
        let readings = [renamed(&written[one], 1), renamed(&written[other], 2)];
        let dossier = Dossier::compile(&rules, &readings);
        // In the long run every pair meets a question in turn, all in the short one: both ways each
        // question meets many pairs, and the long run stays within minutes.
        let first = if long() { pair % 35 } else { 0 };
        let stride = if long() { 35 } else { 1 };
        for question in questions.iter().skip(first).step_by(stride) {
            combinations += compare(&rules, question, &readings, &dossier, &|| {
                format!("{} ; {}", texts[one], texts[other])
            });
        }
    }
    println!("{combinations} combinations of pairs agree");
    assert!(combinations >= if long() { 10_000_000 } else { 50_000 });
}

fn random_statement(dice: &mut Dice, depth: usize) -> String {
    let mut text = format!(
        "{} {} {} {} {} {} {} {} {}",
        dice.pick(&["permit", "deny"]),
        dice.pick(&[
            "",
            "holder=any",
            "holder=gp,ggz",
            "holder=@oever",
            "holder=@linde",
            "holder=wmo-individual"
        ]),
        dice.pick(&[
            "",
            "user=gp",
            "user=ggz",
            "user=social",
            "user=@linde",
            "user=@oever",
            "user=~linden",
            "user=gp-own,wmo-individual"
        ]),
        dice.pick(&[
            "",
            "class=medication",
            "class=mental-health",
            "class=acute-summary",
            "class=safety,medication"
        ]),
        dice.pick(&["", "", "", "label=PSY", "label=HIV"]),
        dice.pick(&["", "", "", "item=a", "item=b"]),
        dice.pick(&["", "", "", "data=2026-01-01..", "data=..2026-01-01"]),
        dice.pick(&["", "", "", "in=r1", "in=r2"]),
        dice.pick(&[
            "",
            "",
            "for=TREAT",
            "for=ETREAT",
            "for=COC,CAREMGT",
            "period=..2026-11-20",
            "period=2026-01-01..2027"
        ]),
    );
    if depth > 0 {
        for _ in 0..dice.roll(3) {
            text.push_str(&format!(" {{ {} }}", random_statement(dice, depth - 1)));
        }
    }
    text
}

#[test]
fn random_dossiers_are_decided_as_the_naive_twin_decides() {
    let rules = Rules::national().unwrap();
    let questions = questions();
    let mut dice = Dice(0x5EED_2026);
    let mut combinations = 0;
    for _ in 0..if long() { 100_000 } else { 1_500 } {
        let texts: Vec<String> = (0..=dice.roll(4))
            .map(|_| {
                let depth = dice.roll(3);
                format!(
                    "{} {} {} {}",
                    random_statement(&mut dice, depth),
                    dice.pick(&[
                        "",
                        "",
                        "by=person+parent:els",
                        "by=parent:els",
                        "by=parent:mark",
                        "by=mentor:anna",
                        "by=parent"
                    ]),
                    dice.pick(&["", "on=2025-06-01", "on=2026-06-01", "on=2026-12-01"]),
                    dice.pick(&[
                        "",
                        "",
                        "register=mitz",
                        "recorder=linde",
                        "mandate=..2026-06-01 scope=medication",
                        "status=inactive"
                    ]),
                )
            })
            .collect();
        let readings: Vec<Reading> =
            texts.iter().enumerate().map(|(index, text)| world::consent(&rules, index + 1, text)).collect();
        let mut readings = readings;
        if dice.roll(8) == 0 {
            readings.push(Reading::Unreadable { id: "unreadable".into(), version: 1, register: "r".into() });
        }
        let dossier = Dossier::compile(&rules, &readings);
        for _ in 0..9 {
            let question = &questions[dice.roll(questions.len())];
            combinations += compare(&rules, question, &readings, &dossier, &|| texts.join(" ; "));
        }
    }
    println!("{combinations} combinations of random dossiers agree");
}
