//! What a client certificate says about the organisation that holds it, and whether that fits a registration.
//!
//! Two forms (CONTRACT.md 3): the UZI server form, where a SAN otherName 2.5.5.5 carries
//! `<CA oid>-1-<number>-S-<URA>-<role>-<AGB>`, and a PKIoverheid form with an OIN in the subject serialNumber.
//! Chain and dates are the handshake's business; nothing here trusts an unverified certificate.

use super::code::{Fingerprint, Identifier};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use std::fmt;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// A certificate, read once per connection.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    fingerprint: Fingerprint,
    organisation: Organisation,
}

/// The organisation that a certificate names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Organisation {
    /// A health-care organisation by its URA (UZI register).
    Ura(String),
    /// A government or other organisation by its OIN, twenty digits.
    Oin(String),
    /// None, or two that contradict each other.
    Unnamed,
}

/// A certificate that does not belong to the registered organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    names: Organisation,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.names {
            Organisation::Ura(ura) => write!(f, "the certificate names URA {ura}"),
            Organisation::Oin(oin) => write!(f, "the certificate names OIN {oin}"),
            Organisation::Unnamed => f.write_str("the certificate names no URA and no OIN"),
        }
    }
}

impl std::error::Error for Misfit {}

impl Certificate {
    /// Reads a certificate; `None` when it is not one.
    #[must_use]
    pub fn from_der(der: &[u8]) -> Option<Self> {
        let (rest, parsed) = X509Certificate::from_der(der).ok()?;
        let organisation = organisation_of(&parsed);
        rest.is_empty().then(|| Self {
            der: der.to_vec(),
            fingerprint: Fingerprint::of_der(der),
            organisation,
        })
    }

    /// Reads the first certificate of a PEM text.
    #[must_use]
    pub fn from_pem(pem: &str) -> Option<Self> {
        Self::from_der(&CertificateDer::from_pem_slice(pem.as_bytes()).ok()?)
    }

    /// The certificate itself.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its SHA-256.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The organisation it names.
    #[must_use]
    pub fn organisation(&self) -> &Organisation {
        &self.organisation
    }

    /// Whether it names the organisation that is registered under `identifier`.
    ///
    /// # Errors
    /// [`Misfit`] when it names another one, or none.
    pub fn fits(&self, identifier: &Identifier) -> Result<Fits, Misfit> {
        let value = identifier.value.as_str();
        let fits = match (&self.organisation, system_of(&identifier.system)) {
            (Organisation::Ura(ura), Some(System::Ura)) => ura == value,
            (Organisation::Oin(oin), Some(System::Oin)) => oin == value,
            // OIN: prefix of eight digits, number, suffix; 3 is the trade register, 1 is RSIN.
            (Organisation::Oin(oin), Some(System::Kvk)) => *oin == format!("00000003{value}0000"),
            (Organisation::Oin(oin), Some(System::Rsin)) => *oin == format!("00000001{value}000"),
            // No OIN is derived from a UZOVI: the operator pins the certificate of the insurer.
            (Organisation::Oin(_), Some(System::Uzovi)) => true,
            _ => false,
        };
        if fits { Ok(Fits(())) } else { Err(Misfit { names: self.organisation.clone() }) }
    }
}

/// Proof that a certificate names the organisation it was compared with. Made by [`Certificate::fits`] only.
#[derive(Debug)]
pub struct Fits(());

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, {:?})", self.fingerprint, self.organisation)
    }
}

/// Identifier systems of organisations that can be compared with a certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
enum System {
    Ura,
    Kvk,
    Oin,
    Rsin,
    Uzovi,
}

fn system_of(system: &str) -> Option<System> {
    SYSTEMS.iter().find(|(uri, oid, _)| *uri == system || *oid == system).map(|(_, _, known)| *known)
}

/// Whether an identifier system is one that can be compared with a certificate.
#[must_use]
pub fn knows_system(system: &str) -> bool {
    system_of(system).is_some()
}

