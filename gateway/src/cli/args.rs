//! What can be typed. Every command shows an example in its `--help`.

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

#[derive(Parser)]
#[command(
    name = "sluis",
    version,
    about = "Secure exchange gateway for health and social care",
    after_help = "Example: sluis demo   (then paste what its banner shows)"
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// The whole region on this machine, in the foreground.
    #[cfg(feature = "sandbox")]
    #[command(
        after_help = "Example: sluis demo --dir ./sluis-demo --fresh\nIt prints commands to paste, then the line `ready`."
    )]
    Demo(Demo),
    /// One holder's own FHIR server, as `demo --remote` starts it; ends when its standard input does.
    #[cfg(feature = "sandbox")]
    #[command(
        hide = true,
        after_help = "Example: sluis holder-server --holder huisarts-de-linde --dir ./sluis-demo"
    )]
    HolderServer(HolderServer),
    /// The gateway in real use.
    #[command(after_help = "Example: sluis serve --config /etc/sluis/sluis.toml")]
    Serve(Config),
    /// Every mistake in a configuration, with line and mend; opens no port.
    #[command(after_help = "Example: sluis check-config --config deploy/sluis.example.toml")]
    CheckConfig(Config),
    /// FHIR R4 JSON as data of a hosted holder: resource, Bundle, NDJSON or folder.
    #[command(
        after_help = "Example: sluis import --holder huisarts-de-linde record.json --dir ./sluis-demo\n\
With --json one object a file: {\"file\":\"record.json\",\"accepted\":true,\"patient\":\"http://fhir.nl/fhir/NamingSystem/bsn|999990032\",\"resources\":12,\"reason\":null,\"expression\":null}"
    )]
    Import(Import),
    #[cfg(feature = "sandbox")]
    /// An access token, made the way an EHR makes it.
    #[command(
        after_help = "Example: sluis token --as huisarts-de-linde --dir ./sluis-demo\nWith --json: {\"access_token\":\"…\",\"expires_in\":300,\"scope\":\"…\",\"token_type\":\"bearer\"}"
    )]
    Token(Token),
    #[cfg(feature = "sandbox")]
    /// The patient summary that this asker gets.
    #[command(
        after_help = "Example: sluis summary --patient 999990032 --as zorgcoordinatie-heuvelrijk --dir ./sluis-demo\nThe document is JSON with and without --json."
    )]
    Summary(Summary),
    #[cfg(feature = "sandbox")]
    /// One request to the exchange, with certificate and token.
    #[command(
        after_help = "Example: sluis send GET '/fhir/Condition?patient={patient}' --patient 999990032 --as huisarts-de-linde --dir ./sluis-demo\n\
{patient} becomes this asker's pseudonym of --patient. The body is printed as it comes."
    )]
    Send(Send),
    /// Takes away what a hosted holder erased at its own place: it is in no answer and no index any more.
    #[command(
        after_help = "Example: sluis erase --holder huisarts-de-linde --patient - Condition/c1 --dir ./sluis-demo\n\
A resource is named by type and id, one without id by its full URL; without a name all that the holder has here of this person goes. What was only corrected is imported again.\n\
With --json: {\"holder\":\"huisarts-de-linde\",\"erased\":1,\"left\":23}. The bytes stay sealed in holdings/, which only grows, and nothing refers to them any more."
    )]
    Erase(Erase),
    /// The decision, without reading data.
    #[command(
        after_help = "Example: sluis explain --patient 999990032 --as zorgcoordinatie-heuvelrijk --purpose TREAT --dir ./sluis-demo\n\
With --json: {\"patient\":\"…\",\"asker\":\"…\",\"purpose\":\"TREAT\",\"at\":\"…\",\"rules\":\"…\",\"decisions\":[{\"holder\":\"…\",\"class\":\"…\",\"verdict\":\"permit\",\"level\":\"full\",\"basis\":{\"sender\":\"…\",\"receiver\":\"…\"},\"reason\":null,\"consents\":[{\"id\":\"…\",\"version\":1}],\"trace\":[]}]}"
    )]
    Explain(Explain),
    /// Consents, as a desk or a migration hands them in.
    Consent(Group<ConsentCommand>),
    /// Relations between organisations about a person.
    Relation(Group<RelationCommand>),
    /// The index: which holder elsewhere has data of whom, by data class.
    Index(Group<IndexCommand>),
    /// Who takes part.
    Participant(Group<ParticipantCommand>),
    /// Certificates.
    Certificate(Group<CertificateCommand>),
    /// The journal.
    Audit(Group<AuditCommand>),
    /// A witness for the journal of another gateway: cosigns its checkpoints, and none that takes something back.
    #[command(
        after_help = "Example: sluis witness --dir /var/lib/sluis-witness --listen 10.0.0.7:8447 --name witness.example/w1 --log 'sluis.example/heuvelrijk=sluis.example/heuvelrijk+1a2b3c4d+AQ…'\n\
The log's key is `journal_key` of a sandbox's region.json, or what `sluis audit key` prints. It speaks C2SP tlog-witness: POST /add-checkpoint.\n\
It prints its own key for the gateway's configuration, where it is reached, then `ready`. With --json one line: {\"key\":\"…\",\"url\":\"http://…\",\"logs\":[{\"origin\":\"…\",\"size\":0,\"file\":\"…\"}]}"
    )]
    Witness(Witness),
    /// The minimisation tables in words: who sees how much of what, and why.
    Tables(Group<TablesCommand>),
    /// Builds the view anew from holdings and journal.
    #[command(after_help = "Example: sluis rebuild-view --dir ./sluis-demo")]
    RebuildView(Dir),
    /// Forgetting what is over its term, and what must not be forgotten.
    Retention(Group<RetentionCommand>),
    /// Keys: which there are, and changing them while serving.
    Keys(Group<KeysCommand>),
    /// An encrypted archive of the data folder, taken while it serves; the keys go into a second one.
    #[command(
        after_help = "Example: sluis backup --to /backup/sluis-2026-11-25 --keys-to /elsewhere/sluis-2026-11-25.keys --dir ./sluis-demo\n\
Both are sealed under the master key, which is in neither: keep it, and keep the two apart. Keys must expire sooner than the rest.\n\
With --json: {\"data\":{\"file\":\"…\",\"bytes\":123},\"keys\":{\"file\":\"…\",\"bytes\":45}}"
    )]
    Backup(Backup),
    /// The way back from a backup, into a new folder; with --verify alone a drill that leaves nothing behind.
    #[command(
        after_help = "Example: sluis restore --from /backup/sluis-2026-11-25 --keys-from /elsewhere/sluis-2026-11-25.keys --master-key /etc/sluis/master.key --to ./restored --verify\n\
With --json: {\"records\":150,\"changes\":131,\"forgotten\":0,\"verified\":true}"
    )]
    Restore(Restore),
    /// What an operator can mend, in plain words.
    #[command(
        after_help = "Example: sluis doctor --dir ./sluis-demo\nWith --json: {\"what\":\"disk\",\"state\":\"good\",\"words\":\"…\",\"mend\":\"\"} a line; state is good, look or bad; exit 1 if one is bad."
    )]
    Doctor(Common),
    /// The sandbox's clock: shows it, or moves it forward.
    #[cfg(feature = "sandbox")]
    #[command(
        after_help = "Example: sluis clock +86400 --dir ./sluis-demo\nWith --json the instant is the same line."
    )]
    Clock(Clock),
    /// Rehearses a failing holder in the sandbox: none, down, slow, garbage, wrong-person.
    #[cfg(feature = "sandbox")]
    #[command(
        after_help = "Example: sluis fault --holder wijkverpleging-thuis --mode down --dir ./sluis-demo"
    )]
    Fault(Fault),
}

