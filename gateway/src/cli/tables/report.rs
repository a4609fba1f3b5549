//! A page of before and after that a patient's advocate can read: per function and demonstration person what a holder
//! keeps, and what of it this function sees.

use super::show::function_name;
use super::words::Lang;
use super::{Loaded, escaped, html_page, region};
use crate::cli::args::OfTables;
use crate::cli::{Ended, print};
use crate::sandbox::preview::{Leaf, Preview, Seen, Sight};
use serde_json::json;

pub(super) fn run(
    loaded: &Loaded,
    function: Option<&str>,
    html: bool,
    of: &OfTables,
) -> Result<Ended, Ended> {
    let region = region()?;
    let preview = Preview::new(&loaded.rules, &loaded.tables, &region).map_err(Ended::Failed)?;
    let lang = Lang::of(&of.lang);
    let functions = match function {
        Some(code) if preview.worker(code).is_none() => {
            let known = preview.functions().join(", ");
            return Err(Ended::Usage(format!(
                "nobody of the region works as {code}; these have somebody: {known}"
            )));
        }
        Some(code) => vec![code.to_owned()],
        None => preview.functions(),
    };
    let mut body = String::new();
    for function in functions {
        let seen = grouped(preview.seen_by(&function).map_err(Ended::Failed)?);
        let who = preview.worker(&function).map_or("", |who| who.name.as_str());
        let name = function_name(loaded.rules.vocabulary(), &function, lang);
        if of.common.json {
            seen.iter().for_each(|for_purposes| print::out(as_json(&function, for_purposes)));
        } else if html {
            body.push_str(&format!("<h2>{} ({function}), {}</h2>\n", escaped(name), escaped(who)));
            seen.iter().for_each(|for_purposes| person_html(for_purposes, lang, &mut body));
        } else {
            print::out(format_args!("\n{name} ({function}), {who}"));
            seen.iter().for_each(|for_purposes| person_text(for_purposes, lang));
        }
    }
    if html {
        let title =
            lang.say("Voor en na: wat elke functie ziet", "Before and after: what each function sees");
        let intro = format!("<p>{}</p>\n<p>{}</p>\n", escaped(&loaded.name()), lang.say(INTRO_NL, INTRO_EN));
        print::out(html_page(lang.code(), title, &(intro + &body)));
    }
    Ok(Ended::Well)
}

/// What is seen of one person, the same for each of these purposes.
struct ForPurposes {
    purposes: Vec<&'static str>,
    seen: Seen,
}

fn grouped(all: Vec<Seen>) -> Vec<ForPurposes> {
    let mut groups: Vec<ForPurposes> = Vec::new();
    for seen in all {
        let code = seen.purpose.code();
        let same = |group: &&mut ForPurposes| {
            (&group.seen.patient, &group.seen.holder) == (&seen.patient, &seen.holder)
                && group.seen.resources == seen.resources
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.purposes.push(code),
            None => groups.push(ForPurposes { purposes: vec![code], seen }),
        }
    }
    groups
}

fn as_json(function: &str, ForPurposes { purposes, seen }: &ForPurposes) -> serde_json::Value {
    let all = seen.resources.iter().map(|s| {
        json!({"resource": s.name, "title": s.title, "held": pairs(&s.held), "given": s.given.as_deref().map(pairs)})
    });
    json!({"function": function, "patient": seen.patient, "holder": seen.holder, "purposes": purposes, "resources": all.collect::<Vec<_>>()})
}

fn pairs(leaves: &[Leaf]) -> Vec<serde_json::Value> {
    leaves.iter().map(|(path, value)| json!([path, value])).collect()
}

/// Of a resource what goes along, what stays behind, and what is said by us in its stead.
struct Parts<'s> {
    goes: Vec<&'s Leaf>,
    stays: Vec<&'s Leaf>,
    ours: Vec<&'s Leaf>,
}

fn parts(sight: &Sight) -> Parts<'_> {
    let mut given: Vec<&Leaf> = sight.given.iter().flatten().collect();
    let (mut goes, mut stays) = (Vec::new(), Vec::new());
    for leaf in &sight.held {
        match given.iter().position(|other| *other == leaf) {
            Some(at) => goes.push(given.swap_remove(at)),
            None => stays.push(leaf),
        }
    }
    Parts { goes, stays, ours: given }
}

fn counts(ForPurposes { purposes, seen }: &ForPurposes, lang: Lang) -> String {
    let purposes = purposes.join(" ");
    let held = seen.resources.iter().filter(|s| !s.held.is_empty()).count();
    let given = seen.resources.iter().filter(|s| s.given.is_some()).count();
    match lang {
        Lang::Nl => {
            format!(
                "{}, bij {} [{purposes}]: {held} gegevens, deze functie ziet er {given}",
                seen.patient, seen.holder
            )
        }
        Lang::En => format!(
            "{}, at {} [{purposes}]: {held} items, this function sees {given}",
            seen.patient, seen.holder
        ),
    }
}

fn person_text(for_purposes: &ForPurposes, lang: Lang) {
    print::out(format_args!("\n  {}", counts(for_purposes, lang)));
    for sight in &for_purposes.seen.resources {
        let Parts { goes, stays, ours } = parts(sight);
        let Some(_) = &sight.given else {
            print::out(format_args!(
                "    - {} ({}): {}",
                sight.title,
                sight.name,
                lang.say("blijft achter", "stays behind")
            ));
            continue;
        };
        print::out(format_args!("    + {} ({})", sight.title, sight.name));
        print::out(format_args!("        {}: {}", lang.say("gaat mee", "goes along"), joined(&goes)));
        if !ours.is_empty() {
            print::out(format_args!("        {}: {}", lang.say("van ons", "ours"), joined(&ours)));
        }
        if !stays.is_empty() {
            print::out(format_args!(
                "        {}: {}",
                lang.say("blijft achter", "stays behind"),
                joined(&stays)
            ));
        }
    }
}

fn joined(leaves: &[&Leaf]) -> String {
    let all: Vec<String> = leaves.iter().map(|(path, value)| format!("{path} = {value}")).collect();
    all.join("; ")
}

fn person_html(for_purposes: &ForPurposes, lang: Lang, out: &mut String) {
    out.push_str(&format!(
        "<h3>{}</h3>\n<table>\n<tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr>\n",
        escaped(&counts(for_purposes, lang)),
        lang.say("Gegeven", "Item"),
        lang.say("Gaat mee", "Goes along"),
        lang.say("Blijft achter", "Stays behind"),
    ));
    for sight in &for_purposes.seen.resources {
        let Parts { goes, stays, ours } = parts(sight);
        let cell = |tag: &str, leaves: &[&Leaf]| -> String {
            leaves
                .iter()
                .map(|(path, value)| format!("<{tag}>{}: {}</{tag}><br>", escaped(path), escaped(value)))
                .collect()
        };
        out.push_str(&format!(
            "<tr><th scope=\"row\">{}</th><td>{}{}</td><td>{}</td></tr>\n",
            escaped(&sight.title),
            cell("span", &goes),
            cell("ins", &ours),
            cell("del", &stays),
        ));
    }
    out.push_str("</table>\n");
}

const INTRO_NL: &str = "Alle personen zijn verzonnen. Links wat een instelling heeft, in het midden wat daarvan meegaat naar wie deze functie heeft, rechts wat achterblijft. Vet staat wat wij er zelf voor in de plaats zeggen.";
const INTRO_EN: &str = "All persons are invented. In the middle what goes along to who has this function, on the right what stays behind. What we say in its stead stands in bold.";
