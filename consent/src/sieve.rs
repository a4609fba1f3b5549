//! Precedence among the statements that speak on one data class (DOMAIN.md 2.2 and 2.6 item 10).
//! The class as a whole and each single resource are judged by the same code here, so that they
//! cannot disagree. Made by the decision only; an empty sieve lets nothing pass.

use jiff::Timestamp;

use crate::answer::{Item, SenderBasis};
use crate::identifier::Identifier;
use crate::period::Period;
use crate::record::Kind;
use crate::set::LabelSet;

/// How specific a statement is: holder, user, context, resource.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Specificity(pub(crate) [u8; 4]);

impl Specificity {
    /// At least as specific on all four and more on one.
    pub(crate) fn beats(self, other: Self) -> bool {
        self.0.iter().zip(other.0).all(|(mine, theirs)| *mine >= theirs) && self != other
    }
}

/// One statement, reduced to what depends on the single resource.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Voice {
    /// Which consent of the dossier; `None`: a basis that is no consent.
    pub(crate) record: Option<usize>,
    /// Its parent among the voices.
    pub(crate) parent: Option<usize>,
    pub(crate) kind: Kind,
    /// The sender's ground, when a permit.
    pub(crate) basis: SenderBasis,
    /// Whether it speaks at all on this class; if not it only holds exceptions.
    pub(crate) speaks: bool,
    /// Whether its facets hold here, so that permits among its exceptions are exceptions to something.
    pub(crate) holds: bool,
    pub(crate) specificity: Specificity,
    pub(crate) givers: u64,
    pub(crate) given_at: Timestamp,
    /// An objection of a representative where the person now decides alone.
    pub(crate) overruled_by_person: bool,
    /// A statutory basis: no objection reaches it.
    pub(crate) immune: bool,
    /// For a permit the labels it clears; for an objection those it hits, `None`: all resources.
    pub(crate) labels: Option<LabelSet>,
    pub(crate) items: Vec<Identifier>,
    pub(crate) data_period: Option<Period>,
}

impl Voice {
    fn covers(&self, item: &Item<'_>) -> bool {
        let labels = match (self.kind, self.labels) {
            (Kind::Permit, cleared) => item.labels.is_subset(cleared.unwrap_or_default()),
            (Kind::Deny, None) => true,
            (Kind::Deny, Some(hit)) => !item.labels.intersection(hit).is_empty(),
        };
        labels && self.selects(item)
    }
    fn selects(&self, item: &Item<'_>) -> bool {
        let named = self.items.is_empty() || self.items.iter().any(|named| item.identifiers.contains(named));
        let dated = match (&self.data_period, item.dated) {
            (None, _) => true,
            (Some(period), Some(dated)) => period.contains(dated),
            // Of unknown age: an objection hits, a permit does not reach.
            (Some(_), None) => self.kind == Kind::Deny,
        };
        named && dated
    }
    /// Whether this permit overrides that objection.
    pub(crate) fn overrides(&self, objection: &Self) -> bool {
        if self.immune {
            return true;
        }
        let narrower = self.specificity.beats(objection.specificity);
        let all_who_objected_gave_it = objection.givers & !self.givers == 0 && objection.givers != 0;
        let by_the_person = self.givers & 1 == 1;
        (narrower && all_who_objected_gave_it)
            || (objection.overruled_by_person
                && by_the_person
                && (narrower || self.given_at > objection.given_at))
    }
}

/// The statements on one class; a parent stands before its exceptions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Sieve {
    pub(crate) voices: Vec<Voice>,
    /// Labels that never pass here, whoever cleared them.
    pub(crate) never: LabelSet,
}

/// What was heard about one resource: places of permits and of objections among the voices.
#[derive(Default, Debug)]
pub(crate) struct Heard {
    pub(crate) permits: Vec<usize>,
    pub(crate) objections: Vec<usize>,
}