#[derive(Args)]
pub(super) struct Group<C: Subcommand> {
    #[command(subcommand)]
    pub(super) command: C,
}

#[derive(Args)]
pub(super) struct Dir {
    /// The folder of the gateway.
    #[arg(long, default_value = "./sluis-demo")]
    pub(super) dir: PathBuf,
}

#[derive(Args)]
pub(super) struct Config {
    /// The configuration file.
    #[arg(long)]
    pub(super) config: PathBuf,
}

/// `sluis demo`.
#[derive(Args)]
pub(crate) struct Demo {
    /// The folder of the sandbox.
    #[arg(long, default_value = "./sluis-demo")]
    pub(crate) dir: PathBuf,
    /// Where the exchange listens; port 0 picks one.
    #[arg(long, default_value = "127.0.0.1:8443")]
    pub(crate) exchange: String,
    /// Where the portal listens.
    #[arg(long, default_value = "127.0.0.1:8444")]
    pub(crate) portal: String,
    /// Where management listens.
    #[arg(long, default_value = "127.0.0.1:8445")]
    pub(crate) management: String,
    /// Throws an existing sandbox away first.
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Each holder's data at a FHIR server of its own: a process, a port and a certificate for each.
    #[arg(long)]
    pub(crate) remote: bool,
    /// Starts the sandbox's clock so many seconds from the machine's.
    #[arg(long, default_value_t = 0, allow_hyphen_values = true)]
    pub(crate) clock_offset: i64,
    /// `off` lifts the budgets, for measuring.
    #[arg(long, default_value = "on", value_parser = ["on", "off"])]
    pub(crate) budget: String,
    /// A witness for the journal: `http://ADDR`, as `sluis witness` prints it.
    #[arg(long, requires = "witness_key")]
    pub(crate) witness: Option<String>,
    /// The key of that witness.
    #[arg(long, requires = "witness")]
    pub(crate) witness_key: Option<String>,
}

/// `sluis witness`.
#[derive(Args)]
pub(super) struct Witness {
    /// The folder of the witness: its key and what it saw last. Outside every backup of what it watches.
    #[arg(long)]
    pub(super) dir: PathBuf,
    /// Where it listens, over plain HTTP; port 0 picks one.
    #[arg(long)]
    pub(super) listen: std::net::SocketAddr,
    /// Its name, given at the first start and never changed: a URL without a scheme.
    #[arg(long)]
    pub(super) name: Option<String>,
    /// A log to watch, ORIGIN=KEY; again for another log, or for another key of the same.
    #[arg(long = "log", required = true)]
    pub(super) logs: Vec<String>,
    /// JSON output.
    #[arg(long)]
    pub(super) json: bool,
}

