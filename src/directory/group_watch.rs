use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::Directory;
use super::client::GroupLookup;
use super::connection::Unreachable;
use super::people::{GroupMention, merge_mentions};
use crate::domain::{Clock, Timestamp};

/// The result of the last check of the groups that pages and settings name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupReport {
    /// When it was made.
    pub checked_at: Timestamp,
    /// The names that let nobody in, since no group has them or several do, with those who name them; or why they could not
    /// be looked up.
    pub ineffective: Result<Vec<(GroupLookup, Vec<String>)>, Unreachable>,
}

/// Checks the groups that pages and settings name, so that an admin hears of a misspelt, deleted or ambiguous one before the
/// people do who are shut out by it.
pub struct GroupWatch {
    directory: Arc<dyn Directory>,
    clock: Arc<dyn Clock>,
    last: Mutex<Option<GroupReport>>,
    /// The names that have been logged.
    logged: Mutex<HashSet<String>>,
}

impl GroupWatch {
    /// A watch that has not checked yet.
    pub fn new(directory: Arc<dyn Directory>, clock: Arc<dyn Clock>) -> Self {
        Self { directory, clock, last: Mutex::new(None), logged: Mutex::default() }
    }

    /// Looks up all groups. A name that has come to let nobody in is logged, once.
    pub async fn check(&self, mentions: &[GroupMention]) {
        let (groups, by) = merge_mentions(mentions);
        let found = self.directory.find_groups(&groups).await;
        let ineffective =
            found.map(|lookups| lookups.into_iter().zip(by).filter(|(lookup, _)| lookup.lets_nobody_in()).collect::<Vec<_>>());
        if let Ok(ineffective) = &ineffective {
            self.log(ineffective);
        }
        let report = GroupReport { checked_at: self.clock.now(), ineffective };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(report);
    }

    /// The last report; `None` before the first check.
    pub fn report(&self) -> Option<GroupReport> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn log(&self, ineffective: &[(GroupLookup, Vec<String>)]) {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        for (lookup, by) in ineffective {
            if !logged.contains(&lookup.wanted.to_string()) {
                tracing::warn!(
                    group = %lookup.wanted, named_by = by.join(", "), near = lookup.suggestions.join(", "), note = lookup.note,
                    "what pages or settings name is not one group of the directory: nobody is let in by it"
                );
            }
        }
        *logged = ineffective.iter().map(|(lookup, _)| lookup.wanted.to_string()).collect();
    }
}
