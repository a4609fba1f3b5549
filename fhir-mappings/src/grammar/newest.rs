//! `$lastn`: the newest few observations of each code (FHIR R4 Observation/$lastn).

use super::matching::effective;
use crate::json::Value;
use jiff::Timestamp;

/// Positions of the newest `max` of each code, newest first within a code and codes in the order of their newest.
/// Observations that share a coding are of one code; one without coding stands alone.
#[must_use]
pub fn newest_per_code(observations: &[Value<'_>], max: u8) -> Vec<usize> {
    let mut order: Vec<(usize, Value<'_>)> = observations.iter().copied().enumerate().collect();
    order.sort_by_cached_key(|(at, observation)| (std::cmp::Reverse(when(*observation)), *at));
    let mut groups: Vec<Group> = Vec::new();
    for (at, observation) in order {
        let mut merged = Group { codes: codes(observation), members: Vec::new() };
        let mut place = groups.len();
        let mut index = 0;
        while index < groups.len() {
            let shared =
                groups.get(index).is_some_and(|group| group.codes.iter().any(|c| merged.codes.contains(c)));
            if shared {
                let group = groups.remove(index);
                place = place.min(index);
                merged.members.extend(group.members);
                merged.codes.extend(group.codes);
            } else {
                index += 1;
            }
        }
        merged.members.push(at);
        groups.insert(place.min(groups.len()), merged);
    }
    groups.into_iter().flat_map(|group| group.newest(observations, max)).collect()
}

struct Group {
    codes: Vec<(String, String)>,
    members: Vec<usize>,
}

impl Group {
    fn newest(mut self, observations: &[Value<'_>], max: u8) -> Vec<usize> {
        let instant = |at: &usize| observations.get(*at).map_or(Timestamp::MIN, |o| when(*o));
        self.members.sort_by_cached_key(|at| (std::cmp::Reverse(instant(at)), *at));
        self.members.truncate(usize::from(max));
        self.members
    }
}

fn codes(observation: Value<'_>) -> Vec<(String, String)> {
    let code = observation.get("code");
    let codings = code.into_iter().flat_map(|code| code.each("coding"));
    let pair = |coding: Value<'_>| {
        Some((
            coding.get_str("system").unwrap_or_default().into_owned(),
            coding.get_str("code")?.into_owned(),
        ))
    };
    codings.filter_map(pair).collect()
}

/// The last instant an observation speaks of, else when it was issued, else the beginning of time.
fn when(observation: Value<'_>) -> Timestamp {
    let issued = || super::Moment::parse(&observation.get_str("issued")?).map(|moment| moment.last());
    effective(observation, "effective").map(|(_, last)| last).or_else(issued).unwrap_or(Timestamp::MIN)
}
