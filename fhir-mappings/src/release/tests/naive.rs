//! A second filter, slow and plain: over a tree, straight from the lines of the tables, without the automaton.
//! It shares nothing with `emit` but the code index and where references lead; words it looks for by itself, one by one.

use crate::classify::codes::Mark;
use crate::r4::{Definitions, Element, TypeDef};
use crate::tables::{Row, Tables};
use serde_json::{Map, Value, json};
use std::cell::Cell;
use std::collections::HashSet;

/// What the filter is told.
pub(super) struct Given<'a> {
    pub(super) tables: &'a Tables,
    /// Names of the forms that the resource needs.
    pub(super) forms: Vec<String>,
    /// The form in which each class is open, by class code.
    pub(super) open: Vec<(String, String)>,
    pub(super) groups: HashSet<String>,
    pub(super) clinical: bool,
    pub(super) text: bool,
    pub(super) protected: bool,
    pub(super) safety: bool,
    pub(super) plain: HashSet<String>,
    /// Whether what has this mark may be told.
    pub(super) may_tell: &'a dyn Fn(&Mark) -> bool,
    /// Where a Reference leads, if it may.
    pub(super) refer: &'a dyn Fn(&Value) -> Option<String>,
    pub(super) resource_type: &'a str,
    pub(super) resource: &'a Value,
    /// Whether the concept at hand names a substance, and whether it names the medicine, allergy or vaccination.
    pub(super) silent: Cell<bool>,
    pub(super) naming: Cell<bool>,
}

struct Fall;

/// What is to be done with a coding.
#[derive(PartialEq)]
enum Told {
    Betrays,
    Unknown,
    Known,
    WithoutWords,
}

/// The resource as it may leave, without its id.
pub(super) fn filter(given: &Given<'_>, resource: &Value) -> Option<Value> {
    let def = Definitions::get().type_def(given.resource_type)?;
    let mut kept = given.group(resource, def, given.resource_type, "", false).ok().flatten()?;
    kept.insert("resourceType".into(), json!(given.resource_type));
    Some(Value::Object(kept))
}

