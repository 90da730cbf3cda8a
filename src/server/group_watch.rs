use std::sync::Arc;
use std::time::Duration;

use crate::directory::{Directories, GroupMention, GroupWatch};
use crate::domain::{Audience, Clock};
use crate::pages::{PageStore, referenced_groups};

/// The task that looks up the groups that pages and settings name.
pub(super) struct GroupWatchTask {
    pub(super) watch: Arc<GroupWatch>,
    pub(super) directories: Arc<Directories>,
    pub(super) page_store: Arc<PageStore>,
    pub(super) admins: Audience,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) interval: Duration,
}

impl GroupWatchTask {
    /// Looks them up at the start, when the pages change, and every so often. Groups of directories without a service account are
    /// skipped. It never returns.
    pub(super) async fn run(&self) {
        let mut changes = self.page_store.subscribe();
        loop {
            changes.mark_unchanged();
            let mut named: Vec<GroupMention> = referenced_groups(Some(&self.page_store), &self.admins);
            named.retain(|mention| self.directories.can_look_up_group(&mention.group));
            self.watch.check(&named).await;
            tokio::select! {
                () = self.clock.sleep(self.interval) => {}
                // The sender lives in the page store, which this task holds.
                _ = changes.changed() => {}
            }
        }
    }
}