/// `sluis holder-server`.
#[cfg(feature = "sandbox")]
#[derive(Args)]
pub(crate) struct HolderServer {
    /// The holder.
    #[arg(long)]
    pub(crate) holder: String,
    /// The folder of the sandbox.
    #[arg(long, default_value = "./sluis-demo")]
    pub(crate) dir: PathBuf,
}

#[derive(Args)]
pub(super) struct Import {
    /// The hosted holder whose data it becomes.
    #[arg(long)]
    pub(super) holder: String,
    /// Files and folders.
    #[arg(required = true)]
    pub(super) paths: Vec<PathBuf>,
    /// Whom it is about, as `system|value`; `-` reads it from standard input.
    #[arg(long)]
    pub(super) patient: Option<String>,
    #[command(flatten)]
    pub(super) dir: Dir,
    /// One JSON object a file.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args)]
pub(super) struct Erase {
    /// The hosted holder.
    #[arg(long)]
    pub(super) holder: String,
    /// Whom they are about, as BSN or `system|value`; `-` reads it from standard input. Left out for resources about nobody.
    #[arg(long)]
    pub(super) patient: Option<String>,
    /// Resources, as `Type/id`; all of this person when there is none.
    pub(super) names: Vec<String>,
    #[command(flatten)]
    pub(super) common: Common,
}

/// Who asks, for commands that ask as somebody.
#[cfg(feature = "sandbox")]
#[derive(Args, Clone)]
pub(super) struct As {
    /// The participant; `patient:ID` and `officer:ID` in a sandbox.
    #[arg(long = "as")]
    pub(super) participant: String,
    /// The person; the participant's first when left out.
    #[arg(long)]
    pub(super) person: Option<String>,
    /// The function; the person's first when left out.
    #[arg(long)]
    pub(super) function: Option<String>,
    /// The purpose; the participant's first when left out.
    #[arg(long)]
    pub(super) purpose: Option<String>,
    /// Breaks the glass, with this reason; needs --patient and purpose ETREAT.
    #[arg(long)]
    pub(super) reason: Option<String>,
    /// The coded reason: vital, danger, unconscious or other.
    #[arg(long, default_value = "other")]
    pub(super) reason_code: String,
    #[command(flatten)]
    pub(super) dir: DirOnly,
    /// JSON output.
    #[arg(long)]
    pub(super) json: bool,
}

#[cfg(feature = "sandbox")]
#[derive(Args, Clone)]
pub(super) struct DirOnly {
    /// The folder of the sandbox.
    #[arg(long, default_value = "./sluis-demo")]
    pub(super) dir: PathBuf,
}

#[cfg(feature = "sandbox")]
#[derive(Args)]
pub(super) struct Token {
    #[command(flatten)]
    pub(super) asker: As,
    /// The patient of a broken glass: BSN or system|value; `-` reads it from standard input.
    #[arg(long)]
    pub(super) patient: Option<String>,
    /// Scopes; all registered ones when left out.
    #[arg(long)]
    pub(super) scope: Option<String>,
}

#[cfg(feature = "sandbox")]
#[derive(Args)]
pub(super) struct Summary {
    /// BSN or system|value; `-` reads it from standard input.
    #[arg(long)]
    pub(super) patient: String,
    /// Birth date; a sandbox takes it from region.json.
    #[arg(long)]
    pub(super) birthdate: Option<String>,
    #[command(flatten)]
    pub(super) asker: As,
}

#[cfg(feature = "sandbox")]
#[derive(Args)]
pub(super) struct Send {
    /// GET, POST, PUT, …
    pub(super) method: String,
    /// Path with query; starts with /fhir.
    pub(super) path: String,
    /// The body: a file, or `-` for standard input.
    #[arg(long)]
    pub(super) body: Option<String>,
    /// What {patient} in path or body stands for.
    #[arg(long)]
    pub(super) patient: Option<String>,
    /// Birth date; a sandbox takes it from region.json.
    #[arg(long)]
    pub(super) birthdate: Option<String>,
    /// Adds a header, `Name: value`.
    #[arg(long = "header", short = 'H')]
    pub(super) headers: Vec<String>,
    /// Prints status and headers first.
    #[arg(short = 'i')]
    pub(super) include: bool,
    #[command(flatten)]
    pub(super) asker: As,
}

#[derive(Args)]
pub(super) struct Explain {
    /// BSN or system|value; `-` reads it from standard input.
    #[arg(long)]
    pub(super) patient: String,
    /// The participant.
    #[arg(long = "as")]
    pub(super) participant: String,
    /// The purpose.
    #[arg(long)]
    pub(super) purpose: String,
    /// The person; the participant's first when left out.
    #[arg(long)]
    pub(super) person: Option<String>,
    /// The function; the person's first when left out.
    #[arg(long)]
    pub(super) function: Option<String>,
    /// The reason of a broken glass, with ETREAT.
    #[arg(long)]
    pub(super) reason: Option<String>,
    /// Shows whether this label would pass.
    #[arg(long)]
    pub(super) label: Option<String>,
    /// Judges today's records at this instant.
    #[arg(long)]
    pub(super) at: Option<String>,
    /// The language of the words: nl or en.
    #[arg(long, default_value = "nl", value_parser = ["nl", "en"])]
    pub(super) lang: String,
    #[command(flatten)]
    pub(super) dir: Dir,
    /// JSON output.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Subcommand)]
pub(super) enum ConsentCommand {
    /// Records consents with the evidence they were given.
    #[command(
        after_help = "Examples: sluis consent record consent.json --dir ./sluis-demo\n          sluis consent record practice.ndjson folder/ bundle.json   (a practice that asked its patients already)\n          sluis consent record --feed=mitz change.json               (a record with a known identifier takes the place of the one before)\nA consent that is on record by its identifier, in the same words, changes nothing: a run that broke off is run again.\nWith --json: {\"consent\":\"<id>\"}, one a line; exit 1 when any was refused"
    )]
    Record {
        /// Files and folders: JSON, NDJSON, Bundles; `-` for standard input.
        #[arg(required = true)]
        files: Vec<String>,
        /// Records of an outside register, as they come; registers have names of their own.
        #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "outside", value_name = "REGISTER")]
        feed: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// What everybody would see more or less with this consent; records nothing. Each function answers for somebody whom
    /// nobody names, beside it whoever the consent or the person's records name; an emergency is one with the glass broken.
    #[command(
        after_help = "Example: sluis consent preview consent.json --dir ./sluis-demo\nIn words what changes, equal lines once: district-nursing [TREAT COC] huisarts-de-linde: +medication -notes\nWith --json a line for each asker, purpose and holder: {\"category\":\"gp\",\"function\":\"gp-own\",\"asker\":null,\"purpose\":\"TREAT\",\"holder\":\"…\",\"sees\":[\"…\"],\"more\":[],\"less\":[]}; \"asker\" of who is named: {\"participant\":\"…\"}, {\"participant\":\"…\",\"person\":\"…\"} or {\"representative\":\"…\"}"
    )]
    Preview {
        /// The file; `-` for standard input.
        file: String,
        #[command(flatten)]
        common: Common,
    },
    /// The consents of a person.
    #[command(
        after_help = "Example: sluis consent list --patient 999990032 --dir ./sluis-demo\nWith --json: {\"id\":\"…\",\"version\":1,\"status\":\"active\",\"type\":\"permit\",\"recorder\":\"…\"} a line"
    )]
    List {
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        common: Common,
    },
    /// Of whom a holder has data and nobody asked about sharing them: where a practice begins to ask.
    #[command(
        after_help = "Example: sluis consent unasked --holder huisarts-de-linde --dir ./sluis-demo\nAn identifier a line; with --json: {\"patient\":\"system|value\"}. A choice that lapsed or was taken back counts as not asked."
    )]
    Unasked {
        /// The holder.
        #[arg(long)]
        holder: String,
        #[command(flatten)]
        common: Common,
    },
    /// Withdraws a consent.
    #[command(
        after_help = "Example: sluis consent withdraw ID --patient 999990032 --dir ./sluis-demo\nA record of a register that cannot be read refuses until its register mends it by its identifier or, where it has none, it is withdrawn here: `sluis consent list` shows it as unreadable."
    )]
    Withdraw {
        /// The id that `list` shows.
        id: String,
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Args)]
pub(super) struct Common {
    /// The folder of the gateway.
    #[arg(long, default_value = "./sluis-demo")]
    pub(super) dir: PathBuf,
    /// JSON output.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Subcommand)]
pub(super) enum RetentionCommand {
    /// Makes every person's year that is over its term unreadable; the journal itself stays whole.
    #[command(
        after_help = "Example: sluis retention run --keep-years 5 --dir ./sluis-demo\nWith --json: {\"before\":2027,\"forgotten\":12,\"held\":1,\"longer\":0}\nA participant's keep_years keeps what it took part in longer.\nOld backups of keys must expire as well: they could still open what is forgotten here."
    )]
    Run {
        /// Full years that records are kept after the end of their own; at least 5.
        #[arg(long, default_value_t = 5)]
        keep_years: u16,
        #[command(flatten)]
        common: Common,
    },
    /// Keeps everything of a person, whatever the term (legal hold).
    #[command(after_help = "Example: sluis retention hold --patient - --dir ./sluis-demo")]
    Hold {
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        common: Common,
    },
    /// Lifts a legal hold.
    #[command(after_help = "Example: sluis retention lift --patient - --dir ./sluis-demo")]
    Lift {
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Subcommand)]
pub(super) enum KeysCommand {
    /// Lists the named keys of a running gateway: kinds and numbers, never a key.
    #[command(
        after_help = "Example: sluis keys list --dir ./sluis-demo\nWith --json: {\"kind\":\"page\",\"number\":2,\"current\":true}, one a line"
    )]
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Changes a key while the gateway serves. What was made with those before still opens, verifies and finds.
    #[command(
        after_help = "Kinds: pseudonym, outward-id, page, view, general, token-signing, journal-signing, person (each person's next record gets a fresh key), master.\nExample: sluis keys rotate token-signing --dir ./sluis-demo\nWith --json: {\"kind\":\"journal-signing\",\"number\":2,\"journal_key\":\"<C2SP verifier key, else null>\"}\nA new master key: head -c 32 /dev/urandom > next.key; sluis keys rotate master --new-master next.key"
    )]
    Rotate {
        /// The kind of key.
        kind: String,
        /// With `master`: the file with the next master key, 32 bytes raw or as 64 hexadecimal digits.
        #[arg(long)]
        new_master: Option<PathBuf>,
        #[command(flatten)]
        common: Common,
    },
}

