//! Stage 7: from what holders sent to what may leave, and into the form that was asked for.

mod form;
pub mod page;

use super::authorise::{Ask, Authorised};
use super::decide::{Decided, Granted, first_use, glass_key};
use super::fetch::Fetched;
use super::locate::is_self;
use crate::notice::About;
use crate::oauth::asker::Asker;
use crate::oauth::scope::Interaction;
use crate::refusal::Refusal;
use crate::sources::{Held, Sent, SourceFailure};
use crate::store::Fence;
use crate::store::facts::{Change, Fact};
use crate::store::keys::PersonNo;
use crate::store::outward::{IdsOf, Named, PERSON};
use crate::store::state::PersonState;
use crate::trail::Trail;
use crate::trust::{Participant, Purpose, participant};
use crate::world::World;
use consent::ClassSet;
use fhir_mappings::audit::{Detail, Kind, Outcome};
use fhir_mappings::grammar::{LastN, Query};
use fhir_mappings::release::{
    Contribution, Holder, Ids, Incident, IncidentKind, Raw, Reader, Release, Released, View, release,
};
use std::sync::Arc;

/// An answer that may leave once it is recorded.
pub struct Minimised {
    pub(super) status: u16,
    pub(super) bytes: Vec<u8>,
    pub(super) location: Option<String>,
    pub(super) etag: Option<String>,
    kind: Kind,
    outcome: Outcome,
    fence: Option<Fence>,
    /// What becomes true with this answer: the hour of a broken glass begins.
    begins: Option<Change>,
    /// Who must hear of it, beside those who asked.
    about: Option<About>,
    /// A search in which nothing stands: what is not there looks as what is withheld, in time too (DESIGN.md 8).
    empty: bool,
}

impl Minimised {
    /// An answer about records of our own (a consent as recorded, the journal, the asker's own decision).
    #[must_use]
    pub(crate) fn authored(kind: Kind, status: u16, bytes: Vec<u8>, fence: Option<Fence>) -> Self {
        Self {
            status,
            bytes,
            location: None,
            etag: None,
            kind,
            outcome: Outcome::Success,
            fence,
            begins: None,
            about: None,
            empty: false,
        }
    }

    /// With the address and version of what was recorded.
    #[must_use]
    pub(crate) fn at(mut self, location: Option<String>, version: u32) -> Self {
        self.location = location;
        self.etag = Some(format!("W/\"{version}\""));
        self
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn outcome(&self) -> Outcome {
        self.outcome.clone()
    }

    pub(super) fn fence(&self) -> Option<Fence> {
        self.fence
    }

    /// With what officers must look at.
    #[must_use]
    pub(crate) fn noticed(mut self, about: Option<About>) -> Self {
        self.about = about;
        self
    }

    pub(super) fn about(&self) -> Option<About> {
        self.about
    }

    /// As a search that found so many.
    #[must_use]
    pub(crate) fn found(mut self, total: usize) -> Self {
        self.empty = total == 0;
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.empty
    }

    pub(super) fn begins(&self) -> Option<&Change> {
        self.begins.as_ref()
    }
}

/// Everything that may leave of this answer, before it takes its form.
struct Passed<'f> {
    granted: &'f Granted,
    release: Release,
    /// Positions of the decisions whose holders contributed, in the order of the contributions.
    from: Vec<usize>,
    /// Positions of the decisions whose holders failed.
    gaps: Vec<usize>,
}

/// Minimises, and gives the answer its form.
///
/// # Errors
/// [`Refusal::SourceUnavailable`] when nothing readable came; [`Refusal::NoGrant`] for a read outside the grant;
/// [`Refusal::TooLarge`].
pub fn minimise(fetched: Fetched, world: &World, trail: &mut Trail) -> Result<Minimised, Refusal> {
    let Fetched { granted, contributions } = fetched;
    let named = |resource_type: &str| names(granted.located.asked(), resource_type);
    let passed = pass(&granted, &contributions, &named, world, trail)?;
    let partial = !passed.gaps.is_empty();
    let form::Rendered { bytes, version, leave, empty } = form::render(&passed, world, trail)?;
    if bytes.len() > world.settings.answer_max {
        return Err(Refusal::TooLarge);
    }
    let left: Vec<&Released> = leave.iter().filter_map(|at| passed.release.resources.get(*at)).collect();
    note(&passed, &left, world, trail);
    keep_apart(&passed, &left, world, trail);
    let outcome = if partial { Outcome::Partial("holder-unavailable".into()) } else { Outcome::Success };
    let begins = glass_broken(&granted);
    let about = begins.as_ref().map(|_| About::EmergencyOpened);
    let fence = Some(granted.fence);
    Ok(Minimised {
        status: 200,
        bytes,
        location: None,
        etag: version.map(|version| format!("W/\"{version}\"")),
        kind: Kind::Answered,
        outcome,
        fence,
        begins,
        about,
        empty,
    })
}

/// A holder and the classes that this asker can get of it: of one elsewhere by its entries in the index, of one whose data
/// lie here by what would leave of them. A class of which everything is withheld is as good as absent.
pub(crate) type Holding = (Arc<Participant>, ClassSet);

