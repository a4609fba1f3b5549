//! RFC 6962 Merkle trees over SHA-256: hashing, the right edge that an append needs, and proofs with their checks.
//! Pure: where hashes are kept is `tiles`' affair.

use ring::digest::{Context, SHA256};
use std::fmt;

/// A SHA-256 hash: of a leaf, of an inner node, or a root.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Hash(pub [u8; 32]);

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::BASE64.encode(&self.0))
    }
}

fn digest(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut hash = [0; 32];
    for (to, from) in hash.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    Hash(hash)
}

/// Plain SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Hash {
    digest(&[bytes])
}

/// Hash of a leaf (RFC 6962 2.1: prefix 0x00).
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    digest(&[&[0], leaf])
}

/// Hash of an inner node (RFC 6962 2.1: prefix 0x01).
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    digest(&[&[1], &left.0, &right.0])
}

/// Root of the tree without leaves.
#[must_use]
pub fn empty_root() -> Hash {
    digest(&[])
}

/// The complete subtrees of a tree of some size, tallest first: all that an append and a root need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peaks {
    size: u64,
    peaks: Vec<Hash>,
}

impl Peaks {
    /// A right edge from its subtrees, tallest first; one for each bit set in `size`, otherwise nothing.
    #[must_use]
    pub fn from_parts(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (u64::from(size.count_ones()) == peaks.len() as u64).then_some(Self { size, peaks })
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds the next leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The root of the tree so far.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut from_right = self.peaks.iter().rev();
        let Some(last) = from_right.next() else { return empty_root() };
        from_right.fold(*last, |right, left| node_hash(left, &right))
    }
}

/// Where the complete subtree of 2^`height` leaves with this place among its equals can be read.
/// `Err` when it is out of reach.
pub trait Nodes {
    /// Why a node cannot be had.
    type Error;
    /// Hash of the complete subtree over leaves `place << height ..(place + 1) << height`.
    ///
    /// # Errors
    /// When the node cannot be had.
    fn node(&self, height: u32, place: u64) -> Result<Hash, Self::Error>;
}

/// Root of leaves `from..to` (RFC 6962 MTH), from complete subtrees. `from` must be aligned as RFC 6962 splits.
///
/// # Errors
/// As [`Nodes::node`].
pub fn range_root<N: Nodes>(nodes: &N, from: u64, to: u64) -> Result<Hash, N::Error> {
    let mut subtrees = Vec::new();
    let mut start = from;
    while start < to {
        let height = (to - start).ilog2();
        subtrees.push(nodes.node(height, start >> height)?);
        start += 1 << height;
    }
    let mut from_right = subtrees.iter().rev();
    let Some(last) = from_right.next() else { return Ok(empty_root()) };
    Ok(from_right.fold(*last, |right, left| node_hash(left, &right)))
}

/// The largest power of two below `n` (`n` above 1).
fn split(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}

/// Inclusion path of leaf `index` in the tree of `size` leaves, leaf side first (RFC 6962 2.1.1). `index` below `size`.
///
/// # Errors
/// As [`Nodes::node`].
pub fn inclusion<N: Nodes>(nodes: &N, index: u64, size: u64) -> Result<Vec<Hash>, N::Error> {
    let (mut from, mut to) = (0, size);
    let mut path = Vec::new();
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            path.push(range_root(nodes, middle, to)?);
            to = middle;
        } else {
            path.push(range_root(nodes, from, middle)?);
            from = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// Consistency proof from the tree of `old` to that of `size` leaves (RFC 6962 2.1.2). `old` at most `size`.
///
/// # Errors
/// As [`Nodes::node`].
pub fn consistency<N: Nodes>(nodes: &N, old: u64, size: u64) -> Result<Vec<Hash>, N::Error> {
    let mut proof = Vec::new();
    if old == 0 || old == size {
        return Ok(proof);
    }
    let (mut from, mut to, mut whole) = (0, size, true);
    while old != to {
        let middle = from + split(to - from);
        if old <= middle {
            proof.push(range_root(nodes, middle, to)?);
            to = middle;
        } else {
            proof.push(range_root(nodes, from, middle)?);
            from = middle;
            whole = false;
        }
    }
    if !whole {
        proof.push(range_root(nodes, from, to)?);
    }
    proof.reverse();
    Ok(proof)
}

/// The root that an inclusion path leads to (RFC 9162 2.1.3.2), or nothing when the path does not fit the tree.
#[must_use]
pub fn root_by_inclusion(index: u64, size: u64, leaf: Hash, path: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut place, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in path {
        if last == 0 {
            return None;
        }
        if place & 1 == 1 || place == last {
            hash = node_hash(sibling, &hash);
            let skip = if place & 1 == 1 { 0 } else { place.trailing_zeros() };
            place >>= skip;
            last >>= skip;
        } else {
            hash = node_hash(&hash, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(hash)
}

/// Whether `proof` shows that the tree of `size` leaves and `root` begins with that of `old` leaves and `old_root`
/// (RFC 9162 2.1.4.2).
#[must_use]
pub fn is_consistent(old: u64, old_root: &Hash, size: u64, root: &Hash, proof: &[Hash]) -> bool {
    if old == size {
        return proof.is_empty() && old_root == root;
    }
    if old == 0 {
        return proof.is_empty() && *old_root == empty_root();
    }
    if old > size {
        return false;
    }
    let mut rest = proof.iter();
    let first = if old.is_power_of_two() { Some(old_root) } else { rest.next() };
    let Some(first) = first else { return false };
    let skip = (old - 1).trailing_ones();
    let (mut place, mut last) = ((old - 1) >> skip, (size - 1) >> skip);
    let (mut older, mut newer) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            older = node_hash(sibling, &older);
            newer = node_hash(sibling, &newer);
            let skip = if place & 1 == 1 { 0 } else { place.trailing_zeros() };
            place >>= skip;
            last >>= skip;
        } else {
            newer = node_hash(&newer, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    last == 0 && older == *old_root && newer == *root
}
