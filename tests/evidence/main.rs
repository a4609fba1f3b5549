//! What issue 5 asks: no disclosure without proof, and no proof that somebody could bend. Against the real program.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
// Reason: a test that cannot go on fails, with words.

mod clocks;
mod cold;
mod commands;
mod damaged;
mod erasure;
mod failure;
mod held_back;
mod keeping;
mod lenses;
mod planted;
mod records;
mod rotation;
mod session;
mod tampered;
mod witness;
mod witness_alone;
