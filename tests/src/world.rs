//! One running sandbox: started, watched, stopped. A test process that dies takes its world along.

use crate::client::Client;
use crate::program::{Run, binary, sluis, sluis_with};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

/// T of REGION.md 3: Saturday 2026-11-21, 12:00 in Amsterdam. Worlds start there, so that the invented dates stand as
/// REGION.md writes them.
pub const T: &str = "2026-11-21T11:00:00Z";

/// A running `sluis demo`.
pub struct World {
    dir: PathBuf,
    /// Removes the folder when the world ends, unless it is to be started again.
    _folder: Option<tempfile::TempDir>,
    region: Value,
    process: Mutex<Option<Process>>,
    output: Output,
    ahead: AtomicI64,
}

struct Process {
    shell: Child,
    /// Closing it ends the program: also when the test process is killed.
    leash: Option<ChildStdin>,
    pid: u32,
}

type Output = Arc<Mutex<Vec<u8>>>;

/// How to start.
#[derive(Clone, Debug)]
pub struct Start {
    ahead: i64,
    more: Vec<String>,
}

impl Default for Start {
    fn default() -> Self {
        Self { ahead: to_t(), more: vec!["--budget".into(), "off".into()] }
    }
}

impl Start {
    /// Budgets as in real use.
    #[must_use]
    pub fn with_budgets(mut self) -> Self {
        self.more.clear();
        self
    }

    /// At the machine's own time, for clients that read no other clock.
    #[must_use]
    pub fn at_this_moment(mut self) -> Self {
        self.ahead = 0;
        self
    }

    /// With one more argument.
    #[must_use]
    pub fn arg(mut self, arg: &str) -> Self {
        self.more.push(arg.to_owned());
        self
    }
}

/// Seconds from now to T.
fn to_t() -> i64 {
    let t: jiff::Timestamp = T.parse().expect("T");
    // Whole days, and noon of that day: the clock stands within a day of T whatever the hour.
    t.as_second() - jiff::Timestamp::now().as_second()
}

