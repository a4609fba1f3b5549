//! The form of an archive: a magic line, then sealed frames, each bound to its volume and its place in the row, the last
//! saying that it is the last. A frame moved, left out, bent or cut off is noticed; so is the end.
//!
//! A frame is four bytes of length and the sealed plaintext; a plaintext is one letter and its body: `f` begins a file
//! (its path), `d` brings bytes of it, `z` so many zeros, `e` ends the archive (the number of files).

use super::Volume;
use super::snapshot::{Bytes, Part};
use crate::store::seal::Key;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

/// Why an archive was not made or not read.
#[derive(Debug)]
pub enum ArchiveError {
    /// A file or folder.
    Io(PathBuf, io::Error),
    /// No archive of ours, or of the other volume.
    Foreign,
    /// A frame does not open: another master key, or a damaged archive.
    Sealed(u64),
    /// It ends too early, or goes on behind its end.
    Cut,
    /// A path that leads out of the folder.
    Path,
    /// An archive that would lie in the data folder.
    Inside(PathBuf),
    /// No randomness to seal with.
    NoRandomness,
    /// What was restored does not hold: where and how.
    Unsound(String),
}

impl std::fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(path, e) => write!(f, "{}: {e}", path.display()),
            Self::Foreign => f.write_str("this is not such an archive"),
            Self::Sealed(frame) => write!(
                f,
                "frame {frame} does not open: another master key, or the archive was damaged or altered"
            ),
            Self::Cut => f.write_str("the archive is not whole: its end is missing or not its end"),
            Self::Path => f.write_str("the archive names a path outside the folder"),
            Self::Inside(path) => write!(
                f,
                "{}: lies in the data folder, and would be lost with it; give a path elsewhere",
                path.display()
            ),
            Self::NoRandomness => f.write_str("the system gave no randomness"),
            Self::Unsound(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for ArchiveError {}

const MAGIC: &[u8] = b"sluis backup 1\n";
const CHUNK: usize = 1 << 20;
/// A sealed frame is a chunk and little more.
const FRAME_MAX: usize = CHUNK + 4096;

struct Frames<'k, W> {
    out: W,
    key: &'k Key,
    volume: Volume,
    next: u64,
    bytes: u64,
}

fn place(volume: Volume, frame: u64) -> Vec<u8> {
    [volume.label().as_bytes(), &frame.to_be_bytes()].concat()
}

impl<W: Write> Frames<'_, W> {
    fn put(&mut self, letter: u8, body: &[u8]) -> Result<(), Fault> {
        let plain = [&[letter], body].concat();
        let sealed =
            self.key.seal(&place(self.volume, self.next), &plain).map_err(|_| Fault::NoRandomness)?;
        let length = u32::try_from(sealed.len()).unwrap_or(u32::MAX);
        self.out.write_all(&length.to_be_bytes())?;
        self.out.write_all(&sealed)?;
        self.next += 1;
        self.bytes += 4 + u64::from(length);
        Ok(())
    }

    fn data(&mut self, chunk: &[u8]) -> Result<(), Fault> {
        // Segments reserve room ahead: zeros need no room here.
        if chunk.iter().all(|b| *b == 0) {
            self.put(b'z', &(chunk.len() as u64).to_be_bytes())
        } else {
            self.put(b'd', chunk)
        }
    }
}

enum Fault {
    Io(io::Error),
    NoRandomness,
}

impl From<io::Error> for Fault {
    fn from(e: io::Error) -> Self {
        Self::Io(e)
    }
}

/// Writes an archive to a file that must not exist, synced. Gives its length; on failure nothing is left.
pub(super) fn write(
    to: &Path,
    key: &Key,
    volume: Volume,
    root: &Path,
    parts: &[Part],
) -> Result<u64, ArchiveError> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    let file = file.map_err(|e| ArchiveError::Io(to.to_owned(), e))?;
    fill(file, key, volume, root, parts).map_err(|fault| {
        drop(fs::remove_file(to));
        match fault {
            Fault::Io(e) => ArchiveError::Io(to.to_owned(), e),
            Fault::NoRandomness => ArchiveError::NoRandomness,
        }
    })
}

