//! What somebody with the disk in his hands may do to a stopped folder, every checksum made good again: it is noticed, by a
//! start, by `audit verify` and by the doctor, and what a crash leaves is not taken for it.

use sluis_tests::World;
use std::fs;
use std::path::{Path, PathBuf};

/// A frame of a segment: kind (1 birth, 2 record, 3 seal), index, payload.
#[derive(Clone)]
pub(crate) struct Piece {
    pub(crate) kind: u8,
    pub(crate) index: u64,
    pub(crate) payload: Vec<u8>,
}

/// The only segment of a folder, as frames.
pub(crate) struct Segment {
    path: PathBuf,
    size: usize,
    pub(crate) pieces: Vec<Piece>,
}

fn check(word: [u8; 4], index: u64, payload: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(&word);
    crc.update(&index.to_le_bytes());
    crc.update(payload);
    crc.sum()
}

impl Segment {
    pub(crate) fn of(folder: &Path) -> Self {
        let path = folder.join("00000000000000000000.seg");
        let bytes = fs::read(&path).unwrap();
        let (mut at, mut pieces) = (0, Vec::new());
        while let Some(header) = bytes.get(at..at + 16) {
            let [a, b, c, kind, rest @ ..] = header else { panic!("sixteen bytes") };
            if !(1..=3).contains(kind) {
                break;
            }
            let length = u32::from_le_bytes([*a, *b, *c, 0]) as usize;
            let index = u64::from_le_bytes(rest[4..].try_into().unwrap());
            pieces.push(Piece { kind: *kind, index, payload: bytes[at + 16..at + 16 + length].to_vec() });
            at += 16 + length;
        }
        Self { path, size: bytes.len(), pieces }
    }

    /// Writes it back, every checksum made good.
    pub(crate) fn store(&self) {
        let mut out = Vec::new();
        for Piece { kind, index, payload } in &self.pieces {
            let [a, b, c, _] = u32::try_from(payload.len()).unwrap().to_le_bytes();
            let word = [a, b, c, *kind];
            out.extend_from_slice(&word);
            out.extend_from_slice(&check(word, *index, payload).to_le_bytes());
            out.extend_from_slice(&index.to_le_bytes());
            out.extend_from_slice(payload);
        }
        out.resize(self.size.max(out.len()), 0);
        fs::write(&self.path, out).unwrap();
    }

    /// Leaves out the last so many batches.
    pub(crate) fn cut(&mut self, batches: usize) {
        for _ in 0..batches {
            self.pieces.pop();
            while self.pieces.last().is_some_and(|piece| piece.kind == 2) {
                self.pieces.pop();
            }
        }
    }
}

