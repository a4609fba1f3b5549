//! Sources to automaton, checked against R4: a table that names an element R4 does not have, forgets a type, or
//! lets a form out without what R4 requires, is a list of mistakes. Must not read resources.

use super::automaton::{
    ANY_CLASS, Automaton, Edge, FULL, Node, Op, PLACE, Pick, Plain, REDUCED, REPORTER, Rule, SPEAKS, Shapes,
    TEXT, WORDS, count,
};
use super::line::TableError;
use super::source::{At, RowLine, Sources, TypeKind};
use crate::r4::{Definitions, Element, Max, TypeDef};
use consent::Vocabulary;
use std::collections::{BTreeMap, HashMap};

/// Names that rows use, resolved once.
pub(super) struct Names<'a> {
    pub(super) vocabulary: &'a Vocabulary,
    /// Bit of each form.
    pub(super) shapes: &'a HashMap<String, Shapes>,
    /// What `all` means.
    pub(super) all: Shapes,
    /// Functions of each group of readers, as bits.
    pub(super) readers: &'a HashMap<String, u64>,
    pub(super) sets: &'a HashMap<String, u64>,
}

/// Rows of one type as a tree.
#[derive(Default)]
struct Draft<'a> {
    rows: Vec<(Option<Vec<&'a str>>, &'a RowLine)>,
    children: BTreeMap<&'a str, Draft<'a>>,
    /// Under `extension` and `modifierExtension`: the URL.
    urls: BTreeMap<&'a str, (Vec<&'a str>, &'a RowLine)>,
}

pub(super) struct Compiler<'a> {
    names: &'a Names<'a>,
    definitions: &'static Definitions,
    drafts: BTreeMap<&'a str, Draft<'a>>,
    automaton: Automaton,
    datatypes: HashMap<&'static str, (u32, u32, u32)>,
    errors: Vec<TableError>,
}

pub(super) fn compile(sources: &Sources, names: &Names<'_>) -> Result<Automaton, Vec<TableError>> {
    let mut drafts: BTreeMap<&str, Draft<'_>> = BTreeMap::new();
    for ((section, path), rows) in &sources.rows {
        for row in rows {
            plant(drafts.entry(section).or_default(), path, row);
        }
    }
    let mut compiler = Compiler {
        names,
        definitions: Definitions::get(),
        drafts,
        automaton: Automaton::default(),
        datatypes: HashMap::new(),
        errors: Vec::new(),
    };
    compiler.all(sources);
    compiler.automaton.index();
    if compiler.errors.is_empty() { Ok(compiler.automaton) } else { Err(compiler.errors) }
}

/// Hangs a row into the tree of its type.
fn plant<'a>(draft: &mut Draft<'a>, path: &'a str, row: &'a RowLine) {
    let (path, url) = match path.split_once(' ') {
        Some((path, url)) => (path, Some(url)),
        None => (path, None),
    };
    let (path, types) = match path.split_once('(') {
        Some((path, types)) => (path, Some(types.trim_end_matches(')').split(',').collect::<Vec<_>>())),
        None => (path, None),
    };
    let mut here = draft;
    for step in path.split('.') {
        here = here.children.entry(step.strip_suffix("[x]").unwrap_or(step)).or_default();
    }
    match url {
        Some(url) => {
            here.urls.insert(url, (types.unwrap_or_default(), row));
        }
        None => here.rows.push((types, row)),
    }
}

impl<'a> Compiler<'a> {
    fn all(&mut self, sources: &Sources) {
        let mut drafts = std::mem::take(&mut self.drafts);
        // Datatypes first: resource rows build on them.
        let names: Vec<&str> = drafts.keys().copied().collect();
        for name in &names {
            if !self.definitions.is_resource(name) {
                self.datatype_of(&drafts, name);
            }
        }
        for name in names {
            if self.definitions.is_resource(name) {
                let open = sources.types.get(name).is_some_and(|t| t.kind != TypeKind::Closed);
                let at = drafts.get(name).and_then(first_place).unwrap_or_default();
                if !open {
                    self.errors.push(at.error(format!("{name} has rows, and types.txt does not open it")));
                }
                if let Some(draft) = drafts.remove(name) {
                    self.resource(&drafts, name, &draft, &at);
                }
            } else if self.definitions.type_def(name).is_none() {
                let at = drafts.get(name).and_then(first_place).unwrap_or_default();
                self.errors.push(at.error(format!("R4 has no type {name}")));
            }
        }
        for (name, line) in &sources.types {
            if !self.definitions.is_resource(name) {
                self.errors.push(line.classes.at.error(format!("R4 has no resource type {name}")));
            } else if line.kind != TypeKind::Closed && !self.automaton.roots.contains_key(name.as_str()) {
                self.errors
                    .push(line.classes.at.error(format!("{name} is open and no row says what survives")));
            }
        }
        for name in self.definitions.resource_types() {
            if !sources.types.contains_key(name) {
                let at = At { file: "types.txt".to_owned(), ..At::default() };
                self.errors.push(at.error(format!("the R4 type {name} is forgotten")));
            }
        }
    }

