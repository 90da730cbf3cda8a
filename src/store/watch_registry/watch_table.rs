use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::domain::{EndReason, Fingerprint, Person, Timestamp};
use crate::store::row_watch::Mailbox;
use crate::store::{RowId, RowStatus, StoreError};

/// The interval of checks of a watched row, although changes are notified at once: a laptop's sleep stops timers, and
/// another process may have written into the file.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_mins(1);

/// The delay after which a row that cannot be read is checked again …
const RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// … and the time after which it is given up, though its store answers or was never asked about it: nobody can say that it is
/// still valid.
const GIVE_UP_AFTER: Duration = Duration::from_mins(1);

/// The most rows that one query checks.
const MAX_ROWS_PER_CHECK: usize = 256;

/// The watched rows, and when each is due for a check. It does no I/O: the task that owns it does.
pub(super) struct WatchTable<Id> {
    pub(super) entries: HashMap<Id, WatchEntry>,
    /// When which row is checked, the next one first.
    schedule: BTreeSet<(Timestamp, Id)>,
    /// The number of checks that have begun.
    checks_begun: u64,
    pub(super) is_task_running: bool,
}

/// A row that is watched.
pub(super) struct WatchEntry {
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) watches: usize,
    check_at: Timestamp,
    /// Since when the row cannot be read, though the store answers.
    unreadable_since: Option<Timestamp>,
    /// Until when the row counts as valid while the store cannot be asked.
    trusted_until: Timestamp,
    /// The person's, as the row has them and as every watch knows them; `None` when one of them may not.
    fingerprint: Option<Fingerprint>,
    /// The newest check that had begun when the last watch was added.
    joined_after_check: u64,
}

/// The next step of the task that checks the rows.
pub(super) enum NextStep<Id> {
    /// Check these rows; it is the check of that number.
    Check(u64, Vec<Id>),
    /// Wait this long.
    Wait(Duration),
}

impl<Id> Default for WatchTable<Id> {
    fn default() -> Self {
        Self { entries: HashMap::new(), schedule: BTreeSet::new(), checks_begun: 0, is_task_running: false }
    }
}

impl<Id: RowId> WatchTable<Id> {
    /// Adds a watch that takes the row's person to be `known`: its mailbox, and the check that it counts as having
    /// seen.
    pub(super) fn subscribe(&mut self, row: Id, known: Fingerprint, now: Timestamp) -> (Arc<Mailbox>, u64) {
        let entry = self.entries.entry(row).or_insert_with(|| WatchEntry {
            mailbox: Arc::default(),
            watches: 0,
            check_at: now,
            unreadable_since: None,
            // Who subscribes has just been let in by what is known of the row. After that it is asked again whether they may.
            trusted_until: now + GIVE_UP_AFTER,
            fingerprint: Some(known),
            joined_after_check: 0,
        });
        entry.watches += 1;
        entry.joined_after_check = self.checks_begun;
        if entry.fingerprint != Some(known) {
            // One of them is mistaken. The next check notifies everybody.
            entry.fingerprint = None;
        }
        let mailbox = Arc::clone(&entry.mailbox);
        self.reschedule(row, now);
        (mailbox, self.checks_begun)
    }

    /// Sets when a row is checked next.
    pub(super) fn reschedule(&mut self, row: Id, at: Timestamp) {
        if let Some(entry) = self.entries.get_mut(&row) {
            self.schedule.remove(&(entry.check_at, row));
            entry.check_at = at;
            self.schedule.insert((at, row));
        }
    }

    /// Sets when all rows are checked next.
    pub(super) fn reschedule_all(&mut self, at: Timestamp) {
        for entry in self.entries.values_mut() {
            entry.check_at = at;
        }
        self.schedule = self.entries.keys().map(|row| (at, *row)).collect();
    }

    pub(super) fn remove(&mut self, row: Id) -> Option<WatchEntry> {
        let entry = self.entries.remove(&row)?;
        self.schedule.remove(&(entry.check_at, row));
        Some(entry)
    }

