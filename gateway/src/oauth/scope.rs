//! SMART v2 scopes: `system/Type.cruds`.
//!
//! Only the `system` level, only v2 permissions, no granular queries: anything else is no scope here
//! (`invalid_scope`), so that nothing is granted that the road would not check.

use crate::trust::code::BadCode;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One scope.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope {
    /// A FHIR type, or `*`.
    resource: String,
    permissions: Permissions,
}

/// What may be done: a set of create, read, update, delete, search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Permissions(u8);

/// One thing to do with a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Interaction {
    Create,
    Read,
    Update,
    Delete,
    Search,
}

impl Interaction {
    const LETTERS: [(char, Self); 5] = [
        ('c', Self::Create),
        ('r', Self::Read),
        ('u', Self::Update),
        ('d', Self::Delete),
        ('s', Self::Search),
    ];

    fn bit(self) -> u8 {
        1 << (self as u8)
    }
}

impl Scope {
    /// Reads one scope.
    ///
    /// # Errors
    /// [`BadCode`] for anything but `system/Type.cruds`, letters in that order, each at most once.
    pub fn parse(raw: &str) -> Result<Self, BadCode> {
        let bad = BadCode { expected: "a SMART v2 scope such as system/Condition.rs" };
        let (resource, letters) =
            raw.strip_prefix("system/").and_then(|rest| rest.split_once('.')).ok_or(bad.clone())?;
        let is_type = (1..=64).contains(&resource.len())
            && resource.starts_with(|c: char| c.is_ascii_uppercase())
            && resource.bytes().all(|b| b.is_ascii_alphabetic());
        let permissions = Permissions::parse(letters).filter(|_| is_type || resource == "*").ok_or(bad)?;
        Ok(Self { resource: resource.to_owned(), permissions })
    }

    fn covers(&self, resource: &str) -> bool {
        self.resource == "*" || self.resource == resource
    }
}

impl Permissions {
    fn parse(letters: &str) -> Option<Self> {
        let mut order = Interaction::LETTERS.iter();
        let bits = letters.chars().try_fold(0, |bits, letter| {
            order.find(|(known, _)| *known == letter).map(|(_, interaction)| bits | interaction.bit())
        })?;
        (bits != 0).then_some(Self(bits))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = Interaction::LETTERS.iter().filter(|(_, i)| self.permissions.0 & i.bit() != 0);
        write!(f, "system/{}.{}", self.resource, held.map(|(letter, _)| letter).collect::<String>())
    }
}

impl TryFrom<String> for Scope {
    type Error = BadCode;
    fn try_from(raw: String) -> Result<Self, BadCode> {
        Self::parse(&raw)
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> String {
        scope.to_string()
    }
}

/// The scopes of a token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// Reads a space-separated list of at least one scope; one that stands there twice counts once.
    ///
    /// # Errors
    /// [`BadCode`] when one of them, or the list, is none.
    pub fn parse(raw: &str) -> Result<Self, BadCode> {
        let mut scopes = Vec::new();
        for one in raw.split(' ') {
            let scope = Scope::parse(one)?;
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        Ok(Self(scopes))
    }

    /// Whether an interaction with a type is within these scopes.
    #[must_use]
    pub fn permit(&self, resource: &str, interaction: Interaction) -> bool {
        self.0.iter().any(|s| s.covers(resource) && s.permissions.0 & interaction.bit() != 0)
    }

    /// Whether each of these scopes is wholly within what is registered.
    #[must_use]
    pub fn within(&self, registered: &[Scope]) -> bool {
        self.0.iter().all(|asked| {
            let held = registered.iter().filter(|r| r.covers(&asked.resource));
            let bits = held.fold(0, |bits, r| bits | r.permissions.0);
            asked.permissions.0 & !bits == 0
        })
    }

    /// The types that the scopes name, `*` among them where one does.
    pub fn resources(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|s| s.resource.as_str())
    }

    /// The single scopes, in the order asked.
    #[must_use]
    pub fn as_slice(&self) -> &[Scope] {
        &self.0
    }
}

impl From<Vec<Scope>> for Scopes {
    fn from(scopes: Vec<Scope>) -> Self {
        Self(scopes)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, scope) in self.0.iter().enumerate() {
            let gap = if i == 0 { "" } else { " " };
            write!(f, "{gap}{scope}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_system_scopes_of_version_two_are_scopes() {
        for good in ["system/Patient.rs", "system/*.cruds", "system/Condition.s", "system/Consent.cru"] {
            assert_eq!(Scope::parse(good).unwrap().to_string(), good);
        }
        for bad in [
            "",
            "system/Patient.read",
            "system/Patient.*",
            "system/Patient.",
            "system/Patient.sr",
            "system/Patient.rr",
            "patient/Patient.rs",
            "user/*.rs",
            "openid",
            "system/Patient.rs?category=x",
            "system/patient.rs",
            "system/.rs",
            "system/Pat ient.rs",
            "SYSTEM/Patient.rs",
            "system/**.rs",
        ] {
            assert!(Scope::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_list_is_separated_by_single_spaces() {
        assert_eq!(
            Scopes::parse("system/A.rs system/B.r system/A.rs").unwrap().to_string(),
            "system/A.rs system/B.r"
        );
        for bad in ["", " ", "system/A.rs  system/B.r", " system/A.rs", "system/A.rs,system/B.r"] {
            assert!(Scopes::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn every_asked_letter_of_every_type_must_be_registered() {
        let registered: Vec<Scope> = ["system/Patient.rs", "system/Consent.c", "system/Consent.r"]
            .map(|s| Scope::parse(s).unwrap())
            .into();
        let within = |asked: &str| Scopes::parse(asked).unwrap().within(&registered);
        assert!(within("system/Patient.r") && within("system/Patient.rs system/Consent.cr"));
        assert!(!within("system/Patient.cr"));
        assert!(!within("system/*.r"), "a wildcard is wider than the types registered");
        assert!(!within("system/Patient.r system/Flag.r"));
        assert!(Scopes::parse("system/Flag.s").unwrap().within(&[Scope::parse("system/*.rs").unwrap()]));
    }

    /// Every registered scope against every asked one, by a model that knows no bits.
    #[test]
    fn what_is_granted_is_what_the_registration_holds_letter_by_letter() {
        let letters: Vec<String> = (1..32_u8)
            .map(|set| {
                "cruds".chars().enumerate().filter(|(i, _)| set >> i & 1 == 1).map(|(_, c)| c).collect()
            })
            .collect();
        let all = || {
            let types = ["Patient", "Flag", "*"];
            types.into_iter().flat_map(|kind| letters.iter().map(move |held| (kind, held.as_str())))
        };
        for (kind, held) in all() {
            let registered = [Scope::parse(&format!("system/{kind}.{held}")).unwrap()];
            for (asked_kind, asked) in all() {
                let scopes = Scopes::parse(&format!("system/{asked_kind}.{asked}")).unwrap();
                let model = (kind == "*" || kind == asked_kind) && asked.chars().all(|c| held.contains(c));
                assert_eq!(scopes.within(&registered), model, "{asked_kind}.{asked} of {kind}.{held}");
                for (letter, interaction) in Interaction::LETTERS {
                    let permitted = asked.contains(letter) && (asked_kind == "*" || asked_kind == "Flag");
                    assert_eq!(scopes.permit("Flag", interaction), permitted);
                }
            }
        }
    }
}
