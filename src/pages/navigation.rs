use sha2::{Digest, Sha256};

use crate::domain::Visitor;

use super::page::REVISION_BYTES;
use super::{OpenPage, PageStore};

impl PageStore {
    /// Tells what this visitor sees at `page` from everything else: the page's own revision, and what the bar around it
    /// shows, which are the pages they may open and their name. A browser that finds another revision than it shows
    /// loads the page anew.
    pub fn revision_for(&self, page: &OpenPage, visitor: &Visitor) -> String {
        let mut digest = Sha256::new();
        // No part can run into the next: none holds a NUL, and each ends in one.
        let mut add = |part: &str| digest.update([part.as_bytes(), b"\0"].concat());
        add(page.revision());
        for place in self.authorized_pages(visitor) {
            add(place.slug.as_str());
            add(&place.title);
            add(if place.is_locked() { "locked" } else { "" });
        }
        if let Some(member) = visitor.member() {
            add(&member.person.display_name);
            add(&member.person.username);
        }
        hex::encode(&digest.finalize()[..REVISION_BYTES])
    }
}
