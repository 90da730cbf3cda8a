use std::time::Duration;

use super::backoff;
use super::said::{Message, Said};
use crate::domain::EndReason;
use crate::pages::PageDenied;
use crate::websocket;

/// After a page changed, its viewers come back within this time, so that they do not all come at once.
const COME_BACK_SOON: Duration = Duration::from_millis(500);

/// Over this long, those who are sent away come back.
const COME_BACK_LATER: Duration = Duration::from_secs(5);

/// So many viewers a second are asked back to a server that starts again: each asks for its page's state at once, and
/// people sign in meanwhile.
const COME_BACK_A_SECOND: usize = 1_000;

/// Why a connection ends, in the words and numbers of the wire protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Farewell {
    /// `signed-out`, `expired`, `revoked`, `sign-in`, `second-factor`, `unconfirmed`, `not-allowed`, `changed`, `gone`, `broken`,
    /// `shutdown`, `protocol`, `bad-inputs`, `crowded`.
    pub reason: &'static str,
    /// The WebSocket close code.
    pub code: u16,
    /// When to come back, if that makes sense.
    pub retry: Option<Duration>,
}

impl Farewell {
    /// The `bye` message, and for WebSockets the close frame behind it.
    pub fn said(&self) -> Said {
        let retry_ms = self.retry.map(|retry| u64::try_from(retry.as_millis()).unwrap_or(u64::MAX));
        Message::Bye { reason: self.reason, retry_ms }
            .encode()
            .followed_by(&websocket::close_frame(self.code, self.reason))
    }

    /// What they watched by is over: their session, their token.
    pub(super) fn ended(reason: EndReason) -> Self {
        Self { reason: reason.as_str(), code: 4401, retry: None }
    }

    /// What is said while nobody can confirm that the visitor may still be signed in. It may be over at any moment, and
    /// the page goes on then.
    pub fn unconfirmed() -> Self {
        Self { reason: "unconfirmed", code: 1013, retry: Some(backoff::jitter(COME_BACK_LATER)) }
    }

    /// What a closed door has to say.
    pub fn of(closed: &PageDenied) -> Self {
        match closed {
            // A file may be away for a moment, while it is replaced.
            PageDenied::NotFound => Self { reason: "gone", code: 1001, retry: Some(backoff::jitter(COME_BACK_LATER)) },
            PageDenied::NotAllowed { .. } | PageDenied::OutOfScope => {
                Self { reason: "not-allowed", code: 4403, retry: None }
            }
            PageDenied::SignInRequired => Self { reason: "sign-in", code: 4401, retry: None },
            PageDenied::SecondFactorRequired => Self { reason: "second-factor", code: 4401, retry: None },
        }
    }

    /// There is no room for one more; `retry` says when to ask again.
    pub fn crowded(retry: Duration) -> Self {
        Self { reason: "crowded", code: 1013, retry: Some(backoff::jitter(retry)) }
    }

    /// What was said is no message of the protocol.
    pub(super) fn abuse(code: u16) -> Self {
        Self { reason: "protocol", code, retry: None }
    }

    /// The page has no such inputs.
    pub(super) fn bad_inputs() -> Self {
        Self { reason: "bad-inputs", code: 1008, retry: None }
    }

    /// The page, or what stands around it, is another one by now.
    pub(super) fn changed() -> Self {
        Self { reason: "changed", code: 1001, retry: Some(backoff::jitter(COME_BACK_SOON)) }
    }

    /// The channel was given up after a fault of ours.
    pub(super) fn broken() -> Self {
        Self { reason: "broken", code: 1011, retry: Some(backoff::jitter(COME_BACK_LATER)) }
    }

    /// The server stops. Its `viewers` come back spread out, so that the next one is not asked by all of them at once.
    pub(super) fn shutdown(viewers: usize) -> Self {
        let seconds = u64::try_from(viewers / COME_BACK_A_SECOND).unwrap_or(u64::MAX);
        let spread = COME_BACK_LATER.max(Duration::from_secs(seconds));
        Self { reason: "shutdown", code: 1001, retry: Some(backoff::jitter(spread)) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_viewers_of_a_server_that_stops_come_back_spread_out_by_how_many_they_are() {
        let waits = |viewers| (0..500).map(move |_| Farewell::shutdown(viewers).retry.unwrap());
        assert!(waits(10).all(|wait| wait <= COME_BACK_LATER), "a few are back soon");
        assert!(waits(20_000).all(|wait| wait <= Duration::from_secs(20)));
        let late = waits(20_000).filter(|wait| *wait > Duration::from_secs(10)).count();
        assert!((150..350).contains(&late), "about half of them in the second half: {late} of 500");
    }
}
