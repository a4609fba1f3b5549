//! Who and what references lead to, and whether a resource is about this person. Must not decide what may leave.

use super::{Bound, View};
use crate::identifiers::KnownSystem;
use crate::json::name::Names;
use crate::json::{Kind, Value};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;

/// Where a reference leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whom {
    /// To the person the answer is about.
    Subject,
    /// To another person than the answer is about.
    SomebodyElse,
    /// To the resource at this position of the contribution.
    Thing(usize),
    /// To nothing we hold.
    Nothing,
}

/// What references may call a resource.
#[derive(Clone, Copy)]
pub(super) struct Keys<'a> {
    pub(super) key: &'a str,
    pub(super) full_url: Option<&'a str>,
}

/// References within one contribution.
pub(super) struct Person<'a> {
    /// By a whole address: fullUrl, or a key alone.
    whole: HashMap<&'a str, usize>,
    /// By type and id, as relative references name them.
    typed: HashMap<(&'a str, Cow<'a, str>), usize>,
    /// Positions of Patients, and whether each is the person.
    patients: HashMap<usize, bool>,
    own: &'a [&'a str],
    identifiers: &'a [(&'a str, &'a str)],
    bound: Bound,
    /// The address asked about last and where it leads: nearly every resource of a file names the same person.
    last: RefCell<Option<(String, Whom)>>,
}

