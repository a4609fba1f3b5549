//! Certificates: the CA, the server's and the clients'. The form of a client's is that of an UZI server
//! certificate (SAN otherName 2.5.5.5), or of a PKIoverheid one with an OIN for parties without a URA.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use ring::digest::{SHA256, digest};

use crate::MintError;

/// Ten years of 365.25 days: a sandbox must not stop working because nobody renewed it.
const TEN_YEARS: Duration = Duration::from_secs(3652 * 24 * 3600 + 12 * 3600);
/// Clocks of two machines differ; a certificate made now must be valid now.
const SLACK: Duration = Duration::from_secs(3600);
/// X.520 serialNumber, the subject attribute (not the serial number of the certificate).
const SUBJECT_SERIAL_NUMBER: [u64; 4] = [2, 5, 4, 5];
/// The otherName type that UZI certificates use for their subject id.
const UZI_OTHER_NAME: [u64; 4] = [2, 5, 5, 5];

/// A party that gets a client certificate.
#[derive(Clone, Debug)]
pub struct Party {
    /// Participant id; the common name.
    pub id: String,
    /// Name of the organisation.
    pub name: String,
    /// What the certificate says it is.
    pub identity: Identity,
}

/// The register number a client certificate carries.
#[derive(Clone, Debug)]
pub enum Identity {
    /// UZI-register subscriber number, 8 digits: certificate in UZI server form.
    Ura(String),
    /// Chamber of commerce number, 8 digits: becomes an OIN with prefix 00000003.
    Kvk(String),
    /// Organisation identification number, 20 digits.
    Oin(String),
}

/// A certificate with its private key.
pub struct Pair {
    /// The certificate, PEM.
    pub cert_pem: String,
    /// The certificate, DER.
    pub cert_der: Vec<u8>,
    /// The private key, PKCS#8 PEM.
    pub key_pem: String,
    /// SHA-256 of the certificate (DER), lower-case hex.
    pub cert_sha256: String,
}

/// A development CA that can sign.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// From when to when a certificate holds, relative to now.
#[derive(Clone, Copy)]
pub(crate) enum Validity {
    Now,
    Over,
    NotYet,
}

/// What a certificate may be used for.
#[derive(Clone, Copy)]
pub(crate) enum Use {
    Server,
    Client,
}

impl Authority {
    /// A fresh, self-signed CA called `name`.
    pub fn new(name: &str, now: jiff::Timestamp) -> Result<Self, MintError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.distinguished_name.push(DnType::OrganizationName, "Regio Heuvelrijk (verzonnen)");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        set_validity(&mut params, Validity::Now, now);
        Ok(Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)? })
    }

    /// The CA certificate, PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A server certificate for the three names of this machine.
    pub fn server(&self, now: jiff::Timestamp) -> Result<Pair, MintError> {
        let mut params = CertificateParams::new(["localhost", "127.0.0.1", "::1"].map(String::from))?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "localhost");
        self.sign(params, Use::Server, Validity::Now, now)
    }

    /// A client certificate for `party`.
    pub fn client(&self, party: &Party, now: jiff::Timestamp) -> Result<Pair, MintError> {
        self.client_with(party, Use::Client, Validity::Now, now)
    }

    pub(crate) fn client_with(
        &self,
        party: &Party,
        usage: Use,
        validity: Validity,
        now: jiff::Timestamp,
    ) -> Result<Pair, MintError> {
        let subject = subject_of(party)?;
        let mut params = CertificateParams::new([format!("{}.heuvelrijk.example", party.id)])?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CountryName, "NL");
        params.distinguished_name.push(DnType::OrganizationName, party.name.as_str());
        params.distinguished_name.push(DnType::CommonName, party.id.as_str());
        params
            .distinguished_name
            .push(DnType::CustomDnType(SUBJECT_SERIAL_NUMBER.to_vec()), subject.serial_number.as_str());
        if let Some(other_name) = subject.other_name {
            let name = SanType::OtherName((UZI_OTHER_NAME.to_vec(), other_name.into()));
            params.subject_alt_names.push(name);
        }
        self.sign(params, usage, validity, now)
    }

    fn sign(
        &self,
        mut params: CertificateParams,
        usage: Use,
        validity: Validity,
        now: jiff::Timestamp,
    ) -> Result<Pair, MintError> {
        params.extended_key_usages = vec![match usage {
            Use::Server => ExtendedKeyUsagePurpose::ServerAuth,
            Use::Client => ExtendedKeyUsagePurpose::ClientAuth,
        }];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        set_validity(&mut params, validity, now);
        let key = KeyPair::generate()?;
        let cert = params.signed_by(&key, &self.issuer)?;
        let cert_der = cert.der().to_vec();
        let cert_sha256 = data_encoding::HEXLOWER.encode(digest(&SHA256, &cert_der).as_ref());
        Ok(Pair { cert_pem: cert.pem(), cert_der, key_pem: key.serialize_pem(), cert_sha256 })
    }
}

struct Subject {
    serial_number: String,
    other_name: Option<String>,
}

fn subject_of(party: &Party) -> Result<Subject, MintError> {
    let digits = |value: &str, length: usize| {
        let well_formed = value.len() == length && value.bytes().all(|byte| byte.is_ascii_digit());
        well_formed
            .then(|| value.to_owned())
            .ok_or_else(|| MintError::BadIdentifier { party: party.id.clone() })
    };
    Ok(match &party.identity {
        Identity::Ura(ura) => {
            let ura = digits(ura, 8)?;
            // An invented UZI number that contains the URA, so that a reader sees what belongs together.
            let uzi = format!("9{ura}");
            let other_name = format!("2.16.528.1.1007.99.2110-1-{uzi}-S-{ura}-00.000-00000000");
            Subject { serial_number: uzi, other_name: Some(other_name) }
        }
        // Logius OIN: prefix 00000003 says "chamber of commerce number follows", padded with 0000.
        Identity::Kvk(kvk) => {
            Subject { serial_number: format!("00000003{}0000", digits(kvk, 8)?), other_name: None }
        }
        Identity::Oin(oin) => Subject { serial_number: digits(oin, 20)?, other_name: None },
    })
}

fn set_validity(params: &mut CertificateParams, validity: Validity, now: jiff::Timestamp) {
    let since_epoch = Duration::from_secs(u64::try_from(now.as_second()).unwrap_or(0));
    let now = date_time_ymd(1970, 1, 1) + since_epoch;
    let (from, to) = match validity {
        Validity::Now => (now - SLACK, now - SLACK + TEN_YEARS),
        Validity::Over => (now - 48 * SLACK, now - SLACK),
        Validity::NotYet => (now + 48 * SLACK, now + TEN_YEARS),
    };
    params.not_before = from;
    params.not_after = to;
}
