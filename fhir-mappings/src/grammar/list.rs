//! The closed list: what may be asked, type by type. Data only; CONTRACT.md 3 is its source, line for line.

/// One resource type and all that may be asked of it.
#[derive(Debug)]
pub struct Row {
    /// FHIR R4 type name.
    pub resource: &'static str,
    /// What its resources are about, which decides who answers and what is required.
    pub about: About,
    /// What may be done.
    pub interactions: &'static [Interaction],
    /// Search parameters besides `patient`, `_count` and our page token.
    pub params: &'static [Param],
    /// `_include=<Type>:medication`.
    pub include_medication: bool,
}

/// What the resources of a row are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// The person: the only way in.
    Patient,
    /// Holders' data about a person; `patient` is required.
    Data,
    /// Holders' data, and relations that participants record.
    Relation,
    /// Consents; with a directive's category, holders' data.
    Consent,
    /// Attestations.
    Attestation,
    /// The index of who holds what.
    Index,
    /// The journal, rendered.
    Audit,
    /// Released only because a released resource refers to it; read by id.
    Referred,
    /// The directory; nothing about persons.
    Directory,
}

/// One thing that may be done with a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interaction {
    /// `GET /fhir/T?…` and `POST /fhir/T/_search`; for Patient only the latter.
    Search,
    /// `GET /fhir/T/{id}`.
    Read,
    /// `POST /fhir/T`.
    Create,
    /// `PUT /fhir/T/{id}`.
    Update,
    /// `DELETE /fhir/T/{id}`.
    Delete,
    /// `GET /fhir/Observation/$lastn?…`.
    LastN,
    /// `GET` or `POST /fhir/Patient/{id}/$summary`.
    Summary,
    /// `POST /fhir/Patient/$summary`.
    SummaryByIdentifier,
    /// `POST /fhir/Patient/{id}/$explain`.
    Explain,
}

/// One search parameter.
#[derive(Debug, PartialEq, Eq)]
pub struct Param {
    /// Its name; no modifier is ever accepted.
    pub name: &'static str,
    /// The element it looks at, at the top of the resource.
    pub element: &'static str,
    /// What a value looks like and how it compares.
    pub shape: Shape,
    /// Whether a comma separates alternatives.
    pub list: ListForm,
    /// Who defined it.
    pub origin: Origin,
}

/// What a value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Token over an element of type `code`; the system is the one its binding implies.
    Code {
        /// The implied code system.
        system: &'static str,
    },
    /// Token over CodeableConcept or Coding, one or many.
    Concept,
    /// Token over Identifier, one or many; `system|value` or `value`.
    Identifier,
    /// `true` or `false`.
    Boolean,
    /// `ge` and a date: from this moment on.
    DateFrom,
    /// A full date, equal.
    Day,
    /// The beginning of a name, without regard to case.
    Text,
    /// A reference: `{id}` or `<Type>/{id}` of the type named.
    Reference {
        /// The type it points to.
        to: &'static str,
    },
}

/// Whether commas separate alternatives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListForm {
    /// One value.
    One,
    /// Any of several values.
    Comma,
}

/// Who defined a search parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// FHIR R4.
    Standard,
    /// Ours, under `https://sluis.example/fhir/SearchParameter/`; evaluated by us, never sent to a holder.
    Ours,
}

/// The row of a type, if it may be asked about at all.
#[must_use]
pub fn row(resource: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.resource == resource)
}

impl Row {
    /// Whether this may be done with this type.
    #[must_use]
    pub fn allows(&self, interaction: Interaction) -> bool {
        self.interactions.contains(&interaction)
    }

    /// A search parameter of this type by its exact name.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&'static Param> {
        self.params.iter().find(|param| param.name == name)
    }

    /// Whether a search of this type is about one person and needs `patient`.
    #[must_use]
    pub fn needs_patient(&self) -> bool {
        match self.about {
            About::Data | About::Relation | About::Consent | About::Attestation | About::Audit => true,
            About::Patient | About::Index | About::Referred | About::Directory => false,
        }
    }
}

use About::{Attestation, Audit, Consent, Data, Directory, Index, Patient, Referred, Relation};
use Interaction::{Create, Delete, Explain, LastN, Read, Search, Summary, SummaryByIdentifier, Update};
use ListForm::{Comma, One};

const fn concept(name: &'static str, element: &'static str, list: ListForm) -> Param {
    Param { name, element, shape: Shape::Concept, list, origin: Origin::Standard }
}

const fn status(system: &'static str, list: ListForm) -> Param {
    Param { name: "status", element: "status", shape: Shape::Code { system }, list, origin: Origin::Standard }
}

const fn our_status(system: &'static str) -> Param {
    Param {
        name: "status",
        element: "status",
        shape: Shape::Code { system },
        list: One,
        origin: Origin::Ours,
    }
}

const fn other(name: &'static str, element: &'static str, shape: Shape) -> Param {
    Param { name, element, shape, list: One, origin: Origin::Standard }
}

const fn data(resource: &'static str, params: &'static [Param]) -> Row {
    Row { resource, about: Data, interactions: &[Search, Read], params, include_medication: false }
}

const fn medicine(resource: &'static str, params: &'static [Param]) -> Row {
    Row { resource, about: Data, interactions: &[Search, Read], params, include_medication: true }
}

const fn relation(resource: &'static str, params: &'static [Param]) -> Row {
    Row {
        resource,
        about: Relation,
        interactions: &[Search, Read, Create, Update],
        params,
        include_medication: false,
    }
}

const fn directory(resource: &'static str, params: &'static [Param]) -> Row {
    Row { resource, about: Directory, interactions: &[Search, Read], params, include_medication: false }
}

const fn referred(resource: &'static str) -> Row {
    Row { resource, about: Referred, interactions: &[Read], params: &[], include_medication: false }
}

