//! `/openapi.json`: the whole exchange as OpenAPI 3.1, path by path from the list.

use super::{Service, schemas};
use crate::grammar::{About, Interaction, ListForm, Param, ROWS, Row, Shape};
use crate::outcome::Code;
use serde_json::{Map, Value, json};

/// The description as compact JSON.
#[must_use]
pub fn openapi(service: Service<'_>) -> Vec<u8> {
    let mut paths = Map::new();
    fixed(&mut paths);
    for row in ROWS {
        of_type(row, &mut paths);
    }
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Sluis exchange",
            "version": service.version,
            "summary": "FHIR R4 between care domains: consented, minimised, recorded.",
            "license": {"name": "EUPL-1.2", "identifier": "EUPL-1.2"}
        },
        "servers": [{"url": service.base}],
        "security": [{"certificate": [], "token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "certificate": {"type": "mutualTLS"},
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT, bound to the certificate (RFC 8705)"}
            },
            "parameters": {
                "requestId": {"name": "X-Request-Id", "in": "header", "schema": {"type": "string"}, "description": "Taken if it is a UUID, else made."},
                "language": {"name": "Accept-Language", "in": "header", "schema": {"type": "string"}, "description": "nl or en."}
            },
            "headers": {"requestId": {"schema": {"type": "string", "format": "uuid"}}},
            "responses": {"Refusal": refusal()},
            "schemas": schemas::all()
        }
    });
    document.to_string().into_bytes()
}

fn fixed(paths: &mut Map<String, Value>) {
    paths.insert(
        "/oauth/token".to_owned(),
        json!({"post": {
            "operationId": "token",
            "summary": "An access token for one purpose and function",
            "security": [{"certificate": []}],
            "requestBody": {"required": true, "content": {"application/x-www-form-urlencoded": {"schema": schema("TokenRequest")}}},
            "responses": {
                "200": {"description": "The token.", "content": {"application/json": {"schema": schema("Token")}}},
                "400": oauth_error(), "401": oauth_error(), "429": oauth_error(), "503": oauth_error(), "default": oauth_error()
            }
        }}),
    );
    let documents = [
        ("/fhir/metadata", "metadata", "application/fhir+json", "CapabilityStatement"),
        ("/fhir/.well-known/smart-configuration", "smartConfiguration", "application/json", "Document"),
        ("/.well-known/smart-configuration", "smartConfigurationAtRoot", "application/json", "Document"),
        ("/.well-known/oauth-authorization-server", "authorizationServer", "application/json", "Document"),
        ("/.well-known/jwks.json", "jwks", "application/json", "Document"),
        ("/openapi.json", "openapi", "application/json", "Document"),
    ];
    for (path, operation, media, shape) in documents {
        let document =
            json!({"description": "Equal for every caller.", "content": {media: {"schema": schema(shape)}}});
        let responses = json!({"200": document, "default": reference("responses", "Refusal")});
        let get =
            json!({"operationId": operation, "security": [{"certificate": []}], "responses": responses});
        paths.insert(path.to_owned(), json!({"get": get}));
    }
}