fn fill(file: File, key: &Key, volume: Volume, root: &Path, parts: &[Part]) -> Result<u64, Fault> {
    let mut frames = Frames { out: BufWriter::new(file), key, volume, next: 0, bytes: MAGIC.len() as u64 };
    frames.out.write_all(MAGIC)?;
    for part in parts {
        frames.put(b'f', part.path.to_string_lossy().as_bytes())?;
        match &part.bytes {
            Bytes::Now(bytes) => bytes.chunks(CHUNK).try_for_each(|chunk| frames.data(chunk))?,
            Bytes::First(length) => {
                let mut from = File::open(root.join(&part.path))?.take(*length);
                let mut chunk = Vec::with_capacity(CHUNK);
                while (&mut from).take(CHUNK as u64).read_to_end(&mut chunk)? > 0 {
                    frames.data(&chunk)?;
                    chunk.clear();
                }
                if from.limit() > 0 {
                    return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
                }
            }
        }
    }
    frames.put(b'e', &(parts.len() as u64).to_be_bytes())?;
    let file = frames.out.into_inner().map_err(|e| Fault::Io(e.into_error()))?;
    file.sync_all()?;
    Ok(frames.bytes)
}

/// Unpacks an archive below `to`. Every frame is checked before its bytes are written.
pub(super) fn read(from: &Path, key: &Key, volume: Volume, to: &Path) -> Result<u64, ArchiveError> {
    let io = |e| ArchiveError::Io(from.to_owned(), e);
    let mut input = BufReader::new(File::open(from).map_err(io)?);
    let mut magic = vec![0; MAGIC.len()];
    if input.read_exact(&mut magic).is_err() || magic != MAGIC {
        return Err(ArchiveError::Foreign);
    }
    let (mut open, mut files): (Option<(PathBuf, File)>, u64) = (None, 0);
    for frame in 0.. {
        let mut length = [0; 4];
        input.read_exact(&mut length).map_err(|_| ArchiveError::Cut)?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > FRAME_MAX {
            return Err(ArchiveError::Sealed(frame));
        }
        let mut sealed = vec![0; length];
        input.read_exact(&mut sealed).map_err(|_| ArchiveError::Cut)?;
        let plain = key.open(&place(volume, frame), sealed).map_err(|_| ArchiveError::Sealed(frame))?;
        let (letter, body) = plain.split_first().ok_or(ArchiveError::Cut)?;
        match (letter, &mut open) {
            (b'f', _) => {
                sync(open.take())?;
                files += 1;
                open = Some(begin(to, body)?);
            }
            (b'd', Some((path, file))) => {
                file.write_all(body).map_err(|e| ArchiveError::Io(path.clone(), e))?;
            }
            (b'z', Some((path, file))) => {
                let zeros = u64::from_be_bytes(body.try_into().map_err(|_| ArchiveError::Cut)?);
                let mut source = io::repeat(0).take(zeros.min(CHUNK as u64));
                io::copy(&mut source, file).map_err(|e| ArchiveError::Io(path.clone(), e))?;
            }
            (b'e', _) => {
                sync(open.take())?;
                let whole = body == files.to_be_bytes() && input.read(&mut [0; 1]).map_err(io)? == 0;
                return if whole { Ok(files) } else { Err(ArchiveError::Cut) };
            }
            _ => return Err(ArchiveError::Cut),
        }
    }
    Err(ArchiveError::Cut)
}

