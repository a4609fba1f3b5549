//! What one request will be remembered by: filled in as it passes the stages, sealed once by the recorder.

use crate::clock::Clock;
use crate::store::Store;
use crate::store::keys::PersonNo;
use crate::store::leaf::Draft;
use crate::trust::Participant;
use crate::world::World;
use fhir_mappings::audit::{Action, Coding, Entry, Interaction, Kind, Organisation, Outcome};
use fhir_mappings::outcome::Language;
use http::HeaderMap;
use jiff::Timestamp;
use std::sync::Arc;
use tokio::runtime::Handle;

/// The trail of one request.
pub struct Trail {
    /// `X-Request-Id`: the caller's, if it was a UUID, else ours.
    pub request_id: String,
    /// The language asked for.
    pub language: Language,
    /// The record as far as it is known.
    pub entry: Entry,
    /// Whom it is about, once known.
    pub person: Option<PersonNo>,
    /// That this was asked of holders elsewhere, once it is recorded, until its end is.
    pub asked: Option<OpenQuestion>,
}

impl Trail {
    /// Begins with what the headers say.
    #[must_use]
    pub fn begin(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let mut entry = Entry::new(
            Kind::Refused,
            Action::Execute,
            Interaction::Operation,
            Outcome::Failed("unfinished".into()),
        );
        entry.traceparent = text("traceparent").filter(|t| is_traceparent(t)).map(str::to_owned);
        Self {
            request_id: text("x-request-id")
                .and_then(uuid)
                .unwrap_or_else(|| uuid::Uuid::new_v4().to_string()),
            language: Language::from_accept_language(text("accept-language")),
            entry,
            person: None,
            asked: None,
        }
    }

    /// The record that ends this request stands.
    pub fn ended(&mut self) {
        if let Some(question) = self.asked.take() {
            question.ended();
        }
    }

    /// The draft of the record that ends this request.
    #[must_use]
    pub fn draft(&self, kind: Kind, outcome: Outcome, time: Timestamp) -> Draft {
        let entry = Entry { kind, outcome, ..self.entry.clone() };
        Draft { entry, time, request_id: self.request_id.clone(), person: self.person, burnt: None }
    }
}

/// A question that was put to holders elsewhere and has no end yet. Dropped without one, for whoever asked hung up, it
/// records its own: nothing was released. What even that cannot record, the next start closes.
pub struct OpenQuestion {
    store: Arc<Store>,
    clock: Clock,
    end: Option<Draft>,
}

impl OpenQuestion {
    /// Opens the question that `asked` records.
    pub(crate) fn of(mut asked: Draft, world: &World) -> Self {
        (asked.entry.kind, asked.entry.outcome) = (Kind::Refused, Outcome::Refused(NOTHING_RELEASED.into()));
        Self { store: Arc::clone(&world.store), clock: world.clock.clone(), end: Some(asked) }
    }

    /// Its end stands.
    pub(crate) fn ended(mut self) {
        self.end = None;
    }
}

impl Drop for OpenQuestion {
    fn drop(&mut self) {
        let (Some(mut end), Ok(runtime)) = (self.end.take(), Handle::try_current()) else { return };
        end.time = self.clock.now();
        let store = Arc::clone(&self.store);
        runtime.spawn(async move {
            if store.record(end, None).await.is_err() {
                tracing::warn!("a question to holders elsewhere stays open until the next start");
            }
        });
    }
}

/// The outcome of a question to holders elsewhere whose asker got nothing of it.
pub(crate) const NOTHING_RELEASED: &str = "nothing-released";

/// An organisation as records name it.
pub(crate) fn organisation(participant: &Participant) -> Organisation {
    Organisation {
        id: participant.id.as_str().to_owned(),
        identifier: Coding {
            system: participant.identifier.system.clone(),
            code: participant.identifier.value.clone(),
        },
        name: participant.name.clone(),
    }
}

/// A UUID in its canonical form, lower case.
fn uuid(text: &str) -> Option<String> {
    let parsed = uuid::Uuid::try_parse(text).ok().filter(|_| text.len() == 36)?;
    Some(parsed.to_string())
}

/// W3C Trace Context, version 00.
fn is_traceparent(text: &str) -> bool {
    let lengths = [2, 32, 16, 2];
    let parts: Vec<_> = text.split('-').collect();
    let hex = |part: &str| part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    parts.len() == lengths.len() && parts.iter().zip(lengths).all(|(part, n)| part.len() == n && hex(part))
}
