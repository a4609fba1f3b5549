//! A member name as a number, so that looking for one compares numbers and touches text only to confirm.

use super::Value;

/// Number of a name: equal names have equal numbers, unequal ones nearly always differ. Reads both ends of a long name and
/// not its middle, since FHIR's names differ there; a collision costs a comparison and never an answer.
#[must_use]
#[inline]
pub(crate) const fn number(name: &[u8]) -> u32 {
    let length = name.len() as u64;
    let (head, tail) = match (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        (Some(head), Some(tail)) => (u64::from_le_bytes(*head), u64::from_le_bytes(*tail)),
        _ => match (name.first_chunk::<4>(), name.last_chunk::<4>()) {
            (Some(head), Some(tail)) => (u32::from_le_bytes(*head) as u64, u32::from_le_bytes(*tail) as u64),
            _ => match name {
                [first, middle @ .., last] => {
                    let middle = match middle {
                        [middle, ..] => *middle as u64,
                        [] => 0,
                    };
                    ((*first as u64) << 8 | middle, *last as u64)
                }
                [only] => (*only as u64, 0),
                [] => (0, 0),
            },
        },
    };
    let mixed = (head.wrapping_mul(ODD) ^ tail).wrapping_add(length).wrapping_mul(ODD);
    (mixed >> 32) as u32
}

/// One of 64 bits by which a set of names says that it does not hold this one.
#[must_use]
#[inline]
pub(crate) const fn bit(number: u32) -> u64 {
    1 << (number >> 26)
}

/// A list of names to look for, of which the compiler has worked out the numbers.
pub(crate) struct Names<const N: usize> {
    names: [&'static str; N],
    numbers: [u32; N],
    bits: u64,
}

impl<const N: usize> Names<N> {
    #[allow(clippy::indexing_slicing, reason = "below N; the compiler evaluates it")]
    pub(crate) const fn new(names: [&'static str; N]) -> Self {
        let (mut numbers, mut bits, mut at) = ([0; N], 0, 0);
        while at < N {
            numbers[at] = number(names[at].as_bytes());
            let mut before = 0;
            while before < at {
                assert!(numbers[before] != numbers[at], "two names of a list have one number");
                before += 1;
            }
            bits |= bit(numbers[at]);
            at += 1;
        }
        Self { names, numbers, bits }
    }

    /// The place in the list of the name under which a value stands.
    #[inline]
    pub(crate) fn rank(&self, value: Value<'_>) -> Option<usize> {
        let number = value.number();
        if self.bits & bit(number) == 0 {
            return None;
        }
        let rank = self.numbers.iter().position(|of| *of == number)?;
        (self.names.get(rank) == Some(&value.name())).then_some(rank)
    }
}

/// The golden ratio, odd.
const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
