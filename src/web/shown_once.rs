use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::domain::{Clock, SessionId, Timestamp};
use crate::tokens::{ApiToken, Token};

/// How long a secret waits for the page that shows it, which the browser loads at once.
const LIFETIME: Duration = Duration::from_mins(5);

/// The most secrets that wait at a time: more people than make one in the same moment.
const MAX_WAITING: usize = 1024;

/// API tokens that were just created: the secret of each, and what else is known of it.
pub type NewTokens = ShownOnce<(ApiToken, Token)>;

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
        if waiting.len() < MAX_WAITING {
            waiting.insert(session, (now, secret));
        }
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
            shown_once.put(SessionId::new(number), "secret");
        }
        assert_eq!(shown_once.waiting.lock().map(|waiting| waiting.len()).unwrap_or_default(), MAX_WAITING);
    }
}
