//! The journal's witness: two real processes, `sluis serve` and `sluis witness`; and a witness that nobody there wrote.
//! What it signs is checked with code of these tests alone. Which faults they were seen to catch: `docs/evidence.md`.

use serde_json::Value;
use sluis_tests::client::{Answer, Request};
use sluis_tests::real::Real;
use sluis_tests::witness::{Script, Scripted, Witness};
use sluis_tests::{proof, sluis, until};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const ORIGIN: &str = "example.org/test";

/// A gateway in real use, and its witness on a folder of its own.
struct Pair {
    real: Real,
    witness: Witness,
    key: String,
    folder: tempfile::TempDir,
}

fn section(url: &str, key: &str) -> String {
    format!("[witness]\nurl = \"{url}\"\nkey = \"{key}\"\ninterval_seconds = 1")
}

impl Pair {
    /// The journal's key exists once the gateway ran: it runs without a witness first.
    fn start() -> Self {
        let mut real = Real::new();
        real.configure("");
        real.start();
        assert!(real.management("/metrics").text().contains("sluis_journal_records"));
        assert!(!real.management("/metrics").text().contains("sluis_witness"), "nobody asked for one");
        assert!(check(&real).is_null(), "no witness, no check");
        let key = real.sluis(&["audit", "key"], b"").ok().stdout.trim().to_owned();
        real.stop();
        let folder = tempfile::tempdir().unwrap();
        let witness = Witness::start(folder.path(), "127.0.0.1:0", ORIGIN, &key);
        real.configure_with("", &section(&format!("http://{}", witness.address), &witness.key));
        real.check().ok();
        real.start();
        Self { real, witness, key, folder }
    }

    /// The newest checkpoint, once it is cosigned.
    fn cosigned(&self) -> String {
        let mut note = String::new();
        until("the newest checkpoint is cosigned", || {
            note = self.real.management("/checkpoint").text();
            proof::cosigned(&note, &self.witness.key).is_ok()
        });
        note
    }

    fn again(&mut self) {
        let (folder, address) = (self.folder.path().to_owned(), self.witness.address.clone());
        self.witness.stop();
        self.witness = Witness::start(&folder, &address, ORIGIN, &self.key);
    }
}

/// The check `witness` of `/readyz`.
fn check(real: &Real) -> Value {
    let checks = real.management("/readyz").json()["checks"].as_array().unwrap().clone();
    checks.into_iter().find(|check| check["name"] == "witness").unwrap_or_default()
}

fn cause(real: &Real) -> String {
    check(real)["cause"].as_str().unwrap_or_default().to_owned()
}

/// A request that takes a record: nobody knows this certificate.
fn ask(real: &Real) -> Answer {
    real.client(&real.exchange(), true).send(&Request::get("/fhir/Condition?patient=x"))
}