    /// The next thing to do; `None` when no row is watched.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<NextStep<Id>> {
        let Some((first, _)) = self.schedule.first() else {
            self.is_task_running = false;
            return None;
        };
        // Nothing is planned further off than this, unless the clock was set back: that must not put a check off until
        // it has caught up.
        let too_far = self.schedule.iter().rev().take_while(|(at, _)| *at > now + CHECK_INTERVAL);
        let due = self.schedule.iter().take_while(|(at, _)| *at <= now).chain(too_far).map(|(_, row)| *row);
        let due: Vec<_> = due.take(MAX_ROWS_PER_CHECK).collect();
        if due.is_empty() {
            return Some(NextStep::Wait(first.since(now)));
        }
        self.checks_begun += 1;
        for row in &due {
            // A watch that is added meanwhile, or a change that is notified, has it checked once more.
            self.reschedule(*row, now + CHECK_INTERVAL);
        }
        Some(NextStep::Check(self.checks_begun, due))
    }

    /// Applies the outcome of a check, and notifies the watches. A valid row is trusted for `outage_grace` from now on while the
    /// store cannot be asked, unless its own time is over sooner.
    pub(super) fn apply_check(
        &mut self,
        row_name: &str,
        check: u64,
        rows: &[Id],
        statuses: Result<Vec<(Id, RowStatus)>, StoreError>,
        outage_grace: Duration,
        now: Timestamp,
    ) {
        let mut statuses: HashMap<_, _> = match statuses {
            Ok(statuses) => statuses.into_iter().collect(),
            Err(error) => {
                tracing::warn!(rows = rows.len(), %error, "what live connections hang on cannot be looked up: {row_name}s");
                for row in rows {
                    self.check_failed(*row, row_name, check, error.is_outage(), now);
                }
                return;
            }
        };
        for row in rows {
            match statuses.remove(row).unwrap_or(RowStatus::Ended(EndReason::Expired)) {
                RowStatus::Ended(reason) => {
                    if let Some(entry) = self.remove(*row) {
                        entry.mailbox.set_ended(reason);
                    }
                }
                RowStatus::Unconfirmed => {
                    if let Some(entry) = self.entries.get_mut(row) {
                        entry.unreadable_since = None;
                        entry.mailbox.set_unconfirmed(check);
                    }
                }
                RowStatus::Valid { until, person } => {
                    if let Some(entry) = self.entries.get_mut(row) {
                        entry.trusted_until = until.min(now + outage_grace);
                    }
                    self.apply_valid(*row, row_name, check, until, &person, now);
                }
            }
        }
    }

    fn apply_valid(&mut self, row: Id, row_name: &str, check: u64, until: Timestamp, person: &[u8], now: Timestamp) {
        let Some(entry) = self.entries.get_mut(&row) else { return };
        let fingerprint = Fingerprint::of_bytes(person);
        if entry.fingerprint != Some(fingerprint) {
            let read: Person = match serde_json::from_slice(person) {
                Ok(read) => read,
                Err(error) => {
                    tracing::warn!(%row, %error, "the person of a live connection's {row_name} cannot be read");
                    self.check_failed(row, row_name, check, false, now);
                    return;
                }
            };
            entry.fingerprint = Some(fingerprint);
            entry.mailbox.set_person(check, read);
        }
        if entry.joined_after_check == check {
            // A watch that was added while this check was under way has not received its outcome. The check that it
            // asked for notifies everybody, and nobody is harmed by receiving what they know.
            entry.fingerprint = None;
        }
        entry.unreadable_since = None;
        entry.mailbox.clear_unconfirmed();
        // What has become due at once meanwhile stays so.
        if entry.check_at > until {
            self.reschedule(row, until);
        }
    }

    /// Notes that a row could not be read, which says nothing about it: it is checked again, and grants nothing for now once it has
    /// been so for too long. It never counts as ended for that.
    pub(super) fn check_failed(&mut self, row: Id, row_name: &str, check: u64, is_outage: bool, now: Timestamp) {
        let Some(entry) = self.entries.get_mut(&row) else { return };
        let valid_until =
            if is_outage { entry.trusted_until } else { *entry.unreadable_since.get_or_insert(now) + GIVE_UP_AFTER };
        let mut check_again_at = now + RETRY_INTERVAL;
        if now < valid_until {
            check_again_at = check_again_at.min(valid_until);
        } else {
            tracing::error!(%row, "live connections are closed: their {row_name} cannot be looked up");
            entry.mailbox.set_unconfirmed(check);
        }
        // What has become due sooner meanwhile stays so.
        if entry.check_at > check_again_at {
            self.reschedule(row, check_again_at);
        }
    }
}
