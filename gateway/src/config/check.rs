//! What lies behind the keys: files, certificates, folders; and nothing of a sandbox among it.

use super::reader::Reader;
use super::{Config, MaterialFault, SignInConfig, TlsConfig, WitnessConfig};
use crate::listen::TlsFault;
use crate::outbound::Ours;
use rustls_pki_types::{CertificateDer, pem::PemObject};
use std::net::SocketAddr;
use std::path::Path;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Looks behind every key; answers what could not be looked at from here.
pub(super) fn check(config: &Config, reader: &mut Reader<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    identity("exchange", &config.exchange.tls, reader, &mut notes);
    identity("portal", &config.portal, reader, &mut notes);
    if let Some(Err(fault)) = config.sign_in.as_ref().map(SignInConfig::provider) {
        reader.mistake(
            "portal.sign_in.ca",
            fault.to_string(),
            "give PEM files with the provider's authorities",
        );
    }
    holders(config, reader, &mut notes);
    if let Some(Err(fault)) = config.witness.as_ref().map(WitnessConfig::witness) {
        reader.mistake("witness.ca", fault.to_string(), "give PEM files with the witness's authorities");
    }
    let vouching = config.directory.as_ref().map(|at| at.source(&Ours::default()));
    if let Some(Err(fault)) = vouching {
        reader.mistake("directory.ca", fault.to_string(), "give PEM files with the directory's authorities");
    }
    authorities(config, reader);
    addresses(config, reader);
    folders(config, reader, &mut notes);
    master_key(config, reader, &mut notes);
    notes
}

fn holders(config: &Config, reader: &mut Reader<'_>, notes: &mut Vec<String>) {
    if let Some((certificate, key)) = &config.holders.identity {
        pem_file("holders.certificate", certificate, reader);
        if key.is_elsewhere() {
            notes.push(
                "holders.key is a credential of the service manager: checked when the service starts"
                    .to_owned(),
            );
            return;
        }
    }
    match config.holders.ours() {
        Ok(_) => {}
        Err(MaterialFault::File(path, kind)) if config.holders.authorities.contains(&path) => {
            let what = format!("{}: {kind}", path.display());
            reader.mistake("holders.ca", what, "give PEM files with the holders' authorities");
        }
        Err(MaterialFault::File(..)) => {}
        Err(fault @ (MaterialFault::Secret(_) | MaterialFault::Tls(_))) => {
            reader.mistake(
                "holders.key",
                fault.to_string(),
                "give the key of holders.certificate, mode 0600",
            );
        }
    }
}

fn identity(section: &str, tls: &TlsConfig, reader: &mut Reader<'_>, notes: &mut Vec<String>) {
    let (certificate, key) = (format!("{section}.certificate"), format!("{section}.key"));
    pem_file(&certificate, &tls.certificate, reader);
    if tls.key.is_elsewhere() {
        notes.push(format!("{key} is a credential of the service manager: checked when the service starts"));
        return;
    }
    match tls.identity() {
        Ok(_) | Err(MaterialFault::File(..) | MaterialFault::Tls(TlsFault::Certificate)) => {}
        Err(MaterialFault::Tls(fault @ TlsFault::Mismatch)) => {
            reader.mistake(&key, fault.to_string(), "give the key with which this certificate was requested");
        }
        Err(MaterialFault::Tls(fault)) => {
            reader.mistake(
                &key,
                fault.to_string(),
                "give a PEM private key: EC P-256, P-384 or RSA of 3072 bits",
            );
        }
        Err(MaterialFault::Secret(fault)) => {
            reader.mistake(&key, fault.to_string(), "give a file that only the service may read (mode 0600)");
        }
    }
}

fn authorities(config: &Config, reader: &mut Reader<'_>) {
    for path in &config.exchange.client_ca {
        pem_file("exchange.client_ca", path, reader);
    }
    match config.exchange.authorities() {
        Err(MaterialFault::Tls(TlsFault::Crl)) => {
            reader.mistake(
                "exchange.client_crl",
                "a list cannot be read",
                "give PEM or DER revocation lists",
            );
        }
        Err(MaterialFault::File(path, kind)) if config.exchange.client_crl.contains(&path) => {
            let what = format!("{}: {kind}", path.display());
            reader.mistake("exchange.client_crl", what, "give files that can be read");
        }
        Ok(_) | Err(_) => {}
    }
}

