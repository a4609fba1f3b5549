//! A secret by reference: a file, or a credential that the service manager hands over.
//!
//! The value never stands in the configuration, the environment or a message.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secret {
    /// In a file that only we may read.
    File(PathBuf),
    /// A systemd credential (`LoadCredential=`), found below `$CREDENTIALS_DIRECTORY`.
    Credential(String),
}

/// A secret that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretFault {
    /// The file cannot be read.
    File(PathBuf, io::ErrorKind),
    /// The file can be read by others.
    Open(PathBuf),
    /// The service manager handed over no such credential.
    Credential(String),
}

impl fmt::Display for SecretFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, kind) => write!(f, "{}: {kind}", path.display()),
            Self::Open(path) => write!(f, "{}: others than its owner may read it", path.display()),
            Self::Credential(name) => write!(f, "no credential {name} was handed over"),
        }
    }
}

impl std::error::Error for SecretFault {}

impl Secret {
    /// Reads `credential:NAME`, or a path; a relative one starts from `base`.
    pub(crate) fn parse(raw: &str, base: &Path) -> Option<Self> {
        let Some(name) = raw.strip_prefix("credential:") else {
            return (!raw.is_empty()).then(|| Self::File(base.join(raw)));
        };
        let plain =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        (plain && !name.starts_with('.')).then(|| Self::Credential(name.to_owned()))
    }

    /// The secret itself.
    ///
    /// # Errors
    /// [`SecretFault`]; a file that its group or others may read is one.
    pub fn read(&self) -> Result<Zeroizing<Vec<u8>>, SecretFault> {
        let path = self.path()?;
        let fault = |error: io::Error| SecretFault::File(path.clone(), error.kind());
        if matches!(self, Self::File(_)) && is_open(&path).map_err(fault)? {
            return Err(SecretFault::Open(path));
        }
        std::fs::read(&path).map(Zeroizing::new).map_err(fault)
    }

    /// Whether the secret is handed over by a service manager that is not there now.
    #[must_use]
    pub fn is_elsewhere(&self) -> bool {
        matches!(self, Self::Credential(_)) && std::env::var_os(DIRECTORY).is_none()
    }

    fn path(&self) -> Result<PathBuf, SecretFault> {
        match self {
            Self::File(path) => Ok(path.clone()),
            Self::Credential(name) => {
                let directory = std::env::var_os(DIRECTORY).ok_or(SecretFault::Credential(name.clone()))?;
                Ok(Path::new(&directory).join(name))
            }
        }
    }
}

/// Whether the group or others may read a file.
fn is_open(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::metadata(path)?.permissions().mode() & 0o077 != 0)
}

const DIRECTORY: &str = "CREDENTIALS_DIRECTORY";
