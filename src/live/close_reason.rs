use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use super::capacity::CapacityExceeded;
use super::channel::ChannelEnd;
use super::message::{EncodedMessage, ServerMessage};
use crate::domain::EndReason;
use crate::pages::PageDenied;
use crate::websocket;

/// The time over which the viewers of a changed page reconnect, so that they do not all come at once.
const RECONNECT_SOON: Duration = Duration::from_millis(500);

/// The least time over which the viewers of a server that stops reconnect: another one may be there already, and whoever finds
/// none tries again.
const RECONNECT_ELSEWHERE: Duration = Duration::from_secs(1);

/// The time over which viewers reconnect after other closes.
const RECONNECT_LATER: Duration = Duration::from_secs(5);

/// The rate at which viewers are asked to reconnect to a server that starts again: each requests its page's state at once, and
/// people sign in meanwhile.
const RECONNECTS_PER_SECOND: usize = 1_000;

/// The reason why a live connection is closed, in the words and codes of the wire protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseReason {
    /// `signed-out`, `expired`, `revoked`, `sign-in`, `second-factor`, `unconfirmed`, `not-allowed`, `changed`, `gone`, `broken`,
    /// `shutdown`, `protocol`, `bad-inputs`, `crowded`.
    pub reason: &'static str,
    /// The WebSocket close code.
    pub code: u16,
    /// When to reconnect, if that makes sense.
    pub retry_after: Option<Duration>,
}

impl CloseReason {
    /// The `bye` message, and for WebSockets the close frame behind it.
    pub fn encode(&self) -> EncodedMessage {
        let retry_ms = self.retry_after.map(|retry| u64::try_from(retry.as_millis()).unwrap_or(u64::MAX));
        ServerMessage::Bye { reason: self.reason, retry_ms }
            .encode()
            .with_control_frame(&websocket::close_frame(self.code, self.reason))
    }

    /// The session or token has ended.
    pub(super) fn credential_ended(reason: EndReason) -> Self {
        Self { reason: reason.as_str(), code: 4401, retry_after: None }
    }

    /// Nobody can confirm at the moment that the visitor may still be signed in. That may be over at any time, and the page
    /// goes on then.
    pub fn unconfirmed() -> Self {
        Self { reason: "unconfirmed", code: 1013, retry_after: Some(jitter(RECONNECT_LATER)) }
    }

    /// The door refuses the page.
    pub fn page_denied(denied: &PageDenied) -> Self {
        match denied {
            // A file may be away for a moment, while it is replaced.
            PageDenied::NotFound => Self { reason: "gone", code: 1001, retry_after: Some(jitter(RECONNECT_LATER)) },
            PageDenied::NotAllowed { .. } | PageDenied::OutOfScope => {
                Self { reason: "not-allowed", code: 4403, retry_after: None }
            }
            PageDenied::SignInRequired => Self { reason: "sign-in", code: 4401, retry_after: None },
            PageDenied::SecondFactorRequired => Self { reason: "second-factor", code: 4401, retry_after: None },
        }
    }

    /// A limit on channels or connections is reached; `retry_after` says when to try again.
    pub fn capacity_exceeded(retry: Duration) -> Self {
        Self { reason: "crowded", code: 1013, retry_after: Some(jitter(retry)) }
    }

    /// The client broke the protocol; `code` is the WebSocket close code.
    pub(super) fn protocol_error(code: u16) -> Self {
        Self { reason: "protocol", code, retry_after: None }
    }

    /// The page has no such inputs.
    pub(super) fn bad_inputs() -> Self {
        Self { reason: "bad-inputs", code: 1008, retry_after: None }
    }

    /// The page, or the navigation around it, has changed.
    pub(super) fn changed() -> Self {
        Self { reason: "changed", code: 1001, retry_after: Some(jitter(RECONNECT_SOON)) }
    }

    /// The channel has ended while it had viewers.
    pub(super) fn channel_ended(end: ChannelEnd) -> Self {
        match end {
            ChannelEnd::Broken => Self { reason: "broken", code: 1011, retry_after: Some(jitter(RECONNECT_LATER)) },
            ChannelEnd::Displaced => Self::capacity_exceeded(CapacityExceeded::Channels.retry_after()),
        }
    }

    /// The server stops. Its `viewers` reconnect spread out, so that the next one is not asked by all of them at once.
    pub(super) fn shutdown(viewers: usize) -> Self {
        let seconds = u64::try_from(viewers / RECONNECTS_PER_SECOND).unwrap_or(u64::MAX);
        let spread = RECONNECT_ELSEWHERE.max(Duration::from_secs(seconds));
        Self { reason: "shutdown", code: 1001, retry_after: Some(jitter(spread)) }
    }
}

/// A random duration up to `max`, so that many clients that get the same message do not all act at once. No secret.
fn jitter(max: Duration) -> Duration {
    let share = RandomState::new().build_hasher().finish() % 1_000;
    max.mul_f64(f64::from(u32::try_from(share).unwrap_or(0)) / 1_000.0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_viewers_of_a_server_that_stops_come_back_spread_out_by_how_many_they_are() {
        let waits = |viewers| (0..500).map(move |_| CloseReason::shutdown(viewers).retry_after.unwrap());
        assert!(waits(10).all(|wait| wait <= Duration::from_secs(1)), "a few are back soon");
        assert!(waits(20_000).all(|wait| wait <= Duration::from_secs(20)));
        let late = waits(20_000).filter(|wait| *wait > Duration::from_secs(10)).count();
        assert!((150..350).contains(&late), "about half of them in the second half: {late} of 500");
    }
}
