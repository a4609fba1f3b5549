//! The consents of one person, compiled against one version of the rules: codes become sets, omitted
//! facets of exceptions are inherited, givers and scopes become numbers. Decides nothing.

use jiff::{Timestamp, civil::Date};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::answer::ConsentRef;
use crate::identifier::Identifier;
use crate::period::{Period, day_of};
use crate::question::Purpose;
use crate::record::{
    ConsentRecord, Giver, Holder, Kind, MAX_DEPTH, Provision, Reading, Representation, Representative,
    Status, User,
};
use crate::rules::Rules;
use crate::set::{ClassSet, LabelSet};
use crate::vocabulary::{Category, Function, Vocabulary};

/// Every consent of one person, ready to decide with. Compile once, decide often.
#[derive(Clone, Debug, Default)]
pub struct Dossier {
    pub(crate) records: Vec<Compiled>,
    pub(crate) unreadable: Vec<ConsentRef>,
    pub(crate) unreachable: bool,
}

/// One active consent.
#[derive(Clone, Debug)]
pub(crate) struct Compiled {
    pub(crate) reference: ConsentRef,
    pub(crate) given_at: Timestamp,
    /// The day it was given, in Amsterdam.
    pub(crate) given_day: Date,
    pub(crate) by_person: bool,
    pub(crate) representatives: Vec<Mandate>,
    /// One bit per giver of this dossier; bit 0 is the person.
    pub(crate) givers: u64,
    pub(crate) register: Box<str>,
    pub(crate) recorded_by: Option<Identifier>,
    /// The provision tree; a parent stands before its children.
    pub(crate) nodes: Vec<Node>,
}

/// A representative who gave a consent.
#[derive(Clone, Debug)]
pub(crate) struct Mandate {
    pub(crate) person: Option<Identifier>,
    pub(crate) kind: Representation,
    pub(crate) period: Period,
    /// Classes the mandate covers.
    pub(crate) scope: ClassSet,
}

/// One provision with what it inherits.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) parent: Option<usize>,
    pub(crate) kind: Kind,
    pub(crate) holders: Vec<HolderFacet>,
    pub(crate) users: Vec<UserFacet>,
    /// What is stated, or what absence means by the type of the outermost provision.
    pub(crate) purposes: Vec<Purpose>,
    pub(crate) purposes_stated: bool,
    /// `None`: absent.
    pub(crate) classes: Option<ClassSet>,
    /// Of those, what only a group names.
    pub(crate) by_group: ClassSet,
    pub(crate) labels: Labels,
    pub(crate) items: Vec<Identifier>,
    pub(crate) data_period: Option<Period>,
    pub(crate) context: Vec<Identifier>,
    /// Its own period and those of every parent.
    pub(crate) periods: Vec<Period>,
    /// Equal for statements of the same scope, whatever their type and period.
    pub(crate) scope: u32,
    /// Whether some other statement of this dossier has the same scope.
    pub(crate) contested: bool,
}

/// Codes and confidentiality named by `securityLabel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Labels {
    pub(crate) named: bool,
    pub(crate) codes: LabelSet,
    pub(crate) confidentiality: Option<Confidentiality>,
}

