//! One function's page: how much of each class, and element by element what is left.

use super::words::Lang;
use super::{Loaded, escaped, html_page};
use crate::cli::args::OfTables;
use crate::cli::{Ended, print};
use consent::Vocabulary;
use consent::vocabulary::Cell;
use fhir_mappings::tables::{Page, TypePage};
use serde_json::json;

pub(super) fn run(loaded: &Loaded, function: &str, html: bool, of: &OfTables) -> Result<Ended, Ended> {
    let words = loaded.rules.vocabulary();
    let Some(page) = loaded.tables.page(function) else {
        let known: Vec<&str> = words.all_functions().map(|f| words.function_code(f)).collect();
        return Err(Ended::Usage(format!(
            "no function is called {function}; these are: {}",
            known.join(", ")
        )));
    };
    let lang = Lang::of(&of.lang);
    if of.common.json {
        print::out(as_json(loaded, &page));
    } else if html {
        print::out(as_html(loaded, &page, lang));
    } else {
        print::out(as_text(loaded, &page, lang));
    }
    Ok(Ended::Well)
}

/// The level as REGION.md writes it.
pub(super) fn letter(cell: Cell) -> &'static str {
    match cell {
        Cell::Open(consent::Level::Full) => "F",
        Cell::Open(consent::Level::Reduced) => "R",
        Cell::ByName(_) => "A",
        Cell::Shut => "-",
    }
}

fn as_json(loaded: &Loaded, page: &Page) -> serde_json::Value {
    let classes = page.classes.iter().map(|line| {
        json!({"class": line.class, "level": letter(line.cell), "form": line.form, "reason": line.reason})
    });
    let types = page.types.iter().map(|page| {
        let elements = page.elements.iter().map(|line| {
            json!({"path": line.path, "gets": line.gets, "full": line.full, "reduced": line.reduced,
                "conditions": line.conditions, "reason": line.reason})
        });
        json!({"type": page.name, "classes": page.classes, "elements": elements.collect::<Vec<_>>()})
    });
    json!({"function": page.function, "version": loaded.tables.version(), "dated": loaded.tables.dated(),
        "sha256": loaded.tables.hash(), "classes": classes.collect::<Vec<_>>(), "types": types.collect::<Vec<_>>()})
}

/// Name of a function in words.
pub(super) fn function_name<'w>(words: &'w Vocabulary, code: &str, lang: Lang) -> &'w str {
    let spec = words.function(code).and_then(|function| words.function_spec(function));
    spec.map_or("", |spec| if lang == Lang::Nl { &spec.nl } else { &spec.en })
}

fn class_name<'w>(words: &'w Vocabulary, code: &str, lang: Lang) -> &'w str {
    let spec = words.class(code).and_then(|class| words.class_spec(class));
    spec.map_or("", |spec| if lang == Lang::Nl { &spec.nl } else { &spec.en })
}

/// Types of which this function sees nothing are told in one line.
fn split(page: &Page) -> (Vec<&TypePage>, Vec<&str>) {
    let (some, none): (Vec<_>, Vec<_>) =
        page.types.iter().partition(|page| page.elements.iter().any(|line| !line.gets.is_empty()));
    (some, none.into_iter().map(|page| page.name.as_str()).collect())
}