impl World {
    /// The one world of this test program, for tests that leave it as it was for the others.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<World> = OnceLock::new();
        SHARED.get_or_init(|| {
            let folder = tempfile::tempdir().expect("a folder");
            let dir = folder.keep();
            Self::start(&dir, true, Start::default(), None, true).unwrap_or_else(|run| panic!("{run}"))
        })
    }

    /// A world of one's own.
    #[must_use]
    pub fn fresh() -> Self {
        Self::fresh_with(Start::default())
    }

    /// A world of one's own, started so.
    #[must_use]
    pub fn fresh_with(start: Start) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path().join("sandbox");
        Self::start(&dir, true, start, Some(folder), false).unwrap_or_else(|said| panic!("{said}"))
    }

    /// Starts on a folder that exists.
    ///
    /// # Errors
    /// What the program said, if it ended before `ready`.
    pub fn on(dir: &Path) -> Result<Self, String> {
        Self::start(dir, false, Start::default(), None, false)
    }

    fn start(
        dir: &Path,
        fresh: bool,
        start: Start,
        folder: Option<tempfile::TempDir>,
        sweep: bool,
    ) -> Result<Self, String> {
        let (process, output) = launch(dir, fresh, &start, sweep)?;
        let region = std::fs::read(dir.join("region.json")).map_err(|e| format!("region.json: {e}"))?;
        let region = serde_json::from_slice(&region).map_err(|e| format!("region.json: {e}"))?;
        Ok(Self {
            dir: dir.to_owned(),
            _folder: folder,
            region,
            process: Mutex::new(Some(process)),
            output,
            ahead: AtomicI64::new(start.ahead),
        })
    }

    /// Its folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// `region.json` as it stood at `ready`.
    #[must_use]
    pub fn region(&self) -> &Value {
        &self.region
    }

    /// Base URL of the exchange, without a slash at the end.
    #[must_use]
    pub fn exchange(&self) -> &str {
        self.region["exchange"].as_str().expect("exchange")
    }

    /// `127.0.0.1:PORT` of the exchange.
    #[must_use]
    pub fn address(&self) -> String {
        self.exchange().trim_start_matches("https://").to_owned()
    }

    /// A participant of `region.json`.
    #[track_caller]
    #[must_use]
    pub fn participant(&self, id: &str) -> &Value {
        self.entry("participants", id)
    }

    /// A person of `region.json` whom data is about.
    #[track_caller]
    #[must_use]
    pub fn patient(&self, id: &str) -> &Value {
        self.entry("patients", id)
    }

    #[track_caller]
    fn entry(&self, list: &str, id: &str) -> &Value {
        let mut all = self.region[list].as_array().expect("a list").iter();
        all.find(|p| p["id"] == id).unwrap_or_else(|| panic!("{id} is not among the {list}"))
    }

    /// BSN of a person, or of the `unknown` one who does not exist; a BSN goes through as it is.
    #[must_use]
    pub fn bsn(&self, patient: &str) -> String {
        match patient {
            "unknown" => UNKNOWN_BSN.to_owned(),
            bsn if bsn.bytes().all(|b| b.is_ascii_digit()) => bsn.to_owned(),
            id => self.patient(id)["bsn"].as_str().expect("bsn").to_owned(),
        }
    }

    /// Birth date of a person; some date for anybody else.
    #[must_use]
    pub fn birth_date(&self, patient: &str) -> String {
        let mut all = self.region["patients"].as_array().expect("patients").iter();
        let found = all.find(|p| p["id"] == patient || p["bsn"] == patient);
        found.map_or("1942-06-11".into(), |p| p["birthDate"].as_str().expect("birthDate").to_owned())
    }

    /// What the sandbox's clock says, to the second.
    #[must_use]
    pub fn now(&self) -> jiff::Timestamp {
        let seconds = jiff::Timestamp::now().as_second() + self.ahead.load(Ordering::Relaxed);
        jiff::Timestamp::from_second(seconds).expect("an instant")
    }

    /// Moves the clock forward.
    pub fn advance(&self, seconds: i64) {
        let run = self.sluis(["clock", &format!("+{seconds}")]).ok();
        assert!(!run.stdout.trim().is_empty(), "the clock says nothing");
        self.ahead.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Makes a holder fail, or not: down, slow, garbage, wrong-person, none.
    pub fn fault(&self, holder: &str, mode: &str) {
        self.sluis(["fault", "--holder", holder, "--mode", mode]).ok();
    }

    /// Runs a command on this folder.
    #[must_use]
    pub fn sluis<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Run {
        sluis(self.with_dir(args))
    }

    /// Runs a command on this folder with something on standard input.
    #[must_use]
    pub fn sluis_with<'a>(&self, args: impl IntoIterator<Item = &'a str>, input: &[u8]) -> Run {
        sluis_with(self.with_dir(args), input)
    }

    fn with_dir<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let dir = self.dir.to_str().expect("a path of text").to_owned();
        args.into_iter().map(str::to_owned).chain(["--dir".to_owned(), dir]).collect()
    }

    /// The journal as `audit dump` prints it.
    #[must_use]
    pub fn dump(&self) -> Vec<Value> {
        self.sluis(["audit", "dump"]).ok().json_lines()
    }

    /// The records of `dump` with this request id.
    #[must_use]
    pub fn records_of(&self, request_id: &str) -> Vec<Value> {
        self.dump().into_iter().filter(|record| record["request_id"] == request_id).collect()
    }

    /// `audit verify` must be content.
    #[track_caller]
    pub fn verify(&self) {
        let run = self.sluis(["audit", "verify"]).ok();
        assert!(run.stdout.contains("root "), "{}", run.stdout);
    }

    /// A connection-keeping client with this participant's certificate.
    #[must_use]
    pub fn client(&self, participant: &str) -> Client {
        Client::new(self, Some(participant))
    }

    /// A plain GET on the management listener: status and body.
    #[must_use]
    pub fn management(&self, path: &str) -> (u16, String) {
        let address = self.region["management"].as_str().expect("management").trim_start_matches("http://");
        let answer = crate::client::plain(address, path);
        (answer.status, answer.text())
    }

    /// Everything the program wrote to its standard output and error so far.
    #[must_use]
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&self.output.lock().expect("output")).into_owned()
    }

    /// Process id of the program.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.lock().expect("process").as_ref().expect("it runs").pid
    }

    /// Whether it still runs and says it is well.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.management("/livez").0 == 200
    }

    /// Lets it write no byte more to any file, as on a full disk.
    pub fn fill_disk(&self) {
        let pid = self.pid().to_string();
        let set = Command::new("prlimit")
            .args(["--pid", &pid, "--fsize=1:1"])
            .status()
            .expect("prlimit (util-linux)");
        assert!(set.success());
    }

    /// Ends it by SIGTERM. Exit status and how long it took.
    #[must_use]
    pub fn terminate(&self) -> (i32, Duration) {
        self.end("-TERM")
    }

    /// Ends it by SIGKILL, in the middle of whatever it does.
    pub fn kill(&self) {
        let (code, _) = self.end("-KILL");
        assert_ne!(code, 0);
    }

    fn end(&self, signal: &str) -> (i32, Duration) {
        let mut process = self.process.lock().expect("process").take().expect("it runs");
        let began = Instant::now();
        let sent = Command::new("kill").args([signal, &process.pid.to_string()]).status().expect("kill");
        assert!(sent.success(), "no such process");
        let status = process.shell.wait().expect("it ends");
        drop(process.leash.take());
        (status.code().unwrap_or(-1), began.elapsed())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let process = self.process.lock().ok().and_then(|mut p| p.take());
        if let Some(mut process) = process {
            drop(process.leash.take());
            let _status = process.shell.wait();
        }
    }
}

