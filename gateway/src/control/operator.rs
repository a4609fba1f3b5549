//! Who typed a command: the account at the other end of the control socket, as the kernel vouches for it.
//!
//! A command runs on a thread of its own; what it records finds its operator here, so that no road through `desk`
//! or `register` can forget to name one.

use fhir_mappings::audit::{Assurance, Detail, Entry, Person};
use std::cell::Cell;

/// Before the account of whoever typed a command, in the id of a person in a record.
pub(crate) const OPERATOR: &str = "urn:sluis:operator#";

/// The account of the process that sent the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Operator {
    /// Its user id on this machine.
    pub(crate) uid: u32,
}

thread_local! {
    static ACTING: Cell<Option<Operator>> = const { Cell::new(None) };
}

/// Runs `work` in the name of `operator`.
pub(super) fn acting<T>(operator: Option<Operator>, work: impl FnOnce() -> T) -> T {
    ACTING.set(operator);
    let done = work();
    ACTING.set(None);
    done
}

/// Writes into a record who acts on this thread, and through which door: the operator, else the program itself.
pub(crate) fn sign(entry: &mut Entry) {
    let operator = ACTING.get();
    entry.person = operator.map(|operator| Person {
        id: format!("{OPERATOR}uid-{}", operator.uid),
        name: None,
        role: None,
        assurance: Assurance::LoggedIn,
    });
    let door = if operator.is_some() { "control-socket" } else { "program" };
    entry.details.push(Detail { name: "access-point".into(), value: door.into() });
}

#[cfg(test)]
mod tests {
    use super::{Operator, acting, sign};
    use fhir_mappings::audit::{Action, Entry, Interaction, Kind, Outcome};

    #[test]
    fn a_record_names_who_acts_on_its_thread_and_nobody_afterwards() {
        let signed = || {
            let mut entry =
                Entry::new(Kind::Import, Action::Create, Interaction::Operation, Outcome::Success);
            sign(&mut entry);
            (entry.person.map(|p| p.id), entry.details.pop().map(|d| d.value))
        };
        let acted = acting(Some(Operator { uid: 7 }), signed);
        assert_eq!(acted, (Some("urn:sluis:operator#uid-7".into()), Some("control-socket".into())));
        assert_eq!(signed(), (None, Some("program".into())));
    }
}
