//! Provisions: what is permitted or objected to, with exceptions inside. An element not listed here is refused.

use super::Context;
use super::at::At;
use super::codes;
use super::contents::{identifier, period};
use super::refusal::{Refusal, Why};
use crate::identifiers::KnownSystem;
use consent::record::{Holder, Kind, MAX_DEPTH, Provision, User};
use consent::{Identifier, Purpose};

type Read<T> = Result<T, Refusal>;

/// Reads the outermost provision and all below it.
pub(super) fn provision(at: At<'_>, context: &Context<'_>) -> Read<Provision> {
    let mut left = PROVISIONS_MAX;
    Reader { context }.one(at, 1, &mut left)
}

struct Reader<'c> {
    context: &'c Context<'c>,
}

impl Reader<'_> {
    fn one(&self, at: At<'_>, depth: usize, left: &mut usize) -> Read<Provision> {
        if depth > MAX_DEPTH {
            return Err(at.refuse(Why::TooDeep));
        }
        *left = left.checked_sub(1).ok_or_else(|| at.refuse(Why::TooMany))?;
        let at = at.only(&[
            "type",
            "period",
            "actor",
            "action",
            "securityLabel",
            "purpose",
            "code",
            "dataPeriod",
            "data",
            "provision",
        ])?;
        let kind = match at.text("type")?.as_deref() {
            Some("permit") => Kind::Permit,
            Some("deny") => Kind::Deny,
            Some(_) => return Err(at.refuse_at("type", Why::Shape)),
            None => return Err(at.refuse_at("type", Why::ProvisionUntyped)),
        };
        let mut read = Provision::new(kind);
        read.period = at.get("period").map(period).transpose()?;
        read.data_period = at.get("dataPeriod").map(period).transpose()?;
        for actor in at.list("actor")? {
            self.actor(actor, &mut read)?;
        }
        for action in at.list("action")? {
            if action.one_coding(Why::ActionOther)? != (codes::ACTION.to_owned(), "access".to_owned()) {
                return Err(action.refuse(Why::ActionOther));
            }
        }
        read.purposes = self.purposes(&at)?;
        for code in at.list("code")? {
            read.classes.push(self.class(&code, kind)?);
        }
        for label in at.list("securityLabel")? {
            read.labels.push(self.label(label)?);
        }
        for data in at.list("data")? {
            self.data(data, &mut read)?;
        }
        for exception in at.list("provision")? {
            read.exceptions.push(self.one(exception, depth + 1, left)?);
        }
        Ok(read)
    }

    fn actor(&self, at: At<'_>, read: &mut Provision) -> Read<()> {
        let at = at.only(&["role", "reference"])?;
        let (system, role) = at.need("role", Why::Shape)?.one_coding(Why::RoleUnknown)?;
        let reference = at.need("reference", Why::Shape)?;
        match (system.as_str(), role.as_str()) {
            (codes::PARTICIPATION, "CST") => read.holders.push(self.holder(reference)?),
            (codes::PARTICIPATION, "IRCP") => read.users.push(self.user(reference)?),
            _ => return Err(at.refuse_at("role", Why::RoleUnknown)),
        }
        Ok(())
    }

    fn holder(&self, at: At<'_>) -> Read<Holder> {
        let (named, kind) = named(&at, Why::HolderUnknown)?;
        match (&*named.system, &*named.value, kind.as_deref()) {
            (codes::CATEGORY, "any", Some("Group") | None) => Ok(Holder::Any),
            (codes::CATEGORY, code, Some("Group") | None) => self.category(&at, code).map(Holder::Category),
            (codes::FUNCTION, code, Some("Group") | None) => self.function(&at, code).map(Holder::Function),
            (_, _, Some("Organization") | None) if (self.context.takes_part)(&named) => {
                Ok(Holder::Organisation(named))
            }
            _ => Err(at.refuse(Why::HolderUnknown)),
        }
    }

    fn user(&self, at: At<'_>) -> Read<User> {
        let (named, kind) = named(&at, Why::UserUnknown)?;
        let group = matches!(kind.as_deref(), Some("Group") | None);
        let organisation = matches!(kind.as_deref(), Some("Organization") | None);
        let practitioner = matches!(kind.as_deref(), Some("Practitioner") | None);
        match (&*named.system, &*named.value) {
            (codes::CATEGORY, code) if group => self.category(&at, code).map(User::Category),
            (codes::FUNCTION, code) if group => self.function(&at, code).map(User::Function),
            (system, _) if practitioner && is_person(system, kind.as_deref()) => Ok(User::Person(named)),
            (system, _)
                if organisation
                    && (is_organisation(system, kind.as_deref()) || (self.context.takes_part)(&named)) =>
            {
                Ok(User::Organisation(named))
            }
            _ => Err(at.refuse(Why::UserUnknown)),
        }
    }

    fn category(&self, at: &At<'_>, code: &str) -> Read<Box<str>> {
        let known = self.context.vocabulary.category(code).map(|_| code.into());
        known.ok_or_else(|| at.refuse(Why::CategoryUnknown))
    }

    fn function(&self, at: &At<'_>, code: &str) -> Read<Box<str>> {
        let known = self.context.vocabulary.function(code).map(|_| code.into());
        known.ok_or_else(|| at.refuse(Why::FunctionUnknown))
    }

    /// Purposes of ours; those that nobody can ask for here are passed over as long as one of ours remains, since
    /// an empty list would mean the default.
    fn purposes(&self, at: &At<'_>) -> Read<Vec<Purpose>> {
        let mut purposes = Vec::new();
        let named = at.list("purpose")?;
        for purpose in &named {
            let (system, code) = purpose.clone().coding(Why::PurposeUnknown)?;
            match Purpose::parse(&code).filter(|_| system == codes::ACT_REASON) {
                Some(known) if purposes.contains(&known) => {}
                Some(known) => purposes.push(known),
                None if system == codes::ACT_REASON
                    && codes::PURPOSES_NEVER_ASKED.contains(&code.as_str()) => {}
                None => return Err(purpose.refuse(Why::PurposeUnknown)),
            }
        }
        if purposes.is_empty() && !named.is_empty() {
            return Err(at.refuse_at("purpose", Why::PurposeUnknown));
        }
        Ok(purposes)
    }

    fn class(&self, at: &At<'_>, kind: Kind) -> Read<Box<str>> {
        let (system, code) = at.one_coding(Why::ClassUnknown)?;
        if system != codes::DATA_CLASS || self.context.vocabulary.classes(&code).is_none() {
            return Err(at.refuse(Why::ClassUnknown));
        }
        if kind == Kind::Deny && code == "identity" {
            return Err(at.refuse(Why::IdentityObjection));
        }
        Ok(code.into())
    }

    fn label(&self, at: At<'_>) -> Read<Box<str>> {
        let refusal = at.refuse(Why::LabelUnknown);
        let (system, code) = at.coding(Why::LabelUnknown)?;
        let level = system == codes::CONFIDENTIALITY && codes::LEVELS.contains(&code.as_str());
        let known = level || self.context.vocabulary.label_in(&system, &code).is_some();
        if known { Ok(code.into()) } else { Err(refusal) }
    }

    fn data(&self, at: At<'_>, read: &mut Provision) -> Read<()> {
        let at = at.only(&["meaning", "reference"])?;
        let meaning = at.text("meaning")?.ok_or_else(|| at.refuse_at("meaning", Why::Shape))?;
        let reference = at.need("reference", Why::Shape)?;
        match &*meaning {
            "instance" => read.items.push(named(&reference, Why::DataUnidentified)?.0),
            "related" => {
                let (named, kind) = named(&reference, Why::DataUnidentified)?;
                if kind.is_some_and(|kind| !codes::RELATED_TYPES.contains(&kind.as_str())) {
                    return Err(reference.refuse(Why::DataUnidentified));
                }
                read.context.push(named);
            }
            _ => return Err(at.refuse_at("meaning", Why::MeaningUnknown)),
        }
        Ok(())
    }
}

