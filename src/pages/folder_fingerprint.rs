use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::page_files::{is_page_file, may_hold_pages};

/// The page files in a folder, each with what tells one state of it from another: enough to detect changes.
///
/// A size and a time alone do not: files of a content-addressed store all have one time, and a rename, an archive or a sync may
/// bring another file with the times of the one before.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FolderFingerprint(Option<Vec<(PathBuf, Option<FileState>)>>);

/// The state of a file: where it is, how large, when it was written, and when anything about it changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct FileState {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl FolderFingerprint {
    /// The folder's fingerprint now. One that cannot be read has a fingerprint too.
    pub(super) fn of(folder: &Path) -> Self {
        Self(scan(folder))
    }
}

fn scan(folder: &Path) -> Option<Vec<(PathBuf, Option<FileState>)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).ok()? {
        let path = entry.ok()?.path();
        if is_page_file(&path) || may_hold_pages(&path) {
            // A link's target counts, not the link.
            let state = fs::metadata(&path).ok().map(|metadata| FileState::of(&metadata));
            files.push((path, state));
        }
    }
    files.sort();
    Some(files)
}

impl FileState {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs::File;
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    /// Writes a file whose time of writing is that of a content-addressed store.
    fn write_undated(path: &Path, text: &str) {
        fs::write(path, text).unwrap();
        File::options().write(true).open(path).unwrap().set_modified(UNIX_EPOCH + Duration::from_secs(1)).unwrap();
    }

    #[test]
    fn another_file_of_the_same_size_and_time_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let page = folder.path().join("ops.toml");
        write_undated(&page, "access = 'public' ");
        let before = FolderFingerprint::of(folder.path());
        assert_eq!(FolderFingerprint::of(folder.path()), before);
        let other = folder.path().join("new");
        write_undated(&other, "access = 'private'");
        fs::rename(&other, &page).unwrap();
        let renamed = FolderFingerprint::of(folder.path());
        assert_ne!(renamed, before, "a rename with copied times");
        write_undated(&page, "access = 'public' ");
        assert_ne!(FolderFingerprint::of(folder.path()), renamed, "written in place, with the time set back");
    }

    #[test]
    fn a_folder_that_is_a_link_to_another_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("pages");
        let fingerprint_of = |generation: &str, text: &str| {
            let target = folder.path().join(generation);
            fs::create_dir(&target).unwrap();
            write_undated(&target.join("ops.toml"), text);
            let _ = fs::remove_file(&link);
            std::os::unix::fs::symlink(&target, &link).unwrap();
            FolderFingerprint::of(&link)
        };
        assert_ne!(fingerprint_of("1", "access = 'public' "), fingerprint_of("2", "access = 'private'"));
    }

    #[test]
    fn what_is_no_page_file_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let before = FolderFingerprint::of(folder.path());
        for name in ["README.md", ".ops.toml.swp", ".hidden.toml", "ops.toml~"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        assert_eq!(FolderFingerprint::of(folder.path()), before);
    }
}