/// `sluis backup`.
#[derive(Args)]
pub(super) struct Backup {
    /// The archive to write, outside the data folder; it must not exist yet.
    #[arg(long)]
    pub(super) to: PathBuf,
    /// The archive of the keys; TO with `.keys` behind it when left out.
    #[arg(long)]
    pub(super) keys_to: Option<PathBuf>,
    #[command(flatten)]
    pub(super) common: Common,
}

/// `sluis restore`.
#[derive(Args)]
pub(super) struct Restore {
    /// The archive.
    #[arg(long)]
    pub(super) from: PathBuf,
    /// The archive of the keys; FROM with `.keys` behind it when left out.
    #[arg(long)]
    pub(super) keys_from: Option<PathBuf>,
    /// The file of the master key; SLUIS_MASTER_KEY_FILE when left out.
    #[arg(long)]
    pub(super) master_key: Option<PathBuf>,
    /// A new or empty folder.
    #[arg(long)]
    pub(super) to: Option<PathBuf>,
    /// Checks every record of the journal and every change it vouches for.
    #[arg(long)]
    pub(super) verify: bool,
    /// JSON output.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args)]
pub(super) struct Of {
    /// BSN or system|value; `-` reads it from standard input.
    #[arg(long)]
    pub(super) patient: String,
}

/// Whose part of the journal is exported.
/// With which keys a cold copy is checked.
#[derive(Args)]
pub(super) struct CheckedBy {
    /// A verifier key of the journal, as `sluis audit key` prints it: then a cold copy needs its `journal/` and no key of
    /// ours. Give each key that signed it.
    #[arg(long = "key", value_name = "VERIFIER")]
    pub(super) keys: Vec<String>,
}

#[derive(Args)]
pub(super) struct ExportOf {
    /// The person it is about: BSN or system|value; `-` reads it from standard input.
    #[arg(long)]
    pub(super) patient: Option<String>,
    /// For the officer of this participant: the own tenancy alone.
    #[arg(long, requires = "patient")]
    pub(super) officer: Option<String>,
    /// For a supervisor of this name.
    #[arg(long, conflicts_with = "patient", requires_all = ["participant", "from", "until"])]
    pub(super) supervisor: Option<String>,
    /// The participant that is supervised.
    #[arg(long, requires = "supervisor")]
    pub(super) participant: Option<String>,
    /// For the regional officer of this name: how often who asked whom, by day, and nothing of any person.
    #[arg(long, conflicts_with_all = ["patient", "supervisor"], requires_all = ["from", "until"])]
    pub(super) regional: Option<String>,
    /// The first day.
    #[arg(long, conflicts_with = "patient")]
    pub(super) from: Option<String>,
    /// The last day.
    #[arg(long, conflicts_with = "patient")]
    pub(super) until: Option<String>,
}

#[derive(Subcommand)]
pub(super) enum RelationCommand {
    /// Records a relation, or (a RelatedPerson) who acts for a person.
    #[command(
        after_help = "Example: sluis relation add referral.json --dir ./sluis-demo\nServiceRequest, CareTeam, CarePlan, EpisodeOfCare, Encounter. A RelatedPerson names the person (patient.identifier, patient.display), who acts (identifier, name.text), the capacity (relationship of representation-kind), the mandate (period), its classes (representation-scope) and its paper (representation-evidence); the same capacity again takes the place of the one before, an end in the past ends it.\nWith --json: {\"relation\":\"<id>\"}"
    )]
    Add {
        /// The file; `-` for standard input.
        file: String,
        #[command(flatten)]
        common: Common,
    },
    /// The relations of a person.
    #[command(
        after_help = "Example: sluis relation list --patient 999990032 --dir ./sluis-demo\nWith --json: {\"id\":\"…\",\"version\":1,\"kind\":\"referral\",\"status\":\"active\",\"recorder\":\"…\"} a line"
    )]
    List {
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        common: Common,
    },
    /// Ends a relation: it gives nothing from now on.
    #[command(after_help = "Example: sluis relation end ID --patient 999990032 --dir ./sluis-demo")]
    End {
        /// The id that `list` shows.
        id: String,
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Subcommand)]
pub(super) enum IndexCommand {
    /// A holder with a server of its own has data of this person: from now on it is asked for them.
    #[command(
        after_help = "Example: sluis index add --holder praktijk-nieuw --patient - --class medication --class allergies --dir ./sluis-demo\nWith --json: {\"entry\":\"<id>\"}. No dates stand in the index, and no content."
    )]
    Add {
        /// The holder.
        #[arg(long)]
        holder: String,
        #[command(flatten)]
        of: Of,
        /// The person's birth date, as the holder knows it: who asks by BSN from outside care must name it.
        #[arg(long)]
        birthdate: Option<String>,
        /// A data class; all of them when left out.
        #[arg(long = "class")]
        classes: Vec<String>,
        #[command(flatten)]
        common: Common,
    },
    /// The entries of a person.
    #[command(
        after_help = "Example: sluis index list --patient 999990032 --dir ./sluis-demo\nWith --json: {\"id\":\"…\",\"holder\":\"…\",\"classes\":[\"…\"]} a line"
    )]
    List {
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        common: Common,
    },
    /// Withdraws an entry: the holder is not asked for it any more.
    #[command(after_help = "Example: sluis index withdraw ID --patient 999990032 --dir ./sluis-demo")]
    Withdraw {
        /// The id that `list` shows.
        id: String,
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Subcommand)]
pub(super) enum EndpointCommand {
    /// Registers how a holder's own FHIR server is reached; it counts from the next question on.
    #[command(
        after_help = "Example: sluis participant endpoint set praktijk-nieuw --file endpoint.json --dir ./sluis-demo\n\
The file: {\"url\":\"https://ehr.example/fhir/R4\",\"authentication\":{\"kind\":\"smart\",\"client_id\":\"sluis\",\"scope\":\"system/*.rs\"},\
\"ca_pem\":\"-----BEGIN CERTIFICATE-----…\",\"networks\":[\"10.20.0.0/16\"],\"categorised\":[\"Observation\"],\"budget_ms\":3000,\"max_bytes\":8388608,\"at_once\":16}\n\
Only url is required. authentication: {\"kind\":\"mtls\"} (the default: our certificate alone), {\"kind\":\"bearer\",\"secret\":\"credential:NAME or an absolute path\"}, or\n\
smart: SMART backend services, our keys are at /.well-known/jwks.json of the portal; with \"token_url\" where the token endpoint is not at the host of url. networks: networks that are no public ones and may be connected to.\n\
categorised: types of which the holder promises a category on every resource, so that searches may be narrowed by it.\n\
budget_ms: how long one question may take there; no longer than whoever asks waits (8000, in the demonstration 3000)."
    )]
    Set {
        /// The participant; it becomes a remote holder.
        id: String,
        /// The file; `-` for standard input.
        #[arg(long)]
        file: String,
        #[command(flatten)]
        common: Common,
    },
    /// Tries the endpoint as a question would, and says in words what is wrong.
    #[command(
        after_help = "Example: sluis participant endpoint test praktijk-nieuw --dir ./sluis-demo\nWith --json: {\"what\":\"certificate\",\"state\":\"bad\",\"words\":\"…\",\"mend\":\"…\"} a line; state is good, look or bad; exit 1 if one is bad.\nIt asks for a person who does not exist, by every search that a question may come to; nobody's data is read."
    )]
    Test {
        /// The participant.
        id: String,
        #[command(flatten)]
        common: Common,
    },
    /// The endpoint as registered; a secret stands there by its place only.
    #[command(
        after_help = "Example: sluis participant endpoint show praktijk-nieuw --dir ./sluis-demo\nThe output is JSON."
    )]
    Show {
        /// The participant.
        id: String,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Subcommand)]
