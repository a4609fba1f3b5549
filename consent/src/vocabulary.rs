//! Data classes, labels, categories and functions: data, not code. Codes become small indexes here,
//! so that the engine never matches on a class; an overlay file alone can add one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::answer::{Level, ReceiverBasis};
use crate::question::Purpose;
use crate::set::{ClassSet, LabelSet};

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(u8);
        impl $name {
            /// Its place in the vocabulary.
            pub fn index(self) -> u8 {
                self.0
            }
            #[allow(dead_code, reason = "only sets rebuild an index from its number")]
            pub(crate) fn at(index: u8) -> Self {
                Self(index)
            }
        }
    };
}

index! {
    /// A data class of one vocabulary.
    DataClass
}
index! {
    /// A label of one vocabulary.
    Label
}
index! {
    /// A category of participants of one vocabulary.
    Category
}
index! {
    /// A function of one vocabulary.
    Function
}

/// Whether a class or label is sensitive.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normality {
    /// Confidentiality N.
    Normal,
    /// Confidentiality R.
    Sensitive,
}

/// Which law the data kept under a function fall under.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Law {
    /// Treatment agreement, BW 7:446.
    Wgbo,
    /// Jeugdwet.
    Jeugdwet,
    /// Wmo 2015, and what is treated like it.
    Wmo,
}

/// How much of a class a function may see.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cell {
    /// F or R.
    Open(Level),
    /// A: only by a permit that names the class; then this level.
    ByName(Level),
    /// -: never.
    Shut,
}

/// What a function needs beside a basis.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Needs {
    /// Nothing.
    #[default]
    Nothing,
    /// A live referral to it, whoever sent it (a place that takes somebody in).
    Referral,
    /// A live referral to it by the holder (general services and informal networks; Wmo 5.1.2(2)).
    ReferralFromHolder,
}

/// To whom a label may go at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// To whoever is permitted.
    #[default]
    Permitted,
    /// Never to a representative.
    NotRepresentatives,
    /// To nobody.
    Nobody,
}

/// What the file says about a class.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassSpec {
    /// Its code.
    pub code: Box<str>,
    /// Name in Dutch.
    pub nl: Box<str>,
    /// Name in English.
    pub en: Box<str>,
    /// Default normality.
    pub normality: Normality,
    /// The level that an opened A gives.
    pub opened: Level,
    /// Goes along with any other class, and gives nothing by itself (`identity`).
    #[serde(default)]
    pub goes_along: bool,
    /// Cells by column; a column not named is shut.
    #[serde(default)]
    pub cells: BTreeMap<Box<str>, CellSpec>,
}

/// A cell as written: F, R, A or -.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum CellSpec {
    /// Full.
    F,
    /// Reduced.
    R,
    /// By name.
    A,
    /// Never.
    #[serde(rename = "-")]
    Never,
}

/// What the file says about a group of classes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupSpec {
    /// Its code.
    pub code: Box<str>,
    /// Name in Dutch.
    pub nl: Box<str>,
    /// Name in English.
    pub en: Box<str>,
    /// The classes it stands for.
    pub classes: Vec<Box<str>>,
}

/// What the file says about a label.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelSpec {
    /// Its code.
    pub code: Box<str>,
    /// Its code system.
    pub system: Box<str>,
    /// Name in Dutch.
    pub nl: Box<str>,
    /// Name in English.
    pub en: Box<str>,
    /// Classes on which it needs no clearing.
    #[serde(default)]
    pub implied_by: Vec<Box<str>>,
    /// To whom it may go at all.
    #[serde(default)]
    pub reach: Reach,
    /// Classes on which the person's emergency choice clears it.
    #[serde(default)]
    pub emergency: Vec<Box<str>>,
}

/// What the file says about a category.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CategorySpec {
    /// Its code.
    pub code: Box<str>,
    /// Name in Dutch.
    pub nl: Box<str>,
    /// Name in English.
    pub en: Box<str>,
    /// Whether a permit that names no user reaches it.
    #[serde(default)]
    pub reached_unnamed: bool,
    /// Mitz code, if it has one.
    #[serde(default)]
    pub mitz: Option<Box<str>>,
}

