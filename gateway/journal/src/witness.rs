//! The judgement of C2SP tlog-witness: what a log hands in, and whether a witness may cosign it. Pure: the caller keeps
//! what was seen last, durably and before it answers, and carries requests and answers.

use crate::cosign::Cosigner;
use crate::note::{Checkpoint, SignedNote, VerifierKey};
use crate::tree::{Hash, empty_root, is_consistent};
use data_encoding::BASE64;
use std::fmt;

/// The body of `add-checkpoint`, read and not yet judged.
pub struct Submission<'a> {
    old: u64,
    proof: Vec<Hash>,
    note: &'a str,
    signed: SignedNote<'a>,
    head: Checkpoint,
}

/// The head that a witness saw last of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Number of leaves.
    pub size: u64,
    /// Root hash.
    pub root: Hash,
}

impl Seen {
    /// Of a log never seen: nothing.
    pub const NOTHING: Self = Self { size: 0, root: Hash([0; 32]) };

    fn root(self) -> Hash {
        if self.size == 0 { empty_root() } else { self.root }
    }
}

/// Why a witness does not cosign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Not the form of a submission, or its old size is beyond its checkpoint.
    Malformed,
    /// Nobody asked this witness to watch that log.
    UnknownLog,
    /// No key of the log signed it, or one did falsely.
    Unsigned,
    /// What was seen last is of this size, and not what the submission says it is.
    Conflict(u64),
    /// The proof does not show that this tree continues the one seen last.
    Inconsistent,
}

impl Refusal {
    /// The status of the answer.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::UnknownLog => 404,
            Self::Unsigned => 403,
            Self::Conflict(_) => 409,
            Self::Inconsistent => 422,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("not a submission of a checkpoint"),
            Self::UnknownLog => f.write_str("this log is not watched here"),
            Self::Unsigned => f.write_str("not signed by the log's key"),
            Self::Conflict(size) => write!(f, "the checkpoint seen last has {size} leaves, or another root"),
            Self::Inconsistent => {
                f.write_str("the proof does not lead from the checkpoint seen last to this one")
            }
        }
    }
}

impl std::error::Error for Refusal {}

/// Writes the body of `add-checkpoint`.
#[must_use]
pub fn body(old: u64, proof: &[Hash], note: &str) -> String {
    let mut body = format!("old {old}\n");
    for hash in proof {
        body.push_str(&BASE64.encode(&hash.0));
        body.push('\n');
    }
    body + "\n" + note
}

impl<'a> Submission<'a> {
    /// Reads the body of `add-checkpoint`.
    ///
    /// # Errors
    /// [`Refusal::Malformed`].
    pub fn read(body: &'a str) -> Result<Self, Refusal> {
        Self::split(body).ok_or(Refusal::Malformed)
    }

    fn split(body: &'a str) -> Option<Self> {
        let (first, mut rest) = body.split_once('\n')?;
        let written = first.strip_prefix("old ")?;
        let old: u64 = written.parse().ok().filter(|old: &u64| old.to_string() == written)?;
        let mut proof = Vec::new();
        loop {
            let (line, behind) = rest.split_once('\n')?;
            rest = behind;
            if line.is_empty() {
                break;
            }
            if proof.len() == PROOF_MAX {
                return None;
            }
            proof.push(Hash(BASE64.decode(line.as_bytes()).ok()?.try_into().ok()?));
        }
        let signed = SignedNote::parse(rest).ok()?;
        let head = Checkpoint::read(signed.text()).ok()?;
        Some(Self { old, proof, note: rest, signed, head })
    }

    /// Whose log it is about.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.head.origin
    }

    /// The head that is to be cosigned.
    #[must_use]
    pub fn seen(&self) -> Seen {
        Seen { size: self.head.size, root: self.head.root }
    }

    /// The note that is to be cosigned.
    #[must_use]
    pub fn note(&self) -> &'a str {
        self.note
    }

    /// Whether the log signed it: at least one of its keys, none of them falsely. Who only claims to be the log learns
    /// nothing about what was seen.
    ///
    /// # Errors
    /// [`Refusal::Unsigned`].
    pub fn is_signed_by(&self, keys: &[VerifierKey]) -> Result<(), Refusal> {
        self.signed.known(keys).map(|_| ()).map_err(|_| Refusal::Unsigned)
    }

    /// Whether this tree is the one seen last, or continues it.
    ///
    /// # Errors
    /// [`Refusal`], in the order in which the specification names them.
    pub fn continues(&self, last: Seen) -> Result<(), Refusal> {
        if self.old > self.head.size {
            return Err(Refusal::Malformed);
        }
        if self.old != last.size || (self.old == self.head.size && self.head.root != last.root()) {
            return Err(Refusal::Conflict(last.size));
        }
        let consistent = is_consistent(self.old, &last.root(), self.head.size, &self.head.root, &self.proof);
        consistent.then_some(()).ok_or(Refusal::Inconsistent)
    }

    /// What a witness keeps of it: the text, one signature of each of the log's keys that signed it, and the cosignature.
    /// Whatever else stood under it does not grow the file.
    #[must_use]
    pub fn kept(&self, keys: &[VerifierKey], cosignature: &str) -> String {
        let mut kept = format!("{}\n", self.signed.text());
        for line in keys.iter().filter_map(|key| self.signed.line_of(key)) {
            kept.push_str(&line);
            kept.push('\n');
        }
        kept + cosignature
    }

    /// The cosignature line. INVARIANT: only for what [`Self::is_signed_by`] and [`Self::continues`] let through, and
    /// handed out only when what was seen is durable.
    #[must_use]
    pub fn cosign(&self, cosigner: &Cosigner, time: u64) -> String {
        cosigner.cosign(self.signed.text(), time)
    }
}

impl fmt::Debug for Submission<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Submission").field("old", &self.old).field("head", &self.head).finish_non_exhaustive()
    }
}

/// A tree has fewer levels than its size has bits (c2sp.org/tlog-witness).
const PROOF_MAX: usize = 63;
