use std::collections::BTreeMap;
use std::sync::Arc;

use crate::audit::{Audit, AuditEvent};
use crate::domain::{Client, PageSlug};
use crate::pages::PageStore;

/// Records in the audit log which pages have changed, whenever their files are reloaded.
pub(super) async fn audit_pages(page_store: Arc<PageStore>, audit: Audit) {
    let mut changes = page_store.subscribe();
    let mut before = PagesSnapshot::of(&page_store);
    loop {
        // The sender lives in the page store, which this task holds.
        let _ = changes.changed().await;
        let now = PagesSnapshot::of(&page_store);
        if let Some(what) = now.changes_since(&before) {
            audit.record(&Client::default(), &AuditEvent::PagesReloaded { what: &what });
        }
        before = now;
    }
}

/// The pages at one time: their revisions, and the number of faults in their files.
struct PagesSnapshot {
    revisions: BTreeMap<PageSlug, String>,
    faults: usize,
}

impl PagesSnapshot {
    fn of(page_store: &PageStore) -> Self {
        let revision = |page: &Arc<crate::pages::Page>| (page.slug.clone(), page.revision().to_owned());
        Self { revisions: page_store.pages().iter().map(revision).collect(), faults: page_store.diagnostic_reports().len() }
    }

    /// A short text of the changes; `None` when there are none.
    fn changes_since(&self, before: &Self) -> Option<String> {
        let missing_in = |here: &Self, there: &Self| -> Vec<String> {
            there.revisions.keys().filter(|slug| !here.revisions.contains_key(*slug)).map(ToString::to_string).collect()
        };
        let changed: Vec<_> = self
            .revisions
            .iter()
            .filter(|(slug, revision)| before.revisions.get(*slug).is_some_and(|theirs| theirs != *revision))
            .map(|(slug, _)| slug.to_string())
            .collect();
        let parts = [("added", missing_in(before, self)), ("changed", changed), ("removed", missing_in(self, before))];
        let mut parts: Vec<String> = parts
            .into_iter()
            .filter(|(_, pages)| !pages.is_empty())
            .map(|(how, pages)| format!("{how} {}", pages.join(", ")))
            .collect();
        if self.faults != before.faults {
            parts.push(format!("{} faults in page files, {} before", self.faults, before.faults));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(pages: &[(&str, &str)], faults: usize) -> PagesSnapshot {
        let revisions = pages.iter().map(|(slug, revision)| (slug.parse().unwrap(), (*revision).to_owned()));
        PagesSnapshot { revisions: revisions.collect(), faults }
    }

    #[test]
    fn what_has_changed_is_said_and_nothing_is_said_of_the_rest() {
        let before = pages(&[("ops", "1"), ("sales", "1"), ("stock", "1")], 0);
        let after = pages(&[("ops", "2"), ("stock", "1"), ("new", "1")], 1);
        let said = after.changes_since(&before).unwrap();
        assert_eq!(said, "added new; changed ops; removed sales; 1 faults in page files, 0 before");
        assert_eq!(after.changes_since(&after), None);
    }
}
