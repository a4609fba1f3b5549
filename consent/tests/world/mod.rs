//! A small region for tests, and the language in which cases are written (see truth-table.txt).
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use consent::answer::{ConsentRef, Duty, Part, Reason};
use consent::identifier::Identifier;
use consent::period::Period;
use consent::question::*;
use consent::record::*;
use consent::relation::*;
use consent::set::ClassSet;
use consent::trace::StepCode;
use consent::{Decision, Dossier, LabelSet, Rules, Verdict};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

pub fn org(name: &str) -> Identifier {
    Identifier::new("test-org", name)
}
pub fn person(name: &str) -> Identifier {
    Identifier::new("test-person", name)
}
pub fn item(name: &str) -> Identifier {
    Identifier::new("test-item", name)
}

pub const PARTIES: &[(&str, &str, &[&str])] = &[
    ("linde", "gp", &["gp-own", "poh"]),
    ("post", "gp", &["gp-out-of-hours"]),
    // Of another category than its work.
    ("crisis", "gp", &["ggz-crisis"]),
    ("oever", "ggz", &["ggz-treatment", "ggz-crisis"]),
    ("jeugd", "ggz", &["youth-ggz"]),
    ("thuis", "home-care", &["district-nursing"]),
    (
        "team",
        "social",
        &[
            "wmo-individual",
            "youth-individual",
            "sheltered-living",
            "debt-help",
            "arranger",
            "household-help",
            "school-link",
            "general-advice",
        ],
    ),
    ("zcc", "acute-coordination", &["triage"]),
    ("verblijf", "temporary-stay", &["stay-search", "stay-intake"]),
    ("buurt", "informal", &["neighbourhood-network"]),
    ("kantoor", "payer", &["care-office"]),
    ("pgo", "", &[]),
];

/// `linde`, or `team:wmo-individual` for what it keeps under one function.
pub fn party(rules: &Rules, text: &str) -> Party {
    let (name, only) = text.split_once(':').map_or((text, None), |(name, only)| (name, Some(only)));
    let (_, category, functions) =
        PARTIES.iter().find(|(known, ..)| *known == name).unwrap_or_else(|| panic!("no party {name}"));
    let vocabulary = rules.vocabulary();
    Party {
        identifiers: vec![org(name)],
        categories: vocabulary.category(category).into_iter().collect(),
        functions: functions
            .iter()
            .filter(|function| only.is_none_or(|only| only == **function))
            .map(|function| vocabulary.function(function).unwrap())
            .collect(),
    }
}

/// `2026-11-21T12:00`, or a day at noon, in Amsterdam.
pub fn instant(text: &str) -> Timestamp {
    let zone = TimeZone::get("Europe/Amsterdam").unwrap();
    let local: DateTime = match text.parse::<DateTime>() {
        Ok(local) if text.contains('T') => local,
        _ => text.parse::<Date>().unwrap_or_else(|_| panic!("no instant: {text}")).at(12, 0, 0, 0),
    };
    local.to_zoned(zone).unwrap().timestamp()
}

/// `2026-01-01..2026-12-31`, either side may be empty.
pub fn period(text: &str) -> Period {
    let (start, end) = text.split_once("..").unwrap_or_else(|| panic!("no period: {text}"));
    Period::parse(start, end).unwrap()
}

fn list(text: &str) -> Vec<Box<str>> {
    text.split(',').map(Into::into).collect()
}