/// What the file says about a function.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FunctionSpec {
    /// Its code.
    pub code: Box<str>,
    /// Name in Dutch.
    pub nl: Box<str>,
    /// Name in English.
    pub en: Box<str>,
    /// Its category; `None` for functions across categories.
    #[serde(default)]
    pub category: Option<Box<str>>,
    /// The column of its cells; `None`: nothing by query.
    #[serde(default)]
    pub column: Option<Box<str>>,
    /// Law of the data kept under it.
    pub law: Law,
    /// The taker's leg.
    pub receiver: ReceiverBasis,
    /// Purposes it may ask for.
    #[serde(default)]
    pub purposes: Vec<Purpose>,
    /// What it needs beside a basis.
    #[serde(default)]
    pub needs: Needs,
    /// Whether it may break the glass, and whether under a named doctor.
    #[serde(default)]
    pub emergency: BreaksGlass,
    /// Ends at eighteen unless help is extended.
    #[serde(default)]
    pub youth: bool,
    /// Own data stay within the column (social domain).
    #[serde(default)]
    pub own_within_column: bool,
}

/// Whether a function may break the glass.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BreaksGlass {
    /// Never.
    #[default]
    Never,
    /// It may.
    Itself,
    /// Only with a named responsible doctor.
    UnderDoctor,
}

/// What the file says about a role of persons.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleSpec {
    /// Its code.
    pub code: Box<str>,
    /// Its code system.
    pub system: Box<str>,
    /// Name in Dutch.
    pub nl: Box<str>,
    /// Whether it is a doctor's role, who may be named as responsible.
    #[serde(default)]
    pub doctor: bool,
}

/// The vocabulary as written in a file; overlays have the same shape.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VocabularySpec {
    /// Data classes, in the order people see them.
    #[serde(default)]
    pub class: Vec<ClassSpec>,
    /// Groups of classes.
    #[serde(default)]
    pub group: Vec<GroupSpec>,
    /// Labels.
    #[serde(default)]
    pub label: Vec<LabelSpec>,
    /// Categories.
    #[serde(default)]
    pub category: Vec<CategorySpec>,
    /// Functions.
    #[serde(default)]
    pub function: Vec<FunctionSpec>,
    /// Roles.
    #[serde(default)]
    pub role: Vec<RoleSpec>,
    /// What an emergency may reach at most.
    #[serde(default)]
    pub emergency_ceiling: BTreeMap<Box<str>, CeilingSpec>,
}

/// The emergency ceiling of one class.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum CeilingSpec {
    /// Full.
    F,
    /// Reduced.
    R,
    /// Treating team and its phone number only.
    #[serde(rename = "team")]
    Team,
}

/// Why a vocabulary cannot be built.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum VocabularyError {
    /// The text is no such file; the message names line and column.
    Syntax(String),
    /// More than 64 classes, labels, or 255 of another kind.
    TooMany(&'static str),
    /// A code that nothing defines.
    Unknown {
        /// Which kind.
        kind: &'static str,
        /// The code.
        code: Box<str>,
    },
}

impl std::fmt::Display for VocabularyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Syntax(message) => f.write_str(message),
            Self::TooMany(kind) => write!(f, "too many entries of kind {kind}"),
            Self::Unknown { kind, code } => write!(f, "unknown {kind}: {code}"),
        }
    }
}
impl std::error::Error for VocabularyError {}

/// The vocabulary, ready to decide with.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    spec: VocabularySpec,
    functions: Vec<FunctionRow>,
    groups: Vec<(Box<str>, ClassSet)>,
    implied: Vec<LabelSet>,
    emergency_labels: Vec<LabelSet>,
    ceiling: Vec<Option<CeilingSpec>>,
    nobody: LabelSet,
    not_representatives: LabelSet,
    goes_along: ClassSet,
    sensitive: ClassSet,
}

#[derive(Clone, Debug)]
struct FunctionRow {
    category: Option<Category>,
    cells: Vec<Cell>,
}

impl VocabularySpec {
    /// Lays `over` upon this one: an entry of the same code replaces, a new one is added at the end;
    /// cells of a class are laid over one by one.
    #[must_use]
    pub fn overlaid(mut self, over: Self) -> Self {
        for class in over.class {
            match self.class.iter_mut().find(|known| known.code == class.code) {
                Some(known) => {
                    let mut cells = std::mem::take(&mut known.cells);
                    cells.extend(class.cells.clone());
                    *known = ClassSpec { cells, ..class };
                }
                None => self.class.push(class),
            }
        }
        lay(&mut self.group, over.group, |entry| &entry.code);
        lay(&mut self.label, over.label, |entry| &entry.code);
        lay(&mut self.category, over.category, |entry| &entry.code);
        lay(&mut self.function, over.function, |entry| &entry.code);
        lay(&mut self.role, over.role, |entry| &entry.code);
        self.emergency_ceiling.extend(over.emergency_ceiling);
        self
    }
}