impl Given<'_> {
    fn rows(&self, section: &str, path: &str) -> impl Iterator<Item = &Row> {
        self.tables.rows().iter().filter(move |row| {
            row.resource_type == section && bare(&row.path).split(' ').next() == Some(path)
        })
    }

    fn has_below(&self, section: &str, path: &str) -> bool {
        let prefix = format!("{path}.");
        self.tables
            .rows()
            .iter()
            .any(|row| row.resource_type == section && bare(&row.path).starts_with(&prefix))
    }

    fn passes(&self, row: &Row, datatype: bool, words: bool) -> bool {
        let flag = |name: &str| row.conditions.iter().any(|c| c == name);
        let value = |name: &str| row.conditions.iter().find_map(|c| c.strip_prefix(name));
        let needed: Vec<String> = match value("class:") {
            Some(class) => match self.open.iter().find(|(code, _)| code == class) {
                Some((_, form)) => vec![form.clone()],
                None => return false,
            },
            None => self.forms.clone(),
        };
        needed.iter().all(|form| datatype || self.lists(row, form))
            && value("for:").is_none_or(|group| self.groups.contains(group))
            && (!flag("text") || self.text || words)
            && (!flag("place") || !self.protected)
            && (!flag("reporter") || !self.safety)
    }

    fn lists(&self, row: &Row, form: &str) -> bool {
        let without = row.forms.iter().any(|f| f.strip_prefix('-') == Some(form));
        let all = row.forms.iter().any(|f| f == "all") && self.plain.contains(form);
        !without && (all || row.forms.iter().any(|f| f == form))
    }

    /// The members of one group, or nothing; `Fall` when the resource must fall.
    fn group(
        &self,
        value: &Value,
        def: &TypeDef,
        section: &str,
        path: &str,
        words: bool,
    ) -> Result<Option<Map<String, Value>>, Fall> {
        let Value::Object(members) = value else { return Ok(None) };
        let mut kept = Map::new();
        for (name, inner) in members {
            let inside = self.inside(name, inner);
            let unfolded = "medicationCodeableConcept".to_owned();
            let (name, inner) = match &inside {
                Some(code) => (&unfolded, code),
                None => (name, inner),
            };
            let Some((element, chosen)) = def.member(name) else { continue };
            if path.is_empty() && section == self.resource_type {
                let names = ["code", "medicationCodeableConcept", "vaccineCode"].contains(&name.as_str());
                self.naming.set(self.tables.types[self.resource_type].wordless && names);
            }
            let here =
                if path.is_empty() { element.name.to_owned() } else { format!("{path}.{}", element.name) };
            if self.rows(section, &here).any(|row| row.conditions.iter().any(|c| c == "speaks")) {
                let concepts = inner.as_array().cloned().unwrap_or_else(|| vec![inner.clone()]);
                if concepts.iter().any(|concept| self.betrays_any(concept)) {
                    return Ok(None);
                }
            }
            let found = match name.as_str() {
                "modifierExtension" | "extension" => self.extensions(inner, section, &here, name, words)?,
                _ => self.element(inner, element, chosen.map(|t| t.code), section, &here, words)?,
            };
            let ignorable = self.rows(section, &here).any(|r| r.conditions.iter().any(|c| c == "ignorable"));
            match found {
                Some(found) => {
                    kept.insert(name.clone(), found);
                }
                None if element.modifier && name != "modifierExtension" && !ignorable => return Err(Fall),
                None => {}
            }
        }
        let filled = |wanted: &str| kept.keys().any(|k| def.member(k).is_some_and(|(e, _)| e.name == wanted));
        let any =
            self.rows(section, path).find_map(|r| r.conditions.iter().find_map(|c| c.strip_prefix("need:")));
        let required = def.elements.iter().filter(|e| e.min > 0).all(|e| {
            filled(e.name)
                || (any.is_some_and(|list| list.split(',').any(|n| n == e.name)) && !kept.is_empty())
        });
        let some = any.is_none_or(|list| list.split(',').any(filled));
        Ok((!kept.is_empty() && required && some).then_some(kept))
    }

    /// The code of a medicine that stands inside its request.
    fn inside(&self, name: &str, reference: &Value) -> Option<Value> {
        let id =
            reference["reference"].as_str()?.strip_prefix('#').filter(|_| name == "medicationReference")?;
        let contained = self.resource["contained"].as_array()?;
        let code = &contained.iter().find(|inner| inner["id"] == id)?["code"];
        (!code.is_null()).then(|| code.clone())
    }

    fn element(
        &self,
        value: &Value,
        element: &Element,
        chosen: Option<&str>,
        section: &str,
        path: &str,
        words: bool,
    ) -> Result<Option<Value>, Fall> {
        let datatype = section != self.resource_type;
        let code = chosen.or_else(|| element.types.first().map(|t| t.code)).unwrap_or_default();
        let below = self.has_below(section, path);
        let fits = |row: &&Row| match row.path.split_once('(') {
            Some((_, types)) => types.trim_end_matches(')').split(',').any(|t| t == code),
            None => below || !(element.choice && code == "string" && !datatype),
        };
        let rows: Vec<&Row> = self.rows(section, path).filter(fits).collect();
        let passing = rows.iter().find(|row| self.passes(row, datatype, words)).copied();
        if passing.is_none() && !(below && rows.is_empty()) {
            return Ok(None);
        }
        let flags: Vec<&str> =
            passing.map(|r| r.conditions.iter().map(String::as_str).collect()).unwrap_or_default();
        if let (false, Some(text)) = (below, value.as_str().filter(|_| code.starts_with(char::is_lowercase)))
        {
            let free = flags.contains(&"text");
            let said = self.protected && (free || flags.contains(&"words"));
            if said || (free && !words && !(self.may_tell)(&self.words(text))) {
                return Ok(None);
            }
        }
        let words = words || (flags.contains(&"words") && !self.protected);
        let pick = flags.iter().find_map(|f| f.strip_prefix("pick:"));
        let one = |item: &Value| self.one(item, element, code, section, path, below, words);
        match value {
            Value::Array(items) => {
                let temporary = items.iter().any(|i| i["use"] == "temp");
                let mut kept = Vec::new();
                for (at, item) in items.iter().enumerate() {
                    let picked = match pick {
                        None => true,
                        Some("current") => match item["use"].as_str() {
                            Some("temp") => true,
                            Some("old" | "billing" | "work") => false,
                            _ => !temporary,
                        },
                        // No specimen is coded as a representative.
                        Some(set) => set.starts_with("first-or-") && at == 0,
                    };
                    if picked {
                        kept.extend(one(item)?);
                    }
                }
                Ok((!kept.is_empty()).then_some(Value::Array(kept)))
            }
            item if pick.is_none() => one(item),
            _ => Ok(None),
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn one(
        &self,
        value: &Value,
        element: &Element,
        code: &str,
        section: &str,
        path: &str,
        below: bool,
        words: bool,
    ) -> Result<Option<Value>, Fall> {
        let definitions = Definitions::get();
        if below {
            let Some(inner) = element.content.or(Some(code)).and_then(|c| definitions.type_def(c)) else {
                return Ok(None);
            };
            return Ok(self.group(value, inner, section, path, words)?.map(Value::Object));
        }
        match code {
            "Reference" => Ok((self.refer)(value).and_then(|to| {
                // An import has answered about whom it is; any other open reference vanishes.
                let about = matches!(element.name, "subject" | "patient" | "beneficiary" | "for");
                match to.as_str() {
                    "urn" => about.then(|| json!({"reference": "Patient/pseudo"})),
                    to => Some(json!({"reference": to})),
                }
            })),
            "CodeableConcept" if self.betrays_any(value) => Ok(None),
            "CodeableConcept" => {
                let inner = definitions.type_def(code).unwrap();
                self.silent.set(self.names_substance(value));
                Ok(self.group(value, inner, inner.name, "", words)?.map(Value::Object))
            }
            "Coding" => {
                let told = self.told(value);
                let shows = match told {
                    Told::Betrays => false,
                    Told::Unknown => self.clinical,
                    Told::Known | Told::WithoutWords => true,
                };
                let Some(inner) =
                    definitions.type_def("Coding").filter(|_| shows && !value["code"].is_null())
                else {
                    return Ok(None);
                };
                let kept = self.group(value, inner, "Coding", "", words)?;
                Ok(kept.map(|mut kept| {
                    if told == Told::WithoutWords {
                        kept.remove("display");
                    }
                    Value::Object(kept)
                }))
            }
            "Identifier" if !self.shows(value) => Ok(None),
            _ if code.starts_with(|c: char| c.is_lowercase()) => Ok(self.scalar(value, section, path)),
            _ => match definitions.type_def(code) {
                Some(inner) => Ok(self.group(value, inner, inner.name, "", words)?.map(Value::Object)),
                None => Ok(None),
            },
        }
    }

    fn scalar(&self, value: &Value, section: &str, path: &str) -> Option<Value> {
        if matches!(value, Value::Null | Value::Object(_) | Value::Array(_)) {
            return None;
        }
        let dosing = self.rows(section, path).any(|row| row.conditions.iter().any(|c| c == "dosage"));
        if dosing && !self.text {
            let text = value.as_str()?;
            let known = super::super::dosing::is_known(text, &self.tables.dosing);
            return Some(if known { value.clone() } else { json!("dosering: zie bron") });
        }
        Some(value.clone())
    }

    fn betrays_any(&self, concept: &Value) -> bool {
        let codings = concept["coding"].as_array().cloned().unwrap_or_default();
        self.silent.set(self.names_substance(concept));
        codings.iter().any(|coding| self.told(coding) == Told::Betrays)
    }

    fn names_substance(&self, concept: &Value) -> bool {
        let codings = concept["coding"].as_array().cloned().unwrap_or_default();
        let atc = ["http://www.whocc.no/atc", "urn:oid:2.16.840.1.113883.6.73"];
        self.tables.types[self.resource_type].medicine
            && codings.iter().any(|coding| {
                coding["system"].as_str().is_some_and(|system| atc.contains(&system))
                    && coding["code"].as_str().is_some_and(|code| code.replace(' ', "").len() == 7)
            })
    }

    fn told(&self, coding: &Value) -> Told {
        let rule = &self.tables.types[self.resource_type];
        let system = coding["system"].as_str().and_then(|uri| self.tables.codes.system(uri));
        let listed = match (system, coding["code"].as_str()) {
            (Some(system), Some(code)) => self.tables.codes.mark(system, code),
            _ => Mark::default(),
        };
        let display = coding["display"].as_str().filter(|display| !display.trim().is_empty());
        let words =
            display.filter(|_| !self.silent.get()).map(|display| self.words(display)).unwrap_or_default();
        let mut mark = listed;
        if !listed.told {
            mark.add(words);
        }
        let open = system.is_some_and(|system| self.tables.codes.is_open(system));
        let blind = open && display.is_none() && listed == Mark::default() && !rule.wordless;
        if !(self.may_tell)(&mark) {
            Told::Betrays
        } else if system.is_none() || blind {
            Told::Unknown
        } else if !(self.may_tell)(&words) || (self.protected && !self.naming.get()) {
            Told::WithoutWords
        } else {
            Told::Known
        }
    }

    /// What words tell: every word of the table in turn, at every place of the text.
    fn words(&self, text: &str) -> Mark {
        let medicine = self.tables.types[self.resource_type].medicine;
        let plain = crate::classify::words::plain(text);
        let mut mark = self.words_in(&plain, medicine);
        mark.add(self.words_in(&crate::classify::words::joined(&plain), medicine));
        mark
    }

    fn words_in(&self, text: &str, medicine: bool) -> Mark {
        let whole = text.to_lowercase();
        let text: Vec<char> = whole.chars().collect();
        let edge = |at: Option<&char>| at.is_none_or(|c| !c.is_alphanumeric());
        let mut found = Vec::new();
        let lines =
            include_str!("../../../tables/national/words.txt").lines().filter(|l| !l.starts_with('#'));
        for line in lines {
            let fields: Vec<&str> = line.split(" | ").collect();
            if medicine && fields[2] == "not-medicines" {
                continue;
            }
            for written in fields[0].split(' ') {
                let word: Vec<char> =
                    written.trim_start_matches(['*', '=']).replace('_', " ").chars().collect();
                for at in 0..(text.len() + 1).saturating_sub(word.len()) {
                    let begins =
                        written.starts_with('*') || edge(at.checked_sub(1).and_then(|n| text.get(n)));
                    let ends = !written.starts_with('=') || edge(text.get(at + word.len()));
                    if text[at..].starts_with(&word) && begins && ends {
                        found.push((at, at + word.len(), fields[1]));
                    }
                }
            }
        }
        let mut mark = Mark::default();
        for (from, to, marks) in found.iter().filter(|(.., marks)| *marks != "nothing") {
            if found.iter().any(|(f, t, marks)| *marks == "nothing" && f <= from && to <= t) {
                continue;
            }
            let this: String = text[*from..*to].iter().collect();
            let beside = |line: &str| {
                let words =
                    line.split(" | ").next().unwrap().split(' ').map(str::to_owned).collect::<Vec<_>>();
                words.iter().filter_map(|w| w.split_once('+')).any(|(word, other)| {
                    word.trim_start_matches('*') == this && whole.contains(&other.replace('_', " "))
                })
            };
            if include_str!("../../../tables/national/words.txt").lines().any(beside) {
                continue;
            }
            for word in marks.split(' ') {
                match word.strip_prefix("label:") {
                    Some(label) => mark.labels.insert(self.tables.vocabulary.label(label).unwrap()),
                    None => mark.classes.insert(self.tables.vocabulary.class(word).unwrap()),
                }
            }
        }
        mark
    }

    fn shows(&self, identifier: &Value) -> bool {
        let types = identifier["system"].as_str().and_then(|s| self.tables.identifiers.get(s));
        types.is_some_and(|types| types.iter().any(|t| **t == *self.resource_type))
    }

    fn extensions(
        &self,
        value: &Value,
        section: &str,
        path: &str,
        name: &str,
        words: bool,
    ) -> Result<Option<Value>, Fall> {
        let Some(items) = value.as_array() else {
            return if name == "extension" { Ok(None) } else { Err(Fall) };
        };
        let mut kept = Vec::new();
        for item in items {
            let row = self.rows(section, path).find(|row| {
                row.path.split_once(' ').map(|(_, url)| url) == item["url"].as_str()
                    && self.passes(row, false, words)
            });
            let types: Vec<&str> = row
                .and_then(|r| r.path.split_once('('))
                .map(|(_, t)| t.split(')').next().unwrap_or_default().split(',').collect())
                .unwrap_or_default();
            let def = Definitions::get().type_def("Extension");
            let mut found = None;
            for (key, inner) in item.as_object().into_iter().flatten() {
                let Some((element, Some(t))) = def.and_then(|d| d.member(key)) else { continue };
                if types.contains(&t.code) {
                    found = self
                        .one(inner, element, t.code, "Extension", "value", false, words)?
                        .map(|v| json!({"url": item["url"], key: v}));
                }
            }
            match found {
                Some(found) => kept.push(found),
                None if name == "modifierExtension" => return Err(Fall),
                None => {}
            }
        }
        Ok((!kept.is_empty()).then_some(Value::Array(kept)))
    }
}

/// A path without the types of a choice and without `[x]`.
fn bare(path: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in path.chars() {
        match c {
            '(' => inside = true,
            ')' => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out.replace("[x]", "")
}