/// The same identifier with its system in the URI form: `region.json` shows that one, while a client may write
/// its OID (CONTRACT.md 3, `organization_id`).
#[must_use]
pub fn canonical(identifier: &Identifier) -> Identifier {
    let known = SYSTEMS.iter().find(|(_, oid, _)| *oid == identifier.system);
    let system = known.map_or(identifier.system.as_str(), |(uri, _, _)| uri);
    Identifier { system: system.to_owned(), value: identifier.value.clone() }
}

fn organisation_of(certificate: &X509Certificate<'_>) -> Organisation {
    let serial = certificate
        .subject()
        .iter_attributes()
        .filter(|a| *a.attr_type() == x509_parser::oid_registry::OID_X509_SERIALNUMBER)
        .find_map(|a| a.as_str().ok());
    let oin = serial.filter(|s| is_digits(s, 20));
    match (ura_of(certificate), oin) {
        (Ura::One(ura), None) => Organisation::Ura(ura),
        (Ura::None, Some(oin)) => Organisation::Oin(oin.to_owned()),
        (Ura::Several, _) | (Ura::None, None) | (Ura::One(_), Some(_)) => Organisation::Unnamed,
    }
}

enum Ura {
    None,
    One(String),
    Several,
}

/// The URA of a UZI otherName. Several that differ contradict each other.
fn ura_of(certificate: &X509Certificate<'_>) -> Ura {
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Ura::None };
    let mut found = Ura::None;
    for name in &names.value.general_names {
        let GeneralName::OtherName(oid, value) = name else { continue };
        if oid.to_id_string() != UZI_OTHER_NAME {
            continue;
        }
        found = match (uzi_ura(value), found) {
            (Some(ura), Ura::None) => Ura::One(ura),
            (Some(ura), Ura::One(seen)) if seen == ura => Ura::One(seen),
            _ => return Ura::Several,
        };
    }
    found
}

/// The fifth field of `2.16.528.1.1003.1.3.5.5.2-1-12345678-S-90000382-00.000-00000000`, out of the DER of
/// the otherName's value: any nesting of context tags around one string.
fn uzi_ura(value: &[u8]) -> Option<String> {
    let text = innermost(value, 0)?;
    let mut fields = text.split('-').skip(4);
    fields.next().filter(|ura| is_digits(ura, 8)).map(str::to_owned)
}

/// Unwraps DER tags until a string type is reached.
fn innermost(der: &[u8], depth: u8) -> Option<&str> {
    let (tag, length, rest) = match der {
        [tag, length, rest @ ..] if *length < 0x80 => (*tag, usize::from(*length), rest),
        [tag, 0x81, length, rest @ ..] => (*tag, usize::from(*length), rest),
        _ => return None,
    };
    let content = rest.get(..length)?;
    match tag {
        0x0c | 0x13 | 0x16 => std::str::from_utf8(content).ok(),
        0xa0 if depth < 4 => innermost(content, depth + 1),
        _ => None,
    }
}

fn is_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|b| b.is_ascii_digit())
}

const UZI_OTHER_NAME: &str = "2.5.5.5";

/// URI, OID form, meaning.
const SYSTEMS: [(&str, &str, System); 5] = [
    ("http://fhir.nl/fhir/NamingSystem/ura", "urn:oid:2.16.528.1.1007.3.3", System::Ura),
    ("http://fhir.nl/fhir/NamingSystem/kvk", "urn:oid:2.16.840.1.113883.2.4.3.3", System::Kvk),
    ("http://fhir.nl/fhir/NamingSystem/oin", "urn:oid:2.16.528.1.1003.2.10.3", System::Oin),
    ("http://fhir.nl/fhir/NamingSystem/rsin", "urn:oid:2.16.840.1.113883.2.4.3.4", System::Rsin),
    ("http://fhir.nl/fhir/NamingSystem/uzovi", "urn:oid:2.16.840.1.113883.2.4.6.4", System::Uzovi),
];
