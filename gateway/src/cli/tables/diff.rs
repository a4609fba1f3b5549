//! What changes between two packages: the lines, the levels, and what it means for each demonstration person.

use super::Loaded;
use super::show::letter;
use super::words::Lang;
use crate::cli::{Ended, print};
use serde_json::json;
use std::collections::BTreeSet;

/// One difference.
struct Change {
    /// `level`, `form`, `element` or `person`.
    what: &'static str,
    /// The function that it is about.
    function: String,
    /// Where: a class, an element, or a person's resource.
    place: String,
    before: String,
    after: String,
}

impl Change {
    #[cfg(feature = "sandbox")]
    fn same_as(&self, other: &Self) -> bool {
        (&self.place, &self.before, &self.after) == (&other.place, &other.before, &other.after)
    }
}

pub(super) fn run(before: &Loaded, after: &Loaded, lang: &str, as_json: bool) -> Result<Ended, Ended> {
    let lang = Lang::of(lang);
    let changes = levels_and_elements(before, after);
    // The demonstration persons are the sandbox's: a package for real use compares the tables alone.
    #[cfg(feature = "sandbox")]
    let changes = changes.into_iter().chain(persons::all(before, after)?).collect::<Vec<_>>();
    if as_json {
        let listed = changes.iter().map(|c| {
            json!({"what": c.what, "function": c.function, "place": c.place, "before": c.before, "after": c.after})
        });
        print::out(
            json!({"before": before.tables.hash(), "after": after.tables.hash(), "changes": listed.collect::<Vec<_>>()}),
        );
        return Ok(Ended::Well);
    }
    print::out(format_args!("{} {}", lang.say("voor:", "before:"), before.name()));
    print::out(format_args!("{} {}", lang.say("na:  ", "after: "), after.name()));
    for (what, title) in [
        ("level", lang.say("Hoeveel van elke soort", "How much of each class")),
        ("form", lang.say("In welke vorm", "In which form")),
        ("element", lang.say("Welke onderdelen", "Which elements")),
        ("person", lang.say("Voor de personen van de demonstratie", "For the demonstration persons")),
    ] {
        print::out(format_args!("\n{title}"));
        let mut none = true;
        for change in changes.iter().filter(|change| change.what == what) {
            none = false;
            print::out(format_args!(
                "  {} | {}: {} -> {}",
                change.function, change.place, change.before, change.after
            ));
        }
        if none {
            print::out(format_args!("  {}", lang.say("niets verandert", "nothing changes")));
        }
    }
    Ok(Ended::Well)
}

fn levels_and_elements(before: &Loaded, after: &Loaded) -> Vec<Change> {
    let mut changes = Vec::new();
    let functions: BTreeSet<String> = [before, after]
        .iter()
        .flat_map(|loaded| {
            let words = loaded.rules.vocabulary();
            words.all_functions().map(|f| words.function_code(f).to_owned())
        })
        .collect();
    for function in functions {
        let said = [before, after].map(|loaded| said(loaded, &function));
        let [old, new] = &said;
        let places: BTreeSet<_> = old.iter().chain(new).map(|(what, place, _)| (*what, place)).collect();
        let told = |all: &[Said], what, place: &str| {
            let found: Vec<&str> = all
                .iter()
                .filter(|(w, p, _)| *w == what && p == place)
                .map(|(_, _, said)| said.as_str())
                .collect();
            if found.is_empty() { "-".to_owned() } else { found.join(" / ") }
        };
        for (what, place) in places {
            let (was, is) = (told(old, what, place), told(new, what, place));
            if was != is {
                changes.push(Change {
                    what,
                    function: function.clone(),
                    place: place.clone(),
                    before: was,
                    after: is,
                });
            }
        }
    }
    changes
}

