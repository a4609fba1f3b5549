//! What the pages say, in Dutch and English: Fluent files beside this one, read once.

use fhir_mappings::outcome::Language;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use std::sync::LazyLock;

/// The words of one language.
pub(super) struct Words {
    /// Which.
    pub(super) language: Language,
    bundle: FluentBundle<FluentResource>,
}

const NL: &str = include_str!("words/nl.ftl");
const EN: &str = include_str!("words/en.ftl");

/// The words of a language.
pub(super) fn words(language: Language) -> &'static Words {
    static DUTCH: LazyLock<Words> = LazyLock::new(|| Words::read(Language::Nl, "nl", NL));
    static ENGLISH: LazyLock<Words> = LazyLock::new(|| Words::read(Language::En, "en", EN));
    match language {
        Language::Nl => &DUTCH,
        Language::En => &ENGLISH,
    }
}

impl Words {
    /// The files are ours: a test reads them strictly. What does not read leaves its keys, never a stopped program.
    fn read(language: Language, tag: &str, text: &str) -> Self {
        let resource = FluentResource::try_new(text.to_owned()).unwrap_or_else(|(read, _)| read);
        let mut bundle = FluentBundle::new_concurrent(vec![tag.parse().unwrap_or_default()]);
        // Isolation marks are for mixed writing directions, and would stand in what people copy.
        bundle.set_use_isolating(false);
        bundle.add_resource_overriding(resource);
        Self { language, bundle }
    }

    /// `nl` or `en`.
    pub(super) fn tag(&self) -> &'static str {
        match self.language {
            Language::Nl => "nl",
            Language::En => "en",
        }
    }

    /// One of two words that stand elsewhere than in our files.
    pub(super) fn pick<'t>(&self, nl: &'t str, en: &'t str) -> &'t str {
        match self.language {
            Language::Nl => nl,
            Language::En => en,
        }
    }

    /// A text.
    pub(super) fn say(&self, key: &str) -> String {
        self.format(key, None)
    }

    /// A text with something filled in.
    pub(super) fn with<'v, const N: usize>(
        &self,
        key: &str,
        values: [(&'v str, FluentValue<'v>); N],
    ) -> String {
        let arguments: FluentArgs<'v> = values.into_iter().collect();
        self.format(key, Some(&arguments))
    }

    /// The word for a code of ours; a code without a word shows as itself.
    pub(super) fn code(&self, family: &str, code: &str) -> String {
        let key = format!("{family}-{code}");
        if self.bundle.has_message(&key) { self.say(&key) } else { code.to_owned() }
    }

    fn format(&self, key: &str, arguments: Option<&FluentArgs<'_>>) -> String {
        let Some(pattern) = self.bundle.get_message(key).and_then(|message| message.value()) else {
            return key.to_owned();
        };
        let mut errors = Vec::new();
        self.bundle.format_pattern(pattern, arguments, &mut errors).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::{EN, NL};
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;

    /// Key and the variables it names.
    fn keys(text: &str) -> BTreeMap<String, BTreeSet<String>> {
        fluent_bundle::FluentResource::try_new(text.to_owned()).map_err(|(_, e)| e).expect("strict Fluent");
        let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut last = String::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some((key, _)) = line.split_once(" =").filter(|_| !line.starts_with([' ', '\t'])) {
                last = key.to_owned();
                assert!(!keys.contains_key(key), "{key} stands twice");
                keys.insert(last.clone(), BTreeSet::new());
            }
            for part in line.split('$').skip(1) {
                let name: String = part.chars().take_while(char::is_ascii_alphanumeric).collect();
                keys.get_mut(&last).expect("a key").insert(name);
            }
        }
        keys
    }

    #[test]
    fn both_languages_say_the_same_things_about_the_same_things() {
        assert_eq!(keys(NL), keys(EN));
    }

    #[test]
    fn every_text_that_a_page_names_is_there_and_every_text_is_named() {
        let there = keys(NL);
        let mut sources = String::new();
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/portal"), &mut sources);
        for call in [".say(\"", ".with(\""] {
            for named in sources.split(call).skip(1) {
                let key = named.split('"').next().unwrap_or_default();
                assert!(there.contains_key(key), "no text for {key}");
            }
        }
        let families: Vec<&str> =
            sources.split(".code(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        for key in there.keys() {
            let named = sources.contains(&format!("\"{key}\""));
            let coded = families.iter().any(|family| key.starts_with(&format!("{family}-")));
            assert!(named || coded, "{key} is said nowhere");
        }
    }

    fn collect(folder: &Path, into: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, into);
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("words.rs") {
                into.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }
}
