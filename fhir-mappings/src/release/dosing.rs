//! Whether a dosing text is a phrase we know word for word: then it holds nothing but a dose.

use std::collections::HashSet;

/// Every word stands in `dosing.txt`, is a number, or a time of day; at most 30 words.
pub(super) fn is_known(text: &str, words: &HashSet<Box<str>>) -> bool {
    let text = text.to_lowercase();
    let mut count = 0;
    for word in text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')' | '/' | '.')) {
        if word.is_empty() {
            continue;
        }
        count += 1;
        if count > 30 || !(words.contains(word) || is_amount(word, words)) {
            return false;
        }
    }
    count > 0
}

/// `2`, `2x`, `800mg`, `1-2`, `08:00`, `½`.
fn is_amount(word: &str, words: &HashSet<Box<str>>) -> bool {
    let number = |c: char| c.is_ascii_digit() || matches!(c, '-' | ':' | '½' | '¼' | '¾' | '×');
    let unit = word.trim_start_matches(number);
    // A longer run of digits is a telephone or citizen service number, not an amount.
    let digits = word.chars().filter(char::is_ascii_digit).count();
    unit.len() < word.len() && digits <= 6 && (unit.is_empty() || words.contains(unit))
}
