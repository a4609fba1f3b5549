//! A ring keeps what it has, forgets what it is told to, and changes every kind of key.

use super::{DATA, Key, KeyError, Keys, PersonNo, Use, master_key};

#[test]
fn a_ring_opened_again_holds_the_same_keys() {
    let dir = tempfile::tempdir().unwrap();
    let master = Key::random().unwrap();
    let first = Keys::open(dir.path(), &master).unwrap();
    let (tag, key) = first.person(PersonNo(7), 2026).unwrap();
    let view = first.symmetric(Use::View).unwrap();
    drop(first);
    let again = Keys::open(dir.path(), &master).unwrap();
    assert_eq!(again.person(PersonNo(7), 2026).unwrap(), (tag, key));
    assert_eq!(again.symmetric(Use::View).unwrap(), view);
    assert_eq!(again.by_tag(&tag), Some((PersonNo(7), 2026)));
}

#[test]
fn a_shredded_year_is_gone_and_other_years_stay() {
    let dir = tempfile::tempdir().unwrap();
    let master = Key::random().unwrap();
    let ring = Keys::open(dir.path(), &master).unwrap();
    ring.person(PersonNo(7), 2025).unwrap();
    let kept = ring.person(PersonNo(7), 2026).unwrap();
    ring.person(PersonNo(7), DATA).unwrap();
    assert!(ring.shred(PersonNo(7), 2025).unwrap());
    drop(ring);
    let ring = Keys::open(dir.path(), &master).unwrap();
    assert!(ring.existing(PersonNo(7), 2025).is_empty());
    assert_eq!(ring.tags(PersonNo(7)), vec![(2026, kept.0)]);
    assert!(!ring.existing(PersonNo(7), DATA).is_empty());
}

#[test]
fn a_ring_under_another_master_key_is_refused_not_replaced() {
    let dir = tempfile::tempdir().unwrap();
    drop(Keys::open(dir.path(), &Key::random().unwrap()).unwrap());
    assert!(matches!(Keys::open(dir.path(), &Key::random().unwrap()), Err(KeyError::Unwrap(_))));
}

#[cfg(feature = "sandbox")]
#[test]
fn a_sandbox_ring_without_its_master_key_is_lost_not_new() {
    let dir = tempfile::tempdir().unwrap();
    let master = super::sandbox_master_key(dir.path()).unwrap();
    drop(Keys::open(dir.path(), &master).unwrap());
    std::fs::remove_file(dir.path().join("master.key")).unwrap();
    assert!(matches!(super::sandbox_master_key(dir.path()), Err(KeyError::Io(..))));
}

#[test]
fn a_master_key_is_32_bytes_raw_or_in_hexadecimal() {
    assert!(master_key(&[7; 32]).is_some());
    assert!(master_key(format!("{}\n", "0A".repeat(32)).as_bytes()).is_some());
    assert!(master_key(&[7; 31]).is_none());
    assert!(master_key("zz".repeat(32).as_bytes()).is_none());
}

fn made() -> (tempfile::TempDir, Key, Keys) {
    let dir = tempfile::tempdir().unwrap();
    let master = Key::random().unwrap();
    let ring = Keys::open(dir.path(), &master).unwrap();
    (dir, master, ring)
}

#[test]
fn a_use_that_got_another_key_seals_with_it_and_opens_with_both() {
    for which in Use::ALL {
        let (dir, master, ring) = made();
        let before = ring.current(which).unwrap();
        let fresh = ring.fresh(which).unwrap();
        assert_eq!(ring.current(which).unwrap().id(), 1, "nothing before it is adopted");
        ring.adopt(fresh.clone()).unwrap();
        assert!(matches!(ring.adopt(fresh.clone()), Err(KeyError::Spent(_))), "one number, one key");
        for ring in [ring, Keys::open(dir.path(), &master).unwrap()] {
            let now = ring.current(which).unwrap();
            assert_eq!((now.id(), now.secret()), (2, fresh.secret()));
            let all = ring.all(which);
            assert_eq!((all.len(), all[0].secret()), (2, before.secret()), "{which:?}");
            assert_eq!(ring.named().len(), Use::ALL.len() + 1);
            assert_eq!(Use::parse(which.name()), Some(which));
        }
    }
}

#[test]
fn persons_keys_are_turned_at_their_next_record_and_forgotten_together() {
    let (dir, master, ring) = made();
    let (old_tag, old) = ring.person(PersonNo(7), 2026).unwrap();
    ring.turn_people().unwrap();
    let other = ring.person(PersonNo(8), 2026).unwrap();
    let (tag, new) = ring.person(PersonNo(7), 2026).unwrap();
    assert!(old != new && tag != old_tag);
    assert_eq!(ring.person(PersonNo(7), 2026).unwrap(), (tag, new.clone()), "once, not each time");
    drop(ring);
    let ring = Keys::open(dir.path(), &master).unwrap();
    assert_eq!(ring.person(PersonNo(7), 2026).unwrap(), (tag, new.clone()), "also after a start");
    assert_eq!(ring.existing(PersonNo(7), 2026), [new.clone(), old.clone()]);
    assert_eq!((ring.key_of(&old_tag), ring.key_of(&tag)), (Some(old), Some(new)));
    assert_eq!(ring.tags(PersonNo(7)), [(2026, tag), (2026, old_tag)]);
    assert!(ring.shred(PersonNo(7), 2026).unwrap());
    for ring in [ring, Keys::open(dir.path(), &master).unwrap()] {
        assert_eq!((ring.key_of(&old_tag), ring.key_of(&tag)), (None, None));
        assert!(ring.existing(PersonNo(7), 2026).is_empty());
        assert_eq!(ring.by_tag(&other.0), Some((PersonNo(8), 2026)));
    }
}