/// A number that passes the eleven-test and is nobody's (REGION.md 3).
pub const UNKNOWN_BSN: &str = "999990160";

/// Runs the program on a leash: when the pipe on standard input closes, it is told to end.
/// A write beyond a file size limit fails instead of ending it.
const LEASH: &str = r#"
exec 3<&0
trap '' XFSZ
"$@" </dev/null 3<&- &
pid=$!
echo "pid $pid"
( read -r _ <&3; kill -TERM $pid ) >/dev/null 2>&1 &
watcher=$!
wait $pid
code=$?
kill $watcher 2>/dev/null
[ -n "$SWEEP" ] && rm -rf "$SWEEP"
exit $code
"#;

fn launch(dir: &Path, fresh: bool, start: &Start, sweep: bool) -> Result<(Process, Output), String> {
    let mut command = Command::new("sh");
    command.args(["-c", LEASH, "leash"]).arg(binary()).arg("demo").arg("--dir").arg(dir);
    for listener in ["--exchange", "--portal", "--management"] {
        command.args([listener, "127.0.0.1:0"]);
    }
    if fresh {
        command.arg("--fresh");
    }
    command.args(["--clock-offset", &start.ahead.to_string()]).args(&start.more);
    if sweep {
        command.env("SWEEP", dir);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut shell = command.spawn().map_err(|e| e.to_string())?;
    let output = Output::default();
    let mut stderr = shell.stderr.take().expect("a pipe");
    let sink = Arc::clone(&output);
    let told = std::thread::spawn(move || {
        let mut part = [0_u8; 4096];
        while let Ok(n @ 1..) = stderr.read(&mut part) {
            sink.lock().expect("output").extend_from_slice(&part[..n]);
        }
    });
    let leash = shell.stdin.take();
    let mut lines = BufReader::new(shell.stdout.take().expect("a pipe")).lines();
    let mut pid = None;
    for line in &mut lines {
        let line = line.map_err(|e| e.to_string())?;
        if line == "ready" {
            let sink = Arc::clone(&output);
            std::thread::spawn(move || {
                for line in lines.map_while(Result::ok) {
                    sink.lock().expect("output").extend_from_slice(line.as_bytes());
                }
            });
            let pid = pid.expect("the shell names the process");
            return Ok((Process { shell, leash, pid }, output));
        }
        match line.strip_prefix("pid ") {
            Some(number) if pid.is_none() => pid = number.parse().ok(),
            _ => output.lock().expect("output").extend_from_slice(format!("{line}\n").as_bytes()),
        }
    }
    let status = shell.wait().map_err(|e| e.to_string())?;
    // Its last words may still be on their way.
    let _whole = told.join();
    let said = String::from_utf8_lossy(&output.lock().expect("output")).into_owned();
    Err(format!("ended before ready, exit {}\n{said}", status.code().unwrap_or(-1)))
}
