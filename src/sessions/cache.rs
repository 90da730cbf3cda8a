use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use quick_cache::sync::Cache;

use super::Session;
use crate::domain::{SessionId, Timestamp};
use crate::store::RowNews;

/// The most sessions in the cache: about as many as watch boards at one server, in some 16 MB at most.
const CAPACITY: usize = 8_192;

/// How long a cached session is used: a page and its pictures, scripts and sockets come within it. A change of which no news
/// came takes effect after it.
const MAX_AGE: Duration = Duration::from_secs(1);

/// The most changed sessions that are remembered one by one; with one more, all entries from before are invalid instead.
pub(super) const MAX_CHANGES: usize = 4_096;

/// A cache of the sessions that were read a moment ago, by the hash of their token, so that a browser that asks for
/// many things at once costs one query.
///
/// No entry outlives the news of its session: each begins a new generation, and an entry that was read in an earlier one is
/// ignored. A reader notes the generation before it reads, so that a change in between is not missed.
pub(super) struct SessionCache {
    sessions: Cache<[u8; 32], CachedSession>,
    changes: RwLock<SessionChanges>,
}

#[derive(Clone)]
struct CachedSession {
    session: Session,
    read_at: Timestamp,
    generation: CacheGeneration,
}

/// The generation in which an entry was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CacheGeneration(u64);

/// The generations that the news began.
#[derive(Default)]
struct SessionChanges {
    current: CacheGeneration,
    /// The last of each session that has changed, since `of_all`.
    of_session: HashMap<SessionId, CacheGeneration>,
    /// The last in which any session may have changed.
    of_all: CacheGeneration,
    /// The last in which news may have been missed.
    missed: CacheGeneration,
}

impl SessionCache {
    pub(super) fn new() -> Self {
        Self { sessions: Cache::new(CAPACITY), changes: RwLock::default() }
    }

    /// The session of a token's hash, if it was read a moment ago and has not changed since.
    pub(super) fn get(&self, token_hash: &[u8; 32], now: Timestamp) -> Option<Session> {
        let cached = self.sessions.get(token_hash)?;
        let is_fresh = now >= cached.read_at && now.since(cached.read_at) < MAX_AGE;
        let changes = self.changes();
        let last_change = changes.of(cached.session.id).max(changes.missed);
        (is_fresh && cached.generation >= last_change).then_some(cached.session)
    }

    /// The session of a token's hash as it was last read, however long ago, and when: for while the store cannot be asked. One
    /// that is known to have changed or ended since is not.
    pub(super) fn last_known(&self, token_hash: &[u8; 32]) -> Option<(Session, Timestamp)> {
        let cached = self.sessions.get(token_hash)?;
        (cached.generation >= self.changes().of(cached.session.id)).then_some((cached.session, cached.read_at))
    }

    /// The current generation: to be noted before a session is read.
    pub(super) fn generation(&self) -> CacheGeneration {
        self.changes().current
    }

    /// Adds a session that was read in `generation`.
    pub(super) fn insert(&self, token_hash: [u8; 32], session: Session, read_at: Timestamp, generation: CacheGeneration) {
        self.sessions.insert(token_hash, CachedSession { session, read_at, generation });
    }

    /// Invalidates the entries that the news is about.
    pub(super) fn hear(&self, news: RowNews<SessionId>) {
        let mut changes = self.changes.write().unwrap_or_else(PoisonError::into_inner);
        changes.current.0 += 1;
        let current = changes.current;
        match news {
            RowNews::Ended(session, _) | RowNews::Changed(session) if changes.of_session.len() < MAX_CHANGES => {
                changes.of_session.insert(session, current);
            }
            RowNews::Missed => changes.missed = current,
            RowNews::Ended(..) | RowNews::Changed(_) => {
                changes.of_session.clear();
                changes.of_all = current;
            }
        }
    }

    fn changes(&self) -> RwLockReadGuard<'_, SessionChanges> {
        self.changes.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionChanges {
    /// The last generation in which news said that a session has changed.
    fn of(&self, session: SessionId) -> CacheGeneration {
        self.of_session.get(&session).copied().unwrap_or_default().max(self.of_all)
    }
}
