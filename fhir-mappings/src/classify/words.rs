//! Words that tell of a class where no code does: all of them are looked for in one pass over a text.
//!
//! A word of `words.txt` counts at the beginning of a word of the text, `*word` anywhere, `=word` as a whole word, and `_`
//! stands for a space. What lies within a word of a `nothing` line does not count: `st_depress` is no depression.

use super::codes::Mark;
use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, BuildError, MatchKind};
use std::borrow::Cow;

/// The words of the tables.
#[derive(Default)]
pub(crate) struct Words {
    /// None: there are no words.
    all: Option<AhoCorasick>,
    words: Vec<Word>,
}

/// One word.
#[derive(Clone, Copy)]
struct Word {
    mark: Mark,
    begins: bool,
    ends: bool,
    /// It says that nothing is meant.
    nothing: bool,
    /// It tells nothing in the name of a medicine.
    not_medicines: bool,
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Words({})", self.words.len())
    }
}

impl Words {
    /// From words as the table writes them, in small letters: what each tells, and whether it tells nothing in the name of
    /// a medicine.
    pub(crate) fn of<'w>(words: impl Iterator<Item = (&'w str, Mark, bool)>) -> Result<Self, BuildError> {
        let (mut parts, mut all) = (Vec::new(), Vec::new());
        for (written, mark, not_medicines) in words {
            let (begins, ends, part) = match (written.strip_prefix('*'), written.strip_prefix('=')) {
                (Some(part), _) => (false, false, part),
                (_, Some(part)) => (true, true, part),
                _ => (true, false, written),
            };
            let nothing = mark == Mark { told: true, ..Mark::default() };
            parts.push(part.replace('_', " "));
            all.push(Word { mark, begins, ends, nothing, not_medicines });
        }
        let mut builder = AhoCorasickBuilder::new();
        // Every word that stands anywhere counts, also within another.
        builder.match_kind(MatchKind::Standard).ascii_case_insensitive(true);
        builder.kind(Some(AhoCorasickKind::DFA));
        Ok(Self { all: Some(builder.build(parts)?), words: all })
    }

    /// What the words of this text tell, in large or small letters; `medicine`: it is the name of one.
    pub(crate) fn tell(&self, text: &str, medicine: bool) -> Mark {
        let mut mark = Mark::default();
        let Some(all) = &self.all else { return mark };
        // The automaton knows the small letter of a Latin one; of any other the language does.
        let text = if text.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(text.to_lowercase()) };
        let found = || {
            all.find_overlapping_iter(&*text).filter_map(|part| {
                let word = *self.words.get(part.pattern().as_usize())?;
                let (from, to) = (part.start(), part.end());
                let fits = (!word.begins || is_edge(text.get(..from)?.chars().next_back()))
                    && (!word.ends || is_edge(text.get(to..)?.chars().next()));
                (fits && !(medicine && word.not_medicines)).then_some((from, to, word))
            })
        };
        let mut nothings: Option<Vec<(usize, usize)>> = None;
        for (from, to, word) in found().filter(|(_, _, word)| !word.nothing) {
            let nothings = nothings
                .get_or_insert_with(|| found().filter(|(.., w)| w.nothing).map(|(f, t, _)| (f, t)).collect());
            if !nothings.iter().any(|(f, t)| *f <= from && to <= *t) {
                mark.add(word.mark);
            }
        }
        mark
    }
}

fn is_edge(beside: Option<char>) -> bool {
    beside.is_none_or(|c| !c.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::{Mark, Words};

    /// A row: a text, and the sum of what it tells; of it, what it tells as the name of a medicine.
    #[test]
    fn a_word_counts_where_its_line_says_and_not_within_one_that_says_nothing() {
        let tells = |sets| Mark { sets, told: true, ..Mark::default() };
        let words = [
            ("stress", tells(1), true),
            ("*depress", tells(2), false),
            ("=aids", tells(4), false),
            ("suïc", tells(8), false),
            ("st_depress", tells(0), false),
            ("hearing_aids", tells(0), false),
            ("depressief", tells(16), false),
        ];
        let words = Words::of(words.into_iter()).unwrap();
        for (text, all, in_medicines) in [
            ("", 0, 0),
            ("astma", 0, 0),
            ("Stress op het werk", 1, 0),
            ("acute respiratory distress", 0, 0),
            ("WINTERDEPRESSIE", 2, 2),
            ("depressief en gestrest", 18, 18),
            ("ST depressie", 0, 0),
            ("st-depressie", 2, 2),
            ("ST depressie bij een depressie", 2, 2),
            ("uses hearing aids", 0, 0),
            ("AIDS", 4, 4),
            ("aidsremmer", 0, 0),
            ("gedachten aan SUÏCIDE", 8, 8),
        ] {
            assert_eq!(words.tell(text, false).sets, all, "{text}");
            assert_eq!(words.tell(text, true).sets, in_medicines, "{text}");
        }
        assert_eq!(Words::default().tell("stress", false), Mark::default());
    }
}
