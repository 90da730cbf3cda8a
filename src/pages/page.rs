use std::ops::Deref;

use sha2::{Digest, Sha256};

use crate::config::PageFile;

/// Enough to tell the states of one page apart.
const FINGERPRINT_BYTES: usize = 6;

/// A page on the shelf.
#[derive(Debug)]
pub struct Page {
    file: PageFile,
    revision: u64,
}

impl Page {
    pub(super) fn new(file: PageFile, revision: u64) -> Self {
        Self { file, revision }
    }

    /// The file as visitors see it, with its folder and no more: `pages/operations.toml`. Where on this machine the folder
    /// is, is nobody's business.
    pub fn file_name(&self) -> String {
        let mut parts: Vec<_> = self.file.file.iter().rev().take(2).map(|part| part.to_string_lossy()).collect();
        parts.reverse();
        parts.join("/")
    }

    /// Tells this state of the page from every other, over restarts too: a browser that shows another one loads the page
    /// again. The program's version counts, since it brings other templates and scripts.
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::new().chain_update(env!("CARGO_PKG_VERSION")).chain_update(&self.file.text).finalize();
        hex::encode(&digest[..FINGERPRINT_BYTES])
    }

    /// Counts the loads of the shelf: a page whose file changed has a higher one than before, and its channels are
    /// others.
    pub fn revision(&self) -> u64 {
        self.revision
    }
}

impl Deref for Page {
    type Target = PageFile;

    fn deref(&self) -> &PageFile {
        &self.file
    }
}
