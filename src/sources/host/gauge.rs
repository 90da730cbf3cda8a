//! One part of the machine, read by many at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, OwnedMutexGuard};

/// Answers closer together than this share one reading: shares of CPU time mean nothing over less (sysinfo's own
/// minimum is 200 ms), and many panels of one page ask in the same instant.
pub(super) const SHARED_FOR: Duration = Duration::from_millis(250);

/// A difference is taken over at most this long. After a longer silence a fresh base is taken first, so that the
/// first point on a chart is not the average of a night.
const OLDEST_BASE: Duration = Duration::from_mins(2);

/// How long one answer may take. A network disk that hangs would otherwise hold its askers for ever.
const PATIENCE: Duration = Duration::from_secs(5);

/// A part of the machine that is refreshed before it is read.
pub(super) trait Meter: Send + 'static {
    /// Whether its answers are differences between two refreshes.
    const DIFFERS: bool;

    /// Looks at the machine. May block. `elapsed` is the time since the last look, if there was one.
    fn refresh(&mut self, elapsed: Option<Duration>);
}

/// A meter behind a lock. A look that hangs keeps the lock and one thread; those who wait for it give up by
/// themselves, without a thread each.
pub(super) struct Gauge<M>(Arc<Mutex<Held<M>>>);

struct Held<M> {
    meter: M,
    refreshed: Option<Instant>,
    /// Whether the last refresh had another before it to differ from.
    based: bool,
}

impl<M: Meter> Gauge<M> {
    /// A meter that nobody has looked at.
    pub(super) fn new(meter: M) -> Self {
        Self(Arc::new(Mutex::new(Held { meter, refreshed: None, based: false })))
    }

    /// A meter with its first look taken now, as the base of the first difference. Blocks.
    pub(super) fn started(meter: M) -> Self {
        let mut held = Held { meter, refreshed: None, based: false };
        held.refresh();
        Self(Arc::new(Mutex::new(held)))
    }

    /// What `read` sees on the meter, not older than [`SHARED_FOR`].
    pub(super) async fn read<R: Send>(&self, read: impl FnOnce(&M) -> R + Send) -> Result<R, String> {
        let answer = async {
            let mut held = Arc::clone(&self.0).lock_owned().await;
            if M::DIFFERS && held.age().is_none_or(|age| age > OLDEST_BASE) {
                held.based = false;
                held.refreshed = None;
                held = refreshed(held).await?;
            }
            if M::DIFFERS && !held.based {
                tokio::time::sleep(SHARED_FOR.saturating_sub(held.age().unwrap_or_default())).await;
                held = refreshed(held).await?;
            } else if held.age().is_none_or(|age| age >= SHARED_FOR) {
                held = refreshed(held).await?;
            }
            Ok(read(&held.meter))
        };
        tokio::time::timeout(PATIENCE, answer)
            .await
            .unwrap_or_else(|_| Err(format!("the host did not answer within {} s", PATIENCE.as_secs())))
    }
}

impl<M: Meter> Held<M> {
    fn age(&self) -> Option<Duration> {
        self.refreshed.map(|at| at.elapsed())
    }

    fn refresh(&mut self) {
        let elapsed = self.age();
        self.meter.refresh(elapsed);
        self.based = elapsed.is_some();
        self.refreshed = Some(Instant::now());
    }
}

/// Refreshes on a thread that may block. The guard goes with it: when the asker gives up, nobody else piles up
/// behind a look that hangs.
async fn refreshed<M: Meter>(mut held: OwnedMutexGuard<Held<M>>) -> Result<OwnedMutexGuard<Held<M>>, String> {
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

    struct Counting {
        looks: usize,
        last: Option<Duration>,
    }

    impl Meter for Counting {
        const DIFFERS: bool = true;

        fn refresh(&mut self, elapsed: Option<Duration>) {
            self.looks += 1;
            self.last = elapsed;
        }
    }

    #[tokio::test]
    async fn the_first_answer_already_rests_on_two_looks() {
        let gauge = Gauge::new(Counting { looks: 0, last: None });
        let (looks, last) = gauge.read(|meter| (meter.looks, meter.last)).await.unwrap();
        assert_eq!(looks, 2);
        assert!(last.unwrap() >= SHARED_FOR);
    }

    #[tokio::test]
    async fn those_who_ask_together_share_one_look() {
        let gauge = Gauge::started(Counting { looks: 0, last: None });
        let asked = futures::future::join_all((0..20).map(|_| gauge.read(|meter| meter.looks))).await;
        assert!(asked.into_iter().all(|looks| looks.unwrap() == 2));
    }
}
