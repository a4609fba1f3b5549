//! What a lens takes out of a record before somebody sees it.

use crate::road::authenticate::TAGGED;
use crate::road::locate::REPRESENTING;
use crate::road::minimise::KEPT_APART;
use fhir_mappings::audit::{self, Coding, Entry, Kind, Organisation, Outcome, Share, Side};

/// What somebody who acts for the person sees of a record: nothing of what a young person keeps apart, in no line and in
/// no count, and of the rest the classes that reach them.
pub(super) fn represent(entry: &mut Entry, classes: &[String]) -> Option<Side> {
    let kept = |entry: &Entry, of: &str| {
        let name = format!("{KEPT_APART}{of}");
        entry.details.iter().find(|detail| detail.name == name).map(|detail| detail.value.clone())
    };
    if kept(entry, "").is_some() {
        return None;
    }
    if entry.details.iter().any(|detail| detail.name.starts_with(KEPT_APART)) {
        entry.query = None;
    }
    if entry.kind == Kind::Import {
        // How much was brought in counts what is kept apart too.
        entry.details.clear();
    }
    let aparts: Vec<String> =
        entry.shares.iter().map(|share| kept(entry, &share.holder.id).unwrap_or_default()).collect();
    let had = entry.shares.len();
    for (share, apart) in entry.shares.iter_mut().zip(aparts) {
        let mut apart = apart.split(' ');
        let count = apart.next().and_then(|n| n.parse().ok()).unwrap_or_default();
        share.resources = share.resources.saturating_sub(count);
        let alone: Vec<&str> = apart.collect();
        let shown = |class: &String| classes.contains(class) && !alone.contains(&class.as_str());
        for given in &mut share.given {
            given.classes.retain(shown);
        }
        for withheld in &mut share.withheld {
            withheld.classes.retain(shown);
        }
        share.given.retain(|given| !given.classes.is_empty());
        share.withheld.retain(|withheld| !withheld.classes.is_empty());
    }
    entry.shares.retain(|share| !share.given.is_empty() || !share.withheld.is_empty());
    (had == 0 || !entry.shares.is_empty()).then_some(Side::Source)
}

/// Takes out of a record what tells where somebody is: which organisations they go to, and who works there.
pub(super) fn displace(entry: &mut Entry) {
    let hidden = || Coding { system: NOT_SHOWN.to_owned(), code: "not-shown".to_owned() };
    if let Some(organisation) = &mut entry.organisation {
        *organisation = Organisation { id: NOT_SHOWN.to_owned(), identifier: hidden(), name: String::new() };
    }
    for share in &mut entry.shares {
        share.holder =
            audit::Holder { id: NOT_SHOWN.to_owned(), identifier: hidden(), country: "NL".to_owned() };
    }
    for person in entry.person.iter_mut().chain(&mut entry.responsible) {
        let acts = person.id.starts_with(REPRESENTING) || person.id.starts_with(TAGGED);
        if !acts {
            person.name = None;
            OTHERS_STAFF.clone_into(&mut person.id);
        }
    }
    (entry.query, entry.relation, entry.token, entry.network) = (None, None, None, None);
    entry.changes.clear();
    entry.details.retain(|detail| detail.name == "page" || detail.name == "about" || detail.name == "to");
}

/// Stands for an organisation that is not named.
pub(crate) const NOT_SHOWN: &str = "urn:sluis:organisation#not-shown";

/// Own tenancy: what the own organisation asked, or what was asked of its data; of others' parts nothing stays.
pub(super) fn narrow(entry: &mut Entry, organisation: &str) -> Option<Side> {
    // Who acts for somebody acts in a name that is the person's.
    let tagged = format!("{TAGGED}{}", entry.subject.as_deref().unwrap_or_default());
    for person in entry.responsible.iter_mut().filter(|person| person.id == tagged) {
        person.name = None;
    }
    let own = |share: &Share| share.holder.id == organisation;
    if entry.organisation.as_ref().is_some_and(|o| o.id == organisation) {
        // What was withheld by others, and by which consent, was never told to the asker: nor is it to its officer.
        entry.shares.retain(|share| own(share) || !share.given.is_empty() || share.failed.is_some());
        for share in entry.shares.iter_mut().filter(|share| !own(share)) {
            share.withheld.clear();
        }
        if entry.kind != Kind::Consent {
            entry.consents.clear();
        }
        if let Outcome::Refused(reason) = &mut entry.outcome {
            // The reason behind `not-permitted` may be an objection of the person.
            *reason = reason.split('/').next().unwrap_or_default().to_owned();
        }
        return Some(Side::Recipient);
    }
    entry.shares.retain(own);
    if entry.shares.is_empty() {
        return None;
    }
    entry.consents.clear();
    entry.token = None;
    let own = format!("{TAGGED}{}", entry.subject.as_deref().unwrap_or_default());
    for person in entry.person.iter_mut().chain(&mut entry.responsible).filter(|p| p.id != own) {
        person.name = None;
        OTHERS_STAFF.clone_into(&mut person.id);
    }
    if let Outcome::Refused(reason) = &mut entry.outcome {
        *reason = reason.split('/').next().unwrap_or_default().to_owned();
    }
    Some(Side::Source)
}

