//! The control socket: commands reach the running gateway through a unix socket of mode 0600, never through TCP
//! (DESIGN.md 11). One request line in JSON, then answer lines until the end.

mod commands;
mod elsewhere;
mod explain;
mod exported;
pub(crate) mod operator;
mod people;
mod preview;
mod recorded;
mod wire;

pub use wire::{Command, Exported, Frame, Query, call};

use crate::listen::Shutdown;
use crate::world::World;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

/// The name of the socket in the data folder.
pub const NAME: &str = "control.sock";

/// A bound control socket; its file goes when it is dropped.
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    /// Binds the socket in `root`. The folder's lock is held by then, so that a file left there is stale.
    ///
    /// # Errors
    /// When it cannot be bound.
    pub fn bind(root: &Path) -> io::Result<Self> {
        let path = root.join(NAME);
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, path })
    }

    /// Serves commands until the shutdown.
    pub async fn serve(self, world: Arc<World>, mut shutdown: Shutdown) {
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = shutdown.wait() => break,
            };
            match accepted {
                Ok((stream, _)) => {
                    let world = Arc::clone(&world);
                    tokio::spawn(async move {
                        if let Err(e) = serve_one(stream, world).await {
                            tracing::debug!(error = %e, "a command broke off");
                        }
                    });
                }
                Err(e) => tracing::warn!(error = %e, "the control socket"),
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if std::fs::remove_file(&self.path).is_err() {
            tracing::debug!("the control socket's file was gone");
        }
    }
}

async fn serve_one(stream: UnixStream, world: Arc<World>) -> io::Result<()> {
    let operator = stream.peer_cred().ok().map(|who| operator::Operator { uid: who.uid() });
    let (reader, mut writer) = stream.into_split();
    let mut line = Vec::new();
    BufReader::new(reader.take(LINE_MAX)).read_until(b'\n', &mut line).await?;
    let (frames, mut coming) = tokio::sync::mpsc::channel::<Frame>(64);
    // Commands read disks and wait for syncs: they have a thread of their own.
    let work = tokio::task::spawn_blocking(move || {
        let frame = match serde_json::from_slice::<Command>(&line) {
            Ok(command) => operator::acting(operator, || {
                commands::run(&command, &world, &|frame| frames.blocking_send(frame).is_ok())
            }),
            Err(e) => {
                let said = frames.blocking_send(Frame::Note(format!("this command is not understood: {e}")));
                Frame::End(if said.is_ok() { 2 } else { 1 })
            }
        };
        frames.blocking_send(frame).is_ok()
    });
    while let Some(frame) = coming.recv().await {
        let mut text = serde_json::to_vec(&frame)?;
        text.push(b'\n');
        writer.write_all(&text).await?;
    }
    work.await.map_err(|_| io::Error::other("the command panicked"))?;
    writer.shutdown().await
}

/// A file to import may be large.
const LINE_MAX: u64 = 256 * 1024 * 1024;