type Said = (&'static str, String, String);

/// Everything that a page says of a function, as (kind, place, words).
fn said(loaded: &Loaded, function: &str) -> Vec<Said> {
    let Some(page) = loaded.tables.page(function) else { return Vec::new() };
    let mut said = Vec::new();
    for line in &page.classes {
        said.push(("level", line.class.clone(), letter(line.cell).to_owned()));
        if !line.form.is_empty() {
            said.push(("form", line.class.clone(), format!("{} ({})", line.form, line.reason)));
        }
    }
    for page in &page.types {
        for line in &page.elements {
            let gets = if line.gets.is_empty() { "-".to_owned() } else { line.gets.join(", ") };
            let conditions = line.conditions.join(" ");
            let place = format!("{}.{}", page.name, line.path);
            said.push(("element", place, [gets, conditions].join(" ").trim_end().to_owned()));
        }
    }
    said
}

#[cfg(feature = "sandbox")]
mod persons {
    //! Before and after for each demonstration person, function and holder.

    use super::super::{Loaded, region};
    use super::Change;
    use crate::cli::Ended;
    use crate::sandbox::preview::{Preview, Seen, Sight};
    use std::collections::{BTreeMap, BTreeSet};

    pub(super) fn all(before: &Loaded, after: &Loaded) -> Result<Vec<Change>, Ended> {
        let region = region()?;
        let old = Preview::new(&before.rules, &before.tables, &region).map_err(Ended::Failed)?;
        let new = Preview::new(&after.rules, &after.tables, &region).map_err(Ended::Failed)?;
        let functions: BTreeSet<String> = old.functions().into_iter().chain(new.functions()).collect();
        let mut changes = Vec::new();
        for function in functions {
            let mut found: Vec<(Vec<&str>, Change)> = Vec::new();
            let was = old.seen_by(&function).map_err(Ended::Failed)?;
            let is = new.seen_by(&function).map_err(Ended::Failed)?;
            for change in between(&function, &was, &is) {
                // The same for another purpose stands once.
                match found.iter_mut().find(|(_, other)| other.same_as(&change.1)) {
                    Some((purposes, _)) => purposes.push(change.0),
                    None => found.push((vec![change.0], change.1)),
                }
            }
            changes.extend(found.into_iter().map(|(purposes, change)| Change {
                place: format!("{} [{}]", change.place, purposes.join(" ")),
                ..change
            }));
        }
        Ok(changes)
    }

    /// Person by person, holder by holder and purpose by purpose; one that only one side knows had or has nothing else.
    fn between(function: &str, was: &[Seen], is: &[Seen]) -> Vec<(&'static str, Change)> {
        let same =
            |a: &Seen, b: &Seen| (&a.patient, &a.holder, a.purpose) == (&b.patient, &b.holder, b.purpose);
        let gone = was.iter().filter(|one| !is.iter().any(|other| same(one, other)));
        let mut changes = Vec::new();
        for one in is.iter().chain(gone) {
            let (old, new) = (was.iter().find(|o| same(o, one)), is.iter().find(|o| same(o, one)));
            resources(function, one, (old, new), &mut changes);
        }
        changes
    }

    fn resources(
        function: &str,
        about: &Seen,
        (was, is): (Option<&Seen>, Option<&Seen>),
        changes: &mut Vec<(&'static str, Change)>,
    ) {
        let by_name = |seen: Option<&Seen>| -> BTreeMap<String, (String, Option<BTreeSet<String>>)> {
            let paths =
                |s: &Sight| s.given.as_ref().map(|all| all.iter().map(|(path, _)| path.clone()).collect());
            let all = seen.iter().flat_map(|seen| &seen.resources);
            all.map(|s| (s.name.clone(), (s.title.clone(), paths(s)))).collect()
        };
        let (old, new) = (by_name(was), by_name(is));
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for name in names {
            let gives = |side: &BTreeMap<String, (String, Option<BTreeSet<String>>)>| {
                side.get(name).and_then(|(_, given)| given.clone())
            };
            let (before, after) = match (gives(&old), gives(&new)) {
                (None, None) => continue,
                (Some(_), None) => ("visible".to_owned(), "gone".to_owned()),
                (None, Some(paths)) => ("hidden".to_owned(), format!("appears: {}", list(&paths))),
                (Some(old), Some(new)) if old == new => continue,
                (Some(old), Some(new)) => {
                    let only =
                        |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect();
                    (
                        format!("without {}", list(&only(&new, &old))),
                        format!("without {}", list(&only(&old, &new))),
                    )
                }
            };
            let title = new.get(name).or_else(|| old.get(name)).map_or("", |(title, _)| title.as_str());
            let place = format!("{} at {}: {name} ({title})", about.patient, about.holder);
            let change = Change { what: "person", function: function.to_owned(), place, before, after };
            changes.push((about.purpose.code(), change));
        }
    }

    fn list(paths: &BTreeSet<String>) -> String {
        let all: Vec<&str> = paths.iter().map(String::as_str).collect();
        if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
    }
}