/// v3-Confidentiality, as far as our data know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Confidentiality {
    BelowNormal,
    Normal,
    Restricted,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum HolderFacet {
    Any,
    Organisation(Identifier),
    Category(Category),
    Function(Function),
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum UserFacet {
    Person(Identifier),
    Organisation(Identifier),
    Category(Category),
    Function(Function),
    Unknown,
}

/// Something in this consent is unknown to these rules, nested too deep or beyond our numbers.
struct NotUnderstood;

impl Dossier {
    /// Compiles. Records that are not active are left out; an active record with an objection that
    /// these rules do not understand counts as unreadable.
    pub fn compile(rules: &Rules, readings: &[Reading]) -> Self {
        let mut dossier = Self::default();
        let mut givers: Vec<Option<Identifier>> = Vec::new();
        let mut scopes: Scopes = Vec::new();
        for reading in readings {
            match reading {
                Reading::Unreadable { id, version, .. } => {
                    dossier.unreadable.push(ConsentRef { id: id.clone(), version: *version });
                }
                Reading::Readable(record) if record.status == Status::Active => {
                    match compiled(rules.vocabulary(), record, &mut givers, &mut scopes) {
                        Ok(record) => dossier.records.push(record),
                        Err(NotUnderstood) => dossier
                            .unreadable
                            .push(ConsentRef { id: record.id.clone(), version: record.version }),
                    }
                }
                Reading::Readable(_) => {}
            }
        }
        dossier.mark_contested(scopes.len());
        dossier
    }
    /// What stands for the consents of a register that could not be reached: refuses what is others'.
    pub fn unreachable() -> Self {
        Self { unreachable: true, ..Self::default() }
    }
    fn mark_contested(&mut self, scopes: usize) {
        let mut used = vec![0u32; scopes];
        for node in self.records.iter().flat_map(|record| &record.nodes) {
            if let Some(count) = used.get_mut(node.scope as usize) {
                *count += 1;
            }
        }
        for node in self.records.iter_mut().flat_map(|record| &mut record.nodes) {
            node.contested = used.get(node.scope as usize).is_some_and(|count| *count > 1);
        }
    }
    /// How many active, readable consents it holds.
    pub fn len(&self) -> usize {
        self.records.len()
    }
    /// Whether nothing was ever said, or nothing that is in force.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.unreadable.is_empty()
    }
    /// Records that could not be read; with one of them, everything of others is refused.
    pub fn unreadable(&self) -> &[ConsentRef] {
        &self.unreadable
    }
}

fn compiled(
    vocabulary: &Vocabulary,
    record: &ConsentRecord,
    known: &mut Vec<Option<Identifier>>,
    scopes: &mut Scopes,
) -> Result<Compiled, NotUnderstood> {
    let mut by_person = false;
    let mut representatives = Vec::new();
    let mut givers = 0u64;
    for giver in &record.givers {
        match giver {
            Giver::Person => {
                by_person = true;
                givers |= 1;
            }
            Giver::Representative(representative) => {
                givers |= bit_of(representative, known)?;
                representatives.push(mandate(vocabulary, representative));
            }
        }
    }
    let mut nodes = Vec::new();
    flatten(vocabulary, &record.provision, record.recorded_by.as_ref(), None, &mut nodes)?;
    for node in &mut nodes {
        node.scope = scope_of(node, scopes);
    }
    Ok(Compiled {
        reference: ConsentRef { id: record.id.clone(), version: record.version },
        given_at: record.given_at,
        given_day: day_of(record.given_at),
        by_person,
        representatives,
        givers,
        register: record.register.clone(),
        recorded_by: record.recorded_by.clone(),
        nodes,
    })
}

/// A bit of their own for everyone; who is not named is the same as nobody else.
fn bit_of(
    representative: &Representative,
    known: &mut Vec<Option<Identifier>>,
) -> Result<u64, NotUnderstood> {
    let same = |other: &Option<Identifier>| other.is_some() && *other == representative.person;
    let place = known.iter().position(same).unwrap_or_else(|| {
        known.push(representative.person.clone());
        known.len() - 1
    });
    let bit = u32::try_from(place).ok().and_then(|place| place.checked_add(1));
    bit.and_then(|bit| 1u64.checked_shl(bit)).ok_or(NotUnderstood)
}

pub(crate) fn scope_classes(vocabulary: &Vocabulary, scope: Option<&[Box<str>]>) -> ClassSet {
    match scope {
        None => vocabulary.all_classes(),
        Some(codes) => {
            codes.iter().filter_map(|code| vocabulary.classes(code)).fold(ClassSet::EMPTY, ClassSet::union)
        }
    }
}

fn mandate(vocabulary: &Vocabulary, representative: &Representative) -> Mandate {
    Mandate {
        person: representative.person.clone(),
        kind: representative.kind,
        period: representative.mandate.clone(),
        scope: scope_classes(vocabulary, representative.scope.as_deref()),
    }
}