fn lay<T>(under: &mut Vec<T>, over: Vec<T>, code: fn(&T) -> &str) {
    for entry in over {
        match under.iter_mut().find(|known| code(known) == code(&entry)) {
            Some(known) => *known = entry,
            None => under.push(entry),
        }
    }
}

fn place<T>(entries: &[T], wanted: &str, code: fn(&T) -> &str) -> Option<u8> {
    entries.iter().position(|entry| code(entry) == wanted).and_then(|index| u8::try_from(index).ok())
}

impl Vocabulary {
    /// Builds from the written form.
    ///
    /// # Errors
    /// [`VocabularyError`] for a code that nothing defines, or too many of a kind.
    pub fn build(spec: VocabularySpec) -> Result<Self, VocabularyError> {
        for (kind, count, limit) in [
            ("class", spec.class.len(), 64),
            ("label", spec.label.len(), 64),
            ("category", spec.category.len(), 255),
            ("function", spec.function.len(), 255),
        ] {
            if count > limit {
                return Err(VocabularyError::TooMany(kind));
            }
        }
        let class = |code: &str| {
            place(&spec.class, code, |entry| &entry.code)
                .map(DataClass)
                .ok_or_else(|| VocabularyError::Unknown { kind: "class", code: code.into() })
        };
        let classes =
            |codes: &[Box<str>]| codes.iter().map(|code| class(code)).collect::<Result<ClassSet, _>>();
        let mut groups = Vec::new();
        for group in &spec.group {
            groups.push((group.code.clone(), classes(&group.classes)?));
        }
        let mut implied = vec![LabelSet::EMPTY; spec.class.len()];
        let mut emergency_labels = implied.clone();
        let mut nobody = LabelSet::EMPTY;
        let mut not_representatives = LabelSet::EMPTY;
        for (index, label) in (0u8..).zip(&spec.label) {
            for (codes, table) in
                [(&label.implied_by, &mut implied), (&label.emergency, &mut emergency_labels)]
            {
                for of in classes(codes)?.iter() {
                    if let Some(row) = table.get_mut(usize::from(of.0)) {
                        row.insert(Label(index));
                    }
                }
            }
            match label.reach {
                Reach::Permitted => {}
                Reach::NotRepresentatives => not_representatives.insert(Label(index)),
                Reach::Nobody => nobody.insert(Label(index)),
            }
        }
        let mut functions = Vec::new();
        for function in &spec.function {
            let category = match &function.category {
                None => None,
                Some(code) => Some(
                    place(&spec.category, code, |entry| &entry.code)
                        .map(Category)
                        .ok_or_else(|| VocabularyError::Unknown { kind: "category", code: code.clone() })?,
                ),
            };
            let cell = |class: &ClassSpec| {
                let written = function.column.as_ref().and_then(|column| class.cells.get(column));
                match written {
                    Some(CellSpec::F) => Cell::Open(Level::Full),
                    Some(CellSpec::R) => Cell::Open(Level::Reduced),
                    Some(CellSpec::A) => Cell::ByName(class.opened),
                    Some(CellSpec::Never) | None => Cell::Shut,
                }
            };
            functions.push(FunctionRow { category, cells: spec.class.iter().map(cell).collect() });
        }
        for code in spec.emergency_ceiling.keys() {
            class(code)?;
        }
        let ceiling =
            spec.class.iter().map(|class| spec.emergency_ceiling.get(&class.code).copied()).collect();
        let those = |which: fn(&ClassSpec) -> bool| {
            (0u8..)
                .zip(&spec.class)
                .filter(|(_, class)| which(class))
                .map(|(index, _)| DataClass(index))
                .collect()
        };
        let goes_along = those(|class| class.goes_along);
        let sensitive = those(|class| class.normality == Normality::Sensitive);
        Ok(Self {
            functions,
            groups,
            implied,
            emergency_labels,
            ceiling,
            nobody,
            not_representatives,
            goes_along,
            sensitive,
            spec,
        })
    }

