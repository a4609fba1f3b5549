//! The sandbox's development PKI on disk: minted once, read ever after.

use super::region::Region;
use crate::boot::BootError;
use crate::listen::{ClientAuthorities, ServerIdentity};
use crate::outbound::Ours;
use crate::store::keys::write_secret;
use crate::trust::Fingerprint;
use certs_dev::mint;
use jiff::Timestamp;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// What each party's folder holds that others may know.
pub(super) struct Material {
    parties: BTreeMap<String, Known>,
}

/// The public side of one party.
pub(super) struct Known {
    pub(super) certificate_sha256: String,
    pub(super) public_jwk: Value,
}

fn failed(path: &Path) -> impl Fn(&dyn std::fmt::Display) -> BootError + '_ {
    move |e| BootError(format!("{}: {e}", path.display()))
}

impl Material {
    /// Reads `pki/`, minting it on the first start.
    pub(super) fn read_or_mint(folder: &Path, now: Timestamp) -> Result<Self, BootError> {
        if !folder.join("ca.pem").exists() {
            write(folder, now)?;
        }
        let mut parties = BTreeMap::new();
        for entry in fs::read_dir(folder).map_err(|e| failed(folder)(&e))? {
            let path = entry.map_err(|e| failed(folder)(&e))?.path();
            let Some(id) =
                path.file_name().and_then(|n| n.to_str()).filter(|_| path.join("jwk.json").exists())
            else {
                continue;
            };
            parties.insert(id.to_owned(), known(&path)?);
        }
        Ok(Self { parties })
    }

    /// One party's public side.
    pub(super) fn party(&self, id: &str) -> Option<&Known> {
        self.parties.get(id)
    }
}

fn known(folder: &Path) -> Result<Known, BootError> {
    let (certificate, jwk) = (folder.join("cert.pem"), folder.join("jwk.json"));
    let der = CertificateDer::from_pem_file(&certificate).map_err(|e| failed(&certificate)(&e))?;
    let text = fs::read(&jwk).map_err(|e| failed(&jwk)(&e))?;
    let mut public_jwk: Value = serde_json::from_slice(&text).map_err(|e| failed(&jwk)(&e))?;
    if let Some(members) = public_jwk.as_object_mut() {
        members.remove("d");
    }
    Ok(Known { certificate_sha256: Fingerprint::of_der(&der).to_string(), public_jwk })
}

/// `ca.pem` is written last: a folder without it is minted again.
fn write(folder: &Path, now: Timestamp) -> Result<(), BootError> {
    let region =
        Region::build(now.to_zoned(jiff::tz::TimeZone::UTC).date()).map_err(|e| BootError(e.to_string()))?;
    let minted = mint(&region.parties(), now).map_err(|e| BootError(format!("development PKI: {e}")))?;
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|e| failed(parent)(&e))?;
        }
        write_secret(&path, bytes).map_err(|e| failed(&path)(&e))
    };
    put("server/cert.pem", minted.server.cert_pem.as_bytes())?;
    put("server/key.pem", minted.server.key_pem.as_bytes())?;
    put("gateway/cert.pem", minted.gateway.cert_pem.as_bytes())?;
    put("gateway/key.pem", minted.gateway.key_pem.as_bytes())?;
    for party in &minted.participants {
        let id = &party.id;
        put(&format!("{id}/server-cert.pem"), party.server.cert_pem.as_bytes())?;
        put(&format!("{id}/server-key.pem"), party.server.key_pem.as_bytes())?;
        put(&format!("{id}/cert.pem"), party.client.cert_pem.as_bytes())?;
        put(&format!("{id}/key.pem"), party.client.key_pem.as_bytes())?;
        put(&format!("{id}/jwk.json"), party.signing.private_jwk.to_string().as_bytes())?;
    }
    put("ca.pem", minted.ca_pem.as_bytes())
}

/// What a holder's own server shows, and whose client certificates it takes.
pub(super) fn holder_faces(
    folder: &Path,
    holder: &str,
) -> Result<(ServerIdentity, ClientAuthorities), BootError> {
    faces_of(folder, &format!("{holder}/server-cert.pem"), &format!("{holder}/server-key.pem"))
}

/// The server's own certificate, and whose client certificates it takes.
pub(super) fn faces(folder: &Path) -> Result<(ServerIdentity, ClientAuthorities), BootError> {
    faces_of(folder, "server/cert.pem", "server/key.pem")
}

fn faces_of(folder: &Path, chain: &str, key: &str) -> Result<(ServerIdentity, ClientAuthorities), BootError> {
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read(&path).map_err(|e| failed(&path)(&e))
    };
    let identity =
        ServerIdentity::from_pem(&read(chain)?, &read(key)?).map_err(|e| BootError(e.to_string()))?;
    let ca = read("ca.pem")?;
    let authorities = ClientAuthorities::new([ca.as_slice()], []).map_err(|e| BootError(e.to_string()))?;
    Ok((identity, authorities))
}

/// The authority that vouches for our own servers.
pub(super) fn authorities(folder: &Path) -> Result<Vec<CertificateDer<'static>>, BootError> {
    let path = folder.join("ca.pem");
    CertificateDer::pem_file_iter(&path).and_then(Iterator::collect).map_err(|e| failed(&path)(&e))
}

/// What the sandbox shows and trusts when it asks holders elsewhere.
pub(super) fn towards_holders(folder: &Path) -> Result<Ours, BootError> {
    let (chain, key) = (folder.join("gateway/cert.pem"), folder.join("gateway/key.pem"));
    if !chain.exists() {
        // A sandbox of before there were such holders.
        return Ok(Ours { identity: None, authorities: authorities(folder)? });
    }
    let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(&chain).and_then(Iterator::collect);
    let secret = PrivateKeyDer::from_pem_file(&key).map_err(|e| failed(&key)(&e))?;
    let identity = Some((read.map_err(|e| failed(&chain)(&e))?, Arc::new(secret)));
    Ok(Ours { identity, authorities: authorities(folder)? })
}
