//! HL7's R4 definitions as an index over the committed tables: elements, cardinality, types, bindings.
//!
//! Read once, at first use; it borrows the tables and holds no data about anyone. `generate/README.md` says how
//! the tables come to be. It must not judge a resource: that is `check`.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The index over all R4 types.
pub struct Definitions {
    types: HashMap<&'static str, TypeDef>,
    sets: HashMap<&'static str, ValueSet>,
    version: &'static str,
}

/// What sort of type a definition describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeKind {
    /// A resource that can be named by `resourceType`.
    Resource,
    /// `Resource`, `DomainResource`, `Element`, `BackboneElement`: never the type of an instance.
    Abstract,
    /// A datatype with elements.
    Complex,
    /// A datatype whose JSON form is one value and a `_name` sibling.
    Primitive,
    /// A group of elements inside one type, named by its path (`Condition.stage`).
    Backbone,
}

/// One type or backbone element.
#[derive(Debug)]
pub struct TypeDef {
    /// `Condition`, `Period`, `Condition.stage`.
    pub name: &'static str,
    /// What sort of type this is.
    pub kind: TypeKind,
    /// The elements in HL7's order, inherited ones included.
    pub elements: Vec<Element>,
}

/// One element of a type.
#[derive(Debug)]
pub struct Element {
    /// The name without `[x]`.
    pub name: &'static str,
    /// Least number of values.
    pub min: u32,
    /// Whether one value or a list.
    pub max: Max,
    /// Whether the JSON name carries the type (`onsetDateTime` for `onset[x]`).
    pub choice: bool,
    /// Allowed types; empty when [`Element::content`] is set.
    pub types: Vec<ElementType>,
    /// The backbone type that holds the children, of this element or of the one whose content it shares.
    pub content: Option<&'static str>,
    /// The value set of a required binding.
    pub binding: Option<&'static str>,
    /// Changes the meaning of what holds it (FHIR `isModifier`).
    pub modifier: bool,
    /// Part of `_summary` (FHIR `isSummary`).
    pub summary: bool,
}

/// Upper bound of a cardinality.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Max {
    /// One value: a bare JSON value.
    One,
    /// Any number: a JSON array.
    Many,
}

/// A type that an element allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElementType {
    /// `CodeableConcept`, `dateTime`, `Reference`.
    pub code: &'static str,
    /// Resource types a reference may point to; empty means any.
    pub targets: Vec<&'static str>,
}

/// The members of a value set with a required binding.
#[derive(Debug, Default)]
pub struct ValueSet {
    /// Each code system with its codes in byte order.
    systems: Vec<(&'static str, Vec<&'static str>)>,
}

impl ValueSet {
    /// Whether `code` is a member, of `system` where one is given.
    #[must_use]
    pub fn has(&self, system: Option<&str>, code: &str) -> bool {
        let mut asked = self.systems.iter().filter(|(own, _)| system.is_none_or(|s| s == *own));
        asked.any(|(_, codes)| codes.binary_search(&code).is_ok())
    }
}

impl TypeDef {
    /// The element that a JSON member name stands for, and the type that the name chooses (`onsetAge`).
    #[must_use]
    pub fn member(&self, json_name: &str) -> Option<(&Element, Option<&ElementType>)> {
        if let Some(element) = self.elements.iter().find(|e| e.name == json_name && !e.choice) {
            return Some((element, None));
        }
        self.elements.iter().filter(|e| e.choice).find_map(|element| {
            let suffix = json_name.strip_prefix(element.name)?;
            let chosen = element.types.iter().find(|t| capital_equal(t.code, suffix))?;
            Some((element, Some(chosen)))
        })
    }

    /// An element by its name without `[x]`.
    #[must_use]
    pub fn element(&self, name: &str) -> Option<&Element> {
        self.elements.iter().find(|e| e.name == name)
    }
}