pub(super) enum ParticipantCommand {
    /// How a holder's own FHIR server is reached.
    Endpoint(Group<EndpointCommand>),
    /// Everyone who takes part.
    #[command(
        after_help = "Example: sluis participant list --dir ./sluis-demo\nWith --json: {\"id\":\"…\",\"name\":\"…\",\"state\":\"active\",\"holder\":\"hosted\"} a line"
    )]
    List {
        #[command(flatten)]
        common: Common,
    },
    /// One participant, as registered.
    #[command(
        after_help = "Example: sluis participant show huisarts-de-linde --dir ./sluis-demo\nThe output is JSON."
    )]
    Show {
        /// Its id.
        id: String,
        #[command(flatten)]
        common: Common,
    },
    /// Adds or replaces a participant.
    #[command(after_help = "Example: sluis participant add --file participant.json --dir ./sluis-demo\n\
The file: {\"id\":\"praktijk-nieuw\",\"name\":\"Praktijk Nieuw\",\"categories\":[\"gp\"],\"functions\":[{\"code\":\"gp-own\",\"from\":\"2026-01-01\",\"to\":null}],\
\"identifier\":{\"system\":\"http://fhir.nl/fhir/NamingSystem/ura\",\"value\":\"90000999\"},\"purposes\":[\"TREAT\"],\"scopes\":[\"system/Patient.rs\"],\
\"certificate_sha256\":\"…\",\"jwks\":{\"keys\":[…]},\"audience\":\"smart\",\"holder\":null,\"recorder\":false,\"emergency\":{\"asks\":false,\"gives\":false},\
\"endpoint\":null,\"agreement\":{\"version\":\"1\",\"from\":\"2026-01-01\",\"to\":\"2036-01-01\"},\n\
\"contact\":[{\"system\":\"phone\",\"value\":\"088-0000000\"}],\"hours\":[{\"days\":[\"mon\",\"tue\"],\"from\":\"08:00\",\"to\":\"17:00\"}],\"checked\":\"2026-10-01\"}\n\
The last three are for people who look it up in the directory, and may be left out.")]
    Add {
        /// The file; `-` for standard input.
        #[arg(long)]
        file: String,
        #[command(flatten)]
        common: Common,
    },
    /// Adds or replaces somebody who works for a participant, or is its privacy officer.
    #[command(after_help = "Example: sluis participant person --file person.json --dir ./sluis-demo\n\
