//! Why a Consent, a relation or an attestation is not recorded: to its sender, in plain words, with the place.

use crate::outcome::{Code, Outcome, Reason};

/// One reason and the element it is about. Holds nothing that the sender wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub why: Why,
    /// FHIRPath-like place, such as `Consent.provision.actor[0]`.
    pub expression: String,
}

impl Refusal {
    pub(crate) fn new(why: Why, expression: impl Into<String>) -> Self {
        Self { why, expression: expression.into() }
    }

    /// The OperationOutcome for the sender.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        Outcome::new(self.why.code()).because(self.why.reason()).at(self.expression.clone())
    }
}

macro_rules! whys {
    ($($(#[$doc:meta])* $name:ident, $status:ident, $code:literal, $nl:literal, $en:literal;)*) => {
        /// Reasons for refusing a Consent, a relation or an attestation.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Why {
            $($(#[$doc])* $name,)*
        }

        impl Why {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The outward code: `body-invalid` for shape, `consent-refused` for meaning.
            #[must_use]
            pub fn code(self) -> Code {
                match self {
                    $(Self::$name => Code::$status,)*
                }
            }

            /// The finer code with its words.
            #[must_use]
            pub fn reason(self) -> Reason {
                match self {
                    $(Self::$name => Reason { code: $code, nl: $nl, en: $en },)*
                }
            }
        }
    };
}

whys! {
    /// Above the size limit.
    TooLarge, TooLarge, "too-large", "Een toestemming is ten hoogste 1 MiB.", "A consent is at most 1 MiB.";
    /// Not strict JSON.
    NotJson, BodyInvalid, "not-json", "Dit is geen geldige JSON.", "This is not well-formed JSON.";
    /// Not a Consent.
    NotAConsent, BodyInvalid, "not-a-consent", "Dit is geen FHIR Consent.", "This is not a FHIR Consent.";
    /// A required element is missing or has the wrong shape.
    Shape, BodyInvalid, "shape", "Dit onderdeel ontbreekt of heeft niet de vorm van FHIR R4.", "This element is missing or does not have the shape of FHIR R4.";
    /// An element we do not act on.
    ElementNotSupported, ConsentRefused, "element-not-supported", "Dit onderdeel kan de betekenis veranderen en wordt niet ondersteund.", "This element may change the meaning and is not supported.";
    /// `modifierExtension` or `implicitRules`.
    ModifierUnknown, ConsentRefused, "modifier-unknown", "Een onbekende modifierExtension of implicitRules kan de betekenis omkeren.", "An unknown modifierExtension or implicitRules may reverse the meaning.";
    /// Scope other than `patient-privacy`.
    OtherScope, ConsentRefused, "other-scope", "Alleen scope patient-privacy wordt hier vastgelegd; behandel- en wilsverklaringen zijn gegevens van de houder.", "Only scope patient-privacy is recorded here; treatment and advance directives are data of their holder.";
    /// Category other than LOINC 59284-0.
    OtherCategory, ConsentRefused, "other-category", "De categorie moet precies LOINC 59284-0 zijn.", "The category must be LOINC 59284-0 alone.";
    /// A new record that is not active.
    NotActive, ConsentRefused, "not-active", "Een nieuwe toestemming moet status active hebben.", "A new consent must have status active.";
    /// A status that a change cannot have.
    StatusNotAllowed, ConsentRefused, "status-not-allowed", "Een wijziging heeft status active, inactive of entered-in-error.", "A change has status active, inactive or entered-in-error.";
    /// The person is named by both reference and identifier, or by neither.
    PatientUnclear, BodyInvalid, "patient-unclear", "Noem de persoon met Patient/{id} of met identifier, niet met beide.", "Name the person by Patient/{id} or by identifier, not by both.";
    /// No moment at which it was given.
    DateMissing, ConsentRefused, "date-missing", "dateTime, het moment waarop de toestemming is gegeven, ontbreekt of is onleesbaar.", "dateTime, the moment the consent was given, is missing or unreadable.";
    /// Given in the future.
    DateInFuture, ConsentRefused, "date-in-future", "dateTime ligt in de toekomst.", "dateTime is in the future.";
    /// One business identifier twice.
    IdentifierTwice, ConsentRefused, "identifier-twice", "Dezelfde identifier staat er twee keer.", "The same identifier stands there twice.";
    /// A record in force has this business identifier.
    IdentifierTaken, Conflict, "identifier-taken", "Er staat al een geldende toestemming met deze identifier; wijzig of trek die in.", "A consent in force has this identifier already; change or withdraw that one.";
    /// Nobody gave it.
    PerformerMissing, ConsentRefused, "performer-missing", "performer ontbreekt: wie gaf de toestemming?", "performer is missing: who gave the consent?";
    /// Given by somebody who cannot.
    PerformerUnknown, ConsentRefused, "performer-unknown", "performer is de persoon zelf of een ingesloten RelatedPerson.", "performer is the person or a contained RelatedPerson.";
    /// One giver twice.
    PerformerTwice, ConsentRefused, "performer-twice", "Dezelfde gever staat er twee keer.", "The same giver stands there twice.";
    /// A representative without kind, mandate or evidence.
    RepresentativeIncomplete, ConsentRefused, "representative-incomplete", "Een vertegenwoordiger heeft een relationship uit representation-kind, een period en een representation-evidence nodig.", "A representative needs a relationship from representation-kind, a period and a representation-evidence.";
    /// Evidence about somebody else.
    OtherPersonsEvidence, ConsentRefused, "other-persons-evidence", "Dit bewijs gaat over een andere persoon.", "This evidence is about another person.";
    /// No recorder.
    OrganizationMissing, ConsentRefused, "organization-missing", "organization, wie dit vastlegt, ontbreekt of heeft geen identifier.", "organization, who records this, is missing or has no identifier.";
    /// A recorder that is not the sender.
    OtherRecorder, ConsentRefused, "other-recorder", "organization is niet de organisatie die dit stuurt.", "organization is not the organisation that sends this.";
    /// No evidence of the consent.
    SourceMissing, ConsentRefused, "source-missing", "sourceAttachment.title of sourceReference ontbreekt.", "sourceAttachment.title or sourceReference is missing.";
    /// No policy.
    PolicyMissing, ConsentRefused, "policy-missing", "policy.uri ontbreekt of is geen absolute URI.", "policy.uri is missing or is no absolute URI.";
    /// No provision.
    ProvisionMissing, ConsentRefused, "provision-missing", "provision ontbreekt: er staat niet wat mag of niet mag.", "provision is missing: nothing says what is allowed or not.";
    /// Neither permit nor deny.
    ProvisionUntyped, ConsentRefused, "provision-untyped", "Elke provision moet type permit of deny hebben.", "Every provision must have type permit or deny.";
    /// Nested too deep.
    TooDeep, ConsentRefused, "too-deep", "Uitzonderingen mogen ten hoogste vier diep staan.", "Exceptions may be at most four deep.";
    /// Too many parts.
    TooMany, ConsentRefused, "too-many", "Er staan te veel onderdelen in.", "It has too many parts.";
    /// Ends before it starts.
    EndBeforeStart, ConsentRefused, "end-before-start", "Het einde ligt voor het begin.", "The end is before the start.";
    /// A period that cannot be read.
    PeriodUnreadable, BodyInvalid, "period-unreadable", "Deze periode is onleesbaar of leeg.", "This period is unreadable or empty.";
    /// A role other than CST and IRCP.
    RoleUnknown, ConsentRefused, "role-unknown", "De rol van een actor is CST (houder) of IRCP (gebruiker).", "The role of an actor is CST (holder) or IRCP (user).";
    /// A holder that does not take part.
    HolderUnknown, ConsentRefused, "holder-unknown", "Deze houder is hier niet bekend.", "This holder is not known here.";
    /// A user that cannot be told.
    UserUnknown, ConsentRefused, "user-unknown", "Deze gebruiker is niet te herkennen: noem een identifier van een bekend systeem.", "This user cannot be told: give an identifier of a known system.";
    /// A category that does not exist.
    CategoryUnknown, ConsentRefused, "category-unknown", "Deze categorie bestaat niet.", "This category does not exist.";
    /// A function that does not exist.
    FunctionUnknown, ConsentRefused, "function-unknown", "Deze functie bestaat niet.", "This function does not exist.";
    /// A data class that does not exist.
    ClassUnknown, ConsentRefused, "class-unknown", "Deze gegevenssoort bestaat niet in data-class.", "This data class does not exist in data-class.";
    /// A label that does not exist.
    LabelUnknown, ConsentRefused, "label-unknown", "Dit securityLabel wordt niet gekend.", "This securityLabel is not known.";
    /// A purpose that does not exist.
    PurposeUnknown, ConsentRefused, "purpose-unknown", "Dit doel wordt niet gekend.", "This purpose is not known.";
    /// An objection to who one is.
    IdentityObjection, ConsentRefused, "identity-objection", "Tegen identity is geen bezwaar mogelijk: het gaat mee met elke andere gegevenssoort.", "identity cannot be objected to: it goes along with any other data class.";
    /// An action other than access.
    ActionOther, ConsentRefused, "action-other", "Alleen de actie access wordt ondersteund.", "Only the action access is supported.";
    /// A meaning other than instance and related.
    MeaningUnknown, ConsentRefused, "meaning-unknown", "data.meaning is instance of related.", "data.meaning is instance or related.";
    /// Data or context without a business identifier.
    DataUnidentified, ConsentRefused, "data-unidentified", "Gegevens en samenhang worden met identifier genoemd, niet met een adres.", "Data and context are named by identifier, not by address.";
    /// No relation type.
    NotARelation, BodyInvalid, "not-a-relation", "Het type in de inhoud is niet dat van het adres.", "The type in the body is not that of the address.";
    /// Nobody takes part in it.
    PartiesMissing, ConsentRefused, "parties-missing", "Er staat geen organisatie met identifier in.", "It holds no organisation with an identifier.";
    /// A party that cannot be told.
    PartyUnidentified, ConsentRefused, "party-unidentified", "Noem een organisatie met identifier, niet met een adres.", "Name an organisation by identifier, not by address.";
    /// No sender or no receiver.
    ReferralIncomplete, ConsentRefused, "referral-incomplete", "Een verwijzing heeft een requester en een performer nodig, beide organisaties met identifier.", "A referral needs a requester and a performer, both organisations with an identifier.";
    /// No term.
    TermMissing, ConsentRefused, "term-missing", "De looptijd ontbreekt: zonder begin en einde geldt niets.", "The term is missing: without start and end nothing holds.";
    /// A request not to do something.
    NotToDo, ConsentRefused, "not-to-do", "Een verzoek om iets niet te doen is geen verwijzing.", "A request not to do something is no referral.";
    /// No attestation of ours.
    AttestationUnknown, ConsentRefused, "attestation-unknown", "code moet er een uit CodeSystem/attestation zijn.", "code must be one of CodeSystem/attestation.";
    /// An author that is not the sender.
    OtherAuthor, ConsentRefused, "other-author", "author is niet degene die dit stuurt.", "author is not the one who sends this.";
}
