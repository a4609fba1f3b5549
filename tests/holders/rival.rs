//! nginx that passes a holder's answers through: mutual TLS 1.3 in front, TLS 1.3 behind, connections kept on both sides,
//! nothing written to disk.

use crate::holder::Holder;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use sluis_tests::Client;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running nginx.
pub struct Nginx {
    process: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Nginx {
    /// Starts one before this holder; `None`, with words, where there is no nginx and none can be installed.
    pub fn before(holder: &Holder) -> Option<Self> {
        if !there() {
            println!("nginx is missing and cannot be installed: what is compared with it is skipped");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        // Its worker is nobody.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
        mint(folder.path());
        holder.keep_authority(&folder.path().join("holder.pem"));
        let held = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = held.local_addr().expect("an address").port();
        drop(held);
        let at = |name: &str| folder.path().join(name);
        fs::write(at("nginx.conf"), configuration(folder.path(), port, holder.port)).expect("written");
        let process = Command::new("nginx")
            .arg("-e")
            .arg(at("error.log"))
            .arg("-c")
            .arg(at("nginx.conf"))
            .stdin(Stdio::null())
            .spawn()
            .expect("nginx starts");
        let mut nginx = Self { process, port, folder };
        let began = Instant::now();
        while nginx.workers().is_empty() || std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = nginx.process.try_wait().expect("its state").is_some();
            let said = fs::read_to_string(nginx.at("error.log")).unwrap_or_default();
            assert!(!ended && began.elapsed() < Duration::from_secs(20), "nginx does not start: {said}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(nginx)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Its processes that do the work.
    pub fn workers(&self) -> Vec<u32> {
        let pid = self.process.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        children.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
    }

    /// A client with the certificate that it wants.
    pub fn client(&self) -> Client {
        let (certificate, key) = (self.at("client.pem"), self.at("client.key"));
        let identity: Option<(&Path, &Path)> = Some((&certificate, &key));
        Client::with_files(
            &self.at("ca.pem"),
            identity,
            jiff::Timestamp::now(),
            format!("127.0.0.1:{}", self.port),
        )
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let told = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status();
        if told.is_ok() {
            let _reaped = self.process.wait();
        }
    }
}

fn there() -> bool {
    let runs = || Command::new("nginx").arg("-v").stderr(Stdio::null()).status().is_ok_and(|s| s.success());
    let apt = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    runs()
        || (apt(&["update", "-qq"])
            && apt(&["install", "-y", "-qq", "--no-install-recommends", "nginx-light"])
            && runs())
}

fn mint(folder: &Path) {
    let key = KeyPair::generate().expect("a key");
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name.push(DnType::CommonName, "Some authority");
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect("written");
    write("ca.pem", &ca.self_signed(&key).expect("a certificate").pem());
    let issuer = Issuer::new(ca, key);
    for name in ["server", "client"] {
        let key = KeyPair::generate().expect("a key");
        let mut leaf = CertificateParams::new(["localhost".to_owned()]).expect("a name");
        leaf.distinguished_name.push(DnType::CommonName, name);
        write(&format!("{name}.pem"), &leaf.signed_by(&key, &issuer).expect("a certificate").pem());
        write(&format!("{name}.key"), &key.serialize_pem());
    }
}

fn configuration(folder: &Path, port: u16, holder: u16) -> String {
    let at = folder.display();
    format!(
        "daemon off; worker_processes 1; pid {at}/pid; error_log {at}/error.log; events {{ }}
http {{
    access_log off; keepalive_requests 1000000;
    client_body_temp_path {at}; proxy_temp_path {at}; fastcgi_temp_path {at}; uwsgi_temp_path {at}; scgi_temp_path {at};
    upstream holder {{ server 127.0.0.1:{holder}; keepalive 16; keepalive_requests 1000000; }}
    server {{
        listen 127.0.0.1:{port} ssl; ssl_protocols TLSv1.3;
        ssl_certificate {at}/server.pem; ssl_certificate_key {at}/server.key;
        ssl_client_certificate {at}/ca.pem; ssl_verify_client on;
        location / {{
            proxy_pass https://holder; proxy_http_version 1.1; proxy_set_header Connection \"\";
            proxy_ssl_protocols TLSv1.3; proxy_ssl_trusted_certificate {at}/holder.pem; proxy_ssl_verify on;
            proxy_ssl_name localhost; proxy_ssl_server_name on;
            proxy_buffer_size 16k; proxy_buffers 16 16k; proxy_max_temp_file_size 0;
        }}
    }}
}}
"
    )
}
