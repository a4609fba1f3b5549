//! One resource, element by element, in one pass over the tape: spans that the automaton lets through are copied,
//! everything else is never looked at again. Must not decide whether a resource may leave at all.

use super::dosing;
use super::person::{Person, Whom};
use super::select::{Access, Judged};
use crate::classify::codes::Mark;
use crate::json::{Kind, Value};
use crate::tables::Tables;
use crate::tables::automaton::{
    ANY_CLASS, Node, Op, PLACE, Pick, Plain, REPORTER, Rule, Shapes, TEXT, WORDS,
};
use consent::ClassSet;

/// Something that changes the meaning of the rest may not pass: the whole resource falls.
pub(super) struct Fall;

/// A resource as it may leave, and the positions it refers to.
pub(super) struct Emitted {
    pub(super) bytes: Vec<u8>,
    pub(super) refers: Vec<usize>,
}

/// What is the same for all resources of one holder.
pub(super) struct Ground<'g> {
    pub(super) tables: &'g Tables,
    pub(super) access: &'g Access<'g>,
    pub(super) person: &'g Person<'g>,
    pub(super) reader: u64,
    /// The reader is inside gp or ggz, or is the person.
    pub(super) clinical: bool,
    /// Free text may pass here.
    pub(super) text: bool,
    pub(super) protected: bool,
    pub(super) patient_id: &'g str,
    /// Type and outward id of each resource that may still leave.
    pub(super) alive: &'g [Option<(&'g str, String)>],
}

/// What a coding tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Telling {
    /// Of a system that the tables know; nothing that may not be told here.
    Known,
    /// The same, but its words may not: it passes without them.
    Mute,
    /// Of a system that they do not know, or nothing at all.
    Unknown,
    /// A class or label that may not be told here.
    Betrays,
}

struct Emitter<'g> {
    ground: &'g Ground<'g>,
    root: Value<'g>,
    resource_type: &'g str,
    classes: ClassSet,
    /// By what its labels are cleared: a directory entry has no class, and is labelled for what refers to it.
    labelled: ClassSet,
    need: Shapes,
    reporter: bool,
    words: u8,
    /// The coding at hand passes without its words.
    mute: bool,
    /// The concept at hand names a substance by its code: names beside it tell nothing.
    silent: bool,
    /// What is written is the name of a medicine, an allergy or a vaccination itself.
    naming: bool,
    /// The resource is, or names, a medicine; codes without words pass in it.
    medicine: bool,
    wordless: bool,
    /// The codings asked about last, by their place on the tape; the root of a resource is none.
    told: [(u32, Telling); 4],
    out: Vec<u8>,
    refers: Vec<usize>,
}

/// The resource as far as it may pass; `None` when nothing is left, or what is left would be no valid R4.
pub(super) fn emit<'g>(
    ground: &'g Ground<'g>,
    resource: Value<'g>,
    judged: &'g Judged<'g>,
    id: &str,
) -> Option<Emitted> {
    let automaton = &ground.tables.automaton;
    let root = automaton.node(*automaton.roots.get(judged.resource_type)?)?;
    let rule = ground.tables.types.get(judged.resource_type);
    let classes = judged.marked.class.classes;
    let mut emitter = Emitter {
        ground,
        root: resource,
        resource_type: judged.resource_type,
        classes,
        labelled: rule.filter(|_| classes.is_empty()).map_or(classes, |rule| rule.labels_by),
        need: judged.need,
        reporter: !judged.safety,
        words: 0,
        mute: false,
        silent: false,
        naming: false,
        medicine: rule.is_some_and(|rule| rule.medicine),
        wordless: rule.is_some_and(|rule| rule.wordless),
        told: [(0, Telling::Unknown); 4],
        out: Vec::with_capacity(resource.raw().len()),
        refers: Vec::new(),
    };
    emitter.out.extend_from_slice(b"{\"resourceType\":\"");
    emitter.out.extend_from_slice(judged.resource_type.as_bytes());
    emitter.out.extend_from_slice(b"\",\"id\":\"");
    emitter.out.extend_from_slice(id.as_bytes());
    emitter.out.extend_from_slice(b"\",");
    match emitter.members(resource, root) {
        Ok(true) => {
            emitter.out.push(b'}');
            Some(Emitted { bytes: emitter.out, refers: emitter.refers })
        }
        Ok(false) | Err(Fall) => None,
    }
}

