//! The folder of evidence: a store whose every batch is sealed with the tree's root and our signature over it, the
//! tree's tiles, and the latest checkpoint as a file of its own, against which a batch cut away shows.

use crate::error::OpenError;
use crate::frame::Kind;
use crate::note::{Checkpoint, Signers, VerifierKey};
use crate::port::{Access, Port, PortFile};
use crate::records::Records;
use crate::segment;
use crate::store::{Found, Room, Store, TornBytes, is_full};
use crate::tiles::{TileFiles, Tiles};
use crate::tree::{Hash, Peaks, leaf_hash, range_root};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// File of the latest checkpoint, a C2SP signed note.
pub(crate) const CHECKPOINT: &str = "checkpoint";
/// File in which the next one is made ready, where it does not fit into the place of the one before.
pub(crate) const UNFINISHED: &str = "checkpoint.new";
/// Length of a seal's payload: root, Ed25519 signature over the checkpoint's text, index at which the batch began. The
/// last tells of a seal that is left out; before it was added a seal had the first two.
pub(crate) const SEAL: usize = UNLINKED + 8;
const UNLINKED: usize = 32 + 64;

/// The writing end of the folder of evidence.
#[derive(Debug)]
pub(crate) struct Journal {
    port: Arc<dyn Port>,
    folder: PathBuf,
    signers: Signers,
    store: Store,
    tiles: Tiles,
    peaks: Peaks,
    head: Head,
    file: Box<dyn PortFile>,
    /// Length of the note in the checkpoint file.
    noted: usize,
    /// The segment up to whose beginning the tiles are durable.
    tiled: u64,
}

/// The latest checkpoint, shared with readers.
#[derive(Debug, Clone)]
pub(crate) struct Head(Arc<RwLock<(u64, String)>>);

impl Head {
    /// Size and signed note.
    pub(crate) fn get(&self) -> (u64, String) {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What a seal says.
pub(crate) struct Seal<'a> {
    pub(crate) root: Hash,
    pub(crate) signature: &'a [u8],
    /// Where its batch began; nothing in a seal of before that was said.
    pub(crate) begun: Option<u64>,
}

/// Reads a seal's payload.
pub(crate) fn unseal(payload: &[u8]) -> Option<Seal<'_>> {
    let (signed, begun) = payload.split_at_checked(UNLINKED)?;
    let (root, signature) = signed.split_first_chunk::<32>()?;
    let begun = match begun {
        [] => None,
        begun => Some(u64::from_le_bytes(begun.try_into().ok()?)),
    };
    Some(Seal { root: Hash(*root), signature, begun })
}

