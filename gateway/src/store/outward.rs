//! Ids that leave: stateless, ours, different for every asking organisation (DESIGN.md 5).
//!
//! A synthetic IV (HMAC of the plaintext) both encrypts and authenticates person number and resource tag, so that
//! equal things have equal ids for one organisation, two organisations cannot join on them, and a made-up id opens
//! to nothing. What it must not do: say whether what it names exists or may be seen.

use super::keys::{KeyError, Keys, PersonNo, Use};
use super::seal::{Key, Mac, open_with};
use arc_swap::ArcSwap;
use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use std::sync::Arc;

/// Short tag of holder, type and source id; all zeros for the person itself.
pub type ResourceTag = [u8; 8];

/// What a well-formed id of ours names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Named {
    /// Whose data it is.
    pub person: PersonNo,
    /// Which resource, or [`PERSON`].
    pub tag: ResourceTag,
}

impl std::fmt::Debug for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Named(hidden)")
    }
}

/// The tag of the person itself.
pub const PERSON: ResourceTag = [0; 8];

/// Maker and reader of outward ids.
pub struct OutwardIds(ArcSwap<Held>);

/// The keys as the ring has them.
struct Held {
    /// Of the first key.
    tags: Mac,
    current: (u8, Key),
    /// Oldest first.
    ids: Vec<(u8, Key)>,
    page: Key,
    /// Newest first.
    pages: Vec<Key>,
}

impl std::fmt::Debug for OutwardIds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OutwardIds(hidden)")
    }
}

impl OutwardIds {
    /// Takes the id keys from the ring.
    ///
    /// # Errors
    /// [`KeyError::Missing`].
    pub fn new(ring: &Keys) -> Result<Self, KeyError> {
        Ok(Self(ArcSwap::from_pointee(Held::of(ring)?)))
    }

    /// Takes the keys anew: ids and page links made before still open.
    ///
    /// # Errors
    /// [`KeyError::Missing`]; then the keys stay those they were.
    pub fn renew(&self, ring: &Keys) -> Result<(), KeyError> {
        self.0.store(Arc::new(Held::of(ring)?));
        Ok(())
    }

    /// The tag of a resource: equal for equal holder, type and source id. Kept under the first key of the ring, so
    /// that it survives rotation.
    #[must_use]
    pub fn tag(&self, holder: &str, resource_type: &str, source_id: &str) -> ResourceTag {
        self.0.load().tag(holder, resource_type, source_id)
    }

    /// The id of `named` for one organisation: 53 characters of `[a-z2-7]`.
    #[must_use]
    pub fn seal(&self, organisation: &str, named: Named) -> String {
        self.of(organisation).seal(named)
    }

    /// The maker of many ids for one organisation.
    pub(crate) fn of(&self, organisation: &str) -> IdsOf {
        let held = self.0.load_full();
        let (auth, stream) = organisation_keys(&held.current.1, organisation);
        IdsOf { auth: auth.maker(), stream: stream.maker(), held }
    }

    /// What an id names for this organisation; `None` for anything we did not make for it.
    #[must_use]
    pub fn open(&self, organisation: &str, id: &str) -> Option<Named> {
        if id.len() != ID_LEN || id.bytes().any(|b| b.is_ascii_uppercase()) {
            return None;
        }
        let bytes = BASE32_NOPAD.decode(id.to_ascii_uppercase().as_bytes()).ok()?;
        let (key_id, rest) = bytes.split_first()?;
        let (iv, sealed) = rest.split_first_chunk::<16>()?;
        let sealed: &[u8; 16] = sealed.try_into().ok()?;
        let held = self.0.load();
        let (_, key) = held.ids.iter().find(|(id, _)| id == key_id)?;
        let (auth, stream) = organisation_keys(key, organisation);
        let plain = xor(*sealed, first16(stream.mac(&[iv])));
        let expected = first16(auth.mac(&[&plain]));
        let differs = expected.iter().zip(iv).fold(0_u8, |acc, (a, b)| acc | (a ^ b));
        if differs != 0 {
            return None;
        }
        let (person, tag) = plain.split_first_chunk::<8>()?;
        Some(Named { person: PersonNo(u64::from_be_bytes(*person)), tag: tag.try_into().ok()? })
    }

