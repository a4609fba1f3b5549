//! `/fhir/metadata`: the CapabilityStatement, and the SearchParameters that are ours.

use super::Service;
use crate::grammar::{Interaction, Origin, Param, ROWS, Row, Shape};
use serde_json::{Map, Value, json};

/// The CapabilityStatement as compact JSON.
#[must_use]
pub fn statement(service: Service<'_>) -> Vec<u8> {
    let base = service.base;
    let statement = json!({
        "resourceType": "CapabilityStatement",
        "url": "https://sluis.example/fhir/CapabilityStatement/exchange",
        "version": service.version,
        "name": "SluisExchange",
        "title": "Sluis: exchange between care domains",
        "status": "active",
        "date": service.date,
        "publisher": "Sluis",
        "description": "A closed grammar: what is not listed here is refused (query-not-supported) and reaches no holder. Equal for every caller.",
        "kind": "instance",
        "software": {"name": "Sluis", "version": service.version},
        "implementation": {"description": "Sluis exchange", "url": format!("{base}/fhir")},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "rest": [{
            "mode": "server",
            "documentation": "Persons are found with POST /fhir/Patient/_search alone. Searches need patient exactly once; _count is 1 to 200; pages follow link.next.",
            "security": {
                "cors": false,
                "service": [{"coding": [{
                    "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
                    "code": "SMART-on-FHIR"
                }]}],
                "description": "TLS 1.3 with client certificate; OAuth 2.0 client credentials with private_key_jwt, tokens bound to the certificate (RFC 8705).",
                "extension": [{
                    "url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
                    "extension": [{"url": "token", "valueUri": format!("{base}/oauth/token")}]
                }]
            },
            "resource": ROWS.iter().map(resource).collect::<Vec<_>>()
        }]
    });
    statement.to_string().into_bytes()
}

/// Our own SearchParameters, each as compact JSON.
#[must_use]
pub fn search_parameters(service: Service<'_>) -> Vec<Vec<u8>> {
    let ours = ROWS.iter().flat_map(|row| row.params.iter().map(move |param| (row, param)));
    let ours = ours.filter(|(_, param)| param.origin == Origin::Ours);
    ours.map(|(row, param)| search_parameter(row, param, service).to_string().into_bytes()).collect()
}

fn search_parameter(row: &Row, param: &Param, service: Service<'_>) -> Value {
    let resource = row.resource;
    json!({
        "resourceType": "SearchParameter",
        "id": format!("{resource}-{}", param.name),
        "url": definition(row, param),
        "version": service.version,
        "name": format!("{resource}_{}", param.name),
        "status": "active",
        "date": service.date,
        "publisher": "Sluis",
        "description": format!("{resource} by {}. FHIR R4 has no such parameter; evaluated by Sluis on what is released.", param.element),
        "code": param.name,
        "base": [resource],
        "type": kind(param),
        "expression": format!("{resource}.{}", param.element),
        "multipleOr": param.list == crate::grammar::ListForm::Comma,
        "multipleAnd": false
    })
}

fn definition(row: &Row, param: &Param) -> String {
    format!("https://sluis.example/fhir/SearchParameter/{}-{}", row.resource, param.name)
}

fn resource(row: &Row) -> Value {
    let mut out = Map::new();
    out.insert("type".to_owned(), json!(row.resource));
    out.insert(
        "profile".to_owned(),
        json!(format!("http://hl7.org/fhir/StructureDefinition/{}", row.resource)),
    );
    let interactions: Vec<_> =
        row.interactions.iter().filter_map(|i| code(*i)).map(|c| json!({"code": c})).collect();
    out.insert("interaction".to_owned(), json!(interactions));
    if row.allows(Interaction::Update) {
        out.insert("versioning".to_owned(), json!("versioned-update"));
    }
    out.insert("referencePolicy".to_owned(), json!(["local"]));
    if row.include_medication {
        out.insert("searchInclude".to_owned(), json!([format!("{}:medication", row.resource)]));
    }
    let mut parameters = Vec::new();
    if row.needs_patient() {
        parameters.push(json!({"name": "patient", "type": "reference", "documentation": "Exactly once: {id} or Patient/{id}."}));
    }
    parameters.extend(row.params.iter().map(|param| parameter(row, param)));
    if !parameters.is_empty() {
        out.insert("searchParam".to_owned(), Value::Array(parameters));
    }
    let operations: Vec<_> = row.interactions.iter().filter_map(|i| operation(*i)).collect();
    if !operations.is_empty() {
        out.insert("operation".to_owned(), Value::Array(operations));
    }
    Value::Object(out)
}

fn parameter(row: &Row, param: &Param) -> Value {
    let mut out = Map::new();
    out.insert("name".to_owned(), json!(param.name));
    if param.origin == Origin::Ours {
        out.insert("definition".to_owned(), json!(definition(row, param)));
    }
    out.insert("type".to_owned(), json!(kind(param)));
    let list = if param.list == crate::grammar::ListForm::Comma { "; alternatives with commas" } else { "" };
    let form = match param.shape {
        Shape::DateFrom => "ge and a date",
        Shape::Day => "a full date",
        Shape::Reference { .. } => "{id} or Type/{id}",
        Shape::Boolean => "true or false",
        Shape::Text => "the beginning of the name",
        Shape::Code { .. } | Shape::Concept | Shape::Identifier => "code, system|code, system| or |code",
    };
    out.insert("documentation".to_owned(), json!(format!("{form}{list}. No modifiers.")));
    Value::Object(out)
}

fn kind(param: &Param) -> &'static str {
    match param.shape {
        Shape::Code { .. } | Shape::Concept | Shape::Identifier | Shape::Boolean => "token",
        Shape::DateFrom | Shape::Day => "date",
        Shape::Text => "string",
        Shape::Reference { .. } => "reference",
    }
}

fn code(interaction: Interaction) -> Option<&'static str> {
    match interaction {
        Interaction::Search => Some("search-type"),
        Interaction::Read => Some("read"),
        Interaction::Create => Some("create"),
        Interaction::Update => Some("update"),
        Interaction::Delete => Some("delete"),
        Interaction::LastN
        | Interaction::Summary
        | Interaction::SummaryByIdentifier
        | Interaction::Explain => None,
    }
}

fn operation(interaction: Interaction) -> Option<Value> {
    match interaction {
        Interaction::LastN => Some(json!({
            "name": "lastn",
            "definition": "http://hl7.org/fhir/OperationDefinition/Observation-lastn"
        })),
        Interaction::Summary => Some(json!({
            "name": "summary",
            "definition": "http://hl7.org/fhir/uv/ips/OperationDefinition/summary",
            "documentation": "On /Patient/{id} with GET or POST, and on /Patient with POST and identifier, birthdate."
        })),
        Interaction::Explain => Some(json!({
            "name": "explain",
            "definition": "https://sluis.example/fhir/OperationDefinition/Patient-explain"
        })),
        Interaction::SummaryByIdentifier
        | Interaction::Search
        | Interaction::Read
        | Interaction::Create
        | Interaction::Update
        | Interaction::Delete => None,
    }
}
