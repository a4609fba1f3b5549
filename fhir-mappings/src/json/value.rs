//! Walking the tape.

use super::{Doc, Node, name};
use std::borrow::Cow;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Object,
    Array,
    String,
    Number,
    True,
    False,
    Null,
}

/// A value inside a [`Doc`]: a cheap handle, copied freely.
#[derive(Clone, Copy)]
pub struct Value<'d> {
    doc: &'d Doc<'d>,
    index: u32,
}

impl<'d> Value<'d> {
    pub(super) fn new(doc: &'d Doc<'_>, index: u32) -> Self {
        Self { doc, index }
    }

    #[inline]
    fn node(&self) -> &'d Node {
        const NOTHING: &Node = &Node {
            start: 0,
            end: 0,
            next: 0,
            name_start: 0,
            number: 0,
            name_len: 0,
            kind: Kind::Null,
            escaped: false,
        };
        // INVARIANT: handles are only made from indexes that the scanner pushed.
        self.doc.nodes.get(self.index as usize).unwrap_or(NOTHING)
    }

    fn text(&self, start: u32, end: u32) -> &'d str {
        let text: &'d str = self.doc.text;
        text.get(start as usize..end as usize).unwrap_or_default()
    }

    /// What this value is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.node().kind
    }

    /// Position on the tape: stable within one document, in document order.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Byte span within [`Doc::bytes`], quotes and brackets included.
    #[must_use]
    pub fn span(&self) -> (usize, usize) {
        let node = self.node();
        (node.start as usize, node.end as usize)
    }

    /// The bytes exactly as written: a string with its quotes, a number with its digits.
    #[must_use]
    pub fn raw(&self) -> &'d str {
        let node = self.node();
        self.text(node.start, node.end)
    }

    /// The member name under which this value stands; empty for array items and the root.
    #[must_use]
    pub fn name(&self) -> &'d str {
        let node = self.node();
        self.text(node.name_start, node.name_start + u32::from(node.name_len))
    }

    /// Byte span of `"name":value`, where nothing but a colon stands between.
    #[inline]
    pub(crate) fn span_with_name(&self) -> Option<(usize, usize)> {
        let node = self.node();
        let end = node.name_start + u32::from(node.name_len);
        (node.name_start > 0 && node.start == end + 2)
            .then(|| (node.name_start as usize - 1, node.end as usize))
    }

    /// A byte span of the document in which this value stands.
    pub(crate) fn document(&self, from: usize, to: usize) -> &'d str {
        let text: &'d str = self.doc.text;
        text.get(from..to).unwrap_or_default()
    }

    /// The text of a string, unescaped; `None` for any other kind.
    #[must_use]
    pub fn as_str(&self) -> Option<Cow<'d, str>> {
        let node = self.node();
        if node.kind != Kind::String {
            return None;
        }
        let inner = self.text(node.start + 1, node.end - 1);
        Some(if node.escaped { Cow::Owned(unescape(inner)) } else { Cow::Borrowed(inner) })
    }

    /// A boolean's value.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self.kind() {
            Kind::True => Some(true),
            Kind::False => Some(false),
            _ => None,
        }
    }

    /// A number as its author wrote it.
    #[must_use]
    pub fn as_number(&self) -> Option<&'d str> {
        (self.kind() == Kind::Number).then(|| self.raw())
    }

    /// The member of an object, or `None` (also when this is no object).
    #[must_use]
    #[inline]
    pub fn get(&self, name: &str) -> Option<Value<'d>> {
        // Inlined so far that the number of a name written in the code is known when it is compiled.
        self.find(name, name::number(name.as_bytes()))
    }

    fn find(&self, name: &str, number: u32) -> Option<Value<'d>> {
        let node = self.node();
        if node.kind != Kind::Object {
            return None;
        }
        let bytes = self.doc.text.as_bytes();
        let mut at = self.index + 1;
        while at < node.next {
            let child = self.doc.nodes.get(at as usize)?;
            if child.number == number && child.name(bytes) == name.as_bytes() {
                return Some(Value { doc: self.doc, index: at });
            }
            at = child.next;
        }
        None
    }

    /// [`name::number`] of the name it stands under.
    #[inline]
    pub(crate) fn number(&self) -> u32 {
        self.node().number
    }

    /// Shorthand for [`Value::get`] followed by [`Value::as_str`].
    #[must_use]
    #[inline]
    pub fn get_str(&self, name: &str) -> Option<Cow<'d, str>> {
        self.get(name)?.as_str()
    }

    /// Members of an object, in written order; nothing for any other kind.
    #[must_use]
    pub fn members(&self) -> Members<'d> {
        Members(self.children(Kind::Object))
    }

    /// Items of an array, in order; nothing for any other kind.
    #[must_use]
    pub fn items(&self) -> Items<'d> {
        Items(self.children(Kind::Array))
    }

    /// The items of an array member, or the member itself when it is no array, or nothing: FHIR readers
    /// that accept both `coding: {}` and `coding: [{}]` go through here.
    pub fn each(&self, name: &str) -> impl Iterator<Item = Value<'d>> + use<'d> {
        let member = self.get(name);
        let single = member.filter(|m| m.kind() != Kind::Array);
        member.into_iter().flat_map(|m| m.items()).chain(single)
    }

    fn children(&self, wanted: Kind) -> Children<'d> {
        let node = self.node();
        let (at, end) = if node.kind == wanted { (self.index + 1, node.next) } else { (0, 0) };
        Children { doc: self.doc, at, end }
    }
}

impl std::fmt::Debug for Value<'_> {
    /// Content may be personal: only kind and place print.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} at {}", self.kind(), self.node().start)
    }
}

#[derive(Clone)]
struct Children<'d> {
    doc: &'d Doc<'d>,
    at: u32,
    end: u32,
}

impl<'d> Iterator for Children<'d> {
    type Item = Value<'d>;

    fn next(&mut self) -> Option<Value<'d>> {
        if self.at >= self.end {
            return None;
        }
        let value = Value { doc: self.doc, index: self.at };
        self.at = value.node().next;
        Some(value)
    }
}

/// Iterator over the members of an object; a member's name is [`Value::name`].
#[derive(Clone)]
pub struct Members<'d>(Children<'d>);

/// Iterator over the items of an array.
#[derive(Clone)]
pub struct Items<'d>(Children<'d>);

impl<'d> Iterator for Members<'d> {
    type Item = Value<'d>;
    fn next(&mut self) -> Option<Value<'d>> {
        self.0.next()
    }
}

impl<'d> Iterator for Items<'d> {
    type Item = Value<'d>;
    fn next(&mut self) -> Option<Value<'d>> {
        self.0.next()
    }
}

/// Resolves the escapes of a string that the scanner has already found well-formed.
fn unescape(inner: &str) -> String {
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('u') => {
                let high = hex4(&mut chars);
                let code = if (0xD800..0xDC00).contains(&high) {
                    chars.next();
                    chars.next();
                    let low = hex4(&mut chars);
                    0x10000 + ((high - 0xD800) << 10) + low.saturating_sub(0xDC00)
                } else {
                    high
                };
                out.extend(char::from_u32(code));
            }
            Some(plain) => out.push(plain),
            None => {}
        }
    }
    out
}

fn hex4(chars: &mut std::str::Chars<'_>) -> u32 {
    (0..4).fold(0, |code, _| code * 16 + chars.next().and_then(|c| c.to_digit(16)).unwrap_or(0))
}
