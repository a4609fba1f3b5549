//! Every key there is. `deploy/sluis.example.toml` shows them all.

use super::reader::{Reader, text, texts, whole};
use super::{
    Config, DirectoryConfig, ExchangeConfig, HOLDERS_MEMORY, HoldersConfig, Secret, SignInConfig, TlsConfig,
    WitnessConfig,
};
use crate::limits::Budget;
use crate::listen::Caps;
use crate::oauth::Issuer;
use crate::outbound::Base;
use crate::witness::client::INTERVAL;
use sluis_journal::WitnessKey;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use toml::de::DeValue;

/// Reads the whole schema; `None` when something required is missing or ill-formed. Reads on after a mistake,
/// so that all are told at once.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<Config> {
    let base = reader.base();
    let issuer =
        reader.required("issuer", "an https URL without a trailing slash, as https://sluis.example", |v| {
            Issuer::parse(text(v)?)
        });
    let origin =
        reader.required("origin", "a name of 1 to 128 characters without spaces or plus signs", |v| {
            let name = text(v)?;
            let plain =
                (1..=128).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic() && b != b'+');
            plain.then(|| name.to_owned())
        });
    let data = reader.required("data", "an absolute path of a folder", |v| absolute(v));
    let region = reader.optional("region", "a path of a folder", |v| Some(base.join(text(v)?)));
    let master_key = secret(reader, "keys.master");
    let exchange = tls(reader, "exchange");
    let client_ca = reader.required("exchange.client_ca", "a list of one or more paths of PEM files", |v| {
        let paths: Vec<PathBuf> = texts(v)?.into_iter().map(|path| base.join(path)).collect();
        (!paths.is_empty()).then_some(paths)
    });
    let client_crl = reader.optional("exchange.client_crl", "a list of paths of revocation lists", |v| {
        Some(texts(v)?.into_iter().map(|path| base.join(path)).collect())
    });
    let portal = tls(reader, "portal");
    let sign_in = sign_in(reader);
    let holders = holders(reader);
    let management = listen(reader, "management.listen");
    let budget = budget(reader);
    let caps = caps(reader);
    let witness = witness(reader);
    let directory = directory(reader);
    Some(Config {
        exchange: ExchangeConfig {
            tls: exchange?,
            client_ca: client_ca?,
            client_crl: client_crl.unwrap_or_default(),
        },
        portal: portal?,
        sign_in: sign_in?,
        holders: holders?,
        management: management?,
        issuer: issuer?,
        origin: origin?,
        data: data?,
        region,
        master_key: master_key?,
        budget,
        caps,
        witness: witness?,
        directory: directory?,
    })
}

/// All of it or nothing: `Some(None)` when the section is not there.
fn sign_in(reader: &mut Reader<'_>) -> Option<Option<SignInConfig>> {
    if !reader.has("portal.sign_in") {
        return Some(None);
    }
    let base = reader.base();
    let url = |v: &DeValue<'_>| Issuer::parse(text(v)?).map(|url| url.as_str().to_owned());
    let expected = "an https URL without a trailing slash, as https://portal.sluis.example";
    let at = reader.required("portal.sign_in.url", expected, url);
    let issuer = reader.required("portal.sign_in.issuer", expected, url);
    let plain = |v: &DeValue<'_>| text(v).filter(|text| !text.is_empty()).map(str::to_owned);
    let client_id = reader.required("portal.sign_in.client_id", "our name at the identity provider", plain);
    let person_system = reader.required(
        "portal.sign_in.person_system",
        "a naming system, as http://fhir.nl/fhir/NamingSystem/bsn",
        plain,
    );
    let authorities = reader.required("portal.sign_in.ca", "a list of one or more paths of PEM files", |v| {
        let paths: Vec<PathBuf> = texts(v)?.into_iter().map(|path| base.join(path)).collect();
        (!paths.is_empty()).then_some(paths)
    });
    Some(Some(SignInConfig {
        url: at?,
        issuer: issuer?,
        client_id: client_id?,
        person_system: person_system?,
        authorities: authorities?,
    }))
}

