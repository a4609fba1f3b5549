//! The journal's witness (C2SP tlog-witness), from both sides: [`book`] and [`server`] are a witness of their own, that
//! `sluis witness` runs elsewhere; [`client`] and [`watch`] are how a gateway is witnessed. What a witness may cosign is
//! judged in `sluis-journal`. Nothing here is about a person: checkpoints are origin, size and root.

pub mod book;
pub mod client;
mod memory;
pub mod server;
pub mod watch;

pub use book::{Book, BookError};
pub use client::Witness;
pub(crate) use memory::FOLDER;
pub use watch::{Gap, Watch};

#[cfg(test)]
mod tests;