The file: {\"id\":\"jansma\",\"name\":\"J. Jansma\",\"role\":{\"system\":\"http://fhir.nl/fhir/NamingSystem/uzi-rolcode\",\"code\":\"01.015\"},\
\"functions\":[\"gp-own\"],\"participant\":\"praktijk-nieuw\"}\n\
An officer has the role {\"system\":\"https://sluis.example/fhir/CodeSystem/person-role\",\"code\":\"officer\"} and no functions; the id is the `sub`\n\
by which the portal's identity provider names them.")]
    Person {
        /// The file; `-` for standard input.
        #[arg(long)]
        file: String,
        #[command(flatten)]
        common: Common,
    },
    /// Refuses a participant from the next request on.
    #[command(after_help = "Example: sluis participant suspend huisarts-de-linde --dir ./sluis-demo")]
    Suspend {
        /// Its id.
        id: String,
        #[command(flatten)]
        common: Common,
    },
    /// Lets a suspended participant in again.
    #[command(after_help = "Example: sluis participant resume huisarts-de-linde --dir ./sluis-demo")]
    Resume {
        /// Its id.
        id: String,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Subcommand)]
pub(super) enum CertificateCommand {
    /// Blocks a certificate from the next request on, open connections included.
    #[command(
        after_help = "Example: sluis certificate block ./sluis-demo/pki/huisarts-de-linde/cert.pem --dir ./sluis-demo"
    )]
    Block {
        /// SHA-256 fingerprint in hex, or a PEM file.
        certificate: String,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Subcommand)]
