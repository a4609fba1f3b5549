//! XHTML for people: the only place where text becomes markup, so the only place that escapes.

use super::Language;

/// A narrative under construction.
pub(super) struct Narrative(String);

impl Narrative {
    pub(super) fn new(language: Language) -> Self {
        let tag = language.as_str();
        Self(format!("<div xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"{tag}\" xml:lang=\"{tag}\">"))
    }

    pub(super) fn paragraph(&mut self, text: &str) {
        self.element("p", text);
    }

    pub(super) fn list<'t>(&mut self, items: impl Iterator<Item = &'t str>) {
        let mut items = items.peekable();
        if items.peek().is_none() {
            return;
        }
        self.0.push_str("<ul>");
        items.for_each(|item| self.element("li", item));
        self.0.push_str("</ul>");
    }

    /// A table with a heading row.
    pub(super) fn table<const N: usize>(&mut self, head: [&str; N], rows: &[[String; N]]) {
        self.0.push_str("<table><thead><tr>");
        head.iter().for_each(|cell| self.element("th", cell));
        self.0.push_str("</tr></thead><tbody>");
        for row in rows {
            self.0.push_str("<tr>");
            row.iter().for_each(|cell| self.element("td", cell));
            self.0.push_str("</tr>");
        }
        self.0.push_str("</tbody></table>");
    }

    /// The finished `div`.
    pub(super) fn close(mut self) -> String {
        self.0.push_str("</div>");
        self.0
    }

    fn element(&mut self, name: &str, text: &str) {
        self.0.push('<');
        self.0.push_str(name);
        self.0.push('>');
        escape(&mut self.0, text);
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
    }
}

/// Text as XML 1.0 content. What XML cannot carry is dropped, as are the marks that turn the direction of
/// writing: they could make a dose read otherwise than it is.
fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FFFE}' | '\u{FFFF}' => {}
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
}
