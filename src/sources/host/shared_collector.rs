//! A collector that is shared by concurrent queries, with its refreshes limited.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::sources::SourceError;

/// Queries closer together than this share one refresh: shares of CPU time mean nothing over less (sysinfo's own
/// minimum is 200 ms), and many panels of one page ask in the same instant.
pub(super) const MIN_REFRESH_INTERVAL: Duration = Duration::from_millis(250);

/// A difference is taken over at most this long. After a longer pause a fresh baseline is taken first, so that the
/// first point on a chart is not the average of a night.
const MAX_BASELINE_AGE: Duration = Duration::from_mins(2);

/// The timeout of one read. A network disk that hangs would otherwise hold its queries for ever.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// Collects the figures of one part of the machine; refreshed before it is read.
pub(super) trait Collector: Send + 'static {
    /// Whether its figures are differences between two refreshes.
    const IS_DELTA: bool;

    /// Reads the machine's figures anew. May block. `elapsed` is the time since the last refresh, if there was one.
    fn refresh(&mut self, elapsed: Option<Duration>);
}

/// A collector behind a lock. A refresh that hangs keeps the lock and one thread; queries that wait for it time out by
/// themselves, without a thread each.
pub(super) struct SharedCollector<M>(Arc<Mutex<CollectorState<M>>>);

struct CollectorState<M> {
    collector: M,
    refreshed_at: Option<Instant>,
    /// Whether the last refresh had an earlier one to take differences from.
    has_baseline: bool,
}

impl<M: Collector> SharedCollector<M> {
    /// A collector without a refresh yet.
    pub(super) fn new(collector: M) -> Self {
        Self(Arc::new(Mutex::new(CollectorState { collector, refreshed_at: None, has_baseline: false })))
    }

    /// A collector that is refreshed once now, as the baseline of the first difference. Blocks.
    pub(super) fn with_baseline(collector: M) -> Self {
        let mut state = CollectorState { collector, refreshed_at: None, has_baseline: false };
        state.refresh();
        Self(Arc::new(Mutex::new(state)))
    }

    /// Applies `read` to the collector, with figures not older than [`MIN_REFRESH_INTERVAL`].
    pub(super) async fn read<R: Send>(&self, read: impl FnOnce(&M) -> R + Send) -> Result<R, SourceError> {
        let answer = async {
            let mut state = Arc::clone(&self.0).lock_owned().await;
            if M::IS_DELTA && state.age().is_none_or(|age| age > MAX_BASELINE_AGE) {
                state.has_baseline = false;
                state.refreshed_at = None;
                state = refresh_blocking(state).await?;
            }
            if M::IS_DELTA && !state.has_baseline {
                tokio::time::sleep(MIN_REFRESH_INTERVAL.saturating_sub(state.age().unwrap_or_default())).await;
                state = refresh_blocking(state).await?;
            } else if state.age().is_none_or(|age| age >= MIN_REFRESH_INTERVAL) {
                state = refresh_blocking(state).await?;
            }
            Ok(read(&state.collector))
        };
        tokio::time::timeout(READ_TIMEOUT, answer).await.unwrap_or_else(|_| {
            Err(SourceError::TimedOut(format!("the host did not answer within {} s", READ_TIMEOUT.as_secs())))
        })
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

/// Refreshes on a thread that may block. The guard goes with it: when the query times out, no other thread piles up
/// behind a refresh that hangs.
async fn refresh_blocking<M: Collector>(
    mut state: OwnedMutexGuard<CollectorState<M>>,
) -> Result<OwnedMutexGuard<CollectorState<M>>, SourceError> {
    tokio::task::spawn_blocking(move || {
        state.refresh();
        state
    })
    .await
    .map_err(|_| SourceError::Broken("the host could not be read: the reading itself failed".to_owned()))
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
        let collector = SharedCollector::new(CountingCollector { refreshes: 0, last: None });
        let (refreshes, last) = collector.read(|collector| (collector.refreshes, collector.last)).await.unwrap();
        assert_eq!(refreshes, 2);
        assert!(last.unwrap() >= MIN_REFRESH_INTERVAL);
    }

    #[tokio::test]
    async fn those_who_ask_together_share_one_look() {
        let collector = SharedCollector::with_baseline(CountingCollector { refreshes: 0, last: None });
        let answers = futures::future::join_all((0..20).map(|_| collector.read(|collector| collector.refreshes))).await;
        assert!(answers.into_iter().all(|refreshes| refreshes.unwrap() == 2));
    }
}
