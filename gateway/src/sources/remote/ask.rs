//! One question to one holder: match the person by identifier, then every permitted type at once, page by page.
//!
//! A holder's contribution has one grain (DESIGN.md 6): whatever fails here, all of it falls. A list of medicines with
//! a page missing would look whole.

use super::fault::{Lack, RemoteFault};
use super::holder::{FHIR_JSON, RemoteHolder};
use super::referred;
use super::turns::Round;
use crate::outbound::{Allowance, Question as Asked, form};
use crate::sources::{Held, Sent, SourceAsk};
use bytes::Bytes;
use fhir_mappings::grammar::url_holds;
use fhir_mappings::identifiers::KnownSystem;
use fhir_mappings::json;
use fhir_mappings::release::Bound;
use fhir_mappings::remote::{
    Capability, Entry, PATIENT_INCLUDES, Page, Search, Whole, patients, read_page, searches, unfound,
};
use futures_util::future::try_join_all;
use std::collections::{BTreeSet, HashSet};
use std::time::Duration;
use zeroize::Zeroizing;

/// One question, with what is left of its allowance.
pub(super) struct Question<'q> {
    holder: &'q RemoteHolder,
    ask: &'q SourceAsk,
    can: &'q Capability,
    bearer: Option<Zeroizing<String>>,
    allowance: &'q Allowance,
    round: &'q Round,
}

impl<'q> Question<'q> {
    pub(super) fn new(
        holder: &'q RemoteHolder,
        ask: &'q SourceAsk,
        can: &'q Capability,
        bearer: Option<Zeroizing<String>>,
        (round, allowance): (&'q Round, &'q Allowance),
    ) -> Self {
        Self { holder, ask, can, bearer, allowance, round }
    }

    /// Everything the holder has of this person in the permitted classes.
    pub(super) async fn put(&self) -> Result<Sent, RemoteFault> {
        let persons = self.persons().await?;
        let named = persons.iter().filter(|held| held.resource_type == "Patient");
        let ids: BTreeSet<String> = named.map(|held| held.key.clone()).collect();
        if ids.len() > PERSONS_MOST {
            return Err(RemoteFault::TooMany);
        }
        let mut found = persons;
        let plan = searches(
            &self.holder.means.tables,
            self.ask.classes,
            self.can,
            &self.holder.endpoint.categorised,
        );
        let lacks = unfound(&self.holder.means.tables, self.ask.named, self.can, &plan);
        if plan.is_empty() || !lacks.is_empty() {
            return Err(RemoteFault::Incomplete(Lack::Class));
        }
        let coming = ids.iter().flat_map(|id| plan.iter().map(move |search| self.search(search, id)));
        for more in try_join_all(coming).await? {
            found.extend(more);
        }
        self.medicines(&mut found).await?;
        self.aids(&mut found).await?;
        let mut seen = HashSet::with_capacity(found.len());
        found.retain(|held| seen.insert((held.resource_type.clone(), held.key.clone())));
        if found.len() > RESOURCES_MOST {
            return Err(RemoteFault::TooMany);
        }
        let base = self.holder.server.base();
        let patient_references = ids
            .iter()
            .flat_map(|id| [format!("Patient/{id}"), base.url(&format!("/Patient/{id}"))])
            .collect();
        Ok(Sent { bound: Bound::Fetched, patient_references, resources: found })
    }

    /// The Patients there that bear one of the person's numbers, with what comes along. A holder that entered the person
    /// in the index and does not find them has something that we miss: no empty list stands for that.
    async fn persons(&self) -> Result<Vec<Held>, RemoteFault> {
        let known: Vec<(&str, &str)> = self.ask.numbers().collect();
        let numbers: Vec<(&str, &str)> = match known.iter().find(|number| is_bsn(number)) {
            // Written either way, it is the same number.
            Some((_, bsn)) => KnownSystem::Bsn.forms().iter().map(|system| (*system, *bsn)).collect(),
            None => known.clone(),
        };
        for (system, value) in numbers {
            let found = self.by_number(&format!("{system}|{value}"), &known).await?;
            if found.iter().any(|held| held.resource_type == "Patient") {
                return Ok(found);
            }
        }
        Err(RemoteFault::NotKnown)
    }

