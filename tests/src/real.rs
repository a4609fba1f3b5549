//! The program in real use: `sluis serve` from a configuration, with certificates that no sandbox made.

use crate::client::{Answer, Client};
use crate::program::{Run, binary, sluis, sluis_with};
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A folder with an authority, certificates, a configuration, and the program that serves from it.
pub struct Real {
    folder: tempfile::TempDir,
    exchange: u16,
    portal: u16,
    management: u16,
    process: Option<Child>,
}

/// Free ports: somebody else may take one before it is used, but hardly does.
fn ports<const N: usize>() -> [u16; N] {
    let held: [TcpListener; N] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").expect("a port"));
    held.map(|socket| socket.local_addr().expect("an address").port())
}

impl Real {
    /// Lays everything out; nothing runs yet.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let [exchange, portal, management] = ports();
        let real = Self { folder, exchange, portal, management, process: None };
        real.mint();
        let key: Vec<u8> = (0..32).collect();
        real.secret("master.key", &key);
        real
    }

    fn mint(&self) {
        let ca_key = KeyPair::generate().expect("a key");
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.distinguished_name.push(DnType::CommonName, "Some authority");
        let ca_pem = ca.self_signed(&ca_key).expect("a certificate").pem();
        fs::write(self.path("ca.pem"), ca_pem).expect("written");
        let issuer = Issuer::new(ca, ca_key);
        for (name, usage) in
            [("server", ExtendedKeyUsagePurpose::ServerAuth), ("client", ExtendedKeyUsagePurpose::ClientAuth)]
        {
            let key = KeyPair::generate().expect("a key");
            let mut leaf = CertificateParams::new(["localhost".to_owned()]).expect("a name");
            leaf.subject_alt_names.push(rcgen::SanType::IpAddress([127, 0, 0, 1].into()));
            leaf.extended_key_usages = vec![usage];
            leaf.distinguished_name.push(DnType::CommonName, name);
            // As PKIoverheid names an organisation: its OIN as the subject's serial number.
            leaf.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), OIN);
            let pem = leaf.signed_by(&key, &issuer).expect("a certificate").pem();
            fs::write(self.path(&format!("{name}.pem")), pem).expect("written");
            self.secret(&format!("{name}.key"), key.serialize_pem().as_bytes());
        }
    }

    fn secret(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).expect("written");
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).expect("a mode");
    }

    /// A file of this folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// Where people reach the portal.
    #[must_use]
    pub fn portal(&self) -> String {
        format!("https://localhost:{}", self.portal)
    }

    /// `localhost:PORT` of the exchange.
    #[must_use]
    pub fn exchange(&self) -> String {
        format!("localhost:{}", self.exchange)
    }

    /// The configuration, with more lines in `[portal]`.
    pub fn configure(&self, portal: &str) {
        self.configure_with(portal, "");
    }

    /// The configuration, with more lines in `[portal]` and more sections.
    pub fn configure_with(&self, portal: &str, sections: &str) {
        let (exchange, portal_port, management) = (self.exchange, self.portal, self.management);
        let text = format!(
            "issuer = \"https://localhost:{exchange}\"\norigin = \"example.org/test\"\ndata = \"{}\"\n\
             [keys]\nmaster = \"master.key\"\n\
             [exchange]\nlisten = \"127.0.0.1:{exchange}\"\ncertificate = \"server.pem\"\nkey = \"server.key\"\nclient_ca = [\"ca.pem\"]\n\
             [portal]\nlisten = \"127.0.0.1:{portal_port}\"\ncertificate = \"server.pem\"\nkey = \"server.key\"\n{portal}\n\
             [management]\nlisten = \"127.0.0.1:{management}\"\n{sections}\n",
            self.data().display()
        );
        fs::write(self.path("sluis.toml"), text).expect("written");
    }

    /// Runs `check-config`.
    #[must_use]
    pub fn check(&self) -> Run {
        sluis(["check-config", "--config", self.path("sluis.toml").to_str().expect("text")])
    }

    /// Starts it, and waits until it is ready.
    pub fn start(&mut self) {
        self.start_until(200);
    }

    /// Starts it, and waits until `/readyz` answers so.
    pub fn start_until(&mut self, status: u16) {
        let log = fs::File::create(self.path("log")).expect("a log");
        let child = Command::new(binary())
            .args(["serve", "--config"])
            .arg(self.path("sluis.toml"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("it starts");
        self.process = Some(child);
        let began = Instant::now();
        while self.readiness() != Some(status) {
            let ended = self.process.as_mut().and_then(|p| p.try_wait().ok().flatten());
            assert!(ended.is_none() && began.elapsed() < Duration::from_secs(60), "{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn readiness(&self) -> Option<u16> {
        std::net::TcpStream::connect(("127.0.0.1", self.management)).ok()?;
        Some(self.management("/readyz").status)
    }

    /// A plain GET on the management listener.
    #[must_use]
    pub fn management(&self, path: &str) -> Answer {
        crate::client::plain(&format!("127.0.0.1:{}", self.management), path)
    }

    /// Ends it by SIGTERM; it can be started again.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ended = Command::new("kill").args(["-TERM", &process.id().to_string()]).status();
            let _reaped = process.wait();
        }
    }

    /// What it wrote.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Runs a command on its folder.
    #[must_use]
    pub fn sluis(&self, args: &[&str], input: &[u8]) -> Run {
        let dir = self.data();
        let args = args
            .iter()
            .map(|arg| (*arg).to_owned())
            .chain(["--dir".into(), dir.to_str().expect("text").into()]);
        sluis_with(args.collect::<Vec<_>>(), input)
    }

    /// A client of a listener, with the participant's certificate or none.
    #[must_use]
    pub fn client(&self, address: &str, identified: bool) -> Client {
        let (certificate, key) = (self.path("client.pem"), self.path("client.key"));
        let identity: Option<(&Path, &Path)> = identified.then_some((&certificate, &key));
        let address = address.trim_start_matches("https://").to_owned();
        Client::with_files(&self.path("ca.pem"), identity, jiff::Timestamp::now(), address)
    }
}

/// The organisation that the client certificate names.
pub const OIN: &str = "00000003900009990000";

impl Default for Real {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        self.stop();
    }
}
