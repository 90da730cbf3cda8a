use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::RowStatus;
use crate::domain::{EndReason, Fingerprint, Person, Timestamp};
use crate::store::StoreError;
use crate::store::row_watch::Mailbox;

/// A row that is watched is looked at this often, although news is told at once: a laptop's sleep stops timers, and another
/// process may have written into the file.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_mins(1);

/// When a row cannot be read, it is looked at again after this long …
const RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// … for so long in all. Then nobody can say that it still holds, and it does not.
const GIVE_UP_AFTER: Duration = Duration::from_mins(1);

/// So many rows are looked at by one question.
const MAX_ROWS_PER_CHECK: usize = 256;

/// Which rows somebody listens to, and when each is looked at. It asks nobody: whoever keeps it does.
#[derive(Default)]
pub(super) struct WatchTable {
    pub(super) entries: HashMap<i64, WatchEntry>,
    /// When which row is looked at, the next one first.
    schedule: BTreeSet<(Timestamp, i64)>,
    /// How many looks have begun.
    checks_begun: u64,
    pub(super) is_task_running: bool,
}

/// A row that somebody listens to.
pub(super) struct WatchEntry {
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) watches: usize,
    check_at: Timestamp,
    /// Since when it cannot be read.
    unreadable_since: Option<Timestamp>,
    /// Of the person as the row has them and as every listener knows them; `None` when one of them may not.
    fingerprint: Option<Fingerprint>,
    /// The newest look that had begun when the last listener came.
    joined_after_check: u64,
}

/// What the one who looks after the rows does next.
pub(super) enum NextStep {
    /// Looks at these; it is the look of that number.
    Check(u64, Vec<i64>),
    /// Waits so long.
    Wait(Duration),
}

impl WatchTable {
    /// One more listener, who knows the person so: where to listen, and up to which look they have heard.
    pub(super) fn subscribe(&mut self, row: i64, known: Fingerprint, now: Timestamp) -> (Arc<Mailbox>, u64) {
        let entry = self.entries.entry(row).or_insert_with(|| WatchEntry {
            mailbox: Arc::default(),
            watches: 0,
            check_at: now,
            unreadable_since: None,
            fingerprint: Some(known),
            joined_after_check: 0,
        });
        entry.watches += 1;
        entry.joined_after_check = self.checks_begun;
        if entry.fingerprint != Some(known) {
            // One of them is mistaken. The next look tells everybody.
            entry.fingerprint = None;
        }
        let post = Arc::clone(&entry.mailbox);
        self.reschedule(row, now);
        (post, self.checks_begun)
    }

    /// Has a row looked at then.
    pub(super) fn reschedule(&mut self, row: i64, at: Timestamp) {
        if let Some(entry) = self.entries.get_mut(&row) {
            self.schedule.remove(&(entry.check_at, row));
            entry.check_at = at;
            self.schedule.insert((at, row));
        }
    }

    pub(super) fn remove(&mut self, row: i64) -> Option<WatchEntry> {
        let entry = self.entries.remove(&row)?;
        self.schedule.remove(&(entry.check_at, row));
        Some(entry)
    }

    /// What there is to do; nothing, when nobody listens.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<NextStep> {
        let Some((first, _)) = self.schedule.first() else {
            self.is_task_running = false;
            return None;
        };
        // Nothing is planned further off than this, unless the clock was set back: that must not put a look off until it has
        // caught up.
        let too_far = self.schedule.range((now + CHECK_INTERVAL, i64::MAX)..);
        let due = self.schedule.range(..=(now, i64::MAX)).chain(too_far).map(|(_, row)| *row);
        let due: Vec<_> = due.take(MAX_ROWS_PER_CHECK).collect();
        if due.is_empty() {
            return Some(NextStep::Wait(first.since(now)));
        }
        self.checks_begun += 1;
        for row in &due {
            // Whoever begins to listen meanwhile, or is told of a change, has it looked at once more.
            self.reschedule(*row, now + CHECK_INTERVAL);
        }
        Some(NextStep::Check(self.checks_begun, due))
    }

    /// Takes in what a look has shown, and tells those who listen.
    pub(super) fn apply_check(
        &mut self,
        what: &str,
        look: u64,
        rows: &[i64],
        standings: Result<Vec<(i64, RowStatus)>, StoreError>,
        now: Timestamp,
    ) {
        let mut standings: HashMap<_, _> = match standings {
            Ok(standings) => standings.into_iter().collect(),
            Err(error) => {
                tracing::warn!(rows = rows.len(), %error, "what live connections hang on cannot be looked up: {what}s");
                for row in rows {
                    self.check_failed(*row, what, now);
                }
                return;
            }
        };
        for row in rows {
            match standings.remove(row).unwrap_or(RowStatus::Ended(EndReason::Expired)) {
                RowStatus::Ended(reason) => {
                    if let Some(entry) = self.remove(*row) {
                        entry.mailbox.set_ended(reason);
                    }
                }
                RowStatus::Unconfirmed => {
                    if let Some(entry) = self.entries.get_mut(row) {
                        entry.unreadable_since = None;
                        entry.mailbox.set_unconfirmed(look);
                    }
                }
                RowStatus::Valid { until, person } => self.apply_valid(*row, what, look, until, &person, now),
            }
        }
    }

    fn apply_valid(&mut self, row: i64, what: &str, look: u64, until: Timestamp, person: &[u8], now: Timestamp) {
        let Some(entry) = self.entries.get_mut(&row) else { return };
        let written = Fingerprint::of_bytes(person);
        if entry.fingerprint != Some(written) {
            let read: Person = match serde_json::from_slice(person) {
                Ok(read) => read,
                Err(error) => {
                    tracing::warn!(row, %error, "the person of a live connection's {what} cannot be read");
                    self.check_failed(row, what, now);
                    return;
                }
            };
            entry.fingerprint = Some(written);
            entry.mailbox.set_person(look, read);
        }
        if entry.joined_after_check == look {
            // Whoever came while this look was under way has not heard what it showed. The one that they asked for tells everybody,
            // and nobody is harmed by hearing what they know.
            entry.fingerprint = None;
        }
        entry.unreadable_since = None;
        entry.mailbox.clear_unconfirmed();
        // What began meanwhile to be due at once stays so.
        if entry.check_at > until {
            self.reschedule(row, until);
        }
    }

    /// A row could not be read: it is looked at again, and given up after a while.
    pub(super) fn check_failed(&mut self, row: i64, what: &str, now: Timestamp) {
        let Some(entry) = self.entries.get_mut(&row) else { return };
        let since = *entry.unreadable_since.get_or_insert(now);
        if now.since(since) < GIVE_UP_AFTER {
            // What began meanwhile to be due sooner stays so.
            if entry.check_at > now + RETRY_INTERVAL {
                self.reschedule(row, now + RETRY_INTERVAL);
            }
        } else if let Some(entry) = self.remove(row) {
            tracing::error!(row, "live connections end: their {what} cannot be looked up");
            entry.mailbox.set_ended(EndReason::Expired);
        }
    }
}