/// Which holder has what for this asker.
///
/// # Errors
/// [`Refusal::SourceUnavailable`] when nothing of what lies here can be read.
pub(crate) fn holdings(fetched: &Fetched, world: &World, trail: &mut Trail) -> Result<Vec<Holding>, Refusal> {
    let Fetched { granted, contributions } = fetched;
    let passed = pass(granted, contributions, &|_| true, world, trail)?;
    let vocabulary = world.rules.vocabulary();
    let elsewhere = granted.decisions.iter().filter(|d| d.holder.holder == Some(participant::Holder::Remote));
    let registered = elsewhere.map(|decided| {
        let registered = granted.state().registered(decided.holder.id.as_str(), vocabulary);
        (Arc::clone(&decided.holder), registered.intersection(decided.decision.permitted_classes()))
    });
    let here = passed.release.holders.iter().zip(&passed.from).filter_map(|(given, position)| {
        let decided = granted.decisions.get(*position)?;
        Some((Arc::clone(&decided.holder), given.given.intersection(decided.decision.permitted_classes())))
    });
    Ok(registered.chain(here).collect())
}

/// Ids that leave about one person, for one asking organisation.
pub(crate) struct OutwardFor {
    ids: IdsOf,
    person: PersonNo,
}

impl Ids for OutwardFor {
    fn outward(&self, holder: &str, resource_type: &str, key: &str) -> String {
        let tag = self.ids.tag(holder, resource_type, key);
        self.ids.seal(Named { person: self.person, tag })
    }
}

impl OutwardFor {
    pub(crate) fn new(world: &World, asked: &Authorised, person: PersonNo) -> Self {
        Self { ids: world.outward.of(asked.participant().id.as_str()), person }
    }

    /// The person's own id for this organisation.
    pub(crate) fn patient(&self) -> String {
        self.ids.seal(Named { person: self.person, tag: PERSON })
    }
}

fn pass<'f>(
    granted: &'f Granted,
    contributions: &[Option<Result<Sent, SourceFailure>>],
    types: &dyn Fn(&str) -> bool,
    world: &World,
    trail: &mut Trail,
) -> Result<Passed<'f>, Refusal> {
    let asked = granted.located.asked();
    let mut came = Vec::new();
    let mut gaps = Vec::new();
    for (position, contribution) in contributions.iter().enumerate() {
        match contribution {
            Some(Ok(sent)) => {
                let own = sent.patient_references.iter().map(String::as_str).collect::<Vec<_>>();
                came.push((position, sent.bound, own, sent.resources.iter().map(raw).collect::<Vec<_>>()));
            }
            Some(Err(_)) => gaps.push(position),
            None => {}
        }
    }
    let categories: Vec<Vec<&str>> = granted.decisions.iter().map(categories).collect();
    let described = came.iter().filter_map(|(position, bound, own, raws)| {
        let decided = granted.decisions.get(*position)?;
        let holder = Holder {
            code: decided.holder.id.as_str(),
            name: &decided.holder.name,
            categories: categories.get(*position)?,
        };
        Some(Contribution {
            holder,
            decision: &decided.decision,
            bound: *bound,
            patient_references: own,
            resources: raws,
        })
    });
    let described: Vec<_> = described.collect();
    let asker = asked.session().asker();
    let ids = OutwardFor::new(world, asked, granted.located.subject.person);
    let patient_id = ids.patient();
    let identifiers = &granted.located.subject.state.identifiers;
    let identifiers: Vec<_> = identifiers.iter().map(|(s, v)| (s.as_str(), v.as_str())).collect();
    let view = View {
        function: asker.function.as_ref().map(|f| f.as_str()),
        role: asker.person.role.as_ref().map(|role| role.code.as_str()),
        reader: reader(asker, &granted.located.subject.state),
        emergency: asker.purpose == Purpose::Emergency,
        at: granted.at,
        identifiers: &identifiers,
        patient_id: &patient_id,
        types,
        protected: !granted.located.subject.state.secret_places.is_empty(),
        ids: &ids,
    };
    let release = release(&world.tables, &view, &described);
    let fell: Vec<_> = (0..described.len()).filter(|n| release.fell(&described, *n)).collect();
    let from: Vec<_> = came.iter().map(|(position, ..)| *position).collect();
    for n in &fell {
        let stranger = |i: &Incident| i.holder == *n && i.kind == IncidentKind::WrongPerson;
        let wrong = release.incidents.iter().any(stranger);
        let failure = if wrong { SourceFailure::WrongPerson } else { SourceFailure::Unreadable };
        if let Some(share) = from.get(*n).and_then(|position| trail.entry.shares.get_mut(*position)) {
            share.failed = Some(failure.code().into());
        }
    }
    if !described.is_empty() && fell.len() == described.len() {
        return Err(Refusal::SourceUnavailable);
    }
    gaps.extend(fell.iter().filter_map(|n| from.get(*n)));
    Ok(Passed { granted, release, from, gaps })
}

