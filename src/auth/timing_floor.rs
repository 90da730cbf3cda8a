//! Makes every refusal take as long as any other, so that its time tells nothing of a name.
//!
//! A name that is known, a wrong password, a locked account, a try that was never sent: each takes the directory, or
//! this program, another while. A directory slower than [`REFUSED_AFTER`] can still be told from no directory at all.

use std::time::Duration;

use crate::domain::{Clock, Timestamp};

/// A refusal comes no sooner than this after the sign-in began. A search and a bind with its hashing take some tens of
/// milliseconds, new TLS connections included, rarely two hundred; a person does not feel the difference.
pub(super) const MIN_REFUSAL_TIME: Duration = Duration::from_millis(300);

/// Up to so much later, by chance: what the clock's grain and the scheduler still tell drowns in it.
pub(super) const MAX_JITTER: Duration = Duration::from_millis(100);

/// Waits until a refusal may be told of a sign-in that began at `begun`.
pub(super) async fn wait(clock: &dyn Clock, begun: Timestamp) {
    let least = MIN_REFUSAL_TIME + jitter();
    // A clock that was set back in between must not hold anybody longer.
    let rest = (begun + least).since(clock.now()).min(least);
    if !rest.is_zero() {
        clock.sleep(rest).await;
    }
}

/// Anything up to [`JITTER`].
fn jitter() -> Duration {
    let mut bytes = [0; 2];
    match getrandom::fill(&mut bytes) {
        Ok(()) => MAX_JITTER * u32::from(u16::from_le_bytes(bytes)) / u32::from(u16::MAX),
        Err(error) => {
            tracing::warn!(%error, "the system gives no random bytes: refused sign-ins all take equally long");
            MAX_JITTER
        }
    }
}
