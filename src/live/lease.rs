use std::future::pending;
use std::sync::Arc;

use crate::domain::{Clock, EndReason, Person, Timestamp};
use crate::sessions::{SessionNews, SessionWatch};
use crate::tokens::{TokenNews, TokenWatch};

/// What somebody's live connection hangs on besides the door: their session, their token, or a moment at which it ends
/// in any case. A stranger's hangs on nothing.
#[derive(Default)]
pub struct Lease {
    session: Option<Box<SessionWatch>>,
    token: Option<Box<TokenWatch>>,
    until: Option<(Arc<dyn Clock>, Timestamp)>,
}

/// What a live connection hears of what it hangs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It is over, and why.
    Ended(EndReason),
    /// It opens nothing for now: nobody could confirm its person for too long.
    Unconfirmed,
    /// It goes on with its person described anew.
    Changed(Person),
}

impl Lease {
    /// It ends with the session.
    #[must_use]
    pub fn of_session(mut self, session: SessionWatch) -> Self {
        self.session = Some(Box::new(session));
        self
    }

    /// It ends with the token.
    #[must_use]
    pub fn of_token(mut self, token: TokenWatch) -> Self {
        self.token = Some(Box::new(token));
        self
    }

    /// It ends at that moment, whatever else goes on.
    #[must_use]
    pub fn until(mut self, clock: Arc<dyn Clock>, end: Timestamp) -> Self {
        self.until = Some((clock, end));
        self
    }

    /// Resolves when there is news of any of it. May be cancelled and asked again.
    pub(super) async fn news(&mut self) -> News {
        tokio::select! {
            biased;
            news = of_session(&mut self.session) => news,
            news = of_token(&mut self.token) => news,
            () = over(self.until.as_ref()) => News::Ended(EndReason::Expired),
        }
    }
}

async fn of_session(session: &mut Option<Box<SessionWatch>>) -> News {
    let Some(session) = session else { return pending().await };
    match session.news().await {
        SessionNews::Ended(reason) => News::Ended(reason),
        SessionNews::Unconfirmed => News::Unconfirmed,
        SessionNews::Changed(person) => News::Changed(person),
    }
}

async fn of_token(token: &mut Option<Box<TokenWatch>>) -> News {
    let Some(token) = token else { return pending().await };
    match token.news().await {
        TokenNews::Ended(reason) => News::Ended(reason),
        TokenNews::Unconfirmed => News::Unconfirmed,
        TokenNews::Changed(person) => News::Changed(person),
    }
}

/// Sleepers do not notice when the machine's clock is set, so it is looked at again after each nap.
async fn over(until: Option<&(Arc<dyn Clock>, Timestamp)>) {
    let Some((clock, end)) = until else { return pending().await };
    while clock.now() < *end {
        clock.sleep(end.since(clock.now())).await;
    }
}
