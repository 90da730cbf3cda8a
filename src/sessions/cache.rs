use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quick_cache::sync::Cache;

use super::Session;
use crate::domain::Timestamp;

/// The most sessions in the cache: more than are used within a second at a large company, in some 2 MB at most.
const CAPACITY: usize = 1_024;

/// How long a cached session is used: a page and its pictures, scripts and sockets come within it. An end that another
/// process writes into the file takes effect after it.
const MAX_AGE: Duration = Duration::from_secs(1);

/// A cache of the sessions that were read a moment ago, by the hash of their token, so that a browser that asks for
/// many things at once costs one query.
///
/// No entry outlives a change that this process makes: each begins a new generation, and entries of older ones are
/// ignored. A reader notes the generation before it reads, so that a change in between is not missed.
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

/// The generation in which an entry was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CacheGeneration(u64);

impl SessionCache {
    pub(super) fn new() -> Self {
        Self { sessions: Cache::new(CAPACITY), generation: AtomicU64::new(0) }
    }

    /// The session of a token's hash, if it was read a moment ago and nothing has changed since.
    pub(super) fn get(&self, token_hash: &[u8; 32], now: Timestamp) -> Option<Session> {
        let cached = self.sessions.get(token_hash)?;
        let is_fresh = cached.generation == self.generation() && now >= cached.read_at && now.since(cached.read_at) < MAX_AGE;
        is_fresh.then_some(cached.session)
    }

    /// The current generation: to be noted before a session is read.
    pub(super) fn generation(&self) -> CacheGeneration {
        CacheGeneration(self.generation.load(Ordering::SeqCst))
    }

    /// Adds a session that was read in `generation`.
    pub(super) fn insert(&self, token_hash: [u8; 32], session: Session, read_at: Timestamp, generation: CacheGeneration) {
        self.sessions.insert(token_hash, CachedSession { session, read_at, generation });
    }

    /// Invalidates all entries: to be called after every write that changes or ends a session.
    pub(super) fn invalidate(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }
}