    /// The id that this one is today for this organisation: itself, unless the keys changed since it was made.
    #[must_use]
    pub fn today(&self, organisation: &str, id: &str) -> String {
        self.open(organisation, id).map_or_else(|| id.to_owned(), |named| self.seal(organisation, named))
    }

    /// Whether text has the form of an id of ours: an ill-formed one is 400, a foreign one 403.
    #[must_use]
    pub fn well_formed(id: &str) -> bool {
        (1..=64).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
    }

    /// A page link's token: sealed for one organisation.
    #[must_use]
    pub fn seal_page(&self, organisation: &str, text: &[u8]) -> Option<String> {
        self.0
            .load()
            .page
            .seal(organisation.as_bytes(), text)
            .ok()
            .map(|sealed| BASE64URL_NOPAD.encode(&sealed))
    }

    /// What a page token says, if it was made for this organisation.
    #[must_use]
    pub fn open_page(&self, organisation: &str, token: &str) -> Option<Vec<u8>> {
        let sealed = BASE64URL_NOPAD.decode(token.as_bytes()).ok()?;
        open_with(&self.0.load().pages, organisation.as_bytes(), &sealed)
    }
}

/// What [`OutwardIds`] makes for one organisation, with the keys as they were when it was asked for.
pub(crate) struct IdsOf {
    held: Arc<Held>,
    auth: Mac,
    stream: Mac,
}

impl IdsOf {
    pub(crate) fn seal(&self, named: Named) -> String {
        let plain = plaintext(named);
        let iv = first16(self.auth.mac(&[&plain]));
        let sealed = xor(plain, first16(self.stream.mac(&[&iv])));
        let bytes = [[self.held.current.0].as_slice(), &iv, &sealed].concat();
        let mut id = BASE32_NOPAD.encode(&bytes);
        id.make_ascii_lowercase();
        id
    }

    pub(crate) fn tag(&self, holder: &str, resource_type: &str, source_id: &str) -> ResourceTag {
        self.held.tag(holder, resource_type, source_id)
    }
}

impl Held {
    fn tag(&self, holder: &str, resource_type: &str, source_id: &str) -> ResourceTag {
        let parts = [&b"tag"[..], holder.as_bytes(), resource_type.as_bytes(), source_id.as_bytes()];
        *self.tags.mac(&parts).first_chunk().unwrap_or(&PERSON)
    }

    fn of(ring: &Keys) -> Result<Self, KeyError> {
        let ids = ring.all(Use::OutwardId);
        let ids = ids.iter().map(|named| Ok((named.id(), named.symmetric()?)));
        let ids: Vec<_> = ids.collect::<Result<_, KeyError>>()?;
        let current = ids.last().cloned().ok_or(KeyError::Missing(Use::OutwardId))?;
        let first = ids.first().ok_or(KeyError::Missing(Use::OutwardId))?;
        let tags = first.1.maker();
        Ok(Self { tags, current, ids, page: ring.symmetric(Use::Page)?, pages: ring.opening(Use::Page)? })
    }
}

/// Base32 of key id, IV and sealed plaintext.
const ID_LEN: usize = 53;

fn plaintext(named: Named) -> [u8; 16] {
    let mut plain = [0; 16];
    for (to, from) in plain.iter_mut().zip(named.person.0.to_be_bytes().iter().chain(&named.tag)) {
        *to = *from;
    }
    plain
}

fn organisation_keys(key: &Key, organisation: &str) -> (Key, Key) {
    (
        key.derive(&format!("outward auth {organisation}")),
        key.derive(&format!("outward stream {organisation}")),
    )
}

