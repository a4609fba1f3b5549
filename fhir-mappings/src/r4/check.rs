//! Whether one resource keeps to base R4: a single walk along the definitions.
//!
//! It judges elements, cardinalities, forms, required bindings and references; rules between elements stand in
//! `invariants`, those of a whole resource in `whole`. Nothing is resolved outside the bytes at hand.

use super::issue::{At, Issue, IssueCode, Issues};
use super::{Definitions, Element, ElementType, Max, TypeDef, TypeKind, invariants, primitive, whole, xhtml};
use crate::json::{Kind, Value};
use std::collections::HashMap;

/// Checks one resource of any type, contained resources and Bundle entries included. Empty means it keeps to R4.
///
/// Linear in the size of the document, and bounded in what it reports. `root` must come from [`crate::json`],
/// which bounds the depth.
#[must_use]
pub fn check(root: Value<'_>) -> Vec<Issue> {
    let mut walk = Walk { definitions: Definitions::get(), issues: Issues::new() };
    let named = root.get_str("resourceType").and_then(|name| walk.definitions.type_def(&name));
    let at = At::root(named.filter(|t| t.kind == TypeKind::Resource).map_or("Resource", |t| t.name));
    walk.resource(root, &at, &Scope::default());
    walk.issues.into_vec()
}

/// What a reference may point to from where the walk stands.
#[derive(Default)]
pub(super) struct Scope<'s> {
    /// Contained resources of the resource around: id to type.
    pub(super) contained: Option<&'s HashMap<String, &'static str>>,
    /// Entries of the Bundle around: full URL to type.
    pub(super) entries: Option<&'s HashMap<String, &'static str>>,
}

pub(super) struct Walk {
    pub(super) definitions: &'static Definitions,
    pub(super) issues: Issues,
}

impl Walk {
    pub(super) fn add(&mut self, at: &At<'_>, code: IssueCode, detail: &'static str) {
        self.issues.add(at, code, detail);
    }

    /// A resource that stands for itself: its own contained resources are in reach.
    fn resource(&mut self, value: Value<'_>, at: &At<'_>, around: &Scope<'_>) {
        let Some(def) = self.resource_type(value, at) else { return };
        let contained = whole::contained_types(value, self.definitions);
        let own_entries = (def.name == "Bundle").then(|| whole::entry_types(value, self.definitions));
        let entries = own_entries.as_ref().or(around.entries);
        self.object(value, def, at, &Scope { contained: Some(&contained), entries });
        whole::check(self, value, def, at);
    }

    /// A contained resource: it lives in the scope of the one around it.
    fn contained(&mut self, value: Value<'_>, at: &At<'_>, scope: &Scope<'_>) {
        if let Some(def) = self.resource_type(value, at) {
            self.object(value, def, at, scope);
            if def.name == "Bundle" || value.get("contained").is_some() {
                self.add(at, IssueCode::Invariant, "dom-2: no contained resource holds another");
            }
        }
    }

