//! What clients may read about us: faces of one source, equal for every caller.

use super::issuer::Issuer;
use super::signing::SigningKeys;
use serde_json::{Value, json};

/// `/fhir/.well-known/smart-configuration` (SMART App Launch 2.2).
#[must_use]
pub fn smart_configuration(issuer: &Issuer, scopes: &[String]) -> Value {
    let mut document = authorization_server(issuer, scopes);
    if let Value::Object(members) = &mut document {
        members.insert("capabilities".to_owned(), json!(["client-confidential-asymmetric", "permission-v2"]));
    }
    document
}

/// `/.well-known/oauth-authorization-server` (RFC 8414, RFC 8705 3.3).
#[must_use]
pub fn authorization_server(issuer: &Issuer, scopes: &[String]) -> Value {
    json!({
        "issuer": issuer.as_str(),
        "token_endpoint": issuer.token_url(),
        "jwks_uri": issuer.jwks_url(),
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "scopes_supported": scopes,
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["ES256", "ES384", "PS256"],
        "code_challenge_methods_supported": ["S256"],
        "tls_client_certificate_bound_access_tokens": true,
        "authorization_extensions_supported": ["hl7-b2b", "sluis"],
        "authorization_extensions_required": ["hl7-b2b"],
    })
}

/// `/.well-known/jwks.json`: the keys that sign our access tokens.
#[must_use]
pub fn jwks(keys: &SigningKeys) -> Value {
    keys.jwks()
}