fn as_text(loaded: &Loaded, page: &Page, lang: Lang) -> String {
    let words = loaded.rules.vocabulary();
    let mut out =
        format!("{} ({})\n{}\n\n", function_name(words, &page.function, lang), page.function, loaded.name());
    out.push_str(lang.say(CEILING_NL, CEILING_EN));
    out.push_str("\n\n");
    for line in &page.classes {
        let name = class_name(words, &line.class, lang);
        out.push_str(&format!("  {name} ({}): {}", line.class, lang.cell(line.cell)));
        if !line.form.is_empty() {
            out.push_str(&format!("  [{}: {}]", line.form, line.reason));
        }
        out.push('\n');
    }
    let (some, none) = split(page);
    for page in some {
        out.push_str(&format!("\n{} ({})\n", page.name, lang.kind(page.kind)));
        if page.kind.is_some() {
            out.push_str(&format!("  {} {}\n", lang.say("soorten:", "classes:"), page.classes.join(", ")));
        }
        for line in &page.elements {
            let columns = [
                (lang.say("krijgt", "gets"), &line.gets),
                (lang.say("volledig", "full"), &line.full),
                (lang.say("beperkt", "reduced"), &line.reduced),
            ];
            let columns = columns.map(|(name, these)| format!("{name} {}", lang.among(these, &page.classes)));
            out.push_str(&format!("  {}: {} | {}", line.path, columns.join("; "), line.reason));
            for condition in &line.conditions {
                out.push_str(&format!(" | {}", lang.condition(condition)));
            }
            out.push('\n');
        }
    }
    out.push_str(&format!("\n{} {}\n", lang.say("Hiervan niets:", "Nothing of these:"), none.join(", ")));
    out.push_str(lang.say(REST_NL, REST_EN));
    out
}

fn as_html(loaded: &Loaded, page: &Page, lang: Lang) -> String {
    let words = loaded.rules.vocabulary();
    let mut out =
        format!("<p>{}</p>\n<p>{}</p>\n", escaped(&loaded.name()), lang.say(CEILING_NL, CEILING_EN));
    out.push_str(&format!(
        "<table>\n<tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr>\n",
        lang.say("Soort gegevens", "Class of data"),
        lang.say("Hoeveel", "How much"),
        lang.say("Waarom", "Why"),
    ));
    for line in &page.classes {
        out.push_str(&format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>\n",
            escaped(class_name(words, &line.class, lang)),
            lang.cell(line.cell),
            escaped(&line.reason),
        ));
    }
    out.push_str("</table>\n");
    let (some, none) = split(page);
    for page in some {
        out.push_str(&format!(
            "<h2>{}</h2>\n<p>{}. {}</p>\n<table>\n<tr>",
            page.name,
            lang.kind(page.kind),
            escaped(&page.classes.join(", "))
        ));
        let heads = [
            lang.say("Onderdeel", "Element"),
            lang.say("Krijgt deze functie het", "Does this function get it"),
            lang.say("Volledig", "In full"),
            lang.say("Beperkt", "Reduced"),
            lang.say("Voorwaarden", "Conditions"),
            lang.say("Waarom", "Why"),
        ];
        heads.iter().for_each(|head| out.push_str(&format!("<th scope=\"col\">{head}</th>")));
        out.push_str("</tr>\n");
        for line in &page.elements {
            let conditions: Vec<String> = line.conditions.iter().map(|c| lang.condition(c)).collect();
            let cells = [
                lang.among(&line.gets, &page.classes),
                lang.among(&line.full, &page.classes),
                lang.among(&line.reduced, &page.classes),
                conditions.join("; "),
                line.reason.clone(),
            ];
            out.push_str(&format!("<tr><th scope=\"row\">{}</th>", escaped(&line.path)));
            cells.iter().for_each(|cell| out.push_str(&format!("<td>{}</td>", escaped(cell))));
            out.push_str("</tr>\n");
        }
        out.push_str("</table>\n");
    }
    let rest = [lang.say("Hiervan niets:", "Nothing of these:"), &none.join(", ")].join(" ");
    out.push_str(&format!("<p>{}</p>\n<p>{}</p>\n", escaped(&rest), lang.say(REST_NL, REST_EN)));
    let title = format!("{} ({})", function_name(words, &page.function, lang), page.function);
    html_page(lang.code(), &title, &out)
}

const CEILING_NL: &str = "Dit is het meeste dat deze functie kan zien. Toestemming of een andere grondslag moet elke soort gegevens nog toelaten.";
const CEILING_EN: &str =
    "This is the most that this function can see. Consent or another basis must still allow each class.";
const REST_NL: &str = "Wat hier niet staat, gaat nooit mee: andere onderdelen, andere soorten, vrije beschrijvingen, kenmerken en nummers van de bron.";
const REST_EN: &str = "What does not stand here never leaves: other elements, other types, narrative, tags and numbers of the source.";
