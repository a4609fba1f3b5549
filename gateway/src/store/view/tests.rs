use super::{Batch, EngineKind, Index, Reflects, View};
use crate::store::seal::Key;

fn one() -> Batch {
    let mut batch = Batch::default();
    batch.set(Index::People, *b"ab", *b"1");
    batch.set(Index::People, *b"ac", *b"2");
    batch.set(Index::Hosted, *b"ab", *b"3");
    batch
}

fn on_each_engine(check: impl Fn(EngineKind)) {
    [EngineKind::Sled, EngineKind::Redb].into_iter().for_each(check);
}

#[test]
fn a_sandbox_keeps_to_redb_where_its_view_lies_there() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(EngineKind::of_sandbox(dir.path()), EngineKind::Sled);
    drop(View::open(EngineKind::Redb, &dir.path().join("view"), &[Key::random().unwrap()]).unwrap());
    assert_eq!(EngineKind::of_sandbox(dir.path()), EngineKind::Redb);
}

#[test]
fn a_view_says_what_it_reflects_and_is_new_without_that() {
    on_each_engine(|kind| {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("view");
        let key = Key::random().unwrap();
        let (view, reflects) = View::open(kind, &folder, std::slice::from_ref(&key)).unwrap();
        assert_eq!(reflects, None);
        view.apply(one(), Reflects { holdings: 2, journal: 3, tags: 4 }).unwrap();
        view.close().unwrap();
        drop(view);
        let (view, reflects) = View::open(kind, &folder, std::slice::from_ref(&key)).unwrap();
        assert_eq!(reflects, Some(Reflects { holdings: 2, journal: 3, tags: 4 }));
        assert_eq!(view.get(Index::People, b"ab").unwrap().unwrap(), b"1");
        assert_eq!(view.scan(Index::People, b"a").unwrap().len(), 2);
        assert_eq!(view.scan(Index::People, b"ac").unwrap(), [(b"ac".to_vec(), b"2".to_vec())]);
        assert_eq!(view.last_key(Index::People).unwrap().unwrap(), b"ac");
        view.renew().unwrap();
        assert!(view.get(Index::People, b"ab").unwrap().is_none());
    });
}

#[test]
fn a_view_left_open_under_another_boot_is_not_trusted() {
    on_each_engine(|kind| {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("view");
        let key = Key::random().unwrap();
        let (view, _) = View::open(kind, &folder, std::slice::from_ref(&key)).unwrap();
        view.apply(one(), Reflects { holdings: 2, journal: 3, tags: 4 }).unwrap();
        view.with(|engine| super::mark(engine, b"some other boot").and_then(|()| engine.flush())).unwrap();
        drop(view);
        let (view, reflects) = View::open(kind, &folder, std::slice::from_ref(&key)).unwrap();
        assert_eq!(reflects, None);
        assert!(view.get(Index::People, b"ab").unwrap().is_none());
    });
}

#[test]
fn a_damaged_view_is_thrown_away_and_begun_anew() {
    on_each_engine(|kind| {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("view");
        let key = Key::random().unwrap();
        std::fs::create_dir_all(folder.join("sled")).unwrap();
        std::fs::write(folder.join("sled/db"), vec![0x5a; 4096]).unwrap();
        std::fs::write(folder.join("view.redb"), vec![0x5a; 4096]).unwrap();
        let (view, reflects) = View::open(kind, &folder, std::slice::from_ref(&key)).unwrap();
        assert_eq!(reflects, None);
        view.apply(one(), Reflects::default()).unwrap();
        assert_eq!(view.get(Index::Hosted, b"ab").unwrap().unwrap(), b"3");
    });
}