/// Adds a provision and its exceptions. A permit may name what we do not know (it gives less); an
/// objection may not (we would give more than the person allows).
fn flatten(
    vocabulary: &Vocabulary,
    provision: &Provision,
    recorder: Option<&Identifier>,
    parent: Option<usize>,
    nodes: &mut Vec<Node>,
) -> Result<(), NotUnderstood> {
    let inherited = parent.and_then(|index| nodes.get(index)).cloned();
    if depth(nodes, parent) > MAX_DEPTH {
        return Err(NotUnderstood);
    }
    let mut node = inherited.unwrap_or_else(|| Node::bare(provision.kind, recorder));
    node.parent = parent;
    if node.kind != provision.kind {
        // Labels on a permit clear, on an objection they select: one does not inherit the other.
        node.labels = Labels::default();
    }
    node.kind = provision.kind;
    if provision.kind == Kind::Deny && node.holders.is_empty() {
        // An objection under a permit that reaches nobody's data still objects.
        node.holders.push(HolderFacet::Any);
    }
    if !provision.holders.is_empty() {
        node.holders = provision.holders.iter().map(|holder| HolderFacet::of(vocabulary, holder)).collect();
    }
    if !provision.users.is_empty() {
        node.users = provision.users.iter().map(|user| UserFacet::of(vocabulary, user)).collect();
    }
    if !provision.purposes.is_empty() {
        node.purposes_stated = true;
        node.purposes.clone_from(&provision.purposes);
    }
    let mut all_known = true;
    if !provision.classes.is_empty() {
        let found: Vec<_> = provision.classes.iter().map(|code| vocabulary.classes(code)).collect();
        all_known &= found.iter().all(Option::is_some);
        let all = found.into_iter().flatten().fold(ClassSet::EMPTY, ClassSet::union);
        let named: ClassSet = provision.classes.iter().filter_map(|code| vocabulary.class(code)).collect();
        (node.classes, node.by_group) = (Some(all), all.minus(named));
    }
    if !provision.labels.is_empty() {
        node.labels = Labels { named: true, ..Labels::default() };
        for code in &provision.labels {
            match (confidentiality(code), vocabulary.label(code)) {
                (Some(level), _) => node.labels.name(level, provision.kind),
                (None, Some(label)) => node.labels.codes.insert(label),
                (None, None) => all_known = false,
            }
        }
    }
    if !provision.items.is_empty() {
        node.items.clone_from(&provision.items);
    }
    if provision.data_period.is_some() {
        node.data_period.clone_from(&provision.data_period);
    }
    if !provision.context.is_empty() {
        node.context.clone_from(&provision.context);
    }
    node.periods.extend(provision.period.clone());
    let unknown_actor =
        node.holders.contains(&HolderFacet::Unknown) || node.users.contains(&UserFacet::Unknown);
    if provision.kind == Kind::Deny && (unknown_actor || !all_known) {
        return Err(NotUnderstood);
    }
    let here = nodes.len();
    nodes.push(node);
    provision.exceptions.iter().try_for_each(|child| flatten(vocabulary, child, recorder, Some(here), nodes))
}

fn depth(nodes: &[Node], mut parent: Option<usize>) -> usize {
    let mut depth = 1;
    while let Some(node) = parent.and_then(|index| nodes.get(index)) {
        depth += 1;
        parent = node.parent;
    }
    depth
}

fn confidentiality(code: &str) -> Option<Confidentiality> {
    match code {
        "U" | "L" | "M" => Some(Confidentiality::BelowNormal),
        "N" => Some(Confidentiality::Normal),
        "R" | "V" => Some(Confidentiality::Restricted),
        _ => None,
    }
}

impl Labels {
    /// Of several levels the widest counts: the highest for a permit, the lowest for an objection.
    fn name(&mut self, level: Confidentiality, kind: Kind) {
        let other = self.confidentiality.unwrap_or(level);
        self.confidentiality = Some(match kind {
            Kind::Permit => other.max(level),
            Kind::Deny => other.min(level),
        });
    }
}

