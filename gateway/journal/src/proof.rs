//! Proofs for outsiders: that a record stands in a checkpoint's tree, and that a tree continues an older one.
//! Their form is fixed by the contract; they can be checked with SHA-256 and the verifier key alone.

use crate::error::ReadError;
use crate::note::Checkpoint;
use crate::records::Records;
use crate::tiles::TileFiles;
use crate::tree::{self, Hash};
use data_encoding::BASE64;
use serde::{Serialize, Serializer};
use std::fmt;

/// That a record stands at an index of the tree that a checkpoint speaks of. Serialises as the contract says: base64
/// for bytes and hashes.
#[derive(Clone, Serialize)]
pub struct Proof {
    /// The record's index.
    pub index: u64,
    /// The tree's number of leaves.
    pub size: u64,
    /// The stored record.
    #[serde(serialize_with = "base64")]
    pub leaf: Vec<u8>,
    /// Its hash.
    #[serde(serialize_with = "base64_hash")]
    pub leaf_hash: Hash,
    /// Sibling hashes, leaf side first.
    #[serde(serialize_with = "base64_list")]
    pub path: Vec<Hash>,
    /// The signed note.
    pub checkpoint: String,
}

impl fmt::Debug for Proof {
    /// Without the leaf: what is recorded is personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proof").field("index", &self.index).field("size", &self.size).finish_non_exhaustive()
    }
}

impl Proof {
    /// The root that this proof leads to; nothing when it leads nowhere.
    #[must_use]
    pub fn root(&self) -> Option<Hash> {
        let leaf = tree::leaf_hash(&self.leaf);
        (leaf == self.leaf_hash).then_some(())?;
        tree::root_by_inclusion(self.index, self.size, leaf, &self.path)
    }
}

/// Makes a proof, and checks that it leads to the root that `checkpoint` names.
pub(crate) fn prove(
    records: &Records,
    tiles: &TileFiles,
    index: u64,
    size: u64,
    checkpoint: String,
) -> Result<Proof, ReadError> {
    if index >= size {
        return Err(ReadError::Absent);
    }
    let leaf = records.read(index)?;
    let leaf_hash = tree::leaf_hash(&leaf);
    let path = tree::inclusion(tiles, index, size)?;
    let proof = Proof { index, size, leaf, leaf_hash, path, checkpoint };
    // A record or a tile that was bent leads elsewhere: such a proof would be handed out as if it proved something.
    let signed = Checkpoint::of_note(&proof.checkpoint).ok().filter(|head| head.size == size);
    let leads = signed.is_some_and(|head| proof.root() == Some(head.root));
    leads
        .then_some(proof)
        .ok_or(ReadError::Broken { index, fault: "record and tree do not lead to the checkpoint's root" })
}

pub(crate) fn consistency(tiles: &TileFiles, old: u64, size: u64) -> Result<Vec<Hash>, ReadError> {
    if old > size {
        return Err(ReadError::Absent);
    }
    Ok(tree::consistency(tiles, old, size)?)
}

fn base64<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&BASE64.encode(bytes))
}

fn base64_hash<S: Serializer>(hash: &Hash, to: S) -> Result<S::Ok, S::Error> {
    base64(&hash.0, to)
}

fn base64_list<S: Serializer>(hashes: &[Hash], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(hashes.iter().map(|hash| BASE64.encode(&hash.0)))
}
