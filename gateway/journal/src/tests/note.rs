//! Notes and checkpoints against the examples of the C2SP pages, and strict reading.

use super::signer;
use crate::note::{BadNote, Checkpoint, SignedNote, Signer, VerifierKey};
use crate::tree::leaf_hash;

/// The example checkpoint of c2sp.org/tlog-checkpoint.
const EXAMPLE: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";

fn head(size: u64) -> Checkpoint {
    Checkpoint { origin: signer().verifier().name().to_owned(), size, root: leaf_hash(b"x") }
}

fn signed(head: &Checkpoint, signer: &Signer) -> String {
    head.note(signer.verifier(), &signer.seal(head))
}

#[test]
fn the_specification_s_example_has_the_form_but_not_our_trust() {
    SignedNote::parse(EXAMPLE).unwrap();
    let stranger = VerifierKey::new("example.com/behind-the-sofa", [1; 32]).unwrap();
    assert_eq!(Checkpoint::open(EXAMPLE, &[stranger]).unwrap_err(), BadNote::Signature);
}

#[test]
fn the_key_hash_of_a_known_key_is_the_known_one() {
    // golang.org/x/mod/sumdb/note: the verifier key of its documentation.
    let known = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    assert_eq!(VerifierKey::parse(known).unwrap().to_string(), known);
    for bent in [
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeuman+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+AhpC2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3",
        "",
    ] {
        assert!(VerifierKey::parse(bent).is_err(), "{bent}");
    }
}

#[test]
fn a_known_note_of_another_implementation_is_accepted() {
    // The signed example of golang.org/x/mod/sumdb/note; its text is no checkpoint, which is found out only after.
    let note = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    let key =
        VerifierKey::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").unwrap();
    assert_eq!(SignedNote::parse(note).unwrap().known(std::slice::from_ref(&key)).unwrap(), vec![&key]);
    let bent = note.replace("problem,", "problem;");
    assert_eq!(SignedNote::parse(&bent).unwrap().known(&[key]).unwrap_err(), BadNote::Signature);
}

#[test]
fn what_is_signed_opens_and_every_other_byte_does_not() {
    let key = [signer().verifier().clone()];
    let note = signed(&head(123), &signer());
    assert_eq!(Checkpoint::open(&note, &key).unwrap(), head(123));
    for at in 0..note.len() {
        for mask in [1, 2, 4, 8, 16, 32, 64, 128] {
            let mut bytes = note.clone().into_bytes();
            bytes[at] ^= mask;
            if let Ok(bent) = String::from_utf8(bytes) {
                assert!(Checkpoint::open(&bent, &key).is_err(), "byte {at}");
            }
        }
    }
}

#[test]
fn cosignatures_of_strangers_are_passed_over_and_false_ones_of_friends_are_not() {
    let witness = Signer::from_seed("witness.example/w", &[9; 32]).unwrap();
    let note = signed(&head(5), &signer());
    let line = signed(&head(5), &witness).lines().last().unwrap().to_owned();
    let cosigned = format!("{note}{line}\n");
    let ours = signer().verifier().clone();
    assert_eq!(Checkpoint::open(&cosigned, std::slice::from_ref(&ours)).unwrap(), head(5));
    let both = [ours, witness.verifier().clone()];
    assert_eq!(Checkpoint::open(&cosigned, &both).unwrap(), head(5));
    let false_line = signed(&head(6), &witness).lines().last().unwrap().to_owned();
    assert_eq!(Checkpoint::open(&format!("{note}{false_line}\n"), &both).unwrap_err(), BadNote::Signature);
    // A witness alone does not speak for the log.
    let alone = signed(&head(5), &witness);
    assert_eq!(Checkpoint::open(&alone, &both).unwrap_err(), BadNote::Origin);
}

#[test]
fn a_checkpoint_is_read_to_the_letter() {
    let key = [signer().verifier().clone()];
    let sign = |text: &str| {
        let line = signed(&head(1), &signer());
        line.replace(&head(1).text(), text)
    };
    for text in ["a\n1\n", "a\n01\nAA==\n", "a\n+1\nAA==\n", "\n1\nAA==\n", "a\n1\nAA==\nextension\n"] {
        assert!(Checkpoint::open(&sign(text), &key).is_err(), "{text:?}");
    }
    for name in ["", "a b", "a+b", "a\u{a0}b", &"a".repeat(101)] {
        assert!(Signer::from_seed(name, &[1; 32]).is_err(), "{name:?}");
    }
}
