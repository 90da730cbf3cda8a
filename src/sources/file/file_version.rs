use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::{CWD, Mode, OFlags, fstat, openat, readlinkat};
use rustix::io::Errno;

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

    /// Whether it was last written longer ago than that, by this machine's clock, which says `now`.
    pub(super) fn is_older_than(&self, age: Duration, now: SystemTime) -> bool {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let written = Duration::from_secs(self.modified.0.max(self.changed.0).try_into().unwrap_or_default());
        now.checked_sub(written).is_some_and(|passed| passed > age)
    }
}

/// Opens a file, and looks at what was opened: another may be there than a moment ago. A pipe is not waited for.
///
/// A link is followed if it belongs to root, to this program's user or to the owner of what it leads to. Anybody else who may write
/// in the folder would choose by it what is shown.
///
/// # Errors
/// [`SourceError::Unreachable`] when there is none that can be read, [`SourceError::Broken`] when it is something else.
pub(super) fn open(path: &Path) -> Result<(File, FileVersion), SourceError> {
    let (file, link_owner) = open_link(path).map_err(|error| read_error(path, &error))?;
    let metadata = file.metadata().map_err(|error| read_error(path, &error))?;
    let version = FileVersion::of_metadata(path, &metadata)?;
    let trusted = [0, rustix::process::geteuid().as_raw(), metadata.uid()];
    if link_owner.is_some_and(|owner| !trusted.contains(&owner)) {
        let path = path.display();
        return Err(SourceError::Broken(format!("{path} is a link that belongs to another user than the file it leads to")));
    }
    Ok((file, version))
}

/// Opens a file, or what a link leads to. Then the link's owner is told too.
fn open_link(path: &Path) -> io::Result<(File, Option<u32>)> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match openat(CWD, path, flags | OFlags::NOFOLLOW, Mode::empty()) {
        Ok(file) => return Ok((File::from(file), None)),
        Err(error) if error == Errno::LOOP => {}
        Err(error) => return Err(error.into()),
    }
    // What is asked of the open link is of one and the same, whatever is put in its place.
    let link = openat(CWD, path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    let owner = fstat(&link)?.st_uid;
    let target = readlinkat(&link, "", Vec::<u8>::new())?;
    let target = path.parent().unwrap_or(Path::new("")).join(OsStr::from_bytes(target.as_bytes()));
    let file = openat(CWD, &target, flags, Mode::empty())?;
    Ok((File::from(file), Some(owner)))
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
