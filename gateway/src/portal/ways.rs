//! Where one can go from a page.

use super::words::Words;

/// Before signing in.
pub(super) fn outside(words: &Words) -> Vec<(String, String)> {
    vec![("/".into(), words.say("start"))]
}

/// A person, at `base`; who acts for one makes no choices here.
pub(super) fn patient(base: &str, acting: bool, words: &Words) -> Vec<(String, String)> {
    let own = [("choices", words.say("choices")), ("emergency", words.say("emergency"))];
    let all =
        [("", words.say("overview")), ("sharing", words.say("sharing")), ("looked", words.say("looked"))];
    let ways = all.into_iter().chain(own.into_iter().filter(|_| !acting));
    ways.map(|(page, name)| (if page.is_empty() { base.to_owned() } else { format!("{base}/{page}") }, name))
        .collect()
}

/// An officer.
pub(super) fn officer(words: &Words) -> Vec<(String, String)> {
    vec![("/officer".into(), words.say("accesses")), ("/officer/journal".into(), words.say("journal"))]
}
