//! A dated version of the rules: the vocabulary and every switch of law. Read from the national
//! package and overlays; the engine never reads a file itself.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::dossier::scope_classes;
use crate::question::Purpose;
use crate::record::Representation;
use crate::set::ClassSet;
use crate::vocabulary::{Category, Function, Vocabulary, VocabularyError, VocabularySpec};

/// The package that comes with the program.
pub const NATIONAL: &str = include_str!("../rules/national.toml");

/// What a rule is about. Whether it holds, since when and for whom stands in the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleKind {
    /// A consent that was given opens (Wabvpz 15a).
    ExplicitConsent,
    /// Presumed within a live referral: its sender's data, its receiver, its term.
    PresumedReferral,
    /// A live care team holds both organisations (BW 7:457(2)).
    DirectlyInvolved,
    /// Pull in the acute chain without a choice of the person; vital interest, could not be asked.
    Acute,
    /// A yes spoken at the desk, attested.
    SpokenAtDesk,
    /// The person's own emergency choice, with the glass broken.
    Emergency,
    /// Vital interest passes the emergency choice "none" (EHDS recital 17).
    VitalInterestPassesNone,
    /// The person's own access, and that of who acts for them.
    OwnAccess,
    /// A holder's own data.
    OwnData,
    /// A legal default for who never chose.
    Default,
    /// A statutory duty or power to give without consent.
    Statutory,
    /// Permits given by parents lapse at sixteen.
    ParentsLapseAtSixteen,
    /// A youth function loses its basis at eighteen, unless help is extended.
    YouthEndsAtEighteen,
    /// An attested override re-opens for who is 12 to 15.
    AttestedOverride,
    /// What a representative of some kind is not shown.
    WithheldFromRepresentative,
}

/// One dated, switchable rule.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSpec {
    /// Its code; an overlay replaces a rule by it.
    pub code: Box<str>,
    /// What it is about.
    pub kind: RuleKind,
    /// Whether it is signed off.
    pub on: bool,
    /// First day on which it holds.
    #[serde(default)]
    pub from: Option<Date>,
    /// Last day on which it holds.
    #[serde(default)]
    pub to: Option<Date>,
    /// What it says, in Dutch.
    pub nl: Box<str>,
    /// What it says, in English.
    pub en: Box<str>,
    /// Where it comes from.
    pub source: Box<str>,
    /// Purposes it serves; empty: none.
    #[serde(default)]
    pub purposes: Vec<Purpose>,
    /// Categories whose data it opens.
    #[serde(default)]
    pub holders: Vec<Box<str>>,
    /// Categories or functions it lets in.
    #[serde(default)]
    pub users: Vec<Box<str>>,
    /// Classes (or groups) it opens, or withholds.
    #[serde(default)]
    pub classes: Vec<Box<str>>,
    /// Kinds of representatives it speaks of.
    #[serde(default)]
    pub representatives: Vec<Representation>,
    /// How long what it gives lasts, in minutes.
    #[serde(default)]
    pub minutes: Option<u32>,
    /// Data older than this many days stay closed under it.
    #[serde(default)]
    pub max_age_days: Option<u32>,
}

/// The rules as written.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulesSpec {
    /// Version of the package; an overlay's is appended with `+`.
    pub version: Box<str>,
    /// Date of the package.
    pub date: Box<str>,
    /// Classes, labels, categories, functions, cells.
    #[serde(default)]
    pub vocabulary: VocabularySpec,
    /// Dated switches.
    #[serde(default)]
    pub rule: Vec<RuleSpec>,
}

/// A rule with its codes found.
#[derive(Clone, Debug)]
pub struct Rule {
    spec: RuleSpec,
    classes: ClassSet,
    holders: Vec<Category>,
    user_categories: Vec<Category>,
    user_functions: Vec<Function>,
}

impl Rule {
    /// As written.
    pub fn spec(&self) -> &RuleSpec {
        &self.spec
    }
    pub(crate) fn classes(&self) -> ClassSet {
        self.classes
    }
    fn holds_at(&self, day: Date) -> bool {
        self.spec.on
            && self.spec.from.is_none_or(|from| from <= day)
            && self.spec.to.is_none_or(|to| day <= to)
    }
    pub(crate) fn serves(&self, purpose: Purpose) -> bool {
        self.spec.purposes.contains(&purpose)
    }
    pub(crate) fn opens_data_of(&self, categories: &[Category]) -> bool {
        self.holders.iter().any(|category| categories.contains(category))
    }
    pub(crate) fn lets_in(&self, category: Option<Category>, function: Function) -> bool {
        self.user_functions.contains(&function)
            || category.is_some_and(|category| self.user_categories.contains(&category))
    }
}

