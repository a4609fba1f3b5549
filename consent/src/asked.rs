//! Whether somebody was asked at all about the data of one holder: the list of who was not is where a practice begins
//! to ask. It decides nothing; an answer that lapsed or was taken back has to be asked again.

use jiff::Timestamp;

use crate::question::{Party, Purpose};
use crate::record::{ConsentRecord, Holder, Kind, Provision, Reading, Status};
use crate::vocabulary::Vocabulary;

/// Whether any choice in force speaks of this holder's data, yes or no, for ordinary sharing. The emergency choice and
/// what lets somebody look along for the person are other questions. What cannot be read may be a no: it was said.
pub fn was_asked(vocabulary: &Vocabulary, readings: &[Reading], holder: &Party, at: Timestamp) -> bool {
    readings.iter().any(|reading| match reading {
        Reading::Unreadable { .. } => true,
        Reading::Readable(record) => {
            record.status == Status::Active && speaks(vocabulary, record, &record.provision, holder, at)
        }
    })
}

fn speaks(
    vocabulary: &Vocabulary,
    record: &ConsentRecord,
    provision: &Provision,
    holder: &Party,
    at: Timestamp,
) -> bool {
    let in_force = provision.period.as_ref().is_none_or(|period| period.contains(at));
    let ordinary = provision.purposes.is_empty()
        || provision.purposes.iter().any(|purpose| !matches!(purpose, Purpose::Etreat | Purpose::Patrqt));
    in_force && ordinary && covers(vocabulary, record, provision, holder)
}

/// Whether a consent or an exception in it speaks of this holder's data; one that cannot be read may speak of anybody's.
#[must_use]
pub fn may_concern(vocabulary: &Vocabulary, reading: &Reading, holder: &Party) -> bool {
    match reading {
        Reading::Readable(record) => {
            covers(vocabulary, record, &record.provision, holder)
                || excepts(vocabulary, &record.provision, holder)
        }
        Reading::Unreadable { .. } => true,
    }
}

/// An exception without a holder speaks of those of the provision around it.
fn excepts(vocabulary: &Vocabulary, provision: &Provision, holder: &Party) -> bool {
    provision.exceptions.iter().any(|exception| {
        exception.holders.iter().any(|named| is_one(vocabulary, named, holder))
            || excepts(vocabulary, exception, holder)
    })
}

/// Whose data it speaks of (CONTRACT.md 7): nobody named is everybody for an objection, the recorder for a permit.
fn covers(vocabulary: &Vocabulary, record: &ConsentRecord, provision: &Provision, holder: &Party) -> bool {
    if provision.holders.is_empty() {
        let recorder = record.recorded_by.as_ref();
        return provision.kind == Kind::Deny || recorder.is_some_and(|by| holder.identifiers.contains(by));
    }
    provision.holders.iter().any(|named| is_one(vocabulary, named, holder))
}

