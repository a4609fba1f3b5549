//! Narrative: well-formed XHTML of the allowed elements, nothing that acts or reaches outside (txt-1, txt-2).
//!
//! One pass with a stack of open names; entities are named or numbered characters, never expanded.

/// Why a narrative is not taken.
pub(super) type Fault = &'static str;

/// Looks at the text of `Narrative.div`.
pub(super) fn fault_of(text: &str) -> Option<Fault> {
    Reader { rest: text, open: Vec::new(), closed: false, content: false }.read().err()
}

struct Reader<'t> {
    rest: &'t str,
    open: Vec<&'t str>,
    closed: bool,
    /// Whether there is anything to see: text or an image (txt-2).
    content: bool,
}

impl<'t> Reader<'t> {
    fn read(mut self) -> Result<(), Fault> {
        self.rest = self.rest.trim();
        if !self.rest.starts_with("<div") {
            return Err("narrative is no div");
        }
        while let Some(at) = self.rest.find('<') {
            let (text, tag) = self.rest.split_at_checked(at).ok_or(MALFORMED)?;
            self.text(text)?;
            self.tag(tag)?;
        }
        self.text(self.rest)?;
        match (self.open.is_empty() && self.closed, self.content) {
            (true, true) => Ok(()),
            (true, false) => Err("txt-2: the narrative has no content"),
            (false, _) => Err(MALFORMED),
        }
    }

    fn text(&mut self, text: &str) -> Result<(), Fault> {
        let seen = !text.trim().is_empty();
        if seen && self.open.is_empty() {
            return Err(MALFORMED);
        }
        self.content |= seen;
        entities(text)
    }

    /// Reads from a `<` on.
    fn tag(&mut self, from: &'t str) -> Result<(), Fault> {
        if let Some(comment) = from.strip_prefix("<!--") {
            let (_, after) = comment.split_once("-->").ok_or(MALFORMED)?;
            self.rest = after;
            return Ok(());
        }
        if let Some(end) = from.strip_prefix("</") {
            let (name, after) = end.split_once('>').ok_or(MALFORMED)?;
            if self.open.pop() != Some(name.trim_end()) {
                return Err(MALFORMED);
            }
            self.closed = self.open.is_empty();
            self.rest = after;
            return Ok(());
        }
        let inner = from.strip_prefix('<').ok_or(MALFORMED)?;
        if inner.starts_with(['!', '?']) {
            return Err("txt-1: no declarations, sections or instructions in a narrative");
        }
        let cut = inner.find(|c: char| c.is_whitespace() || c == '>' || c == '/').ok_or(MALFORMED)?;
        let (name, rest) = inner.split_at_checked(cut).ok_or(MALFORMED)?;
        if !ELEMENTS.contains(&name) {
            return Err("txt-1: an element that a narrative may not have");
        }
        if self.open.is_empty() && (self.closed || name != "div") {
            return Err(MALFORMED);
        }
        if self.open.len() >= DEPTH_MAX {
            return Err("narrative is nested too deeply");
        }
        self.content |= name == "img";
        self.attributes(name, rest)
    }

    /// Reads attributes up to and including the end of the tag.
    fn attributes(&mut self, name: &'t str, mut rest: &'t str) -> Result<(), Fault> {
        let mut seen: Vec<&str> = Vec::new();
        let mut namespace = !self.open.is_empty();
        loop {
            let trimmed = rest.trim_start();
            if let Some(after) = trimmed.strip_prefix("/>") {
                self.closed = self.open.is_empty();
                self.rest = after;
                break;
            }
            if let Some(after) = trimmed.strip_prefix('>') {
                self.open.push(name);
                self.rest = after;
                break;
            }
            if trimmed.len() == rest.len() {
                return Err(MALFORMED);
            }
            let (key, after) = trimmed.split_once('=').ok_or(MALFORMED)?;
            let key = key.trim_end();
            let after = after.trim_start();
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\'')).ok_or(MALFORMED)?;
            let (value, after) = after.get(1..).and_then(|a| a.split_once(quote)).ok_or(MALFORMED)?;
            if value.contains('<') || seen.contains(&key) || seen.len() >= ATTRIBUTES_MAX {
                return Err(MALFORMED);
            }
            seen.push(key);
            namespace |= key == "xmlns" && value == "http://www.w3.org/1999/xhtml";
            entities(value)?;
            attribute(name, key, value)?;
            rest = after;
        }
        if namespace { Ok(()) } else { Err("narrative lacks the XHTML namespace") }
    }
}