impl Definitions {
    /// The definitions; read at first use.
    #[must_use]
    pub fn get() -> &'static Self {
        static DEFINITIONS: LazyLock<Definitions> = LazyLock::new(Definitions::read);
        &DEFINITIONS
    }

    /// The first line of the tables: which definitions, from where, in which version.
    #[must_use]
    pub fn version(&self) -> &'static str {
        self.version
    }

    /// A type or backbone element by name (`Condition`, `Condition.stage`).
    #[must_use]
    pub fn type_def(&self, name: &str) -> Option<&TypeDef> {
        self.types.get(name)
    }

    /// Whether `resourceType` may carry this name.
    #[must_use]
    pub fn is_resource(&self, name: &str) -> bool {
        self.type_def(name).is_some_and(|t| t.kind == TypeKind::Resource)
    }

    /// The names of all resource types, sorted.
    #[must_use]
    pub fn resource_types(&self) -> Vec<&'static str> {
        let mut names: Vec<_> =
            self.types.values().filter(|t| t.kind == TypeKind::Resource).map(|t| t.name).collect();
        names.sort_unstable();
        names
    }

    /// An element by type and name without `[x]`: `element("Condition", "onset")`.
    #[must_use]
    pub fn element(&self, type_name: &str, name: &str) -> Option<&Element> {
        self.type_def(type_name)?.element(name)
    }

    /// The value set of a required binding; `None` where membership is a grammar, not a list.
    #[must_use]
    pub fn value_set(&self, name: &str) -> Option<&ValueSet> {
        self.sets.get(name)
    }

    /// Follows a dotted path from a type through backbones and datatypes: `Condition.code.coding.display`,
    /// `Condition.onset`, `Condition.onsetDateTime`, `Condition.onset[x]`. `None` when R4 has no such element.
    #[must_use]
    pub fn resolve(&self, path: &str) -> Option<&Element> {
        let mut steps = path.split('.');
        let mut here = vec![self.type_def(steps.next()?)?];
        let mut found = None;
        for step in steps {
            let bare = step.strip_suffix("[x]").unwrap_or(step);
            let (element, chosen) = here.iter().find_map(|t| {
                t.member(bare).or_else(|| t.element(bare).filter(|e| e.choice).map(|e| (e, None)))
            })?;
            here = match (element.content, chosen) {
                (Some(content), _) => self.type_def(content).into_iter().collect(),
                (None, Some(t)) => self.type_def(t.code).into_iter().collect(),
                (None, None) => element.types.iter().filter_map(|t| self.type_def(t.code)).collect(),
            };
            found = Some(element);
        }
        found
    }

    /// Every element path of a type with its element, in HL7's order, backbones walked, datatypes not:
    /// `Condition.id`, …, `Condition.stage`, `Condition.stage.summary`. Shared content is not walked twice.
    #[must_use]
    pub fn paths(&self, type_name: &str) -> Vec<(String, &Element)> {
        let mut out = Vec::new();
        if let Some(t) = self.type_def(type_name) {
            self.walk(t, type_name, &mut out);
        }
        out
    }

    fn walk<'s>(&'s self, t: &'s TypeDef, at: &str, out: &mut Vec<(String, &'s Element)>) {
        for element in &t.elements {
            let path = format!("{at}.{}", element.name);
            let own = element.content.filter(|content| *content == path);
            out.push((path.clone(), element));
            if let Some(inner) = own.and_then(|content| self.type_def(content)) {
                self.walk(inner, &path, out);
            }
        }
    }

    fn read() -> Self {
        let mut types: Vec<TypeDef> = Vec::with_capacity(700);
        for line in DEFINITIONS_TABLE.lines().skip(1) {
            match line.strip_prefix("= ") {
                Some(head) => types.extend(read_head(head)),
                None => {
                    if let Some(t) = types.last_mut() {
                        t.elements.extend(read_element(line));
                    }
                }
            }
        }
        let own: std::collections::HashSet<&'static str> = types.iter().map(|t| t.name).collect();
        let mut path = String::new();
        for t in &mut types {
            for element in &mut t.elements {
                if element.content.is_none() && element.types.iter().any(|e| is_group(e.code)) {
                    path.clear();
                    path.extend([t.name, ".", element.name]);
                    element.content = own.get(path.as_str()).copied();
                }
            }
        }
        Self {
            types: types.into_iter().map(|t| (t.name, t)).collect(),
            sets: read_sets(),
            version: DEFINITIONS_TABLE.lines().next().unwrap_or_default().trim_start_matches("# "),
        }
    }
}

/// Types whose children are defined where the element stands.
fn is_group(code: &str) -> bool {
    matches!(code, "BackboneElement" | "Element")
}

/// `DateTime` equals `dateTime`: how a choice writes its type into the name.
fn capital_equal(code: &str, suffix: &str) -> bool {
    let (mut a, mut b) = (code.chars(), suffix.chars());
    match (a.next(), b.next()) {
        (Some(first), Some(second)) => first.to_ascii_uppercase() == second && a.as_str() == b.as_str(),
        _ => false,
    }
}

fn read_head(head: &'static str) -> Option<TypeDef> {
    let (name, kind) = head.split_once(' ')?;
    let kind = match kind {
        "resource" => TypeKind::Resource,
        "abstract" => TypeKind::Abstract,
        "primitive" => TypeKind::Primitive,
        "backbone" => TypeKind::Backbone,
        _ => TypeKind::Complex,
    };
    Some(TypeDef { name, kind, elements: Vec::with_capacity(16) })
}

fn read_element(line: &'static str) -> Option<Element> {
    let mut words = line.split(' ');
    let (name, cardinality, types, flags) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let (min, max) = cardinality.split_once("..")?;
    let content = types.strip_prefix('#');
    Some(Element {
        name: name.strip_suffix("[x]").unwrap_or(name),
        min: min.parse().ok()?,
        max: if max == "1" { Max::One } else { Max::Many },
        choice: name.ends_with("[x]"),
        types: if content.is_some() { Vec::new() } else { types.split(',').map(read_type).collect() },
        content,
        binding: words.next(),
        modifier: flags.contains('!'),
        summary: flags.contains('s'),
    })
}

fn read_type(text: &'static str) -> ElementType {
    match text.strip_suffix(')').and_then(|t| t.split_once('(')) {
        Some((code, targets)) => ElementType { code, targets: targets.split('|').collect() },
        None => ElementType { code: text, targets: Vec::new() },
    }
}

fn read_sets() -> HashMap<&'static str, ValueSet> {
    let mut sets: HashMap<&'static str, ValueSet> = HashMap::with_capacity(256);
    let mut name = "";
    for line in CODES_TABLE.lines().skip(1) {
        if let Some(head) = line.strip_prefix("= ") {
            name = head;
            continue;
        }
        let mut fields = line.split('\t');
        let system = fields.next().unwrap_or_default();
        sets.entry(name).or_default().systems.push((system, fields.collect()));
    }
    sets
}

const DEFINITIONS_TABLE: &str = include_str!("../../r4/definitions.txt");
const CODES_TABLE: &str = include_str!("../../r4/codes.txt");
