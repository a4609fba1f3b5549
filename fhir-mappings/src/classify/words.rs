//! Words that tell of a class where no code does: all of them are looked for in one pass over a text.
//!
//! A word of `words.txt` counts at the beginning of a word of the text, `*word` anywhere, `=word` as a whole word, and `_`
//! stands for a space. What lies within a word of a `nothing` line does not count: `st_depress` is no depression; nor does
//! a word beside another that explains it: `*bupreno+pleister`. A text is read without capitals and accents, and with one
//! kind of blank and hyphen, so that no way of writing a word hides it.

use super::codes::Mark;
use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, BuildError, MatchKind};
use icu_normalizer::DecomposingNormalizerBorrowed;
use std::borrow::Cow;

/// The words of the tables.
#[derive(Default)]
pub(crate) struct Words {
    /// None: there are no words.
    all: Option<AhoCorasick>,
    words: Vec<Word>,
    /// Words that tell nothing where another stands in the same text.
    beside: Vec<(String, String)>,
}

/// One word.
struct Word {
    text: String,
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
    /// From words as the table writes them: what each tells, and whether it tells nothing in the name of a medicine.
    pub(crate) fn of<'w>(words: impl Iterator<Item = (&'w str, Mark, bool)>) -> Result<Self, BuildError> {
        let mut made = Self::default();
        for (written, mark, not_medicines) in words {
            let (begins, ends, part) = match (written.strip_prefix('*'), written.strip_prefix('=')) {
                (Some(part), _) => (false, false, part),
                (_, Some(part)) => (true, true, part),
                _ => (true, false, written),
            };
            let plain = |part: &str| plain(&part.replace('_', " ")).into_owned();
            let nothing = mark == Mark { told: true, ..Mark::default() };
            if let (true, Some((word, other))) = (nothing, part.split_once('+')) {
                made.beside.push((plain(word), plain(other)));
                continue;
            }
            made.words.push(Word { text: plain(part), mark, begins, ends, nothing, not_medicines });
        }
        let mut builder = AhoCorasickBuilder::new();
        // Every word that stands anywhere counts, also within another.
        builder.match_kind(MatchKind::Standard).ascii_case_insensitive(true);
        builder.kind(Some(AhoCorasickKind::DFA));
        made.all = Some(builder.build(made.words.iter().map(|word| &word.text))?);
        Ok(made)
    }

    /// What the words of this text tell; `medicine`: it is the name of one.
    pub(crate) fn tell(&self, text: &str, medicine: bool) -> Mark {
        let text = plain(text);
        let mut mark = self.tell_plain(&text, medicine);
        if text.contains(['-', '.']) || has_lone_letters(&text) {
            mark.add(self.tell_plain(&joined(&text), medicine));
        }
        mark
    }

    fn tell_plain(&self, text: &str, medicine: bool) -> Mark {
        let mut mark = Mark::default();
        let Some(all) = &self.all else { return mark };
        let found = || {
            all.find_overlapping_iter(text).filter_map(|part| {
                let word = self.words.get(part.pattern().as_usize())?;
                let (from, to) = (part.start(), part.end());
                let fits = (!word.begins || is_edge(text.get(..from)?.chars().next_back()))
                    && (!word.ends || is_edge(text.get(to..)?.chars().next()));
                (fits && !(medicine && word.not_medicines)).then_some((from, to, word))
            })
        };
        let mut nothings: Option<Vec<(usize, usize)>> = None;
        for (from, to, word) in found().filter(|(.., word)| !word.nothing) {
            let nothings = nothings
                .get_or_insert_with(|| found().filter(|(.., w)| w.nothing).map(|(f, t, _)| (f, t)).collect());
            let within = nothings.iter().any(|(f, t)| *f <= from && to <= *t);
            if !within && !self.is_explained(word, text) {
                mark.add(word.mark);
            }
        }
        mark
    }

    fn is_explained(&self, word: &Word, text: &str) -> bool {
        let mut others = self.beside.iter().filter(|(of, _)| *of == word.text).peekable();
        others.peek().is_some() && {
            let text = text.to_ascii_lowercase();
            others.any(|(_, other)| text.contains(other.as_str()))
        }
    }
}

