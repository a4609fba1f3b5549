//! Two witnesses: the program's own, running; and one that nobody there wrote, which does as it is told.

use crate::client::{Answer, plain_with};
use crate::program::binary;
use crate::proof;
use data_encoding::{BASE64, HEXLOWER};
use ring::digest::{SHA256, digest};
use ring::signature::{Ed25519KeyPair, KeyPair};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A running `sluis witness`.
pub struct Witness {
    process: Child,
    /// The key that it prints.
    pub key: String,
    /// `127.0.0.1:PORT`.
    pub address: String,
    /// Of each watched log: the file of what it saw last.
    pub files: Vec<PathBuf>,
}

impl Witness {
    /// Starts one on a folder, on any port or on the one it had before.
    #[must_use]
    pub fn start(dir: &Path, address: &str, origin: &str, log_key: &str) -> Self {
        let mut process = Command::new(binary())
            .args(["witness", "--json", "--name", "witness.example/w1", "--listen", address, "--dir"])
            .arg(dir)
            .arg("--log")
            .arg(format!("{origin}={log_key}"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        let out = process.stdout.take().expect("a pipe");
        BufReader::new(out).read_line(&mut line).expect("a line");
        let said: serde_json::Value = serde_json::from_str(&line).expect("what it says of itself");
        let text = |member: &str| said[member].as_str().expect("text").to_owned();
        let logs = said["logs"].as_array().expect("logs");
        Self {
            process,
            key: text("key"),
            address: text("url").trim_start_matches("http://").to_owned(),
            files: logs.iter().map(|log| log["file"].as_str().expect("a file").into()).collect(),
        }
    }

    /// Hands in a checkpoint.
    #[must_use]
    pub fn add(&self, old: usize, proof: &[Vec<u8>], note: &str) -> Answer {
        let proof: String = proof.iter().map(|hash| BASE64.encode(hash) + "\n").collect();
        let body = format!("old {old}\n{proof}\n{note}");
        plain_with(&self.address, "POST", "/add-checkpoint", body.as_bytes())
    }

    /// As [`Witness::add`], when it may be gone in the middle of it: status and body.
    #[must_use]
    pub fn try_add(address: &str, old: usize, proof: &[Vec<u8>], note: &str) -> Option<(u16, String)> {
        let proof: String = proof.iter().map(|hash| BASE64.encode(hash) + "\n").collect();
        let body = format!("old {old}\n{proof}\n{note}");
        let mut stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        let head = format!(
            "POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    /// Ends it by SIGKILL, in the middle of whatever it does; the folder stays.
    pub fn kill(&mut self) {
        let _killed = self.process.kill();
        let _reaped = self.process.wait();
    }

    /// Ends it; the folder stays.
    pub fn stop(&mut self) {
        if self.process.try_wait().is_ok_and(|ended| ended.is_some()) {
            return;
        }
        let _told = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status();
        let _reaped = self.process.wait();
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What a scripted witness does with whatever it is handed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// Cosigns, as of so many seconds ago.
    Cosign(u64),
    /// Takes it and says nothing.
    Hang,
    /// Cosigns with another key than it says it has.
    Forge,
    /// Answers with this status.
    Say(u16),
    /// Saw a checkpoint of this size last.
    Saw(u64),
}

/// A witness that nobody of the program wrote, from the C2SP pages: it cosigns everything, or does as it is told.
pub struct Scripted {
    script: Arc<Mutex<Script>>,
    /// The key that it says it has.
    pub key: String,
    /// Where it is reached.
    pub url: String,
}

impl Scripted {
    /// Starts one; it lives as long as the test process.
    #[must_use]
    pub fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (pair, forger) = (key_pair(5), key_pair(6));
        let key = vkey(&pair);
        let script = Arc::new(Mutex::new(script));
        let told = Arc::clone(&script);
        let id = key.split('+').nth(1).expect("an id").to_owned();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let script = *told.lock().expect("script");
                match script {
                    // The connection stays open, so that nobody learns that nothing will come.
                    Script::Hang => std::mem::forget(stream),
                    Script::Forge => answer(stream, 200, &id, &forger, 0),
                    Script::Cosign(ago) => answer(stream, 200, &id, &pair, ago),
                    Script::Say(status) => answer(stream, status, &id, &pair, 0),
                    Script::Saw(size) => respond(stream, 409, "text/x.tlog.size", &format!("{size}\n")),
                }
            }
        });
        Self { script, key, url }
    }

    /// From now on it does this.
    pub fn now(&self, script: Script) {
        *self.script.lock().expect("script") = script;
    }
}

fn key_pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a key")
}

