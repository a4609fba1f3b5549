//! A disk in memory that counts calls, fails the one it is told to, runs full, and can say what might be left of it
//! had the power gone at any moment: what no sync covered is kept, dropped or torn at 512 bytes, piece by piece.

use crate::port::{Access, Held, Port, PortFile, sealed};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

#[derive(Debug, Clone, Default)]
pub(crate) struct Sim(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    names: BTreeMap<PathBuf, usize>,
    files: Vec<Vec<u8>>,
    locks: BTreeSet<PathBuf>,
    calls: u64,
    fail: Option<(u64, io::ErrorKind)>,
    capacity: Option<usize>,
    trace: Vec<Op>,
}

/// What happened to the disk, and what was promised meanwhile.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Name(PathBuf, usize),
    Rename(PathBuf, PathBuf),
    Write(usize, u64, Vec<u8>),
    Sync(usize),
    SyncFolder(PathBuf),
    /// Records and holdings acknowledged so far.
    Promise(u64, u64),
}

#[derive(Debug)]
struct SimFile(Sim, usize);

#[derive(Debug)]
struct SimLock(Sim, PathBuf);

impl Sim {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Counts a call and fails it if it is the one.
    fn call(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        state.calls += 1;
        match state.fail {
            Some((n, kind)) if n == state.calls => Err(kind.into()),
            _ => Ok(state),
        }
    }

    pub(crate) fn calls(&self) -> u64 {
        self.state().calls
    }

    /// Fails the n-th call from the very first, once.
    pub(crate) fn fail(&self, n: u64, kind: io::ErrorKind) {
        self.state().fail = Some((n, kind));
    }

    pub(crate) fn capacity(&self, bytes: Option<usize>) {
        self.state().capacity = bytes;
    }

    pub(crate) fn used(&self) -> usize {
        self.state().files.iter().map(Vec::len).sum()
    }

    pub(crate) fn promise(&self, records: u64, holdings: u64) {
        self.state().trace.push(Op::Promise(records, holdings));
    }

    pub(crate) fn trace(&self) -> Vec<Op> {
        self.state().trace.clone()
    }

    pub(crate) fn names(&self) -> Vec<PathBuf> {
        self.state().names.keys().cloned().collect()
    }

    pub(crate) fn content(&self, path: &Path) -> Vec<u8> {
        let state = self.state();
        state.files[state.names[path]].clone()
    }

    pub(crate) fn put(&self, path: &Path, content: Vec<u8>) {
        let mut state = self.state();
        let id = state.files.len();
        state.files.push(content);
        state.names.insert(path.to_owned(), id);
    }

    pub(crate) fn remove(&self, path: &Path) {
        self.state().names.remove(path);
    }

    /// The same content, untraced and unharmed.
    pub(crate) fn copy(&self) -> Self {
        let state = self.state();
        Self::holding(state.names.clone(), state.files.clone())
    }

    fn holding(names: BTreeMap<PathBuf, usize>, files: Vec<Vec<u8>>) -> Self {
        Self(Arc::new(Mutex::new(State { names, files, ..State::default() })))
    }
}

fn write(file: &mut Vec<u8>, at: u64, bytes: &[u8]) {
    let at = usize::try_from(at).unwrap();
    if file.len() < at + bytes.len() {
        file.resize(at + bytes.len(), 0);
    }
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

impl sealed::Sealed for Sim {}

impl Port for Sim {
    fn create_folder(&self, _folder: &Path) -> io::Result<()> {
        self.call().map(|_| ())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let state = self.call()?;
        let below = state.names.keys().filter_map(|path| path.strip_prefix(folder).ok());
        let first: BTreeSet<String> =
            below.map(|rest| rest.iter().next().unwrap().to_str().unwrap().to_owned()).collect();
        Ok(first.into_iter().collect())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn PortFile>> {
        let mut state = self.call()?;
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let id = state.files.len();
        state.files.push(Vec::new());
        state.names.insert(path.to_owned(), id);
        state.trace.push(Op::Name(path.to_owned(), id));
        Ok(Box::new(SimFile(self.clone(), id)))
    }

    fn open(&self, path: &Path, _access: Access) -> io::Result<Box<dyn PortFile>> {
        let state = self.call()?;
        let id = *state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(SimFile(self.clone(), id)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.call()?;
        let id = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), id);
        state.trace.push(Op::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.call()?.trace.push(Op::SyncFolder(folder.to_owned()));
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Held>>> {
        let taken = self.call()?.locks.insert(path.to_owned());
        Ok(taken.then(|| Box::new(SimLock(self.clone(), path.to_owned())) as Box<dyn Held>))
    }
}

impl Held for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.0.state().locks.remove(&self.1);
    }
}

impl PortFile for SimFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.call()?.files[self.1].len() as u64)
    }

    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        let state = self.0.call()?;
        let rest = state.files[self.1].get(usize::try_from(at).unwrap()..).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        let called = self.0.call().map(|_| ());
        let mut state = self.0.state();
        let used: usize = state.files.iter().map(Vec::len).sum();
        let end = usize::try_from(at).unwrap() + bytes.len();
        let grown = end.saturating_sub(state.files[self.1].len());
        let room = state.capacity.map_or(usize::MAX, |capacity| capacity.saturating_sub(used));
        // A write that fails leaves a part of itself behind, in whole sectors.
        let half = (at + bytes.len() as u64 / 2) / 512 * 512;
        let done = match &called {
            Err(_) => usize::try_from(half.saturating_sub(at)).unwrap(),
            Ok(()) => bytes.len() - grown.saturating_sub(room).min(bytes.len()),
        };
        write(&mut state.files[self.1], at, &bytes[..done]);
        state.trace.push(Op::Write(self.1, at, bytes[..done].to_vec()));
        called?;
        if done < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&self) -> io::Result<()> {
        self.0.call()?.trace.push(Op::Sync(self.1));
        Ok(())
    }
}