fn is_edge(beside: Option<char>) -> bool {
    beside.is_none_or(|c| !c.is_alphanumeric())
}

/// A text as words are looked for in it: without accents and what is not seen, in small letters but for Latin ones, which
/// the automaton knows, with single spaces and one hyphen.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    let blank = |b: u8| b.is_ascii_whitespace();
    let bytes = text.as_bytes();
    let doubled = || bytes.windows(2).any(|two| two.iter().all(|b| blank(*b)));
    let odd = bytes.iter().any(|b| !b.is_ascii() || b.is_ascii_control());
    if !odd && !doubled() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in DecomposingNormalizerBorrowed::new_nfkd().normalize(text).chars().flat_map(char::to_lowercase) {
        match c {
            // Accents; soft hyphens, zero widths and other marks of layout.
            '\u{300}'..='\u{36f}'
            | '\u{ad}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}' => {}
            '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' => {}
            c if c.is_whitespace() || c.is_control() => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{ff0d}' => out.push('-'),
            '\u{2018}' | '\u{2019}' | '\u{2bc}' => out.push('\''),
            c => out.push(alike(c)),
        }
    }
    Cow::Owned(out)
}

/// The Latin letter that a Greek or Cyrillic one is written for.
fn alike(c: char) -> char {
    match c {
        'а' | 'α' => 'a',
        'е' | 'ε' => 'e',
        'о' | 'ο' => 'o',
        'р' | 'ρ' => 'p',
        'с' => 'c',
        'у' | 'υ' => 'y',
        'х' | 'χ' => 'x',
        'і' | 'ι' => 'i',
        'ј' => 'j',
        'ѕ' => 's',
        'ν' => 'v',
        'τ' | 'т' => 't',
        'к' | 'κ' => 'k',
        'м' => 'm',
        'н' => 'h',
        'в' => 'b',
        c => c,
    }
}

/// Whether three letters stand alone beside each other, as in `h i v`.
fn has_lone_letters(text: &str) -> bool {
    let mut lone = 0;
    text.split(' ').any(|word| {
        lone = if word.len() == 1 { lone + 1 } else { 0 };
        lone == 3
    })
}

/// The same with words that were taken apart put together: `h.i.v.`, `de-pressie`, `d e p r e s s i e`.
pub(crate) fn joined(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut lone = true;
    for word in text.split(' ') {
        let bare: String = word.chars().filter(|c| !matches!(c, '-' | '.')).collect();
        let alone = bare.chars().count() == 1;
        if !(out.is_empty() || lone && alone) {
            out.push(' ');
        }
        out.push_str(&bare);
        lone = alone;
    }
    out
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
            ("=hiv", tells(32), false),
            ("veilig_thuis", tells(64), false),
            ("burn-out", tells(128), false),
            ("*bupreno", tells(256), false),
            ("*bupreno+pleister", tells(0), false),
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
            ("ST depressie bij een depressie", 2, 2),
            ("uses hearing aids", 0, 0),
            ("AIDS", 4, 4),
            ("aidsremmer", 0, 0),
            ("gedachten aan SUÏCIDE", 8, 8),
            ("gedachten aan sui\u{308}cide", 8, 8),
            ("de\u{ad}pressie", 2, 2),
            ("de\u{200b}pressie", 2, 2),
            ("ｄｅｐｒｅｓｓｉｅ", 2, 2),
            ("d\u{435}pressie", 2, 2),
            ("De-pressie", 2, 2),
            ("d e p r e s s i e", 2, 2),
            ("H.I.V.", 32, 32),
            ("veilig\u{a0} thuis", 64, 64),
            ("veilig\t\tthuis", 64, 64),
            ("burn\u{2011}out", 128, 128),
            ("BUPRENORFINE SANDOZ MATRIXPLEISTER", 0, 0),
            ("BUPRENORFINE TABLET", 256, 256),
        ] {
            assert_eq!(words.tell(text, false).sets, all, "{text}");
            assert_eq!(words.tell(text, true).sets, in_medicines, "{text}");
        }
        assert_eq!(Words::default().tell("stress", false), Mark::default());
    }
}
