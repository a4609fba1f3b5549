//! Holders whose data lies in our own `holdings/`.

use super::remote::Finding;
use super::{Coming, Held, Probing, Sent, Source, SourceAsk, SourceFailure};
use crate::store::Store;
use crate::store::facts::Change;
use crate::store::keys::PersonNo;
use crate::trust::Participant;
use bytes::Bytes;
use fhir_mappings::release::Bound;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Reads hosted data.
pub struct HostedSource {
    store: Arc<Store>,
}

impl HostedSource {
    /// Reads from this store.
    #[must_use]
    pub fn new(store: Arc<Store>) -> Self {
        Self { store }
    }

    fn read(&self, person: PersonNo, holder: &str) -> Result<Sent, SourceFailure> {
        let mut held = Vec::new();
        let mut opened: BTreeMap<u64, (Change, Bytes)> = BTreeMap::new();
        // What is about nobody (organisations, medications) may be referred to; the filter releases it only then.
        for whose in [Some(person), None] {
            let known = self.store.hosted(whose, holder).map_err(|_| SourceFailure::Unreadable)?;
            for one in known {
                if let std::collections::btree_map::Entry::Vacant(place) = opened.entry(one.record) {
                    let mut change = self.store.holding(one.record).map_err(|_| SourceFailure::Unreadable)?;
                    let blob = Bytes::from(std::mem::take(&mut change.blob));
                    place.insert((change, blob));
                }
                let (_, blob) = opened.get(&one.record).ok_or(SourceFailure::Unreadable)?;
                let (start, end) = one.item.span;
                if start > end || end > blob.len() {
                    return Err(SourceFailure::Unreadable);
                }
                held.push(Held {
                    resource_type: one.item.resource_type,
                    key: one.item.key,
                    full_url: one.item.full_url,
                    recorded: Some(one.item.recorded.to_string()),
                    bytes: blob.slice(start..end),
                });
            }
        }
        Ok(Sent { bound: Bound::AtImport, patient_references: Vec::new(), resources: held })
    }
}

impl Source for HostedSource {
    fn fetch<'a>(&'a self, ask: &'a SourceAsk) -> Coming<'a> {
        Box::pin(async move { self.read(ask.person, ask.holder.id.as_str()) })
    }

    fn probe<'a>(&'a self, _: &'a Participant) -> Probing<'a> {
        let here = Finding::good("endpoint", "its data lies in this gateway: there is no endpoint to try");
        Box::pin(std::future::ready(vec![here]))
    }
}
