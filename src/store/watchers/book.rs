use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::Standing;
use crate::domain::{EndReason, Fingerprint, Person, Timestamp};
use crate::store::StoreError;
use crate::store::watch::Post;

/// A row that is watched is looked at this often, although news is told at once: a laptop's sleep stops timers, and another
/// process may have written into the file.
pub(super) const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// When a row cannot be read, it is looked at again after this long …
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// … for so long in all. Then nobody can say that it still holds, and it does not.
const GIVE_UP_AFTER: Duration = Duration::from_mins(1);

/// So many rows are looked at by one question.
const LOOKED_AT_TOGETHER: usize = 256;

/// Which rows somebody listens to, and when each is looked at. It asks nobody: whoever keeps it does.
#[derive(Default)]
pub(super) struct Book {
    pub(super) entries: HashMap<i64, Entry>,
    /// When which row is looked at, the next one first.
    agenda: BTreeSet<(Timestamp, i64)>,
    /// How many looks have begun.
    looks: u64,
    pub(super) is_looked_after: bool,
}

/// A row that somebody listens to.
pub(super) struct Entry {
    pub(super) post: Arc<Post>,
    pub(super) listeners: usize,
    look_at: Timestamp,
    /// Since when it cannot be read.
    unread_since: Option<Timestamp>,
    /// Of the person as the row has them and as every listener knows them; `None` when one of them may not.
    written: Option<Fingerprint>,
    /// The newest look that had begun when the last listener came.
    joined: u64,
}

/// What the one who looks after the rows does next.
pub(super) enum Next {
    /// Looks at these; it is the look of that number.
    Look(u64, Vec<i64>),
    /// Waits so long.
    Rest(Duration),
}

impl Book {
    /// One more listener, who knows the person so: where to listen, and up to which look they have heard.
    pub(super) fn listen(&mut self, row: i64, known: Fingerprint, now: Timestamp) -> (Arc<Post>, u64) {
        let entry = self.entries.entry(row).or_insert_with(|| Entry {
            post: Arc::default(),
            listeners: 0,
            look_at: now,
            unread_since: None,
            written: Some(known),
            joined: 0,
        });
        entry.listeners += 1;
        entry.joined = self.looks;
        if entry.written != Some(known) {
            // One of them is mistaken. The next look tells everybody.
            entry.written = None;
        }
        let post = Arc::clone(&entry.post);
        self.plan(row, now);
        (post, self.looks)
    }

    /// Has a row looked at then.
    pub(super) fn plan(&mut self, row: i64, at: Timestamp) {
        if let Some(entry) = self.entries.get_mut(&row) {
            self.agenda.remove(&(entry.look_at, row));
            entry.look_at = at;
            self.agenda.insert((at, row));
        }
    }

    pub(super) fn remove(&mut self, row: i64) -> Option<Entry> {
        let entry = self.entries.remove(&row)?;
        self.agenda.remove(&(entry.look_at, row));
        Some(entry)
    }

    /// What there is to do; nothing, when nobody listens.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<Next> {
        let Some((first, _)) = self.agenda.first() else {
            self.is_looked_after = false;
            return None;
        };
        // Nothing is planned further off than this, unless the clock was set back: that must not put a look off until it has
        // caught up.
        let too_far = self.agenda.range((now + LOOK_AGAIN, i64::MAX)..);
        let due = self.agenda.range(..=(now, i64::MAX)).chain(too_far).map(|(_, row)| *row);
        let due: Vec<_> = due.take(LOOKED_AT_TOGETHER).collect();
        if due.is_empty() {
            return Some(Next::Rest(first.since(now)));
        }
        self.looks += 1;
        for row in &due {
            // Whoever begins to listen meanwhile, or is told of a change, has it looked at once more.
            self.plan(*row, now + LOOK_AGAIN);
        }
        Some(Next::Look(self.looks, due))
    }

    /// Takes in what a look has shown, and tells those who listen.
    pub(super) fn take(
        &mut self,
        what: &str,
        look: u64,
        rows: &[i64],
        standings: Result<Vec<(i64, Standing)>, StoreError>,
        now: Timestamp,
    ) {
        let mut standings: HashMap<_, _> = match standings {
            Ok(standings) => standings.into_iter().collect(),
            Err(error) => {
                tracing::warn!(rows = rows.len(), %error, "what live connections hang on cannot be looked up: {what}s");
                for row in rows {
                    self.puzzled(*row, what, now);
                }
                return;
            }
        };
        for row in rows {
            match standings.remove(row).unwrap_or(Standing::Ended(EndReason::Expired)) {
                Standing::Ended(reason) => {
                    if let Some(entry) = self.remove(*row) {
                        entry.post.ends(reason);
                    }
                }
                Standing::Unconfirmed => {
                    if let Some(entry) = self.entries.get_mut(row) {
                        entry.unread_since = None;
                        entry.post.is_unconfirmed(look);
                    }
                }
                Standing::Lives { until, person } => self.lives(*row, what, look, until, &person, now),
            }
        }
    }

    fn lives(&mut self, row: i64, what: &str, look: u64, until: Timestamp, person: &[u8], now: Timestamp) {
        let Some(entry) = self.entries.get_mut(&row) else { return };
        let written = Fingerprint::of_bytes(person);
        if entry.written != Some(written) {
            let read: Person = match serde_json::from_slice(person) {
                Ok(read) => read,
                Err(error) => {
                    tracing::warn!(row, %error, "the person of a live connection's {what} cannot be read");
                    self.puzzled(row, what, now);
                    return;
                }
            };
            entry.written = Some(written);
            entry.post.is_of(look, read);
        }
        if entry.joined == look {
            // Whoever came while this look was under way has not heard what it showed. The one that they asked for tells everybody,
            // and nobody is harmed by hearing what they know.
            entry.written = None;
        }
        entry.unread_since = None;
        entry.post.is_good();
        // What began meanwhile to be due at once stays so.
        if entry.look_at > until {
            self.plan(row, until);
        }
    }

    /// A row could not be read: it is looked at again, and given up after a while.
    pub(super) fn puzzled(&mut self, row: i64, what: &str, now: Timestamp) {
        let Some(entry) = self.entries.get_mut(&row) else { return };
        let since = *entry.unread_since.get_or_insert(now);
        if now.since(since) < GIVE_UP_AFTER {
            // What began meanwhile to be due sooner stays so.
            if entry.look_at > now + TRY_AGAIN {
                self.plan(row, now + TRY_AGAIN);
            }
        } else if let Some(entry) = self.remove(row) {
            tracing::error!(row, "live connections end: their {what} cannot be looked up");
            entry.post.ends(EndReason::Expired);
        }
    }
}
