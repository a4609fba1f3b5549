//! What consent costs in the view: looking a person up that was not looked up before in this process, and memory per
//! consent, with 1,000, 100,000 and 1,000,000 consents (10,000,000 with `SLUIS_LONG=1`), two a person. The decision by
//! itself is measured by `cargo run --release -p consent --example speed`.
//!
//! `cargo run --release -p gateway --example consent_figures -- FOLDER [sled|redb]`
//!
//! With `grow SANDBOX CONSENTS` instead: writes so many consents into the folder of a stopped sandbox the way any change is
//! written, with a record each, and the ids of some of those made-up persons for one asker into `grown.txt` there. That is
//! what `tests/figures grown` measures a whole request on.

use consent::record::{ConsentRecord, Giver, Holder, Kind, Provision, Reading, Source, Status, User};
use consent::{Identifier, Rules};
use fhir_mappings::audit::{Action, Entry, Interaction, Kind as RecordKind, Outcome};
use gateway::store::facts::{Change, Fact};
use gateway::store::keys::{PersonNo, sandbox_master_key};
use gateway::store::leaf::Draft;
use gateway::store::outward::{Named, PERSON};
use gateway::store::seal::Key;
use gateway::store::state::PersonState;
use gateway::store::view::{Batch, EngineKind, Index, Reflects, View};
use gateway::store::{Folders, Store};
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

type Failure = Box<dyn std::error::Error>;

const PER_PERSON: u64 = 2;
const LOOK_UPS: u64 = 20_000;
const BATCH: u64 = 1_000;

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [grow, folder, consents] = args.as_slice()
        && grow == "grow"
    {
        return self::grow(Path::new(folder), consents.parse()?);
    }
    let folder = args.first().ok_or("usage: consent_figures FOLDER [sled|redb]")?;
    let engine = if args.get(1).is_some_and(|e| e == "redb") { EngineKind::Redb } else { EngineKind::Sled };
    let rules = Rules::national()?;
    let mut sizes = vec![1_000, 100_000, 1_000_000];
    if std::env::var_os("SLUIS_LONG").is_some() {
        sizes.push(10_000_000);
    }
    for consents in sizes {
        measure(&Path::new(folder).join(consents.to_string()), engine, consents, &rules)?;
    }
    Ok(())
}

/// Waiting at once, so that a batch shares its sync.
const WAITING: u64 = 256;

fn grow(folder: &Path, consents: u64) -> Result<(), Failure> {
    const SAMPLE: u64 = 20_000;
    let folders = Folders {
        root: folder.into(),
        master_key: sandbox_master_key(&folder.join("keys"))?,
        origin: "sluis.example/heuvelrijk".into(),
        engine: EngineKind::Redb,
    };
    let (store, _) = Store::open(&folders, jiff::Timestamp::now(), |_| draft())?;
    let (store, persons) = (&store, consents / PER_PERSON);
    let began = Instant::now();
    let grown = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..WAITING)
            .map(|thread| {
                scope.spawn(move || -> Result<Vec<PersonNo>, String> {
                    let mut grown = Vec::new();
                    for n in (thread..persons).step_by(usize::try_from(WAITING).unwrap_or(1)) {
                        let person = store.new_person();
                        let identifiers = vec![("urn:made-up".to_owned(), format!("{n:09}"))];
                        let mut facts = vec![Fact::Identity { identifiers, birth_date: None }];
                        facts.extend(self::consents(n).map_err(|e| e.to_string())?);
                        let change = Change { person: Some(person), facts, blob: Vec::new() };
                        let done = store.change_blocking(draft(), change, None, None);
                        done.map_err(|e| format!("{e:?}"))?;
                        if n % (persons / SAMPLE).max(1) == 0 {
                            grown.push(person);
                        }
                    }
                    Ok(grown)
                })
            })
            .collect();
        let grown = threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("a panic".into())));
        grown.collect::<Result<Vec<_>, _>>()
    })?;
    let ids = store.outward()?;
    let id = |person| ids.seal("huisarts-de-linde", Named { person, tag: PERSON });
    let lines: Vec<String> = grown.into_iter().flatten().map(id).collect();
    std::fs::write(folder.join("grown.txt"), lines.join("\n"))?;
    store.close()?;
    use std::io::Write;
    writeln!(std::io::stdout(), "{consents} consents of {persons} persons in {:?}", began.elapsed())?;
    Ok(())
}