/// The rules, ready to decide with.
#[derive(Clone, Debug)]
pub struct Rules {
    version: Box<str>,
    date: Box<str>,
    vocabulary: Vocabulary,
    rules: Vec<Rule>,
}

impl Rules {
    /// The national package alone.
    ///
    /// # Errors
    /// [`VocabularyError`] if the package were broken; a test guards that it is not.
    pub fn national() -> Result<Self, VocabularyError> {
        Self::from_toml(&[])
    }
    /// The national package with overlays (TOML text) laid over it, in order.
    ///
    /// # Errors
    /// [`VocabularyError`] for text that cannot be read or codes that nothing defines.
    pub fn from_toml(overlays: &[&str]) -> Result<Self, VocabularyError> {
        Self::from_texts(NATIONAL, overlays)
    }
    /// Some package, of now or of then, with overlays laid over it: what decided once can decide again.
    ///
    /// # Errors
    /// [`VocabularyError`] for text that cannot be read or codes that nothing defines.
    pub fn from_texts(package: &str, overlays: &[&str]) -> Result<Self, VocabularyError> {
        let read = |text: &str| {
            toml::from_str::<RulesSpec>(text).map_err(|error| VocabularyError::Syntax(error.to_string()))
        };
        let mut spec = read(package)?;
        for overlay in overlays {
            let over = read(overlay)?;
            spec.version = format!("{}+{}", spec.version, over.version).into();
            spec.date = over.date;
            spec.vocabulary = spec.vocabulary.overlaid(over.vocabulary);
            for rule in over.rule {
                match spec.rule.iter_mut().find(|known| known.code == rule.code) {
                    Some(known) => *known = rule,
                    None => spec.rule.push(rule),
                }
            }
        }
        Self::build(spec)
    }
    /// From the written form.
    ///
    /// # Errors
    /// [`VocabularyError`] for codes that nothing defines.
    pub fn build(spec: RulesSpec) -> Result<Self, VocabularyError> {
        let vocabulary = Vocabulary::build(spec.vocabulary)?;
        let rules = spec.rule.into_iter().map(|rule| found(&vocabulary, rule)).collect::<Result<_, _>>()?;
        Ok(Self { version: spec.version, date: spec.date, vocabulary, rules })
    }
    /// The version, to stand in every decision and record.
    pub fn version(&self) -> &str {
        &self.version
    }
    /// The date of the youngest package laid in.
    pub fn date(&self) -> &str {
        &self.date
    }
    /// The vocabulary.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }
    /// Every rule, in force or not: for pages and reports.
    pub fn all(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }
    /// The first rule of a kind in force on a day.
    pub(crate) fn live(&self, kind: RuleKind, day: Date) -> Option<&Rule> {
        self.each_live(kind, day).next()
    }
    /// The rules of a kind in force on a day.
    pub(crate) fn each_live(&self, kind: RuleKind, day: Date) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |rule| rule.spec.kind == kind && rule.holds_at(day))
    }
    /// What a representative of this kind is not shown.
    pub(crate) fn withheld_from(&self, kind: Representation, day: Date) -> ClassSet {
        self.each_live(RuleKind::WithheldFromRepresentative, day)
            .filter(|rule| rule.spec.representatives.contains(&kind))
            .fold(ClassSet::EMPTY, |set, rule| set.union(rule.classes))
    }
}

fn found(vocabulary: &Vocabulary, spec: RuleSpec) -> Result<Rule, VocabularyError> {
    let unknown = |kind, code: &str| VocabularyError::Unknown { kind, code: code.into() };
    for code in &spec.classes {
        vocabulary.classes(code).ok_or_else(|| unknown("class", code))?;
    }
    let holders = spec
        .holders
        .iter()
        .map(|code| vocabulary.category(code).ok_or_else(|| unknown("category", code)))
        .collect::<Result<_, _>>()?;
    let mut user_categories = Vec::new();
    let mut user_functions = Vec::new();
    for code in &spec.users {
        match (vocabulary.category(code), vocabulary.function(code)) {
            (Some(category), _) => user_categories.push(category),
            (None, Some(function)) => user_functions.push(function),
            (None, None) => return Err(unknown("category or function", code)),
        }
    }
    let classes = scope_classes(vocabulary, Some(&spec.classes));
    Ok(Rule { spec, classes, holders, user_categories, user_functions })
}
