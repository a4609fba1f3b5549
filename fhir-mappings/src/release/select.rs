//! Which resources of one holder may leave, and in which forms. Must not look at single elements beyond what a
//! filter of `levels.txt` names, and must not write.

use super::dates::{date_of, ends_after, in_force, is_active, is_severe};
use super::{Holder, Reader, View};
use crate::classify::Marked;
use crate::classify::codes::Mark;
use crate::json::Value;
use crate::tables::automaton::{FULL, PERSON, REDUCED, REPRESENTATIVE, Shapes};
use crate::tables::{Filter, Form, Tables, TypeKind, When, function_bit};
use consent::answer::{Item, Part, Permit, SenderBasis};
use consent::period::Edge;
use consent::{ClassSet, DataClass, Decision, Identifier, LabelSet, Level};
use jiff::Timestamp;

/// The reader as one bit.
pub(super) fn reader_bit(tables: &Tables, view: &View<'_>) -> u64 {
    match (view.reader, view.function) {
        (Reader::Person, _) => PERSON,
        (Reader::Representative, _) => REPRESENTATIVE,
        (Reader::Professional, Some(code)) => {
            tables.vocabulary.function(code).map_or(0, |function| function_bit(function.index()))
        }
        (Reader::Professional, None) => 0,
    }
}

/// What was decided about one holder, by class.
pub(super) struct Access<'a> {
    tables: &'a Tables,
    view: &'a View<'a>,
    holder: Holder<'a>,
    classes: Vec<Option<Open<'a>>>,
    organisation: Option<Shapes>,
    /// How far back the forms that ask for so many months look.
    oldest: Vec<(i64, Edge)>,
}

/// A class that is open.
struct Open<'a> {
    class: DataClass,
    permit: &'a Permit,
    shape: Shapes,
    form: Option<&'a Form>,
}

/// A resource that may leave, if something is left of it.
pub(super) struct Judged<'a> {
    pub(super) resource_type: &'a str,
    pub(super) marked: Marked,
    pub(super) need: Shapes,
    /// Tells of safety at home: who reported it reaches nobody.
    pub(super) safety: bool,
    /// Only so many of the newest of a class may leave: the class, how many, and its date.
    pub(super) latest: Option<(u8, usize, Option<Timestamp>)>,
}

/// A resource with what is known of it.
#[derive(Clone, Copy)]
pub(super) struct Thing<'a> {
    pub(super) resource_type: &'a str,
    pub(super) value: Value<'a>,
    pub(super) marked: Marked,
    /// The first of its type in the contribution.
    pub(super) first: bool,
}

impl Thing<'_> {
    /// First instant of its own date, and the one after it. Read when asked: few permits ask.
    fn dated(&self) -> Option<(Timestamp, Timestamp)> {
        date_of(self.value).map(|moment| (moment.first(), moment.after()))
    }
}

impl<'a> Access<'a> {
    pub(super) fn new(
        tables: &'a Tables,
        view: &'a View<'a>,
        holder: Holder<'a>,
        decision: &'a Decision,
        reader: u64,
    ) -> Self {
        let mut oldest = Vec::new();
        let mut classes: Vec<Option<Open<'a>>> = (0..tables.forms.len()).map(|_| None).collect();
        for (class, permit) in decision.permits() {
            let form = tables.form_for(class, permit, reader, view);
            for (_, filter) in form.iter().flat_map(|form| &form.filters) {
                if let Filter::Months(months) = filter {
                    oldest.extend(months_before(view.at, *months).map(|at| (*months, Edge::new(at))));
                }
            }
            let shape = match (form, permit.level) {
                (Some(form), _) => form.bit,
                (None, Level::Full) => FULL,
                (None, Level::Reduced) => REDUCED,
            };
            if let Some(slot) = classes.get_mut(usize::from(class.index())) {
                *slot = Some(Open { class, permit, shape, form });
            }
        }
        let organisation = (tables.organisation_only != 0).then_some(tables.organisation_only);
        Self { tables, view, holder, classes, organisation, oldest }
    }