/// Stands for somebody who works elsewhere: organisation, role and function say enough to the holder.
const OTHERS_STAFF: &str = "urn:sluis:person#not-shown";

#[cfg(test)]
mod tests {
    use super::{KEPT_APART, OTHERS_STAFF, narrow, represent};
    use fhir_mappings::audit::{
        Action, Assurance, Coding, ConsentUsed, Detail, Entry, Given, Holder, Interaction, Kind,
        Organisation, Outcome, Person, Share, Side, Withheld,
    };

    fn coding() -> Coding {
        Coding { system: "s".into(), code: "c".into() }
    }

    fn share(holder: &str, given: bool) -> Share {
        let holder = Holder { id: holder.into(), identifier: coding(), country: "NL".into() };
        let given = given.then(|| Given {
            classes: vec!["medication".into()],
            level: "full".into(),
            sender: "x".into(),
            receiver: "y".into(),
        });
        let withheld = vec![Withheld { classes: vec!["mental-health".into()], reason: "refused".into() }];
        Share { holder, given: given.into_iter().collect(), withheld, resources: 0, failed: None }
    }

    /// `asker` asked; `gives` gave in part, `silent` gave nothing because of an objection.
    fn record(outcome: Outcome) -> Entry {
        let mut entry = Entry::new(Kind::Answered, Action::Read, Interaction::Search, outcome);
        entry.organisation =
            Some(Organisation { id: "asker".into(), identifier: coding(), name: "Asker".into() });
        entry.person = Some(Person {
            id: "urn:sluis:person#valk".into(),
            name: Some("V. Valk".into()),
            role: Some(coding()),
            assurance: Assurance::Registered,
        });
        entry.shares = vec![share("gives", true), share("silent", false)];
        entry.consents = vec![ConsentUsed { id: "c".into(), version: "1".into() }];
        entry
    }

    fn holders(entry: &Entry) -> Vec<&str> {
        entry.shares.iter().map(|s| s.holder.id.as_str()).collect()
    }

    #[test]
    fn the_askers_officer_sees_who_gave_and_nothing_of_who_withheld() {
        let mut entry = record(Outcome::Refused("not-permitted/refused".into()));
        assert_eq!(narrow(&mut entry, "asker"), Some(Side::Recipient));
        assert_eq!(holders(&entry), ["gives"]);
        assert!(entry.shares[0].withheld.is_empty() && entry.consents.is_empty());
        assert!(entry.outcome == Outcome::Refused("not-permitted".into()));
        assert_eq!(entry.person.unwrap().name.as_deref(), Some("V. Valk"));
    }

    #[test]
    fn a_holders_officer_sees_the_own_part_whole_and_no_name_of_others() {
        let mut entry = record(Outcome::Success);
        assert_eq!(narrow(&mut entry, "silent"), Some(Side::Source));
        assert_eq!(holders(&entry), ["silent"]);
        assert_eq!(entry.shares[0].withheld.len(), 1);
        let person = entry.person.unwrap();
        assert_eq!((person.id.as_str(), person.name), (OTHERS_STAFF, None));
        assert!(person.role.is_some() && entry.consents.is_empty());
    }

    #[test]
    fn a_representative_sees_own_classes_and_no_count_of_what_is_kept_apart() {
        let detail =
            |of: &str, value: &str| Detail { name: format!("{KEPT_APART}{of}"), value: value.into() };
        let mut entry = record(Outcome::Success);
        entry.shares[0].resources = 5;
        entry.query = Some("code=X02".into());
        entry.details = vec![detail("gives", "2 results")];
        entry.shares[0].given[0].classes.push("results".into());
        let reached = ["medication".to_owned(), "results".to_owned()];
        assert_eq!(represent(&mut entry, &reached), Some(Side::Source));
        assert_eq!(holders(&entry), ["gives"]);
        assert_eq!((entry.shares[0].resources, entry.query.as_deref()), (3, None));
        assert_eq!(entry.shares[0].given[0].classes, ["medication"], "the results were all kept apart");
        assert!(entry.shares[0].withheld.is_empty());
        let mut entry = record(Outcome::Success);
        assert!(represent(&mut entry, &["plan".to_owned()]).is_none());
        let mut entry = record(Outcome::Success);
        entry.details = vec![detail("", "whole")];
        assert!(represent(&mut entry, &reached).is_none());
    }

    #[test]
    fn an_officer_of_neither_sees_no_such_record() {
        assert!(narrow(&mut record(Outcome::Success), "elsewhere").is_none());
    }
}
