use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::watch_registry::SharedWatchTable;
use crate::domain::{EndReason, Person};

/// What a live connection hears of the row that it hangs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowEvent {
    /// It is over, and why.
    Ended(EndReason),
    /// It opens nothing for now: nobody could confirm its person for too long.
    Unconfirmed,
    /// It goes on with its person described anew: another name, other groups.
    Changed(Person),
}

/// A live connection's ear for what becomes of the row that it hangs on: its session, its token.
///
/// Keeping the watch is not activity: a page that only listens ends with its session's idle time.
pub struct RowWatch {
    shared: Arc<SharedWatchTable>,
    row: i64,
    mailbox: Arc<Mailbox>,
    /// Up to which look it has heard everything.
    seen_check: u64,
}

/// Where those who listen to one row hear of it.
#[derive(Default)]
pub(super) struct Mailbox {
    state: Mutex<RowState>,
    changed: Notify,
}

#[derive(Default)]
struct RowState {
    ended: Option<EndReason>,
    /// The look that found it so, unless a later one did not.
    unconfirmed: Option<u64>,
    /// The person as they were last told, and the look that found them so.
    person: Option<(u64, Box<Person>)>,
}

impl RowWatch {
    pub(super) fn new(shared: Arc<SharedWatchTable>, row: i64, mailbox: Arc<Mailbox>, seen_check: u64) -> Self {
        Self { shared, row, mailbox, seen_check }
    }

    /// Resolves when there is news: at once when the row ends (or has) or its person changes, by itself at its end and when
    /// it goes stale. May be cancelled and asked again; an end is told to whoever asks again.
    pub async fn next_event(&mut self) -> RowEvent {
        loop {
            // First the ear, then the look.
            let changed = self.mailbox.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(news) = self.mailbox.told().event_after(&mut self.seen_check) {
                return news;
            }
            changed.await;
        }
    }
}

impl Drop for RowWatch {
    fn drop(&mut self) {
        self.shared.unsubscribe(self.row, &self.mailbox);
    }
}

impl Mailbox {
    pub(super) fn set_ended(&self, reason: EndReason) {
        self.update(|told| told.ended = Some(reason));
    }

    pub(super) fn set_unconfirmed(&self, look: u64) {
        self.update(|told| told.unconfirmed = Some(look));
    }

    pub(super) fn clear_unconfirmed(&self) {
        self.told().unconfirmed = None;
    }

    pub(super) fn set_person(&self, look: u64, person: Person) {
        self.update(|told| told.person = Some((look, Box::new(person))));
    }

    fn update(&self, change: impl FnOnce(&mut RowState)) {
        change(&mut self.told());
        self.changed.notify_waiters();
    }

    fn told(&self) -> MutexGuard<'_, RowState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RowState {
    /// What there is to hear after the look `heard`.
    fn event_after(&self, heard: &mut u64) -> Option<RowEvent> {
        let (look, news) = match (self.ended, self.unconfirmed, &self.person) {
            (Some(reason), ..) => return Some(RowEvent::Ended(reason)),
            (None, Some(look), _) if look > *heard => (look, RowEvent::Unconfirmed),
            (None, _, Some((look, person))) if look > heard => (*look, RowEvent::Changed((**person).clone())),
            _ => return None,
        };
        *heard = look;
        Some(news)
    }
}
