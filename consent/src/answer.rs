//! The answer to a question: per data class a permit with its obligations or a refusal with its
//! reason, always with the consents that decided and a trace. Outsiders never see the reasons.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::identifier::Identifier;
use crate::rules::Rules;
use crate::set::{ClassSet, LabelSet};
use crate::sieve::Sieve;
use crate::vocabulary::DataClass;

/// How much of a class.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// The part described for the function.
    Reduced,
    /// All of the class.
    Full,
}

/// On what ground the sender may give.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SenderBasis {
    /// A consent that was given.
    ExplicitConsent,
    /// Presumed within a referral (WGBO).
    PresumedReferral,
    /// Directly involved (BW 7:457(2)).
    DirectlyInvolved,
    /// Acute chain; off by default.
    Acute,
    /// A yes spoken at the desk.
    SpokenAtDesk,
    /// The person's emergency choice with the glass broken.
    Emergency,
    /// The person's own access (or of who acts for them).
    OwnAccess,
    /// The holder's own data.
    OwnData,
    /// A dated legal default (EHDS).
    Default,
    /// A statutory duty; off by default.
    Statutory,
}

/// On what ground the receiver may take.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReceiverBasis {
    /// A treatment agreement (WGBO).
    Treatment,
    /// Wmo 2015.
    Wmo,
    /// Jeugdwet.
    Jeugdwet,
    /// Participatiewet.
    Participatiewet,
    /// Wet gemeentelijke schuldhulpverlening.
    Schuldhulp,
    /// Coordination of acute care.
    Coordination,
    /// Finding or taking a place.
    Placement,
    /// The person.
    Person,
}

/// Both legs of one permit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Basis {
    /// The giver's.
    pub sender: SenderBasis,
    /// The taker's.
    pub receiver: ReceiverBasis,
}

/// Why a class is refused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// An objection stands.
    Refused,
    /// Nobody asked, or nothing that was said covers this.
    NotAsked,
    /// It was said, and its time is over.
    Lapsed,
    /// The relation that would carry it is missing.
    NoRelation,
    /// The purpose is not open to this function.
    Purpose,
    /// A second key is missing, or a rule of age withholds it.
    Age,
    /// Who gave it may not decide this.
    Representation,
    /// The table of this function does not reach so far.
    Ceiling,
    /// The emergency road is not open.
    Emergency,
    /// An objection-like record could not be read.
    Unreadable,
    /// The register could not be reached.
    Unreachable,
}

/// Which version of which consent took part.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct ConsentRef {
    /// Its id.
    pub id: Box<str>,
    /// Its version.
    pub version: u32,
}

/// Which part of a class, beside its level.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// What the level says.
    #[default]
    Whole,
    /// The treating team and its phone number only (mental-health in an emergency).
    TreatingTeam,
}

/// Something that somebody must be told or must look at.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Duty {
    /// Tell the person, within a minute.
    NotifyPerson,
    /// Put it before the officer.
    Review,
}

/// What a permit obliges whoever releases the data to. Which single resources pass is asked of
/// [`Obligations::allows`]: it judges by the same precedence as the decision itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Obligations {
    /// Which part of the class.
    pub part: Part,
    /// Days after which data count as too old (by their own date); `None`: no limit.
    pub max_age_days: Option<u32>,
    /// Duties that start with the release.
    pub duties: Vec<Duty>,
    pub(crate) sieve: Sieve,
}

impl Obligations {
    /// Whether one resource of this class passes. Every class and label of a resource must pass: ask
    /// once per class it belongs to, each time with all its labels.
    pub fn allows(&self, item: &Item<'_>) -> bool {
        self.sieve.allows(item)
    }
    /// Whether an answer of [`Self::allows`] can depend on business identifiers.
    pub fn asks_identifiers(&self) -> bool {
        self.sieve.voices.iter().any(|voice| !voice.items.is_empty())
    }
    /// Whether an answer of [`Self::allows`] can depend on the instant that data are about.
    pub fn asks_date(&self) -> bool {
        self.sieve.voices.iter().any(|voice| voice.data_period.is_some())
    }
    /// Labels that may pass on some resource of this class.
    pub fn cleared(&self) -> LabelSet {
        self.sieve.cleared()
    }
}

/// What a resource shows of itself to a permit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Item<'a> {
    /// Its labels.
    pub labels: LabelSet,
    /// Its business identifiers.
    pub identifiers: &'a [Identifier],
    /// The instant its data are about; `None` when unknown: then no rule about age of data lets it pass.
    pub dated: Option<Timestamp>,
}

/// The answer about one class.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// May be released.
    Permit(Permit),
    /// May not.
    Refuse(Refusal),
}

/// A permit for one class.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Permit {
    /// How much.
    pub level: Level,
    /// On what ground.
    pub basis: Basis,
    /// What it obliges to.
    pub obligations: Obligations,
    /// The consents that decided.
    pub consents: Vec<ConsentRef>,
}

/// A refusal of one class.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// Why; never for outsiders.
    pub reason: Reason,
    /// The consents that decided.
    pub consents: Vec<ConsentRef>,
}

/// The answer about one holder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// Version of the rules it was made under.
    pub rules: Box<str>,
    /// Each class asked, in the vocabulary's order.
    pub classes: Vec<(DataClass, Verdict)>,
}

impl Decision {
    /// Whether anything at all is permitted.
    pub fn any_permit(&self) -> bool {
        self.classes.iter().any(|(_, verdict)| matches!(verdict, Verdict::Permit(_)))
    }
    /// The classes permitted.
    pub fn permitted_classes(&self) -> ClassSet {
        self.permits().map(|(class, _)| class).collect()
    }
    /// The permits.
    pub fn permits(&self) -> impl Iterator<Item = (DataClass, &Permit)> {
        self.classes.iter().filter_map(|(class, verdict)| match verdict {
            Verdict::Permit(permit) => Some((*class, permit)),
            Verdict::Refuse(_) => None,
        })
    }
    /// The permit of one class, if there is one.
    pub fn permit(&self, class: DataClass) -> Option<&Permit> {
        self.permits().find(|(of, _)| *of == class).map(|(_, permit)| permit)
    }
    /// The verdict on one class, if it was asked.
    pub fn verdict(&self, class: DataClass) -> Option<&Verdict> {
        self.classes.iter().find(|(of, _)| *of == class).map(|(_, verdict)| verdict)
    }
    /// A decision that refuses everything asked for one reason.
    pub fn refuse_all(rules: &Rules, asked: ClassSet, reason: Reason) -> Self {
        let refusal = |class| (class, Verdict::Refuse(Refusal { reason, consents: Vec::new() }));
        Self { rules: rules.version().into(), classes: asked.iter().map(refusal).collect() }
    }
}
