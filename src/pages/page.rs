use std::ops::Deref;

use sha2::{Digest, Sha256};

use super::PageFile;

/// The length of a revision: enough to tell the states of one page apart.
pub(super) const REVISION_BYTES: usize = 6;

/// A page in the store.
#[derive(Debug)]
pub struct Page {
    file: PageFile,
    revision: String,
}

impl Page {
    pub(super) fn new(file: PageFile) -> Self {
        let digest = Sha256::new().chain_update(env!("CARGO_PKG_VERSION")).chain_update(&file.text).finalize();
        Self { file, revision: hex::encode(&digest[..REVISION_BYTES]) }
    }

    /// The file's name for visitors, with its folder and no more: `pages/operations.toml`. The path to the folder is nobody's
    /// business.
    pub fn file_name(&self) -> String {
        let mut parts: Vec<_> = self.file.file.iter().rev().take(2).map(|part| part.to_string_lossy()).collect();
        parts.reverse();
        parts.join("/")
    }

    /// A hash of the page's file and the program's version, the same over restarts: a page whose file changed has other
    /// channels, and a browser that shows the one before loads it again. The version counts, since it brings other
    /// templates and scripts.
    pub fn revision(&self) -> &str {
        &self.revision
    }
}

impl Deref for Page {
    type Target = PageFile;

    fn deref(&self) -> &PageFile {
        &self.file
    }
}
