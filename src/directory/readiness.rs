use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::domain::{Clock, Timestamp};

use super::Directory;
use super::connection::Unreachable;

/// The shortest time between two checks of the directory: load balancers ask every few seconds, and strangers as often
/// as they like.
const MIN_CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// Whether people can sign in, remembered for a few seconds.
pub struct Readiness {
    directory: Arc<dyn Directory>,
    clock: Arc<dyn Clock>,
    last: Mutex<Option<(Timestamp, Result<(), Unreachable>)>>,
}

impl Readiness {
    /// The readiness of `directory`.
    pub fn new(directory: Arc<dyn Directory>, clock: Arc<dyn Clock>) -> Self {
        Self { directory, clock, last: Mutex::new(None) }
    }

    /// Asks the directory, unless that was done a moment ago.
    ///
    /// # Errors
    /// [`Unreachable`], with a reason for the log.
    pub async fn check(&self) -> Result<(), Unreachable> {
        let mut last = self.last.lock().await;
        let now = self.clock.now();
        if let Some((at, answer)) = &*last
            && now.since(*at) < MIN_CHECK_INTERVAL
        {
            return answer.clone();
        }
        let answer = self.directory.check_ready().await;
        *last = Some((now, answer.clone()));
        answer
    }
}
