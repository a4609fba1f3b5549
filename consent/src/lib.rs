//! Who may see what, and why: the vocabulary, consent records and the one decision function.
//!
//! Pure: no clock, network, storage, logging or async. The instant of a question is part of the
//! question. Anything unknown, unreadable or missing means no data.

pub mod answer;
pub mod asked;
mod basis;
pub mod decide;
pub mod dossier;
pub mod explain;
mod hearing;
pub mod identifier;
pub mod period;
pub mod preview;
pub mod question;
pub mod record;
pub mod relation;
pub mod renewal;
pub mod rules;
pub mod set;
mod sieve;
pub mod standing;
pub mod trace;
pub mod vocabulary;

pub use answer::{Decision, Level, Reason, Verdict};
pub use decide::{decide, decide_all, decide_with, explain};
pub use dossier::Dossier;
pub use identifier::Identifier;
pub use period::{Moment, Period};
pub use question::{Purpose, Question};
pub use record::{ConsentRecord, Reading};
pub use rules::Rules;
pub use set::{ClassSet, LabelSet};
pub use vocabulary::{Category, DataClass, Function, Label, Vocabulary};
