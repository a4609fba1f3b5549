//! What the tables compile to: one node per element that may survive. Must not read tables or resources.

use crate::json::Kind;
use crate::json::name::number;

/// Bits of the forms in which an element may survive; a resource needs all bits of its classes' forms.
pub(crate) type Shapes = u64;

/// Form of a class at full level that no line describes.
pub(crate) const FULL: Shapes = 1;
/// Form of a class at reduced level that no line describes.
pub(crate) const REDUCED: Shapes = 2;

/// The JSON values of a primitive type (R4, 2.6.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plain {
    Text,
    Number,
    Truth,
}

impl Plain {
    /// That of a primitive type by its name.
    pub(crate) fn of(code: &str) -> Self {
        match code {
            "boolean" => Self::Truth,
            "integer" | "positiveInt" | "unsignedInt" | "decimal" => Self::Number,
            _ => Self::Text,
        }
    }

    pub(crate) fn is(self, kind: Kind) -> bool {
        match self {
            Self::Text => kind == Kind::String,
            Self::Number => kind == Kind::Number,
            Self::Truth => matches!(kind, Kind::True | Kind::False),
        }
    }
}

/// How a value is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Op {
    /// One string, number or boolean, byte for byte; a value of another kind is none.
    Scalar(Plain),
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
    #[default]
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
/// What holds it falls when it tells what may not be told: a member of a team with its role.
pub(crate) const SPEAKS: u8 = 16;

/// No class of its own.
pub(crate) const ANY_CLASS: u8 = u8::MAX;

/// One element.
#[derive(Debug, Clone, Copy, Default)]
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
    /// What holds it falls when it tells what may not be told; [`Automaton`]'s maker reads it off the rules.
    pub(crate) speaks: bool,
    /// A list in R4; where it is not, a list is no value.
    pub(crate) many: bool,
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

/// Where the edge of a name may stand.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// First edge of the parent, which names the parent.
    from: u32,
    /// [`number`] of the name.
    number: u32,
    /// The edge, from 1; 0: free.
    edge: u32,
}

/// All nodes, with a root per type.
#[derive(Debug, Default)]
pub(crate) struct Automaton {
    pub(crate) nodes: Vec<Node>,
    pub(crate) edges: Vec<Edge>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) roots: super::known::Known<u32>,
    /// All edges by parent and name, at most half full.
    slots: Vec<Slot>,
}

impl Automaton {
    pub(crate) fn node(&self, at: u32) -> Option<&Node> {
        self.nodes.get(at as usize)
    }

    pub(crate) fn rules(&self, node: &Node) -> &[Rule] {
        self.rules.get(node.rules.0 as usize..node.rules.1 as usize).unwrap_or_default()
    }

    /// Makes every edge findable by [`Self::child`]: to be called once, when all stand.
    pub(crate) fn index(&mut self) {
        self.slots = vec![Slot::default(); (self.edges.len() * 2).next_power_of_two().max(2)];
        let nodes: Vec<(u32, u32)> = self.nodes.iter().map(|node| node.edges).collect();
        let mut parents: Vec<(u32, u32)> = nodes.into_iter().filter(|(from, to)| from < to).collect();
        // Datatypes share their edges.
        parents.sort_unstable();
        parents.dedup();
        for (from, to) in parents {
            for at in from..to {
                let Some(edge) = self.edges.get(at as usize) else { continue };
                let number = number(edge.name.as_bytes());
                let mut slot = self.slot(from, number);
                while let Some(taken) = self.slots.get_mut(slot) {
                    if taken.edge == 0 {
                        *taken = Slot { from, number, edge: at + 1 };
                        break;
                    }
                    slot = (slot + 1) & (self.slots.len() - 1);
                }
            }
        }
    }

    fn slot(&self, from: u32, number: u32) -> usize {
        (number ^ from.wrapping_mul(0x9E37_79B1)) as usize & (self.slots.len() - 1)
    }

    /// The child of this name.
    pub(crate) fn child(&self, node: &Node, name: &str) -> Option<&Node> {
        self.numbered(node, name, number(name.as_bytes()))
    }

    /// The same, when the name's [`number`] is known already.
    #[inline]
    pub(crate) fn numbered(&self, node: &Node, name: &str, number: u32) -> Option<&Node> {
        let from = node.edges.0;
        let mut slot = self.slot(from, number);
        loop {
            let found = self.slots.get(slot)?;
            if found.edge == 0 {
                return None;
            }
            if found.number == number && found.from == from {
                let edge = self.edges.get(found.edge as usize - 1)?;
                if *edge.name == *name {
                    return self.node(edge.node);
                }
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }
}

/// A place in the automaton; tables are thousands of times smaller than its room.
pub(crate) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
