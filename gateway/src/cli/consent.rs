//! `sluis consent record` for one consent or for all that a practice has: files, folders, NDJSON and Bundles, each record
//! with an answer of its own. What is on record already stays as it is, so that a run that broke off is run again.

use super::ops::unreachable_gateway;
use super::{Ended, files, print};
use crate::control::{Command, Frame, call};
use fhir_mappings::json;
use std::path::Path;

/// Records every consent in these files.
pub(super) fn record(inputs: &[String], register: Option<&str>, dir: &Path, as_json: bool) -> Ended {
    let all = match gather(inputs) {
        Ok(all) => all,
        Err(ended) => return ended,
    };
    let (mut taken, mut refused) = (0_usize, 0_usize);
    let many = all.len() != 1;
    for (place, text) in all {
        let command = Command::ConsentRecord { text, register: register.map(str::to_owned), json: as_json };
        let mut lines = Vec::new();
        let code = match call(dir, &command, |frame| lines.push(frame)) {
            Ok(code) => code,
            Err(e) => return unreachable_gateway(dir, &e),
        };
        for line in lines {
            match line {
                Frame::Out(line) => print::out(line),
                Frame::Note(line) if many => print::note(format_args!("{place}: {line}")),
                Frame::Note(line) => print::note(line),
                Frame::End(_) => {}
            }
        }
        if code == 0 {
            taken += 1;
        } else {
            refused += 1;
        }
    }
    if many {
        print::note(format_args!("{taken} recorded or on record already, {refused} refused"));
    }
    Ended::code(u8::from(refused > 0))
}

/// The records in these files, each with where it stands.
fn gather(inputs: &[String]) -> Result<Vec<(String, String)>, Ended> {
    let mut all = Vec::new();
    for input in inputs {
        if input == "-" {
            all.extend(split("-", &files::text(input)?));
            continue;
        }
        for path in files::all(&[input.into()])? {
            let name = path.display().to_string();
            all.extend(split(&name, &files::text(&name)?));
        }
    }
    Ok(all)
}

/// A Bundle's entries, the lines of NDJSON, or the one resource that it is. Text is passed on as it stands: what is wrong
/// with it is the gateway's to say.
fn split(name: &str, text: &str) -> Vec<(String, String)> {
    let numbered = |texts: Vec<&str>| {
        let numbered = (1..).zip(texts);
        numbered.map(|(n, text)| (format!("{name}#{n}"), text.to_owned())).collect()
    };
    if let Ok(doc) = json::parse(text.as_bytes()) {
        if doc.root().get_str("resourceType").as_deref() != Some("Bundle") {
            return vec![(name.to_owned(), text.to_owned())];
        }
        let resources = doc.root().each("entry").filter_map(|entry| {
            let (start, end) = entry.get("resource")?.span();
            text.get(start..end)
        });
        return numbered(resources.collect());
    }
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    if lines.len() > 1 && lines.iter().all(|line| line.trim_start().starts_with('{')) {
        return numbered(lines);
    }
    vec![(name.to_owned(), text.to_owned())]
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn one_resource_lines_and_a_bundle_come_apart_and_broken_text_stays_whole() {
        let texts = |text: &str| split("f", text).into_iter().map(|(_, text)| text).collect::<Vec<_>>();
        assert_eq!(texts(r#"{"resourceType":"Consent"}"#), [r#"{"resourceType":"Consent"}"#]);
        assert_eq!(texts("{\"a\":1}\n\n{\"b\":2,\"b\":3}\n"), ["{\"a\":1}", "{\"b\":2,\"b\":3}"]);
        let bundle = r#"{"resourceType":"Bundle","entry":[{"resource":{"x": 1.0}},{"fullUrl":"u"},{"resource":{"y":2}}]}"#;
        assert_eq!(texts(bundle), [r#"{"x": 1.0}"#, r#"{"y":2}"#]);
        assert_eq!(split("f", bundle)[1].0, "f#2");
        for broken in ["{\"a\":", "", "[1,\n2", "{\n  \"a\": 1,\n"] {
            assert_eq!(texts(broken), [broken]);
        }
    }
}
