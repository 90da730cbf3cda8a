use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::StartError;

/// The lock file in the state folder.
const LOCK_FILE: &str = "lock";

/// The exclusive lock on the state folder: the server caches what its files hold, and no other server may change that
/// beneath it. The system releases the lock with the process.
pub(super) struct StateLock {
    _file: File,
}

impl StateLock {
    /// Acquires the lock; the folder must exist.
    ///
    /// # Errors
    /// [`StartError::StateInUse`] when another server has it, [`StartError::StateLock`] when the file cannot be made.
    pub(super) fn acquire(state: &Path) -> Result<Self, StartError> {
        let path = state.join(LOCK_FILE);
        let unusable = |error| StartError::StateLock(path.clone(), error);
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        // As everything in that folder: for the server's own account alone.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StartError::StateInUse(state.to_owned())),
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_state_folder_belongs_to_one_server_at_a_time() {
        let state = tempfile::tempdir().unwrap();
        let first = StateLock::acquire(state.path()).unwrap();
        let refused = StateLock::acquire(state.path()).err().unwrap().to_string();
        assert!(refused.contains(state.path().to_str().unwrap()) && refused.contains("another server"), "{refused}");
        drop(first);
        assert!(StateLock::acquire(state.path()).is_ok(), "whoever comes after it has it");
    }
}
