use super::{EndReason, Session, SessionFilter, Sessions};
use crate::domain::{PersonId, SessionId};
use crate::store::{EndSelection, StoreError};

/// One page of a list of sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionList {
    /// The sessions.
    pub sessions: Vec<Session>,
    /// The id behind which the next page begins; `None` when there is none.
    pub next_after: Option<SessionId>,
}

/// Everybody's sessions, and ends of many at once.
impl Sessions {
    /// Everybody's sessions that match the filter, the latest sign-in first: at most `limit`, from behind `after` on.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn list(
        &self,
        filter: &SessionFilter,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<SessionList, StoreError> {
        // One more shows whether there is any more.
        let mut records = self.store().list(filter, after, limit.saturating_add(1)).await?;
        let has_more = records.len() > limit;
        records.truncate(limit);
        let next_after = records.last().filter(|_| has_more).map(|record| record.id);
        let now = self.now();
        let mut sessions = self.decode_all(records);
        sessions.retain(|session| now < session.expires_at());
        Ok(SessionList { sessions, next_after })
    }

    /// The number of sessions, those included that have expired since the last sweep.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn count(&self) -> Result<u64, StoreError> {
        self.store().count().await
    }

    /// Ends all sessions of a person but one, and notifies their live connections at once. Returns the ended ones.
    ///
    /// # Errors
    /// [`StoreError`] when the ends cannot be written down; the sessions then go on.
    pub async fn end_others(&self, person: &PersonId, kept: SessionId, reason: EndReason) -> Result<Vec<Session>, StoreError> {
        let others = EndSelection { person: Some(person.clone()), kept: Some(kept), ..EndSelection::all() };
        self.end_selected(&others, reason).await
    }

    /// Ends everybody's sessions, except one where `kept` is given, and notifies their live connections at once.
    /// Returns the ended ones.
    ///
    /// # Errors
    /// [`StoreError`] when the ends cannot be written down; the sessions then go on.
    pub async fn end_all(&self, kept: Option<SessionId>, reason: EndReason) -> Result<Vec<Session>, StoreError> {
        self.end_selected(&EndSelection { kept, ..EndSelection::all() }, reason).await
    }
}