fn of_type(row: &Row, paths: &mut Map<String, Value>) {
    let base = format!("/fhir/{}", row.resource);
    let mut collection = Map::new();
    let mut instance = Map::new();
    for interaction in row.interactions {
        match interaction {
            Interaction::Search => {
                if row.about != About::Patient {
                    let get = operation(
                        row,
                        "search",
                        "A page of what is released.",
                        query(row),
                        None,
                        ("200", "Bundle"),
                    );
                    collection.insert("get".to_owned(), get);
                }
                let body = json!({"required": true, "content": {"application/x-www-form-urlencoded": {"schema": form(row)}}});
                let post = operation(
                    row,
                    "searchByForm",
                    "The same search, by form.",
                    vec![],
                    Some(body),
                    ("200", "Bundle"),
                );
                paths.insert(format!("{base}/_search"), json!({"post": post}));
            }
            Interaction::Read => {
                let get = operation(
                    row,
                    "read",
                    "Decided anew on every read.",
                    vec![id()],
                    None,
                    ("200", row.resource),
                );
                instance.insert("get".to_owned(), get);
            }
            Interaction::Create => {
                let post =
                    operation(row, "create", "Recorded.", vec![], Some(body(row)), ("201", row.resource));
                collection.insert("post".to_owned(), post);
            }
            Interaction::Update => {
                let if_match = json!({"name": "If-Match", "in": "header", "schema": {"type": "string"}});
                let parameters = vec![id(), if_match];
                let put = operation(
                    row,
                    "update",
                    "The next version.",
                    parameters,
                    Some(body(row)),
                    ("200", row.resource),
                );
                instance.insert("put".to_owned(), put);
            }
            Interaction::Delete => {
                let delete = operation(row, "delete", "Withdrawn.", vec![id()], None, ("204", row.resource));
                instance.insert("delete".to_owned(), delete);
            }
            Interaction::LastN => {
                let get = operation(
                    row,
                    "lastn",
                    "The newest few of each code.",
                    last_n(row),
                    None,
                    ("200", "Bundle"),
                );
                paths.insert(format!("{base}/$lastn"), json!({"get": get}));
            }
            Interaction::Summary => {
                let summary =
                    |name| operation(row, name, "An IPS document.", vec![id()], None, ("200", "Bundle"));
                let both = json!({"get": summary("summary"), "post": summary("summaryByPost")});
                paths.insert(format!("{base}/{{id}}/$summary"), both);
            }
            Interaction::SummaryByIdentifier => {
                let body = parameters_body("SummaryParameters", true);
                let post = operation(
                    row,
                    "summaryByIdentifier",
                    "An IPS document.",
                    vec![],
                    Some(body),
                    ("200", "Bundle"),
                );
                paths.insert(format!("{base}/$summary"), json!({"post": post}));
            }
            Interaction::Explain => {
                let body = parameters_body("ExplainParameters", false);
                let post = operation(
                    row,
                    "explain",
                    "The caller's own decision.",
                    vec![id()],
                    Some(body),
                    ("200", "Parameters"),
                );
                paths.insert(format!("{base}/{{id}}/$explain"), json!({"post": post}));
            }
        }
    }
    for (path, operations) in [(base.clone(), collection), (format!("{base}/{{id}}"), instance)] {
        if !operations.is_empty() {
            paths.insert(path, Value::Object(operations));
        }
    }
}

fn operation(
    row: &Row,
    name: &str,
    summary: &str,
    mut parameters: Vec<Value>,
    body: Option<Value>,
    success: (&str, &str),
) -> Value {
    let (status, shape) = success;
    parameters.push(reference("parameters", "requestId"));
    parameters.push(reference("parameters", "language"));
    let mut responses = Map::new();
    let headers = json!({"X-Request-Id": reference("headers", "requestId")});
    responses.insert(
        status.to_owned(),
        json!({"description": summary, "headers": headers, "content": {"application/fhir+json": {"schema": schema(shape)}}}),
    );
    for refused in Code::ALL {
        responses.insert(refused.status().to_string(), reference("responses", "Refusal"));
    }
    let mut out = Map::new();
    out.insert("operationId".to_owned(), json!(format!("{name}{}", row.resource)));
    out.insert("summary".to_owned(), json!(summary));
    out.insert("tags".to_owned(), json!([row.resource]));
    out.insert("parameters".to_owned(), Value::Array(parameters));
    if let Some(body) = body {
        out.insert("requestBody".to_owned(), body);
    }
    out.insert("responses".to_owned(), Value::Object(responses));
    Value::Object(out)
}

/// The parameters of a search by address.
fn query(row: &Row) -> Vec<Value> {
    properties(row).into_iter().map(|(name, schema, required)| in_query(&name, schema, required)).collect()
}

