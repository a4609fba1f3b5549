//! Sets of data classes and of labels as one machine word each, so that a decision is a few
//! bit operations. At most 64 of each can exist; the vocabulary refuses more.

use crate::vocabulary::{DataClass, Label};

macro_rules! bitset {
    ($(#[$doc:meta])* $set:ident of $item:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $set(u64);

        impl $set {
            /// Nothing.
            pub const EMPTY: Self = Self(0);

            /// This one alone.
            pub fn only(item: $item) -> Self {
                Self(1u64.checked_shl(u32::from(item.index())).unwrap_or(0))
            }
            /// Whether `item` is in it.
            pub fn contains(self, item: $item) -> bool {
                self.0 & Self::only(item).0 != 0
            }
            /// Adds `item`.
            pub fn insert(&mut self, item: $item) {
                self.0 |= Self::only(item).0;
            }
            /// Removes `item`.
            pub fn remove(&mut self, item: $item) {
                self.0 &= !Self::only(item).0;
            }
            /// In either.
            #[must_use]
            pub fn union(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
            /// In both.
            #[must_use]
            pub fn intersection(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }
            /// In this one and not in `other`.
            #[must_use]
            pub fn minus(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }
            /// Whether all of it is in `other`.
            pub fn is_subset(self, other: Self) -> bool {
                self.0 & !other.0 == 0
            }
            /// Whether it is empty.
            pub fn is_empty(self) -> bool {
                self.0 == 0
            }
            /// How many it holds.
            pub fn len(self) -> usize {
                self.0.count_ones() as usize
            }
            /// Its members, in the vocabulary's order.
            pub fn iter(self) -> impl Iterator<Item = $item> {
                let mut rest = self.0;
                std::iter::from_fn(move || {
                    let index = u8::try_from(rest.trailing_zeros()).ok()?;
                    if index >= 64 {
                        return None;
                    }
                    rest &= rest.wrapping_sub(1);
                    Some($item::at(index))
                })
            }
        }

        impl FromIterator<$item> for $set {
            fn from_iter<I: IntoIterator<Item = $item>>(items: I) -> Self {
                let mut set = Self::EMPTY;
                for item in items {
                    set.insert(item);
                }
                set
            }
        }

        impl std::fmt::Debug for $set {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_set().entries(self.iter().map($item::index)).finish()
            }
        }
    };
}

bitset! {
    /// Some data classes.
    ClassSet of DataClass
}
bitset! {
    /// Some labels.
    LabelSet of Label
}
