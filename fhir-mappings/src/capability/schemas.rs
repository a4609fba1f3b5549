//! Schemas of `/openapi.json`: exact about what a sender decides, open about what we answer in FHIR.

use crate::grammar::{About, ROWS};
use crate::outcome::{Code, OUTCOME_SYSTEM};
use serde_json::{Map, Value, json};

/// An id as the grammar reads it in a path.
pub(super) const ID: &str = "[A-Za-z0-9-]([A-Za-z0-9.-]{0,62}[A-Za-z0-9-])?";

/// Every schema by name.
pub(super) fn all() -> Value {
    let mut out = Map::new();
    for row in ROWS {
        out.insert(row.resource.to_owned(), resource(row.resource));
    }
    for name in ["Resource", "Parameters", "CapabilityStatement"] {
        out.insert(name.to_owned(), resource(name));
    }
    out.insert("Document".to_owned(), json!({"type": "object"}));
    for row in ROWS.iter().filter(|row| row.about == About::Relation) {
        out.insert(format!("{}Body", row.resource), relation(row.resource));
    }
    for (name, schema) in [
        ("Bundle", bundle()),
        ("OperationOutcome", operation_outcome()),
        ("TokenRequest", token_request()),
        ("Token", token()),
        ("OAuthError", oauth_error()),
        ("ConsentBody", consent()),
        ("Provision", provision()),
        ("AttestationBody", attestation()),
        ("ListBody", entry()),
        ("SummaryParameters", summary_parameters()),
        ("ExplainParameters", explain_parameters()),
        ("PersonIdentifier", pattern("^[a-z][a-z0-9+.-]*:[A-Za-z0-9:/._-]{1,100}\\|[A-Za-z0-9._-]{1,60}$")),
        ("TokenValue", pattern(&format!("^{TOKEN}$"))),
        ("TokenList", pattern(&format!("^{TOKEN}(,{TOKEN}){{0,9}}$"))),
        ("DateFrom", pattern("^ge(19|20)[0-9]{2}(-(0[1-9]|1[0-2])(-(0[1-9]|1[0-9]|2[0-8]))?)?$")),
        ("Identifier", identifier()),
        ("Organisation", organisation()),
        ("Period", period()),
        ("PatientReference", patient_reference()),
    ] {
        out.insert(name.to_owned(), schema);
    }
    Value::Object(out)
}

const TOKEN: &str = "[A-Za-z0-9:/._-]{1,100}(\\|[A-Za-z0-9._-]{1,60})?";

fn pattern(pattern: &str) -> Value {
    json!({"type": "string", "pattern": pattern})
}

