//! A verifier of its own for what `audit prove` prints: RFC 6962 with SHA-256, and a C2SP signed note with Ed25519.
//! Written from the specifications, without the program's code.

use data_encoding::BASE64;
use ring::digest::{SHA256, digest};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::Value;

/// Checks one proof with the log's verifier key alone.
///
/// # Errors
/// What does not hold.
pub fn check(proof: &Value, verifier_key: &str) -> Result<(), String> {
    let number = |name: &str| proof[name].as_u64().ok_or(format!("no {name}"));
    let bytes = |value: &Value| {
        let text = value.as_str().ok_or("no text")?;
        BASE64.decode(text.as_bytes()).map_err(|e| e.to_string())
    };
    let (index, size) = (number("index")?, number("size")?);
    let leaf = bytes(&proof["leaf"])?;
    let leaf_hash = leaf_hash(&leaf);
    if bytes(&proof["leaf_hash"])? != leaf_hash {
        return Err("leaf_hash is not the hash of leaf".into());
    }
    let path: Vec<Vec<u8>> =
        proof["path"].as_array().ok_or("no path")?.iter().map(bytes).collect::<Result<_, _>>()?;
    let root = root(index, size, &leaf_hash, &path).ok_or("the path does not fit index and size")?;
    let checkpoint = proof["checkpoint"].as_str().ok_or("no checkpoint")?;
    let (signed_size, signed_root) = open(checkpoint, verifier_key)?;
    if signed_size != size {
        return Err(format!("the checkpoint speaks of {signed_size} records, the proof of {size}"));
    }
    if signed_root != root {
        return Err("the path leads to another root than the signed one".into());
    }
    Ok(())
}

/// RFC 6962 2.1: hash of a leaf.
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Vec<u8> {
    hash(&[&[0], leaf])
}

fn hash(parts: &[&[u8]]) -> Vec<u8> {
    digest(&SHA256, &parts.concat()).as_ref().to_vec()
}

/// RFC 9162 2.1.3.2: the root that an inclusion path leads to.
#[must_use]
pub fn root(index: u64, size: u64, leaf: &[u8], path: &[Vec<u8>]) -> Option<Vec<u8>> {
    if index >= size {
        return None;
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hashed = leaf.to_vec();
    for beside in path {
        if last == 0 {
            return None;
        }
        if node & 1 == 1 || node == last {
            hashed = hash(&[&[1], beside, &hashed]);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hashed = hash(&[&[1], &hashed, beside]);
        }
        node >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(hashed)
}

/// Root of a whole tree, from its leaf hashes (RFC 6962 2.1).
#[must_use]
pub fn tree(leaves: &[Vec<u8>]) -> Vec<u8> {
    match leaves {
        [] => hash(&[]),
        [one] => one.clone(),
        _ => {
            let split = leaves.len().next_power_of_two() / 2;
            hash(&[&[1], &tree(&leaves[..split]), &tree(&leaves[split..])])
        }
    }
}

/// Opens a checkpoint: its size and root, when the signature holds.
///
/// # Errors
/// What does not hold.
pub fn open(note: &str, verifier_key: &str) -> Result<(u64, Vec<u8>), String> {
    let (text, signatures) = note.split_once("\n\n").ok_or("no signed note")?;
    let text = format!("{text}\n");
    let (key, signature) = signed_by(signatures, verifier_key, 1)?;
    UnparsedPublicKey::new(&ED25519, key)
        .verify(text.as_bytes(), &signature)
        .map_err(|_| "the signature does not hold")?;
    let mut lines = text.lines();
    let _origin = lines.next().ok_or("no origin")?;
    let size = lines.next().and_then(|l| l.parse().ok()).ok_or("no size")?;
    let root = BASE64.decode(lines.next().ok_or("no root")?.as_bytes()).map_err(|e| e.to_string())?;
    Ok((size, root))
}

/// When a witness cosigned this note, in seconds since 1970, if its cosignature holds (c2sp.org/tlog-cosignature).
///
/// # Errors
/// What does not hold.
pub fn cosigned(note: &str, witness_key: &str) -> Result<u64, String> {
    let (text, signatures) = note.split_once("\n\n").ok_or("no signed note")?;
    let (key, stamped) = signed_by(signatures, witness_key, 4)?;
    let (time, signature) = stamped.split_first_chunk::<8>().ok_or("no moment")?;
    let time = u64::from_be_bytes(*time);
    UnparsedPublicKey::new(&ED25519, key)
        .verify(format!("cosignature/v1\ntime {time}\n{text}\n").as_bytes(), signature)
        .map_err(|_| "the cosignature does not hold")?;
    Ok(time)
}

/// The key of a verifier key of this type, and what it put under a note.
fn signed_by(signatures: &str, verifier_key: &str, kind: u8) -> Result<(Vec<u8>, Vec<u8>), String> {
    // C2SP signed-note: <name>+<hash of name and key, hex>+<base64 of type byte and key>; base64 may hold `+` too.
    let mut parts = verifier_key.splitn(3, '+');
    let (name, id, key) = match (parts.next(), parts.next(), parts.next()) {
        (Some(name), Some(id), Some(key)) => (name, id, key),
        _ => return Err("no verifier key".into()),
    };
    let key = BASE64.decode(key.as_bytes()).map_err(|e| e.to_string())?;
    let expected_id = &hash(&[name.as_bytes(), b"\n", &key])[..4];
    if data_encoding::HEXLOWER.encode(expected_id) != id {
        return Err("the verifier key's id is not its hash".into());
    }
    if key.first() != Some(&kind) {
        return Err(format!("no key of type {kind}"));
    }
    // Several keys may have one name: a line is a key's by name and id.
    let lines = signatures.lines().filter_map(|line| line.strip_prefix("\u{2014} ")?.split_once(' '));
    let signed = lines.filter(|(signer, _)| *signer == name).map(|(_, signature)| {
        let signature = BASE64.decode(signature.as_bytes()).map_err(|e| e.to_string())?;
        let (id, signature) = signature.split_at_checked(4).ok_or("no signature")?;
        Ok((id == expected_id).then(|| signature.to_vec()))
    });
    let signed = signed.collect::<Result<Vec<_>, String>>()?;
    let signature = signed.into_iter().flatten().next().ok_or("not signed by this key")?;
    Ok((key[1..].to_vec(), signature))
}

/// RFC 6962 2.1.2: that the tree of these leaf hashes begins with its first `old`.
#[must_use]
pub fn consistency(old: usize, leaves: &[Vec<u8>]) -> Vec<Vec<u8>> {
    fn part(old: usize, leaves: &[Vec<u8>], whole: bool) -> Vec<Vec<u8>> {
        if old == leaves.len() {
            return if whole { Vec::new() } else { vec![tree(leaves)] };
        }
        let split = leaves.len().next_power_of_two() / 2;
        let (left, right) = leaves.split_at(split);
        let (mut proof, beside) = if old <= split {
            (part(old, left, whole), tree(right))
        } else {
            (part(old - split, right, false), tree(left))
        };
        proof.push(beside);
        proof
    }
    part(old, leaves, true)
}
