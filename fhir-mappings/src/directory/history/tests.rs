//! A replica ends where its source stands, whatever happened on the way.

use super::*;
use crate::directory::Type;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const TYPES: [Type; 2] = [Type::Organization, Type::Endpoint];
/// Instants of a second each, from here.
const START: i64 = 1_790_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(START + second).unwrap()
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Did {
    Put,
    /// A version that is no base R4.
    Broken,
    Deleted,
}

/// One change at the source.
#[derive(Clone, Debug)]
struct Event {
    kind: Type,
    id: String,
    version: u64,
    second: i64,
    did: Did,
}

impl Event {
    fn resource(&self) -> String {
        let Self { kind, id, version, .. } = self;
        let (at, kind) = (at(self.second), kind.as_str());
        let more = match (self.did, self.kind) {
            (Did::Broken, _) => r#""active":"perhaps""#.to_owned(),
            (_, Type::Organization) => format!(r#""name":"{id} as of {version}""#),
            _ => format!(
                r#""status":"active","connectionType":{{"code":"x"}},"payloadType":[{{"text":"any"}}],"address":"https://{id}.example/{version}""#
            ),
        };
        format!(
            r#"{{"resourceType":"{kind}","id":"{id}","meta":{{"versionId":"{version}","lastUpdated":"{at}"}},{more}}}"#
        )
    }

    fn entry(&self, dated: bool) -> String {
        let (kind, id, version) = (self.kind.as_str(), &self.id, self.version);
        if self.did == Did::Deleted {
            let when =
                if dated { format!(r#","lastModified":"{}""#, at(self.second)) } else { String::new() };
            return format!(
                r#"{{"request":{{"method":"DELETE","url":"{kind}/{id}"}},"response":{{"status":"204","etag":"W/\"{version}\""{when}}}}}"#
            );
        }
        let method = if version == 1 { "POST" } else { "PUT" };
        format!(r#"{{"resource":{},"request":{{"method":"{method}","url":"{kind}/{id}"}}}}"#, self.resource())
    }
}

fn bundle(kind: &str, entries: &[String]) -> Vec<u8> {
    format!(r#"{{"resourceType":"Bundle","type":"{kind}","entry":[{}]}}"#, entries.join(",")).into_bytes()
}

struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }

    fn place(&mut self, most: usize) -> usize {
        usize::try_from(self.below(most as u64)).unwrap()
    }

    fn of(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Moves each at most so many places.
    fn shuffle<T>(&mut self, all: Vec<T>, by: u64) -> Vec<T> {
        let mut placed: Vec<(u64, T)> =
            all.into_iter().enumerate().map(|(n, one)| (n as u64 + self.below(by + 1), one)).collect();
        placed.sort_by_key(|(place, _)| *place);
        placed.into_iter().map(|(_, one)| one).collect()
    }
}

/// A history: each entry is made, changed, deleted and made again, a second apart from the one before.
fn history(chance: &mut Chance, length: i64, ids: u64) -> Vec<Event> {
    let mut last: BTreeMap<(Type, String), (u64, Did)> = BTreeMap::new();
    (0..length)
        .map(|second| {
            let kind = if chance.of(70) { Type::Organization } else { Type::Endpoint };
            let id = format!("e{}", chance.below(ids));
            let before = last.get(&(kind, id.clone())).copied();
            let did = match before {
                Some((_, did)) if did != Did::Deleted && chance.of(25) => Did::Deleted,
                _ if chance.of(5) => Did::Broken,
                _ => Did::Put,
            };
            let version = before.map_or(1, |(version, _)| version + 1);
            last.insert((kind, id.clone()), (version, did));
            Event { kind, id, version, second, did }
        })
        .collect()
}

/// Everything once, in the order in which it was done.
fn twin(events: &[Event]) -> BTreeMap<(Type, String), String> {
    let mut all = BTreeMap::new();
    for event in events {
        let key = (event.kind, event.id.clone());
        match event.did {
            Did::Put => drop(all.insert(key, event.resource())),
            Did::Broken | Did::Deleted => drop(all.remove(&key)),
        }
    }
    all
}

fn shown(replica: &Replica) -> BTreeMap<(Type, String), String> {
    replica.held().map(|(kind, id, body)| ((kind, id.to_owned()), body.to_string())).collect()
}

/// How a source and the way to it behave.
#[derive(Clone, Copy, Debug)]
struct Way {
    /// Changes become visible up to so many places late, and stand up to so many places astray in a page.
    astray: u64,
    /// Entries that come twice, in percent.
    twice: u64,
    /// Readings that break off at some page, in percent.
    breaks: u64,
    /// What was taken is kept after every page, and not at the end of a reading alone.
    kept_by_page: bool,
    /// A reading that may have missed something is followed by a new one of everything.
    anew: bool,
}

/// The source as it stands after its first `visible` changes, asked from `since`, page by page.
fn pages(events: &[Event], since: Option<Timestamp>, way: Way, chance: &mut Chance) -> Vec<Vec<u8>> {
    let asked = events.iter().filter(|event| since.is_none_or(|since| at(event.second) >= since));
    let mut asked: Vec<&Event> = asked.collect();
    asked.sort_by_key(|event| std::cmp::Reverse(event.second));
    let more: Vec<&Event> = asked
        .iter()
        .flat_map(|event| [*event; 2].into_iter().take(1 + usize::from(chance.of(way.twice))))
        .collect();
    // Who writes newest first need not date a deletion.
    let dated = way.astray > 0;
    let entries =
        chance.shuffle(more, way.astray).into_iter().map(|event| event.entry(dated || event.second % 2 == 0));
    entries.collect::<Vec<_>>().chunks(50).map(|page| bundle("history", page)).collect()
}

fn everything(events: &[Event], types: &[Type]) -> Replica {
    let cursor = events.iter().map(|event| at(event.second)).max();
    let mut replica = Replica::anew(Bounds::default(), types, cursor);
    let now = at(1_000_000);
    let mut round = Replica::fill(types, now);
    let mut newest: BTreeMap<(Type, &str), &Event> = BTreeMap::new();
    for event in events {
        let known = newest.entry((event.kind, &event.id)).or_insert(event);
        if known.version < event.version {
            *known = event;
        }
    }
    let entries = newest.values().filter(|event| event.did != Did::Deleted);
    let entries: Vec<String> =
        entries.map(|event| format!(r#"{{"resource":{}}}"#, event.resource())).collect();
    for page in entries.chunks(200) {
        replica.take(&mut round, read_search(&bundle("searchset", page)).unwrap()).unwrap();
    }
    assert!(!replica.end(round));
    replica
}

/// Follows a history that grows, with everything that may happen on the way; at last nothing happens any more.
fn follow(events: &[Event], way: Way, chance: &mut Chance) -> Replica {
    let committed = chance.shuffle(events.to_vec(), way.astray);
    let mut kept = Replica::default().write();
    let (mut visible, mut drained) = (0, false);
    while !drained {
        drained = visible == committed.len();
        // Nothing is in memory after a start but what was kept.
        let mut replica = Replica::read(&kept, Bounds::default()).unwrap();
        let source = &committed[..visible];
        let (since, now) = (replica.since(&TYPES), at(1_000_000));
        let mut round = replica.follow(&TYPES, now);
        let pages = pages(source, since, way, chance);
        let last =
            if !drained && chance.of(way.breaks) { chance.place(pages.len() + 1) } else { pages.len() };
        for page in &pages[..last] {
            replica.take(&mut round, read_history(page).unwrap()).unwrap();
            if way.kept_by_page {
                kept = replica.write();
            }
        }
        if last == pages.len() {
            let gap = replica.end(round);
            if gap && way.anew {
                replica = everything(source, &TYPES);
            }
            kept = replica.write();
        }
        visible = (visible + chance.place(600)).min(committed.len());
    }
    Replica::read(&kept, Bounds::default()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn ten_thousand_changes_end_in_the_same_state_from_any_interruption(
        seed in 1_u64.., astray in prop_oneof![Just(0_u64), Just(40)], breaks in 0_u64..80, kept_by_page: bool, anew: bool,
    ) {
        let mut chance = Chance(seed);
        let events = history(&mut chance, 10_000, 1_500);
        let way = Way { astray, twice: 10, breaks, kept_by_page, anew };
        let replica = follow(&events, way, &mut chance);
        prop_assert_eq!(shown(&replica), twin(&events));
        // What is remembered of deletions is bounded by time: none from before the overlap.
        prop_assert!(replica.remembered() as i64 <= OVERLAP.as_secs() + 1);
    }
}

fn put(id: &str, version: u64, second: i64) -> Event {
    Event { kind: Type::Organization, id: id.into(), version, second, did: Did::Put }
}

fn gone(id: &str, version: u64, second: i64) -> Event {
    Event { did: Did::Deleted, ..put(id, version, second) }
}

/// Takes one reading of these entries; whether something may be missing.
fn read(replica: &mut Replica, entries: &[String]) -> bool {
    let mut round = replica.follow(&TYPES, at(5_000));
    replica.take(&mut round, read_history(&bundle("history", entries)).unwrap()).unwrap();
    replica.end(round)
}

fn entries(events: &[Event]) -> Vec<String> {
    events.iter().rev().map(|event| event.entry(true)).collect()
}

fn ids(replica: &Replica) -> Vec<&str> {
    replica.held().map(|(_, id, _)| id).collect()
}

#[test]
fn an_old_word_does_not_bring_back_what_was_deleted() {
    let mut replica = Replica::default();
    assert!(!read(&mut replica, &entries(&[put("a", 1, 0), put("b", 1, 1), gone("a", 2, 10)])));
    assert_eq!(ids(&replica), ["b"]);
    read(&mut replica, &entries(&[put("a", 1, 0)]));
    assert_eq!(ids(&replica), ["b"], "remembered");
    read(&mut replica, &entries(&[put("b", 2, 2_000)]));
    assert_eq!(replica.remembered(), 0);
    read(&mut replica, &entries(&[put("a", 1, 0)]));
    assert_eq!(ids(&replica), ["b"], "from before everything that was taken");
    read(&mut replica, &entries(&[put("a", 3, 2_001)]));
    assert_eq!(ids(&replica), ["a", "b"], "made again");
}

#[test]
fn what_cannot_be_read_stops_nothing_and_is_counted() {
    let foreign = r#"{"resource":{"resourceType":"Patient","id":"p","meta":{"lastUpdated":"2026-01-01T00:00:00Z"}},"request":{"method":"PUT","url":"Patient/p"}}"#;
    let odd = [
        r#"{"request":{"method":"DELETE","url":"Organization"}}"#,
        r#"{"resource":{"resourceType":"Organization","name":"x"},"request":{"method":"POST","url":"Organization"}}"#,
        r#"{"resource":{"resourceType":"Organization","id":"a b","name":"x"},"request":{"method":"PUT","url":"Organization/a b"}}"#,
        r#"{"request":{"method":"PUT","url":"Organization/z"}}"#,
        "{}",
    ];
    let mut all = vec![put("a", 1, 0).entry(true), foreign.to_owned()];
    all.extend(odd.iter().map(|entry| (*entry).to_owned()));
    all.push(put("b", 1, 1).entry(true));
    let page = read_history(&bundle("history", &all)).unwrap();
    assert_eq!((page.skipped, page.foreign), (odd.len(), 1));
    let mut replica = Replica::default();
    assert!(read(&mut replica, &all), "something may be missing");
    assert_eq!(ids(&replica), ["a", "b"]);
    for bad in [&b""[..], b"{}", b"[", br#"{"resourceType":"Bundle","type":"searchset"}"#] {
        assert!(read_history(bad).is_err());
    }
}

#[test]
fn a_version_that_cannot_be_shown_hides_the_one_before_it() {
    for worse in [
        r#""active":"perhaps""#.to_owned(),
        r#""name":"x","implicitRules":"https://other.example/rules""#.to_owned(),
        r#""name":"x","modifierExtension":[{"url":"https://other.example/not","valueBoolean":true}]"#
            .to_owned(),
        format!(r#""name":"{}""#, "x".repeat(65 * 1024)),
    ] {
        let mut replica = Replica::default();
        read(&mut replica, &entries(&[put("a", 1, 0)]));
        let at = at(1);
        let next = format!(
            r#"{{"resource":{{"resourceType":"Organization","id":"a","meta":{{"versionId":"2","lastUpdated":"{at}"}},{worse}}},"request":{{"method":"PUT","url":"Organization/a"}}}}"#
        );
        assert!(!read(&mut replica, &[next]));
        assert_eq!((ids(&replica).len(), replica.unfit()), (0, 1), "{worse:.20}");
        read(&mut replica, &entries(&[put("a", 3, 2)]));
        assert_eq!((ids(&replica).len(), replica.unfit()), (1, 0));
    }
}

#[test]
fn a_version_that_nobody_sent_is_a_gap() {
    let followed = || {
        let mut replica = Replica::default();
        assert!(!read(&mut replica, &entries(&[put("a", 1, 0), put("a", 2, 1)])));
        replica
    };
    for (later, gap) in [
        (vec![put("a", 3, 2)], false),
        (vec![put("a", 4, 3)], true),
        (vec![put("a", 2, 1), put("a", 3, 2), put("a", 4, 3)], false),
        (vec![put("b", 1, 4)], false),
        (vec![put("b", 3, 4)], true),
        (vec![put("a", 2, 1)], false),
        (vec![gone("a", 3, 2), put("a", 4, 3)], false),
    ] {
        assert_eq!(read(&mut followed(), &entries(&later)), gap, "{later:?}");
    }
}

#[test]
fn a_clock_that_runs_ahead_moves_no_cursor() {
    let mut replica = Replica::default();
    read(&mut replica, &entries(&[put("a", 1, 10)]));
    let mut round = replica.follow(&TYPES, at(5_000));
    let future = put("a", 2, 90_000);
    replica.take(&mut round, read_history(&bundle("history", &[future.entry(true)])).unwrap()).unwrap();
    assert_eq!(round.skipped, 1);
    replica.end(round);
    assert_eq!(replica.since(&TYPES), Some(at(10) - OVERLAP));
    read(&mut replica, &entries(&[put("a", 2, 5_060)]));
    assert_eq!(replica.since(&TYPES), Some(at(5_000) - OVERLAP), "no later than our own clock");
}

#[test]
fn a_cursor_moves_at_the_end_of_a_reading_only_and_by_type() {
    let mut replica = Replica::default();
    let mut round = replica.follow(&TYPES[..1], at(5_000));
    let page = || read_history(&bundle("history", &entries(&[put("a", 1, 100)]))).unwrap();
    replica.take(&mut round, page()).unwrap();
    assert_eq!(replica.since(&TYPES[..1]), None);
    replica.end(round);
    assert_eq!(replica.since(&TYPES[..1]), Some(at(100) - OVERLAP));
    assert_eq!(replica.since(&TYPES), None, "of the other type nothing was read");
}

#[test]
fn more_than_the_bounds_is_not_taken() {
    let bounds = Bounds { entries: 3, bytes: 10_000, deletions: 1 };
    let many: Vec<Event> = (0..4).map(|n| put(&format!("e{n}"), 1, n)).collect();
    let mut replica = Replica::within(bounds);
    let mut round = replica.follow(&TYPES, at(5_000));
    let page = read_history(&bundle("history", &entries(&many))).unwrap();
    assert_eq!(replica.take(&mut round, page), Err(Full));
    let mut replica = Replica::within(Bounds { bytes: 100, ..bounds });
    let page = read_history(&bundle("history", &entries(&many[..1]))).unwrap();
    let mut round = replica.follow(&TYPES, at(5_000));
    assert_eq!(replica.take(&mut round, page), Err(Full));
    let mut replica = Replica::within(bounds);
    assert!(!read(&mut replica, &entries(&[gone("a", 2, 1)])));
    assert!(read(&mut replica, &entries(&[gone("b", 2, 2)])), "one of them is forgotten");
    assert_eq!(replica.remembered(), 1);
}

#[test]
fn a_deletion_without_an_instant_stands_between_its_neighbours() {
    let mut replica = Replica::default();
    let mut all = entries(&[put("a", 1, 0), gone("a", 2, 5), put("b", 1, 6), put("b", 2, 8)]);
    all[2] = gone("a", 2, 5).entry(false);
    read(&mut replica, &all);
    assert_eq!(ids(&replica), ["b"]);
    // The last of its page, and the entry was made again since.
    let mut replica = Replica::default();
    let mut all = entries(&[gone("a", 2, 5), put("a", 3, 6)]);
    all[1] = gone("a", 2, 5).entry(false);
    read(&mut replica, &all);
    assert_eq!(ids(&replica), ["a"]);
    assert!(read(&mut replica, &[gone("a", 4, 9).entry(false)]), "nothing says when");
    assert_eq!(SignedDuration::from_mins(5), OVERLAP);
}

#[test]
fn a_search_fills_what_a_history_then_follows() {
    let events = [put("a", 1, 0), put("b", 1, 1), gone("a", 2, 2), put("c", 1, 3)];
    let mut replica = everything(&events, &TYPES);
    assert_eq!(ids(&replica), ["b", "c"]);
    assert!(!read(&mut replica, &entries(&[gone("b", 2, 4), put("c", 1, 3)])));
    assert_eq!(ids(&replica), ["c"]);
    let brought = r#"{"resource":{"resourceType":"Organization","id":"x","name":"x","meta":{"lastUpdated":"2026-01-01T00:00:00Z"}},"search":{"mode":"include"}}"#;
    let page = read_search(&bundle("searchset", &[brought.to_owned()])).unwrap();
    let mut round = Replica::fill(&TYPES, at(9));
    replica.take(&mut round, page).unwrap();
    assert_eq!(ids(&replica), ["c"]);
    assert_eq!(BTreeSet::from(TYPES).len(), 2);
}

#[test]
fn what_was_kept_is_read_again_whole_or_not_at_all() {
    let mut replica = Replica::default();
    read(
        &mut replica,
        &entries(&[
            put("a", 1, 0),
            put("b", 1, 1),
            gone("b", 2, 2),
            Event { did: Did::Broken, ..put("c", 1, 3) },
        ]),
    );
    let kept = replica.write();
    let again = Replica::read(&kept, Bounds::default()).unwrap();
    assert_eq!(again.write(), kept);
    assert_eq!((shown(&again), again.unfit(), again.remembered()), (shown(&replica), 1, 1));
    assert!(Replica::read(&kept[..kept.len() - 1], Bounds::default()).is_none());
    assert!(Replica::read(b"", Bounds::default()).is_none());
}

#[test]
fn what_a_server_offers_says_which_histories_are_followed() {
    let offer = |whole: &str, resources: &[(&str, &str)]| {
        let resource = |(kind, interactions): &(&str, &str)| {
            let codes: Vec<_> =
                interactions.split(' ').map(|code| format!(r#"{{"code":"{code}"}}"#)).collect();
            format!(r#"{{"type":"{kind}","interaction":[{}]}}"#, codes.join(","))
        };
        let resources: Vec<_> = resources.iter().map(resource).collect();
        let statement = format!(
            r#"{{"resourceType":"CapabilityStatement","fhirVersion":"4.0.1","rest":[{{"mode":"server","interaction":[{{"code":"{whole}"}}],"resource":[{}]}}]}}"#,
            resources.join(",")
        );
        let offer = read_offer(statement.as_bytes())?;
        Ok::<_, NoOffer>(
            offer.feeds.into_iter().map(|feed| (feed.path, feed.types.len())).collect::<Vec<_>>(),
        )
    };
    let both = "search-type history-type";
    let (organization, endpoint) = (("Organization", both), ("Endpoint", both));
    let by_type = vec![("/Organization/_history".to_owned(), 1), ("/Endpoint/_history".to_owned(), 1)];
    assert_eq!(offer("history-system", &[organization, endpoint, ("Patient", both)]), Ok(by_type));
    let whole = vec![("/_history".to_owned(), 2)];
    assert_eq!(offer("history-system", &[organization, ("Endpoint", "search-type read")]), Ok(whole));
    let one = vec![("/Organization/_history".to_owned(), 1)];
    assert_eq!(offer("transaction", &[organization, ("Endpoint", "search-type")]), Ok(one));
    for none in [
        &[][..],
        &[("Organization", "search-type")],
        &[("Organization", "history-type")],
        &[("Patient", both)],
    ] {
        assert_eq!(offer("batch", none), Err(NoOffer::NoHistory));
    }
    assert_eq!(offer("history-system", &[("Patient", both)]), Err(NoOffer::NoHistory));
    for none in ["", "{}", r#"{"resourceType":"CapabilityStatement","fhirVersion":"3.0.2"}"#] {
        assert_eq!(read_offer(none.as_bytes()), Err(NoOffer::NoStatement));
    }
}
