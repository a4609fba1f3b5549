//! The base address of a server, and which addresses lie under it.

use http::Uri;

/// An https address with a path, under which everything of one server lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    host: String,
    port: u16,
    /// Without a slash at its end.
    path: String,
}

/// Why an address is no base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadBase(pub &'static str);

impl std::fmt::Display for BadBase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl Base {
    /// Reads `https://host[:port][/path]`; nothing that could carry more than a place.
    ///
    /// # Errors
    /// [`BadBase`].
    pub fn parse(text: &str) -> Result<Self, BadBase> {
        let plain = text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'\\' | b'#' | b'?' | b'@'));
        if !plain || text.len() > 512 {
            return Err(BadBase("an address has no name, password, query or fragment in it"));
        }
        let uri: Uri = text.parse().map_err(|_| BadBase("this is no address"))?;
        if uri.scheme_str() != Some("https") {
            return Err(BadBase("an address begins with https://"));
        }
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase();
        if rustls_pki_types::ServerName::try_from(host.as_str()).is_err() {
            return Err(BadBase("there is no host name in this address"));
        }
        // A port that is none must not become the usual one.
        let bare = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let written = uri.authority().map(|all| all.as_str().to_ascii_lowercase()).unwrap_or_default();
        let named = uri.port_u16().map(|port| format!("{bare}:{port}"));
        if written != *named.as_ref().unwrap_or(&bare) {
            return Err(BadBase("this port is none"));
        }
        let path = uri.path().trim_end_matches('/').to_owned();
        let stays = path.split('/').all(|part| {
            let part = part.to_ascii_lowercase().replace("%2e", ".");
            part != "." && part != ".." && !part.contains("%2f")
        });
        if !stays {
            return Err(BadBase("an address stays where it is: no dots between its slashes"));
        }
        Ok(Self { host, port: uri.port_u16().unwrap_or(443), path })
    }

    /// The host, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Host and port as they stand in a URL.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == 443 { host } else { format!("{host}:{}", self.port) }
    }

    /// The whole address of something under it; `below` begins with a slash or is empty.
    #[must_use]
    pub fn url(&self, below: &str) -> String {
        format!("https://{}{}{below}", self.authority(), self.path)
    }

    /// What of `url` lies under this base: the part after the base, query included. `None` for another host, port,
    /// scheme or folder, and for a relative way out of it.
    #[must_use]
    pub fn below(&self, url: &str) -> Option<String> {
        let (address, query) = url.split_once('?').map_or((url, None), |(a, q)| (a, Some(q)));
        let whole = if address.is_empty() { self.url("") } else { address.to_owned() };
        let other = Self::parse(&whole).ok()?;
        let rest =
            other.path.strip_prefix(&self.path).filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
        let same = other.host == self.host && other.port == self.port;
        let plain = query.is_none_or(|query| query.bytes().all(|b| b.is_ascii_graphic() && b != b'#'));
        (same && plain).then(|| match query {
            Some(query) => format!("{rest}?{query}"),
            None => rest.to_owned(),
        })
    }
}