/// `permit holder=any user=gp class=medication {deny class=notes}`
pub fn consent(rules: &Rules, index: usize, text: &str) -> Reading {
    let text = text.trim();
    if text == "unreadable" {
        return Reading::Unreadable { id: format!("c{index}").into(), version: 1, register: "r".into() };
    }
    let mut record = ConsentRecord {
        id: format!("c{index}").into(),
        version: 1,
        status: Status::Active,
        givers: vec![],
        register: "local".into(),
        recorded_by: None,
        given_at: instant("2026-01-01"),
        source: Source::default(),
        policy: "https://example.test/policy".into(),
        provision: Provision::new(Kind::Permit),
    };
    let mut mandate = Period::default();
    let mut scope = None;
    let mut by = "person".to_owned();
    let spaced = text.replace('{', " { ").replace('}', " } ");
    let mut stack: Vec<Provision> = vec![];
    let mut done: Option<Provision> = None;
    for word in spaced.split_whitespace() {
        match word {
            "permit" => stack.push(Provision::new(Kind::Permit)),
            "deny" => stack.push(Provision::new(Kind::Deny)),
            "{" => {}
            "}" => {
                let child = stack.pop().unwrap();
                stack.last_mut().unwrap().exceptions.push(child);
            }
            _ => {
                let (key, value) = word.split_once('=').unwrap_or_else(|| panic!("what is {word}?"));
                let here = stack.last_mut().unwrap();
                match key {
                    "holder" => here.holders = value.split(',').map(|text| holder_of(rules, text)).collect(),
                    "user" => here.users = value.split(',').map(|text| user_of(rules, text)).collect(),
                    "for" => {
                        here.purposes = value.split(',').map(|code| Purpose::parse(code).unwrap()).collect()
                    }
                    "class" => here.classes = list(value),
                    "label" => here.labels = list(value),
                    "item" => here.items = value.split(',').map(item).collect(),
                    "data" => here.data_period = Some(period(value)),
                    "in" => {
                        here.context = value.split(',').map(|name| Identifier::new("rel", name)).collect()
                    }
                    "period" => here.period = Some(period(value)),
                    "by" => by = value.into(),
                    "on" => record.given_at = instant(value),
                    "recorder" => record.recorded_by = Some(org(value)),
                    "register" => record.register = value.into(),
                    "mandate" => mandate = period(value),
                    "scope" => scope = Some(list(value)),
                    "status" => {
                        record.status = match value {
                            "inactive" => Status::Inactive,
                            "entered-in-error" => Status::EnteredInError,
                            "draft" => Status::Draft,
                            "rejected" => Status::Rejected,
                            other => panic!("status {other}"),
                        }
                    }
                    other => panic!("what is {other}?"),
                }
            }
        }
        if stack.len() == 1 {
            done = stack.first().cloned();
        }
    }
    record.provision = done.unwrap();
    record.givers = by
        .split('+')
        .map(|giver| match giver.split_once(':') {
            None if giver == "person" => Giver::Person,
            found => {
                let (kind, name) = found.map_or((giver, None), |(kind, name)| (kind, Some(name)));
                Giver::Representative(Representative {
                    person: name.map(person),
                    kind: Representation::parse(kind).unwrap_or_else(|| panic!("giver {kind}")),
                    mandate: mandate.clone(),
                    scope: scope.clone(),
                    evidence: "shown".into(),
                })
            }
        })
        .collect();
    Reading::Readable(record)
}

fn holder_of(rules: &Rules, text: &str) -> Holder {
    match text.strip_prefix('@') {
        Some(name) => Holder::Organisation(org(name)),
        None if text == "any" => Holder::Any,
        None if rules.vocabulary().category(text).is_some() => Holder::Category(text.into()),
        None => Holder::Function(text.into()),
    }
}

fn user_of(rules: &Rules, text: &str) -> User {
    match (text.strip_prefix('@'), text.strip_prefix('~')) {
        (Some(name), _) => User::Organisation(org(name)),
        (_, Some(name)) => User::Person(person(name)),
        _ if rules.vocabulary().category(text).is_some() => User::Category(text.into()),
        _ => User::Function(text.into()),
    }
}

pub fn consents(rules: &Rules, text: &str) -> Vec<Reading> {
    if text.trim() == "nothing" {
        return vec![];
    }
    text.split(';').enumerate().map(|(index, text)| consent(rules, index + 1, text)).collect()
}

/// One case: a question and what was said.
pub struct Case {
    pub rules: Rules,
    pub question: Question,
    pub readings: Vec<Reading>,
    pub unreachable: bool,
}

