//! `sluis witness`: a witness for somebody else's journal, in the foreground.

use super::args::Witness;
use super::{Ended, print};
use crate::boot;
use crate::limits::FloodCounts;
use crate::listen::{Caps, Listener, Transport, shutdown};
use crate::witness::{Book, server};
use serde_json::json;
use sluis_journal::VerifierKey;
use std::sync::Arc;

pub(super) fn run(args: &Witness) -> Ended {
    let mut logs = Vec::new();
    for log in &args.logs {
        let Some((origin, key)) = log.split_once('=') else {
            return Ended::Usage(format!("--log {log}: give ORIGIN=KEY"));
        };
        match VerifierKey::parse(key) {
            Ok(key) => logs.push((origin.to_owned(), key)),
            Err(e) => return Ended::Usage(format!("--log {origin}: {key} is {e} of a log")),
        }
    }
    tracing_subscriber::fmt().json().with_writer(std::io::stderr).init();
    let book = match Book::open(&args.dir, args.name.as_deref(), logs) {
        Ok(book) => Arc::new(book),
        Err(e) => return Ended::Failed(e.to_string()),
    };
    match serve(args, &book) {
        Ok(()) => Ended::Well,
        Err(e) => Ended::Failed(e.to_string()),
    }
}

fn serve(args: &Witness, book: &Arc<Book>) -> Result<(), std::io::Error> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let caps = Caps { connections: 1024, ..Caps::default() };
        let listener = Listener::bind(args.listen, Transport::Plain, caps, FloodCounts::default()).await?;
        let (end, ended) = shutdown();
        let ends = boot::the_end().map_err(std::io::Error::other)?;
        let address = listener.address()?;
        let serving = tokio::spawn(listener.serve(server::router(Arc::clone(book)), ended));
        said(args, book, &format!("http://{address}"));
        ends.await;
        end.send();
        serving.await.map_err(std::io::Error::other)
    })
}

/// Its key and address for the gateway's configuration; what it saw of each log, for whoever runs it.
fn said(args: &Witness, book: &Book, url: &str) {
    let key = book.key().to_string();
    if args.json {
        let logs =
            book.logs().map(|(origin, size, file)| json!({"origin": origin, "size": size, "file": file}));
        print::out(json!({"key": key, "url": url, "logs": logs.collect::<Vec<_>>()}));
        return;
    }
    for (origin, size, file) in book.logs() {
        print::note(format_args!("{origin}: {size} records were seen ({})", file.display()));
    }
    print::out(format_args!("key {key}"));
    print::out(format_args!("url {url}"));
    print::out("ready");
}
