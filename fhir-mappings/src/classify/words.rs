//! Parts of words that tell of a class where no code does: all of them are looked for in one pass over a text.

use super::codes::Mark;
use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, BuildError, MatchKind};
use std::borrow::Cow;

/// Parts of words, and what each tells.
#[derive(Default)]
pub(crate) struct Words {
    /// None: there are no words.
    parts: Option<AhoCorasick>,
    tell: Vec<Mark>,
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Words({})", self.tell.len())
    }
}

impl Words {
    /// From parts in small letters.
    pub(crate) fn of<'w>(words: impl Iterator<Item = (&'w str, Mark)>) -> Result<Self, BuildError> {
        let (parts, tell): (Vec<_>, Vec<_>) = words.unzip();
        let mut builder = AhoCorasickBuilder::new();
        // Every part that stands anywhere counts, also within another.
        builder.match_kind(MatchKind::Standard).ascii_case_insensitive(true);
        builder.kind(Some(AhoCorasickKind::DFA));
        Ok(Self { parts: Some(builder.build(parts)?), tell })
    }

    /// What the parts tell that stand in this text, in large or small letters.
    pub(crate) fn found_in(&self, text: &str) -> impl Iterator<Item = Mark> {
        // The automaton knows the small letter of a Latin one; of any other the language does.
        let text = if text.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(text.to_lowercase()) };
        let mut found = Vec::new();
        if let Some(parts) = &self.parts {
            let all = parts.find_overlapping_iter(&*text);
            found.extend(all.filter_map(|part| self.tell.get(part.pattern().as_usize()).copied()));
        }
        found.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::{Mark, Words};

    #[test]
    fn every_part_counts_in_any_letters_also_within_another() {
        let tells = |sets| Mark { sets, ..Mark::default() };
        let words = [("manie", 1), ("mani", 2), ("suïc", 4), ("hiv", 8)].map(|(word, n)| (word, tells(n)));
        let words = Words::of(words.into_iter()).unwrap();
        let found = |text: &str| words.found_in(text).fold(0, |all, mark| all | mark.sets);
        for (text, all) in [
            ("", 0),
            ("astma", 0),
            ("Manie sinds 2019", 3),
            ("MANISCH", 2),
            ("Gedachten aan SUÏCIDE en hiv", 12),
            ("arc hiv", 8),
            ("hi v", 0),
        ] {
            assert_eq!(found(text), all, "{text}");
        }
        assert_eq!(Words::default().found_in("manie").count(), 0);
    }
}