/// The parts of a case, in the words of truth-table.txt.
pub fn case(asker: &str, purpose: &str, about: &str, holder: &str, said: &str, facts: &str) -> Case {
    let facts: Vec<&str> =
        facts.split(';').map(str::trim).filter(|fact| !fact.is_empty() && *fact != "-").collect();
    let switched: Vec<String> = facts
        .iter()
        .filter_map(|fact| fact.strip_prefix("rule "))
        .map(|fact| {
            let (code, state) = fact.split_once(' ').unwrap();
            let spec = Rules::national()
                .unwrap()
                .all()
                .find(|rule| &*rule.spec().code == code)
                .unwrap()
                .spec()
                .clone();
            // `on`, `off`, or `on NUMBER days`: no older data.
            let (state, days) = state.split_once(' ').unwrap_or((state, ""));
            let max_age_days = days.strip_suffix(" days").map(|days| days.parse().unwrap());
            let written = consent::rules::RulesSpec {
                version: format!("{code}-{state}").into(),
                date: "2026-11-01".into(),
                rule: vec![consent::rules::RuleSpec {
                    on: state == "on",
                    max_age_days: max_age_days.or(spec.max_age_days),
                    ..spec
                }],
                ..Default::default()
            };
            toml::to_string(&written).unwrap()
        })
        .collect();
    static NATIONAL: std::sync::LazyLock<Rules> = std::sync::LazyLock::new(|| Rules::national().unwrap());
    let rules = if switched.is_empty() {
        NATIONAL.clone()
    } else {
        Rules::from_toml(&switched.iter().map(String::as_str).collect::<Vec<_>>()).unwrap()
    };
    let vocabulary = rules.vocabulary();
    let mut question = Question {
        asker: asker_of(&rules, asker),
        purpose: Purpose::parse(purpose).unwrap_or_else(|| panic!("purpose {purpose}")),
        subject: Subject {
            birth_date: match about {
                "adult" => Some("1980-01-01".parse().unwrap()),
                "unknown" => None,
                date => Some(date.parse().unwrap_or_else(|_| panic!("birth date {date}"))),
            },
            representatives: vec![],
        },
        holder: party(&rules, holder),
        classes: vocabulary.all_classes(),
        relations: vec![],
        attestations: vec![],
        break_glass: None,
        at: instant("2026-11-21"),
    };
    let mut unreachable = false;
    for fact in facts {
        let words: Vec<&str> = fact.split_whitespace().collect();
        match words.as_slice() {
            ["at", text] => question.at = instant(text),
            ["rule", ..] => {}
            ["unreachable"] => unreachable = true,
            ["self-asserted"] => question.asker.assurance = Assurance::SelfAsserted,
            ["glass", rest @ ..] => question.break_glass = Some(glass(question.at, rest)),
            ["recorded", kind, name, rest @ ..] => {
                question.subject.representatives.push(RecordedRepresentative {
                    person: person(name),
                    kind: Representation::parse(kind).unwrap(),
                    mandate: option(rest, "mandate").map(period).unwrap_or_default(),
                    scope: option(rest, "scope").map(list),
                })
            }
            [kind @ ("referral" | "team" | "plan" | "episode"), between, rest @ ..] => {
                question.relations.push(relation(kind, between, rest));
            }
            [kind, rest @ ..] => question.attestations.push(attestation(kind, rest)),
            [] => {}
        }
    }
    let readings = consents(&rules, said);
    Case { rules, question, readings, unreachable }
}

fn option<'a>(words: &[&'a str], key: &str) -> Option<&'a str> {
    words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

fn glass(at: Timestamp, words: &[&str]) -> BreakGlass {
    use jiff::ToSpan;
    BreakGlass {
        first_use: option(words, "used").map(|minutes| at - minutes.parse::<i64>().unwrap().minutes()),
        could_not_be_asked: !words.contains(&"could-be-asked"),
        registered: !words.contains(&"not-registered"),
        followed_up: !words.contains(&"not-followed-up"),
    }
}

fn relation(kind: &str, between: &str, rest: &[&str]) -> Relation {
    let names: Vec<&str> = between.split(['>', '+']).collect();
    let referral = kind == "referral";
    Relation {
        kind: match kind {
            "referral" => RelationKind::Referral,
            "team" => RelationKind::CareTeam,
            "plan" => RelationKind::Plan,
            _ => RelationKind::Episode,
        },
        identifiers: option(rest, "id").map(|id| Identifier::new("rel", id)).into_iter().collect(),
        parties: names.iter().map(|name| org(name)).collect(),
        sender: referral.then(|| org(names[0])),
        receivers: if referral { names[1..].iter().map(|name| org(name)).collect() } else { vec![] },
        status: if rest.contains(&"ended") { RelationStatus::NotActive } else { RelationStatus::Active },
        period: option(rest, "period").map(period).unwrap_or_default(),
        recorded_by: option(rest, "by").map(org),
    }
}

fn attestation(kind: &str, rest: &[&str]) -> Attestation {
    Attestation {
        kind: AttestationKind::parse(kind).unwrap_or_else(|| panic!("what is the fact {kind}?")),
        organisation: org(option(rest, "at").unwrap_or("linde")),
        author: None,
        function: option(rest, "in").map(Into::into),
        created: instant(option(rest, "on").unwrap_or("2026-11-21T11:00")),
        period: option(rest, "period").map(period).unwrap_or_default(),
        scope: option(rest, "scope").map(list),
    }
}