impl Sieve {
    /// A sieve of one basis that is no consent.
    pub(crate) fn of(voice: Voice, never: LabelSet) -> Self {
        Self { voices: vec![voice], never }
    }
    pub(crate) fn allows(&self, item: &Item<'_>) -> bool {
        item.labels.intersection(self.never).is_empty() && self.standing(&self.hear(item)).is_some()
    }
    pub(crate) fn cleared(&self) -> LabelSet {
        self.voices
            .iter()
            .filter(|voice| voice.kind == Kind::Permit && voice.speaks)
            .filter_map(|voice| voice.labels)
            .fold(LabelSet::EMPTY, LabelSet::union)
            .minus(self.never)
    }
    /// Who speaks on this resource, exceptions instead of what they except from.
    pub(crate) fn hear(&self, item: &Item<'_>) -> Heard {
        let mut heard = Heard::default();
        for (index, voice) in self.voices.iter().enumerate() {
            if voice.parent.is_none() {
                self.listen(index, true, item, &mut heard);
            }
        }
        heard
    }
    /// Hears one statement: its exceptions first; true if it or one of them spoke. `inside`: whether
    /// every statement above holds here, without which a permit is no exception to anything. An
    /// objection needs no such frame.
    fn listen(&self, index: usize, inside: bool, item: &Item<'_>, heard: &mut Heard) -> bool {
        let Some(voice) = self.voices.get(index) else { return false };
        let within = inside && voice.holds && voice.selects(item);
        let mut below = Heard::default();
        let mut spoke = false;
        // A record's voices stand together, so its exceptions end where the next one begins.
        let rest = self.voices.iter().enumerate().skip(index + 1);
        for (child, exception) in rest.take_while(|(_, voice)| voice.parent.is_some()) {
            if exception.parent == Some(index) {
                spoke |= self.listen(child, within, item, &mut below);
            }
        }
        if spoke {
            // Among siblings the objection wins.
            if below.objections.is_empty() {
                heard.permits.append(&mut below.permits);
            }
            heard.objections.append(&mut below.objections);
            return true;
        }
        let speaks = voice.speaks && voice.covers(item) && (inside || voice.kind == Kind::Deny);
        if speaks {
            match voice.kind {
                Kind::Permit => heard.permits.push(index),
                Kind::Deny => heard.objections.push(index),
            }
        }
        speaks
    }
    /// The permit that carries a release: one was heard, and every objection is overridden.
    pub(crate) fn standing(&self, heard: &Heard) -> Option<&Voice> {
        let permits = || heard.permits.iter().filter_map(|index| self.voices.get(*index));
        let every_objection_overridden = heard.objections.iter().all(|index| {
            self.voices
                .get(*index)
                .is_some_and(|objection| permits().any(|permit| permit.overrides(objection)))
        });
        if !every_objection_overridden {
            return None;
        }
        permits().find(|permit| permit.record.is_some()).or_else(|| permits().next())
    }
    /// The first resource that passes, and what is heard about it: shows whether anything could pass
    /// at all. Tried are, within the reach of each permit, unmarked ones of every age where the answer
    /// can change; one without a number of its own first.
    pub(crate) fn first_passing(&self) -> Option<(SenderBasis, Heard)> {
        let ages = || {
            let periods = self.voices.iter().filter_map(|voice| voice.data_period.as_ref());
            std::iter::once(None).chain(periods.flat_map(edges))
        };
        let permits = || self.voices.iter().filter(|voice| voice.kind == Kind::Permit);
        let nameless = permits().any(|voice| voice.items.is_empty()).then_some(&[] as &[Identifier]);
        for identifiers in nameless.into_iter().chain(permits().flat_map(|voice| voice.items.chunks(1))) {
            for dated in ages() {
                let heard = self.hear(&Item { labels: LabelSet::EMPTY, identifiers, dated });
                if let Some(carrier) = self.standing(&heard) {
                    return Some((carrier.basis, heard));
                }
            }
        }
        None
    }
}

/// Instants just outside and just inside both ends of a period.
fn edges(period: &Period) -> impl Iterator<Item = Option<Timestamp>> {
    let second = jiff::SignedDuration::from_secs(1);
    let around = |instant: Timestamp| [instant.checked_sub(second).ok(), Some(instant)];
    let start = period.start.as_ref().map(|start| around(start.first()));
    let end = period.end.as_ref().map(|end| around(end.after()));
    start.into_iter().chain(end).flatten()
}
