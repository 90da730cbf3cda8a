//! One part of the machine, read by many at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, OwnedMutexGuard};

/// Answers closer together than this share one reading: shares of CPU time mean nothing over less (sysinfo's own
/// minimum is 200 ms), and many panels of one page ask in the same instant.
pub(super) const MIN_REFRESH_INTERVAL: Duration = Duration::from_millis(250);

/// A difference is taken over at most this long. After a longer silence a fresh base is taken first, so that the
/// first point on a chart is not the average of a night.
const MAX_BASELINE_AGE: Duration = Duration::from_mins(2);

/// How long one answer may take. A network disk that hangs would otherwise hold its askers for ever.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// A part of the machine that is refreshed before it is read.
pub(super) trait Collector: Send + 'static {
    /// Whether its answers are differences between two refreshes.
    const IS_DELTA: bool;

    /// Looks at the machine. May block. `elapsed` is the time since the last look, if there was one.
    fn refresh(&mut self, elapsed: Option<Duration>);
}

/// A meter behind a lock. A look that hangs keeps the lock and one thread; those who wait for it give up by
/// themselves, without a thread each.
pub(super) struct SharedCollector<M>(Arc<Mutex<CollectorState<M>>>);

struct CollectorState<M> {
    collector: M,
    refreshed_at: Option<Instant>,
    /// Whether the last refresh had another before it to differ from.
    has_baseline: bool,
}

impl<M: Collector> SharedCollector<M> {
    /// A meter that nobody has looked at.
    pub(super) fn new(meter: M) -> Self {
        Self(Arc::new(Mutex::new(CollectorState { collector: meter, refreshed_at: None, has_baseline: false })))
    }

    /// A meter with its first look taken now, as the base of the first difference. Blocks.
    pub(super) fn with_baseline(meter: M) -> Self {
        let mut held = CollectorState { collector: meter, refreshed_at: None, has_baseline: false };
        held.refresh();
        Self(Arc::new(Mutex::new(held)))
    }

    /// What `read` sees on the meter, not older than [`SHARED_FOR`].
    pub(super) async fn read<R: Send>(&self, read: impl FnOnce(&M) -> R + Send) -> Result<R, String> {
        let answer = async {
            let mut held = Arc::clone(&self.0).lock_owned().await;
            if M::IS_DELTA && held.age().is_none_or(|age| age > MAX_BASELINE_AGE) {
                held.has_baseline = false;
                held.refreshed_at = None;
                held = refresh_blocking(held).await?;
            }
            if M::IS_DELTA && !held.has_baseline {
                tokio::time::sleep(MIN_REFRESH_INTERVAL.saturating_sub(held.age().unwrap_or_default())).await;
                held = refresh_blocking(held).await?;
            } else if held.age().is_none_or(|age| age >= MIN_REFRESH_INTERVAL) {
                held = refresh_blocking(held).await?;
            }
            Ok(read(&held.collector))
        };
        tokio::time::timeout(READ_TIMEOUT, answer)
            .await
            .unwrap_or_else(|_| Err(format!("the host did not answer within {} s", READ_TIMEOUT.as_secs())))
    }
}

impl<M: Collector> CollectorState<M> {
    fn age(&self) -> Option<Duration> {
        self.refreshed_at.map(|at| at.elapsed())
    }

    fn refresh(&mut self) {
        let elapsed = self.age();
        self.collector.refresh(elapsed);
        self.has_baseline = elapsed.is_some();
        self.refreshed_at = Some(Instant::now());
    }
}

/// Refreshes on a thread that may block. The guard goes with it: when the asker gives up, nobody else piles up
/// behind a look that hangs.
async fn refresh_blocking<M: Collector>(
    mut held: OwnedMutexGuard<CollectorState<M>>,
) -> Result<OwnedMutexGuard<CollectorState<M>>, String> {
    tokio::task::spawn_blocking(move || {
        held.refresh();
        held
    })
    .await
    .map_err(|_| "the host could not be read: the reading itself failed".to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    struct CountingCollector {
        refreshes: usize,
        last: Option<Duration>,
    }

    impl Collector for CountingCollector {
        const IS_DELTA: bool = true;

        fn refresh(&mut self, elapsed: Option<Duration>) {
            self.refreshes += 1;
            self.last = elapsed;
        }
    }

    #[tokio::test]
    async fn the_first_answer_already_rests_on_two_looks() {
        let gauge = SharedCollector::new(CountingCollector { refreshes: 0, last: None });
        let (looks, last) = gauge.read(|meter| (meter.refreshes, meter.last)).await.unwrap();
        assert_eq!(looks, 2);
        assert!(last.unwrap() >= MIN_REFRESH_INTERVAL);
    }

    #[tokio::test]
    async fn those_who_ask_together_share_one_look() {
        let gauge = SharedCollector::with_baseline(CountingCollector { refreshes: 0, last: None });
        let asked = futures::future::join_all((0..20).map(|_| gauge.read(|meter| meter.refreshes))).await;
        assert!(asked.into_iter().all(|looks| looks.unwrap() == 2));
    }
}