/// `gp-own@linde/linden under brug`, `person`, `representative els`.
fn asker_of(rules: &Rules, text: &str) -> Asker {
    let mut words = text.split_whitespace();
    let first = words.next().unwrap();
    let rest: Vec<&str> = words.collect();
    let base = |organisation: &str, capacity| Asker {
        organisation: party(rules, organisation),
        function: None,
        person: vec![],
        role: None,
        responsible: None,
        assurance: Assurance::Registered,
        capacity,
    };
    match (first, rest.as_slice()) {
        ("person", _) => Asker { person: vec![person("self")], ..base("pgo", Capacity::Person) },
        ("representative", [name]) => {
            Asker { person: vec![person(name)], ..base("pgo", Capacity::Representative) }
        }
        _ => {
            let (function, place) = first.split_once('@').unwrap_or_else(|| panic!("asker {text}"));
            let (place, who) = place.split_once('/').map_or((place, None), |(place, who)| (place, Some(who)));
            Asker {
                function: Some(rules.vocabulary().function(function).unwrap_or_else(|| panic!("{function}"))),
                person: who.map(person).into_iter().collect(),
                responsible: match rest.as_slice() {
                    ["under", doctor] => Some(person(doctor)),
                    _ => None,
                },
                ..base(place, Capacity::Professional)
            }
        }
    }
}

pub fn word(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
}

/// `full explicit-consent/treatment`, or the reason.
pub fn in_words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Permit(permit) => {
            format!("{} {}/{}", word(permit.level), word(permit.basis.sender), word(permit.basis.receiver))
        }
        Verdict::Refuse(refusal) => word(refusal.reason),
    }
}

impl Case {
    pub fn dossier(&self) -> Dossier {
        if self.unreachable { Dossier::unreachable() } else { Dossier::compile(&self.rules, &self.readings) }
    }
    /// The dossier holds what counts, and the trace of every class tells its verdict and every consent that decided.
    fn is_explained(&self, decision: &Decision) {
        let dossier = self.dossier();
        let counts = |reading: &&Reading| match reading {
            Reading::Readable(record) => record.status == Status::Active,
            Reading::Unreadable { .. } => true,
        };
        let standing = if self.unreachable { 0 } else { self.readings.iter().filter(counts).count() };
        assert_eq!(dossier.len() + dossier.unreadable().len(), standing);
        assert_eq!(dossier.is_empty(), standing == 0);
        let (explained, traces) = consent::explain(&self.rules, &self.question, &dossier);
        assert_eq!(&explained, decision);
        let along = self.rules.vocabulary().going_along();
        for (class, steps) in traces.iter().filter(|(class, _)| !along.contains(*class)) {
            let told = |code: StepCode, consent: &ConsentRef| {
                steps.iter().any(|step| step.step == code && step.consent.as_ref() == Some(consent))
            };
            let last = steps.last().map(|step| step.step);
            match decision.verdict(*class).unwrap() {
                Verdict::Permit(permit) => {
                    assert!(matches!(last, Some(StepCode::PermitStands | StepCode::OwnData)), "{steps:?}");
                    assert!(permit.consents.iter().all(|c| told(StepCode::PermitSpeaks, c)), "{steps:?}");
                }
                Verdict::Refuse(refusal) if refusal.reason == Reason::Refused => {
                    assert_eq!(last, Some(StepCode::ObjectionStands), "{steps:?}");
                    assert!(refusal.consents.iter().all(|c| told(StepCode::ObjectionSpeaks, c)), "{steps:?}");
                }
                Verdict::Refuse(_) => assert_ne!(last, Some(StepCode::PermitStands), "{steps:?}"),
            }
        }
    }
    /// Whether `medication=full explicit-consent/treatment via c1 with review` holds; else what is true instead.
    pub fn holds(&self, expected: &str) -> Result<(), String> {
        let decision = consent::decide_with(&self.rules, &self.question, &self.dossier());
        let vocabulary = self.rules.vocabulary();
        self.is_explained(&decision);
        assert_eq!(decision.any_permit(), !decision.permitted_classes().is_empty(), "{expected}");
        let mut told = ClassSet::EMPTY;
        for claim in expected.split(',').map(str::trim) {
            let (what, outcome) = claim.split_once('=').unwrap_or_else(|| panic!("claim {claim}"));
            if let Some((class, detail)) = what.split_once('[') {
                let class = vocabulary.class(class).unwrap();
                if let Some(label) = detail.strip_prefix("cleared:") {
                    let label = LabelSet::only(vocabulary.label(label.trim_end_matches(']')).unwrap());
                    let cleared = decision.permit(class).unwrap().obligations.cleared();
                    if label.is_subset(cleared) != (outcome == "yes") {
                        return Err(format!("{what} is not {outcome}"));
                    }
                    continue;
                }
                let passes = decision.permit(class).is_some_and(|permit| passes(&self.rules, permit, detail));
                if passes != (outcome == "passes") {
                    return Err(format!("{what} {}", if passes { "passes" } else { "is held" }));
                }
                continue;
            }
            let classes = match what {
                "all" => vocabulary.all_classes(),
                "others" => vocabulary.all_classes().minus(told),
                code => code.split('+').fold(ClassSet::EMPTY, |set, code| {
                    set.union(vocabulary.classes(code).unwrap_or_else(|| panic!("class {code}")))
                }),
            };
            told = told.union(classes);
            let (outcome, with) =
                outcome.split_once(" with ").map_or((outcome, None), |(o, with)| (o, Some(with)));
            let (outcome, via) =
                outcome.split_once(" via ").map_or((outcome, None), |(o, via)| (o, Some(via)));
            for class in classes.iter() {
                let verdict = decision.verdict(class).unwrap();
                let words = in_words(verdict);
                let fits = match outcome {
                    "no" => matches!(verdict, Verdict::Refuse(_)),
                    "yes" => matches!(verdict, Verdict::Permit(_)),
                    "full" | "reduced" => words.starts_with(outcome),
                    exact => words == exact,
                };
                let consents = match verdict {
                    Verdict::Permit(permit) => &permit.consents,
                    Verdict::Refuse(refusal) => &refusal.consents,
                };
                let ids = consents.iter().map(|consent| &*consent.id).collect::<Vec<_>>().join("+");
                let duties = obliges(verdict);
                if !fits || via.is_some_and(|via| via != ids) || with.is_some_and(|with| with != duties) {
                    let class = vocabulary.class_code(class);
                    return Err(format!("{class} is {words} via {ids} with {duties}"));
                }
            }
        }
        Ok(())
    }
}

