//! The steps of a decision, coded, for those who may know. Renderable in Dutch and English.
//! Never holds a value of the person: only codes and the ids of consents.

use serde::Serialize;

use crate::answer::{ConsentRef, Level, Reason, ReceiverBasis, SenderBasis};

/// One step.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Step {
    /// What happened.
    pub step: StepCode,
    /// Which consent it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent: Option<ConsentRef>,
}

/// What happened in a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepCode {
    /// The holder asks for its own data.
    OwnData,
    /// The cell of the function is open for this class.
    CellOpen,
    /// The cell opens only for a permit that names the class.
    CellByName,
    /// The cell is shut.
    CellShut,
    /// A permit speaks.
    PermitSpeaks,
    /// An objection speaks.
    ObjectionSpeaks,
    /// A permit fits but does not count.
    PermitInert(Reason),
    /// A newer statement of the same giver and scope took its place.
    Superseded,
    /// A basis beside consents holds.
    BasisHolds(SenderBasis),
    /// An objection stands against every permit.
    ObjectionStands,
    /// Every objection is overridden by a narrower permit of who objected, or there is none.
    PermitStands,
    /// What the function or the age needs beside a basis is missing.
    NeedMissing(Reason),
}

impl StepCode {
    /// In Dutch (`nl`), else in English.
    pub fn text(self, language: &str) -> &'static str {
        let (nl, en) = match self {
            Self::OwnData => ("eigen gegevens van de organisatie", "the holder's own data"),
            Self::CellOpen => ("deze functie mag deze gegevens zien", "this function may see this class"),
            Self::CellByName => (
                "alleen als iemand deze gegevens uitdrukkelijk noemt",
                "only by a permit that names this class",
            ),
            Self::CellShut => {
                ("deze functie ziet deze gegevens nooit", "this function never sees this class")
            }
            Self::PermitSpeaks => ("een toestemming geldt", "a permit speaks"),
            Self::ObjectionSpeaks => ("een bezwaar geldt", "an objection speaks"),
            Self::PermitInert(_) => {
                ("een toestemming past, maar telt niet", "a permit fits but does not count")
            }
            Self::Superseded => ("vervangen door een nieuwere keuze", "replaced by a newer choice"),
            Self::BasisHolds(_) => ("een andere grond geldt", "another basis holds"),
            Self::ObjectionStands => ("het bezwaar wint", "the objection stands"),
            Self::PermitStands => ("de toestemming wint", "the permit stands"),
            Self::NeedMissing(_) => ("er ontbreekt nog iets", "something else is missing"),
        };
        if language == "nl" { nl } else { en }
    }
}

impl Reason {
    /// In Dutch (`nl`), else in English. For the person and officers, never for outsiders.
    pub fn text(self, language: &str) -> &'static str {
        let (nl, en) = match self {
            Self::Refused => ("jij zei nee", "you said no"),
            Self::NotAsked => ("nog niet gevraagd", "not asked yet"),
            Self::Lapsed => ("je keuze is verlopen", "your choice has lapsed"),
            Self::NoRelation => ("er is geen lopende relatie", "there is no live relation"),
            Self::Purpose => {
                ("dit doel hoort niet bij deze functie", "this purpose is not open to this function")
            }
            Self::Age => ("leeftijd: er ontbreekt een handtekening", "age: a key is missing"),
            Self::Representation => {
                ("wie dit gaf, mag hierover niet beslissen", "who gave this may not decide it")
            }
            Self::Ceiling => {
                ("hoort niet bij het werk van deze functie", "outside the work of this function")
            }
            Self::Emergency => ("spoedinzage is hier niet open", "the emergency road is not open"),
            Self::Unreadable => ("een keuze is onleesbaar", "a choice could not be read"),
            Self::Unreachable => ("het register was onbereikbaar", "the register could not be reached"),
        };
        if language == "nl" { nl } else { en }
    }
}

impl Level {
    /// In Dutch (`nl`), else in English.
    pub fn text(self, language: &str) -> &'static str {
        let (nl, en) = match self {
            Self::Reduced => ("een deel", "in part"),
            Self::Full => ("alles", "in full"),
        };
        if language == "nl" { nl } else { en }
    }
}

impl SenderBasis {
    /// In Dutch (`nl`), else in English.
    pub fn text(self, language: &str) -> &'static str {
        let (nl, en) = match self {
            Self::ExplicitConsent => ("toestemming van de persoon", "consent of the person"),
            Self::PresumedReferral => ("verondersteld bij een verwijzing", "presumed with a referral"),
            Self::DirectlyInvolved => ("rechtstreeks betrokken", "directly involved"),
            Self::Acute => ("acute zorg", "acute care"),
            Self::SpokenAtDesk => ("toestemming aan de balie", "consent at the desk"),
            Self::Emergency => ("spoed", "emergency"),
            Self::OwnAccess => ("eigen inzage", "own access"),
            Self::OwnData => ("eigen gegevens", "own data"),
            Self::Default => ("wettelijke standaard", "default by law"),
            Self::Statutory => ("wettelijke plicht", "duty by law"),
        };
        if language == "nl" { nl } else { en }
    }
}

impl ReceiverBasis {
    /// In Dutch (`nl`), else in English.
    pub fn text(self, language: &str) -> &'static str {
        let (nl, en) = match self {
            Self::Treatment => ("behandeling", "treatment"),
            Self::Wmo => ("ondersteuning volgens de Wmo", "support under the Wmo"),
            Self::Jeugdwet => ("jeugdhulp", "youth help"),
            Self::Participatiewet => ("werk en inkomen", "work and income"),
            Self::Schuldhulp => ("schuldhulp", "debt help"),
            Self::Coordination => ("zorg op elkaar afstemmen", "coordination of care"),
            Self::Placement => ("een plek zoeken", "finding a place"),
            Self::Person => ("de persoon, of wie voor die persoon kijkt", "the person, or who acts for them"),
        };
        if language == "nl" { nl } else { en }
    }
}