fn draft() -> Draft {
    Draft {
        entry: Entry::new(RecordKind::Consent, Action::Create, Interaction::Write, Outcome::Success),
        time: jiff::Timestamp::now(),
        request_id: String::new(),
        person: None,
        burnt: None,
    }
}

fn measure(folder: &Path, engine: EngineKind, consents: u64, rules: &Rules) -> Result<(), Failure> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    let key = Key::random()?;
    let persons = consents / PER_PERSON;
    let began = Instant::now();
    let (view, _) = View::open(engine, folder, std::slice::from_ref(&key))?;
    let mut next = 0;
    while next < persons {
        let mut batch = Batch::default();
        for person in next..(next + BATCH).min(persons) {
            batch.set(Index::People, person.to_be_bytes(), state(person)?.encode()?);
        }
        next += BATCH;
        view.apply(batch, Reflects { holdings: next, journal: next, tags: 0 })?;
    }
    view.close()?;
    drop(view);
    let built = began.elapsed();
    // A new view has an empty cache of its own; the files stay in the page cache.
    let before = resident();
    let (view, _) = View::open(engine, folder, std::slice::from_ref(&key))?;
    let opened = resident();
    let asked = LOOK_UPS.min(persons);
    let step = persons / asked;
    let mut nanos: Vec<u128> = Vec::new();
    let mut compile = 0;
    for n in 0..asked {
        let began = Instant::now();
        let bytes = view.get(Index::People, &(n * step).to_be_bytes())?.ok_or("nobody")?;
        let state: PersonState = PersonState::decode(&bytes).ok_or("unreadable")?;
        nanos.push(began.elapsed().as_nanos());
        let began = Instant::now();
        black_box(state.dossier(rules));
        compile += began.elapsed().as_nanos();
    }
    nanos.sort_unstable();
    let at = |share: usize| nanos.get((nanos.len() - 1) * share / 100).copied().unwrap_or_default();
    let memory = (resident().saturating_sub(before)) * 1024 / consents.max(1);
    let line = format!(
        "{engine:?} {consents} consents: built in {:.1} s; first look-up p50 {} ns, p99 {} ns; dossier {} ns; \
         {} kB at open, {memory} bytes a consent after {asked} look-ups",
        built.as_secs_f64(),
        at(50),
        at(99),
        compile / u128::from(asked.max(1)),
        opened.saturating_sub(before),
    );
    use std::io::Write;
    writeln!(std::io::stdout(), "{line}")?;
    drop(view);
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

fn state(person: u64) -> Result<PersonState, Failure> {
    let mut state = PersonState {
        version: 3,
        identifiers: vec![("http://fhir.nl/fhir/NamingSystem/bsn".into(), format!("{person:09}"))],
        birth_dates: vec![("huisarts".into(), "1942-06-11".into())],
        holders: vec!["huisarts".into(), "wijkverpleging".into()],
        ..PersonState::default()
    };
    consents(person)?.iter().for_each(|fact| state.fold(fact, person));
    Ok(state)
}

fn consents(person: u64) -> Result<Vec<Fact>, Failure> {
    let mut consents = Vec::new();
    for number in 0..PER_PERSON {
        let mut provision = Provision::new(Kind::Permit);
        provision.holders = vec![Holder::Any];
        provision.users = vec![
            User::Category("gp".into()),
            User::Organisation(Identifier::new("http://fhir.nl/fhir/NamingSystem/ura", "90000001")),
        ];
        provision.classes = vec!["medication".into(), "allergies".into()];
        consents.push(Fact::Consent {
            recorder: "huisarts".into(),
            wire: WIRE.into(),
            identifiers: Vec::new(),
            reading: Reading::Readable(ConsentRecord {
                id: format!("{person}-{number}").into(),
                version: 1,
                status: Status::Active,
                givers: vec![Giver::Person],
                register: "sluis".into(),
                recorded_by: None,
                given_at: "2026-01-01T10:00:00Z".parse()?,
                source: Source::default(),
                policy: "https://sluis.example/fhir/policy/1".into(),
                provision,
            }),
        });
    }
    Ok(consents)
}

/// Stands for the resource as recorded.
const WIRE: &str = r#"{"resourceType":"Consent","status":"active","scope":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]},"category":[{"coding":[{"system":"http://loinc.org","code":"59284-0"}]}],"policy":[{"uri":"https://sluis.example/fhir/policy/1"}],"provision":{"type":"permit"}}"#;

/// Resident memory of this process, kB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|l| l.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or_default()
}