    /// The number travels in a body, never in a URL.
    async fn by_number(&self, number: &str, known: &[(&str, &str)]) -> Result<Vec<Held>, RemoteFault> {
        let includes = PATIENT_INCLUDES.iter().filter(|name| self.can.includes("Patient", name));
        let includes: Vec<String> = includes.map(|name| format!("Patient:{name}")).collect();
        let mut query = vec![("identifier", number), ("_count", PAGE)];
        query.extend(includes.iter().map(|include| ("_include", include.as_str())));
        let wanted = [&["Patient"], ALONG].concat();
        let (mut found, mut whole) = (Vec::new(), Whole::default());
        let mut next = Some(("/Patient/_search".to_owned(), Some(form(&query))));
        for _ in 0..PAGES_MOST {
            let Some((below, query)) = next.take() else {
                whole.judge()?;
                return Ok(found);
            };
            let body = self.page(&below, query, "Patient").await?;
            let page = read_page(&body)?;
            whole.count(&page);
            patients(&body, &page, known).ok_or(RemoteFault::WrongPerson)?;
            // The number went in a body for a reason: it does not go back in an address, at the holder's wish.
            let value = number.split_once('|').map_or(number, |(_, value)| value);
            if value.len() >= LONG && page.next.as_deref().is_some_and(|url| url_holds(url, &[value])) {
                return Err(RemoteFault::Elsewhere);
            }
            next = self.next(&page)?;
            found.extend(self.held(body, page, &wanted));
        }
        Err(RemoteFault::TooMany)
    }

    /// One type, all its pages.
    async fn search(&self, search: &Search, patient: &str) -> Result<Vec<Held>, RemoteFault> {
        let whole = format!("Patient/{patient}");
        let query = form(&search.parameters(&whole, PAGE));
        let mut next = Some((format!("/{}?{query}", search.resource), None));
        let wanted = [&[search.resource.as_str()], ALONG].concat();
        let (mut found, mut all) = (Vec::new(), Whole::default());
        for _ in 0..PAGES_MOST {
            let Some((below, query)) = next.take() else {
                all.judge()?;
                return Ok(found);
            };
            let body = self.page(&below, query, "search").await?;
            let page = read_page(&body)?;
            all.count(&page);
            next = self.next(&page)?;
            found.extend(self.held(body, page, &wanted));
        }
        Err(RemoteFault::TooMany)
    }

    /// Where the next page is: under the same base or nowhere.
    fn next(&self, page: &Page) -> Result<Option<(String, Option<String>)>, RemoteFault> {
        let Some(url) = &page.next else { return Ok(None) };
        let below = self.holder.server.base().below(url).ok_or(RemoteFault::Elsewhere)?;
        Ok(Some((below, None)))
    }

    /// The medicines that orders point to and that did not come along; then what those are mixed from.
    async fn medicines(&self, found: &mut Vec<Held>) -> Result<(), RemoteFault> {
        let mut read = BTreeSet::new();
        loop {
            let missing = referred::medicines(found, self.holder.server.base())?;
            if missing.is_empty() {
                return Ok(());
            }
            // One that was read and is still missing is not found under the name that its order gives it.
            if !self.can.reads("Medication") || !missing.is_disjoint(&read) {
                return Err(RemoteFault::Incomplete(Lack::Medicine));
            }
            read.extend(missing.iter().cloned());
            if read.len() > READ_MOST {
                return Err(RemoteFault::TooMany);
            }
            let more = try_join_all(missing.iter().map(|id| self.read("Medication", id))).await?;
            // Read under its own address, it takes the place of one that came along under another.
            found.retain(|held| held.resource_type != "Medication" || !missing.contains(&held.key));
            found.extend(more);
        }
    }

    /// The aids that are said to be used and did not come along, as far as they are there.
    async fn aids(&self, found: &mut Vec<Held>) -> Result<(), RemoteFault> {
        if !self.can.reads("Device") {
            return Ok(());
        }
        let missing = referred::aids(found, self.holder.server.base());
        let reading = missing.iter().take(READ_MOST).map(|id| async move {
            match self.read("Device", id).await {
                Ok(device) => Ok(Some(device)),
                Err(RemoteFault::Status("Device", 404 | 410)) => Ok(None),
                Err(fault) => Err(fault),
            }
        });
        found.extend(try_join_all(reading).await?.into_iter().flatten());
        Ok(())
    }

