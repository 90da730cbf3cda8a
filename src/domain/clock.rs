use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use super::Timestamp;

/// A source of time. It is passed in, so that tests move it instead of waiting for it.
pub trait Clock: Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// Resolves once `duration` has passed on this clock.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// Resolves once the time between now and `moment` has passed on this clock. All who sleep until one moment wake
    /// together, whenever they began to.
    fn sleep_until(&self, moment: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.sleep(moment.since(self.now()))
    }
}

/// The longest that [`wait_until`] sleeps before it reads the clock again, as sleepers do not notice when it is set.
const MAX_SLEEP: Duration = Duration::from_mins(1);

/// Resolves at `moment`, within a minute also when the clock is set meanwhile.
pub async fn wait_until(clock: &dyn Clock, moment: Timestamp) {
    while clock.now() < moment {
        clock.sleep(moment.since(clock.now()).min(MAX_SLEEP)).await;
    }
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn sleep_until(&self, moment: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        // What the clock shows is cut to milliseconds, and what is left of one would have each wake at another time.
        let moment = UNIX_EPOCH + Duration::from_millis(u64::try_from(moment.as_millis()).unwrap_or_default());
        self.sleep(moment.duration_since(SystemTime::now()).unwrap_or_default())
    }
}

/// A clock for tests, which stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock {
    state: watch::Sender<ManualClockState>,
}

/// The time that a manual clock shows, and how long it has run: the two part when it is set.
#[derive(Clone, Copy, Debug)]
struct ManualClockState {
    now: Timestamp,
    elapsed: Duration,
}

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn at(now: Timestamp) -> Self {
        Self { state: watch::Sender::new(ManualClockState { now, elapsed: Duration::ZERO }) }
    }

    /// Moves the clock forward and wakes every sleeper whose time has come.
    pub fn advance(&self, duration: Duration) {
        self.state.send_modify(|state| {
            state.now = state.now + duration;
            state.elapsed += duration;
        });
    }

    /// The number of sleepers.
    #[cfg(test)]
    pub(crate) fn sleepers(&self) -> usize {
        self.state.receiver_count()
    }

    /// Sets the clock back, as an administrator or a time server may. Sleepers do not notice.
    pub fn set_back(&self, duration: Duration) {
        self.state.send_modify(|state| state.now = state.now - duration);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.state.borrow().now
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let mut changes = self.state.subscribe();
        let until = self.state.borrow().elapsed + duration;
        Box::pin(async move {
            // The sender lives in `self`, which this future borrows: it cannot be gone.
            let _ = changes.wait_for(|state| state.elapsed >= until).await;
        })
    }
}
