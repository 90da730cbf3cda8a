use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::{Found, Tokens};
use crate::domain::{EndReason, Fingerprint, Person, Timestamp, TokenId};
use crate::store::StoreError;

/// How often the file is asked whether another process ended a token that is being watched here, as `belvedere token
/// revoke` does: one small question for all of them, and a live connection ends within a second.
const LOOK_FOR_OTHERS_EVERY: Duration = Duration::from_millis(500);

/// A watch looks into the store at least this often, although news is told at once: a laptop's sleep stops timers.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// When the store cannot be read, the watch looks again after this long …
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// … and so many times, about a minute in all. Then nobody can say that the token still holds, and it does not.
const TRIES: u32 = 6;

/// What a live connection hears of the token that opened it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenNews {
    /// It is over, and why.
    Ended(EndReason),
    /// It opens nothing for now: nobody could confirm its person for too long.
    Unconfirmed,
    /// It goes on with its person described anew: another name, other groups.
    Changed(Person),
}

/// A live connection's ear for what becomes of its token. Nothing is missed: whatever is told, the store is asked what
/// it is.
pub struct TokenWatch {
    tokens: Tokens,
    id: TokenId,
    /// Of the person as they were last told.
    known: Fingerprint,
    /// `None` only while it is dropped.
    told: Option<watch::Receiver<()>>,
    /// When to look into the store. Kept here, so that asking again after a cancelled wait costs no query.
    look_at: Timestamp,
    failures: u32,
}

impl TokenWatch {
    pub(super) fn begin(tokens: Tokens, id: TokenId, known: &Person) -> Self {
        // First the ear, then the look: what happens in between is heard, what was before it is seen.
        let told = tokens.watchers().listen(id);
        let look_at = tokens.now();
        Self { tokens, id, known: Fingerprint::of(known), told: Some(told), look_at, failures: 0 }
    }

    /// Resolves when there is news of the token: when it is revoked, here or by another process, when its person changes
    /// or goes stale, and by itself when it expires. May be cancelled and asked again.
    pub async fn news(&mut self) -> TokenNews {
        loop {
            let now = self.tokens.now();
            if now >= self.look_at
                // In a box of its own, since it is there for a moment each minute, and the watch is there all the time.
                && let Some(news) = Box::pin(self.look(now)).await
            {
                return news;
            }
            let nap = self.look_at.since(self.tokens.now());
            tokio::select! {
                () = hear(self.told.as_mut()) => self.look_at = self.tokens.now(),
                () = self.tokens.clock().sleep(nap) => {}
            }
        }
    }

    /// Looks into the store: what is new, or when to look again.
    async fn look(&mut self, now: Timestamp) -> Option<TokenNews> {
        let found = match self.tokens.get(self.id).await {
            Ok(found) => found,
            Err(error) => return self.puzzled(&error, now),
        };
        self.failures = 0;
        self.look_at = now + LOOK_AGAIN;
        match found {
            Found::Ended(reason) => Some(TokenNews::Ended(reason)),
            Found::Nothing => Some(TokenNews::Ended(EndReason::Expired)),
            Found::Stale(_) => Some(TokenNews::Unconfirmed),
            Found::Good(token) => {
                self.look_at = self.look_at.min(token.expires_at).min(token.stale_from);
                let known = std::mem::replace(&mut self.known, Fingerprint::of(&token.person));
                (self.known != known).then_some(TokenNews::Changed(token.person))
            }
        }
    }

    fn puzzled(&mut self, error: &StoreError, now: Timestamp) -> Option<TokenNews> {
        if self.failures < TRIES {
            self.failures += 1;
            self.look_at = now + TRY_AGAIN;
            tracing::warn!(token = %self.id, %error, "a live connection's token cannot be looked up");
            return None;
        }
        tracing::error!(token = %self.id, %error, "a live connection ends: its token cannot be looked up");
        Some(TokenNews::Ended(EndReason::Expired))
    }
}

/// Resolves when something is told. Never when the teller is gone, which the store then shows.
async fn hear(told: Option<&mut watch::Receiver<()>>) {
    if let Some(told) = told
        && told.changed().await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}

impl Drop for TokenWatch {
    fn drop(&mut self) {
        if let Some(told) = self.told.take() {
            self.tokens.watchers().leave(self.id, told);
        }
    }
}

impl Tokens {
    /// Tells live connections what another process wrote into the file, for as long as it is polled.
    pub async fn follow_the_file(&self) {
        loop {
            self.clock().sleep(LOOK_FOR_OTHERS_EVERY).await;
            let watched = self.watchers().all();
            if watched.is_empty() {
                continue;
            }
            match self.ended_among(&watched).await {
                Ok(ended) => ended.into_iter().for_each(|id| self.watchers().tell(id)),
                // Every watch looks for itself within the minute, and knows what to do when it cannot.
                Err(error) => tracing::warn!(%error, "whether tokens have been revoked could not be looked up"),
            }
        }
    }

    async fn ended_among(&self, watched: &[i64]) -> Result<Vec<TokenId>, StoreError> {
        let watched = serde_json::to_string(watched).map_err(|error| self.failed(&error))?;
        let ended: Vec<i64> = sqlx::query_scalar(
            "SELECT id FROM tokens WHERE id IN (SELECT value FROM json_each(?)) AND ended_at IS NOT NULL",
        )
        .bind(watched)
        .fetch_all(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        Ok(ended.into_iter().map(TokenId::new).collect())
    }
}

/// Who listens to which token. An entry lives as long as somebody does, so there are never more than live connections.
#[derive(Default)]
pub(super) struct Registry {
    listening: Mutex<HashMap<TokenId, watch::Sender<()>>>,
}

impl Registry {
    /// Tells everybody who listens that there is something to see in the store.
    pub(super) fn tell(&self, id: TokenId) {
        if let Some(teller) = self.lock().get(&id) {
            teller.send_replace(());
        }
    }

    fn all(&self) -> Vec<i64> {
        self.lock().keys().map(|id| id.as_i64()).collect()
    }

    fn listen(&self, id: TokenId) -> watch::Receiver<()> {
        self.lock().entry(id).or_insert_with(|| watch::Sender::new(())).subscribe()
    }

    /// The ear is dropped under the lock: two that leave together must not each count the other as still there.
    fn leave(&self, id: TokenId, told: watch::Receiver<()>) {
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
    fn lock(&self) -> MutexGuard<'_, HashMap<TokenId, watch::Sender<()>>> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
