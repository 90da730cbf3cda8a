//! The timing floor: makes every refusal take as long as any other, so that its time reveals nothing about a name.
//!
//! A known name, a wrong password, a locked account, an attempt that was never sent: each takes the directory, or this
//! program, a different time. A directory slower than [`MIN_REFUSAL_TIME`] can still be told from none at all.

use std::time::Duration;

use crate::domain::{Clock, Timestamp};

/// The shortest time from the start of a sign-in to its refusal. A search and a bind with its hashing take some tens of
/// milliseconds, new TLS connections included, rarely two hundred; a person does not feel the difference.
pub(super) const MIN_REFUSAL_TIME: Duration = Duration::from_millis(300);

/// The longest random addition: it drowns what the clock's grain and the scheduler still reveal.
pub(super) const MAX_JITTER: Duration = Duration::from_millis(100);

/// Waits until a sign-in that began at `begun` may be refused.
pub(super) async fn wait(clock: &dyn Clock, begun: Timestamp) {
    let floor = MIN_REFUSAL_TIME + jitter();
    // A clock that was set back in between must not hold anybody longer.
    let rest = (begun + floor).since(clock.now()).min(floor);
    if !rest.is_zero() {
        clock.sleep(rest).await;
    }
}

/// A random duration up to [`MAX_JITTER`].
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
