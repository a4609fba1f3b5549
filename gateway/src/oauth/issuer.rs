//! The URLs by which clients know us: one source for tokens, audiences and discovery.

/// The issuer and what lies under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer(String);

impl Issuer {
    /// Takes an `https` URL without query, fragment or trailing slash, for instance `https://127.0.0.1:8443`.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let rest = raw.strip_prefix("https://")?;
        let uri: http::Uri = raw.parse().ok()?;
        let plain = !rest.is_empty() && !raw.contains(['?', '#', '@']) && !raw.ends_with('/');
        (plain && uri.host().is_some_and(|host| !host.is_empty())).then(|| Self(raw.to_owned()))
    }

    /// The issuer itself: `iss`, and `aud` of the `fapi` profile.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The token endpoint: `aud` of the `smart` profile.
    #[must_use]
    pub fn token_url(&self) -> String {
        format!("{}/oauth/token", self.0)
    }

    /// The FHIR base: `aud` of our access tokens.
    #[must_use]
    pub fn fhir_url(&self) -> String {
        format!("{}/fhir", self.0)
    }

    /// Where our public keys are.
    #[must_use]
    pub fn jwks_url(&self) -> String {
        format!("{}/.well-known/jwks.json", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Issuer;

    #[test]
    fn an_issuer_is_a_plain_https_url() {
        for good in
            ["https://127.0.0.1:8443", "https://sluis.example", "https://[::1]:8443", "https://a.example/x"]
        {
            assert!(Issuer::parse(good).is_some(), "{good}");
        }
        for bad in [
            "http://a.example",
            "https://",
            "https://a.example/",
            "https://a.example?x",
            "https://u@a.example",
            "a",
        ] {
            assert!(Issuer::parse(bad).is_none(), "{bad}");
        }
    }
}