fn vkey(pair: &Ed25519KeyPair) -> String {
    let key = [&[4], pair.public_key().as_ref()].concat();
    let id = digest(&SHA256, &[NAME.as_bytes(), b"\n", &key].concat());
    format!("{NAME}+{}+{}", HEXLOWER.encode(&id.as_ref()[..4]), BASE64.encode(&key))
}

fn answer(stream: TcpStream, status: u16, id: &str, pair: &Ed25519KeyPair, ago: u64) {
    let Some(body) = body(&stream) else { return };
    let (_, note) = body.split_once("\n\n").expect("a submission");
    let (text, _) = note.split_once("\n\n").expect("a note");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs() - ago;
    let signature = pair.sign(format!("cosignature/v1\ntime {now}\n{text}\n").as_bytes());
    let id = HEXLOWER.decode(id.as_bytes()).expect("an id");
    let signed = BASE64.encode(&[&id, now.to_be_bytes().as_slice(), signature.as_ref()].concat());
    let line = format!("\u{2014} {NAME} {signed}\n");
    write(stream, status, "text/plain", &line);
}

fn respond(stream: TcpStream, status: u16, media: &str, text: &str) {
    if body(&stream).is_some() {
        write(stream, status, media, text);
    }
}

fn write(mut stream: TcpStream, status: u16, media: &str, text: &str) {
    let length = text.len();
    let head = format!(
        "HTTP/1.1 {status} Said\r\nContent-Type: {media}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    let _gone = stream.write_all((head + text).as_bytes());
}

fn body(stream: &TcpStream) -> Option<String> {
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out");
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        if line == "\r\n" {
            break;
        }
        if let Some(said) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = said.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    String::from_utf8(body).ok()
}

const NAME: &str = "scripted.example/w";

/// A log that nobody of the program wrote: leaves in memory, signed notes from the C2SP pages.
pub struct OwnLog {
    pair: Ed25519KeyPair,
    origin: String,
    /// Hashes of its leaves.
    pub leaves: Vec<Vec<u8>>,
}

impl OwnLog {
    /// An empty one.
    #[must_use]
    pub fn new(origin: &str, seed: u8) -> Self {
        Self { pair: key_pair(seed), origin: origin.to_owned(), leaves: Vec::new() }
    }

    /// Adds leaves until there are so many.
    pub fn grow(&mut self, to: usize, salt: &str) {
        for n in self.leaves.len()..to {
            self.leaves.push(proof::leaf_hash(format!("{salt} {n}").as_bytes()));
        }
    }

    /// Its verifier key.
    #[must_use]
    pub fn key(&self) -> String {
        let key = [&[1], self.pair.public_key().as_ref()].concat();
        format!("{}+{}+{}", self.origin, HEXLOWER.encode(&self.id()), BASE64.encode(&key))
    }

    fn id(&self) -> Vec<u8> {
        let named = [self.origin.as_bytes(), b"\n", &[1], self.pair.public_key().as_ref()].concat();
        digest(&SHA256, &named).as_ref()[..4].to_vec()
    }

    /// The signed checkpoint of its first leaves.
    #[must_use]
    pub fn note(&self, size: usize) -> String {
        let root = BASE64.encode(&proof::tree(&self.leaves[..size]));
        self.signed(&format!("{}\n{size}\n{root}\n", self.origin))
    }

    fn signed(&self, text: &str) -> String {
        let signature = [self.id(), self.pair.sign(text.as_bytes()).as_ref().to_vec()].concat();
        format!("{text}\n\u{2014} {} {}\n", self.origin, BASE64.encode(&signature))
    }

    /// That the first `size` leaves begin with the first `old`.
    #[must_use]
    pub fn proof(&self, old: usize, size: usize) -> Vec<Vec<u8>> {
        if old == 0 { Vec::new() } else { proof::consistency(old, &self.leaves[..size]) }
    }
}
