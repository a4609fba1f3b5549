//! Budgets per certificate, and the counts of what went over them.
//!
//! Measured by the monotonic clock, not by the time of day: moving a sandbox clock refills nothing.

mod bucket;
mod budget;
mod flood;

pub use budget::{Admitted, Budget, Budgets, Exceeded, LookUp};
pub use flood::{Flood, FloodCounts, FloodKind, Source};
