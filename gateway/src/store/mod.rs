//! What must not be lost, what proves it, and the view over both.

pub mod keys;
pub mod outward;
pub mod seal;
pub mod view;