    fn open(&self, class: DataClass) -> Option<&Open<'a>> {
        self.classes.get(usize::from(class.index()))?.as_ref()
    }

    /// The form in which a class is open, for elements that belong to another class than their resource.
    pub(super) fn need(&self, class: u8) -> Option<Shapes> {
        self.classes.get(usize::from(class))?.as_ref().map(|open| open.shape)
    }

    /// The forms in which anything is open, for facts.
    pub(super) fn shape_of(&self, class: DataClass) -> Option<Shapes> {
        self.open(class).map(|open| open.shape)
    }

    /// Whether a coding of these classes and labels may be told within a resource of `around`, whose labels are cleared by
    /// `labelled`.
    pub(super) fn may_tell(&self, mark: &Mark, around: ClassSet, labelled: ClassSet) -> bool {
        let told = mark.classes.minus(around);
        !mark.never
            && told.iter().all(|class| self.open(class).is_some())
            && self.cleared(mark.labels, mark.classes.union(labelled))
    }

    /// Whether every label is cleared on every class: the class implies it, or its permit clears it (all-match). Where there
    /// is no class there is nothing that could clear one.
    fn cleared(&self, labels: LabelSet, classes: ClassSet) -> bool {
        let vocabulary = &self.tables.vocabulary;
        let labels = labels.minus(self.tables.whereabouts);
        if !labels.intersection(vocabulary.never_released()).is_empty() {
            return false;
        }
        let kept = vocabulary.never_to_representatives();
        if self.view.reader == Reader::Representative && !labels.intersection(kept).is_empty() {
            return false;
        }
        let clears = |class| {
            let free = self.tables.vocabulary.implied(class);
            let open = self.open(class);
            open.is_some_and(|open| labels.is_subset(free.union(open.permit.obligations.cleared())))
        };
        labels.is_empty() || (!classes.is_empty() && classes.iter().all(clears))
    }

    /// Whether a resource may leave, in which forms.
    pub(super) fn judge(&self, thing: Thing<'a>) -> Option<Judged<'a>> {
        let Marked { class, by_domain, .. } = thing.marked;
        let rule = self.tables.types.get(thing.resource_type)?;
        let kind = rule.kind;
        if class.never || kind == TypeKind::Closed {
            return None;
        }
        if class.unclassified && !self.may_see_unclassified() {
            return None;
        }
        let bears = class.classes;
        let shut: ClassSet = bears.iter().filter(|class| self.open(*class).is_none()).collect();
        let mut judged = Judged {
            resource_type: thing.resource_type,
            marked: thing.marked,
            need: if kind == TypeKind::Directory { FULL } else { 0 },
            safety: !bears.intersection(self.tables.safety).is_empty(),
            latest: None,
        };
        if !shut.is_empty() {
            // REGION.md 1, rule 2: of a domain that is shut only the organisation's name may show.
            let rest = bears.minus(by_domain);
            let labelled = if rest.is_empty() { rule.labels_by } else { rest };
            let only_domain = shut.is_subset(by_domain) && self.cleared(class.labels, labelled);
            // A part of an organisation is a department.
            let whole = thing.value.get("partOf").is_none();
            judged.need = self.organisation.filter(|_| only_domain && whole && self.gives_anything())?;
            return rest.iter().all(|class| self.item_passes(class, thing)).then_some(judged);
        }
        // A directory entry is labelled for what refers to it: a medicine as medicines are.
        if !self.cleared(class.labels, if bears.is_empty() { rule.labels_by } else { bears }) {
            return None;
        }
        for class in bears.iter() {
            let open = self.open(class)?;
            if !self.item_passes(class, thing) {
                return None;
            }
            let team = open.permit.obligations.part == Part::TreatingTeam;
            if kind == TypeKind::Directory || (by_domain.contains(class) && !team) {
                if team {
                    judged.need = open.shape;
                }
                continue;
            }
            match open.form.filter(|form| !self.excused(form)) {
                Some(form) => {
                    judged.need |= form.bit;
                    for (only, filter) in &form.filters {
                        let applies = only.as_ref().is_none_or(|only| **only == *thing.resource_type);
                        if applies && !self.fits(class, filter, thing, &mut judged) {
                            return None;
                        }
                    }
                }
                None if open.form.is_some() => judged.need |= FULL,
                None => judged.need |= open.shape,
            }
        }
        Some(judged)
    }

    /// Whether anything of this holder reaches this reader.
    fn gives_anything(&self) -> bool {
        self.classes.iter().any(Option::is_some)
    }

    /// What the tables cannot class reaches its own holder, the person, and nobody else but a reader inside gp and
    /// ggz for whom notes are open in full.
    fn may_see_unclassified(&self) -> bool {
        self.tables.notes.iter().find_map(|notes| self.open(notes)).is_some_and(|open| {
            let own = matches!(open.permit.basis.sender, SenderBasis::OwnData | SenderBasis::OwnAccess);
            let clinical = self.tables.clinical & reader_bit(self.tables, self.view) != 0;
            open.permit.level == Level::Full && (own || clinical)
        })
    }

    fn excused(&self, form: &Form) -> bool {
        form.filters.iter().any(|(_, filter)| match filter {
            Filter::Unless(role) => self.view.role == Some(role),
            _ => false,
        })
    }

    fn fits(&self, class: DataClass, filter: &Filter, thing: Thing<'_>, judged: &mut Judged<'_>) -> bool {
        match filter {
            Filter::Active => is_active(thing.value),
            Filter::InForce => in_force(thing.value, self.view.at),
            Filter::Severe => is_severe(thing.value),
            Filter::Concluded => {
                thing.value.get("valueCodeableConcept").is_some() || thing.value.get("valueBoolean").is_some()
            }
            Filter::Months(months) => {
                let oldest = self.oldest.iter().find(|(of, _)| of == months);
                oldest.is_some_and(|(_, edge)| ends_after(thing.value, edge))
            }
            Filter::Latest(count) => {
                judged.latest = Some((class.index(), *count, thing.dated().map(|(first, _)| first)));
                true
            }
            Filter::Holder(category) => self.holder.categories.iter().any(|c| **c == **category),
            Filter::Coded(set) => thing.marked.sets & set != 0,
            Filter::NotCoded(set) => thing.marked.sets & set == 0,
            Filter::FirstOr(set) => thing.first || thing.marked.sets & set != 0,
            Filter::Unless(_) => true,
        }
    }

    /// What a permit says about single items and about the age of data.
    fn item_passes(&self, class: DataClass, thing: Thing<'_>) -> bool {
        let Some(open) = self.open(class) else { return false };
        if !self.bears_items(thing) {
            return true;
        }
        let obligations = &open.permit.obligations;
        let numbers = if obligations.asks_identifiers() { identifiers_of(thing.value) } else { Vec::new() };
        let asked = obligations.asks_date() || obligations.max_age_days.is_some();
        let dated = if asked { thing.dated() } else { None };
        let labels = thing.marked.class.labels.minus(self.tables.whereabouts);
        // What has no date cannot be shown to be young enough.
        let young = obligations.max_age_days.is_none_or(|days| {
            let oldest = self.view.at.checked_sub(jiff::SignedDuration::from_hours(i64::from(days) * 24));
            dated.is_some_and(|(_, after)| oldest.is_ok_and(|oldest| after > oldest))
        });
        let item = Item { labels, identifiers: &numbers, dated: dated.map(|(first, _)| first) };
        young && obligations.allows(&item)
    }

    /// Whether a fact of this form may rest on this resource: classes, labels and obligations allow it, whatever the
    /// form itself lets out.
    pub(super) fn may_ground(&self, shape: Shapes, thing: Thing<'_>) -> bool {
        let class = thing.marked.class;
        !class.never
            && !class.unclassified
            && self.cleared(class.labels, class.classes)
            && class.classes.iter().all(|class| self.open(class).is_some() && self.item_passes(class, thing))
            && class.classes.iter().any(|class| self.shape_of(class) == Some(shape))
    }

    /// The classes that are open in this form.
    pub(super) fn classes_of(&self, shape: Shapes) -> ClassSet {
        self.classes.iter().flatten().filter(|open| open.shape == shape).map(|open| open.class).collect()
    }

    /// The Patient itself and directory entries are no items with an age.
    fn bears_items(&self, thing: Thing<'_>) -> bool {
        let open = self.tables.types.get(thing.resource_type).is_some_and(|rule| rule.kind == TypeKind::Open);
        open && thing.resource_type != "Patient"
    }
}

fn months_before(at: Timestamp, months: i64) -> Option<Timestamp> {
    let zoned = at.to_zoned(consent::period::amsterdam());
    zoned.checked_sub(jiff::Span::new().try_months(months).ok()?).ok().map(|zoned| zoned.timestamp())
}

fn identifiers_of(resource: Value<'_>) -> Vec<Identifier> {
    let numbers = resource.each("identifier");
    numbers
        .filter_map(|number| Some(Identifier::new(&*number.get_str("system")?, &*number.get_str("value")?)))
        .collect()
}

impl Tables {
    /// The form of a class for this reader; `None` when no line of `levels.txt` speaks of it.
    fn form_for(&self, class: DataClass, permit: &Permit, reader: u64, view: &View<'_>) -> Option<&Form> {
        self.forms.get(usize::from(class.index()))?.iter().find(|form| {
            let now = match form.when {
                When::TreatingTeam => permit.obligations.part == Part::TreatingTeam,
                When::Emergency => view.emergency,
                When::Organisation => false,
                When::Always => true,
            };
            now && form.fits(permit.level, reader)
        })
    }
}
