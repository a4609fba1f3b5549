//! Maps whose keys stand in a table. Nobody outside adds a key, so that no flood of collisions can be made and a plain
//! mixing of words does; it costs a third of the standard library's keyed hash. Not for keys that a holder writes.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map from words of a table.
pub(crate) type Known<V> = HashMap<Box<str>, V, BuildHasherDefault<Mixing>>;

/// Eight bytes at a time: rotate, add, multiply.
#[derive(Default)]
pub(crate) struct Mixing(u64);

impl Mixing {
    fn mix(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(ODD);
    }
}

impl Hasher for Mixing {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.mix(u64::from_le_bytes(*word)));
        if !rest.is_empty() {
            self.mix(rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)));
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.mix(u64::from(byte));
    }

    fn finish(&self) -> u64 {
        // The map takes its buckets from both ends of the number.
        self.0 ^ (self.0 >> 29)
    }
}

/// The golden ratio, odd.
const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
