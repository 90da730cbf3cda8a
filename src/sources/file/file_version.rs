use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::sources::SourceError;

/// What tells whether a file is still the one that was read: another may take its place, and the same may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileVersion {
    pub(super) identity: FileNumber,
    pub(super) length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// The device and the number (inode) of a file, which stay when it is renamed.
pub(super) type FileNumber = (u64, u64);

impl FileVersion {
    /// The version of the file that is there now.
    ///
    /// # Errors
    /// [`SourceError::Unreachable`] when there is none that can be read, [`SourceError::Broken`] when it is something else.
    pub(super) fn of(path: &Path) -> Result<Self, SourceError> {
        let metadata = std::fs::metadata(path).map_err(|error| read_error(path, &error))?;
        Self::of_metadata(path, &metadata)
    }

    /// The version that an open file has.
    ///
    /// # Errors
    /// [`SourceError::Broken`] when it is no regular file.
    pub(super) fn of_metadata(path: &Path, metadata: &Metadata) -> Result<Self, SourceError> {
        // A pipe or a device would be read for ever.
        if !metadata.is_file() {
            return Err(SourceError::Broken(format!("{} is no file, but a folder or a device", path.display())));
        }
        Ok(Self {
            identity: (metadata.dev(), metadata.ino()),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }

    /// Whether it was last written longer ago than that, by this machine's clock.
    pub(super) fn is_older_than(&self, age: Duration) -> bool {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let written = Duration::from_secs(self.modified.0.max(self.changed.0).try_into().unwrap_or_default());
        now.checked_sub(written).is_some_and(|passed| passed > age)
    }
}

/// The error of a file that cannot be read.
pub(super) fn read_error(path: &Path, error: &io::Error) -> SourceError {
    let path = path.display();
    SourceError::Unreachable(match error.kind() {
        io::ErrorKind::NotFound => format!("there is no file {path}"),
        io::ErrorKind::PermissionDenied => format!("{path} may not be read by the program's user"),
        _ => format!("{path} cannot be read: {error}"),
    })
}