fn size(note: &str) -> usize {
    note.lines().nth(1).unwrap().parse().unwrap()
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

fn put_back(from: &Path, to: &Path) {
    std::fs::remove_dir_all(to).unwrap();
    std::fs::rename(from, to).unwrap();
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn the_journal_gets_another_key_and_its_witness_goes_on() {
    let mut pair = Pair::start();
    let turned = pair.real.sluis(&["keys", "rotate", "journal-signing", "--json"], b"").ok().json();
    let next = turned["journal_key"].as_str().unwrap().to_owned();
    // It knows the former key alone.
    assert_eq!(ask(&pair.real).status, 401);
    let note = pair.cosigned();
    for key in [&pair.key, &next] {
        proof::open(&note, key).unwrap();
    }
    // Also after a start, and so does a witness that is given the new key beside the old or alone.
    pair.real.stop();
    pair.real.start();
    assert_eq!((ask(&pair.real).status, check(&pair.real)["holds"] == true), (401, true));
    pair.cosigned();
    pair.key = next;
    pair.again();
    assert_eq!(ask(&pair.real).status, 401);
    pair.cosigned();
}

#[test]
fn each_new_checkpoint_is_cosigned_and_anybody_can_check_that() {
    let pair = Pair::start();
    let real = &pair.real;
    assert_eq!(check(real)["holds"], true);
    let first = pair.cosigned();
    assert_eq!(ask(real).status, 401);
    let second = pair.cosigned();
    assert_eq!(size(&second), size(&first) + 1);
    for note in [&first, &second] {
        proof::open(note, &pair.key).unwrap();
        let moment = proof::cosigned(note, &pair.witness.key).unwrap();
        assert!(now().abs_diff(moment) < 60, "{moment}");
        // What the check is worth: one digit of the size, and it holds no more.
        let bent = note.replace(&format!("\n{}\n", size(note)), &format!("\n{}\n", size(note) + 1));
        assert!(proof::cosigned(&bent, &pair.witness.key).is_err());
    }
    let shown = real.sluis(&["audit", "checkpoint"], b"").ok().stdout;
    assert_eq!(proof::open(&shown, &pair.key), proof::open(&second, &pair.key));
    proof::cosigned(&shown, &pair.witness.key).unwrap();
    // A cosigned checkpoint is as good an older checkpoint as a bare one.
    let file = real.path("older");
    std::fs::write(&file, &first).unwrap();
    real.sluis(&["audit", "verify", "--checkpoint", file.to_str().unwrap()], b"").ok();
    let metrics = real.management("/metrics").text();
    let age = metrics.lines().find_map(|line| line.strip_prefix("sluis_witness_age_seconds ")).unwrap();
    assert!(age.parse::<f64>().unwrap() < 60.0, "{age}");
    // The witness's own key is no journal's, and its folder is nobody else's.
    let run = sluis([
        "witness",
        "--dir",
        pair.folder.path().to_str().unwrap(),
        "--listen",
        "127.0.0.1:0",
        "--log",
        &format!("{ORIGIN}={}", pair.key),
    ]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("another witness runs"), "{}", run.stderr);
    let run = sluis([
        "witness",
        "--dir",
        "x",
        "--listen",
        "127.0.0.1:0",
        "--log",
        &format!("a={}", pair.witness.key),
    ]);
    assert_eq!(run.code, 2, "{}", run.stderr);
}

#[test]
fn an_older_copy_answers_nothing_until_an_operator_knows_what_is_missing() {
    let mut pair = Pair::start();
    let data = pair.real.data();
    pair.cosigned();
    pair.real.stop();
    let old = pair.real.path("old");
    copy(&data, &old);
    copy(&data, &pair.real.path("old again"));
    pair.real.start();
    for _ in 0..12 {
        assert_eq!(ask(&pair.real).status, 401);
    }
    let lost = pair.cosigned();
    pair.real.stop();
    put_back(&old, &data);

    pair.real.start_until(503);
    let witnessed = size(&lost).to_string();
    assert!(
        cause(&pair.real).contains(&format!("the witness saw {witnessed} records")),
        "{}",
        cause(&pair.real)
    );
    ask(&pair.real).is(503, "audit-unavailable");
    let token =
        pair.real.client(&pair.real.exchange(), true).send(&Request::form("/oauth/token", &[("a", "b")]));
    assert_eq!(token.status, 503, "{}", token.text());
    let person =
        serde_json::json!({"id": "x", "name": "X", "functions": [], "participant": "nobody"}).to_string();
    for (command, input) in [
        (&["participant", "person", "--file", "-"][..], person.as_bytes()),
        (&["audit", "dump"], b""),
        (&["audit", "acknowledge-gap", "--witnessed", "1"], b""),
    ] {
        let run = pair.real.sluis(command, input);
        assert_eq!(run.code, 1, "{command:?}: {} {}", run.stdout, run.stderr);
    }
    // Starting once more changes nothing, and writes nothing: a start is recorded once an operator knows.
    let stands = size(&pair.real.management("/checkpoint").text());
    for _ in 0..2 {
        pair.real.stop();
        pair.real.start_until(503);
        assert_eq!(size(&pair.real.management("/checkpoint").text()), stands);
    }
    ask(&pair.real).is(503, "audit-unavailable");

    let run = pair.real.sluis(&["audit", "acknowledge-gap", "--witnessed", &witnessed, "--json"], b"").ok();
    assert_eq!(run.json()["witnessed"].to_string(), witnessed);
    assert_eq!(ask(&pair.real).status, 401, "it serves again");
    assert_eq!(
        pair.real.sluis(&["audit", "acknowledge-gap", "--witnessed", &witnessed], b"").code,
        1,
        "once"
    );
    let dump = pair.real.sluis(&["audit", "dump"], b"").ok().json_lines();
    let told = |record: &&Value| record["event"].to_string().contains("acknowledge-gap");
    let records: Vec<_> = dump.iter().filter(told).collect();
    assert_eq!(records.len(), 1, "the gap is recorded once");
    let place = dump.iter().position(|record| record == records[0]).unwrap();
    assert_eq!(place, stands, "nothing came before it");
    assert_eq!(dump[place + 1]["kind"], "restart", "then the start: {}", dump[place + 1]);
    let event = records[0]["event"].to_string();
    for word in
        [&format!("\"witnessed-size\",\"valueString\":\"{witnessed}\""), "found-size", "operator#uid-"]
    {
        assert!(event.contains(word), "{word}: {event}");
    }
    pair.real.sluis(&["audit", "verify"], b"").ok();

    // It is not asked again, and not cosigned either: the witness keeps to what it saw.
    pair.real.stop();
    pair.real.start_until(503);
    assert_eq!(ask(&pair.real).status, 401);
    assert!(cause(&pair.real).contains("acknowledged gap"), "{}", cause(&pair.real));
    a_fork_is_refused(&pair, &lost);

    // The operator's word lies in the journal: the file beside it is nothing without that record.
    pair.real.stop();
    copy(&data.join("witness"), &pair.real.path("beside"));
    put_back(&pair.real.path("old again"), &data);
    std::fs::remove_dir_all(data.join("witness")).unwrap();
    copy(&pair.real.path("beside"), &data.join("witness"));
    pair.real.start_until(503);
    ask(&pair.real).is(503, "audit-unavailable");
    pair.real.sluis(&["audit", "acknowledge-gap", "--witnessed", &witnessed], b"").ok();

    // Its operator begins anew with this journal, and keeps what was seen as evidence.
    pair.witness.stop();
    std::fs::rename(&pair.witness.files[0], pair.folder.path().join("evidence")).unwrap();
    pair.again();
    until("it is cosigned again", || pair.real.management("/readyz").status == 200);
    proof::open(&std::fs::read_to_string(pair.folder.path().join("evidence")).unwrap(), &pair.key).unwrap();
    // What was acknowledged once excuses no other loss.
    pair.cosigned();
    pair.real.stop();
    assert!(!data.join("witness/acknowledged").exists());
}

/// The journal that was put back goes on under its own key: another history from what the witness saw.
fn a_fork_is_refused(pair: &Pair, lost: &str) {
    let seen = size(lost);
    let here = || pair.real.management("/checkpoint").text();
    while size(&here()) < seen {
        assert_eq!(ask(&pair.real).status, 401);
    }
    if size(&here()) == seen {
        let answer = pair.witness.add(seen, &[], &here());
        assert_eq!((answer.status, answer.text()), (409, format!("{seen}\n")), "as long, and not the same");
        assert_eq!(answer.header("content-type"), Some("text/x.tlog.size"));
        assert_eq!(ask(&pair.real).status, 401);
    }
    // A proof that is true of this history, and leads from what the witness never saw. Reading is recorded too: the
    // dump may be longer than the checkpoint, never shorter.
    let note = here();
    let dump = pair.real.sluis(&["audit", "dump"], b"").ok().json_lines();
    let leaves: Vec<_> = dump[..size(&note)]
        .iter()
        .map(|record| data_encoding::BASE64.decode(record["leaf_hash"].as_str().unwrap().as_bytes()).unwrap())
        .collect();
    assert_eq!(proof::open(&note, &pair.key).unwrap().1, proof::tree(&leaves));
    let answer = pair.witness.add(seen, &proof::consistency(seen, &leaves), &note);
    assert_eq!(answer.status, 422, "{}", answer.text());
    let answer = pair.witness.add(0, &[], &note);
    assert_eq!((answer.status, answer.text()), (409, format!("{seen}\n")));
    // The history that it saw is still cosigned.
    assert_eq!(pair.witness.add(seen, &[], lost).status, 200);
}

#[test]
fn what_it_remembers_holds_it_back_without_the_witness_and_a_backup_does_not_bring_that_along() {
    let mut pair = Pair::start();
    let data = pair.real.data();
    let backup = pair.real.path("backup");
    pair.cosigned();
    pair.real.sluis(&["backup", "--to", backup.to_str().unwrap()], b"").ok();
    pair.real.stop();
    let old = pair.real.path("old");
    copy(&data, &old);
    pair.real.start();
    for _ in 0..2 {
        assert_eq!(ask(&pair.real).status, 401);
    }
    let lost = pair.cosigned();
    let doctor = |real: &Real| real.sluis(&["doctor"], b"").stdout;
    assert!(doctor(&pair.real).contains("good  witness: it has seen"), "{}", doctor(&pair.real));
    pair.real.stop();
    pair.witness.stop();
    // The journal is put back; what was remembered beside it is not.
    copy(&data.join("witness"), &pair.real.path("remembered"));
    put_back(&old, &data);
    std::fs::remove_dir_all(data.join("witness")).unwrap();
    copy(&pair.real.path("remembered"), &data.join("witness"));
    let told = format!("bad   witness: it saw {} records", size(&lost));
    assert!(doctor(&pair.real).contains(&told), "{}", doctor(&pair.real));
    pair.real.start_until(503);
    assert!(cause(&pair.real).contains(&format!("saw {} records", size(&lost))), "{}", cause(&pair.real));
    ask(&pair.real).is(503, "audit-unavailable");
    // Grown past what was seen while nobody watched, it is still another history.
    pair.real.stop();
    pair.real.configure("");
    pair.real.start();
    while size(&pair.real.management("/checkpoint").text()) <= size(&lost) {
        assert_eq!(ask(&pair.real).status, 401);
    }
    pair.real.stop();
    pair.real.configure_with("", &section(&format!("http://{}", pair.witness.address), &pair.witness.key));
    pair.real.start_until(503);
    ask(&pair.real).is(503, "audit-unavailable");
    pair.real.stop();

    // Back from the backup, with nobody to ask: it serves, and says that it does not know.
    std::fs::remove_dir_all(&data).unwrap();
    let master = pair.real.path("master.key");
    sluis([
        "restore",
        "--from",
        backup.to_str().unwrap(),
        "--master-key",
        master.to_str().unwrap(),
        "--to",
        data.to_str().unwrap(),
        "--verify",
    ])
    .ok();
    assert!(!data.join("witness").exists(), "a backup brings no idea of how far it was seen");
    pair.real.start_until(503);
    assert_eq!(cause(&pair.real), "the witness does not answer");
    assert_eq!(ask(&pair.real).status, 401, "care does not hang on the witness");
    // It comes back, and saw more.
    pair.again();
    until("it is held back", || ask(&pair.real).status == 503);
    assert!(cause(&pair.real).contains(&format!("saw {} records", size(&lost))), "{}", cause(&pair.real));
}

#[test]
fn a_silent_witness_slows_no_answer_and_readiness_turns() {
    let scripted = Scripted::start(Script::Cosign(0));
    let mut real = Real::new();
    real.configure_with("", &section(&scripted.url, &scripted.key));
    real.start();
    until("the newest checkpoint is cosigned", || {
        proof::cosigned(&real.management("/checkpoint").text(), &scripted.key).is_ok()
    });
    // An old word is taken for what it is; one that is too old is none.
    scripted.now(Script::Cosign(50));
    until("the older word came", || {
        let metrics = real.management("/metrics").text();
        let age = metrics.lines().find_map(|line| line.strip_prefix("sluis_witness_age_seconds ")).unwrap();
        age.parse::<f64>().unwrap() >= 50.0
    });
    assert_eq!(real.management("/readyz").status, 200);
    scripted.now(Script::Hang);
    let client = real.client(&real.exchange(), true);
    let mut slowest = Duration::ZERO;
    let begun = Instant::now();
    let mut turned = None;
    while turned.is_none() || begun.elapsed() < Duration::from_secs(6) {
        let asked = Instant::now();
        assert_eq!(client.send(&Request::get("/fhir/Condition?patient=x")).status, 401);
        slowest = slowest.max(asked.elapsed());
        if turned.is_none() && real.management("/readyz").status == 503 {
            turned = Some(begun.elapsed());
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "readiness never turned");
        std::thread::sleep(Duration::from_millis(20));
    }
    println!("slowest answer {slowest:?}, readiness turned after {turned:?}");
    assert!(slowest < Duration::from_secs(2), "an answer waited {slowest:?} for the witness");
    assert!(turned.unwrap() <= Duration::from_secs(20), "{turned:?}");
    assert_eq!(cause(&real), "the witness does not answer");
    // What is no word of this witness counts for nothing, and does no harm.
    for (script, words) in [
        (Script::Forge, "answers 200 and no cosignature that holds"),
        (Script::Say(404), "answers 404"),
        (Script::Say(500), "answers 500"),
        (Script::Say(409), "answers 409"),
    ] {
        scripted.now(script);
        until(words, || cause(&real).contains(words));
        assert_eq!(ask(&real).status, 401);
    }
    // One that was cosigned since its start is not held back by a witness that turns round; it is told.
    scripted.now(Script::Say(422));
    until("it is told", || cause(&real).contains("acknowledge-gap"));
    assert_eq!(ask(&real).status, 401);
    scripted.now(Script::Cosign(0));
    until("it is well again", || real.management("/readyz").status == 200);
}