    fn resource(&mut self, drafts: &BTreeMap<&'a str, Draft<'a>>, name: &str, draft: &Draft<'a>, at: &At) {
        let Some(def) = self.definitions.type_def(name) else { return };
        let (from, to, needed) = self.group(drafts, def, draft, Scope::Resource);
        let shapes = self.shapes_of((from, to));
        self.required(def, draft, shapes, at);
        let rules = self.push_rules(&[open_rule(shapes)]);
        let root = self.push(Node { rules, op: Op::Object, needed, edges: (from, to), ..Node::default() });
        self.automaton.roots.insert(name.into(), root);
    }

    /// What R4 requires must be let out by every form that lets out anything of the type.
    fn required(&mut self, def: &TypeDef, draft: &Draft<'a>, shapes: Shapes, at: &At) {
        for element in def.elements.iter().filter(|e| e.min > 0) {
            let Some(child) = draft.children.get(element.name) else {
                self.errors.push(at.error(format!("R4 requires {}.{}", def.name, element.name)));
                continue;
            };
            let covered = self.draft_shapes(child);
            if shapes & !covered != 0 {
                let missing = self.names.shapes.iter().find(|(_, bit)| **bit & shapes & !covered != 0);
                let form = missing.map_or("full or reduced", |(name, _)| name.as_str());
                let why = format!(
                    "form {form} lets {0} out without {1}, which R4 requires",
                    def.name, element.name
                );
                self.errors.push(at.error(why));
            }
        }
    }

    fn draft_shapes(&mut self, draft: &Draft<'a>) -> Shapes {
        let own = draft.rows.iter().fold(0, |all, (_, row)| all | self.shapes_in(row, Scope::Resource));
        if own != 0 {
            return own;
        }
        draft.children.values().map(|child| self.draft_shapes(child)).fold(0, |all, s| all | s)
    }

    fn shapes_of(&self, edges: (u32, u32)) -> Shapes {
        let children = self.automaton.edges.get(edges.0 as usize..edges.1 as usize).unwrap_or_default();
        children
            .iter()
            .filter_map(|edge| self.automaton.node(edge.node))
            .flat_map(|node| self.automaton.rules(node))
            .fold(0, |all, rule| all | rule.shapes)
    }

    /// The children of one group of elements, and which groups of them are needed.
    fn group(
        &mut self,
        drafts: &BTreeMap<&'a str, Draft<'a>>,
        def: &'static TypeDef,
        draft: &Draft<'a>,
        scope: Scope,
    ) -> (u32, u32, u32) {
        let mut edges: Vec<Edge> = Vec::new();
        let mut needed = 0_u32;
        let mut groups = 0_u8;
        let any =
            draft.rows.iter().flat_map(|(_, row)| &row.flags).find_map(|flag| flag.strip_prefix("need:"));
        let any: Vec<&str> = any.map(|list| list.split(',').collect()).unwrap_or_default();
        if !any.is_empty() {
            groups += 1;
            needed |= 1;
        }
        for (name, child) in &draft.children {
            let Some(element) = def.element(name) else {
                let at = first_place(child).unwrap_or_default();
                self.errors.push(at.error(format!("R4 has no {}.{name}", def.name)));
                continue;
            };
            if element.name == "extension" || element.name == "modifierExtension" {
                edges.push(self.extensions(drafts, element, child));
                continue;
            }
            let group = if any.contains(name) {
                1
            } else if element.min > 0 && groups < 31 {
                groups += 1;
                needed |= 1 << (groups - 1);
                groups
            } else {
                0
            };
            self.element(drafts, def, element, child, scope, group, &mut edges);
        }
        // What changes meaning and is not listed may not be dropped in silence.
        for element in def.elements.iter().filter(|e| e.modifier) {
            if !draft.children.contains_key(element.name) && element.name != "modifierExtension" {
                for (name, _) in json_names(element, None) {
                    let node = self.push(Node { op: Op::Refuse, modifier: true, ..Node::default() });
                    edges.push(Edge { name: name.into(), node });
                }
            }
        }
        let from = count(self.automaton.edges.len());
        self.automaton.edges.append(&mut edges);
        (from, count(self.automaton.edges.len()), needed)
    }

