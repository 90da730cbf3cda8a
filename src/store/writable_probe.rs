use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::PostgresDatabase;
use crate::domain::{Clock, Timestamp};

/// The least time between two probes: anybody may ask, and each writes to the disk.
const MIN_INTERVAL: Duration = Duration::from_secs(5);

/// What a probe writes: a few pages of a store, as one that is full to the last byte takes none.
const PROBE_BYTES: usize = 64 * 1024;

/// Finds out whether what has to last can be written: to the state folder by writing to it, since a full disk shows itself in no
/// other way, or to the database by asking it.
pub struct WritableProbe {
    place: ProbedPlace,
    clock: Arc<dyn Clock>,
    last: Mutex<Option<(Timestamp, bool)>>,
}

enum ProbedPlace {
    Folder(PathBuf),
    Database(PostgresDatabase),
}

impl WritableProbe {
    /// A probe of the database, or of that folder where there is none.
    pub fn new(folder: &Path, database: Option<&PostgresDatabase>, clock: Arc<dyn Clock>) -> Self {
        let place = match database {
            Some(database) => ProbedPlace::Database(database.clone()),
            None => ProbedPlace::Folder(folder.to_owned()),
        };
        Self { place, clock, last: Mutex::new(None) }
    }

    /// What is to be said when it cannot be written.
    pub fn refusal(&self) -> &'static str {
        match self.place {
            ProbedPlace::Folder(_) => "the state folder cannot be written\n",
            ProbedPlace::Database(_) => "the store cannot be used\n",
        }
    }

    /// Whether it can be written, as of a moment ago. Why not is logged, once.
    pub async fn is_writable(&self) -> bool {
        let mut last = self.last.lock().await;
        let now = self.clock.now();
        if let Some((at, is_writable)) = *last
            && now >= at
            && now.since(at) < MIN_INTERVAL
        {
            return is_writable;
        }
        let written = self.place.probe().await;
        let was_writable = last.is_none_or(|(_, was_writable)| was_writable);
        match &written {
            Err(error) if was_writable => tracing::error!(%error, "what has to last cannot be written"),
            Ok(()) if !was_writable => tracing::info!("what has to last can be written again"),
            _ => (),
        }
        *last = Some((now, written.is_ok()));
        written.is_ok()
    }
}

impl ProbedPlace {
    /// Tries it.
    ///
    /// # Errors
    /// The reason, for the log.
    async fn probe(&self) -> Result<(), String> {
        match self {
            Self::Database(database) => database.ping().await.map_err(|error| error.to_string()),
            Self::Folder(folder) => {
                let probed = folder.clone();
                let written = tokio::task::spawn_blocking(move || write_probe(&probed)).await;
                written.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(|error| {
                    let folder = folder.display();
                    format!("the state folder {folder} cannot be written: {error}; look at its disk's free space and health")
                })
            }
        }
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
        let probe = WritableProbe::new(&state, None, clock.clone());
        assert!(!probe.is_writable().await);
        std::fs::create_dir(&state).unwrap();
        assert!(!probe.is_writable().await, "as of a moment ago");
        clock.advance(MIN_INTERVAL);
        assert!(probe.is_writable().await);
        assert_eq!(std::fs::read_dir(&state).unwrap().count(), 0);
    }
}