/// What a permit obliges to: `notify+review+team+90 days`, or `nothing`.
fn obliges(verdict: &Verdict) -> String {
    let Verdict::Permit(permit) = verdict else { return "nothing".into() };
    let obligations = &permit.obligations;
    let duties = obligations.duties.iter().map(|duty| match duty {
        Duty::NotifyPerson => "notify".to_owned(),
        Duty::Review => "review".to_owned(),
    });
    let team = (obligations.part == Part::TreatingTeam).then(|| "team".to_owned());
    let days = obligations.max_age_days.map(|days| format!("{days} days"));
    let all: Vec<String> = duties.chain(team).chain(days).collect();
    if all.is_empty() { "nothing".into() } else { all.join("+") }
}

/// `PSY]`, `item:x]`, `2020-01-01]`, `undated]`, several with a space.
fn passes(rules: &Rules, permit: &consent::answer::Permit, detail: &str) -> bool {
    let mut labels = LabelSet::EMPTY;
    let mut identifiers = vec![];
    let mut dated = Some(instant("2026-06-01"));
    for word in detail.trim_end_matches(']').split_whitespace() {
        if let Some(name) = word.strip_prefix("item:") {
            identifiers.push(item(name));
        } else if let Some(label) = rules.vocabulary().label(word) {
            labels.insert(label);
        } else {
            dated = match word {
                "undated" => None,
                "plain" => dated,
                date => Some(instant(date)),
            };
        }
    }
    // As whoever releases data asks: what no statement looks at is not even read.
    let obligations = &permit.obligations;
    let identifiers = if obligations.asks_identifiers() { identifiers } else { vec![] };
    let dated = dated.filter(|_| obligations.asks_date());
    let passes = obligations.allows(&consent::answer::Item { labels, identifiers: &identifiers, dated });
    assert!(!passes || labels.is_subset(obligations.cleared()), "{detail}: passes, and is not cleared");
    passes
}