impl<'a> Person<'a> {
    /// Reads the contribution: of each resource its type, its keys and itself.
    pub(super) fn read(
        resources: &[(&'a str, Keys<'a>, Value<'a>)],
        view: &View<'a>,
        bound: Bound,
        own: &'a [&'a str],
    ) -> Self {
        let mut whole = HashMap::with_capacity(resources.len());
        let mut typed = HashMap::with_capacity(resources.len());
        let mut patients = HashMap::new();
        for (at, (resource_type, keys, resource)) in resources.iter().enumerate() {
            let key = keys.key;
            whole.insert(key, at);
            if let Some(url) = keys.full_url {
                whole.insert(url, at);
            }
            typed.insert((*resource_type, Cow::Borrowed(key)), at);
            if let Some((_, id)) = key.rsplit_once('/') {
                typed.entry((resource_type, Cow::Borrowed(id))).or_insert(at);
            }
            if let Some(id) = resource.get_str("id").filter(|id| **id != *key) {
                typed.entry((resource_type, id)).or_insert(at);
            }
            if *resource_type == "Patient" {
                let mut numbers = resource.each("identifier").peekable();
                let nameless = numbers.peek().is_none();
                let named = names_person(*resource, view.identifiers);
                let declared = own.iter().any(|o| o.strip_prefix("Patient/").unwrap_or(o) == key);
                let person = named.unwrap_or(declared || (nameless && bound == Bound::AtImport));
                patients.insert(at, person);
            }
        }
        Self { whole, typed, patients, own, identifiers: view.identifiers, bound, last: RefCell::default() }
    }

    /// Whether the Patient at this position is the person.
    pub(super) fn is_person(&self, at: usize) -> bool {
        self.patients.get(&at).copied().unwrap_or(false)
    }

    /// The resource under this address, whole or as `Type/id`.
    fn place(&self, address: &str) -> Option<usize> {
        let relative = || {
            self.typed.get(&{
                let (resource_type, id) = address.split_once('/')?;
                (resource_type, Cow::Borrowed(id))
            })
        };
        self.whole.get(address).or_else(relative).copied()
    }

    /// Where a Reference leads. One that names somebody else by number beside leads to somebody else: whom it means cannot
    /// be told.
    pub(super) fn whom(&self, reference: Value<'_>) -> Whom {
        let number = reference.get("identifier");
        let own = number.is_some_and(|number| is_number_of(number, self.identifiers));
        if !own && number.is_some_and(|number| is_such_a_number(number, self.identifiers)) {
            return Whom::SomebodyElse;
        }
        let Some(target) = reference.get_str("reference") else {
            let patient = || reference.get_str("type").as_deref() == Some("Patient");
            return match number {
                Some(_) if own => Whom::Subject,
                Some(_) if patient() => Whom::SomebodyElse,
                Some(_) | None => Whom::Nothing,
            };
        };
        if let Some((_, whom)) = self.last.borrow().as_ref().filter(|(address, _)| *address == target) {
            return *whom;
        }
        let led = self.led_to(&target);
        if let Some(whom) = led {
            self.last.replace(Some((target.clone().into_owned(), whom)));
        }
        led.unwrap_or_else(|| {
            let names_patient = tail_of(address_of(&target)).starts_with("Patient/")
                || reference.get_str("type").as_deref() == Some("Patient");
            match (names_patient, self.bound) {
                (true, Bound::AtImport) => Whom::Subject,
                (true, Bound::Fetched) => Whom::SomebodyElse,
                (false, _) => Whom::Nothing,
            }
        })
    }

    /// Where an address leads by itself, whatever else its Reference says; `None` when it names nothing we know.
    fn led_to(&self, target: &str) -> Option<Whom> {
        if target.starts_with('#') {
            return Some(Whom::Nothing);
        }
        let target = address_of(target);
        // `https://elsewhere/Patient/1` in a fresh answer is not this holder's Patient 1: whole addresses name what they
        // name, and nothing that merely ends alike.
        let whole = self.bound == Bound::Fetched && target.contains("://");
        let tail = if whole { target } else { tail_of(target) };
        let elsewhere = || (tail.len() < target.len()).then(|| self.place(tail)).flatten();
        if let Some(at) = self.place(target).or_else(elsewhere) {
            return Some(match self.patients.get(&at) {
                Some(true) => Whom::Subject,
                Some(false) => Whom::SomebodyElse,
                None => Whom::Thing(at),
            });
        }
        (self.own.contains(&target) || self.own.contains(&tail)).then_some(Whom::Subject)
    }

    /// Whether a resource says that it is about somebody else, or, freshly fetched, does not say about whom.
    pub(super) fn is_about_another(&self, at: usize, resource_type: &str, resource: Value<'_>) -> bool {
        if resource_type == "Patient" {
            return !self.is_person(at);
        }
        let (named, other) = self.subjects(resource);
        if other {
            return true;
        }
        if resource_type == "Appointment" {
            let actors = resource.each("participant").filter_map(|p| p.get("actor"));
            let whoms: Vec<Whom> = actors.map(|actor| self.whom(actor)).collect();
            return whoms.contains(&Whom::SomebodyElse)
                || (self.bound == Bound::Fetched && !whoms.contains(&Whom::Subject));
        }
        !named && self.bound == Bound::Fetched
    }

    /// Whether something that need not be about anybody (a device) says that it is somebody else's.
    pub(super) fn belongs_to_another(&self, resource: Value<'_>) -> bool {
        self.subjects(resource).1
    }

    /// Whether a resource says about whom it is, and whether any of that is somebody else or, freshly fetched, nobody known.
    fn subjects(&self, resource: Value<'_>) -> (bool, bool) {
        let mut named = false;
        for member in resource.members().filter(|member| SUBJECTS.rank(*member).is_some()) {
            let single = Some(member).filter(|member| member.kind() == Kind::Object);
            for about in member.items().chain(single).filter(|about| about.kind() == Kind::Object) {
                named = true;
                let other = match self.whom(about) {
                    Whom::Subject => false,
                    Whom::SomebodyElse => true,
                    // An imported file was found to be one person's; a fetched answer must prove it.
                    Whom::Thing(_) | Whom::Nothing => self.bound == Bound::Fetched || !self.is_loose(about),
                };
                if other {
                    return (named, true);
                }
            }
        }
        (named, false)
    }

    /// Whether a reference says about whom its resource is, where an import has answered that already.
    pub(super) fn is_loose_subject(&self, reference: Value<'_>) -> bool {
        self.bound == Bound::AtImport && SUBJECTS.rank(reference).is_some() && self.is_loose(reference)
    }

    /// A subject that an import may leave open: an URN nobody in the file carries, or no reference at all.
    fn is_loose(&self, about: Value<'_>) -> bool {
        about.get_str("reference").is_none_or(|reference| reference.starts_with("urn:"))
    }
}

/// Members that say about whom a resource is.
const SUBJECTS: Names<4> = Names::new(["subject", "patient", "beneficiary", "for"]);

/// An address without the version that it may name.
fn address_of(target: &str) -> &str {
    target.split("/_history/").next().unwrap_or_default()
}

/// `Patient/1` of `https://example/fhir/Patient/1`.
fn tail_of(target: &str) -> &str {
    let mut slashes = target.rmatch_indices('/').map(|(at, _)| at);
    let second = slashes.nth(1);
    second.and_then(|at| target.get(at + 1..)).unwrap_or(target)
}

/// Whether a Patient is this person by its numbers: not where it bears another BSN too, for one of both is wrong. `None`
/// where none of its numbers says.
pub(crate) fn names_person(patient: Value<'_>, identifiers: &[(&str, &str)]) -> Option<bool> {
    let numbers = || patient.each("identifier");
    let other = |number: Value<'_>| is_bsn(number) && !is_number_of(number, identifiers);
    let knows_bsn = identifiers.iter().any(|(system, _)| KnownSystem::of(system) == Some(KnownSystem::Bsn));
    if knows_bsn && numbers().any(other) {
        return Some(false);
    }
    numbers().any(|number| is_number_of(number, identifiers)).then_some(true)
}

fn is_bsn(number: Value<'_>) -> bool {
    let system = number.get_str("system").unwrap_or_default();
    KnownSystem::of(&system) == Some(KnownSystem::Bsn) && number.get_str("value").is_some()
}

/// Whether an Identifier is one of the person's, in either written form of its system.
fn is_number_of(number: Value<'_>, identifiers: &[(&str, &str)]) -> bool {
    let system = number.get_str("system").unwrap_or_default();
    let value = number.get_str("value").unwrap_or_default();
    let known = KnownSystem::of(&system);
    identifiers.iter().any(|(own, wanted)| {
        *wanted == value && (**own == *system || (known.is_some() && KnownSystem::of(own) == known))
    })
}

/// Whether an Identifier is of a system that names this person.
fn is_such_a_number(number: Value<'_>, identifiers: &[(&str, &str)]) -> bool {
    let system = number.get_str("system").unwrap_or_default();
    let known = KnownSystem::of(&system);
    known == Some(KnownSystem::Bsn)
        || identifiers
            .iter()
            .any(|(own, _)| **own == *system || (known.is_some() && KnownSystem::of(own) == known))
}