    #[allow(clippy::too_many_arguments)]
    fn element(
        &mut self,
        drafts: &BTreeMap<&'a str, Draft<'a>>,
        def: &'static TypeDef,
        element: &'static Element,
        draft: &Draft<'a>,
        scope: Scope,
        group: u8,
        edges: &mut Vec<Edge>,
    ) {
        let place = first_place(draft).unwrap_or_default();
        let ignorable = draft.rows.iter().any(|(_, row)| row.flags.iter().any(|f| f == "ignorable"));
        let modifier = element.modifier && !ignorable;
        let like = Node { group, modifier, many: element.max == Max::Many, ..Node::default() };
        if !draft.children.is_empty() {
            let inner = match element.content {
                Some(content) => self.definitions.type_def(content),
                None => element.types.first().and_then(|t| self.definitions.type_def(t.code)),
            };
            let Some(inner) = inner else {
                self.errors.push(place.error(format!("{}.{} has no children", def.name, element.name)));
                return;
            };
            let (from, to, needed) = self.group(drafts, inner, draft, scope);
            let mut rules: Vec<Rule> = draft.rows.iter().map(|(_, row)| self.rule(row, scope)).collect();
            if rules.is_empty() {
                rules.push(open_rule(self.shapes_of((from, to))));
            }
            self.backbone(inner, draft, &rules, &place);
            let rules = self.push_rules(&rules);
            let op = match inner.name {
                "CodeableConcept" => Op::Concept,
                _ => Op::Object,
            };
            let node = self.push(Node { rules, op, needed, edges: (from, to), ..like });
            edges.push(Edge { name: element.name.into(), node });
            return;
        }
        // `nothing`: listed so that it is left out knowingly.
        if draft.rows.iter().all(|(_, row)| row.shapes.iter().any(|s| s == "nothing")) {
            return;
        }
        if element.content.is_some() {
            self.errors.push(
                place.error(format!("{}.{} is a group: list what survives in it", def.name, element.name)),
            );
            return;
        }
        let mut by_name: BTreeMap<String, (&'static str, Vec<Rule>)> = BTreeMap::new();
        for (types, row) in &draft.rows {
            let names = json_names(element, types.as_deref());
            if types.as_ref().is_some_and(|types| names.len() != types.len()) {
                let why = format!("{}.{} has not all of these types", def.name, element.name);
                self.errors.push(row.at.error(why));
            }
            for (name, code) in names {
                if types.is_none()
                    && element.choice
                    && matches!(code, "string" | "markdown")
                    && scope == Scope::Resource
                {
                    continue;
                }
                let rule = self.rule(row, scope);
                let words = matches!(code, "string" | "markdown");
                let marked =
                    row.flags.iter().any(|f| matches!(f.as_str(), "text" | "words" | "safe" | "dosage"));
                if words && !marked {
                    let why = format!("{}.{} is free text: say text, words or safe", def.name, element.name);
                    self.errors.push(row.at.error(why));
                }
                by_name.entry(name).or_insert((code, Vec::new())).1.push(rule);
            }
        }
        for (name, (code, rules)) in by_name {
            let dosage = draft.rows.iter().any(|(_, row)| row.flags.iter().any(|f| f == "dosage"));
            let Some((op, (from, to, needed))) = self.leaf(drafts, code, dosage) else {
                self.errors.push(place.error(format!("no rows say what survives in a {code}")));
                continue;
            };
            let rules = self.push_rules(&rules);
            let node = self.push(Node { rules, op, needed, edges: (from, to), ..like });
            edges.push(Edge { name: name.into(), node });
        }
    }

    /// A backbone must let out what R4 requires in it, in every form in which it comes out.
    fn backbone(&mut self, def: &TypeDef, draft: &Draft<'a>, rules: &[Rule], place: &At) {
        if !def.name.contains('.') {
            return;
        }
        let shapes = rules.iter().fold(0, |all, rule| all | rule.shapes);
        let shapes = shapes & draft.children.values().map(|c| self.draft_shapes(c)).fold(0, |all, s| all | s);
        self.required(def, draft, shapes, place);
    }

    fn leaf(
        &mut self,
        drafts: &BTreeMap<&'a str, Draft<'a>>,
        code: &'static str,
        dosage: bool,
    ) -> Option<(Op, (u32, u32, u32))> {
        let op = match code {
            "Reference" => return Some((Op::Reference, (0, 0, 0))),
            "CodeableConcept" => Op::Concept,
            "Coding" => Op::Coding,
            "Identifier" => Op::Identifier,
            _ if code.starts_with(|c: char| c.is_lowercase()) => {
                return Some((if dosage { Op::Dosing } else { Op::Scalar(Plain::of(code)) }, (0, 0, 0)));
            }
            _ => Op::Object,
        };
        self.datatype_of(drafts, code).map(|children| (op, children))
    }

    fn datatype_of(&mut self, drafts: &BTreeMap<&'a str, Draft<'a>>, code: &str) -> Option<(u32, u32, u32)> {
        if let Some(done) = self.datatypes.get(code) {
            return Some(*done);
        }
        let draft = drafts.get(code)?;
        let def = self.definitions.type_def(code)?;
        // Against a datatype that holds itself: an empty one stands while this one is made.
        self.datatypes.insert(def.name, (0, 0, 0));
        let made = self.group(drafts, def, draft, Scope::Datatype);
        self.datatypes.insert(def.name, made);
        Some(made)
    }

    fn extensions(
        &mut self,
        drafts: &BTreeMap<&'a str, Draft<'a>>,
        element: &Element,
        draft: &Draft<'a>,
    ) -> Edge {
        let mut by_url = Vec::new();
        let mut shapes = 0;
        for (url, (types, row)) in &draft.urls {
            let mut edges = Vec::new();
            let open = open_rule(Shapes::MAX);
            let rules = self.push_rules(&[open]);
            let node = self.push(Node { rules, op: Op::Scalar(Plain::Text), group: 1, ..Node::default() });
            edges.push(Edge { name: "url".into(), node });
            for code in types {
                let value = self.definitions.element("Extension", "value");
                let Some((name, code)) = value.and_then(|e| json_names(e, Some(&[*code])).into_iter().next())
                else {
                    self.errors.push(row.at.error(format!("an extension has no value of type {code}")));
                    continue;
                };
                if let Some((op, (from, to, needed))) = self.leaf(drafts, code, false) {
                    let rules = self.push_rules(&[open]);
                    let within = (from, to);
                    let node =
                        self.push(Node { rules, op, group: 2, needed, edges: within, ..Node::default() });
                    edges.push(Edge { name: name.into(), node });
                }
            }
            let from = count(self.automaton.edges.len());
            self.automaton.edges.append(&mut edges);
            let to = count(self.automaton.edges.len());
            let rule = self.rule(row, Scope::Resource);
            shapes |= rule.shapes;
            let rules = self.push_rules(&[rule]);
            let modifier = element.name == "modifierExtension";
            let within = (from, to);
            let node =
                Node { rules, op: Op::Object, needed: 0b11, edges: within, modifier, ..Node::default() };
            let node = self.push(node);
            by_url.push(Edge { name: (*url).into(), node });
        }
        let from = count(self.automaton.edges.len());
        self.automaton.edges.append(&mut by_url);
        let to = count(self.automaton.edges.len());
        let op = if element.name == "modifierExtension" { Op::Modifiers } else { Op::Extensions };
        let rules = self.push_rules(&[open_rule(shapes)]);
        let modifier = op == Op::Modifiers;
        let node = self.push(Node { rules, op, edges: (from, to), modifier, many: true, ..Node::default() });
        Edge { name: element.name.into(), node }
    }

    fn rule(&mut self, row: &RowLine, scope: Scope) -> Rule {
        let mut rule = Rule {
            shapes: self.shapes_in(row, scope),
            readers: u64::MAX,
            class: ANY_CLASS,
            flags: 0,
            pick: Pick::All,
        };
        for flag in &row.flags {
            match flag.split_once(':').unwrap_or((flag, "")) {
                ("text", _) => rule.flags |= TEXT,
                ("place", _) => rule.flags |= PLACE,
                ("reporter", _) => rule.flags |= REPORTER,
                ("words", _) => rule.flags |= WORDS,
                ("speaks", _) => rule.flags |= SPEAKS,
                ("safe" | "dosage" | "ignorable" | "need", _) => {}
                ("class", class) => match self.names.vocabulary.class(class) {
                    Some(class) => rule.class = class.index(),
                    None => self.errors.push(row.at.error(format!("no data class is called {class}"))),
                },
                ("for", group) => match self.names.readers.get(group) {
                    Some(bits) => rule.readers = *bits,
                    None => self.errors.push(row.at.error(format!("readers.txt has no {group}"))),
                },
                ("pick", "current") => rule.pick = Pick::Current,
                ("pick", set) => {
                    let first = set.strip_prefix("first-or-");
                    match self.names.sets.get(first.unwrap_or(set)) {
                        Some(bit) if first.is_some() => rule.pick = Pick::FirstOr(*bit),
                        Some(bit) => rule.pick = Pick::Coded(*bit),
                        None => self.errors.push(row.at.error(format!("sets.txt has no {set}"))),
                    }
                }
                _ => self.errors.push(row.at.error(format!("no flag is called {flag}"))),
            }
        }
        rule
    }

    fn shapes_in(&mut self, row: &RowLine, scope: Scope) -> Shapes {
        let mut shapes = 0;
        for word in &row.shapes {
            match word.as_str() {
                "nothing" => {}
                "all" if scope == Scope::Datatype => shapes = Shapes::MAX,
                "all" => shapes |= self.names.all,
                "full" => shapes |= FULL,
                "reduced" => shapes |= REDUCED,
                word => {
                    let (without, name) = word.strip_prefix('-').map_or((false, word), |name| (true, name));
                    match self.names.shapes.get(name) {
                        Some(bit) if without => shapes &= !bit,
                        Some(bit) => shapes |= bit,
                        None => self.errors.push(row.at.error(format!("levels.txt has no form {name}"))),
                    }
                }
            }
        }
        shapes
    }

    fn push(&mut self, mut node: Node) -> u32 {
        node.speaks = self.automaton.rules(&node).iter().any(|rule| rule.flags & SPEAKS != 0);
        self.automaton.nodes.push(node);
        count(self.automaton.nodes.len() - 1)
    }

    fn push_rules(&mut self, rules: &[Rule]) -> (u32, u32) {
        let from = count(self.automaton.rules.len());
        self.automaton.rules.extend_from_slice(rules);
        (from, count(self.automaton.rules.len()))
    }
}

/// Whose rows are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// A resource type's: `all` means the ordinary forms, and free text must be named.
    Resource,
    /// A datatype's: `all` means whatever the element that has this type lets pass.
    Datatype,
}

fn open_rule(shapes: Shapes) -> Rule {
    Rule { shapes, readers: u64::MAX, class: ANY_CLASS, flags: 0, pick: Pick::All }
}

/// The first line that stands in this part of a table.
fn first_place(draft: &Draft<'_>) -> Option<At> {
    let own = draft.rows.first().map(|(_, row)| row.at.clone());
    own.or_else(|| draft.urls.values().next().map(|(_, row)| row.at.clone()))
        .or_else(|| draft.children.values().find_map(first_place))
}

/// The JSON names of an element with the type behind each: `onsetDateTime` for a choice.
fn json_names(element: &'static Element, only: Option<&[&str]>) -> Vec<(String, &'static str)> {
    let wanted = |code: &str| only.is_none_or(|only| only.contains(&code));
    let types = element.types.iter().filter(|t| wanted(t.code));
    if element.choice {
        types.map(|t| (format!("{}{}", element.name, capitalised(t.code)), t.code)).collect()
    } else {
        types.take(1).map(|t| (element.name.to_owned(), t.code)).collect()
    }
}

fn capitalised(code: &str) -> String {
    let mut letters = code.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}
