use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The page files as they lie in a folder: enough to see that something changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FolderFingerprint(Option<Vec<(PathBuf, Option<SystemTime>, u64)>>);

impl FolderFingerprint {
    /// The folder as it is now. One that cannot be read has a stamp too.
    pub(super) fn of(folder: &Path) -> Self {
        Self(scan(folder))
    }
}

fn scan(folder: &Path) -> Option<Vec<(PathBuf, Option<SystemTime>, u64)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).ok()? {
        let path = entry.ok()?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            // A link's target counts, not the link.
            let metadata = fs::metadata(&path).ok();
            files.push((path, metadata.as_ref().and_then(|m| m.modified().ok()), metadata.map_or(0, |m| m.len())));
        }
    }
    files.sort();
    Some(files)
}