const CATEGORY: Param = concept("category", "category", One);
const EVENT: &str = "http://hl7.org/fhir/event-status";
const REQUEST: &str = "http://hl7.org/fhir/request-status";
const ACTIVE: Param = other("active", "active", Shape::Boolean);
const IDENTIFIER: Param = other("identifier", "identifier", Shape::Identifier);
const NAME: Param = other("name", "name", Shape::Text);

/// Everything that may be asked, in the order of CONTRACT.md 3.
pub const ROWS: &[Row] = &[
    Row {
        resource: "Patient",
        about: Patient,
        interactions: &[Search, Read, Summary, SummaryByIdentifier, Explain],
        params: &[IDENTIFIER, other("birthdate", "birthDate", Shape::Day)],
        include_medication: false,
    },
    data(
        "Condition",
        &[CATEGORY, concept("clinical-status", "clinicalStatus", One), concept("code", "code", One)],
    ),
    data("AllergyIntolerance", &[concept("clinical-status", "clinicalStatus", One)]),
    data("Flag", &[our_status("http://hl7.org/fhir/flag-status")]),
    medicine(
        "MedicationRequest",
        &[CATEGORY, status("http://hl7.org/fhir/CodeSystem/medicationrequest-status", One)],
    ),
    medicine(
        "MedicationDispense",
        &[
            Param {
                name: "category",
                element: "category",
                shape: Shape::Concept,
                list: One,
                origin: Origin::Ours,
            },
            status("http://terminology.hl7.org/CodeSystem/medicationdispense-status", One),
        ],
    ),
    medicine(
        "MedicationStatement",
        &[CATEGORY, status("http://hl7.org/fhir/CodeSystem/medication-statement-status", One)],
    ),
    Row {
        resource: "Observation",
        about: Data,
        interactions: &[Search, Read, LastN],
        params: &[
            concept("category", "category", Comma),
            concept("code", "code", Comma),
            other("date", "effective", Shape::DateFrom),
        ],
        include_medication: false,
    },
    data("DiagnosticReport", &[CATEGORY]),
    data("Immunization", &[status(EVENT, One)]),
    data("Procedure", &[CATEGORY, status(EVENT, One)]),
    data("DeviceUseStatement", &[our_status("http://hl7.org/fhir/device-statement-status")]),
    data("DeviceRequest", &[status(REQUEST, One)]),
    relation("Encounter", &[concept("class", "class", Comma)]),
    relation("EpisodeOfCare", &[status("http://hl7.org/fhir/episode-of-care-status", Comma)]),
    relation("CareTeam", &[status("http://hl7.org/fhir/care-team-status", Comma)]),
    relation("CarePlan", &[status(REQUEST, Comma)]),
    data(
        "Goal",
        &[Param {
            name: "status",
            element: "lifecycleStatus",
            shape: Shape::Code { system: "http://hl7.org/fhir/goal-status" },
            list: Comma,
            origin: Origin::Ours,
        }],
    ),
    relation("ServiceRequest", &[status(REQUEST, Comma)]),
    data("Task", &[status("http://hl7.org/fhir/task-status", Comma)]),
    data("Appointment", &[status("http://hl7.org/fhir/appointmentstatus", Comma)]),
    data("NutritionOrder", &[]),
    data("Coverage", &[]),
    data("RelatedPerson", &[]),
    data("DocumentReference", &[status("http://hl7.org/fhir/document-reference-status", One), CATEGORY]),
    Row {
        resource: "Consent",
        about: Consent,
        interactions: &[Search, Read, Create, Update],
        params: &[CATEGORY],
        include_medication: false,
    },
    data("ImmunizationRecommendation", &[]),
    data("QuestionnaireResponse", &[]),
    Row {
        resource: "Basic",
        about: Attestation,
        interactions: &[Search, Read, Create],
        params: &[],
        include_medication: false,
    },
    // The one modifier there is, for the NVI asks so: its name is taken whole.
    Row {
        resource: "List",
        about: Index,
        interactions: &[Search, Create, Delete],
        params: &[other("subject:identifier", "subject", Shape::Identifier), concept("code", "code", One)],
        include_medication: false,
    },
    Row {
        resource: "AuditEvent",
        about: Audit,
        interactions: &[Search],
        params: &[],
        include_medication: false,
    },
    referred("Medication"),
    referred("Practitioner"),
    referred("Device"),
    referred("Specimen"),
    referred("Binary"),
    directory("Organization", &[ACTIVE, IDENTIFIER, NAME, concept("type", "type", One)]),
    directory(
        "HealthcareService",
        &[
            ACTIVE,
            IDENTIFIER,
            NAME,
            other("organization", "providedBy", Shape::Reference { to: "Organization" }),
        ],
    ),
    directory(
        "Location",
        &[
            IDENTIFIER,
            NAME,
            other("organization", "managingOrganization", Shape::Reference { to: "Organization" }),
        ],
    ),
    directory(
        "Endpoint",
        &[
            IDENTIFIER,
            other("organization", "managingOrganization", Shape::Reference { to: "Organization" }),
            status("http://hl7.org/fhir/endpoint-status", One),
        ],
    ),
    directory(
        "PractitionerRole",
        &[
            ACTIVE,
            IDENTIFIER,
            other("organization", "organization", Shape::Reference { to: "Organization" }),
            concept("role", "code", One),
        ],
    ),
    directory(
        "OrganizationAffiliation",
        &[
            ACTIVE,
            IDENTIFIER,
            other(
                "participating-organization",
                "participatingOrganization",
                Shape::Reference { to: "Organization" },
            ),
            other("primary-organization", "organization", Shape::Reference { to: "Organization" }),
            concept("role", "code", One),
        ],
    ),
];