/// A small, seeded source of chance (splitmix64).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// How much of what no sync covered is left.
#[derive(Clone, Copy)]
pub(crate) enum Left {
    Nothing,
    Everything,
    Some,
}

/// What is durable after a number of operations, and what hangs in the air.
#[derive(Default)]
pub(crate) struct Power {
    names: BTreeMap<PathBuf, usize>,
    files: BTreeMap<usize, Vec<u8>>,
    naming: Vec<Op>,
    writing: Vec<(usize, u64, Vec<u8>)>,
    pub(crate) promised: (u64, u64),
}

impl Power {
    pub(crate) fn step(&mut self, op: &Op) {
        match op {
            Op::Name(_, id) => {
                self.files.insert(*id, Vec::new());
                self.naming.push(op.clone());
            }
            Op::Rename(..) => self.naming.push(op.clone()),
            Op::Write(id, at, bytes) => self.writing.push((*id, *at, bytes.clone())),
            Op::Sync(id) => {
                for (_, at, bytes) in self.writing.extract_if(.., |(file, ..)| file == id) {
                    write(self.files.get_mut(id).unwrap(), at, &bytes);
                }
            }
            Op::SyncFolder(folder) => {
                let here = |path: &PathBuf| path.parent() == Some(folder);
                let synced = self.naming.extract_if(.., |op| match op {
                    Op::Name(path, _) => here(path),
                    Op::Rename(_, to) => here(to),
                    _ => false,
                });
                for op in synced.collect::<Vec<_>>() {
                    name(&mut self.names, &op);
                }
            }
            Op::Promise(records, holdings) => self.promised = (*records, *holdings),
        }
    }

    /// One disk that might be found after the power went.
    pub(crate) fn image(&self, left: Left, chance: &mut Chance) -> Sim {
        let mut keep = || match left {
            Left::Nothing => false,
            Left::Everything => true,
            Left::Some => chance.below(2) == 0,
        };
        let mut names = self.names.clone();
        for op in &self.naming {
            if keep() {
                name(&mut names, op);
            }
        }
        let mut files = self.files.clone();
        for (id, at, bytes) in &self.writing {
            let file = files.get_mut(id).unwrap();
            let mut done = 0;
            while done < bytes.len() {
                let place = *at + done as u64;
                let piece = usize::try_from(512 - place % 512).unwrap().min(bytes.len() - done);
                if keep() {
                    write(file, place, &bytes[done..done + piece]);
                }
                done += piece;
            }
        }
        let count = files.keys().last().map_or(0, |last| last + 1);
        let mut found = vec![Vec::new(); count];
        for (id, content) in files {
            found[id] = content;
        }
        Sim::holding(names, found)
    }
}

fn name(names: &mut BTreeMap<PathBuf, usize>, op: &Op) {
    match op {
        Op::Name(path, id) => drop(names.insert(path.clone(), *id)),
        Op::Rename(from, to) => {
            if let Some(id) = names.remove(from) {
                names.insert(to.clone(), id);
            }
        }
        Op::Write(..) | Op::Sync(_) | Op::SyncFolder(_) | Op::Promise(..) => {}
    }
}