fn begin(to: &Path, path: &[u8]) -> Result<(PathBuf, File), ArchiveError> {
    let path = Path::new(std::str::from_utf8(path).map_err(|_| ArchiveError::Path)?);
    if path.components().any(|c| !matches!(c, Component::Normal(_))) {
        return Err(ArchiveError::Path);
    }
    let whole = to.join(path);
    let io = |e| ArchiveError::Io(whole.clone(), e);
    if let Some(folder) = whole.parent() {
        fs::create_dir_all(folder).map_err(io)?;
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&whole).map_err(io)?;
    Ok((whole, file))
}

fn sync(open: Option<(PathBuf, File)>) -> Result<(), ArchiveError> {
    match open {
        Some((path, file)) => file.sync_all().map_err(|e| ArchiveError::Io(path, e)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{ArchiveError, Bytes, CHUNK, Part, Volume, read, write};
    use crate::store::seal::Key;
    use std::fs;

    fn parts() -> Vec<Part> {
        let mut sparse = vec![0; 2 * CHUNK + 7];
        sparse[0] = 1;
        [("a/one", b"words-marker".to_vec()), ("two", sparse), ("empty", Vec::new())]
            .into_iter()
            .map(|(path, bytes)| Part { path: path.into(), bytes: Bytes::Now(bytes) })
            .collect()
    }

    #[test]
    fn an_archive_comes_back_byte_for_byte_and_shows_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (archive, to) = (dir.path().join("b"), dir.path().join("to"));
        let key = Key::random().unwrap();
        write(&archive, &key, Volume::Data, dir.path(), &parts()).unwrap();
        let bytes = fs::read(&archive).unwrap();
        assert!(!bytes.windows(12).any(|w| w == b"words-marker"));
        assert!(bytes.len() < 2 * CHUNK, "zeros take no room");
        assert_eq!(read(&archive, &key, Volume::Data, &to).unwrap(), 3);
        for part in parts() {
            let Bytes::Now(bytes) = part.bytes else { panic!("parts are in memory") };
            assert!(fs::read(to.join(&part.path)).unwrap() == bytes, "{}", part.path.display());
        }
        // A backup never overwrites one, and the volumes are not taken for each other.
        assert!(matches!(write(&archive, &key, Volume::Data, dir.path(), &[]), Err(ArchiveError::Io(..))));
        let other = dir.path().join("other");
        assert!(matches!(read(&archive, &key, Volume::Keys, &other), Err(ArchiveError::Sealed(0))));
    }

    #[test]
    fn a_bent_or_cut_archive_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let archive = dir.path().join("b");
        let key = Key::random().unwrap();
        let few = [Part { path: "one".into(), bytes: Bytes::Now(b"words".to_vec()) }];
        write(&archive, &key, Volume::Data, dir.path(), &few).unwrap();
        let whole = fs::read(&archive).unwrap();
        let refused = |bytes: &[u8], what: &str| {
            let (bent, to) = (dir.path().join("bent"), tempfile::tempdir().unwrap());
            fs::write(&bent, bytes).unwrap();
            assert!(read(&bent, &key, Volume::Data, to.path()).is_err(), "{what}");
        };
        for at in 0..whole.len() {
            let mut bent = whole.clone();
            bent[at] ^= 1;
            refused(&bent, &format!("byte {at}"));
            refused(&whole[..at], &format!("cut at {at}"));
        }
        refused(&[whole.as_slice(), &[0]].concat(), "more behind the end");
    }

    #[test]
    fn a_path_never_leads_out_of_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let key = Key::random().unwrap();
        for (n, path) in ["../out", "/out", "a/../../out"].into_iter().enumerate() {
            let archive = dir.path().join(n.to_string());
            let parts = [Part { path: path.into(), bytes: Bytes::Now(Vec::new()) }];
            write(&archive, &key, Volume::Data, dir.path(), &parts).unwrap();
            let to = dir.path().join("to");
            assert!(matches!(read(&archive, &key, Volume::Data, &to), Err(ArchiveError::Path)), "{path}");
        }
    }
}
