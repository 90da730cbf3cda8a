use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::domain::{Clock, SessionId, Timestamp};
use crate::factors::RecoveryCode;
use crate::tokens::{ApiToken, Token};

/// How long a secret waits for the page that shows it, which the browser loads at once.
const LIFETIME: Duration = Duration::from_mins(5);

/// The most secrets that wait at a time: more people than make one in the same moment. One more takes the place of the oldest, which
/// its browser has most likely given up.
const MAX_WAITING: usize = 1024;

/// API tokens that were just created: the secret of each, and what else is known of it.
pub type NewTokens = ShownOnce<(ApiToken, Token)>;

/// Recovery codes that were just created.
pub type NewRecoveryCodes = ShownOnce<NewCodes>;

/// New recovery codes, and what stands around them on their page.
pub struct NewCodes {
    pub(super) codes: Vec<RecoveryCode>,
    pub(super) notice: &'static str,
    /// The address to go on to, when their owner came from somewhere.
    pub(super) next: String,
}

/// Secrets that were just made, each for the one page that shows it once to the session that made it. So that page is not the
/// answer to the form, and loading it again makes nothing.
pub struct ShownOnce<T> {
    clock: Arc<dyn Clock>,
    waiting: Mutex<HashMap<SessionId, (Timestamp, T)>>,
}

impl<T> ShownOnce<T> {
    /// No secrets.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, waiting: Mutex::default() }
    }

    /// Keeps a secret for the session, in place of one that it has not seen.
    pub(super) fn put(&self, session: SessionId, secret: T) {
        let now = self.clock.now();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, (since, _)| now.since(*since) < LIFETIME);
        if waiting.len() >= MAX_WAITING
            && let Some(oldest) = waiting.iter().min_by_key(|(_, (since, _))| *since).map(|(session, _)| *session)
        {
            waiting.remove(&oldest);
        }
        waiting.insert(session, (now, secret));
    }

    /// Takes the session's secret, if there is one that it has not seen.
    pub(super) fn take(&self, session: SessionId) -> Option<T> {
        let taken = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&session);
        taken.filter(|(since, _)| self.clock.now().since(*since) < LIFETIME).map(|(_, secret)| secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ManualClock;

    #[test]
    fn a_secret_is_shown_once_to_the_session_that_made_it_and_not_for_long() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_000_000)));
        let shown_once = ShownOnce::new(clock.clone());
        let [alice, bob] = [1, 2].map(SessionId::new);
        shown_once.put(alice, "secret");
        assert_eq!(shown_once.take(bob), None);
        assert_eq!((shown_once.take(alice), shown_once.take(alice)), (Some("secret"), None));
        shown_once.put(alice, "secret");
        clock.advance(LIFETIME);
        assert_eq!(shown_once.take(alice), None);
        for number in 10..5_000 {
            clock.advance(Duration::from_millis(1));
            shown_once.put(SessionId::new(number), "secret");
        }
        assert_eq!(shown_once.waiting.lock().map(|waiting| waiting.len()).unwrap_or_default(), MAX_WAITING);
        let [oldest, newest] = [10, 4_999].map(SessionId::new);
        assert_eq!((shown_once.take(oldest), shown_once.take(newest)), (None, Some("secret")), "nobody's new secret is lost");
    }
}