/// A certificate and its key come together or not at all.
fn holders(reader: &mut Reader<'_>) -> Option<HoldersConfig> {
    let base = reader.base();
    let authorities = reader.optional("holders.ca", "a list of paths of PEM files", |v| {
        Some(texts(v)?.into_iter().map(|path| base.join(path)).collect())
    });
    let identity = if reader.has("holders.certificate") || reader.has("holders.key") {
        let certificate = reader.required("holders.certificate", "a path of a PEM chain, leaf first", |v| {
            Some(base.join(text(v)?))
        });
        let key = secret(reader, "holders.key");
        Some((certificate?, key?))
    } else {
        None
    };
    // What one question may bring fits at least (`max_bytes` of an endpoint).
    let usual = u32::try_from(HOLDERS_MEMORY / MEBIBYTE).unwrap_or(u32::MAX);
    let memory = number(reader, "holders.memory_mib", 64, 65_536, usual) as usize * MEBIBYTE;
    Some(HoldersConfig { identity, authorities: authorities.unwrap_or_default(), memory })
}

/// All of it or nothing, as [`sign_in`]. Without https it needs no authority: a cosignature is believed by key.
fn witness(reader: &mut Reader<'_>) -> Option<Option<WitnessConfig>> {
    if !reader.has("witness") {
        return Some(None);
    }
    let base = reader.base();
    let expected =
        "a URL without a trailing slash, as https://witness.example; http where the network is yours";
    let url = reader.required("witness.url", expected, |v| {
        let url = text(v)?;
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
        let plain = url.parse::<http::Uri>().is_ok_and(|uri| uri.host().is_some() && uri.query().is_none());
        (plain && !rest.ends_with('/') && !rest.contains(['@', '#'])).then(|| url.to_owned())
    });
    let expected =
        "the key that `sluis witness` prints: <name>+<hash>+<base64>, of type 4 (not the journal's own)";
    let key = reader.required("witness.key", expected, |v| WitnessKey::parse(text(v)?).ok());
    let usual = u32::try_from(INTERVAL.as_secs()).unwrap_or(15);
    let interval = number(reader, "witness.interval_seconds", 1, 30, usual);
    let authorities = reader.optional("witness.ca", "a list of one or more paths of PEM files", |v| {
        let paths: Vec<PathBuf> = texts(v)?.into_iter().map(|path| base.join(path)).collect();
        (!paths.is_empty()).then_some(paths)
    });
    let url = url?;
    match (url.starts_with("https:"), &authorities) {
        (true, None) => {
            let mend = "add witness.ca: the PEM files of who vouches for its certificate";
            reader.mistake("witness.url", "is https, and nobody is named who may vouch for it", mend);
        }
        (false, Some(_)) => {
            let mend = "take it out, or reach the witness over https";
            reader.mistake("witness.ca", "vouches for nobody: the witness is reached over http", mend);
        }
        _ => {}
    }
    Some(Some(WitnessConfig {
        url,
        key: key?,
        interval: Duration::from_secs(u64::from(interval)),
        authorities: authorities.unwrap_or_default(),
    }))
}

/// All of it or nothing, as [`sign_in`]. Somebody must vouch for it: for its own authorities those of the holders will do.
fn directory(reader: &mut Reader<'_>) -> Option<Option<DirectoryConfig>> {
    if !reader.has("directory") {
        return Some(None);
    }
    let base = reader.base();
    let expected = "an https URL of a FHIR R4 server, as https://directory.example/fhir";
    let url = reader.required("directory.url", expected, |v| Base::parse(text(v)?).ok());
    let authorities = reader.optional("directory.ca", "a list of one or more paths of PEM files", |v| {
        let paths: Vec<PathBuf> = texts(v)?.into_iter().map(|path| base.join(path)).collect();
        (!paths.is_empty()).then_some(paths)
    });
    if authorities.is_none() && !reader.has("holders.ca") {
        let mend = "add directory.ca: the PEM files of who vouches for its certificate";
        reader.mistake("directory.url", "nobody is named who may vouch for it", mend);
    }
    let networks = reader.optional("directory.networks", "a list of networks, as 10.20.0.0/16", |v| {
        texts(v)?.into_iter().map(|network| network.parse().ok()).collect()
    });
    let interval = number(reader, "directory.interval_seconds", 1, 86_400, 300);
    Some(Some(DirectoryConfig {
        base: url?,
        authorities: authorities.unwrap_or_default(),
        networks: networks.unwrap_or_default(),
        interval: Duration::from_secs(u64::from(interval)),
    }))
}