pub(super) enum AuditCommand {
    /// Every record, one JSON object a line.
    #[command(
        after_help = "Example: sluis audit dump --dir ./sluis-demo | tail -1\nA notice, a restart and a flood have no `event`: with --details they have `reason`, `organisation` and `details`, which say in codes what was counted, closed or told.\nExit 1 when it is not the whole journal: a record cannot be read, is not what was written, or is lacking at the end."
    )]
    Dump {
        /// What lines without an event say.
        #[arg(long)]
        details: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Whether every byte of the journal still holds.
    #[command(
        after_help = "Examples: sluis audit verify --dir ./sluis-demo\n          sluis audit verify --dir ./copy --key 'sluis.example/heuvelrijk+46259e1c+…'\nWith --json: {\"records\":12,\"root\":\"<base64>\",\"lag\":0} or {\"index\":3,\"file\":\"…\",\"fault\":\"…\"}\nExit 1 when something does not hold, which is on standard output; or when nothing could be verified, since its own record cannot be made now: then standard output is empty, and `/readyz` says why."
    )]
    Verify {
        /// An older checkpoint: proves that nothing before it changed or vanished.
        #[arg(long)]
        checkpoint: Option<PathBuf>,
        #[command(flatten)]
        by: CheckedBy,
        #[command(flatten)]
        common: Common,
    },
    /// The proof that a record stands in the journal.
    #[command(
        after_help = "Example: sluis audit prove --index 0 --dir ./sluis-demo\nThe output is JSON: index, size, leaf, leaf_hash, path, checkpoint."
    )]
    Prove {
        /// Index of the record.
        #[arg(long)]
        index: u64,
        #[command(flatten)]
        by: CheckedBy,
        #[command(flatten)]
        common: Common,
    },
    /// Decides a recorded decision again, on the state it was decided on, and compares; works on a cold copy too.
    #[command(
        after_help = "Example: sluis audit replay --index 42 --dir ./sluis-demo\nWith --json: {\"index\":42,\"rules\":\"…\",\"at\":\"…\",\"state\":7,\"equal\":true,\"differences\":[]}; \"equal\":null with a \"reason\" when it cannot be told again. Exit 0 only when equal."
    )]
    Replay {
        /// Index of the record.
        #[arg(long)]
        index: u64,
        #[command(flatten)]
        common: Common,
    },
    /// What the journal says, as a signed file: about a person for that person or an officer, about a participant for who
    /// supervises it, or the traffic of the region for its officer.
    #[command(
        after_help = "Examples: sluis audit export --patient - --format pdf --to ./log.pdf --dir ./sluis-demo\n          sluis audit export --supervisor IGJ --participant huisarts-de-linde --from 2026-11-01 --until 2026-11-30 --format csv --to ./igj.csv\n          sluis audit export --regional Heuvelrijk --from 2026-11-01 --until 2026-11-30 --format csv --to ./traffic.csv\nA supervisor reads what the participant asked and was asked, of everybody, persons under ids made for this reader, and what was changed in rules, keys and certificates.\nA regional officer reads counts by day, asker, function, purpose, emergency, holder and outcome; fewer than five are told as 1-4.\nBeside the file lies FILE.note: a C2SP signed note with count and SHA-256 of it, under the journal's key. Lines of ndjson also carry the proof that each record stands in the journal.\nOn a running gateway it is recorded before the file is written; on a cold copy nothing is written, so that it is recorded nowhere.\nWith --json: {\"file\":\"…\",\"note\":\"…\",\"records\":12}"
    )]
    Export {
        #[command(flatten)]
        of: ExportOf,
        /// The form.
        #[arg(long, default_value = "ndjson", value_parser = ["ndjson", "bundle", "csv", "pdf"])]
        format: String,
        /// The file to write; it must not exist yet.
        #[arg(long)]
        to: PathBuf,
        #[command(flatten)]
        common: Common,
    },
    /// The newest signed checkpoint, with the witness's cosignature where it covers this one; of a cold copy the one that
    /// lies there.
    #[command(after_help = "Example: sluis audit checkpoint --dir ./sluis-demo > kept-elsewhere.txt")]
    Checkpoint {
        #[command(flatten)]
        by: CheckedBy,
        #[command(flatten)]
        common: Common,
    },
    /// The key that checks the journal's checkpoints, as a witness or an auditor needs it.
    #[command(
        after_help = "Example: sluis audit key --dir ./sluis-demo\nWith --json: {\"origin\":\"…\",\"key\":\"…\"}"
    )]
    Key {
        #[command(flatten)]
        common: Common,
    },
    /// Says that an operator knows which records are missing here that the witness saw, or this gateway itself; it is
    /// recorded, and the gateway answers again.
    #[command(
        after_help = "Example: sluis audit acknowledge-gap --witnessed 1532 --dir ./sluis-demo\nWith --json: {\"witnessed\":1532,\"here\":1490}"
    )]
    AcknowledgeGap {
        /// How many records were seen, as `/readyz` says.
        #[arg(long)]
        witnessed: u64,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Subcommand)]