/// A PEM file with certificates, in date, and not of a sandbox.
fn pem_file(key: &str, path: &Path, reader: &mut Reader<'_>) {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            let what = format!("{}: {}", path.display(), error.kind());
            return reader.mistake(key, what, "give a file that can be read");
        }
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let chain = chain.unwrap_or_default();
    if chain.is_empty() {
        let what = format!("{}: no certificate in it", path.display());
        return reader.mistake(key, what, "give a PEM file (BEGIN CERTIFICATE)");
    }
    for der in &chain {
        let Ok((_, certificate)) = X509Certificate::from_der(der) else {
            let what = format!("{}: a certificate cannot be read", path.display());
            return reader.mistake(key, what, "give X.509 certificates in PEM");
        };
        if !certificate.validity().is_valid() {
            let what = format!(
                "{}: expired or not yet valid ({})",
                path.display(),
                certificate.validity().not_after
            );
            reader.mistake(key, what, "renew the certificate");
        }
        let names = format!("{} {}", certificate.subject(), certificate.issuer());
        if SANDBOX_NAMES.iter().any(|mark| names.contains(mark)) {
            let what = format!("{}: is of the sandbox", path.display());
            reader.mistake(
                key,
                what,
                "use certificates of your own CA; those of `sluis demo` are for nobody",
            );
        }
    }
}

fn addresses(config: &Config, reader: &mut Reader<'_>) {
    let taken = [
        ("exchange.listen", config.exchange.tls.listen),
        ("portal.listen", config.portal.listen),
        ("management.listen", config.management),
    ];
    for (i, (key, address)) in taken.iter().enumerate() {
        if address.port() == 0 {
            reader.mistake(key, "port 0 picks another port at each start", "name a port");
        }
        if taken.iter().take(i).any(|(_, other)| overlaps(address, other)) {
            reader.mistake(key, "another listener has this address", "give each listener its own");
        }
    }
    if config.management.ip().is_unspecified() {
        let mend = "listen on loopback or on one address of a management network";
        reader.mistake("management.listen", "is open on every network", mend);
    }
}

fn overlaps(a: &SocketAddr, b: &SocketAddr) -> bool {
    a.port() == b.port() && (a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified())
}

fn folders(config: &Config, reader: &mut Reader<'_>, notes: &mut Vec<String>) {
    match std::fs::metadata(&config.data) {
        Ok(found) if !found.is_dir() => reader.mistake("data", "is not a folder", "name a folder"),
        Ok(_) if config.data.join("region.json").exists() => {
            reader.mistake("data", "is the folder of a sandbox", "name another, empty folder");
        }
        Ok(_) => {}
        Err(_) => notes.push(format!("{} is not there yet: the first start makes it", config.data.display())),
    }
    if let Some(region) = config.region.as_ref().filter(|region| !region.is_dir()) {
        reader.mistake(
            "region",
            format!("{}: no such folder", region.display()),
            "name a folder or leave it out",
        );
    }
}

fn master_key(config: &Config, reader: &mut Reader<'_>, notes: &mut Vec<String>) {
    if config.master_key.is_elsewhere() {
        notes.push(
            "keys.master is a credential of the service manager: checked when the service starts".to_owned(),
        );
        return;
    }
    let mend =
        "make 32 random bytes, for instance: head -c 32 /dev/urandom > master.key; chmod 600 master.key";
    match config.master_key.read() {
        Err(fault) => reader.mistake("keys.master", fault.to_string(), mend),
        Ok(key) if !is_key(&key) => {
            reader.mistake("keys.master", "is not 32 bytes, raw or as 64 hexadecimal digits", mend);
        }
        Ok(_) => {}
    }
}

/// 32 bytes that are not all the same, raw or in hexadecimal.
fn is_key(key: &[u8]) -> bool {
    let text = std::str::from_utf8(key).map(str::trim).unwrap_or_default();
    let hex = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let varied = key.first().is_some_and(|first| key.iter().any(|b| b != first));
    varied && (key.len() == 32 || hex)
}

/// What names of development certificates hold (`certs-dev`).
const SANDBOX_NAMES: [&str; 2] = ["Sluis development CA", "(verzonnen)"];