impl Node {
    /// The outermost provision before its facets are read: what absence means (CONTRACT.md 7). An
    /// absent holder on a permit counts as the recorder named; on an objection, as every holder.
    fn bare(kind: Kind, recorder: Option<&Identifier>) -> Self {
        let (holders, purposes) = match kind {
            Kind::Permit => (
                recorder.cloned().map(HolderFacet::Organisation).into_iter().collect(),
                vec![Purpose::Treat, Purpose::Coc, Purpose::Caremgt],
            ),
            Kind::Deny => (
                vec![HolderFacet::Any],
                Purpose::ALL.into_iter().filter(|purpose| *purpose != Purpose::Patrqt).collect(),
            ),
        };
        Self {
            parent: None,
            kind,
            holders,
            users: Vec::new(),
            purposes,
            purposes_stated: false,
            classes: None,
            by_group: ClassSet::EMPTY,
            labels: Labels::default(),
            items: Vec::new(),
            data_period: None,
            context: Vec::new(),
            periods: Vec::new(),
            scope: 0,
            contested: false,
        }
    }

    /// Equal for what [`Node::same_scope`] holds for equal: to compare each with each would take a large consent minutes.
    fn scope_hash(&self) -> u64 {
        fn set<T: Hash>(items: &[T]) -> Vec<u64> {
            let mut hashes: Vec<u64> = items.iter().map(|item| hash(item)).collect();
            hashes.sort_unstable();
            hashes.dedup();
            hashes
        }
        let purposes = if self.purposes_stated { set(&self.purposes) } else { Vec::new() };
        let lists = [set(&self.holders), set(&self.users), purposes, set(&self.items), set(&self.context)];
        let period = self.data_period.as_ref().map(|period| {
            [&period.start, &period.end].map(|side| side.as_ref().map(|moment| moment.as_str().to_owned()))
        });
        hash(&(lists, self.purposes_stated, period))
    }

    /// Whether these two say something about the same, whatever they say and for how long.
    fn same_scope(&self, other: &Self) -> bool {
        same(&self.holders, &other.holders)
            && same(&self.users, &other.users)
            && self.purposes_stated == other.purposes_stated
            && (!self.purposes_stated || same(&self.purposes, &other.purposes))
            && self.classes == other.classes
            && self.labels == other.labels
            && same(&self.items, &other.items)
            && self.data_period == other.data_period
            && same(&self.context, &other.context)
    }
}

/// As sets: order and repetition say nothing.
fn same<T: PartialEq>(one: &[T], other: &[T]) -> bool {
    one.iter().all(|item| other.contains(item)) && other.iter().all(|item| one.contains(item))
}

/// Scopes that were met, with their hashes.
type Scopes = Vec<(u64, Node)>;

fn scope_of(node: &Node, scopes: &mut Scopes) -> u32 {
    let own = node.scope_hash();
    let same = |(hash, other): &(u64, Node)| *hash == own && node.same_scope(other);
    let place = scopes.iter().position(same).unwrap_or_else(|| {
        scopes.push((own, node.clone()));
        scopes.len() - 1
    });
    u32::try_from(place).unwrap_or(u32::MAX)
}

fn hash<T: Hash>(of: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

impl HolderFacet {
    fn of(vocabulary: &Vocabulary, holder: &Holder) -> Self {
        match holder {
            Holder::Any => Self::Any,
            Holder::Organisation(identifier) => Self::Organisation(identifier.clone()),
            Holder::Category(code) => vocabulary.category(code).map_or(Self::Unknown, Self::Category),
            Holder::Function(code) => vocabulary.function(code).map_or(Self::Unknown, Self::Function),
        }
    }
}

impl UserFacet {
    fn of(vocabulary: &Vocabulary, user: &User) -> Self {
        match user {
            User::Person(identifier) => Self::Person(identifier.clone()),
            User::Organisation(identifier) => Self::Organisation(identifier.clone()),
            User::Category(code) => vocabulary.category(code).map_or(Self::Unknown, Self::Category),
            User::Function(code) => vocabulary.function(code).map_or(Self::Unknown, Self::Function),
        }
    }
}