impl Journal {
    /// Opens the folder, creating it when absent, and checks its end: the last seal's signature and root over the tiles
    /// and the last segment, and that the checkpoint file speaks of a tree that this one continues.
    pub(crate) fn open(
        port: Arc<dyn Port>,
        folder: &Path,
        limit: u64,
        signers: Signers,
    ) -> Result<(Self, Option<TornBytes>), OpenError> {
        let found = Found::look(&*port, folder)?;
        let broken = |index: u64, fault: &'static str| OpenError::Broken {
            index,
            file: segment::name(found.first),
            fault,
        };
        let keys = signers.keys();
        let no_tiles = |_| broken(found.first, "the tree's tiles are missing or cut");
        let mut tiles = Tiles::open(&port, folder, found.first).map_err(no_tiles)?;
        let mut peaks = tiles.files().peaks(found.first).map_err(no_tiles)?;
        for (frame, _) in found.scan.frames(found.first) {
            if frame.kind == Kind::Record {
                let leaf = leaf_hash(frame.payload);
                tiles.push(leaf);
                peaks.push(leaf);
            }
        }
        let mut signature = Vec::new();
        if let Some(seal) = &found.scan.seal {
            let seal = unseal(seal).ok_or_else(|| broken(peaks.size(), "its seal has no root"))?;
            if seal.root != peaks.root() {
                return Err(broken(found.first, "records do not lead to the sealed root"));
            }
            signature = seal.signature.to_vec();
        }
        let head = Checkpoint { origin: signers.origin(), size: peaks.size(), root: peaks.root() };
        let note = if head.size == 0 {
            let (signature, signer) = signers.seal(&head);
            head.note(&signer, &signature)
        } else {
            let sealed_by = head.sealed_by(&keys, &signature);
            head.note(
                sealed_by.ok_or_else(|| broken(head.size, "the last seal is not signed by us"))?,
                &signature,
            )
        };
        tiles.write()?;
        let (file, stands) = Self::checkpoint_file(&port, folder, &head, &note, &keys, tiles.files())?;
        let noted = stands.len();
        let tiled = found.first;
        let head = Head(Arc::new(RwLock::new((head.size, note.clone()))));
        let store = Store::open(port.clone(), folder, limit, &found)?;
        let folder = folder.to_owned();
        let mut journal = Self { port, folder, signers, store, tiles, peaks, head, file, noted, tiled };
        if journal.port.open(&journal.folder.join(UNFINISHED), Access::Read).is_ok() {
            // Left by a write that did not finish: it is finished now.
            journal.noted = 0;
        }
        if stands != note || journal.noted == 0 {
            journal.write_checkpoint(&note)?;
        }
        Ok((journal, found.torn))
    }

    /// Opens the checkpoint file and holds it against the tree; makes it for a journal not yet begun.
    fn checkpoint_file(
        port: &Arc<dyn Port>,
        folder: &Path,
        head: &Checkpoint,
        note: &str,
        keys: &[VerifierKey],
        tiles: &TileFiles,
    ) -> Result<(Box<dyn PortFile>, String), OpenError> {
        let broken =
            |index: u64, fault: &'static str| OpenError::Broken { index, file: CHECKPOINT.to_owned(), fault };
        let file = match port.open(&folder.join(CHECKPOINT), Access::Write) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound && head.size == 0 => {
                return Ok((replace(port, folder, note)?, note.to_owned()));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(broken(head.size, "the checkpoint is missing"));
            }
            Err(error) => return Err(error.into()),
        };
        let stands = segment::read_all(&*file)?;
        let stands = String::from_utf8(stands).map_err(|_| broken(head.size, "the checkpoint is no text"))?;
        let earlier = Checkpoint::open(&stands, keys)
            .ok()
            .filter(|earlier| earlier.origin == head.origin)
            .ok_or_else(|| broken(head.size, "the checkpoint is not one of ours"))?;
        if earlier.size > head.size {
            return Err(broken(head.size, "records are missing that the checkpoint speaks of"));
        }
        if range_root(tiles, 0, earlier.size)? != earlier.root {
            return Err(broken(0, "the checkpoint speaks of another tree"));
        }
        Ok((file, stands))
    }

    pub(crate) fn records(&self) -> &Records {
        self.store.records()
    }

    pub(crate) fn tiles(&self) -> &TileFiles {
        self.tiles.files()
    }

    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    /// Where it lies, and who signs it.
    pub(crate) fn place(&self) -> (Arc<dyn Port>, PathBuf, Signers) {
        (self.port.clone(), self.folder.clone(), self.signers.clone())
    }

    pub(crate) fn store(&mut self) -> &mut Store {
        &mut self.store
    }

    /// Makes certain that a batch of records with these payload lengths can be written and its leaves kept.
    pub(crate) fn make_room(&mut self, bytes: u64) -> io::Result<Room> {
        if !self.tiles.write()? {
            return Ok(Room::Full);
        }
        self.store.make_room(bytes)
    }

    /// Writes and seals one batch; durable when it returns. After an error nothing may be appended any more.
    pub(crate) fn append(&mut self, batch: &[(Vec<u8>, Hash)]) -> io::Result<()> {
        if self.store.segment() != self.tiled {
            // The last segment's leaves can be derived no more once a start reads only the next one.
            self.tiles.sync()?;
            self.tiled = self.store.segment();
        }
        let begun = self.peaks.size();
        for (_, leaf) in batch {
            self.peaks.push(*leaf);
        }
        let origin = self.signers.origin();
        let head = Checkpoint { origin, size: self.peaks.size(), root: self.peaks.root() };
        let (signature, signer) = self.signers.seal(&head);
        let seal = [head.root.0.as_slice(), &signature, &begun.to_le_bytes()].concat();
        self.store.append(batch.iter().map(|(record, _)| record.as_slice()), &seal)?;
        for (_, leaf) in batch {
            self.tiles.push(*leaf);
        }
        // A full disk leaves tiles and checkpoint behind the records; both are made good before the next batch.
        let kept = self.tiles.write()?;
        let note = head.note(&signer, &signature);
        if kept && self.write_checkpoint(&note)? {
            *self.head.0.write().unwrap_or_else(PoisonError::into_inner) = (head.size, note);
        }
        Ok(())
    }

    /// Puts the note into the checkpoint file, without a sync: it may lag behind the seals, never lead them. In place
    /// while its length stays (it fits one sector), otherwise as a new file.
    fn write_checkpoint(&mut self, note: &str) -> io::Result<bool> {
        if note.len() == self.noted {
            self.file.write_at(note.as_bytes(), 0)?;
            return Ok(true);
        }
        match replace(&self.port, &self.folder, note) {
            Err(error) if is_full(&error) => Ok(false),
            file => {
                (self.file, self.noted) = (file?, note.len());
                Ok(true)
            }
        }
    }

    /// Makes everything durable, also what a start could derive.
    pub(crate) fn settle(&mut self) -> io::Result<()> {
        self.tiles.write()?;
        self.tiles.sync()?;
        self.file.sync()
    }
}

/// Puts a new checkpoint file in place, durably.
fn replace(port: &Arc<dyn Port>, folder: &Path, note: &str) -> io::Result<Box<dyn PortFile>> {
    let unfinished = folder.join(UNFINISHED);
    let file = match port.open(&unfinished, Access::Write) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => port.create(&unfinished)?,
        opened => opened?,
    };
    file.write_at(note.as_bytes(), 0)?;
    file.sync()?;
    port.rename(&unfinished, &folder.join(CHECKPOINT))?;
    port.sync_folder(folder)?;
    Ok(file)
}
