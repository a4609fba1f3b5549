//! What the tables compile to: one node per element that may survive. Must not read tables or resources.

/// Bits of the forms in which an element may survive; a resource needs all bits of its classes' forms.
pub(crate) type Shapes = u64;

/// Form of a class at full level that no line describes.
pub(crate) const FULL: Shapes = 1;
/// Form of a class at reduced level that no line describes.
pub(crate) const REDUCED: Shapes = 2;

/// How a value is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    /// One string, number or boolean, byte for byte.
    Scalar,
    /// Members by their own nodes.
    Object,
    /// A CodeableConcept: falls whole when a coding of it tells what may not be told.
    Concept,
    /// A Coding: falls when its system is unknown to the tables, outside gp and ggz.
    Coding,
    /// A Reference: rewritten to what is released, or nothing.
    Reference,
    /// An Identifier: only of systems listed for the type.
    Identifier,
    /// Extensions by URL.
    Extensions,
    /// Extensions by URL of which every one must be known and pass, or the resource falls.
    Modifiers,
    /// A dosing text.
    Dosing,
    /// Present and not listed, it could change the meaning of the rest: the resource falls.
    Refuse,
}

/// Which items of a list survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pick {
    All,
    /// The address of a temporary stay, else the home address.
    Current,
    /// Items with a coding of this set.
    Coded(u64),
    /// The first item and those with a coding of this set.
    FirstOr(u64),
}

/// Free text: only for readers inside gp and ggz.
pub(crate) const TEXT: u8 = 1;
/// Could show where somebody lives: never when whereabouts are protected.
pub(crate) const PLACE: u8 = 2;
/// Could show who reported a worry about safety.
pub(crate) const REPORTER: u8 = 4;
/// Words that may pass to anybody: free text below counts as allowed.
pub(crate) const WORDS: u8 = 8;

/// No class of its own.
pub(crate) const ANY_CLASS: u8 = u8::MAX;

/// One element.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    /// The alternatives under which it may pass: a range into the automaton's rules.
    pub(crate) rules: (u32, u32),
    pub(crate) op: Op,
    /// Number of the group of required siblings it helps to fill, from 1; 0: none.
    pub(crate) group: u8,
    /// Bits of the groups that must be filled among its children.
    pub(crate) needed: u32,
    /// Its children: a range into the automaton's edges.
    pub(crate) edges: (u32, u32),
    /// Changes the meaning of what holds it: present and not to pass, the resource falls.
    pub(crate) modifier: bool,
}

/// One line of a table about one element.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) shapes: Shapes,
    /// Functions, one bit each, with [`PERSON`] and [`REPRESENTATIVE`].
    pub(crate) readers: u64,
    /// Index of the data class that decides instead of the resource's own, or [`ANY_CLASS`].
    pub(crate) class: u8,
    pub(crate) flags: u8,
    pub(crate) pick: Pick,
}

/// Reader bit of the person's own app.
pub(crate) const PERSON: u64 = 1 << 63;
/// Reader bit of somebody who acts for the person.
pub(crate) const REPRESENTATIVE: u64 = 1 << 62;

/// A child by its name in JSON, or by its URL.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    pub(crate) name: Box<str>,
    pub(crate) node: u32,
}

/// All nodes, with a root per type.
#[derive(Debug, Default)]
pub(crate) struct Automaton {
    pub(crate) nodes: Vec<Node>,
    pub(crate) edges: Vec<Edge>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) roots: super::known::Known<u32>,
}

impl Automaton {
    pub(crate) fn node(&self, at: u32) -> Option<&Node> {
        self.nodes.get(at as usize)
    }

    pub(crate) fn rules(&self, node: &Node) -> &[Rule] {
        self.rules.get(node.rules.0 as usize..node.rules.1 as usize).unwrap_or_default()
    }

    pub(crate) fn children(&self, node: &Node) -> &[Edge] {
        self.edges.get(node.edges.0 as usize..node.edges.1 as usize).unwrap_or_default()
    }

    /// The child of this name. Lists are short, so that a walk that compares lengths first is cheapest.
    pub(crate) fn child(&self, node: &Node, name: &str) -> Option<&Node> {
        let edge = self.children(node).iter().find(|edge| *edge.name == *name)?;
        self.node(edge.node)
    }
}

/// A place in the automaton; tables are thousands of times smaller than its room.
pub(crate) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
