//! `backup` and `restore`: through the running gateway where there is one, else on the folder as it lies there.

use super::args::{Backup, Restore};
use super::{Ended, audit, print};
use crate::backup::{self, Snapshot};
use crate::control::{Command, Frame, call};
use crate::store::keys::master_key;
use crate::store::seal::Key;
use serde_json::json;
use std::path::{Path, PathBuf};

pub(super) fn backup(args: &Backup) -> Ended {
    let (dir, to) = (&args.common.dir, absolute(&args.to));
    let keys = absolute(args.keys_to.as_deref().unwrap_or(&beside(&args.to)));
    if audit::running(&args.common) {
        let command = Command::Backup { to, keys_to: keys, json: args.common.json };
        let ended = call(dir, &command, |frame| match frame {
            Frame::Out(line) => print::out(&line),
            Frame::Note(line) => print::note(line),
            Frame::End(_) => {}
        });
        return match ended {
            Ok(code) => Ended::code(code),
            Err(e) => Ended::Failed(format!("the gateway in {} broke off: {e}", dir.display())),
        };
    }
    let done = || -> Result<String, String> {
        let master = master(dir, None)?;
        backup::outside(dir, [&to, &keys]).map_err(|e| e.to_string())?;
        let snapshot = Snapshot::take(dir).map_err(|e| e.to_string())?;
        let (data, with_keys) =
            backup::write(dir, &snapshot, &master, &to, &keys).map_err(|e| e.to_string())?;
        snapshot.left_out.iter().for_each(|path| print::note(left_out(path)));
        Ok(said(&to, data, &keys, with_keys, args.common.json))
    };
    match done() {
        Ok(line) => {
            print::out(&line);
            Ended::Well
        }
        Err(why) => Ended::Failed(why),
    }
}

/// What a backup says of a file that it does not know.
pub(crate) fn left_out(path: &Path) -> String {
    format!("left out: {} is none of the files that make up this folder", path.display())
}

/// What a backup says when it is done.
pub(crate) fn said(to: &Path, data: u64, keys: &Path, with_keys: u64, as_json: bool) -> String {
    if as_json {
        json!({"data": {"file": to, "bytes": data}, "keys": {"file": keys, "bytes": with_keys}}).to_string()
    } else {
        format!("{} ({data} bytes) and {} ({with_keys} bytes): keep them apart", to.display(), keys.display())
    }
}

fn beside(to: &Path) -> PathBuf {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(".keys");
    to.with_file_name(name)
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

pub(super) fn restore(args: &Restore) -> Ended {
    let keys = args.keys_from.clone().unwrap_or_else(|| beside(&args.from));
    let done = || -> Result<String, String> {
        let master = master(args.to.as_deref().unwrap_or(Path::new(".")), args.master_key.as_deref())?;
        // A drill leaves nothing behind, also when it fails.
        let (to, drill) = match &args.to {
            Some(to) => (to.clone(), None),
            None if args.verify => {
                let name = format!("sluis-drill-{}", uuid::Uuid::new_v4());
                let folder = args.from.with_file_name(name);
                (folder.clone(), Some(Drill(folder)))
            }
            None => return Err("give --to FOLDER, or --verify alone for a drill".into()),
        };
        backup::unpack(&args.from, &keys, &master, &to).map_err(|e| e.to_string())?;
        let checked =
            if args.verify { Some(backup::check(&to, &master).map_err(|e| e.to_string())?) } else { None };
        drop(drill);
        Ok(match (checked, args.json) {
            (Some(held), true) => json!({"records": held.records, "changes": held.changes,
                "forgotten": held.forgotten, "verified": true})
            .to_string(),
            (None, true) => json!({"verified": false}).to_string(),
            (Some(held), false) => format!(
                "{} records hold, {} changes are there and open, {} years of persons were forgotten on purpose",
                held.records, held.changes, held.forgotten
            ),
            (None, false) => format!("restored into {}; check it with --verify", to.display()),
        })
    };
    match done() {
        Ok(line) => {
            print::out(&line);
            Ended::Well
        }
        Err(why) => Ended::Failed(why),
    }
}

struct Drill(PathBuf);

impl Drop for Drill {
    fn drop(&mut self) {
        if std::fs::remove_dir_all(&self.0).is_err() && self.0.exists() {
            print::note(format!("{} was not removed", self.0.display()));
        }
    }
}

/// The master key: as given, as `SLUIS_MASTER_KEY_FILE` names it, or a sandbox's own.
fn master(dir: &Path, given: Option<&Path>) -> Result<Key, String> {
    let file = given
        .map(Path::to_owned)
        .or_else(|| std::env::var_os("SLUIS_MASTER_KEY_FILE").map(PathBuf::from))
        .unwrap_or_else(|| dir.join("keys").join("master.key"));
    let bytes = std::fs::read(&file).map_err(|e| format!("the master key {}: {e}", file.display()))?;
    master_key(&bytes).ok_or_else(|| format!("{}: no master key", file.display()))
}
