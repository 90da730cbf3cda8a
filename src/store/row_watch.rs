use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::domain::{EndReason, Person};

/// An event of a watched row, as the live connections that depend on it receive it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowEvent {
    /// The row has ended, and why.
    Ended(EndReason),
    /// It grants nothing for now: its person has not been confirmed for too long.
    Unconfirmed,
    /// Its person has changed: another name, other groups.
    Changed(Person),
}

/// A live connection's subscription to the row that it depends on: its session, its token.
///
/// Watching is not activity: a page that only listens ends with its session's idle time. Dropping it unsubscribes.
pub struct RowWatch {
    mailbox: Arc<Mailbox>,
    /// The last check whose outcome it has received.
    seen_check: u64,
    /// Unsubscribes when it is dropped.
    _subscription: Box<dyn Send + Sync>,
}

/// The latest state of one row, shared with all its watches, and the signal that it changed.
#[derive(Default)]
pub(super) struct Mailbox {
    state: Mutex<RowState>,
    changed: Notify,
}

#[derive(Default)]
struct RowState {
    ended: Option<EndReason>,
    /// The check that found it unconfirmed, unless a later one did not.
    unconfirmed: Option<u64>,
    /// The person as last published, and the check that found them so.
    person: Option<(u64, Box<Person>)>,
}

impl RowWatch {
    pub(super) fn new(mailbox: Arc<Mailbox>, seen_check: u64, subscription: impl Send + Sync + 'static) -> Self {
        Self { mailbox, seen_check, _subscription: Box::new(subscription) }
    }

    /// Waits for the next event: at once when the row ends (or has ended) or its person changes, by itself at its end
    /// and when it goes stale. Cancel-safe; an end is returned again at every further call.
    pub async fn next_event(&mut self) -> RowEvent {
        loop {
            // Registered before the state is read, so that no change falls in between.
            let changed = self.mailbox.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(event) = self.mailbox.lock().event_after(&mut self.seen_check) {
                return event;
            }
            changed.await;
        }
    }
}

impl Mailbox {
    pub(super) fn set_ended(&self, reason: EndReason) {
        self.update(|state| state.ended = Some(reason));
    }

    pub(super) fn set_unconfirmed(&self, check: u64) {
        self.update(|state| state.unconfirmed = Some(check));
    }

    pub(super) fn clear_unconfirmed(&self) {
        self.lock().unconfirmed = None;
    }

    pub(super) fn set_person(&self, check: u64, person: Person) {
        self.update(|state| state.person = Some((check, Box::new(person))));
    }

    fn update(&self, change: impl FnOnce(&mut RowState)) {
        change(&mut self.lock());
        self.changed.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, RowState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RowState {
    /// The event that is newer than the check `seen_check`, which moves on to it.
    fn event_after(&self, seen_check: &mut u64) -> Option<RowEvent> {
        let (check, event) = match (self.ended, self.unconfirmed, &self.person) {
            (Some(reason), ..) => return Some(RowEvent::Ended(reason)),
            (None, Some(check), _) if check > *seen_check => (check, RowEvent::Unconfirmed),
            (None, _, Some((check, person))) if check > seen_check => (*check, RowEvent::Changed((**person).clone())),
            _ => return None,
        };
        *seen_check = check;
        Some(event)
    }
}
