//! What a check finds: places and rules, never values.

/// One departure from base R4. Names places and rules, never values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Where, as `Bundle.entry[3].resource.subject`: element names and indexes only.
    pub expression: String,
    /// What kind of fault.
    pub code: IssueCode,
    /// The rule that is broken, in words or by HL7's key (`obs-6`).
    pub detail: &'static str,
}

/// The FHIR IssueType codes that a check can end in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssueCode {
    /// The JSON shape or an element's place is wrong.
    Structure,
    /// A required element is missing.
    Required,
    /// A value's form is wrong.
    Value,
    /// A code outside a required binding.
    CodeInvalid,
    /// A rule between elements is broken.
    Invariant,
    /// More faults than are listed: reading stopped.
    TooCostly,
}

impl IssueCode {
    /// The code as FHIR writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Structure => "structure",
            Self::Required => "required",
            Self::Value => "value",
            Self::CodeInvalid => "code-invalid",
            Self::Invariant => "invariant",
            Self::TooCostly => "too-costly",
        }
    }
}

/// A place in the resource: a step and the place that holds it, rendered only when something is wrong there.
#[derive(Clone, Copy)]
pub(super) struct At<'p> {
    parent: Option<&'p At<'p>>,
    name: &'p str,
    index: Option<usize>,
}

impl<'p> At<'p> {
    pub(super) fn root(name: &'p str) -> Self {
        Self { parent: None, name, index: None }
    }

    /// An element inside this place.
    pub(super) fn step(&'p self, name: &'p str) -> At<'p> {
        At { parent: Some(self), name, index: None }
    }

    /// The same element, one of several.
    pub(super) fn item(self, index: usize) -> Self {
        Self { index: Some(index), ..self }
    }

    fn render(&self, out: &mut String) {
        if let Some(parent) = self.parent {
            parent.render(out);
            out.push('.');
        }
        // A member name comes from the file: only what could be an element's name is repeated.
        let plain = self.name.len() <= 64 && self.name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_');
        out.push_str(if plain { self.name } else { "(unnamed)" });
        if let Some(index) = self.index {
            out.push_str(&format!("[{index}]"));
        }
    }
}

/// The faults found so far, bounded.
pub(super) struct Issues(Vec<Issue>);

impl Issues {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn add(&mut self, at: &At<'_>, code: IssueCode, detail: &'static str) {
        if self.full() {
            return;
        }
        let mut expression = String::new();
        at.render(&mut expression);
        self.0.push(Issue { expression, code, detail });
        if self.0.len() == ISSUES_MAX - 1 {
            let expression = String::new();
            self.0.push(Issue {
                expression,
                code: IssueCode::TooCostly,
                detail: "more faults than are listed",
            });
        }
    }

    /// Whether enough was found: the walk stops here.
    pub(super) fn full(&self) -> bool {
        self.0.len() >= ISSUES_MAX
    }

    pub(super) fn into_vec(self) -> Vec<Issue> {
        self.0
    }
}

/// A hostile file must not turn into a long answer.
const ISSUES_MAX: usize = 100;
