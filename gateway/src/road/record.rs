//! Stage 8: the record, on stable storage, before a byte leaves. The one maker of [`Recorded`].
//!
//! The recorder is concrete; faults are injected at the file port below it, so that no fake sink can make a
//! `Recorded` (DESIGN.md 3).

use super::minimise::Minimised;
use crate::notice::{self, About};
use crate::portal::page::PersonalPage;
use crate::refusal::Refusal;
use crate::store::facts::Change;
use crate::store::leaf::{Draft, Drafts};
use crate::store::{Fence, RecordError};
use crate::trail::Trail;
use crate::world::World;
use fhir_mappings::audit::{Kind, Outcome};

/// A value whose record is on stable storage. It owns what it vouches for: no `Clone`, no `From`, one maker.
pub struct Recorded<T> {
    value: T,
    index: u64,
}

impl<T> Recorded<T> {
    /// What was recorded.
    pub(crate) fn value(&self) -> &T {
        &self.value
    }

    /// Gives up the proof for the value, to write it out.
    pub(super) fn into_value(self) -> T {
        self.value
    }

    /// Index of its record in the journal.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }
}

/// The journal took no record: nothing may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditUnavailable;

/// Records a disclosure. `None` when what it was decided on has moved: decide again.
///
/// # Errors
/// [`Refusal::AuditUnavailable`].
pub async fn record_disclosure(
    minimised: Minimised,
    world: &World,
    trail: &Trail,
) -> Result<Option<Recorded<Minimised>>, Refusal> {
    if let Some(change) = minimised.begins().cloned() {
        return record_change(minimised, change, world, trail).await;
    }
    let (kind, outcome, fence) = (minimised.kind(), minimised.outcome(), minimised.fence());
    let drafts = noticed(draft(trail, kind, outcome, world), minimised.about(), trail, world)?;
    let told = drafts.beside.len();
    let recorded = commit(drafts, minimised, fence, world).await;
    settled(matches!(recorded, Ok(Some(_))), told, trail, world);
    Ok(recorded?)
}

/// Records that holders elsewhere are asked: it enters before they are, and stands before anything of them is used.
///
/// # Errors
/// [`AuditUnavailable`]; then nothing of theirs is.
pub async fn record_asked(asking: Draft, world: &World) -> Result<(), AuditUnavailable> {
    let recorded = world.store.record(asking, None).await;
    recorded.map(drop).map_err(|_| AuditUnavailable)
}

/// The record that ends this request; it names the rules in force also where none had to be asked (NEN 7513).
pub(super) fn draft(trail: &Trail, kind: Kind, outcome: Outcome, world: &World) -> Draft {
    let mut draft = trail.draft(kind, outcome, world.clock.now());
    draft.entry.protocols = world.protocols();
    draft
}

/// The record with the notices that it calls for.
fn noticed(
    main: Draft,
    about: Option<About>,
    trail: &Trail,
    world: &World,
) -> Result<Drafts, AuditUnavailable> {
    let beside = about.map(|about| notice::of(about, trail, world, main.time)).transpose();
    let mut beside = beside.map_err(|_| AuditUnavailable)?.unwrap_or_default();
    beside.extend(notice::of_unfit(trail, world, main.time));
    Ok(Drafts { main, beside })
}

/// Notices stand in the journal with their record, or were told to nobody.
fn settled(recorded: bool, told: usize, trail: &Trail, world: &World) {
    if recorded {
        notice::count(told, world);
    } else {
        notice::untold(trail, world);
    }
}

async fn commit<T>(
    draft: impl Into<Drafts>,
    value: T,
    fence: Option<Fence>,
    world: &World,
) -> Result<Option<Recorded<T>>, AuditUnavailable> {
    match world.store.record(draft, fence).await {
        Ok(placed) => Ok(Some(Recorded { value, index: placed.records.start })),
        Err(RecordError::Moved) => Ok(None),
        Err(RecordError::Unavailable | RecordError::Unfit) => Err(AuditUnavailable),
    }
}

/// Records a refusal.
///
/// # Errors
/// [`AuditUnavailable`]; then the caller hears only that.
pub async fn record_refusal(
    refusal: Refusal,
    world: &World,
    trail: &Trail,
) -> Result<Recorded<Refusal>, AuditUnavailable> {
    let kind = if trail.entry.kind == Kind::DryRun { Kind::DryRun } else { Kind::Refused };
    let draft = draft(trail, kind, Outcome::Refused(refusal.reason()), world);
    // A refused emergency is flagged: the one it was about is told, and officers look at it.
    let emergency = trail.entry.emergency.is_some() && matches!(refusal, Refusal::NoGrant(_));
    let drafts = noticed(draft, emergency.then_some(About::EmergencyRefused), trail, world)?;
    let told = drafts.beside.len();
    let recorded = commit(drafts, refusal, None, world).await;
    settled(matches!(recorded, Ok(Some(_))), told, trail, world);
    recorded?.ok_or(AuditUnavailable)
}

/// Makes a change durable with its record, and vouches for the answer about it. `None` when the person's state moved
/// under it.
///
/// # Errors
/// [`Refusal::AuditUnavailable`].
pub async fn record_change(
    answer: Minimised,
    change: Change,
    world: &World,
    trail: &Trail,
) -> Result<Option<Recorded<Minimised>>, Refusal> {
    let draft = draft(trail, answer.kind(), answer.outcome(), world);
    let drafts = noticed(draft, answer.about(), trail, world)?;
    let fence = answer.fence();
    let recorded = commit_change(drafts, answer, change, fence, world).await;
    if !matches!(recorded, Ok(Some(_))) {
        notice::untold(trail, world);
    }
    Ok(recorded?)
}

async fn commit_change<T>(
    drafts: Drafts,
    value: T,
    change: Change,
    fence: Option<Fence>,
    world: &World,
) -> Result<Option<Recorded<T>>, AuditUnavailable> {
    let told = drafts.beside.len();
    match world.store.change(drafts, change, fence, None).await {
        Ok(placed) => {
            notice::count(told, world);
            Ok(Some(Recorded { value, index: placed.records.start }))
        }
        Err(RecordError::Moved) => Ok(None),
        Err(RecordError::Unavailable | RecordError::Unfit) => Err(AuditUnavailable),
    }
}

/// Records that somebody signed in sees a page with personal data.
///
/// # Errors
/// [`AuditUnavailable`].
pub async fn record_page(
    page: PersonalPage,
    world: &World,
    trail: &Trail,
) -> Result<Recorded<PersonalPage>, AuditUnavailable> {
    let draft = draft(trail, Kind::Portal, Outcome::Success, world);
    commit(draft, page, None, world).await?.ok_or(AuditUnavailable)
}

/// Makes a person's own choice durable with its record, and vouches for the page that says so. `None` when the person's
/// state moved under it.
///
/// # Errors
/// [`AuditUnavailable`].
pub async fn record_choice(
    page: PersonalPage,
    change: Change,
    fence: Fence,
    world: &World,
    trail: &Trail,
) -> Result<Option<Recorded<PersonalPage>>, AuditUnavailable> {
    let draft = draft(trail, Kind::Consent, Outcome::Success, world);
    commit_change(draft.into(), page, change, Some(fence), world).await
}

impl From<AuditUnavailable> for Refusal {
    fn from(_: AuditUnavailable) -> Self {
        Self::AuditUnavailable
    }
}
