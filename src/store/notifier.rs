use std::sync::{PoisonError, RwLock};

use crate::domain::EndReason;

/// The news of a stored row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowNews<Id> {
    /// It has ended, and why.
    Ended(Id, EndReason),
    /// It says something else now.
    Changed(Id),
    /// News may have been missed: any row may have ended or say something else.
    Missed,
}

/// A listener to the news of rows. It does not wait, and publishes nothing itself.
pub type NewsListener<Id> = Box<dyn Fn(RowNews<Id>) + Send + Sync>;

/// Brings the news of rows to whatever holds on to them: caches and live connections. Whoever changes a row publishes that,
/// once it is written.
///
/// An implementation for several servers also passes on what the others publish. Where it cannot tell whether it has all of
/// that, it publishes [`RowNews::Missed`]; caches are short, and a row that is watched is checked every minute besides.
pub trait Notifier<Id>: Send + Sync {
    /// Publishes news. All listeners of this process have heard it when this returns.
    fn publish(&self, news: RowNews<Id>);

    /// Adds a listener, for as long as the notifier lasts.
    fn subscribe(&self, listener: NewsListener<Id>);
}

/// A notifier within this process.
pub struct LocalNotifier<Id> {
    listeners: RwLock<Vec<NewsListener<Id>>>,
}

impl<Id> Default for LocalNotifier<Id> {
    fn default() -> Self {
        Self { listeners: RwLock::default() }
    }
}

impl<Id: Copy> Notifier<Id> for LocalNotifier<Id> {
    fn publish(&self, news: RowNews<Id>) {
        for listener in self.listeners.read().unwrap_or_else(PoisonError::into_inner).iter() {
            listener(news);
        }
    }

    fn subscribe(&self, listener: NewsListener<Id>) {
        self.listeners.write().unwrap_or_else(PoisonError::into_inner).push(listener);
    }
}
