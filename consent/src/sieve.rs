//! Which resources of one permitted class pass. Made by the decision only; empty lets nothing pass.

use crate::answer::Item;
use crate::set::LabelSet;

/// The statements that speak on one class, reduced to what depends on the single resource.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Sieve {
    cleared: LabelSet,
    open: bool,
}

impl Sieve {
    pub(crate) fn allows(&self, item: &Item<'_>) -> bool {
        self.open && item.labels.is_subset(self.cleared)
    }
    pub(crate) fn cleared(&self) -> LabelSet {
        self.cleared
    }
}
