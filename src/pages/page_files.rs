use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The marks of the copies that programs which keep folders in sync make of a file that changed in two places.
const SYNC_CONFLICTS: [&str; 4] = [".sync-conflict-", "conflicted copy", "(conflict", "_conflict-"];

/// The most names that are remembered, so that a folder in which they come and go does not fill the memory.
const MAX_REMEMBERED: usize = 1024;

/// Whether a folder in the folder of page files may be taken for a part of it.
pub(super) fn may_hold_pages(entry: &Path) -> bool {
    !entry.file_name().unwrap_or_default().to_string_lossy().starts_with('.') && entry.is_dir()
}

/// Whether a file of the folder is meant as a page.
pub(super) fn is_page_file(file: &Path) -> bool {
    reason_to_pass_over(file).is_none()
}

/// Why a file is passed over; `None` for one that is meant as a page, be it right or wrong.
fn reason_to_pass_over(file: &Path) -> Option<&'static str> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    if name.starts_with('.') {
        return Some("it is hidden, as its name begins with a dot");
    }
    // In capitals it is a slip, which is told as one.
    if file.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case("toml")) {
        return Some("its name does not end with .toml");
    }
    let lowercase = name.to_lowercase();
    SYNC_CONFLICTS
        .iter()
        .any(|mark| lowercase.contains(mark))
        .then_some("it is a copy made by a program that keeps folders in sync; put the two together, and remove it")
}

/// The files that are passed over and have been told of.
#[derive(Debug, Default)]
pub(super) struct PassedOver(Mutex<BTreeSet<String>>);

impl PassedOver {
    /// Whether the file is passed over, which the log says once.
    pub(super) fn contains(&self, file: &Path) -> bool {
        let Some(reason) = reason_to_pass_over(file) else { return false };
        let name = file.display().to_string();
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < MAX_REMEMBERED && !told.contains(&name) {
            tracing::info!(file = %name, reason, "a file in the folder of page files is passed over");
            told.insert(name);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_files_sync_conflicts_and_other_endings_are_no_pages() {
        for page in ["ops.toml", "Ops Board.toml", "conflicts.toml", "sync.toml"] {
            assert!(is_page_file(Path::new(page)), "{page}");
        }
        for other in [
            ".ops.toml",
            ".#ops.toml",
            "._ops.toml",
            "README.md",
            "ops.toml~",
            "ops.toml.bak",
            "ops.toml.swp",
            "#ops.toml#",
            "ops",
            "ops.sync-conflict-20261101-101010-ABCDEFG.toml",
            "ops (Alice's conflicted copy 2026-11-01).toml",
            "ops (conflicted copy).toml",
            "ops (Conflict 1).toml",
            "ops_conflict-20261101-101010.toml",
        ] {
            assert!(!is_page_file(Path::new(other)), "{other}");
        }
    }
}
