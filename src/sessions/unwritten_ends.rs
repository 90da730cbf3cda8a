use std::sync::{Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;

use super::EndReason;
use crate::domain::SessionId;

/// The most ends that wait to be written: more than people sign out while a disk is full. Beyond it the oldest is forgotten.
const MAX_ENDS: usize = 10_000;

/// The sessions that have ended and whose ends could not be written down, as the disk is full or broken. They are no session's
/// any more, here and now, and are written as soon as that works.
#[derive(Debug, Default)]
pub(super) struct UnwrittenEnds(Mutex<IndexMap<[u8; 32], UnwrittenEnd>>);

/// An end that is not written down.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnwrittenEnd {
    /// The session; `None` where it could not even be looked up.
    pub(super) session: Option<SessionId>,
    pub(super) reason: EndReason,
}

impl UnwrittenEnds {
    /// Adds the end of the session whose token has this hash.
    pub(super) fn insert(&self, token_hash: [u8; 32], end: UnwrittenEnd) {
        let mut ends = self.lock();
        if ends.len() >= MAX_ENDS {
            ends.shift_remove_index(0);
        }
        ends.insert(token_hash, end);
    }

    /// Removes an end that was written down.
    pub(super) fn remove(&self, token_hash: &[u8; 32]) {
        self.lock().shift_remove(token_hash);
    }

    /// Whether the session of this token has ended.
    pub(super) fn contains(&self, token_hash: &[u8; 32]) -> bool {
        self.lock().contains_key(token_hash)
    }

    /// Whether this session has ended.
    pub(super) fn contains_session(&self, id: SessionId) -> bool {
        self.lock().values().any(|end| end.session == Some(id))
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<([u8; 32], UnwrittenEnd)> {
        self.lock().iter().map(|(hash, end)| (*hash, *end)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, IndexMap<[u8; 32], UnwrittenEnd>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
