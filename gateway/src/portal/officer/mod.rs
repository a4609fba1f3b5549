//! The privacy officer's portal: what the own organisation asked and what was asked of it, one record with the trace of its
//! decision, and whether the journal holds. Own tenancy, as the journal's lens has it; looking is recorded too.

mod journal;
mod list;
mod record;

pub(super) use journal::LastCheck;

use super::page::{self, Frame};
use super::session::{Officer, SignedIn};
use super::visit::Visit;
use super::ways;
use crate::lens::{Lens, Seen, Unreadable, see};
use crate::store::keys::PersonNo;
use crate::store::leaf::Leaf;
use crate::store::outward::{Named, PERSON};
use crate::trail::{Trail, organisation};
use crate::trust::Purpose;
use axum::body::Body;
use fhir_mappings::audit::{Action, Assurance, Coding, Entry, Interaction, Kind, Outcome, Person};
use http::{Method, Response};
use maud::Markup;

/// An officer at a page.
pub(super) struct Desk<'v> {
    visit: &'v Visit<'v>,
    signed: &'v SignedIn<Officer>,
}

/// Answers a request under `/officer`.
pub(super) async fn answer(visit: &Visit<'_>, path: &[&str]) -> Response<Body> {
    let Some(signed) = visit.house.sessions.check::<Officer>(visit.headers, visit.world) else {
        return page::see_other("/login/officer");
    };
    let desk = Desk { visit, signed: &signed };
    let get = visit.method == Method::GET;
    match path {
        [] if get => list::page(&desk).await,
        ["record", index] if get => match index.parse() {
            Ok(index) => record::page(&desk, index).await,
            Err(_) => visit.trouble(404, "not-found"),
        },
        ["journal"] if get => journal::page(&desk).await,
        _ => visit.trouble(404, "not-found"),
    }
}

/// One record that this officer may see.
struct Row {
    index: u64,
    seen: Seen,
    /// The person's name here, if it is about one.
    person: Option<(PersonNo, String)>,
}

impl Desk<'_> {
    fn id(&self) -> &str {
        self.signed.who().participant.id.as_str()
    }

    /// The name of a person for this organisation alone: as in its answers.
    fn name(&self, person: PersonNo) -> String {
        self.visit.world.outward.seal(self.id(), Named { person, tag: PERSON })
    }

    /// A record through the officer's lens, if there is one to be seen.
    fn row(&self, index: u64) -> Result<Option<Row>, Unreadable> {
        let world = self.visit.world;
        let Ok(record) = world.store.records().read(index) else {
            return if index < world.store.records().len() { Err(Unreadable(index)) } else { Ok(None) };
        };
        let leaf = Leaf::parse(&record).map_err(|_| Unreadable(index))?;
        let person =
            leaf.tag_bytes().and_then(|tag| world.store.keys().by_tag(&tag)).map(|(person, _)| person);
        let name = person.map(|person| self.name(person));
        let seen = see(index, &Lens::Officer(self.id()), name.as_deref().unwrap_or_default(), world)?;
        Ok(seen.map(|seen| Row { index, seen, person: person.zip(name) }))
    }

    /// The record of a page, with what was searched for (NEN 7513).
    fn trail(&self, page: &str, query: Option<String>) -> Trail {
        let officer = self.signed.who();
        let mut entry = Entry::new(Kind::Portal, Action::Read, Interaction::Page, Outcome::Success);
        entry.purpose = Some(Purpose::Compliance.code().to_owned());
        entry.organisation = Some(organisation(&officer.participant));
        entry.person = Some(Person {
            id: format!("urn:sluis:person#{}", officer.person.id.as_str()),
            name: Some(officer.person.name.clone()),
            role: Some(Coding {
                system: officer.person.role.system.clone(),
                code: officer.person.role.code.clone(),
            }),
            assurance: Assurance::LoggedIn,
        });
        entry.query = query;
        self.visit.trail(entry, page)
    }

    /// Records that this page was seen, and sends it.
    async fn show(&self, title: String, content: Markup, trail: &Trail) -> Response<Body> {
        let words = self.visit.words;
        let name = self.signed.who().participant.name.as_str();
        let frame = Frame {
            words,
            title,
            path: self.visit.path,
            again: &[],
            ways: ways::officer(words),
            acting: Some(words.with("officer-of", [("name", name.into())])),
            form_token: Some(self.signed.form_token()),
        };
        self.visit.personal(self.signed, frame.around(content), trail).await
    }
}
