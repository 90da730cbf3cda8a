use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::watchers::Shared;
use crate::domain::{EndReason, Person};

/// What a live connection hears of the row that it hangs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowNews {
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
pub struct Watch {
    shared: Arc<Shared>,
    row: i64,
    post: Arc<Post>,
    /// Up to which look it has heard everything.
    heard: u64,
}

/// Where those who listen to one row hear of it.
#[derive(Default)]
pub(super) struct Post {
    told: Mutex<Told>,
    changed: Notify,
}

#[derive(Default)]
struct Told {
    ended: Option<EndReason>,
    /// The look that found it so, unless a later one did not.
    unconfirmed: Option<u64>,
    /// The person as they were last told, and the look that found them so.
    person: Option<(u64, Box<Person>)>,
}

impl Watch {
    pub(super) fn new(shared: Arc<Shared>, row: i64, post: Arc<Post>, heard: u64) -> Self {
        Self { shared, row, post, heard }
    }

    /// Resolves when there is news: at once when the row ends (or has) or its person changes, by itself at its end and when
    /// it goes stale. May be cancelled and asked again; an end is told to whoever asks again.
    pub async fn news(&mut self) -> RowNews {
        loop {
            // First the ear, then the look.
            let changed = self.post.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(news) = self.post.told().after(&mut self.heard) {
                return news;
            }
            changed.await;
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.leave(self.row, &self.post);
    }
}

impl Post {
    pub(super) fn ends(&self, reason: EndReason) {
        self.tell(|told| told.ended = Some(reason));
    }

    pub(super) fn is_unconfirmed(&self, look: u64) {
        self.tell(|told| told.unconfirmed = Some(look));
    }

    pub(super) fn is_good(&self) {
        self.told().unconfirmed = None;
    }

    pub(super) fn is_of(&self, look: u64, person: Person) {
        self.tell(|told| told.person = Some((look, Box::new(person))));
    }

    fn tell(&self, change: impl FnOnce(&mut Told)) {
        change(&mut self.told());
        self.changed.notify_waiters();
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    /// What there is to hear after the look `heard`.
    fn after(&self, heard: &mut u64) -> Option<RowNews> {
        let (look, news) = match (self.ended, self.unconfirmed, &self.person) {
            (Some(reason), ..) => return Some(RowNews::Ended(reason)),
            (None, Some(look), _) if look > *heard => (look, RowNews::Unconfirmed),
            (None, _, Some((look, person))) if look > heard => (*look, RowNews::Changed((**person).clone())),
            _ => return None,
        };
        *heard = look;
        Some(news)
    }
}
