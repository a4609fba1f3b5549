//! A value with its place, so that every refusal can name where. Shape errors are found on the way.

use super::refusal::{Refusal, Why};
use crate::json::{Kind, Value};
use crate::r4::Definitions;
use std::borrow::Cow;

type Read<T> = Result<T, Refusal>;

/// A value and its path.
#[derive(Clone)]
pub(crate) struct At<'d> {
    pub(crate) value: Value<'d>,
    pub(crate) path: String,
}

impl<'d> At<'d> {
    pub(crate) fn root(value: Value<'d>, path: &str) -> Self {
        Self { value, path: path.to_owned() }
    }

    pub(crate) fn refuse(&self, why: Why) -> Refusal {
        Refusal::new(why, self.path.clone())
    }

    pub(crate) fn refuse_at(&self, name: &str, why: Why) -> Refusal {
        Refusal::new(why, format!("{}.{name}", self.path))
    }

    /// The object itself, once it holds no member but these; modifiers and unknown members are refused.
    pub(crate) fn only(self, known: &[&str]) -> Read<Self> {
        if self.value.kind() != Kind::Object {
            return Err(self.refuse(Why::Shape));
        }
        for member in self.value.members() {
            let name = member.name();
            if matches!(name, "modifierExtension" | "implicitRules") {
                return Err(self.refuse_at(name, Why::ModifierUnknown));
            }
            let common = matches!(name, "id" | "extension");
            if !common && !known.contains(&name) {
                let place =
                    if self.is_of_r4(name) { format!("{}.{name}", self.path) } else { self.path.clone() };
                return Err(Refusal::new(Why::ElementNotSupported, place));
            }
        }
        Ok(self)
    }

    /// Only a name that R4 defines is repeated: any other is the sender's own text.
    fn is_of_r4(&self, name: &str) -> bool {
        let plain = |part: &str| part.split('[').next().unwrap_or_default().to_owned();
        let path: Vec<_> = self.path.split('.').map(plain).collect();
        Definitions::get().resolve(&format!("{}.{name}", path.join("."))).is_some()
    }

    pub(crate) fn get(&self, name: &str) -> Option<At<'d>> {
        let value = self.value.get(name)?;
        Some(At { value, path: format!("{}.{name}", self.path) })
    }

    pub(crate) fn need(&self, name: &str, why: Why) -> Read<At<'d>> {
        self.get(name).ok_or_else(|| self.refuse_at(name, why))
    }

    /// Items of an array member; absent is none, empty or no array is a fault of shape.
    pub(crate) fn list(&self, name: &str) -> Read<Vec<At<'d>>> {
        let Some(member) = self.get(name) else { return Ok(Vec::new()) };
        let items: Vec<_> = member.value.items().take(ITEMS_MAX + 1).collect();
        if items.is_empty() {
            return Err(member.refuse(Why::Shape));
        }
        if items.len() > ITEMS_MAX {
            return Err(member.refuse(Why::TooMany));
        }
        let place = |(at, value)| At { value, path: format!("{}[{at}]", member.path) };
        Ok(items.into_iter().enumerate().map(place).collect())
    }

    /// A string member: absent, or not blank.
    pub(crate) fn text(&self, name: &str) -> Read<Option<Cow<'d, str>>> {
        let Some(member) = self.get(name) else { return Ok(None) };
        let text = member.value.as_str().filter(|text| !text.trim().is_empty());
        text.map(Some).ok_or_else(|| member.refuse(Why::Shape))
    }

    /// The one coding of a CodeableConcept: two codings may mean two things.
    pub(crate) fn one_coding(&self, why: Why) -> Read<(String, String)> {
        let concept = self.clone().only(&["coding", "text"])?;
        let codings = concept.list("coding")?;
        match codings.as_slice() {
            [coding] => coding.clone().coding(why),
            _ => Err(self.refuse(why)),
        }
    }

    /// System and code of a Coding.
    pub(crate) fn coding(self, why: Why) -> Read<(String, String)> {
        let coding = self.only(&["system", "version", "code", "display", "userSelected"])?;
        let system = coding.text("system")?.ok_or_else(|| coding.refuse(why))?;
        let code = coding.text("code")?.ok_or_else(|| coding.refuse(why))?;
        Ok((system.into_owned(), code.into_owned()))
    }
}

/// Most items in one list.
const ITEMS_MAX: usize = 200;
