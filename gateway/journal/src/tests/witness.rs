//! Cosignatures to the letter of the C2SP pages, and every answer that a witness may give. The signature of the first test
//! was made by another program (python-cryptography) from the pages alone.

use super::{fill, keys, signer, small};
use crate::cosign::{Cosigned, Cosigner, WitnessKey};
use crate::note::{BadNote, Checkpoint, Signer, VerifierKey};
use crate::tree::{Hash, empty_root};
use crate::witness::{Refusal, Seen, Submission, body};
use proptest::prelude::*;
use std::sync::LazyLock;

/// RFC 8032 7.1, first key.
const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const VKEY: &str = "witness.example/w1+eb762cc2+BNdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";
/// The text of the example of c2sp.org/tlog-cosignature, at its moment.
const TEXT: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
const TIME: u64 = 1_679_315_147;
const LINE: &str = "\u{2014} witness.example/w1 63YswgAAAABkGFDL+TPmh4BYuAjsYRoqMJCWb/gWJaeRF/kmm5tlCr9sJ57DLErur7K0yDXc2ArN+TIuotuB/HbuL3AJsp3bv/aNCQ==\n";

fn cosigner() -> Cosigner {
    let seed = data_encoding::HEXLOWER.decode(SEED.as_bytes()).unwrap().try_into().unwrap();
    Cosigner::from_seed("witness.example/w1", &seed).unwrap()
}

#[test]
fn a_cosignature_is_the_one_that_another_program_makes() {
    assert_eq!(cosigner().key().to_string(), VKEY);
    assert_eq!(cosigner().cosign(TEXT, TIME), LINE);
    let key = WitnessKey::parse(VKEY).unwrap();
    let seen = Cosigned::open(&format!("{TEXT}\n{LINE}"), &key).unwrap();
    assert_eq!((seen.time, seen.checkpoint.size), (TIME, 20_852_163));
    // A witness on the public network, known by this key.
    WitnessKey::parse("remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2").unwrap();
}

#[test]
fn a_witness_s_key_is_no_log_s_key_nor_the_reverse() {
    assert_eq!(VerifierKey::parse(VKEY).unwrap_err(), BadNote::Key);
    let log = signer().verifier().to_string();
    assert_eq!(WitnessKey::parse(&log).unwrap_err(), BadNote::Key);
    for bent in [&VKEY.replace("eb76", "eb77"), &VKEY.replace("/w1", "/w2"), "w+1+AA==", ""] {
        assert!(WitnessKey::parse(bent).is_err(), "{bent}");
    }
}

#[test]
fn of_a_cosigned_note_no_byte_can_be_changed() {
    let note = format!("{TEXT}\n{LINE}");
    for at in 0..note.len() {
        for mask in [1, 2, 4, 8, 16, 32, 64, 128] {
            let mut bytes = note.clone().into_bytes();
            bytes[at] ^= mask;
            if let Ok(bent) = String::from_utf8(bytes) {
                assert!(Cosigned::open(&bent, cosigner().key()).is_err(), "byte {at}");
            }
        }
    }
}

#[test]
fn the_youngest_cosignature_counts_and_a_false_one_spoils_the_note() {
    let (older, newer) = (cosigner().cosign(TEXT, TIME - 60), cosigner().cosign(TEXT, TIME));
    let open = |lines: &str| Cosigned::open(&format!("{TEXT}\n{lines}"), cosigner().key());
    assert_eq!(open(&format!("{newer}{older}")).unwrap().time, TIME);
    let elsewhere = cosigner().cosign("a\n1\nAAAA\n", TIME);
    assert_eq!(open(&format!("{newer}{elsewhere}")).unwrap_err(), BadNote::Signature);
    let stranger = Cosigner::from_seed("witness.example/w2", &[3; 32]).unwrap();
    assert_eq!(open(&stranger.cosign(TEXT, TIME)).unwrap_err(), BadNote::Signature);
}

/// A log of so many records, and how it would hand in its head to who saw `old` of them.
struct Grown {
    _folder: tempfile::TempDir,
    log: crate::Log,
}

impl Grown {
    fn to(size: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = small(folder.path());
        fill(&log, 0, size);
        Self { _folder: folder, log }
    }

    fn seen(&self, size: u64) -> Seen {
        Seen { size, root: self.log.root_at(size).unwrap() }
    }

    fn body(&self, old: u64) -> String {
        let (proof, note) = self.log.consistency(old).unwrap();
        body(old, &proof, &note)
    }
}

/// As a witness answers that saw `last` and watches `origin` under the test's keys.
fn judge(body: &str, last: Seen) -> Result<String, Refusal> {
    let submission = Submission::read(body)?;
    if submission.origin() != signer().verifier().name() {
        return Err(Refusal::UnknownLog);
    }
    submission.is_signed_by(&keys())?;
    submission.continues(last)?;
    Ok(submission.cosign(&cosigner(), TIME))
}

#[test]
fn every_head_is_cosigned_from_every_one_before_it() {
    let log = Grown::to(40);
    for old in 0..=40 {
        let line = judge(&log.body(old), if old == 0 { Seen::NOTHING } else { log.seen(old) }).unwrap();
        let note = log.log.checkpoint() + &line;
        let seen = Cosigned::open(&note, cosigner().key()).unwrap();
        assert_eq!(seen.checkpoint, Checkpoint::open(&note, &keys()).unwrap());
    }
    assert_eq!(log.log.root_at(0).unwrap(), empty_root());
    assert!(log.log.root_at(41).is_err());
}

