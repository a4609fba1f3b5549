//! Commands about holders with a server of their own: their endpoints.

use super::commands::{Done, Say, note, out};
use super::wire::Frame;
use crate::desk::Refused;
use crate::register;
use crate::sources::remote::Endpoint;
use crate::trust::Participant;
use crate::trust::participant::Holder;
use crate::world::World;
use std::sync::Arc;

fn participant(world: &World, id: &str) -> Result<Arc<Participant>, Refused> {
    let known = world.store.trust().participant(id).cloned();
    known.ok_or_else(|| Refused::new("unknown-participant", "there is no such participant"))
}

/// Registers an endpoint, and makes the participant a remote holder.
pub(super) fn set(world: &World, id: &str, text: &str, say: Say<'_>) -> Done {
    let document: serde_json::Value = serde_json::from_str(text)
        .map_err(|e| Refused::new("body-invalid", format!("the endpoint is not JSON: {e}")))?;
    let endpoint = Endpoint::read(&document).map_err(|why| Refused::new("body-invalid", why))?;
    let most = world.settings.holder_budget.as_millis();
    if u128::from(endpoint.budget_ms) > most {
        note(say, &format!("budget_ms: whoever asks waits {most} ms for a holder, so no more is used"));
    }
    let known = participant(world, id)?;
    if known.holder == Some(Holder::Hosted) {
        note(say, "data that lie in this gateway stay, and are not given while the holder is remote");
    }
    let next = Participant { holder: Some(Holder::Remote), endpoint: Some(document), ..(*known).clone() };
    register::add(world, next)?;
    note(
        say,
        &format!(
            "{id} is asked there from the next question on; try it: sluis participant endpoint test {id}"
        ),
    );
    Ok(())
}

/// Tries an endpoint; exit 1 when nothing could be fetched.
pub(super) fn test(world: &World, id: &str, as_json: bool, say: Say<'_>) -> Frame {
    let known = match participant(world, id) {
        Ok(known) => known,
        Err(refused) => {
            note(say, &format!("{}: {refused}", refused.reason));
            return Frame::End(1);
        }
    };
    let findings = tokio::runtime::Handle::current().block_on(world.source.probe(&known));
    for finding in &findings {
        let line = match (as_json, finding.mend.as_str()) {
            (true, _) => serde_json::to_string(finding).unwrap_or_default(),
            (false, "") => format!("{:<5} {}: {}", finding.state, finding.what, finding.words),
            (false, mend) => format!("{:<5} {}: {}. {mend}", finding.state, finding.what, finding.words),
        };
        out(say, line);
    }
    Frame::End(u8::from(findings.iter().any(crate::sources::remote::Finding::is_bad)))
}

/// The endpoint as registered.
pub(super) fn show(world: &World, id: &str, say: Say<'_>) -> Done {
    let known = participant(world, id)?;
    let endpoint = known.endpoint.as_ref();
    let endpoint = endpoint.ok_or_else(|| Refused::new("no-endpoint", "no endpoint is registered"))?;
    out(say, serde_json::to_string_pretty(endpoint).unwrap_or_default());
    Ok(())
}