fn is_one(vocabulary: &Vocabulary, named: &Holder, holder: &Party) -> bool {
    match named {
        Holder::Any => true,
        Holder::Organisation(identifier) => holder.identifiers.contains(identifier),
        Holder::Category(code) => {
            vocabulary.category(code).is_some_and(|one| holder.categories.contains(&one))
        }
        Holder::Function(code) => {
            vocabulary.function(code).is_some_and(|one| holder.functions.contains(&one))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
    use super::{may_concern, was_asked};
    use crate::identifier::Identifier;
    use crate::period::Period;
    use crate::question::{Party, Purpose};
    use crate::record::{ConsentRecord, Giver, Holder, Kind, Provision, Reading, Source, Status};
    use crate::rules::Rules;

    fn number(value: &str) -> Identifier {
        Identifier::new("ura", value)
    }

    /// A row: what is on record, and whether the practice of number 1 has asked.
    #[test]
    fn a_choice_in_force_about_this_holders_data_counts_as_asked_and_nothing_else_does() {
        let rules = Rules::national().unwrap();
        let words = rules.vocabulary();
        let practice = Party {
            identifiers: vec![number("1")],
            categories: words.category("gp").into_iter().collect(),
            functions: words.function("gp-own").into_iter().collect(),
        };
        let record = |kind, change: &dyn Fn(&mut ConsentRecord)| {
            let mut record = ConsentRecord {
                id: "c".into(),
                version: 1,
                status: Status::Active,
                givers: vec![Giver::Person],
                register: "r".into(),
                recorded_by: Some(number("1")),
                given_at: "2026-01-01T10:00:00Z".parse().unwrap(),
                source: Source::default(),
                policy: "p".into(),
                provision: Provision::new(kind),
            };
            change(&mut record);
            Reading::Readable(record)
        };
        let holders =
            |named: Vec<Holder>| move |r: &mut ConsentRecord| r.provision.holders.clone_from(&named);
        let nobody = |r: &mut ConsentRecord| r.recorded_by = None;
        let rows: Vec<(&str, Reading, bool)> = vec![
            ("a permit of its own recording", record(Kind::Permit, &|_| {}), true),
            (
                "a permit recorded by another",
                record(Kind::Permit, &|r| r.recorded_by = Some(number("2"))),
                false,
            ),
            ("a permit by the person that names no holder", record(Kind::Permit, &nobody), false),
            ("a general objection", record(Kind::Deny, &nobody), true),
            ("any holder", record(Kind::Permit, &holders(vec![Holder::Any])), true),
            (
                "this organisation",
                record(Kind::Deny, &holders(vec![Holder::Organisation(number("1"))])),
                true,
            ),
            (
                "another organisation",
                record(Kind::Deny, &holders(vec![Holder::Organisation(number("2"))])),
                false,
            ),
            ("its category", record(Kind::Permit, &holders(vec![Holder::Category("gp".into())])), true),
            ("another category", record(Kind::Permit, &holders(vec![Holder::Category("ggz".into())])), false),
            ("its function", record(Kind::Permit, &holders(vec![Holder::Function("gp-own".into())])), true),
            (
                "another function",
                record(Kind::Permit, &holders(vec![Holder::Function("triage".into())])),
                false,
            ),
            ("taken back", record(Kind::Permit, &|r| r.status = Status::Inactive), false),
            (
                "over",
                record(Kind::Permit, &|r| r.provision.period = Period::parse("", "2026-06-30").ok()),
                false,
            ),
            (
                "emergencies only",
                record(Kind::Permit, &|r| r.provision.purposes = vec![Purpose::Etreat]),
                false,
            ),
            (
                "looking along only",
                record(Kind::Permit, &|r| r.provision.purposes = vec![Purpose::Patrqt]),
                false,
            ),
            (
                "treatment among others",
                record(Kind::Permit, &|r| r.provision.purposes = vec![Purpose::Etreat, Purpose::Treat]),
                true,
            ),
            ("unreadable", Reading::Unreadable { id: "c".into(), version: 1, register: "r".into() }, true),
        ];
        let at = "2026-11-21T11:00:00Z".parse().unwrap();
        assert!(!was_asked(words, &[], &practice, at), "nothing on record");
        for (name, reading, asked) in rows {
            assert_eq!(was_asked(words, &[reading], &practice, at), asked, "{name}");
        }
    }

    /// A row: what an exception in a permit of another practice names, and whether the officer of number 1 sees it.
    #[test]
    fn an_exception_about_this_holder_concerns_its_officer_however_deep() {
        let rules = Rules::national().unwrap();
        let words = rules.vocabulary();
        let practice = Party {
            identifiers: vec![number("1")],
            categories: words.category("gp").into_iter().collect(),
            functions: vec![],
        };
        let provision = |holders: Vec<Holder>, exceptions: Vec<Provision>| {
            let mut provision = Provision::new(Kind::Deny);
            (provision.holders, provision.exceptions) = (holders, exceptions);
            provision
        };
        let one = |value| vec![Holder::Organisation(number(value))];
        let rows: Vec<(&str, Vec<Provision>, bool)> = vec![
            ("none", vec![], false),
            ("this organisation", vec![provision(one("1"), vec![])], true),
            ("another", vec![provision(one("3"), vec![])], false),
            ("the second of two", vec![provision(one("3"), vec![]), provision(one("1"), vec![])], true),
            ("its category", vec![provision(vec![Holder::Category("gp".into())], vec![])], true),
            ("any", vec![provision(vec![Holder::Any], vec![])], true),
            ("nobody: those of the permit around it", vec![provision(vec![], vec![])], false),
            (
                "an exception to the exception",
                vec![provision(one("3"), vec![provision(one("1"), vec![])])],
                true,
            ),
            (
                "three deep",
                vec![provision(vec![], vec![provision(one("3"), vec![provision(one("1"), vec![])])])],
                true,
            ),
        ];
        for (name, exceptions, concerned) in rows {
            let mut permit = provision(one("2"), exceptions);
            permit.kind = Kind::Permit;
            let record = ConsentRecord {
                id: "c".into(),
                version: 1,
                status: Status::Active,
                givers: vec![Giver::Person],
                register: "r".into(),
                recorded_by: Some(number("2")),
                given_at: "2026-01-01T10:00:00Z".parse().unwrap(),
                source: Source::default(),
                policy: "p".into(),
                provision: permit,
            };
            assert_eq!(may_concern(words, &Reading::Readable(record), &practice), concerned, "{name}");
        }
    }
}
