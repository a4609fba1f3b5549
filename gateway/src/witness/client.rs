//! One submission to a witness. What it answers is believed by key, not by where it came from.

use super::server::SIZE;
use crate::outbound::{Over, Unreached, send};
use bytes::Bytes;
use rustls_pki_types::CertificateDer;
use sluis_journal::{Hash, WitnessKey, witness};
use std::time::Duration;

/// A witness, as a gateway reaches it.
#[derive(Debug, Clone)]
pub struct Witness {
    /// Its submission prefix, without a slash at the end.
    pub url: String,
    /// The key of its cosignatures.
    pub key: WitnessKey,
    /// Who may vouch for its certificate, when it is reached over https.
    pub authorities: Vec<CertificateDer<'static>>,
    /// How often it is shown the newest checkpoint.
    pub interval: Duration,
}

/// What a witness said.
pub(super) enum Told {
    /// Signature lines to put under the note.
    Lines(String),
    /// It saw last a checkpoint of this size.
    Size(u64),
    /// No, with this status.
    No(u16),
}

impl Witness {
    /// Hands in a checkpoint that continues the tree of `old` leaves.
    pub(super) async fn show(&self, old: u64, proof: &[Hash], note: &str) -> Result<Told, Unreached> {
        let request = http::Request::post(format!("{}/add-checkpoint", self.url))
            .header(http::header::CONTENT_TYPE, "text/plain; charset=utf-8")
            .body(Bytes::from(witness::body(old, proof, note)))
            .map_err(|_| Unreached::Address)?;
        let over = if self.url.starts_with("https:") { Over::Tls(&self.authorities) } else { Over::Plain };
        let answer = send(request, over, PATIENCE, ANSWER_MAX).await?;
        let text = String::from_utf8(answer.body.to_vec()).map_err(|_| Unreached::Answer)?;
        Ok(match answer.status {
            200 => Told::Lines(text),
            409 if answer.media.as_deref() == Some(SIZE) => {
                let size = text.strip_suffix('\n').and_then(|size| size.parse().ok());
                size.map_or(Told::No(409), Told::Size)
            }
            status => Told::No(status),
        })
    }
}

/// A quarter of the age at which a cosignature is too old: three may be missed.
pub(crate) const INTERVAL: Duration = Duration::from_secs(15);
/// A start waits no longer than this.
const PATIENCE: Duration = Duration::from_secs(5);
const ANSWER_MAX: usize = 16 * 1024;
