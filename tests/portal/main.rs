//! The portal, as its users meet it: with a browser without script, and (`browser.rs`) with a real one.

mod browser;
mod doors;
mod looked;
mod officer;
mod others;
mod own;
mod real;
