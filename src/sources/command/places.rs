//! The places of a source's programs: so many run at a time, and of streams that strangers began at most half.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::Clock;
use crate::sources::SourceError;

/// The places of a source's programs.
pub(super) struct RunPlaces {
    all: Arc<Semaphore>,
    /// Those that streams of strangers can have: such a stream keeps its place for as long as it is watched.
    strangers: Arc<Semaphore>,
}

/// A place, kept until nothing of its run is left.
pub(super) struct RunPlace {
    _permits: Vec<OwnedSemaphorePermit>,
}

impl RunPlaces {
    pub(super) fn new(at_a_time: usize) -> Self {
        let strangers = (at_a_time / 2).max(1);
        Self { all: Arc::new(Semaphore::new(at_a_time)), strangers: Arc::new(Semaphore::new(strangers)) }
    }

    /// Waits for a place of a program with this name, but not for ever.
    ///
    /// # Errors
    /// [`SourceError::OverLimits`] when none is free within `patience`.
    pub(super) async fn enter(
        &self,
        is_strangers: bool,
        clock: &dyn Clock,
        patience: Duration,
        name: &str,
    ) -> Result<RunPlace, SourceError> {
        let permits = async {
            let mut permits = Vec::new();
            if is_strangers {
                permits.extend(Arc::clone(&self.strangers).acquire_owned().await);
            }
            permits.extend(Arc::clone(&self.all).acquire_owned().await);
            permits
        };
        tokio::select! {
            biased;
            permits = permits => Ok(RunPlace { _permits: permits }),
            () = clock.sleep(patience) => Err(SourceError::OverLimits(format!(
                "as many of {name} run as may at a time, and none ended within {patience:?}; raise at_a_time of the source, or see what they wait for"
            ))),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::SystemClock;

    #[tokio::test]
    async fn strangers_leave_half_of_the_places_and_nobody_waits_for_ever() {
        let places = RunPlaces::new(4);
        let enter = async |is_strangers: bool| places.enter(is_strangers, &SystemClock, Duration::from_millis(1), "jobs").await;
        let strangers = [enter(true).await.unwrap(), enter(true).await.unwrap()];
        let refused = enter(true).await.err().unwrap();
        assert!(matches!(refused, SourceError::OverLimits(why) if why.contains("jobs")));
        let members = [enter(false).await.unwrap(), enter(false).await.unwrap()];
        assert!(enter(false).await.is_err());
        drop(strangers);
        assert!(enter(true).await.is_ok());
        drop(members);
    }
}
