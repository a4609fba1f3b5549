//! The outer wall: every touch of the disk goes through this port, so that tests can fail, drop, reorder and tear it.
//! Sealed: only this crate makes ports, so nobody can pretend that something is on stable storage.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// What the journal asks of a file system.
pub trait Port: sealed::Sealed + Debug + Send + Sync {
    /// Makes the folder and its parents, unless they are there.
    ///
    /// # Errors
    /// As the file system says.
    fn create_folder(&self, folder: &Path) -> io::Result<()>;
    /// Names in a folder, in no order.
    ///
    /// # Errors
    /// As the file system says.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;
    /// Makes a new file; one that exists is an error.
    ///
    /// # Errors
    /// As the file system says.
    fn create(&self, path: &Path) -> io::Result<Box<dyn PortFile>>;
    /// Opens an existing file.
    ///
    /// # Errors
    /// As the file system says.
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn PortFile>>;
    /// Puts one file in the place of another.
    ///
    /// # Errors
    /// As the file system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// As the file system says.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// Takes the lock file, or nothing when another holds it.
    ///
    /// # Errors
    /// As the file system says.
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Held>>>;
}

/// What the journal asks of one file.
pub trait PortFile: Debug + Send + Sync {
    /// Length in bytes.
    ///
    /// # Errors
    /// As the file system says.
    fn size(&self) -> io::Result<u64>;
    /// Reads from `at` until `into` is full or the file ends; gives the number of bytes.
    ///
    /// # Errors
    /// As the file system says.
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize>;
    /// Writes all of `bytes` at `at`.
    ///
    /// # Errors
    /// As the file system says.
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()>;
    /// Makes the content durable, with as much metadata as reading it back needs.
    ///
    /// # Errors
    /// As the file system says.
    fn sync(&self) -> io::Result<()>;
}

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To read only.
    Read,
    /// To read and write.
    Write,
}

/// A lock, held until dropped.
pub trait Held: Debug + Send + Sync {}

pub(crate) mod sealed {
    /// Keeps ports within this crate.
    pub trait Sealed {}
}

/// The real disk.
#[derive(Debug, Clone, Copy)]
pub struct Disk;

impl sealed::Sealed for Disk {}

impl Port for Disk {
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn PortFile>> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
        Ok(Box::new(file))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn PortFile>> {
        Ok(Box::new(OpenOptions::new().read(true).write(access == Access::Write).open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Held>>> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Held for File {}

impl PortFile for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        let (mut rest, mut from, mut read) = (into, at, 0);
        while !rest.is_empty() {
            match FileExt::read_at(self, rest, from) {
                Ok(0) => break,
                Ok(bytes) => {
                    rest = rest.get_mut(bytes..).unwrap_or_default();
                    from += bytes as u64;
                    read += bytes;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.write_all_at(bytes, at)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}