#[test]
fn each_refusal_has_its_status() {
    let log = Grown::to(20);
    #[track_caller]
    fn check(body: &str, last: Seen, refusal: Refusal, status: u16) {
        assert_eq!(judge(body, last).unwrap_err(), refusal, "{body}");
        assert_eq!(refusal.status(), status);
    }
    let good = log.body(7);
    judge(&good, log.seen(7)).unwrap();
    // 404, before anything about the log is told.
    check(&good.replace("sluis.example/test\n", "elsewhere\n"), log.seen(7), Refusal::UnknownLog, 404);
    // 403: bent, or signed by somebody who has only the name.
    check(&good.replace("\n20\n", "\n21\n"), log.seen(7), Refusal::Unsigned, 403);
    let thief = Signer::from_seed("sluis.example/test", &[8; 32]).unwrap();
    let head = Checkpoint::of_note(&log.log.checkpoint()).unwrap();
    let stolen = body(7, &[], &head.note(thief.verifier(), &thief.seal(&head)));
    check(&stolen, log.seen(7), Refusal::Unsigned, 403);
    // 400: older than the checkpoint itself, also when that is what was seen.
    let beyond = body(21, &[], &log.log.checkpoint());
    check(&beyond, Seen { size: 21, root: Hash([1; 32]) }, Refusal::Malformed, 400);
    // 409: another size was seen, or this size with another root.
    check(&good, log.seen(8), Refusal::Conflict(8), 409);
    check(&good, Seen::NOTHING, Refusal::Conflict(0), 409);
    check(&log.body(20), Seen { size: 20, root: Hash([1; 32]) }, Refusal::Conflict(20), 409);
    // 422: the right size and another history, a proof that is none, or one where none belongs.
    check(&good, Seen { size: 7, root: Hash([1; 32]) }, Refusal::Inconsistent, 422);
    check(&body(7, &[], &log.log.checkpoint()), log.seen(7), Refusal::Inconsistent, 422);
    check(&body(0, &[Hash([0; 32])], &log.log.checkpoint()), Seen::NOTHING, Refusal::Inconsistent, 422);
    check(&body(20, &[Hash([0; 32])], &log.log.checkpoint()), log.seen(20), Refusal::Inconsistent, 422);
}

#[test]
fn what_is_not_to_the_letter_is_malformed() {
    let log = Grown::to(20);
    let good = log.body(7);
    for bent in [
        "",
        "old 7",
        "old 7\n",
        "old 7\n\n",
        &good.replace("old 7", "old 07"),
        &good.replace("old 7", "old +7"),
        &good.replace("old 7", "old  7"),
        &good.replace("old 7", "old -7"),
        &good.replace("old 7", "Old 7"),
        &good.replace("old 7", "old 18446744073709551616"),
        &good.replace("old 7\n", "old 7\nAA==\n"),
        &good.replace("old 7\n", "old 7\n?\n"),
        &good.replace("old 7\n", "old 7\r\n"),
        good.trim_end(),
        &(good.clone() + "\n"),
        &good.replacen("old 7\n", &format!("old 7\n{}", "A".repeat(43) + "=\n").repeat(70), 1),
    ] {
        assert_eq!(Submission::read(bent).unwrap_err(), Refusal::Malformed, "{bent:?}");
    }
    let many = |lines: usize| {
        let line = "A".repeat(43) + "=\n";
        format!("old 7\n{}\n{}", line.repeat(lines), log.log.checkpoint())
    };
    assert!(Submission::read(&many(63)).is_ok());
    assert_eq!(Submission::read(&many(64)).unwrap_err(), Refusal::Malformed);
}

proptest! {
    #[test]
    fn whatever_is_handed_in_only_the_log_s_own_head_is_cosigned(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), "[ -~\n\u{2014}]{0,9}"), 0..4),
        old in 0_u64..22,
    ) {
        static LOG: LazyLock<Grown> = LazyLock::new(|| Grown::to(20));
        let mut body = LOG.body(old.min(20));
        for (from, to, instead) in cuts {
            let places: Vec<usize> = body.char_indices().map(|(at, _)| at).chain([body.len()]).collect();
            let (a, b) = (*from.get(&places), *to.get(&places));
            body.replace_range(a.min(b)..a.max(b), &instead);
        }
        let last = if old == 0 { Seen::NOTHING } else { LOG.seen(old.min(20)) };
        if let Ok(line) = judge(&body, last) {
            let note = LOG.log.checkpoint() + &line;
            prop_assert!(Cosigned::open(&note, cosigner().key()).is_ok(), "{}", body);
        }
    }
}

#[test]
fn lines_that_a_log_adds_are_covered_and_mean_nothing() {
    let head = Checkpoint { origin: "sluis.example/test".into(), size: 1, root: Hash([5; 32]) };
    let text = head.text() + "shard 4\n";
    // Signed as it stands: a checkpoint of ours never has such a line, so it is laid out by hand.
    let signed = |text: &str| {
        let seed: [u8; 32] = [7; 32];
        let pair = ring::signature::Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let key = signer().verifier().to_string();
        let id = data_encoding::HEXLOWER.decode(key.split('+').nth(1).unwrap().as_bytes()).unwrap();
        let bytes = [id, pair.sign(text.as_bytes()).as_ref().to_vec()].concat();
        let line = data_encoding::BASE64.encode(&bytes);
        format!("{text}\n\u{2014} sluis.example/test {line}\n")
    };
    let note = signed(&text);
    let line = judge(&body(0, &[], &note), Seen::NOTHING).unwrap();
    let seen = Cosigned::open(&format!("{note}{line}"), cosigner().key()).unwrap();
    assert_eq!(seen.checkpoint, head);
    let without = signed(&head.text());
    assert!(Cosigned::open(&format!("{without}{line}"), cosigner().key()).is_err());
    assert_eq!(Checkpoint::open(&note, &keys()).unwrap_err(), BadNote::Checkpoint, "none of ours");
}