/// Whether an attribute may stand on an element, and says nothing that acts or loads.
fn attribute(element: &str, key: &str, value: &str) -> Result<(), Fault> {
    if !ATTRIBUTES.contains(&key) {
        return Err("txt-1: an attribute that a narrative may not have");
    }
    // An encoded colon or bracket would hide a scheme from this look.
    let plain: String = value
        .chars()
        .filter(|c| !c.is_whitespace() && !c.is_control())
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let acts = match key {
        "href" | "cite" | "longdesc" => {
            let named = plain.contains("&#");
            let scheme =
                plain.split_once(':').map(|(scheme, _)| scheme).filter(|s| !s.contains(['/', '#', '?']));
            named || scheme.is_some_and(|s| !LINK_SCHEMES.contains(&s))
        }
        "src" => {
            let inside = plain.starts_with('#')
                || plain.starts_with("data:image/")
                || plain.starts_with("data:application/octet-stream;");
            let relative = !plain.contains(':') && !plain.starts_with("//");
            element != "img" || plain.contains("&#") || !(inside || relative)
        }
        "style" => {
            let loads = plain.split("url(").skip(1).any(|url| {
                let url = url.trim_start_matches(['"', '\'', '&']);
                !url.starts_with("data:image/") && (url.contains(':') || url.starts_with("//"))
            });
            loads || STYLE_ACTS.iter().any(|bad| plain.contains(bad))
        }
        _ => false,
    };
    if acts { Err("txt-1: active content or an outside resource in the narrative") } else { Ok(()) }
}

/// Every `&` starts a character: predefined, numbered, or of HTML 4.
fn entities(text: &str) -> Result<(), Fault> {
    for part in text.split('&').skip(1) {
        let name = part.split_once(';').map(|(name, _)| name).ok_or(MALFORMED)?;
        let known = match name.strip_prefix('#') {
            Some(number) => {
                let code = match number.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16).ok(),
                    None => number.parse().ok(),
                };
                code.and_then(char::from_u32).is_some_and(|c| c != '\0')
            }
            None => ENTITIES.contains(&name),
        };
        if !known {
            return Err("narrative names an entity that it may not use");
        }
    }
    Ok(())
}

const MALFORMED: Fault = "narrative is not well-formed";
const DEPTH_MAX: usize = 128;
const ATTRIBUTES_MAX: usize = 32;
const STYLE_ACTS: &[&str] =
    &["expression(", "javascript:", "@import", "behavior:", "-moz-binding", "&#", "\\"];
const LINK_SCHEMES: &[&str] = &["http", "https", "mailto", "tel", "urn", "ftp"];
const ENTITIES: &[&str] = &["lt", "gt", "amp", "quot", "apos"];
/// HTML 4.0 chapters 7 to 11 (but 4 of 9) and 15, `a`, `img`, `map` and `area` (R4 narrative).
const ELEMENTS: &[&str] = &[
    "p",
    "br",
    "div",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "a",
    "span",
    "b",
    "em",
    "i",
    "strong",
    "small",
    "big",
    "tt",
    "dfn",
    "q",
    "var",
    "abbr",
    "acronym",
    "cite",
    "blockquote",
    "hr",
    "address",
    "bdo",
    "kbd",
    "sub",
    "sup",
    "ul",
    "ol",
    "li",
    "dl",
    "dt",
    "dd",
    "pre",
    "table",
    "caption",
    "colgroup",
    "col",
    "thead",
    "tr",
    "tfoot",
    "tbody",
    "th",
    "td",
    "code",
    "samp",
    "img",
    "map",
    "area",
    "ins",
    "del",
    "u",
    "s",
    "strike",
];
/// HTML 4.0's formatting attributes, and the `idref` that senders put on rows (it names what the row tells).
const ATTRIBUTES: &[&str] = &[
    "title",
    "style",
    "class",
    "id",
    "lang",
    "xml:lang",
    "dir",
    "accesskey",
    "tabindex",
    "span",
    "width",
    "align",
    "valign",
    "char",
    "charoff",
    "abbr",
    "axis",
    "headers",
    "scope",
    "rowspan",
    "colspan",
    "href",
    "name",
    "charset",
    "type",
    "hreflang",
    "rel",
    "rev",
    "shape",
    "coords",
    "src",
    "alt",
    "longdesc",
    "height",
    "usemap",
    "ismap",
    "cite",
    "summary",
    "border",
    "frame",
    "rules",
    "cellspacing",
    "cellpadding",
    "xml:space",
    "xmlns",
    "clear",
    "idref",
    "idrefs",
    "idRef",
    "idRefs",
    "datetime",
    "start",
    "value",
    "nowrap",
    "noshade",
    "size",
    "compact",
];