    /// What a released resource would point to.
    async fn read(&self, kind: &'static str, id: &str) -> Result<Held, RemoteFault> {
        let body = self.page(&format!("/{kind}/{id}"), None, kind).await?;
        let doc = json::parse(&body).map_err(|_| unreadable())?;
        let is = |name: &str, value: &str| doc.root().get_str(name).as_deref() == Some(value);
        if !is("resourceType", kind) || !is("id", id) {
            return Err(unreadable());
        }
        let entry = Entry {
            resource_type: kind.to_owned(),
            id: id.to_owned(),
            along: true,
            full_url: None,
            recorded: None,
            span: doc.root().span(),
        };
        Ok(self.one(&body, entry))
    }

    /// One answer, whole; asked once more when it may have been bad luck.
    async fn page(
        &self,
        below: &str,
        form: Option<String>,
        what: &'static str,
    ) -> Result<Bytes, RemoteFault> {
        match self.once(below, form.clone(), what).await {
            Err(fault) if fault.may_pass() => {
                tokio::time::sleep(BREATH).await;
                self.once(below, form, what).await
            }
            ended => ended,
        }
    }

    /// One answer. A server that says when to come again is left in peace until then.
    async fn once(
        &self,
        below: &str,
        form: Option<String>,
        what: &'static str,
    ) -> Result<Bytes, RemoteFault> {
        // Also in an address of our own making: an id there may be a number, and a holder makes the ids.
        let bsn = self.ask.numbers().filter(is_bsn).map(|(_, value)| value);
        if url_holds(below, &bsn.collect::<Vec<_>>()) {
            return Err(RemoteFault::Elsewhere);
        }
        let bearer = self.bearer.as_deref().map(String::as_str);
        let asked = Asked { below, form, accept: FHIR_JSON, bearer, allowance: self.allowance };
        let _turn = self.round.turn().await?;
        let answer = self.holder.server.ask(&asked).await?;
        if answer.status == 200 { Ok(answer.body) } else { Err(self.holder.status(what, &answer)) }
    }

    /// The resources of a page that were asked for, or come along; anything else nobody asked for.
    fn held(&self, body: Bytes, page: Page, wanted: &[&str]) -> Vec<Held> {
        let asked = page.entries.into_iter().filter(|entry| wanted.contains(&entry.resource_type.as_str()));
        asked.map(|entry| self.one(&body, entry)).collect()
    }

    fn one(&self, body: &Bytes, entry: Entry) -> Held {
        let (start, end) = entry.span;
        let address = self.holder.server.base().url(&format!("/{}/{}", entry.resource_type, entry.id));
        Held {
            resource_type: entry.resource_type,
            key: entry.id,
            full_url: Some(entry.full_url.unwrap_or(address)),
            recorded: entry.recorded,
            bytes: if start <= end && end <= body.len() { body.slice(start..end) } else { Bytes::new() },
        }
    }
}

fn unreadable() -> RemoteFault {
    RemoteFault::Page(fhir_mappings::remote::PageFault(fhir_mappings::remote::Unfit::Json))
}

fn is_bsn((system, _): &(&str, &str)) -> bool {
    KnownSystem::of(system) == Some(KnownSystem::Bsn)
}

/// What may come along with a search, and is released only when something released refers to it.
const ALONG: &[&str] =
    &["Medication", "Device", "Organization", "Practitioner", "PractitionerRole", "Location"];
/// `_count`.
const PAGE: &str = "200";
/// Pages of one search.
const PAGES_MOST: usize = 25;
/// Patients that one number may lead to: a holder may have somebody twice.
const PERSONS_MOST: usize = 4;
const READ_MOST: usize = 200;
const RESOURCES_MOST: usize = 5_000;
/// A number of fewer characters may stand in any address by chance.
const LONG: usize = 6;
/// Before a question is put again.
const BREATH: Duration = Duration::from_millis(40);