#[test]
fn under_another_master_key_everything_stands_and_the_former_opens_nothing() {
    let (dir, master, ring) = made();
    let kept = ring.person(PersonNo(7), 2026).unwrap();
    ring.person(PersonNo(8), 2026).unwrap();
    ring.shred(PersonNo(8), 2026).unwrap();
    let view = ring.symmetric(Use::View).unwrap();
    let next = Key::random().unwrap();
    ring.rewrap(&next).unwrap();
    // It goes on at once, in the new file.
    let later = ring.person(PersonNo(9), DATA).unwrap();
    ring.person(PersonNo(10), 2026).unwrap();
    ring.shred(PersonNo(10), 2026).unwrap();
    drop(ring);
    assert!(matches!(Keys::open(dir.path(), &master), Err(KeyError::Unwrap(_))));
    assert!(!dir.path().join("people").exists());
    let ring = Keys::open(dir.path(), &next).unwrap();
    assert_eq!(ring.person(PersonNo(7), 2026).unwrap(), kept);
    assert_eq!(ring.person(PersonNo(9), DATA).unwrap(), later);
    assert!(ring.existing(PersonNo(8), 2026).is_empty() && ring.existing(PersonNo(10), 2026).is_empty());
    assert_eq!(ring.symmetric(Use::View).unwrap(), view);
    // And once more, over a file that an earlier try left half-written.
    std::fs::write(dir.path().join("people-3"), [7; 500]).unwrap();
    let third = Key::random().unwrap();
    ring.rewrap(&third).unwrap();
    drop(ring);
    assert_eq!(Keys::open(dir.path(), &third).unwrap().person(PersonNo(7), 2026).unwrap(), kept);
}

#[test]
fn files_of_keys_that_a_crash_left_are_swept_and_no_other() {
    let (dir, master, ring) = made();
    let kept = ring.person(PersonNo(7), 2026).unwrap();
    ring.rewrap(&master).unwrap();
    let live =
        std::fs::read_dir(dir.path()).unwrap().filter_map(|e| e.unwrap().file_name().into_string().ok());
    let live: Vec<String> = live.filter(|name| name.starts_with("people")).collect();
    assert_eq!(live.len(), 1);
    let others = ["people-x", "people-", "peoples", "my-people-3"];
    for name in ["people", "people-77"].iter().chain(&others) {
        std::fs::write(dir.path().join(name), [7; 500]).unwrap();
    }
    ring.sweep();
    for name in ["people", "people-77"] {
        assert!(!dir.path().join(name).exists(), "{name}");
    }
    for name in others.iter().copied().chain(live.iter().map(String::as_str)) {
        assert!(dir.path().join(name).exists(), "{name}");
    }
    drop(ring);
    assert_eq!(Keys::open(dir.path(), &master).unwrap().person(PersonNo(7), 2026).unwrap(), kept);
}

#[test]
fn keys_given_and_wiped_while_the_master_key_changes_are_not_lost_and_not_back() {
    let (dir, _, ring) = made();
    let first: Vec<_> = (0..3000).map(|n| ring.person(PersonNo(n), 2026).unwrap()).collect();
    let next = Key::random().unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let (given, wiped) = std::thread::scope(|scope| {
        let busy = scope.spawn(|| {
            let (mut given, mut wiped) = (Vec::new(), Vec::new());
            for n in 0.. {
                if stop.load(std::sync::atomic::Ordering::Relaxed) {
                    break;
                }
                given.push((PersonNo(10_000 + n), ring.person(PersonNo(10_000 + n), 2026).unwrap()));
                if n < 3000 && ring.shred(PersonNo(n), 2026).unwrap() {
                    wiped.push(PersonNo(n));
                }
            }
            (given, wiped)
        });
        for _ in 0..3 {
            ring.rewrap(&next).unwrap();
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        busy.join().unwrap()
    });
    assert!(!given.is_empty());
    drop(ring);
    let ring = Keys::open(dir.path(), &next).unwrap();
    for (person, known) in &given {
        assert_eq!(&ring.person(*person, 2026).unwrap(), known);
    }
    for (n, known) in (0..).zip(&first) {
        let there = !wiped.contains(&PersonNo(n));
        assert_eq!(ring.existing(PersonNo(n), 2026), if there { vec![known.1.clone()] } else { vec![] });
    }
}

#[test]
fn a_cold_ring_opens_what_it_has_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let master = Key::random().unwrap();
    let absent = dir.path().join("absent");
    assert!(matches!(Keys::read_only(&absent, &master), Err(KeyError::Io(..))));
    assert!(!absent.exists(), "nothing is made");
    let ring = Keys::open(dir.path(), &master).unwrap();
    let (tag, key) = ring.person(PersonNo(7), 2026).unwrap();
    drop(ring);
    let files = || {
        let read = |name: &str| std::fs::read(dir.path().join(name)).unwrap();
        (read("ring.json"), read("people"))
    };
    let before = files();
    let cold = Keys::read_only(dir.path(), &master).unwrap();
    assert_eq!(cold.key_of(&tag), Some(key.clone()));
    assert_eq!(cold.person(PersonNo(7), 2026).unwrap(), (tag, key));
    assert!(matches!(cold.person(PersonNo(8), 2026), Err(KeyError::Io(..))), "no right to write");
    assert!(cold.shred(PersonNo(7), 2026).is_err());
    assert_eq!(files(), before);
    std::fs::remove_file(dir.path().join("people")).unwrap();
    assert!(matches!(Keys::read_only(dir.path(), &master), Err(KeyError::Io(..))));
    assert!(!dir.path().join("people").exists());
}