fn absolute(value: &DeValue<'_>) -> Option<PathBuf> {
    Some(PathBuf::from(text(value)?)).filter(|path| path.is_absolute())
}

fn listen(reader: &mut Reader<'_>, key: &str) -> Option<SocketAddr> {
    reader.required(key, "an address and port, as 127.0.0.1:8445 or [::]:443", |v| text(v)?.parse().ok())
}

fn secret(reader: &mut Reader<'_>, key: &str) -> Option<Secret> {
    let base = reader.base();
    reader.required(key, "a path of a file or credential:NAME; the secret itself never stands here", |v| {
        let raw = text(v)?;
        let inline = raw.contains("-----") || raw.contains('\n');
        Secret::parse(raw, &base).filter(|_| !inline)
    })
}

fn tls(reader: &mut Reader<'_>, section: &str) -> Option<TlsConfig> {
    let base = reader.base();
    let listen = listen(reader, &format!("{section}.listen"));
    let certificate =
        reader.required(&format!("{section}.certificate"), "a path of a PEM chain, leaf first", |v| {
            Some(base.join(text(v)?))
        });
    let key = secret(reader, &format!("{section}.key"));
    Some(TlsConfig { listen: listen?, certificate: certificate?, key: key? })
}

fn budget(reader: &mut Reader<'_>) -> Budget {
    let Budget::On { requests_per_second, request_burst, fruitless_per_minute, fruitless_burst, at_once } =
        Budget::default()
    else {
        return Budget::Off;
    };
    Budget::On {
        requests_per_second: number(reader, "limits.requests_per_second", 1, 100_000, requests_per_second),
        request_burst: number(reader, "limits.request_burst", 1, 100_000, request_burst),
        fruitless_per_minute: number(reader, "limits.fruitless_per_minute", 1, 100_000, fruitless_per_minute),
        fruitless_burst: number(reader, "limits.fruitless_burst", 1, 100_000, fruitless_burst),
        at_once: number(reader, "limits.at_once", 1, 100_000, at_once),
    }
}

fn caps(reader: &mut Reader<'_>) -> Caps {
    let caps = Caps::default();
    let mut seconds = |key: &str, default: Duration| {
        let default = u32::try_from(default.as_secs()).unwrap_or(60);
        Duration::from_secs(u64::from(number(reader, key, 1, 600, default)))
    };
    let handshake = seconds("limits.handshake_seconds", caps.handshake);
    let headers = seconds("limits.header_seconds", caps.headers);
    let body = seconds("limits.body_seconds", caps.body);
    let idle = seconds("limits.idle_seconds", caps.idle);
    let connections = number(reader, "limits.connections", 16, 1_000_000, caps.connections);
    let per_certificate = u32::try_from(caps.per_certificate).unwrap_or(1024);
    let per_certificate = number(reader, "limits.connections_per_certificate", 1, 1_000_000, per_certificate);
    Caps { connections, per_certificate: per_certificate as usize, handshake, headers, body, idle, ..caps }
}

/// A number in a range, or its default.
fn number(reader: &mut Reader<'_>, key: &str, min: u32, max: u32, default: u32) -> u32 {
    let expected = format!("a whole number from {min} to {max}");
    reader.optional(key, &expected, |v| whole(v).filter(|n| (min..=max).contains(n))).unwrap_or(default)
}

const MEBIBYTE: usize = 1024 * 1024;
