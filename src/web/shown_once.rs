use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::auth::ShortLivedStore;
use crate::domain::{Clock, SessionId, Timestamp, TokenId};
use crate::factors::RecoveryCode;
use crate::store::StoreError;
use crate::tokens::ApiToken;

/// How long a secret waits for the page that shows it, which the browser loads at once.
const LIFETIME: Duration = Duration::from_mins(5);

/// The most secrets that wait at a time in memory: more people than make one in the same moment. One more takes the place of the
/// oldest, which its browser has most likely given up.
const MAX_WAITING: usize = 1024;

/// API tokens that were just created.
pub type NewTokens = ShownOnce<NewTokenSecret>;

/// Recovery codes that were just created.
pub type NewRecoveryCodes = ShownOnce<NewCodes>;

/// An API token that was just created: its secret, and which it is.
pub struct NewTokenSecret {
    pub(super) id: TokenId,
    pub(super) secret: ApiToken,
}

/// New recovery codes, and what stands around them on their page.
pub struct NewCodes {
    pub(super) codes: Vec<Zeroizing<String>>,
    pub(super) notice: String,
    /// The address to go on to, when their owner came from somewhere.
    pub(super) next: String,
}

impl NewCodes {
    /// These codes, under this notice.
    pub(super) fn new(codes: &[RecoveryCode], notice: &str, next: String) -> Self {
        Self { codes: codes.iter().map(RecoveryCode::reveal).collect(), notice: notice.to_owned(), next }
    }
}

/// A secret that a page shows once.
pub trait ShownSecret: Send + Sync + Sized + 'static {
    /// The name of its kind, of which there is one for each session.
    const KIND: &'static str;

    /// It as a text, for another node.
    fn to_text(&self) -> Zeroizing<String>;

    /// It from such a text.
    fn from_text(text: &str) -> Option<Self>;
}

/// Secrets that were just made, each for the one page that shows it once to the session that made it. So that page is not the
/// answer to the form, and loading it again makes nothing.
pub struct ShownOnce<T>(ShownOnceStore<T>);

enum ShownOnceStore<T> {
    /// Of this server alone.
    Memory { clock: Arc<dyn Clock>, waiting: Mutex<HashMap<SessionId, (Timestamp, T)>> },
    /// Of all nodes.
    Shared(ShortLivedStore),
}

impl<T: ShownSecret> ShownOnce<T> {
    /// No secrets; they are kept in memory, unless nodes share a store.
    pub fn new(clock: Arc<dyn Clock>, shared: Option<&ShortLivedStore>) -> Self {
        Self(match shared {
            Some(store) => ShownOnceStore::Shared(store.clone()),
            None => ShownOnceStore::Memory { clock, waiting: Mutex::default() },
        })
    }

    /// Keeps a secret for the session, in place of one that it has not seen.
    pub(super) async fn put(&self, session: SessionId, secret: T) -> Result<(), StoreError> {
        match &self.0 {
            ShownOnceStore::Shared(store) => store.put_shown_once(session, T::KIND, &secret.to_text(), LIFETIME).await,
            ShownOnceStore::Memory { clock, waiting } => {
                let now = clock.now();
                let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
                waiting.retain(|_, (since, _)| now.since(*since) < LIFETIME);
                if waiting.len() >= MAX_WAITING
                    && let Some(oldest) = waiting.iter().min_by_key(|(_, (since, _))| *since).map(|(session, _)| *session)
                {
                    waiting.remove(&oldest);
                }
                waiting.insert(session, (now, secret));
                Ok(())
            }
        }
    }

    /// Takes the session's secret, if there is one that it has not seen.
    pub(super) async fn take(&self, session: SessionId) -> Result<Option<T>, StoreError> {
        match &self.0 {
            ShownOnceStore::Shared(store) => {
                let text = store.take_shown_once(session, T::KIND).await?;
                Ok(text.and_then(|text| T::from_text(&text)))
            }
            ShownOnceStore::Memory { clock, waiting } => {
                let taken = waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&session);
                Ok(taken.filter(|(since, _)| clock.now().since(*since) < LIFETIME).map(|(_, secret)| secret))
            }
        }
    }
}

impl ShownSecret for NewTokenSecret {
    const KIND: &'static str = "token";

    fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{} {}", self.id, *self.secret.reveal()))
    }

    fn from_text(text: &str) -> Option<Self> {
        let (id, secret) = text.split_once(' ')?;
        Some(Self { id: id.parse().ok()?, secret: secret.parse().ok()? })
    }
}

impl ShownSecret for NewCodes {
    const KIND: &'static str = "codes";

    fn to_text(&self) -> Zeroizing<String> {
        let lines = self.codes.iter().map(|code| code.as_str());
        let lines: Vec<&str> = [&*self.notice, &*self.next].into_iter().chain(lines).collect();
        Zeroizing::new(lines.join("\n"))
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.split('\n');
        let (notice, next) = (lines.next()?.to_owned(), lines.next()?.to_owned());
        Some(Self { codes: lines.map(|code| Zeroizing::new(code.to_owned())).collect(), notice, next })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ManualClock;

    fn token(id: i64) -> NewTokenSecret {
        NewTokenSecret { id: TokenId::new(id), secret: ApiToken::generate().unwrap() }
    }

    #[tokio::test]
    async fn a_secret_is_shown_once_to_the_session_that_made_it_and_not_for_long() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_000_000)));
        let shown_once = NewTokens::new(clock.clone(), None);
        let [alice, bob] = [1, 2].map(SessionId::new);
        let take = async |session| shown_once.take(session).await.unwrap().map(|token| token.id.as_i64());
        shown_once.put(alice, token(7)).await.unwrap();
        assert_eq!(take(bob).await, None);
        assert_eq!((take(alice).await, take(alice).await), (Some(7), None));
        shown_once.put(alice, token(8)).await.unwrap();
        clock.advance(LIFETIME);
        assert_eq!(take(alice).await, None);
        for number in 10..5_000 {
            clock.advance(Duration::from_millis(1));
            shown_once.put(SessionId::new(number), token(9)).await.unwrap();
        }
        let ShownOnceStore::Memory { waiting, .. } = &shown_once.0 else { panic!("in memory") };
        assert_eq!(waiting.lock().map(|waiting| waiting.len()).unwrap_or_default(), MAX_WAITING);
        let [oldest, newest] = [10, 4_999].map(SessionId::new);
        assert_eq!((take(oldest).await, take(newest).await), (None, Some(9)), "nobody's new secret is lost");
    }

    #[test]
    fn what_another_node_shows_is_the_same() {
        let (made, codes) = (token(5), ["one", "two"].map(|code| Zeroizing::new(code.to_owned())).to_vec());
        let read = NewTokenSecret::from_text(&made.to_text()).unwrap();
        assert_eq!((read.id, read.secret.reveal()), (made.id, made.secret.reveal()));
        for (codes, next) in [(codes, "/p/board"), (Vec::new(), "")] {
            let made = NewCodes { codes, notice: "New.".to_owned(), next: next.to_owned() };
            let read = NewCodes::from_text(&made.to_text()).unwrap();
            assert_eq!((read.codes, read.notice, read.next), (made.codes, made.notice, made.next));
        }
    }
}
