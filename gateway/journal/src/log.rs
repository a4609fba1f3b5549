//! The one writer: callers hand in entries, a thread of its own takes all that wait, lets each in or turns it away in
//! order, and commits them together: one write and sync per folder concerned, one signature, then everyone is woken.

use crate::entry::{Entry, Placed};
use crate::error::{AppendError, OpenError, ReadError};
use crate::finding::{Checked, Finding};
use crate::journal::{Head, Journal};
use crate::note::{Signer, Signers};
use crate::port::{Disk, Held, Port};
use crate::proof::{self, Proof};
use crate::records::Records;
use crate::store::{Found, SEGMENT, Store, TornBytes};
use crate::tiles::TileFiles;
use crate::tree::{self, Hash, sha256};
use crate::verify::{self, Bound, Question};
use crate::writer::{Job, Queue, Reply, Writer};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

/// Longest journal record in bytes (DESIGN.md 3: C2SP entry bundles carry 16-bit lengths).
pub const MAX_RECORD: usize = 60_000;
/// Longest holdings record in bytes.
pub const MAX_HOLDING: usize = 16 * 1024 * 1024 - 1;

/// What a log is opened with.
#[derive(Debug)]
pub struct LogSettings {
    /// The folder of evidence.
    pub journal: PathBuf,
    /// The folder of sealed state, in the same order as the journal.
    pub holdings: PathBuf,
    /// The key that signs checkpoints, whose name is the log's origin; behind it those before it, newest first, whose
    /// signatures still stand.
    pub signers: Vec<Signer>,
}

/// How a log fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Appends are taken.
    Serving,
    /// The last append found the disk full; the next may succeed.
    Full,
    /// A disk error ended it for good.
    Stopped,
}

/// A folder opened: whole, or with a tail that a crash tore and someone must close.
#[derive(Debug)]
pub enum Opened {
    /// Everything written is whole.
    Whole(Log),
    /// Bytes behind the last whole batch; nothing acknowledged is among them.
    Torn(Box<TornLog>),
}

/// A log that takes no appends until its torn tails are closed with a record.
#[derive(Debug)]
pub struct TornLog {
    torn: Vec<Torn>,
    journal: (Journal, Option<TornBytes>),
    holdings: (Store, Option<TornBytes>),
    lock: Box<dyn Held>,
}

/// Bytes behind the last whole batch: what a write left that never finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// Which folder.
    pub folder: Folder,
    /// File within the folder.
    pub file: String,
    /// Where the tail begins in it, in bytes.
    pub offset: u64,
    /// Length up to the last byte that is not zero.
    pub bytes: u64,
    /// SHA-256 of those bytes.
    pub digest: Hash,
    /// Index of the next record, which is also the number of whole ones.
    pub next: u64,
}

/// One of the two folders of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folder {
    /// Evidence.
    Journal,
    /// Sealed state.
    Holdings,
}

impl TornLog {
    /// What is torn, at most one tail a folder.
    #[must_use]
    pub fn torn(&self) -> &[Torn] {
        &self.torn
    }

    /// The whole records of the evidence.
    #[must_use]
    pub fn records(&self) -> &Records {
        self.journal.0.records()
    }

    /// The whole records of the sealed state.
    #[must_use]
    pub fn holdings(&self) -> &Records {
        self.holdings.0.records()
    }

    /// Clears the torn bytes and appends `record`, the caller's words about it, as the next journal record.
    ///
    /// # Errors
    /// When the disk refuses or the record does not fit.
    pub fn close(mut self, record: Vec<u8>) -> Result<Log, OpenError> {
        if let (journal, Some(torn)) = &mut self.journal {
            journal.store().clear(torn)?;
        }
        if let (holdings, Some(torn)) = &mut self.holdings {
            holdings.clear(torn)?;
        }
        let log = Log::start(self.journal.0, self.holdings.0, self.lock)?;
        match log.append_blocking(Entry::of(vec![record])) {
            Ok(_) => Ok(log),
            Err(_) => {
                Err(std::io::Error::other("the record that closes a torn tail was not appended").into())
            }
        }
    }
}

