use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quick_cache::sync::Cache;

use super::Session;
use crate::domain::Timestamp;

/// How many sessions are remembered: more than are used within a second at a large company, in some 2 MB at most.
const CAPACITY: usize = 1_024;

/// What was read is believed for so long: a page and its pictures, scripts and sockets come within it. Another process
/// that ends a session in the file is heard after it.
const MAX_AGE: Duration = Duration::from_secs(1);

/// The sessions that were read a moment ago, by the hash of their token, so that a browser that asks for many things at
/// once costs one query.
///
/// Nothing outlives a change that this process makes: each turns over a leaf, and what stands on an older one does not
/// count. Whoever reads a session notes the leaf before, so that a change in between is not missed.
pub(super) struct SessionCache {
    sessions: Cache<[u8; 32], CachedSession>,
    generation: AtomicU64,
}

#[derive(Clone)]
struct CachedSession {
    session: Session,
    read_at: Timestamp,
    generation: CacheGeneration,
}

/// On which leaf something was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CacheGeneration(u64);

impl SessionCache {
    pub(super) fn new() -> Self {
        Self { sessions: Cache::new(CAPACITY), generation: AtomicU64::new(0) }
    }

    /// The session of this token, if it was read a moment ago and nothing has changed since.
    pub(super) fn get(&self, token: &[u8; 32], now: Timestamp) -> Option<Session> {
        let kept = self.sessions.get(token)?;
        let is_fresh = kept.generation == self.leaf() && now >= kept.read_at && now.since(kept.read_at) < MAX_AGE;
        is_fresh.then_some(kept.session)
    }

    /// The leaf of now: to be noted before a session is read.
    pub(super) fn leaf(&self) -> CacheGeneration {
        CacheGeneration(self.generation.load(Ordering::SeqCst))
    }

    /// Keeps what was read, as of `leaf`.
    pub(super) fn insert(&self, token: [u8; 32], session: Session, read_at: Timestamp, generation: CacheGeneration) {
        self.sessions.insert(token, CachedSession { session, read_at, generation });
    }

    /// Some session is another now, or none: to be called when that is written.
    pub(super) fn invalidate(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }
}
