use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::domain::{Clock, Timestamp};

/// The least time between two probes: anybody may ask, and each writes to the disk.
const MIN_INTERVAL: Duration = Duration::from_secs(5);

/// What a probe writes: a few pages of a store, as one that is full to the last byte takes none.
const PROBE_BYTES: usize = 64 * 1024;

/// Finds out whether the state folder can be written, by writing to it: a full disk shows itself in no other way.
pub struct WritableProbe {
    folder: PathBuf,
    clock: Arc<dyn Clock>,
    last: Mutex<Option<(Timestamp, bool)>>,
}

impl WritableProbe {
    /// A probe of that folder.
    pub fn new(folder: &Path, clock: Arc<dyn Clock>) -> Self {
        Self { folder: folder.to_owned(), clock, last: Mutex::new(None) }
    }

    /// Whether the folder can be written, as of a moment ago. Why not is logged, once.
    pub async fn is_writable(&self) -> bool {
        let mut last = self.last.lock().await;
        let now = self.clock.now();
        if let Some((at, is_writable)) = *last
            && now >= at
            && now.since(at) < MIN_INTERVAL
        {
            return is_writable;
        }
        let folder = self.folder.clone();
        let written = tokio::task::spawn_blocking(move || write_probe(&folder))
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)));
        let was_writable = last.is_none_or(|(_, was_writable)| was_writable);
        match &written {
            Err(error) if was_writable => {
                tracing::error!(%error, folder = %self.folder.display(), "the state folder cannot be written; look at its disk's free space and health");
            }
            Ok(()) if !was_writable => tracing::info!(folder = %self.folder.display(), "the state folder can be written again"),
            _ => (),
        }
        *last = Some((now, written.is_ok()));
        written.is_ok()
    }
}

/// Writes a file without a name, which is gone when it is closed.
fn write_probe(folder: &Path) -> io::Result<()> {
    let mut file = tempfile::tempfile_in(folder)?;
    file.write_all(&vec![0; PROBE_BYTES])?;
    file.sync_data()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::ManualClock;

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_is_found_out_and_asked_no_more_often_than_that() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_000_000)));
        let state = folder.path().join("state");
        let probe = WritableProbe::new(&state, clock.clone());
        assert!(!probe.is_writable().await);
        std::fs::create_dir(&state).unwrap();
        assert!(!probe.is_writable().await, "as of a moment ago");
        clock.advance(MIN_INTERVAL);
        assert!(probe.is_writable().await);
        assert_eq!(std::fs::read_dir(&state).unwrap().count(), 0);
    }
}
