use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::store::Standing;
use super::{EndReason, Sessions};
use crate::domain::{SessionId, Timestamp};

/// A watch looks into the store at least this often, although ends are told at once: a laptop's sleep stops timers,
/// and another process may have ended the session in the file.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// When the store cannot be read, the watch looks again after this long …
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// … and so many times, about a minute in all. Then nobody can say that the session still holds, and it does not.
const TRIES: u32 = 6;

/// A live connection's ear for the end of its session.
///
/// No end is missed: an end that came before the watch is found in the store, one that comes later is told. Keeping
/// the watch is not activity: a page that only listens ends with its session's idle time.
pub struct SessionWatch {
    sessions: Sessions,
    id: SessionId,
    /// `None` only while it is dropped.
    told: Option<watch::Receiver<Option<EndReason>>>,
    /// When to look into the store. Kept here, so that asking again after a cancelled wait costs no query.
    look_at: Timestamp,
    failures: u32,
}

impl SessionWatch {
    pub(super) fn begin(sessions: Sessions, id: SessionId) -> Self {
        // First the ear, then the look: an end in between is heard, one before it is seen.
        let told = Some(sessions.watchers().listen(id));
        let look_at = sessions.clock().now();
        Self { sessions, id, told, look_at, failures: 0 }
    }

    /// Resolves when the session is over, and says why: at once when somebody ends it (or has), by itself at its
    /// idle and at its absolute end. May be cancelled and asked again.
    pub async fn ended(&mut self) -> EndReason {
        loop {
            if self.sessions.clock().now() >= self.look_at
                && let Some(reason) = self.look().await
            {
                return reason;
            }
            let nap = self.look_at.since(self.sessions.clock().now());
            tokio::select! {
                Some(reason) = hear(self.told.as_mut()) => return reason,
                () = self.sessions.clock().sleep(nap) => {}
            }
        }
    }

    /// Looks into the store: why the session is over, or when to look again.
    async fn look(&mut self) -> Option<EndReason> {
        let standing = self.sessions.standing(self.id).await;
        let now = self.sessions.clock().now();
        match standing {
            Ok(Standing::Ended(reason)) => return Some(reason),
            Ok(Standing::Until(end)) => {
                self.failures = 0;
                self.look_at = end.min(now + LOOK_AGAIN);
            }
            Err(error) if self.failures < TRIES => {
                self.failures += 1;
                self.look_at = now + TRY_AGAIN;
                tracing::warn!(session = %self.id, %error, "a live connection's session cannot be looked up");
            }
            Err(error) => {
                tracing::error!(session = %self.id, %error, "a live connection ends: its session cannot be looked up");
                return Some(EndReason::Expired);
            }
        }
        None
    }
}

/// The reason, once it is told. Never anything when the teller is gone without a word, which the store then shows.
async fn hear(told: Option<&mut watch::Receiver<Option<EndReason>>>) -> Option<EndReason> {
    let reason = told?.wait_for(Option::is_some).await.ok()?;
    *reason
}

impl Drop for SessionWatch {
    fn drop(&mut self) {
        if let Some(told) = self.told.take() {
            self.sessions.watchers().leave(self.id, told);
        }
    }
}

/// Who listens for the end of which session. An entry lives as long as somebody does, so there are never more than
/// live connections.
#[derive(Default)]
pub(super) struct Registry {
    listening: Mutex<HashMap<SessionId, watch::Sender<Option<EndReason>>>>,
}

impl Registry {
    /// Tells everybody who listens, and forgets them.
    pub(super) fn tell(&self, id: SessionId, reason: EndReason) {
        if let Some(teller) = self.lock().remove(&id) {
            teller.send_replace(Some(reason));
        }
    }

    fn listen(&self, id: SessionId) -> watch::Receiver<Option<EndReason>> {
        self.lock().entry(id).or_insert_with(|| watch::Sender::new(None)).subscribe()
    }

    /// The ear is dropped under the lock: two that leave together must not each count the other as still there.
    fn leave(&self, id: SessionId, told: watch::Receiver<Option<EndReason>>) {
        let mut listening = self.lock();
        drop(told);
        if let Entry::Occupied(entry) = listening.entry(id)
            && entry.get().receiver_count() == 0
        {
            entry.remove();
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// A panic elsewhere leaves the map whole: every change to it is one call.
    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, watch::Sender<Option<EndReason>>>> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