fn schema(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn resource(name: &str) -> Value {
    let kind = if name == "Resource" { json!({"type": "string"}) } else { json!({"const": name}) };
    json!({
        "type": "object",
        "properties": {"resourceType": kind, "id": pattern("^[A-Za-z0-9.-]{1,64}$")},
        "required": ["resourceType"]
    })
}

fn bundle() -> Value {
    json!({
        "type": "object",
        "properties": {
            "resourceType": {"const": "Bundle"},
            "type": {"enum": ["searchset", "document"]},
            "link": {"type": "array", "items": {"type": "object", "required": ["relation", "url"]}},
            "entry": {"type": "array", "items": {"type": "object", "properties": {"resource": schema("Resource")}}}
        },
        "required": ["resourceType", "type"]
    })
}

fn operation_outcome() -> Value {
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    json!({
        "type": "object",
        "properties": {
            "resourceType": {"const": "OperationOutcome"},
            "issue": {"type": "array", "minItems": 1, "items": {
                "type": "object",
                "properties": {
                    "severity": {"enum": ["error"]},
                    "code": {"type": "string"},
                    "details": {"type": "object", "properties": {
                        "coding": {"type": "array", "minItems": 1, "prefixItems": [{
                            "type": "object",
                            "properties": {"system": {"const": OUTCOME_SYSTEM}, "code": {"enum": codes}},
                            "required": ["system", "code"]
                        }]},
                        "text": {"type": "string"}
                    }, "required": ["coding", "text"]},
                    "expression": {"type": "array", "items": {"type": "string"}}
                },
                "required": ["severity", "code", "details"]
            }}
        },
        "required": ["resourceType", "issue"]
    })
}

fn token_request() -> Value {
    json!({
        "type": "object",
        "properties": {
            "grant_type": {"const": "client_credentials"},
            "scope": {"type": "string", "examples": ["system/Patient.rs system/Condition.rs"]},
            "client_assertion_type": {"const": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
            "client_assertion": {"type": "string", "description": "A JWT (RFC 7523) with extensions hl7-b2b and sluis."}
        },
        "required": ["grant_type", "scope", "client_assertion_type", "client_assertion"],
        "additionalProperties": false
    })
}

fn token() -> Value {
    json!({
        "type": "object",
        "properties": {
            "access_token": {"type": "string"},
            "token_type": {"const": "bearer"},
            "expires_in": {"type": "integer", "minimum": 1, "maximum": 300},
            "scope": {"type": "string"}
        },
        "required": ["access_token", "token_type", "expires_in", "scope"]
    })
}

fn oauth_error() -> Value {
    let errors = [
        "invalid_request",
        "invalid_client",
        "invalid_scope",
        "invalid_grant",
        "unsupported_grant_type",
        "unauthorized_client",
        "temporarily_unavailable",
        "slow_down",
    ];
    json!({
        "type": "object",
        "properties": {"error": {"enum": errors}, "error_description": {"type": "string"}},
        "required": ["error"]
    })
}

fn identifier() -> Value {
    json!({
        "type": "object",
        "properties": {
            "system": pattern("^(http://fhir.nl/fhir/NamingSystem/|urn:example:)[a-z-]{1,30}$"),
            "value": pattern("^[A-Za-z0-9-]{1,40}$")
        },
        "required": ["system", "value"],
        "additionalProperties": false
    })
}

fn organisation() -> Value {
    json!({
        "type": "object",
        "properties": {"type": {"const": "Organization"}, "identifier": schema("Identifier")},
        "required": ["type", "identifier"],
        "additionalProperties": false
    })
}

fn period() -> Value {
    json!({
        "type": "object",
        "properties": {
            "start": pattern("^20[01][0-9]-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$"),
            "end": pattern("^20[3-9][0-9]-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$")
        },
        "required": ["start", "end"],
        "additionalProperties": false
    })
}

fn patient_reference() -> Value {
    json!({
        "type": "object",
        "properties": {"reference": pattern(&format!("^Patient/{ID}$"))},
        "required": ["reference"],
        "additionalProperties": false
    })
}

fn coding(system: &str, codes: &[&str]) -> Value {
    json!({
        "type": "object",
        "properties": {"system": {"const": system}, "code": {"enum": codes}},
        "required": ["system", "code"],
        "additionalProperties": false
    })
}

fn concept(system: &str, codes: &[&str]) -> Value {
    json!({
        "type": "object",
        "properties": {"coding": {"type": "array", "minItems": 1, "maxItems": 1, "items": coding(system, codes)}},
        "required": ["coding"],
        "additionalProperties": false
    })
}

fn one(items: Value) -> Value {
    json!({"type": "array", "minItems": 1, "maxItems": 1, "items": items})
}

fn consent() -> Value {
    json!({
        "type": "object",
        "description": "CONTRACT section 7. Every element that is not understood is refused.",
        "properties": {
            "resourceType": {"const": "Consent"},
            "status": {"const": "active"},
            "scope": concept("http://terminology.hl7.org/CodeSystem/consentscope", &["patient-privacy"]),
            "category": one(concept("http://loinc.org", &["59284-0"])),
            "patient": schema("PatientReference"),
            "dateTime": pattern("^20[01][0-9]-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$"),
            "performer": one(schema("PatientReference")),
            "organization": one(schema("Organisation")),
            "sourceAttachment": {
                "type": "object",
                "properties": {"title": pattern("^[A-Za-z0-9][A-Za-z0-9 ]{0,60}$")},
                "required": ["title"],
                "additionalProperties": false
            },
            "policy": one(json!({
                "type": "object",
                "properties": {"uri": pattern("^https://sluis.example/fhir/policy/[0-9]{1,4}$")},
                "required": ["uri"],
                "additionalProperties": false
            })),
            "provision": schema("Provision")
        },
        "required": [
            "resourceType", "status", "scope", "category", "patient", "dateTime", "performer", "organization",
            "sourceAttachment", "policy", "provision"
        ],
        "additionalProperties": false
    })
}

fn provision() -> Value {
    json!({
        "type": "object",
        "properties": {
            "type": {"enum": ["permit", "deny"]},
            "period": schema("Period"),
            "purpose": {"type": "array", "minItems": 1, "maxItems": 3, "items": coding(
                "http://terminology.hl7.org/CodeSystem/v3-ActReason",
                &["TREAT", "ETREAT", "COC", "CAREMGT", "PATRQT"],
            )},
            "code": {"type": "array", "minItems": 1, "maxItems": 5, "items": concept(
                "https://sluis.example/fhir/CodeSystem/data-class",
                &["circle", "problems", "medication", "allergies", "alerts", "results", "functioning", "living", "plan"],
            )}
        },
        "required": ["type"],
        "additionalProperties": false
    })
}

/// An entry of the index as it is sent.
fn entry() -> Value {
    let named = |of: &str| json!({"type": "object", "properties": {"identifier": schema(of)}, "required": ["identifier"]});
    let custodian = json!({
        "type": "object",
        "properties": {
            "url": {"const": "http://minvws.github.io/generiekefuncties-docs/StructureDefinition/nl-gf-localization-custodian"},
            "valueReference": named("Identifier")
        },
        "required": ["url", "valueReference"]
    });
    json!({
        "type": "object",
        "properties": {
            "resourceType": {"const": "List"},
            "extension": one(custodian),
            "status": {"const": "current"},
            "mode": {"const": "working"},
            "code": {"type": "object", "required": ["coding"]},
            "subject": named("Identifier"),
            "source": {"type": "object"},
            "emptyReason": {"type": "object"}
        },
        "required": ["resourceType", "extension", "status", "mode", "code", "subject"],
        "additionalProperties": false
    })
}

fn attestation() -> Value {
    let period = json!({
        "type": "object",
        "properties": {
            "url": {"const": "https://sluis.example/fhir/StructureDefinition/attestation-period"},
            "valuePeriod": schema("Period")
        },
        "required": ["url", "valuePeriod"],
        "additionalProperties": false
    });
    let codes = ["spoken", "considered-wish", "serious-harm", "incapacity", "extended-help"];
    json!({
        "type": "object",
        "properties": {
            "resourceType": {"const": "Basic"},
            "extension": one(period),
            "code": concept("https://sluis.example/fhir/CodeSystem/attestation", &codes),
            "subject": schema("PatientReference"),
            "created": pattern("^20[01][0-9]-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$")
        },
        "required": ["resourceType", "extension", "code", "subject"],
        "additionalProperties": false
    })
}

/// A relation as it is sent, as far as it makes one.
fn relation(resource: &str) -> Value {
    let organisations = json!({"type": "array", "minItems": 1, "items": schema("Organisation")});
    let member =
        json!({"type": "object", "properties": {"member": schema("Organisation")}, "required": ["member"]});
    let (status, subject, term, more) = match resource {
        "ServiceRequest" => (
            "active",
            "subject",
            "occurrencePeriod",
            json!({"intent": {"const": "order"}, "requester": schema("Organisation"), "performer": organisations}),
        ),
        "CareTeam" => ("active", "subject", "period", json!({"participant": one(member)})),
        "EpisodeOfCare" => {
            ("active", "patient", "period", json!({"managingOrganization": schema("Organisation")}))
        }
        "CarePlan" => (
            "active",
            "subject",
            "period",
            json!({"intent": {"const": "plan"}, "contributor": organisations}),
        ),
        _ => (
            "in-progress",
            "subject",
            "period",
            json!({
                "class": coding("http://terminology.hl7.org/CodeSystem/v3-ActCode", &["AMB", "IMP"]),
                "serviceProvider": schema("Organisation")
            }),
        ),
    };
    let mut members = Map::new();
    members.insert("resourceType".to_owned(), json!({"const": resource}));
    members.insert("status".to_owned(), json!({"const": status}));
    members.insert(subject.to_owned(), schema("PatientReference"));
    members.insert(term.to_owned(), schema("Period"));
    if let Value::Object(more) = more {
        members.extend(more);
    }
    let required: Vec<_> = members.keys().cloned().collect();
    members.insert("identifier".to_owned(), one(schema("Identifier")));
    json!({"type": "object", "properties": members, "required": required, "additionalProperties": false})
}

fn summary_parameters() -> Value {
    let identifier = json!({
        "type": "object",
        "properties": {"name": {"const": "identifier"}, "valueIdentifier": schema("Identifier")},
        "required": ["name", "valueIdentifier"],
        "additionalProperties": false
    });
    let birthdate = json!({
        "type": "object",
        "properties": {"name": {"const": "birthdate"}, "valueDate": {"type": "string", "format": "date"}},
        "required": ["name", "valueDate"],
        "additionalProperties": false
    });
    parameters(
        json!({"type": "array", "minItems": 2, "maxItems": 2, "prefixItems": [identifier, birthdate], "items": false}),
    )
}

fn explain_parameters() -> Value {
    let code = |name: &str, codes: &[&str]| {
        json!({
            "type": "object",
            "properties": {"name": {"const": name}, "valueCode": {"enum": codes}},
            "required": ["name", "valueCode"],
            "additionalProperties": false
        })
    };
    let purpose = code("purpose", &["TREAT", "COC", "CAREMGT"]);
    let function = code("function", &["gp-own", "triage", "district-nursing"]);
    parameters(
        json!({"type": "array", "minItems": 2, "maxItems": 2, "prefixItems": [purpose, function], "items": false}),
    )
}

fn parameters(list: Value) -> Value {
    json!({
        "type": "object",
        "properties": {"resourceType": {"const": "Parameters"}, "parameter": list},
        "required": ["resourceType", "parameter"],
        "additionalProperties": false
    })
}
