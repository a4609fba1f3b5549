//! The line form of the data files: `kind | title | sct:123 icpc:K78 | key=value | ...`. Splits and names
//! places for errors; must not know what a kind means.

use super::RegionError;

/// Every option a line may carry; a word outside this list is a mistake in the file.
const KEYS: [&str; 62] = [
    "about", "as", "attach", "by", "care", "category", "choice", "city", "class", "deny", "days", "done",
    "dose", "due", "email", "evidence", "except", "fixed", "for", "free", "from", "given", "high", "id",
    "instruct", "kind", "label", "language", "low", "mandate", "name", "note", "number", "on", "org",
    "owner", "part", "phone", "place", "postcode", "product", "purpose", "reaction", "reason", "recorder",
    "role", "scope", "severity", "since", "stage", "status", "step", "story", "street", "to", "type",
    "until", "value", "version", "words", "second", "item",
];

/// One line of a data file.
pub(super) struct Line<'a> {
    pub(super) file: &'static str,
    pub(super) number: usize,
    pub(super) kind: &'a str,
    pub(super) title: &'a str,
    pub(super) codes: Vec<&'a str>,
    options: Vec<(&'a str, &'a str)>,
}

impl<'a> Line<'a> {
    /// The first value of an option.
    pub(super) fn get(&self, key: &str) -> Option<&'a str> {
        self.all(key).next()
    }

    /// All values of an option that may stand more than once.
    pub(super) fn all(&self, key: &str) -> impl Iterator<Item = &'a str> {
        self.options.iter().filter(move |(name, _)| *name == key).map(|(_, value)| *value)
    }

    /// An option the kind cannot do without.
    pub(super) fn need(&self, key: &str) -> Result<&'a str, RegionError> {
        self.get(key).ok_or_else(|| self.error(format!("{} needs {key}=", self.kind)))
    }

    /// An error at this line.
    pub(super) fn error(&self, why: impl Into<String>) -> RegionError {
        RegionError { file: self.file, line: self.number, why: why.into() }
    }
}

/// Splits a file in lines; `#` opens a comment, an indented line goes on with the one before.
pub(super) fn lines(file: &'static str, text: &'static str) -> Result<Vec<Line<'static>>, RegionError> {
    let mut read: Vec<Line<'static>> = Vec::new();
    for (number, raw) in text.lines().enumerate().map(|(index, raw)| (index + 1, raw)) {
        if raw.trim().is_empty() || raw.trim_start().starts_with('#') {
            continue;
        }
        let fields = raw.split('|').map(str::trim).filter(|field| !field.is_empty());
        if raw.starts_with(' ') {
            let Some(line) = read.last_mut() else {
                return Err(RegionError { file, line: number, why: "goes on with nothing".into() });
            };
            take(line, fields)?;
            continue;
        }
        let mut fields = fields;
        let kind = fields.next().unwrap_or_default();
        let mut line = Line { file, number, kind, title: "", codes: Vec::new(), options: Vec::new() };
        let mut rest = fields.peekable();
        if let Some(title) = rest.next_if(|field| option(field).is_none()) {
            line.title = title;
        }
        take(&mut line, rest)?;
        read.push(line);
    }
    Ok(read)
}

fn take(line: &mut Line<'static>, fields: impl Iterator<Item = &'static str>) -> Result<(), RegionError> {
    for field in fields {
        match option(field) {
            Some((key, value)) if KEYS.contains(&key) => line.options.push((key, value)),
            Some((key, _)) => return Err(line.error(format!("unknown option {key}="))),
            None => line.codes.extend(field.split_whitespace()),
        }
    }
    Ok(())
}

fn option(field: &str) -> Option<(&str, &str)> {
    let (key, value) = field.split_once('=')?;
    (!key.is_empty() && key.bytes().all(|byte| byte.is_ascii_lowercase())).then(|| (key, value.trim()))
}
