use std::sync::Arc;
use std::time::Duration;

use crate::directory::{Directories, GroupMention, GroupWatch};
use crate::domain::{Audience, Clock};
use crate::pages::{PageStore, referenced_groups};

/// Looks up the groups that pages and settings name: at the start, when the pages change, and every so often. Groups of
/// directories without a service account are skipped.
pub(super) async fn watch_groups(
    watch: Arc<GroupWatch>,
    directories: Arc<Directories>,
    page_store: Arc<PageStore>,
    admins: Audience,
    clock: Arc<dyn Clock>,
    interval: Duration,
) {
    let mut changes = page_store.subscribe();
    loop {
        changes.mark_unchanged();
        let mut named: Vec<GroupMention> = referenced_groups(Some(&page_store), &admins);
        named.retain(|mention| directories.can_look_up_group(&mention.group));
        watch.check(&named).await;
        tokio::select! {
            () = clock.sleep(interval) => {}
            // The sender lives in the page store, which this task holds.
            _ = changes.changed() => {}
        }
    }
}
