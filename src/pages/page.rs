use std::ops::Deref;

use crate::config::PageFile;

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