    /// The written form, overlays included: for pages and reports.
    pub fn spec(&self) -> &VocabularySpec {
        &self.spec
    }
    /// Every class.
    pub fn all_classes(&self) -> ClassSet {
        (0u8..).zip(&self.spec.class).map(|(index, _)| DataClass(index)).collect()
    }
    /// Every label.
    pub fn all_labels(&self) -> LabelSet {
        (0u8..).zip(&self.spec.label).map(|(index, _)| Label(index)).collect()
    }
    /// Every function.
    pub fn all_functions(&self) -> impl Iterator<Item = Function> {
        (0u8..).zip(&self.spec.function).map(|(index, _)| Function(index))
    }
    /// Every category.
    pub fn all_categories(&self) -> impl Iterator<Item = Category> {
        (0u8..).zip(&self.spec.category).map(|(index, _)| Category(index))
    }
    /// The class of a code.
    pub fn class(&self, code: &str) -> Option<DataClass> {
        place(&self.spec.class, code, |entry| &entry.code).map(DataClass)
    }
    /// The classes a code stands for: one class, or a group.
    pub fn classes(&self, code: &str) -> Option<ClassSet> {
        self.class(code)
            .map(ClassSet::only)
            .or_else(|| self.groups.iter().find(|(group, _)| &**group == code).map(|(_, set)| *set))
    }
    /// The label of a code, whatever its system.
    pub fn label(&self, code: &str) -> Option<Label> {
        place(&self.spec.label, code, |entry| &entry.code).map(Label)
    }
    /// The label of a system and code.
    pub fn label_in(&self, system: &str, code: &str) -> Option<Label> {
        self.label(code).filter(|label| self.label_spec(*label).is_some_and(|spec| &*spec.system == system))
    }
    /// The category of a code.
    pub fn category(&self, code: &str) -> Option<Category> {
        place(&self.spec.category, code, |entry| &entry.code).map(Category)
    }
    /// The function of a code.
    pub fn function(&self, code: &str) -> Option<Function> {
        place(&self.spec.function, code, |entry| &entry.code).map(Function)
    }
    /// The role of a code.
    pub fn role(&self, code: &str) -> Option<&RoleSpec> {
        self.spec.role.iter().find(|role| &*role.code == code)
    }
    /// What is written about a class; `None` for an index of another vocabulary.
    pub fn class_spec(&self, class: DataClass) -> Option<&ClassSpec> {
        self.spec.class.get(usize::from(class.0))
    }
    /// What is written about a label.
    pub fn label_spec(&self, label: Label) -> Option<&LabelSpec> {
        self.spec.label.get(usize::from(label.0))
    }
    /// What is written about a category.
    pub fn category_spec(&self, category: Category) -> Option<&CategorySpec> {
        self.spec.category.get(usize::from(category.0))
    }
    /// What is written about a function.
    pub fn function_spec(&self, function: Function) -> Option<&FunctionSpec> {
        self.spec.function.get(usize::from(function.0))
    }
    /// The code of a class; empty for an index of another vocabulary.
    pub fn class_code(&self, class: DataClass) -> &str {
        self.class_spec(class).map_or("", |spec| &spec.code)
    }
    /// The code of a label.
    pub fn label_code(&self, label: Label) -> &str {
        self.label_spec(label).map_or("", |spec| &spec.code)
    }
    /// The code of a function.
    pub fn function_code(&self, function: Function) -> &str {
        self.function_spec(function).map_or("", |spec| &spec.code)
    }
    /// The code of a category.
    pub fn category_code(&self, category: Category) -> &str {
        self.category_spec(category).map_or("", |spec| &spec.code)
    }
    /// The category of a function.
    pub fn category_of(&self, function: Function) -> Option<Category> {
        self.functions.get(usize::from(function.0))?.category
    }
    /// The cell of a function and class.
    pub fn cell(&self, function: Function, class: DataClass) -> Cell {
        self.functions
            .get(usize::from(function.0))
            .and_then(|row| row.cells.get(usize::from(class.0)))
            .copied()
            .unwrap_or(Cell::Shut)
    }
    /// Labels that need no clearing on a class.
    pub fn implied(&self, class: DataClass) -> LabelSet {
        self.implied.get(usize::from(class.0)).copied().unwrap_or_default()
    }
    /// Labels that the emergency choice clears on a class.
    pub fn emergency_labels(&self, class: DataClass) -> LabelSet {
        self.emergency_labels.get(usize::from(class.0)).copied().unwrap_or_default()
    }
    /// What an emergency may reach of a class at most.
    pub fn ceiling(&self, class: DataClass) -> Option<CeilingSpec> {
        self.ceiling.get(usize::from(class.0)).copied().flatten()
    }
    /// Labels that go to nobody.
    pub fn never_released(&self) -> LabelSet {
        self.nobody
    }
    /// Labels that go to no representative.
    pub fn never_to_representatives(&self) -> LabelSet {
        self.not_representatives
    }
    /// Classes that go along with any other (`identity`).
    pub fn going_along(&self) -> ClassSet {
        self.goes_along
    }
    /// Sensitive classes.
    pub fn sensitive_classes(&self) -> ClassSet {
        self.sensitive
    }
}
