//! What one request will be remembered by: filled in as it passes the stages, sealed once by the recorder.

use crate::store::keys::PersonNo;
use crate::store::leaf::Draft;
use crate::trust::Participant;
use fhir_mappings::audit::{Action, Coding, Entry, Interaction, Kind, Organisation, Outcome};
use fhir_mappings::outcome::Language;
use http::HeaderMap;
use jiff::Timestamp;

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
    /// Whether it is recorded that this was asked of holders elsewhere.
    pub asked: bool,
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
            asked: false,
        }
    }

    /// The draft of the record that ends this request.
    #[must_use]
    pub fn draft(&self, kind: Kind, outcome: Outcome, time: Timestamp) -> Draft {
        let entry = Entry { kind, outcome, ..self.entry.clone() };
        Draft { entry, time, request_id: self.request_id.clone(), person: self.person, burnt: None }
    }
}

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