impl<'g> Emitter<'g> {
    /// The rule that lets this element pass, if one does.
    fn passes(&self, node: &Node) -> Option<&'g Rule> {
        let ground: &'g Ground<'g> = self.ground;
        ground.tables.automaton.rules(node).iter().find(|rule| {
            let need = match rule.class {
                ANY_CLASS => Some(self.need),
                class => ground.access.need(class),
            };
            need.is_some_and(|need| need & !rule.shapes == 0)
                && rule.readers & ground.reader != 0
                && (rule.flags & TEXT == 0 || ground.text || self.words > 0)
                && (rule.flags & PLACE == 0 || !ground.protected)
                && (rule.flags & REPORTER == 0 || self.reporter)
        })
    }

    /// The members that pass, without brackets. False, and nothing written, when none does or a needed one does not.
    fn members(&mut self, value: Value<'_>, node: &Node) -> Result<bool, Fall> {
        let start = self.out.len();
        let (mut filled, mut any) = (0_u32, false);
        // Most of what passes is a name with one plain value: those that stand side by side are copied as one span.
        let mut run: Option<(usize, usize)> = None;
        for member in value.members() {
            let (name, number, member) = self.unfolded(member);
            let Some(child) = self.ground.tables.automaton.numbered(node, name, number) else {
                // FHIR: an unknown modifier makes what holds it unsafe to read.
                if name == "modifierExtension" && !matches!(member.kind(), Kind::Null) {
                    return Err(Fall);
                }
                continue;
            };
            if child.op == Op::Refuse {
                return Err(Fall);
            }
            if self.mute && name == "display" {
                continue;
            }
            // Also where it does not pass itself.
            if child.speaks && self.betrays(member) {
                self.out.truncate(start);
                return Ok(false);
            }
            let rule = self.passes(child).filter(|rule| self.may_be_read(member, child, rule));
            let plain = rule.and_then(|rule| plain_member(member, child, rule));
            let mut before = self.out.len();
            let passed = match (rule, plain, run) {
                (Some(_), Some((from, to)), Some((begun, end))) if from == end + 1 => {
                    run = Some((begun, to));
                    true
                }
                (Some(rule), plain, _) => {
                    self.copy(value, run.take());
                    before = self.out.len();
                    if any {
                        self.out.push(b',');
                    }
                    run = plain;
                    if plain.is_none() {
                        self.out.push(b'"');
                        self.out.extend_from_slice(name.as_bytes());
                        self.out.extend_from_slice(b"\":");
                    }
                    if value.index() == self.root.index() {
                        self.naming = self.wordless && NAMES.contains(&name);
                    }
                    plain.is_some() || self.value(member, child, rule)?
                }
                (None, ..) => false,
            };
            if passed {
                any = true;
                if child.group > 0 {
                    filled |= 1 << (child.group - 1);
                }
            } else {
                if child.modifier {
                    return Err(Fall);
                }
                self.out.truncate(before);
            }
        }
        self.copy(value, run);
        let whole = any && node.needed & !filled == 0;
        if !whole {
            self.out.truncate(start);
        }
        Ok(whole)
    }

    /// Whether a CodeableConcept, or one of several, tells what may not be told.
    fn betrays(&mut self, member: Value<'_>) -> bool {
        let mut concepts = member.items().chain((member.kind() == Kind::Object).then_some(member));
        concepts.any(|concept| concept.each("coding").any(|coding| self.telling(coding) == Telling::Betrays))
    }

    /// Whether words pass here: not those that tell what may not be told, nor any that could say where somebody is.
    fn may_be_read(&self, member: Value<'_>, node: &Node, rule: &Rule) -> bool {
        if !matches!(node.op, Op::Scalar(_))
            || rule.flags & (TEXT | WORDS) == 0
            || member.kind() != Kind::String
        {
            return true;
        }
        if self.ground.protected {
            return false;
        }
        // Words that pass to anybody are those of a goal, an action, a card: agreed on with the person.
        let free = rule.flags & TEXT != 0 && self.words == 0;
        !free
            || member
                .as_str()
                .is_some_and(|text| self.may_tell(&self.ground.tables.words.tell(&text, self.medicine)))
    }

    /// Whether what stands beside a code of a table may be told too.
    fn may_tell_words(&self, display: Option<Value<'_>>) -> bool {
        let display = display.as_ref().and_then(Value::as_str);
        display.is_none_or(|display| self.may_tell(&self.ground.tables.words.tell(&display, self.medicine)))
    }

    fn may_tell(&self, mark: &Mark) -> bool {
        let silent = mark.classes.is_empty() && mark.labels.is_empty() && !mark.never;
        silent || self.ground.access.may_tell(mark, self.classes, self.labelled)
    }

    fn copy(&mut self, within: Value<'_>, run: Option<(usize, usize)>) {
        if let Some((from, to)) = run {
            self.out.extend_from_slice(within.document(from, to).as_bytes());
        }
    }

    /// A medicine that stands inside its request has no resource of its own to refer to; its code takes the place of
    /// the reference, so that nobody misses the medicine because of how its holder wrote it.
    fn unfolded<'v>(&self, member: Value<'v>) -> (&'v str, u32, Value<'v>)
    where
        'g: 'v,
    {
        const WRITTEN_OUT: &str = "medicationCodeableConcept";
        let (name, number) = (member.name(), member.number());
        if name != "medicationReference" {
            return (name, number, member);
        }
        let target = member.get_str("reference").unwrap_or_default();
        let code = target.strip_prefix('#').and_then(|id| {
            let root: Value<'v> = self.root;
            let mut inside = root.each("contained");
            inside.find(|inner| inner.get_str("id").as_deref() == Some(id))?.get("code")
        });
        code.map_or((name, number, member), |code| {
            (WRITTEN_OUT, crate::json::name::number(WRITTEN_OUT.as_bytes()), code)
        })
    }

    /// A value, or a list without the items that do not pass; never an empty list.
    fn value(&mut self, value: Value<'_>, node: &Node, rule: &Rule) -> Result<bool, Fall> {
        let deeper = u8::from(rule.flags & WORDS != 0 && !self.ground.protected);
        self.words += deeper;
        let passed = if value.kind() == Kind::Array && !node.many {
            Ok(false)
        } else if value.kind() == Kind::Array {
            self.list(value, node, rule.pick)
        } else if matches!(rule.pick, Pick::All) {
            self.one(value, node)
        } else {
            Ok(false)
        };
        self.words -= deeper;
        passed
    }

    fn list(&mut self, list: Value<'_>, node: &Node, pick: Pick) -> Result<bool, Fall> {
        let temporary = matches!(pick, Pick::Current)
            && list.items().any(|item| item.get_str("use").as_deref() == Some("temp"));
        self.out.push(b'[');
        let mut any = false;
        let whole = |set| self.in_set(self.root, set) && !list.items().any(|item| self.in_set(item, set));
        // Where the whole is coded so, and none of its parts is, all of it is meant.
        let pick = match pick {
            Pick::Coded(set) if whole(set) => Pick::All,
            pick => pick,
        };
        for (at, item) in list.items().enumerate() {
            let picked = match pick {
                Pick::All => true,
                Pick::Current => match item.get_str("use").as_deref() {
                    Some("temp") => true,
                    Some("old" | "billing" | "work") => false,
                    _ => !temporary,
                },
                Pick::Coded(set) => self.in_set(item, set),
                Pick::FirstOr(set) => at == 0 || self.in_set(item, set),
            };
            if !picked {
                continue;
            }
            let before = self.out.len();
            if any {
                self.out.push(b',');
            }
            if self.one(item, node)? {
                any = true;
            } else {
                self.out.truncate(before);
            }
        }
        if any {
            self.out.push(b']');
        }
        Ok(any)
    }

    fn in_set(&self, item: Value<'_>, set: u64) -> bool {
        let acts = item.each("detail").flat_map(|detail| detail.each("code"));
        let kinds = item.each("category");
        let concepts = item.each("relationship").chain(item.each("role")).chain(acts).chain(kinds);
        concepts
            .flat_map(|concept| concept.each("coding"))
            .any(|coding| self.ground.tables.coding(coding, self.medicine).listed.sets & set != 0)
    }

    fn one(&mut self, value: Value<'_>, node: &Node) -> Result<bool, Fall> {
        match node.op {
            Op::Scalar(plain) => Ok(self.scalar(value, plain)),
            Op::Object => self.object(value, node),
            Op::Concept => {
                self.silent = self.medicine && self.ground.tables.names_substance(value);
                if value.each("coding").any(|coding| self.telling(coding) == Telling::Betrays) {
                    return Ok(false);
                }
                self.object(value, node)
            }
            Op::Coding => {
                let telling = self.telling(value);
                let passes = match telling {
                    Telling::Betrays => false,
                    Telling::Unknown => self.ground.clinical,
                    Telling::Known | Telling::Mute => true,
                };
                if !passes || value.get_str("code").is_none() {
                    return Ok(false);
                }
                self.mute = telling == Telling::Mute;
                let passed = self.object(value, node);
                self.mute = false;
                passed
            }
            Op::Reference => Ok(self.reference(value)),
            Op::Identifier => {
                let system = value.get_str("system").unwrap_or_default();
                let types = self.ground.tables.identifiers.get(&*system);
                if types.is_none_or(|types| !types.iter().any(|t| **t == *self.resource_type)) {
                    return Ok(false);
                }
                self.object(value, node)
            }
            Op::Extensions => self.extension(value, node),
            Op::Modifiers => {
                if self.extension(value, node)? {
                    Ok(true)
                } else {
                    Err(Fall)
                }
            }
            Op::Dosing => Ok(self.dosing(value)),
            Op::Refuse => Err(Fall),
        }
    }

    fn object(&mut self, value: Value<'_>, node: &Node) -> Result<bool, Fall> {
        if value.kind() != Kind::Object {
            return Ok(false);
        }
        self.out.push(b'{');
        let passed = self.members(value, node)?;
        self.out.push(b'}');
        Ok(passed)
    }

    /// A number where R4 has words could be read as another thing than was classified.
    fn scalar(&mut self, value: Value<'_>, plain: Plain) -> bool {
        let passes = plain.is(value.kind());
        if passes {
            self.out.extend_from_slice(value.raw().as_bytes());
        }
        passes
    }

    /// What may be told of this coding here. Asked twice of each, for its concept and for itself, so the last are kept.
    fn telling(&mut self, coding: Value<'_>) -> Telling {
        let place = coding.index();
        if let Some((_, telling)) = self.told.iter().find(|(at, _)| *at == place) {
            return *telling;
        }
        let said = self.ground.tables.coding(coding, self.medicine);
        let mark = if self.silent { said.listed } else { said.mark() };
        let read = said.listed.told && !self.silent;
        let telling = if !self.may_tell(&mark) {
            Telling::Betrays
        } else if !said.known || (said.blind && !self.wordless) {
            Telling::Unknown
        } else if (self.ground.protected && !self.naming) || (read && !self.may_tell_words(said.display)) {
            // What a holder wrote beside a code could name a place; to miss the name of a medicine harms.
            Telling::Mute
        } else {
            Telling::Known
        };
        self.told.rotate_right(1);
        self.told[0] = (place, telling);
        telling
    }

    fn extension(&mut self, value: Value<'_>, node: &Node) -> Result<bool, Fall> {
        let url = value.get_str("url").unwrap_or_default();
        let Some(child) = self.ground.tables.automaton.child(node, &url) else { return Ok(false) };
        if self.passes(child).is_none() {
            return Ok(false);
        }
        self.object(value, child)
    }

    /// A reference to what leaves too, under the id it leaves with; anything else vanishes, display and all.
    fn reference(&mut self, value: Value<'_>) -> bool {
        match self.ground.person.whom(value) {
            Whom::Subject => {
                self.write_reference("Patient", self.ground.patient_id);
                true
            }
            Whom::Thing(at) => match self.ground.alive.get(at) {
                Some(Some((resource_type, id))) => {
                    self.refers.push(at);
                    self.write_reference(resource_type, id);
                    true
                }
                Some(None) | None => false,
            },
            Whom::Nothing if self.ground.person.is_loose_subject(value) => {
                self.write_reference("Patient", self.ground.patient_id);
                true
            }
            Whom::SomebodyElse | Whom::Nothing => false,
        }
    }

    fn write_reference(&mut self, resource_type: &str, id: &str) {
        self.out.extend_from_slice(b"{\"reference\":\"");
        self.out.extend_from_slice(resource_type.as_bytes());
        self.out.push(b'/');
        self.out.extend_from_slice(id.as_bytes());
        self.out.extend_from_slice(b"\"}");
    }

    /// Dosing words pass as written where free text may, and elsewhere only as a phrase we know (rule 5).
    fn dosing(&mut self, value: Value<'_>) -> bool {
        let Some(text) = value.as_str() else { return false };
        if self.ground.text || dosing::is_known(&text, &self.ground.tables.dosing) {
            return self.scalar(value, Plain::Text);
        }
        super::write_string(&mut self.out, self.ground.tables.dosing_unknown());
        true
    }
}

/// What names a medicine, an allergy or a vaccination.
const NAMES: [&str; 3] = ["code", "medicationCodeableConcept", "vaccineCode"];

/// Where `"name":value` is written, when it is a plain value that passes as it is.
fn plain_member(member: Value<'_>, node: &Node, rule: &Rule) -> Option<(usize, usize)> {
    let Op::Scalar(kind) = node.op else { return None };
    let plain = matches!(rule.pick, Pick::All) && kind.is(member.kind());
    plain.then(|| member.span_with_name())?
}