/// A folder as it lies there, to be bent.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = (entry.as_ref().unwrap().path(), entry.unwrap().file_name());
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else if path.is_file() {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

/// A stopped folder.
struct Stopped {
    world: World,
    bent: tempfile::TempDir,
}

impl Stopped {
    fn after(what: impl FnOnce(&World)) -> Self {
        let world = World::fresh();
        what(&world);
        assert_eq!(world.terminate().0, 0);
        Self { world, bent: tempfile::tempdir().unwrap() }
    }

    /// A copy of it, bent.
    fn bend(&self, name: &str, bend: impl FnOnce(&Path)) -> PathBuf {
        let to = self.bent.path().join(name);
        copy(self.world.dir(), &to);
        bend(&to);
        to
    }
}

/// That neither a start nor a check of this folder passes over what was done to it.
#[track_caller]
fn noticed(dir: &Path, what: &str, words: &str) {
    let text = dir.to_str().unwrap();
    for command in [["audit", "verify"].as_slice(), &["doctor"]] {
        let run = sluis_tests::sluis(command.iter().copied().chain(["--dir", text]));
        assert_eq!(run.code, 1, "{what}: {command:?}: {}", run.stdout);
        assert!(run.stdout.contains(words), "{what}: {command:?}: {}", run.stdout);
    }
    let said = World::on(dir).err().unwrap_or_else(|| panic!("{what}: it starts"));
    assert!(said.contains(words), "{what}: {said}");
}

#[test]
fn a_withdrawal_is_not_undone_by_cutting_holdings() {
    let stopped = Stopped::after(|world| {
        let listed =
            world.sluis_with(["consent", "list", "--patient", "-", "--json"], world.bsn("kaya").as_bytes());
        let mut withdrawn = 0;
        for line in listed.ok().json_lines().iter().filter(|line| line["type"] == "permit") {
            let id = line["id"].as_str().unwrap();
            let args = ["consent", "withdraw", "--patient", "-", id];
            let _done = world.sluis_with(args, world.bsn("kaya").as_bytes()).ok();
            withdrawn += 1;
        }
        assert!(withdrawn > 2, "{withdrawn}");
    });
    let without_view = |dir: &Path| fs::remove_dir_all(dir.join("view")).unwrap();
    let holdings = |dir: &Path| Segment::of(&dir.join("holdings"));
    let words = "holdings: the change that it vouches for is missing, moved or altered";
    let cut = |dir: &Path| {
        let mut segment = holdings(dir);
        segment.cut(2);
        segment.store();
    };
    noticed(&stopped.bend("cut", cut), "cut beside its view", words);
    let bare = stopped.bend("cut-bare", |dir| {
        cut(dir);
        without_view(dir);
    });
    noticed(&bare, "cut without a view", words);
    let altered = stopped.bend("altered", |dir| {
        let mut segment = holdings(dir);
        let record = segment.pieces.iter_mut().rfind(|piece| piece.kind == 2).unwrap();
        *record.payload.last_mut().unwrap() ^= 1;
        segment.store();
        without_view(dir);
    });
    noticed(&altered, "altered", words);
    // The permit once more behind its withdrawal, and two changes in each other's place.
    let swapped = stopped.bend("swapped", |dir| {
        let mut segment = holdings(dir);
        let records: Vec<_> = (0..segment.pieces.len()).filter(|n| segment.pieces[*n].kind == 2).collect();
        let [.., one, two] = records[..] else { panic!("two records") };
        let payload = segment.pieces[one].payload.clone();
        segment.pieces[one].payload = std::mem::replace(&mut segment.pieces[two].payload, payload);
        segment.store();
        without_view(dir);
    });
    noticed(&swapped, "swapped", words);
    // A crash between both syncs leaves a change that no record names: it never happened, and is no alarm.
    let leftover = stopped.bend("leftover", |dir| {
        let mut segment = holdings(dir);
        let last = segment.pieces.iter().rfind(|piece| piece.kind == 2).unwrap().clone();
        let next = last.index + 1;
        segment.pieces.push(Piece { index: next, ..last });
        segment.pieces.push(Piece { kind: 3, index: next + 1, payload: Vec::new() });
        segment.store();
        without_view(dir);
    });
    let again = World::on(&leftover).unwrap();
    again.verify();
    assert_eq!(again.sluis(["doctor"]).ok().code, 0);
}

#[test]
fn damage_that_the_view_saw_whole_is_not_cleared_as_a_torn_tail() {
    let stopped = Stopped::after(|_| {});
    for name in ["with-view", "without"] {
        let bent = stopped.bend(name, |dir| {
            let path = dir.join("holdings/00000000000000000000.seg");
            let mut bytes = fs::read(&path).unwrap();
            // In the last record: what a crash would leave looks no different.
            let end = bytes.iter().rposition(|b| *b != 0).unwrap();
            bytes[end - 40] ^= 1;
            fs::write(&path, bytes).unwrap();
            if name == "without" {
                fs::remove_dir_all(dir.join("view")).unwrap();
            }
        });
        let before = fs::read(bent.join("holdings/00000000000000000000.seg")).unwrap();
        let said = World::on(&bent).err().expect("it does not start");
        assert!(said.contains("keep this folder as it is"), "{said}");
        let after = fs::read(bent.join("holdings/00000000000000000000.seg")).unwrap();
        assert!(before == after, "{name}: nothing was cleared");
    }
}

/// Wipes the slots of a year as nobody may: without a word in the journal.
fn wipe(dir: &Path, year: u16, but: usize) {
    let path = dir.join("keys/people");
    let mut bytes = fs::read(&path).unwrap();
    let of_year = |slot: &&mut [u8]| slot[12..14] == year.to_be_bytes();
    let wiped = bytes.chunks_exact_mut(96).filter(of_year).skip(but).map(|slot| slot.fill(0)).count();
    assert!(wiped > 0);
    fs::write(path, bytes).unwrap();
}

#[test]
fn wiped_keys_are_no_forgetting_unless_the_journal_says_so() {
    let stopped = Stopped::after(|world| {
        let _answer = world.staff("linden", "gp-own").summary("kaya").ok();
    });
    let words = "its key is gone, and no record says that it was forgotten";
    noticed(&stopped.bend("wiped", |dir| wipe(dir, 2026, 0)), "wiped beside a view", words);
    noticed(&stopped.bend("one-left", |dir| wipe(dir, 2026, 1)), "all but one", words);
    let bare = stopped.bend("wiped-bare", |dir| {
        wipe(dir, 2026, 0);
        fs::remove_dir_all(dir.join("view")).unwrap();
    });
    noticed(&bare, "wiped without a view", words);
    // A valid slot in the place of another leaves their number as it was.
    let doubled = stopped.bend("doubled", |dir| {
        let path = dir.join("keys/people");
        let mut bytes = fs::read(&path).unwrap();
        let of_year = |n: &usize| bytes[n * 96 + 12..n * 96 + 14] == 2026_u16.to_be_bytes();
        let slots: Vec<_> = (0..bytes.len() / 96).filter(of_year).collect();
        let from = slots[0] * 96;
        bytes.copy_within(from..from + 96, slots[1] * 96);
        fs::write(path, bytes).unwrap();
    });
    noticed(&doubled, "a slot over another", words);
    // The keys that seal holdings are never wiped.
    let data = stopped.bend("data", |dir| {
        wipe(dir, 0, 0);
        fs::remove_dir_all(dir.join("view")).unwrap();
    });
    assert!(World::on(&data).is_err(), "changes that no key opens");
}

#[test]
fn forgetting_on_purpose_is_no_alarm_and_wiping_more_is() {
    let stopped = Stopped::after(|world| {
        let linden = world.staff("linden", "gp-own");
        let _old = linden.summary("kaya").ok();
        let hold = world.sluis_with(["retention", "hold", "--patient", "-"], world.bsn("jansen").as_bytes());
        let _old = (hold.ok(), linden.summary("jansen").ok());
        world.advance(6 * 366 * 86_400);
        let ran = world.sluis(["retention", "run", "--json"]).ok().json();
        assert!(ran["forgotten"].as_u64().unwrap() > 1 && ran["held"] == 1, "{ran}");
        world.verify();
    });
    for name in ["as-it-is", "without"] {
        let whole = stopped.bend(name, |dir| {
            if name == "without" {
                fs::remove_dir_all(dir.join("view")).unwrap();
            }
        });
        let again = World::on(&whole).unwrap_or_else(|e| panic!("{name}: {e}"));
        again.verify();
        let _well = again.sluis(["doctor"]).ok();
    }
    // What was held back is of the same year, and was not forgotten.
    let words = "its key is gone, and no record says that it was forgotten";
    noticed(&stopped.bend("held", |dir| wipe(dir, 2026, 0)), "held, and wiped", words);
}

#[test]
fn a_backup_with_keys_of_before_does_not_pass_for_one_with_forgotten_persons() {
    let world = World::fresh();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let backup = |name: &str| {
        let keys = path(&format!("{name}.keys"));
        let _made = world.sluis(["backup", "--to", &path(name), "--keys-to", &keys]).ok();
    };
    backup("early");
    world.advance(400 * 86_400);
    let _younger = world.staff("linden", "gp-own").summary("kaya");
    backup("late");
    let master = world.dir().join("keys/master.key");
    let restore = |data: &str, keys: &str| {
        let (data, keys, master) = (path(data), path(keys), master.to_str().unwrap().to_owned());
        let args = ["restore", "--from", &data, "--keys-from", &keys, "--master-key", &master, "--verify"];
        sluis_tests::sluis(args)
    };
    let _whole = restore("late", "late.keys").ok();
    let older = restore("late", "early.keys");
    assert_eq!(older.code, 1, "{}", older.stdout);
    assert!(older.stderr.contains("no record says that it was forgotten"), "{}", older.stderr);
}

/// Rolls the journal back by some batches, as anybody can: its checkpoint is made of a seal.
fn roll_back(dir: &Path, batches: usize) -> u64 {
    use data_encoding::BASE64;
    let mut segment = Segment::of(&dir.join("journal"));
    segment.cut(batches);
    segment.store();
    let seal = segment.pieces.last().unwrap();
    let note = fs::read_to_string(dir.join("journal/checkpoint")).unwrap();
    let origin = note.lines().next().unwrap();
    let signed = BASE64.decode(note.trim_end().rsplit(' ').next().unwrap().as_bytes()).unwrap();
    let signature = BASE64.encode(&[&signed[..4], &seal.payload[32..96]].concat());
    let root = BASE64.encode(&seal.payload[..32]);
    let older = format!("{origin}\n{}\n{root}\n\n\u{2014} {origin} {signature}\n", seal.index);
    fs::write(dir.join("journal/checkpoint"), older).unwrap();
    let tiles = fs::read(dir.join("journal/tile/0")).unwrap();
    fs::write(dir.join("journal/tile/0"), &tiles[..32 * usize::try_from(seal.index).unwrap()]).unwrap();
    seal.index
}

#[test]
fn a_journal_put_back_to_before_what_was_seen_answers_nothing_until_an_operator_knows() {
    let stopped = Stopped::after(|world| {
        let linden = world.staff("linden", "gp-own");
        (0..6).for_each(|_| drop(linden.summary("kaya").ok()));
    });
    let mut here = 0;
    let rolled = stopped.bend("rolled", |dir| here = roll_back(dir, 5));
    let cold = sluis_tests::sluis(["audit", "verify", "--dir", rolled.to_str().unwrap()]).ok();
    assert!(cold.stdout.starts_with(&format!("{here} records")), "alone it is content: {}", cold.stdout);
    // Also a kill in between, and a view built anew, do not forget it.
    World::on(&rolled).unwrap().kill();
    let world = World::on(&rolled).unwrap();
    assert_ne!(world.sluis(["participant", "suspend", "buurtnetwerk-samen"]).code, 0);
    let _built = world.sluis(["rebuild-view"]);
    world.kill();
    let world = World::on(&rolled).unwrap();
    let (status, said) = world.management("/readyz");
    assert_eq!(status, 503, "{said}");
    let seen = here + 5;
    assert!(said.contains("records") && said.contains("acknowledge-gap"), "{said}");
    let asked = world.staff("linden", "gp-own").ask_token();
    assert_eq!((asked.status, asked.code().as_str()), (503, "audit-unavailable"));
    let acknowledge = |seen: u64| world.sluis(["audit", "acknowledge-gap", "--witnessed", &seen.to_string()]);
    assert_eq!(acknowledge(seen + 1000).code, 1);
    let named = said.rsplit("--witnessed ").next().unwrap();
    let named: String = named.chars().take_while(char::is_ascii_digit).collect();
    assert!(named.parse::<u64>().unwrap() >= seen, "{said}");
    let _known = acknowledge(named.parse().unwrap()).ok();
    assert_eq!(world.management("/readyz").0, 200);
    let _answer = world.staff("linden", "gp-own").summary("kaya").ok();
    let dump = world.dump();
    assert!(
        dump[usize::try_from(here).unwrap()]["event"].to_string().contains("seen-size"),
        "it is recorded first"
    );
    world.verify();
    assert_eq!(world.terminate().0, 0);
    assert_eq!(World::on(&rolled).unwrap().management("/readyz").0, 200, "once");
}

#[test]
fn another_history_in_the_place_of_the_one_that_was_seen_is_noticed() {
    let stopped = Stopped::after(|world| {
        let linden = world.staff("linden", "gp-own");
        (0..3).for_each(|_| drop(linden.summary("kaya").ok()));
    });
    // The past taken elsewhere and grown beyond what was seen: longer, and signed by the same key.
    let forked = stopped.bend("forked", |dir| {
        roll_back(dir, 4);
        fs::remove_dir_all(dir.join("view")).unwrap();
    });
    let grown = World::on(&forked).unwrap();
    let linden = grown.staff("linden", "gp-own");
    (0..6).for_each(|_| drop(linden.summary("jansen").ok()));
    assert_eq!(grown.terminate().0, 0);
    let swapped = stopped.bend("swapped-history", |dir| {
        fs::remove_dir_all(dir.join("journal")).unwrap();
        copy(&forked.join("journal"), &dir.join("journal"));
        fs::remove_dir_all(dir.join("keys")).unwrap();
        copy(&forked.join("keys"), &dir.join("keys"));
    });
    let world = World::on(&swapped).unwrap();
    let (status, said) = world.management("/readyz");
    assert!(status == 503 && said.contains("acknowledge-gap"), "{said}");
}