    fn resource_type(&mut self, value: Value<'_>, at: &At<'_>) -> Option<&'static TypeDef> {
        let name = value.get_str("resourceType");
        let def = name.and_then(|name| self.definitions.type_def(&name));
        let def = def.filter(|t| t.kind == TypeKind::Resource);
        if def.is_none() {
            self.add(at, IssueCode::Structure, "no resource of an R4 type");
        }
        def
    }

    fn object(&mut self, value: Value<'_>, def: &'static TypeDef, at: &At<'_>, scope: &Scope<'_>) {
        if value.kind() != Kind::Object {
            return self.add(at, IssueCode::Structure, "an object is due here");
        }
        let resource = def.kind == TypeKind::Resource;
        let mut present: HashMap<&'static str, &str> = HashMap::new();
        let mut content = resource;
        for member in value.members() {
            let name = member.name();
            let bare = name.strip_prefix('_').unwrap_or(name);
            if self.issues.full() {
                return;
            }
            if resource && name == "resourceType" {
                continue;
            }
            let place = at.step(name);
            let Some((element, chosen)) = def.member(bare) else {
                self.add(&place, IssueCode::Structure, "R4 has no such element here");
                continue;
            };
            content |= name != "id";
            if let Some(other) = present.insert(element.name, bare)
                && other != bare
            {
                self.add(&place, IssueCode::Structure, "one choice element, more than one type");
            }
            let place = at.step(bare);
            let due = Due { element, chosen: chosen.or(element.types.first()), resource };
            match (due.is_primitive(self.definitions), name == bare) {
                (false, false) => {
                    self.add(&at.step(name), IssueCode::Structure, "only primitives have a sibling with _");
                }
                (false, true) => self.complex(member, &due, &place, scope),
                (true, true) => self.primitives(Some(member), sibling(value, bare), &due, &place, scope),
                // Judged together with the value, where there is one.
                (true, false) if value.get(bare).is_some() => {}
                (true, false) => self.primitives(None, Some(member), &due, &place, scope),
            }
        }
        if !content {
            self.add(at, IssueCode::Invariant, "ele-1: an element has a value or children");
        }
        for element in def.elements.iter().filter(|e| e.min > 0 && !present.contains_key(e.name)) {
            self.add(&at.step(element.name), IssueCode::Required, "a required element is missing");
        }
        invariants::check(self, value, def, at);
    }

    /// One or several values of a type with elements.
    fn complex(&mut self, member: Value<'_>, due: &Due<'_>, at: &At<'_>, scope: &Scope<'_>) {
        if !self.cardinality(member, due.element.max, at) {
            return;
        }
        match due.element.max {
            Max::One => self.one(member, due, at, scope),
            Max::Many => {
                for (index, item) in member.items().enumerate() {
                    self.one(item, due, &at.item(index), scope);
                }
            }
        }
    }

    fn one(&mut self, value: Value<'_>, due: &Due<'_>, at: &At<'_>, scope: &Scope<'_>) {
        if self.issues.full() {
            return;
        }
        if let Some(def) = due.element.content.and_then(|content| self.definitions.type_def(content)) {
            return self.object(value, def, at, scope);
        }
        let Some(chosen) = due.chosen else { return };
        let Some(def) = self.definitions.type_def(chosen.code) else {
            return self.add(at, IssueCode::Structure, "R4 has no such element here");
        };
        match def.kind {
            TypeKind::Resource | TypeKind::Abstract if chosen.code != "Element" => {
                if due.element.name == "contained" && due.resource {
                    self.contained(value, at, scope);
                } else {
                    self.resource(value, at, scope);
                }
            }
            _ => {
                self.object(value, def, at, scope);
                if chosen.code == "Reference" {
                    self.reference(value, chosen, at, scope);
                }
                if let Some(set) = due.element.binding {
                    self.concept(value, set, at);
                }
            }
        }
    }

    /// A list is a non-empty array, a single value no array, and nothing is null.
    fn cardinality(&mut self, member: Value<'_>, max: Max, at: &At<'_>) -> bool {
        let fault = match (max, member.kind()) {
            (_, Kind::Null) => "null stands for nothing in FHIR",
            (Max::One, Kind::Array) => "an array where one value is allowed",
            (Max::Many, Kind::Array) if member.items().next().is_none() => "an empty array",
            (Max::Many, Kind::Array) | (Max::One, _) => return true,
            (Max::Many, _) => "a single value where an array is due",
        };
        self.add(at, IssueCode::Structure, fault);
        false
    }

    /// The value of a primitive element and its `_name` sibling, which carries id and extensions.
    fn primitives(
        &mut self,
        plain: Option<Value<'_>>,
        extra: Option<Value<'_>>,
        due: &Due<'_>,
        at: &At<'_>,
        scope: &Scope<'_>,
    ) {
        let max = due.element.max;
        for side in [plain, extra].into_iter().flatten() {
            if !self.cardinality(side, max, at) {
                return;
            }
        }
        if max == Max::One {
            return self.primitive(plain, extra, due, at, scope);
        }
        let (mut left, mut right) = (plain.map(|p| p.items()), extra.map(|e| e.items()));
        for index in 0.. {
            let next = (left.as_mut().and_then(Iterator::next), right.as_mut().and_then(Iterator::next));
            if (next.0.is_none() && next.1.is_none()) || self.issues.full() {
                return;
            }
            let given = |v: Option<Value<'_>>| v.is_some_and(|v| v.kind() != Kind::Null);
            if !given(next.0) && !given(next.1) {
                self.add(&at.item(index), IssueCode::Structure, "null stands for nothing in FHIR");
            }
            let kept = (next.0.filter(|v| given(Some(*v))), next.1.filter(|v| given(Some(*v))));
            self.primitive(kept.0, kept.1, due, &at.item(index), scope);
        }
    }

    fn primitive(
        &mut self,
        plain: Option<Value<'_>>,
        extra: Option<Value<'_>>,
        due: &Due<'_>,
        at: &At<'_>,
        scope: &Scope<'_>,
    ) {
        if let (Some(extra), Some(def)) = (extra, self.definitions.type_def("Element")) {
            self.object(extra, def, at, scope);
        }
        let (Some(value), Some(code)) = (plain, due.chosen.map(|t| t.code)) else { return };
        if code == "xhtml" {
            match value.as_str().map(|text| xhtml::fault_of(&text)) {
                Some(None) => {}
                Some(Some(fault)) => self.add(at, IssueCode::Invariant, fault),
                None => self.add(at, IssueCode::Structure, "a narrative is a string"),
            }
            return;
        }
        if !primitive::is_well_formed(code, value) {
            return self.add(at, IssueCode::Value, "not of the form that the element's type has");
        }
        if let (Some(set), Some(text)) = (due.element.binding, value.as_str()) {
            let member = match self.definitions.value_set(set) {
                Some(list) => list.has(None, &text),
                None => is_grammatical(set, &text),
            };
            if !member {
                self.add(at, IssueCode::CodeInvalid, "a code outside the required value set");
            }
        }
    }

    /// A required binding on a Coding or CodeableConcept: one coding must be a member.
    fn concept(&mut self, value: Value<'_>, set: &'static str, at: &At<'_>) {
        let Some(list) = self.definitions.value_set(set) else { return };
        let is_member = |c: Value<'_>| {
            let (system, code) = (c.get_str("system"), c.get_str("code"));
            code.is_some_and(|code| list.has(Some(system.as_deref().unwrap_or_default()), &code))
        };
        let coded = value.get("coding").is_some() || value.get("code").is_some();
        if !(value.each("coding").any(is_member)
            || is_member(value)
            || !coded && value.get("extension").is_some())
        {
            self.add(at, IssueCode::CodeInvalid, "no code of the required value set");
        }
    }

    /// A reference points inside, or to a type that the element allows (ref-1).
    fn reference(&mut self, value: Value<'_>, due: &ElementType, at: &At<'_>, scope: &Scope<'_>) {
        let literal = value.get_str("reference");
        let mut target = literal.as_deref().and_then(|text| self.target(text, scope));
        if let Some(fragment) = literal.as_deref().and_then(|text| text.strip_prefix('#')) {
            target = scope.contained.and_then(|ids| ids.get(fragment)).copied();
            if target.is_none() && !fragment.is_empty() {
                self.add(at, IssueCode::Invariant, "ref-1: no contained resource has this id");
            }
        }
        let named = value.get_str("type");
        let named = named.as_deref().and_then(|name| self.definitions.type_def(name)).map(|t| t.name);
        let allowed = |t: Option<&str>| due.targets.is_empty() || t.is_none_or(|t| due.targets.contains(&t));
        if !allowed(target) || !allowed(named) {
            self.add(at, IssueCode::Value, "a reference to a type that the element does not allow");
        }
    }

    /// The resource type that a literal reference names, as far as the bytes at hand tell.
    fn target(&self, text: &str, scope: &Scope<'_>) -> Option<&'static str> {
        if let Some(found) = scope.entries.and_then(|entries| entries.get(text)) {
            return Some(found);
        }
        let path = text.split(['?', '#']).next()?;
        let path = path.split_once("/_history/").map_or(path, |(path, _)| path);
        let mut steps = path.rsplit('/');
        let (last, before) = (steps.next()?, steps.next());
        let name = before.unwrap_or(if text.contains('?') { last } else { "" });
        self.definitions.type_def(name).filter(|t| t.kind == TypeKind::Resource).map(|t| t.name)
    }
}

/// What is due at one element.
struct Due<'e> {
    element: &'e Element,
    chosen: Option<&'e ElementType>,
    resource: bool,
}

impl Due<'_> {
    fn is_primitive(&self, definitions: &Definitions) -> bool {
        let def = self.chosen.and_then(|t| definitions.type_def(t.code));
        self.element.content.is_none() && def.is_some_and(|t| t.kind == TypeKind::Primitive)
    }
}

fn sibling<'d>(value: Value<'d>, bare: &str) -> Option<Value<'d>> {
    value.members().find(|member| member.name().strip_prefix('_') == Some(bare))
}

/// Value sets that are a grammar: media types (BCP 13, or one of FHIR's short names for its own formats) and
/// currencies (ISO 4217). Others are not checked.
fn is_grammatical(set: &str, text: &str) -> bool {
    match set {
        "mimetypes" => {
            let full = text.split_once('/').is_some_and(|(kind, sub)| !kind.is_empty() && !sub.is_empty());
            full || matches!(text, "json" | "xml" | "ttl" | "none")
        }
        "currencies" => text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase()),
        _ => true,
    }
}
