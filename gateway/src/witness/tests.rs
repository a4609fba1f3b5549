//! A witness over its own routes: each status with its media type, what it keeps over a restart, and that two at once
//! never take it back.

use super::book::{Book, BookError, NoCosignature};
use super::server;
use axum::body::Body;
use http::Request;
use http_body_util::BodyExt;
use sluis_journal::witness::{Refusal, body};
use sluis_journal::{Cosigned, Entry, Log, LogSettings, Opened, Signer};
use std::fs;
use std::path::Path;
use std::sync::{Arc, Barrier};
use tempfile::TempDir;
use tower::ServiceExt;

const ORIGIN: &str = "sluis.example/test";

fn signer(seed: u8) -> Signer {
    Signer::from_seed(ORIGIN, &[seed; 32]).unwrap()
}

/// A journal of so many records; `salt` makes another history.
fn grown(folder: &Path, salt: &str, size: usize) -> Log {
    let settings = LogSettings {
        journal: folder.join(salt).join("journal"),
        holdings: folder.join(salt).join("holdings"),
        signers: vec![signer(7)],
    };
    let Opened::Whole(log) = Log::open(settings).unwrap() else { panic!("torn") };
    grow(&log, salt, size);
    log
}

fn grow(log: &Log, salt: &str, to: usize) {
    for n in usize::try_from(log.records().len()).unwrap()..to {
        log.append_blocking(Entry::of(vec![format!("{salt} {n}").into_bytes()])).unwrap();
    }
}

fn shown(log: &Log, old: u64) -> String {
    let (proof, note) = log.consistency(old).unwrap();
    body(old, &proof, &note)
}

fn book(folder: &Path) -> Book {
    let logs = vec![(ORIGIN.to_owned(), signer(7).verifier().clone())];
    Book::open(&folder.join("w"), Some("witness.example/w1"), logs).unwrap()
}

fn setting() -> (TempDir, Book) {
    let folder = tempfile::tempdir().unwrap();
    let book = book(folder.path());
    (folder, book)
}

#[test]
fn what_was_cosigned_stands_after_a_restart_and_is_never_taken_back() {
    let (folder, first) = setting();
    let log = grown(folder.path(), "a", 5);
    let line = first.add(&shown(&log, 0), 1000).unwrap();
    let cosigned = Cosigned::open(&(log.checkpoint() + &line), first.key()).unwrap();
    assert_eq!((cosigned.checkpoint.size, cosigned.time), (5, 1000));
    let key = first.key().clone();
    drop(first);
    let again = book(folder.path());
    assert_eq!(*again.key(), key, "one key for ever");
    assert_eq!(again.logs().map(|(_, size, _)| size).collect::<Vec<_>>(), [5]);
    // The same once more is seen at a later moment; what it saw already is no news.
    let line = again.add(&shown(&log, 5), 2000).unwrap();
    assert_eq!(Cosigned::open(&(log.checkpoint() + &line), &key).unwrap().time, 2000);
    assert_eq!(again.add(&shown(&log, 0), 2000), Err(Refusal::Conflict(5).into()));
    // Another history of the same name and key: shorter, as long, and longer.
    let fork = grown(folder.path(), "b", 3);
    assert_eq!(again.add(&shown(&fork, 3), 2000), Err(Refusal::Conflict(5).into()));
    grow(&fork, "b", 5);
    assert_eq!(again.add(&shown(&fork, 5), 2000), Err(Refusal::Conflict(5).into()));
    grow(&fork, "b", 9);
    assert_eq!(again.add(&shown(&fork, 5), 2000), Err(Refusal::Inconsistent.into()));
    grow(&log, "a", 300);
    again.add(&shown(&log, 5), 2000).unwrap();
}

#[test]
fn a_book_that_does_not_hold_is_not_opened() {
    let (folder, first) = setting();
    let log = grown(folder.path(), "a", 5);
    first.add(&shown(&log, 0), 1000).unwrap();
    let file = first.logs().map(|(_, _, file)| file.to_owned()).next().unwrap();
    let open = || {
        let logs = vec![(ORIGIN.to_owned(), signer(7).verifier().clone())];
        Book::open(&folder.path().join("w"), None, logs).map(drop)
    };
    assert!(matches!(open(), Err(BookError::InUse(_))));
    drop(first);
    let kept = fs::read_to_string(&file).unwrap();
    for bent in [kept.replace("\n5\n", "\n4\n"), String::new(), log.checkpoint()] {
        fs::write(&file, &bent).unwrap();
        assert!(matches!(open(), Err(BookError::Log(_))), "{bent}");
    }
    fs::write(&file, &kept).unwrap();
    open().unwrap();
    let named = Book::open(&folder.path().join("w"), Some("witness.example/w2"), Vec::new()).map(drop);
    assert!(matches!(named, Err(BookError::Name(name)) if name == "witness.example/w1"));
    let key = folder.path().join("w/key");
    let secret = fs::read_to_string(&key).unwrap();
    fs::write(&key, secret.replace("w1+", "w9+")).unwrap();
    assert!(matches!(open(), Err(BookError::Key(_))));
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    assert!(matches!(open(), Err(BookError::Secret(_))));
}