fn last_n(row: &Row) -> Vec<Value> {
    let mut parameters = vec![in_query("patient", patient(), true)];
    // One of the two, which OpenAPI cannot say of query parameters: code is shown as the required one.
    parameters.extend(row.param("code").map(|code| in_query("code", shape(code), true)));
    parameters.push(in_query(
        "max",
        json!({"type": "integer", "minimum": 1, "maximum": 5, "default": 1}),
        false,
    ));
    parameters.push(in_query("_count", count(), false));
    parameters
}

/// The same parameters as a form.
fn form(row: &Row) -> Value {
    let properties = properties(row);
    let required: Vec<_> =
        properties.iter().filter(|(_, _, required)| *required).map(|(name, _, _)| name.clone()).collect();
    let members: Map<String, Value> =
        properties.into_iter().map(|(name, schema, _)| (name, schema)).collect();
    json!({"type": "object", "properties": members, "required": required, "additionalProperties": false})
}

fn properties(row: &Row) -> Vec<(String, Value, bool)> {
    let mut out = Vec::new();
    if row.needs_patient() {
        out.push(("patient".to_owned(), patient(), true));
    }
    for param in row.params {
        let person = match row.about {
            About::Patient => param.name == "identifier",
            About::Index => param.name == "subject:identifier",
            _ => false,
        };
        let schema = if person { schema("PersonIdentifier") } else { shape(param) };
        out.push((param.name.to_owned(), schema, person));
    }
    if row.include_medication {
        out.push(("_include".to_owned(), json!({"enum": [format!("{}:medication", row.resource)]}), false));
    }
    out.push(("_count".to_owned(), count(), false));
    out
}

fn shape(param: &Param) -> Value {
    match (param.shape, param.list) {
        (Shape::Code { .. } | Shape::Concept | Shape::Identifier, ListForm::One) => schema("TokenValue"),
        (Shape::Code { .. } | Shape::Concept | Shape::Identifier, ListForm::Comma) => schema("TokenList"),
        (Shape::Boolean, _) => json!({"type": "boolean"}),
        (Shape::DateFrom, _) => schema("DateFrom"),
        (Shape::Day, _) => json!({"type": "string", "format": "date"}),
        (Shape::Text, _) => json!({"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9 -]{0,60}$"}),
        (Shape::Reference { to }, _) => {
            json!({"type": "string", "pattern": format!("^({to}/)?{}$", schemas::ID)})
        }
    }
}

fn patient() -> Value {
    json!({"type": "string", "pattern": format!("^(Patient/)?{}$", schemas::ID)})
}

fn count() -> Value {
    json!({"type": "integer", "minimum": 1, "maximum": 200})
}

fn id() -> Value {
    let pattern = format!("^{}$", schemas::ID);
    json!({"name": "id", "in": "path", "required": true, "schema": {"type": "string", "pattern": pattern}})
}

fn in_query(name: &str, schema: Value, required: bool) -> Value {
    json!({"name": name, "in": "query", "required": required, "schema": schema})
}

fn body(row: &Row) -> Value {
    let shape = match row.about {
        About::Attestation => "AttestationBody".to_owned(),
        _ => format!("{}Body", row.resource),
    };
    json!({"required": true, "content": {"application/fhir+json": {"schema": schema(&shape)}}})
}

fn parameters_body(shape: &str, required: bool) -> Value {
    json!({"required": required, "content": {"application/fhir+json": {"schema": schema(shape)}}})
}

fn refusal() -> Value {
    json!({
        "description": "A refusal: issue[0].details.coding[0] holds the code.",
        "headers": {"X-Request-Id": reference("headers", "requestId")},
        "content": {"application/fhir+json": {"schema": schema("OperationOutcome")}}
    })
}

fn oauth_error() -> Value {
    json!({"description": "RFC 6749 5.2.", "content": {"application/json": {"schema": schema("OAuthError")}}})
}

fn schema(name: &str) -> Value {
    reference("schemas", name)
}

fn reference(kind: &str, name: &str) -> Value {
    json!({"$ref": format!("#/components/{kind}/{name}")})
}
