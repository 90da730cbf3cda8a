use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::store::Standing;
use super::{EndReason, Sessions};
use crate::domain::{Fingerprint, Person, SessionId, Timestamp};

/// A watch looks into the store at least this often, although news is told at once: a laptop's sleep stops timers,
/// and another process may have ended the session in the file.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// When the store cannot be read, the watch looks again after this long …
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// … and so many times, about a minute in all. Then nobody can say that the session still holds, and it does not.
const TRIES: u32 = 6;

/// What a live connection hears of its session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionNews {
    /// It is over, and why.
    Ended(EndReason),
    /// It opens nothing for now: the directory could not confirm it for too long.
    Unconfirmed,
    /// It goes on with its person described anew: another name, other groups.
    Changed(Person),
}

/// A live connection's ear for what becomes of its session.
///
/// Nothing is missed: what came before the watch is found in the store, what comes later is told. Keeping
/// the watch is not activity: a page that only listens ends with its session's idle time.
pub struct SessionWatch {
    sessions: Sessions,
    id: SessionId,
    /// Of the person as they were last told, and as the row has them.
    known: Fingerprint,
    written: Fingerprint,
    /// `None` only while it is dropped.
    told: Option<watch::Receiver<Told>>,
    /// Up to which change it has listened.
    heard: u64,
    /// When to look into the store. Kept here, so that asking again after a cancelled wait costs no query.
    look_at: Timestamp,
    failures: u32,
}

/// What is told of a session.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    ended: Option<EndReason>,
    /// Counts how often its row changed: whoever hears of it looks there.
    changes: u64,
}

impl SessionWatch {
    pub(super) fn begin(sessions: Sessions, id: SessionId, known: &Person) -> Self {
        // First the ear, then the look: what happens in between is heard, what was before it is seen.
        let told = sessions.watchers().listen(id);
        let heard = told.borrow().changes;
        let look_at = sessions.clock().now();
        // Rows are written so too. One that was not is read, and compared by what it says.
        let known = Fingerprint::of(known);
        Self { sessions, id, known, written: known, told: Some(told), heard, look_at, failures: 0 }
    }

    /// Resolves when there is news of the session: at once when somebody ends it (or has) or its person changes, by
    /// itself at its idle and at its absolute end, and when it goes stale. May be cancelled and asked again.
    pub async fn news(&mut self) -> SessionNews {
        loop {
            if self.sessions.clock().now() >= self.look_at
                // In a box of its own, since it is there for a moment each minute, and the watch is there all the time.
                && let Some(news) = Box::pin(self.look()).await
            {
                return news;
            }
            let nap = self.look_at.since(self.sessions.clock().now());
            tokio::select! {
                Some(told) = hear(self.told.as_mut(), self.heard) => match told {
                    Told { ended: Some(reason), .. } => return SessionNews::Ended(reason),
                    Told { ended: None, changes } => {
                        self.heard = changes;
                        self.look_at = self.sessions.clock().now();
                    }
                },
                () = self.sessions.clock().sleep(nap) => {}
            }
        }
    }

    /// Looks into the store: what is new, or when to look again.
    async fn look(&mut self) -> Option<SessionNews> {
        let standing = match self.sessions.standing(self.id).await {
            Ok(standing) => self.read(standing),
            Err(error) => Err(error.to_string()),
        };
        let now = self.sessions.clock().now();
        match standing {
            Ok(Seen::News(news)) => {
                self.failures = 0;
                // Whoever goes on after a change asks at once until when that holds.
                self.look_at = if matches!(news, SessionNews::Changed(_)) { now } else { now + LOOK_AGAIN };
                return Some(news);
            }
            Ok(Seen::Until(end)) => {
                self.failures = 0;
                self.look_at = end.min(now + LOOK_AGAIN);
            }
            Err(error) if self.failures < TRIES => {
                self.failures += 1;
                self.look_at = now + TRY_AGAIN;
                tracing::warn!(session = %self.id, error, "a live connection's session cannot be looked up");
            }
            Err(error) => {
                tracing::error!(session = %self.id, error, "a live connection ends: its session cannot be looked up");
                return Some(SessionNews::Ended(EndReason::Expired));
            }
        }
        None
    }

    /// What a look into the store means to whoever listens.
    fn read(&mut self, standing: Standing) -> Result<Seen, String> {
        let (until, person) = match standing {
            Standing::Ended(reason) => return Ok(Seen::News(SessionNews::Ended(reason))),
            Standing::Lives { until: None, .. } => return Ok(Seen::News(SessionNews::Unconfirmed)),
            Standing::Lives { until: Some(until), person } => (until, person),
        };
        let written = Fingerprint::of_bytes(&person);
        if written != self.written {
            let read: Person =
                serde_json::from_slice(&person).map_err(|error| format!("its person cannot be read: {error}"))?;
            self.written = written;
            let known = std::mem::replace(&mut self.known, Fingerprint::of(&read));
            if self.known != known {
                return Ok(Seen::News(SessionNews::Changed(read)));
            }
        }
        Ok(Seen::Until(until))
    }
}

/// What a look into the store showed.
enum Seen {
    News(SessionNews),
    /// Nothing new; it is good until then.
    Until(Timestamp),
}

/// What is told after the change `heard`. Never anything when the teller is gone without a word, which the store then
/// shows.
async fn hear(told: Option<&mut watch::Receiver<Told>>, heard: u64) -> Option<Told> {
    let news = told?.wait_for(|told| told.ended.is_some() || told.changes != heard).await.ok()?;
    Some(*news)
}

impl Drop for SessionWatch {
    fn drop(&mut self) {
        if let Some(told) = self.told.take() {
            self.sessions.watchers().leave(self.id, told);
        }
    }
}

/// Who listens to which session. An entry lives as long as somebody does, so there are never more than
/// live connections.
#[derive(Default)]
pub(super) struct Registry {
    listening: Mutex<HashMap<SessionId, watch::Sender<Told>>>,
}

impl Registry {
    /// Tells everybody who listens that the session is over, and forgets them.
    pub(super) fn tell(&self, id: SessionId, reason: EndReason) {
        if let Some(teller) = self.lock().remove(&id) {
            teller.send_modify(|told| told.ended = Some(reason));
        }
    }

    /// Tells everybody who listens that the session's row is another now.
    pub(super) fn tell_of_change(&self, id: SessionId) {
        if let Some(teller) = self.lock().get(&id) {
            teller.send_modify(|told| told.changes += 1);
        }
    }

    /// How many listen to this session.
    pub(super) fn listeners(&self, id: SessionId) -> usize {
        self.lock().get(&id).map_or(0, watch::Sender::receiver_count)
    }

    fn listen(&self, id: SessionId) -> watch::Receiver<Told> {
        self.lock().entry(id).or_insert_with(|| watch::Sender::new(Told::default())).subscribe()
    }

    /// The ear is dropped under the lock: two that leave together must not each count the other as still there.
    fn leave(&self, id: SessionId, told: watch::Receiver<Told>) {
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
    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, watch::Sender<Told>>> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