pub(super) enum TablesCommand {
    /// One function: how much of each class, and which elements are left.
    #[command(after_help = "Example: sluis tables show --function debt-help --html > debt-help.html\n\
The overlay in DIR/tables counts when it is there; no gateway needs to run.\n\
With --json: {\"function\":\"debt-help\",\"version\":\"2026.11.1\",\"dated\":\"2026-11-21\",\"sha256\":\"…\",\"classes\":[{\"class\":\"identity\",\"level\":\"F\",\"form\":\"full\",\"reason\":\"…\"}],\
\"types\":[{\"type\":\"Condition\",\"classes\":[\"money\"],\"elements\":[{\"path\":\"code\",\"gets\":[\"money\"],\"full\":[\"money\"],\"reduced\":[],\"conditions\":[],\"reason\":\"what\"}]}]}")]
    Show {
        /// The function's code.
        #[arg(long)]
        function: String,
        /// A page for a browser.
        #[arg(long)]
        html: bool,
        #[command(flatten)]
        of: OfTables,
    },
    /// What changes from one package to another, also for each demonstration person.
    #[command(after_help = "Example: sluis tables diff national ./region/tables\n\
`national` names the built-in package; a folder is an overlay on it.\n\
With --json: {\"before\":\"<sha256>\",\"after\":\"<sha256>\",\"changes\":[{\"what\":\"person\",\"function\":\"triage\",\"place\":\"…\",\"before\":\"hidden\",\"after\":\"appears: …\"}]}; what is level, form, element or person.")]
    Diff {
        /// The package before: `national` or a folder.
        before: String,
        /// The package after: `national` or a folder.
        after: String,
        /// The language of the words: nl or en.
        #[arg(long, default_value = "nl", value_parser = ["nl", "en"])]
        lang: String,
        /// JSON output.
        #[arg(long)]
        json: bool,
    },
    /// Before and after for a patient's advocate: what each function sees of the demonstration persons.
    #[cfg(feature = "sandbox")]
    #[command(after_help = "Example: sluis tables report --html > before-and-after.html\n\
With --json: {\"function\":\"triage\",\"patient\":\"jansen\",\"holder\":\"huisarts-de-linde\",\"resources\":[{\"resource\":\"Condition/…\",\"title\":\"…\",\"held\":[[\"code.text\",\"…\"]],\"given\":null}]} a line")]
    Report {
        /// One function only.
        #[arg(long)]
        function: Option<String>,
        /// A page for a browser.
        #[arg(long)]
        html: bool,
        #[command(flatten)]
        of: OfTables,
    },
}

#[derive(Args)]
pub(super) struct OfTables {
    /// The language of the words: nl or en. Reasons stand as their authors wrote them.
    #[arg(long, default_value = "nl", value_parser = ["nl", "en"])]
    pub(super) lang: String,
    #[command(flatten)]
    pub(super) common: Common,
}

#[cfg(feature = "sandbox")]
#[derive(Args)]
pub(super) struct Clock {
    /// Seconds forward, such as +3600.
    #[arg(allow_hyphen_values = true)]
    pub(super) forward: Option<String>,
    #[command(flatten)]
    pub(super) common: Common,
}

#[cfg(feature = "sandbox")]
#[derive(Args)]
pub(super) struct Fault {
    /// The holder.
    #[arg(long)]
    pub(super) holder: String,
    /// none, down, slow, garbage or wrong-person.
    #[arg(long)]
    pub(super) mode: String,
    #[command(flatten)]
    pub(super) dir: Dir,
}
