//! The stages of one request, one file each; `answer.rs` tells their order.

pub mod authenticate;
pub mod authorise;
pub mod decide;
pub mod fetch;
pub mod identify;
pub mod locate;
pub mod minimise;
pub mod record;
pub mod respond;

pub use authenticate::Authenticated;
pub use authorise::Authorised;
pub use decide::Granted;
pub use fetch::Fetched;
pub use identify::Identified;
pub use locate::Located;
pub use minimise::Minimised;
pub use record::Recorded;
