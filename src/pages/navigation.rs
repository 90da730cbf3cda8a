use sha2::{Digest, Sha256};

use crate::domain::Visitor;

use super::page::REVISION_BYTES;
use super::{ListedPage, OpenPage, PageStore};

impl PageStore {
    /// The revision of a page as this visitor sees it: a hash of the page's own revision and of the navigation around it,
    /// which shows the pages they may open and their name. A browser that finds another revision than it shows loads the
    /// page anew.
    pub fn revision_for(&self, page: &OpenPage, visitor: &Visitor) -> String {
        page.revision_among(&self.authorized_pages(visitor), visitor)
    }
}

impl OpenPage {
    /// The revision as [`PageStore::revision_for`] gives it, with these pages in the navigation: for whoever shows them, so that it is
    /// of what they show, even if the pages change meanwhile.
    pub fn revision_among(&self, listed: &[ListedPage], visitor: &Visitor) -> String {
        let mut digest = Sha256::new();
        // No part can run into the next: none contains a NUL, and each ends in one.
        let mut add = |part: &str| {
            digest.update(part);
            digest.update(b"\0");
        };
        add(self.revision());
        for page in listed {
            add(page.slug.as_str());
            add(&page.title);
            add(if page.is_locked() { "locked" } else { "" });
        }
        if let Some(member) = visitor.member() {
            add(&member.person.display_name);
            add(&member.person.username);
        }
        hex::encode(&digest.finalize()[..REVISION_BYTES])
    }
}