/// Through whose eyes: what a young person keeps apart reaches no representative (REGION.md 1, rule 7).
fn reader(asker: &Asker, state: &PersonState) -> Reader {
    match asker.purpose {
        Purpose::OwnRequest if is_self(asker, state) => Reader::Person,
        Purpose::OwnRequest => Reader::Representative,
        Purpose::Treatment
        | Purpose::Emergency
        | Purpose::Coordination
        | Purpose::Support
        | Purpose::Compliance => Reader::Professional,
    }
}

fn raw(held: &Held) -> Raw<'_> {
    Raw {
        key: &held.key,
        full_url: held.full_url.as_deref(),
        bytes: &held.bytes,
        recorded: held.recorded.as_deref(),
    }
}

/// Types that the token's scopes name; the Patient always, for the person is whom it is about.
fn names(asked: &Authorised, resource_type: &str) -> bool {
    let scopes = asked.session().scopes();
    resource_type == "Patient"
        || scopes.permit(resource_type, Interaction::Read)
        || scopes.permit(resource_type, Interaction::Search)
}

fn categories(decided: &Decided) -> Vec<&str> {
    decided.holder.categories.iter().map(crate::trust::CategoryCode::as_str).collect()
}

/// Writes into the record what was given, and by whom: what stands in the body, and nothing of those who failed.
fn note(passed: &Passed<'_>, left: &[&Released], world: &World, trail: &mut Trail) {
    for (place, position) in passed.from.iter().enumerate() {
        let (Some(share), Some(decided)) =
            (trail.entry.shares.get_mut(*position), passed.granted.decisions.get(*position))
        else {
            continue;
        };
        let of_holder = left.iter().filter(|released| released.holder == place);
        let classes = of_holder.clone().fold(ClassSet::EMPTY, |all, released| all.union(released.classes));
        share.given = decided.given(classes, &world.rules);
        share.resources = u32::try_from(of_holder.count()).unwrap_or(u32::MAX);
    }
    for position in &passed.gaps {
        if let Some(share) = trail.entry.shares.get_mut(*position) {
            share.given.clear();
            share.resources = 0;
        }
    }
}

/// Counts what a young person keeps from representatives, so that their lens can leave it out of counts, and whole
/// lines where nothing else was given (REGION.md 1, rule 7).
fn keep_apart(passed: &Passed<'_>, left: &[&Released], world: &World, trail: &mut Trail) {
    trail.entry.details.retain(|detail| !detail.name.starts_with(KEPT_APART));
    let kept = world.rules.vocabulary().never_to_representatives();
    let apart = |released: &&&Released| !released.labels.intersection(kept).is_empty();
    let detail = |name: String, value: String| Detail { name, value };
    for (place, position) in passed.from.iter().enumerate() {
        let of_holder = || left.iter().filter(|released| released.holder == place);
        let count = of_holder().filter(apart).count();
        let classes = |kept: bool| {
            let those = of_holder().filter(|released| apart(released) == kept);
            those.fold(ClassSet::EMPTY, |all, released| all.union(released.classes))
        };
        // The classes that nothing else was given of would tell of it too.
        let alone = classes(true).minus(classes(false));
        let alone = alone.iter().map(|class| world.rules.vocabulary().class_code(class));
        let value = std::iter::once(count.to_string()).chain(alone.map(str::to_owned)).collect::<Vec<_>>();
        let holder = passed.granted.decisions.get(*position).map(|decided| decided.holder.id.as_str());
        if let Some(holder) = holder.filter(|_| count > 0) {
            trail.entry.details.push(detail(format!("{KEPT_APART}{holder}"), value.join(" ")));
        }
    }
    let asked_for = |released: &&&Released| match passed.query() {
        // A medicine that comes along is not what was asked for.
        Some(Query::Search(search) | Query::LastN(LastN { search, .. })) => {
            released.resource_type == search.resource
        }
        _ => true,
    };
    let mut asked = left.iter().filter(asked_for).peekable();
    if asked.peek().is_some() && asked.all(|released| apart(&released)) {
        trail.entry.details.push(detail(KEPT_APART.to_owned(), "whole".to_owned()));
    }
}

/// Details that no representative sees: how many resources of a holder and the classes that only they gave, or the whole
/// record.
pub(crate) const KEPT_APART: &str = "kept-apart/";

/// The first use of a broken glass starts its hour; the words of its reason are sealed with it.
fn glass_broken(granted: &Granted) -> Option<Change> {
    let asked = granted.located.asked();
    let broken = asked.session().asker().break_glass.as_ref()?;
    let words = broken.reason_text.clone();
    let asker = glass_key(asked.session().asker());
    let subject = &granted.located.subject;
    let first = first_use(&subject.state, &asker, granted.at).is_none();
    first.then(|| Change::about(subject.person, Fact::GlassBroken { asker, at: granted.at, words }))
}

impl Passed<'_> {
    fn asked(&self) -> &Authorised {
        self.granted.located.asked()
    }

    /// The ask is a disclosure's: only such come here.
    fn query(&self) -> Option<&Query> {
        match self.asked().ask() {
            Ask::Disclosure(query) => Some(query),
            Ask::Record(_) | Ask::Explain(_) | Ask::Index(_) | Ask::Journal(_) | Ask::Directory(_) => None,
        }
    }
}