#[test]
fn what_the_disk_does_not_take_is_not_cosigned() {
    let (folder, book) = setting();
    let log = grown(folder.path(), "a", 5);
    book.add(&shown(&log, 0), 1000).unwrap();
    grow(&log, "a", 6);
    // A folder stands where the new file would be written.
    let file = book.logs().map(|(_, _, file)| file.with_extension("new")).next().unwrap();
    fs::create_dir(&file).unwrap();
    assert_eq!(book.add(&shown(&log, 5), 1000), Err(NoCosignature::Disk));
    fs::remove_dir(&file).unwrap();
    // What stands on the disk is not known any more: not even what was seen before is cosigned.
    assert_eq!(book.add(&shown(&log, 5), 1000), Err(NoCosignature::Disk));
    drop(book);
    let again = self::book(folder.path());
    again.add(&shown(&log, 5), 1000).unwrap();
}

#[test]
fn of_two_histories_at_once_one_is_cosigned() {
    for round in 0..20 {
        let (folder, book) = setting();
        let (a, b) = (grown(folder.path(), "a", 4), grown(folder.path(), "b", 5));
        let bodies = [shown(&a, 0), shown(&b, 0)];
        let start = Barrier::new(2);
        let answers: Vec<_> = std::thread::scope(|scope| {
            let tries = bodies.iter().map(|body| {
                let (book, start) = (&book, &start);
                scope.spawn(move || {
                    start.wait();
                    book.add(body, 1000)
                })
            });
            let tries: Vec<_> = tries.collect();
            tries.into_iter().map(|handle| handle.join().unwrap()).collect()
        });
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "round {round}: {answers:?}");
        let size = if answers[0].is_ok() { 4 } else { 5 };
        assert!(answers.contains(&Err(Refusal::Conflict(size).into())), "round {round}: {answers:?}");
    }
}

#[tokio::test]
async fn every_answer_has_its_status_and_media_type() {
    let (folder, book) = setting();
    let (log, fork) = (grown(folder.path(), "a", 5), grown(folder.path(), "b", 9));
    let book = Arc::new(book);
    let ask = |method: &'static str, path: &'static str, body: String| {
        let routes = server::router(Arc::clone(&book));
        async move {
            let request = Request::builder().method(method).uri(path).body(Body::from(body)).unwrap();
            let (head, body) = routes.oneshot(request).await.unwrap().into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let media = head.headers.get("content-type").map(|m| m.to_str().unwrap().to_owned());
            (head.status.as_u16(), media.unwrap_or_default(), String::from_utf8(body.to_vec()).unwrap())
        }
    };
    let (status, _, line) = ask("POST", "/add-checkpoint", shown(&log, 0)).await;
    assert_eq!(status, 200, "{line}");
    assert!(line.starts_with("\u{2014} witness.example/w1 ") && line.ends_with('\n'), "{line}");
    let (status, media, size) = ask("POST", "/add-checkpoint", shown(&log, 0)).await;
    assert_eq!((status, media.as_str(), size.as_str()), (409, "text/x.tlog.size", "5\n"));
    let elsewhere = shown(&log, 5).replace(ORIGIN, "sluis.example/elsewhere");
    for (status, body) in [
        (400, "old".to_owned()),
        (400, body(9, &[], &log.checkpoint())),
        (400, "x".repeat(65 * 1024)),
        (403, shown(&log, 5).replace("\n5\n", "\n6\n")),
        (404, elsewhere),
        (422, shown(&fork, 5)),
    ] {
        let (found, media, words) = ask("POST", "/add-checkpoint", body).await;
        assert_eq!(found, status, "{words}");
        assert_ne!(media, "text/x.tlog.size");
    }
    assert_eq!(ask("GET", "/add-checkpoint", String::new()).await.0, 405);
    assert_eq!(ask("POST", "/", String::new()).await.0, 404);
    // Whoever names the log without its key learns nothing of what was seen.
    let thief = shown(&log, 0).replace("\u{2014} sluis.example/test ", "\u{2014} sluis.example/tess ");
    assert_eq!(ask("POST", "/add-checkpoint", thief).await.0, 403);
}