fn first16(mac: [u8; 32]) -> [u8; 16] {
    *mac.first_chunk::<16>().unwrap_or(&[0; 16])
}

fn xor(a: [u8; 16], b: [u8; 16]) -> [u8; 16] {
    let mut out = a;
    for (to, from) in out.iter_mut().zip(b) {
        *to ^= from;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Named, OutwardIds, PERSON};
    use crate::store::keys::{Keys, PersonNo, Use};

    fn ring() -> (tempfile::TempDir, Keys) {
        let dir = tempfile::tempdir().unwrap();
        let ring = Keys::open(dir.path(), &crate::store::seal::Key::random().unwrap()).unwrap();
        (dir, ring)
    }

    fn ids() -> (tempfile::TempDir, OutwardIds) {
        let (dir, ring) = ring();
        (dir, OutwardIds::new(&ring).unwrap())
    }

    #[test]
    fn ids_and_page_links_of_before_a_rotation_open_and_new_ones_are_others() {
        let (_dir, ring) = ring();
        let ids = OutwardIds::new(&ring).unwrap();
        let named = Named { person: PersonNo(3), tag: ids.tag("linde", "Condition", "c1") };
        let (id, page) = (ids.seal("triage", named), ids.seal_page("triage", b"where").unwrap());
        for which in [Use::OutwardId, Use::Page] {
            ring.adopt(ring.fresh(which).unwrap()).unwrap();
        }
        ids.renew(&ring).unwrap();
        let today = ids.seal("triage", named);
        assert_ne!(today, id);
        assert_eq!(ids.today("triage", &id), today);
        assert_eq!(ids.today("social", &id), id, "another's id is nobody's");
        assert_eq!((ids.open("triage", &id), ids.open("triage", &today)), (Some(named), Some(named)));
        assert_eq!(ids.tag("linde", "Condition", "c1"), named.tag);
        assert_eq!(ids.open_page("triage", &page).unwrap(), b"where");
        let lone =
            Keys::open(&_dir.path().join("other"), &crate::store::seal::Key::random().unwrap()).unwrap();
        assert!(OutwardIds::new(&lone).unwrap().open_page("triage", &page).is_none());
    }

    #[test]
    fn an_id_opens_only_for_the_organisation_it_was_made_for() {
        let (_dir, ids) = ids();
        let named = Named { person: PersonNo(3), tag: ids.tag("linde", "Condition", "c1") };
        let mine = ids.seal("triage", named);
        assert_eq!(mine, ids.seal("triage", named));
        assert!(OutwardIds::well_formed(&mine) && mine.len() <= 64);
        assert_eq!(ids.open("triage", &mine), Some(named));
        assert_eq!(ids.open("social", &mine), None);
        assert_ne!(mine, ids.seal("social", named));
    }

    #[test]
    fn a_bent_or_made_up_id_opens_to_nothing() {
        let (_dir, ids) = ids();
        let id = ids.seal("triage", Named { person: PersonNo(3), tag: PERSON });
        for at in 0..id.len() {
            let mut bent = id.clone().into_bytes();
            bent[at] = if bent[at] == b'a' { b'b' } else { b'a' };
            // The last character carries one padding bit, so that another spelling must not be another name either.
            assert_eq!(ids.open("triage", std::str::from_utf8(&bent).unwrap()), None, "{at}");
        }
        assert_eq!(ids.open("triage", &id.to_ascii_uppercase()), None);
        assert_eq!(ids.open("triage", ""), None);
        assert_eq!(ids.open("triage", &"a".repeat(53)), None);
    }

    #[test]
    fn a_page_token_is_bound_to_its_organisation() {
        let (_dir, ids) = ids();
        let token = ids.seal_page("triage", b"where").unwrap();
        assert_eq!(ids.open_page("triage", &token).unwrap(), b"where");
        assert!(ids.open_page("social", &token).is_none());
    }
}
