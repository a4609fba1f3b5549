//! Search values after parsing. What is looked for may tell something about a person, so it does not print.

use super::form;
use super::list::{ListForm, Origin, Param, Shape};
use super::moment::Moment;
use super::query::{DirectorySearch, Id, LastN, Search};
use std::fmt;

/// One parameter with what it must equal.
#[derive(Clone, PartialEq)]
pub struct Filter {
    /// Which parameter.
    pub param: &'static Param,
    /// What its element must meet.
    pub test: Test,
}

/// What an element must meet.
#[derive(Clone, PartialEq)]
pub enum Test {
    /// Any of these tokens.
    Tokens(Vec<Token>),
    /// From this moment on.
    From(Moment),
    /// Begins so, without regard to case.
    Begins(String),
    /// Refers to this id.
    Refers(Id),
    /// Is this.
    Is(bool),
}

/// A token (FHIR R4 search 3.1.1.4.10).
#[derive(Clone, PartialEq, Eq)]
pub enum Token {
    /// `code`: in any system.
    Code(String),
    /// `system|code`.
    In(String, String),
    /// `system|`: any code of it.
    System(String),
    /// `|code`: with no system.
    Bare(String),
}

impl Token {
    /// Reads one token; `None` when ill-formed.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let mut parts = form::split_escaped(raw, '|')?.into_iter();
        let (first, second) = (parts.next()?, parts.next());
        if parts.next().is_some() || !plain(&first) || !second.as_deref().is_none_or(plain) {
            return None;
        }
        match (first.is_empty(), second) {
            (true, None) => None,
            (false, None) => Some(Self::Code(first)),
            (true, Some(code)) => (!code.is_empty()).then_some(Self::Bare(code)),
            (false, Some(code)) if code.is_empty() => Some(Self::System(first)),
            (false, Some(code)) => Some(Self::In(first, code)),
        }
    }

    /// Whether a coding, or an identifier, with this system and code meets it.
    #[must_use]
    pub fn meets(&self, system: Option<&str>, code: Option<&str>) -> bool {
        match self {
            Self::Code(wanted) => code == Some(wanted),
            Self::In(in_system, wanted) => system == Some(in_system) && code == Some(wanted),
            Self::System(in_system) => system == Some(in_system),
            Self::Bare(wanted) => system.is_none() && code == Some(wanted),
        }
    }

    fn write(&self) -> String {
        let escape = form::escape;
        match self {
            Self::Code(code) => escape(code),
            Self::In(system, code) => format!("{}|{}", escape(system), escape(code)),
            Self::System(system) => format!("{}|", escape(system)),
            Self::Bare(code) => format!("|{}", escape(code)),
        }
    }
}

impl Filter {
    /// Reads the value of a parameter; `None` when it does not have the parameter's shape.
    #[must_use]
    pub fn parse(param: &'static Param, raw: &str) -> Option<Self> {
        if raw.is_empty() || raw.len() > VALUE_MAX {
            return None;
        }
        let test = match param.shape {
            Shape::Code { .. } | Shape::Concept | Shape::Identifier => tokens(param.list, raw)?,
            Shape::Boolean => Test::Is(raw.parse().ok()?),
            Shape::DateFrom => Test::From(Moment::parse(raw.strip_prefix("ge")?)?),
            Shape::Text => Test::Begins(plain_text(raw)?),
            Shape::Reference { to } => {
                let id = raw.strip_prefix(to).and_then(|rest| rest.strip_prefix('/')).unwrap_or(raw);
                Test::Refers(Id::parse(id)?)
            }
            // Only Patient/_search has it, and reads it itself.
            Shape::Day => return None,
        };
        Some(Self { param, test })
    }

    fn value(&self) -> String {
        match &self.test {
            Test::Tokens(tokens) => tokens.iter().map(Token::write).collect::<Vec<_>>().join(","),
            Test::From(moment) => format!("ge{}", moment.as_str()),
            Test::Begins(text) => form::escape(text),
            Test::Refers(id) => id.as_str().to_owned(),
            Test::Is(value) => value.to_string(),
        }
    }
}

impl Search {
    /// The parameters that a remote holder may be asked, without the person: standard ones only. The rest is
    /// evaluated by us on what is released.
    #[must_use]
    pub fn holder_params(&self) -> Vec<(&'static str, String)> {
        let standard = self.filters.iter().filter(|filter| filter.param.origin == Origin::Standard);
        standard.map(|filter| (filter.param.name, filter.value())).collect()
    }

    /// The query string again, in a fixed order and without a page: what a page token seals. Parses to an equal value.
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut pairs = vec![("patient", self.patient.as_str().to_owned())];
        pairs.extend(self.filters.iter().map(|filter| (filter.param.name, filter.value())));
        pairs.extend(self.count.map(|count| ("_count", count.to_string())));
        if self.include == super::Include::Medication {
            pairs.push(("_include", format!("{}:medication", self.resource)));
        }
        form::write(&pairs)
    }
}

impl LastN {
    /// The query string again, as [`Search::canonical`].
    #[must_use]
    pub fn canonical(&self) -> String {
        format!("{}&max={}", self.search.canonical(), self.max)
    }
}

impl DirectorySearch {
    /// The query string again, as [`Search::canonical`].
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut pairs: Vec<_> =
            self.filters.iter().map(|filter| (filter.param.name, filter.value())).collect();
        pairs.extend(self.count.map(|count| ("_count", count.to_string())));
        form::write(&pairs)
    }
}

fn tokens(list: ListForm, raw: &str) -> Option<Test> {
    let parts = form::split_keeping(raw, ',');
    if parts.len() > TOKENS_MAX || (list == ListForm::One && parts.len() != 1) {
        return None;
    }
    parts.iter().map(|part| Token::parse(part)).collect::<Option<Vec<_>>>().map(Test::Tokens)
}

/// Text without list or control meaning.
fn plain_text(raw: &str) -> Option<String> {
    let mut parts = form::split_escaped(raw, ',')?;
    let text = parts.pop().filter(|_| parts.is_empty())?;
    (!text.chars().any(char::is_control) && !text.trim().is_empty()).then_some(text)
}

/// Codes and systems hold no blanks or control characters.
fn plain(part: &str) -> bool {
    !part.chars().any(|c| c.is_control() || c.is_whitespace())
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Filter({})", self.param.name)
    }
}

impl fmt::Debug for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Test(hidden)")
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

/// Longest value read.
const VALUE_MAX: usize = 2048;
/// Most alternatives in one list.
const TOKENS_MAX: usize = 64;