/// The identifier of a Reference, and its type if written. A literal address is refused: it would name something
/// in somebody else's numbering.
fn named(at: &At<'_>, why: Why) -> Read<(Identifier, Option<String>)> {
    if at.value.get("reference").is_some() {
        return Err(at.refuse(why));
    }
    let reference = at.clone().only(&["type", "identifier", "display"])?;
    let kind = reference.text("type")?.map(std::borrow::Cow::into_owned);
    Ok((identifier(reference.need("identifier", why)?, why)?, kind))
}

/// AGB codes name persons and organisations: with one the type must be written.
fn is_person(system: &str, kind: Option<&str>) -> bool {
    match KnownSystem::of(system) {
        Some(KnownSystem::Uzi | KnownSystem::Big) => true,
        Some(KnownSystem::Agb) => kind.is_some(),
        Some(
            KnownSystem::Bsn
            | KnownSystem::Ura
            | KnownSystem::UziSystem
            | KnownSystem::Kvk
            | KnownSystem::Oin
            | KnownSystem::Uzovi,
        ) => false,
        None => system == codes::PERSON,
    }
}

fn is_organisation(system: &str, kind: Option<&str>) -> bool {
    match KnownSystem::of(system) {
        Some(KnownSystem::Ura | KnownSystem::Kvk | KnownSystem::Oin | KnownSystem::Uzovi) => true,
        Some(KnownSystem::Agb) => kind.is_some(),
        Some(KnownSystem::Bsn | KnownSystem::Uzi | KnownSystem::UziSystem | KnownSystem::Big) | None => false,
    }
}

/// Most provisions in one consent, nested ones counted.
const PROVISIONS_MAX: usize = 100;