/// An open log. Share it behind an `Arc`; dropping it commits what waits, settles the disk and frees the folders.
#[derive(Debug)]
pub struct Log {
    queue: Arc<Queue>,
    records: Records,
    holdings: Records,
    tiles: TileFiles,
    head: Head,
    port: Arc<dyn Port>,
    folder: PathBuf,
    limit: u64,
    signers: Signers,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Log {
    /// Opens both folders, creating them when absent.
    ///
    /// # Errors
    /// When another process holds them, the disk refuses, or what stands there does not hold.
    pub fn open(settings: LogSettings) -> Result<Opened, OpenError> {
        Self::open_on(Arc::new(Disk), settings, SEGMENT)
    }

    /// Opens on any port, with segments of another size.
    pub(crate) fn open_on(
        port: Arc<dyn Port>,
        settings: LogSettings,
        limit: u64,
    ) -> Result<Opened, OpenError> {
        let LogSettings { journal: folder, holdings, signers } = settings;
        port.create_folder(&folder)?;
        let lock = port.lock(&folder.join(LOCK))?.ok_or(OpenError::InUse)?;
        let journal =
            Journal::open(port.clone(), &folder, limit, Signers::new(signers).ok_or(OpenError::NoKey)?)?;
        port.create_folder(&holdings)?;
        let found = Found::look(&*port, &holdings)?;
        let holdings = (Store::open(port, &holdings, limit, &found)?, found.torn);
        let tail =
            |folder, next, torn: &Option<TornBytes>| torn.as_ref().map(|torn| Torn::of(folder, next, torn));
        let torn: Vec<Torn> = tail(Folder::Journal, journal.0.records().len(), &journal.1)
            .into_iter()
            .chain(tail(Folder::Holdings, holdings.0.next(), &holdings.1))
            .collect();
        if torn.is_empty() {
            return Ok(Opened::Whole(Self::start(journal.0, holdings.0, lock)?));
        }
        Ok(Opened::Torn(Box::new(TornLog { torn, journal, holdings, lock })))
    }

    fn start(journal: Journal, holdings: Store, lock: Box<dyn Held>) -> Result<Self, OpenError> {
        let queue = Arc::new(Queue::default());
        let (records, held) = (journal.records().clone(), holdings.records().clone());
        let (tiles, head) = (journal.tiles().clone(), journal.head().clone());
        let (port, folder, signers) = journal.place();
        let limit = holdings.limit();
        let writer = Writer::new(queue.clone(), journal, holdings, lock);
        let thread = std::thread::Builder::new().name("journal".to_owned()).spawn(move || writer.run())?;
        Ok(Self {
            queue,
            records,
            holdings: held,
            tiles,
            head,
            port,
            folder,
            limit,
            signers,
            writer: Mutex::new(Some(thread)),
        })
    }

    /// Appends and waits, on a task, until the entry is durable and applied.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn append(&self, entry: Entry) -> Result<Placed, AppendError> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        self.queue.put(Job::new(entry, Reply::Task(reply))?)?;
        // A writer that is gone answers nobody.
        answer.await.unwrap_or(Err(AppendError::Stopped))
    }

    /// Appends and waits, blocking this thread.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub fn append_blocking(&self, entry: Entry) -> Result<Placed, AppendError> {
        let (reply, answer) = mpsc::sync_channel(1);
        self.queue.put(Job::new(entry, Reply::Thread(reply))?)?;
        answer.recv().unwrap_or(Err(AppendError::Stopped))
    }

    /// How the log fares.
    #[must_use]
    pub fn state(&self) -> State {
        self.queue.state()
    }

    /// The evidence: durable journal records.
    #[must_use]
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// The sealed state: durable holdings records. A record that no journal record names (a crash came between) is to
    /// be passed over.
    #[must_use]
    pub fn holdings(&self) -> &Records {
        &self.holdings
    }

    /// The latest checkpoint, a C2SP signed note. The keys before the current one sign it too, so that whoever knows one
    /// of them can go on checking.
    #[must_use]
    pub fn checkpoint(&self) -> String {
        self.signers.countersign(self.head.get().1)
    }

    /// Seals with this key from the next batch on. What was signed before still verifies.
    pub fn sign_with(&self, next: Signer) {
        self.signers.turn(next);
    }

    /// That the record of this index stands in the latest checkpoint's tree.
    ///
    /// # Errors
    /// When there is no such record under that checkpoint, or it cannot be read.
    pub fn prove(&self, index: u64) -> Result<Proof, ReadError> {
        let (size, checkpoint) = self.head.get();
        let checkpoint = self.signers.countersign(checkpoint);
        proof::prove(&self.records, &self.tiles, index, size, checkpoint)
    }

    /// Checks every byte of the evidence while appends go on: records, seals and tree up to the latest checkpoint, the rest for
    /// having no business there. `older` is a signed
    /// checkpoint from before, `progress` hears the number of records checked so far.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn verify(&self, older: Option<&str>, progress: impl FnMut(u64)) -> Result<Checked, Finding> {
        let (size, note) = self.head.get();
        let keys = self.signers.keys();
        let question = Question { keys: &keys, older };
        let bound = Bound::Live { size, note: &note, records: &self.records };
        verify::verify(&self.port, &self.folder, &question, bound, self.limit, progress)
    }

    /// That the latest checkpoint's tree begins with the tree of `old` leaves: hashes, and that checkpoint.
    ///
    /// # Errors
    /// When `old` is beyond the checkpoint, or the tree cannot be read.
    pub fn consistency(&self, old: u64) -> Result<(Vec<Hash>, String), ReadError> {
        let (size, checkpoint) = self.head.get();
        Ok((proof::consistency(&self.tiles, old, size)?, self.signers.countersign(checkpoint)))
    }

    /// The root that the tree had when it was of this size.
    ///
    /// # Errors
    /// When `size` is beyond the latest checkpoint, or the tree cannot be read.
    pub fn root_at(&self, size: u64) -> Result<Hash, ReadError> {
        if size > self.head.get().0 {
            return Err(ReadError::Absent);
        }
        Ok(tree::range_root(&self.tiles, 0, size)?)
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(writer) = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A writer that panicked has already turned everyone away.
            drop(writer.join());
        }
    }
}

impl Torn {
    fn of(folder: Folder, next: u64, torn: &TornBytes) -> Self {
        let bytes = torn.bytes.len() as u64;
        Self {
            folder,
            file: torn.file.clone(),
            offset: torn.offset,
            bytes,
            digest: sha256(&torn.bytes),
            next,
        }
    }
}

/// The file whose lock makes a folder one process's own; the only one whose bytes mean nothing.
pub(crate) const LOCK: &str = "lock";
