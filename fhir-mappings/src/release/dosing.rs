//! Whether a dosing text is a phrase we know word for word: then it holds nothing but a dose.

use std::collections::HashSet;

/// Every word stands in `dosing.txt`, is a number, or a time of day; at most 30 words. Numbers that only a space divides are
/// no dose: a telephone or citizen service number is written so.
pub(super) fn is_known(text: &str, words: &HashSet<Box<str>>) -> bool {
    let text = text.to_lowercase().replace(['\u{2018}', '\u{2019}'], "'");
    let mut count = 0;
    // Digits since the last word that is none, and whether the one before was a bare number.
    let (mut digits, mut bare) = (0, false);
    let between = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')' | '/' | '.');
    let (mut spaced, mut total) = (false, 0);
    for piece in text.split_inclusive(between) {
        let word = piece.trim_end_matches(between);
        let divided = std::mem::replace(&mut spaced, piece.ends_with(char::is_whitespace));
        if word.is_empty() {
            spaced |= divided;
            continue;
        }
        count += 1;
        let Some(amount) = amount(word, words) else { return false };
        let number = amount == Amount::Number;
        if count > 30 || (number && bare && divided) {
            return false;
        }
        let own = word.chars().filter(char::is_ascii_digit).count();
        // No amount begins with a zero, but behind the point.
        if number && own > 1 && word.starts_with('0') && (divided || !bare) {
            return false;
        }
        total += own;
        digits = if amount == Amount::Word { 0 } else { digits + own };
        // A longer run of digits is no amount either.
        if digits > 6 || total > 16 {
            return false;
        }
        bare = number;
    }
    count > 0
}

/// What a word of a dose is.
#[derive(PartialEq, Eq)]
enum Amount {
    /// One of the table, or a time of day.
    Word,
    /// `2`, `1-2`, `½`.
    Number,
    /// `2x`, `800mg`.
    Measure,
}

fn amount(word: &str, words: &HashSet<Box<str>>) -> Option<Amount> {
    let is_time = word.split_once(':').is_some_and(|(hour, minute)| {
        hour.parse::<u8>().is_ok_and(|h| h < 24)
            && minute.len() == 2
            && minute.parse::<u8>().is_ok_and(|m| m < 60)
    });
    if is_time || words.contains(word) {
        return Some(Amount::Word);
    }
    if is_shorthand(word) {
        return Some(Amount::Measure);
    }
    let number = |c: char| c.is_ascii_digit() || matches!(c, '-' | ':' | '½' | '¼' | '¾' | '×');
    let unit = word.trim_start_matches(number);
    let digits = word.chars().filter(char::is_ascii_digit).count();
    if unit.len() == word.len() || digits > 6 {
        return None;
    }
    match unit {
        "" if word.ends_with('×') => Some(Amount::Measure),
        "" => Some(Amount::Number),
        unit => words.contains(unit).then_some(Amount::Measure),
    }
}

/// What a pharmacy writes: `1d1t`, `3dd1t`, `2d1c`, `1w1t`, `2d2inh`.
fn is_shorthand(word: &str) -> bool {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let often = digits(word);
    let Some(rest) = word.get(often..) else { return false };
    let every = ["dd", "d", "w", "x"].iter().find_map(|every| rest.strip_prefix(every));
    let Some(rest) = every else { return false };
    let many = digits(rest);
    let what = rest.get(many..).unwrap_or_default();
    (1..=2).contains(&often)
        && (1..=2).contains(&many)
        && ["", "t", "c", "tab", "caps", "st", "dr", "inh", "p", "e", "ml", "mg"].contains(&what)
}

#[cfg(test)]
mod tests {
    use super::is_known;
    use std::collections::HashSet;

    #[test]
    fn a_dose_is_known_and_a_number_of_somebody_is_none() {
        let words: HashSet<Box<str>> =
            ["x", "per", "dag", "tablet", "mg", "en", "om", "max", "zo", "nodig", "dd", "ie"]
                .into_iter()
                .map(Into::into)
                .collect();
        for dose in [
            "2x per dag 1 tablet",
            "1-1-1",
            "2 tablet om 08:00 en 20:00, max 8 per dag",
            "2,5 mg",
            "1/2 tablet",
            "800mg zo nodig",
            "3 dd 1",
            "1.000 mg",
            "08:00 12:00 18:00",
            "1D1T",
            "3dd1t zo nodig",
            "0,05 mg",
            "25000 ie",
        ] {
            assert!(is_known(dose, &words), "{dose}");
        }
        for number in [
            "06 1234 5678",
            "999 990 032",
            "999990032",
            "999.990.032",
            "999,990,032",
            "999/990/032",
            "06-12345678",
            "1 2 3 4",
            "bel Mieke",
            "",
            "088 9000377",
            "9032 12",
            "99 99 90 03 2",
            "999990 x 032",
            "88 x 900 x 0377",
            "06 x 12345 x 678",
            "12345 x 67890 x 12345 x 6789",
        ] {
            assert!(!is_known(number, &words), "{number}");
        }
    }
}
