//! The tree against RFC 6962's known roots, an independent implementation, and every pair of small sizes.

use crate::tree::{
    Hash, Nodes, Peaks, consistency, empty_root, inclusion, is_consistent, leaf_hash, node_hash,
};
use crate::tree::{range_root, root_by_inclusion};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use data_encoding::HEXLOWER;
use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};
use sha2::Sha256;
use std::convert::Infallible;

/// Leaves in memory; any node by hashing.
struct Leaves(Vec<Hash>);

impl Nodes for Leaves {
    type Error = Infallible;

    fn node(&self, height: u32, place: u64) -> Result<Hash, Infallible> {
        let from = usize::try_from(place << height).unwrap();
        Ok(match height {
            0 => self.0[from],
            _ => node_hash(&self.node(height - 1, place * 2)?, &self.node(height - 1, place * 2 + 1)?),
        })
    }
}

fn leaves(n: u64) -> Leaves {
    Leaves((0..n).map(|n| leaf_hash(&n.to_be_bytes())).collect())
}

fn root(leaves: &Leaves, size: u64) -> Hash {
    range_root(leaves, 0, size).unwrap()
}

#[test]
fn the_known_tree_of_rfc_6962_has_the_known_roots() {
    let inputs =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(HEXLOWER.encode(&empty_root().0), empty);
    let mut peaks = Peaks::default();
    for (input, root) in inputs.iter().zip(roots) {
        peaks.push(leaf_hash(&HEXLOWER.decode(input.as_bytes()).unwrap()));
        assert_eq!(HEXLOWER.encode(&peaks.root().0), root);
    }
}

#[test]
fn every_inclusion_proof_of_every_small_tree_holds_and_bends_nowhere() {
    let leaves = leaves(200);
    for size in 1..=200 {
        let root = root(&leaves, size);
        for index in 0..size {
            let leaf = leaves.0[usize::try_from(index).unwrap()];
            let path = inclusion(&leaves, index, size).unwrap();
            assert_eq!(root_by_inclusion(index, size, leaf, &path), Some(root));
            assert_ne!(
                root_by_inclusion((index + 1) % size, size, leaf, &path),
                Some(root).filter(|_| size > 1)
            );
            let longer = [path.as_slice(), &[leaf]].concat();
            assert_eq!(root_by_inclusion(index, size, leaf, &longer), None);
        }
        assert_eq!(root_by_inclusion(size, size, leaves.0[0], &[]), None);
    }
}

#[test]
fn every_pair_of_small_sizes_is_proven_consistent_and_no_other_root_is() {
    let leaves = leaves(260);
    let roots: Vec<Hash> = (0..=260).map(|size| root(&leaves, size)).collect();
    for size in 0..=260u64 {
        for old in 0..=size {
            let proof = consistency(&leaves, old, size).unwrap();
            let (first, second) =
                (&roots[usize::try_from(old).unwrap()], &roots[usize::try_from(size).unwrap()]);
            assert!(is_consistent(old, first, size, second, &proof), "{old} of {size}");
            let bent = leaf_hash(b"bent");
            assert!(!is_consistent(old, &bent, size, second, &proof), "{old} of {size}");
            if old > 0 {
                assert!(!is_consistent(old, first, size, &bent, &proof), "{old} of {size}");
            }
            assert!(
                !is_consistent(old, first, size, second, &[proof, vec![bent]].concat()),
                "{old} of {size}"
            );
        }
    }
}

#[test]
fn another_implementation_agrees_on_roots_and_proofs() {
    let ours = leaves(300);
    let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for size in 1..=300u64 {
        theirs.push((size - 1).to_be_bytes().to_vec());
        assert_eq!(theirs.root().as_bytes().as_slice(), root(&ours, size).0);
    }
    let digests = |hashes: &[Hash]| hashes.iter().map(|hash| hash.0.into()).collect::<Vec<_>>();
    let head = theirs.root();
    for index in 0..300u64 {
        let path = digests(&inclusion(&ours, index, 300).unwrap());
        let proof = InclusionProof::<Sha256>::from_digests(path.iter());
        head.verify_inclusion(&index.to_be_bytes().to_vec(), index, &proof).unwrap();
    }
    for old in 1..300u64 {
        let hashes = digests(&consistency(&ours, old, 300).unwrap());
        let proof = ConsistencyProof::<Sha256>::from_digests(hashes.iter());
        let older = RootHash::<Sha256>::new(root(&ours, old).0.into(), old);
        head.verify_consistency(&older, &proof).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_path_of_any_kind_panics_or_proves_by_chance(index in any::<u64>(), size in any::<u64>(), length in 0usize..80) {
        let path = vec![leaf_hash(b"x"); length];
        let reached = root_by_inclusion(index, size, leaf_hash(b"y"), &path);
        prop_assert!(index < size || reached.is_none());
        let (one, two) = (leaf_hash(b"1"), leaf_hash(b"2"));
        prop_assert_eq!(is_consistent(index, &one, size, &two, &path), false);
    }
}
