use std::net::IpAddr;

use super::session::{StoredSession, columns};
use super::{EndReason, Session, Sessions};
use crate::domain::{PersonId, SessionId};
use crate::store::StoreError;

/// A filter for lists of sessions: those for which all fields that are set match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// A part of the person's account name, sign-in name or display name.
    pub name: Option<String>,
    /// The address they signed in from.
    pub address: Option<IpAddr>,
}

/// One page of a list of sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionList {
    /// The sessions.
    pub sessions: Vec<Session>,
    /// The id behind which the next page begins; `None` when there is none.
    pub next_after: Option<SessionId>,
}

/// Lists of sessions: a person's own, and for admins everybody's.
impl Sessions {
    /// A person's current sessions, the newest first. One whose row cannot be read is left out, and logged: it grants
    /// nothing (see [`Self::find`]), and must not hide the others.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn of_person(&self, person: &PersonId) -> Result<Vec<Session>, StoreError> {
        let rows: Vec<StoredSession> = sqlx::query_as(concat!(
            "SELECT ",
            columns!(),
            " FROM sessions WHERE person_id = ? AND ended_at IS NULL ORDER BY created_at DESC, id DESC"
        ))
        .bind(person.as_str())
        .fetch_all(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        let now = self.now();
        Ok(self.decode_all(rows).filter(|session| now < session.expires_at()).collect())
    }

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
        // A row whose person cannot be read must not keep the rows beside it from being found.
        let mut rows: Vec<StoredSession> = sqlx::query_as(concat!(
            "SELECT ",
            columns!(),
            " FROM sessions WHERE ended_at IS NULL AND (?1 IS NULL OR id < ?1) AND (?2 IS NULL OR address = ?2) AND (?3 IS NULL OR
                 CASE WHEN json_valid(person) THEN instr(lower(concat_ws(char(10), person ->> 'username',
                     person ->> 'principal', person ->> 'display_name')), lower(?3)) > 0 END)
             ORDER BY id DESC LIMIT ?4"
        ))
        .bind(after)
        .bind(filter.address.map(|address| address.to_canonical().to_string()))
        .bind(filter.name.as_deref())
        // One more shows whether there is any more.
        .bind(i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1))
        .fetch_all(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next_after = rows.last().filter(|_| has_more).map(|row| row.id);
        let now = self.now();
        Ok(SessionList { sessions: self.decode_all(rows).filter(|session| now < session.expires_at()).collect(), next_after })
    }

    /// The number of sessions, those included that have expired since the last sweep.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn count(&self) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM sessions INDEXED BY sessions_alive WHERE ended_at IS NULL")
            .fetch_one(self.pool())
            .await
            .map_err(|error| self.query_failed(&error))?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// The number of a session's live connections.
    pub fn live_connections(&self, id: SessionId) -> usize {
        self.watch_registry().watch_count(id)
    }

    /// One session by its id, unless it has ended.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn get(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let row: Option<StoredSession> =
            sqlx::query_as(concat!("SELECT ", columns!(), " FROM sessions WHERE id = ? AND ended_at IS NULL"))
                .bind(id)
                .fetch_optional(self.pool())
                .await
                .map_err(|error| self.query_failed(&error))?;
        let session = row.map(|row| self.decode(row)).transpose()?;
        Ok(session.filter(|session| self.now() < session.expires_at()))
    }

    /// Ends all sessions of a person but one, and notifies their live connections at once. Returns the ended ones.
    ///
    /// # Errors
    /// [`StoreError`] when the ends cannot be written down; the sessions then go on.
    pub async fn end_others(&self, person: &PersonId, kept: SessionId, reason: EndReason) -> Result<Vec<Session>, StoreError> {
        let rows: Vec<StoredSession> = sqlx::query_as(concat!(
            "UPDATE sessions SET ended_at = ?, end_reason = ? WHERE person_id = ? AND id <> ? AND ended_at IS NULL
             RETURNING ",
            columns!()
        ))
        .bind(self.now().as_millis())
        .bind(reason.as_str())
        .bind(person.as_str())
        .bind(kept)
        .fetch_all(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        Ok(self.notify_ended(rows, reason))
    }

    /// Ends everybody's sessions, except one where `kept` is given, and notifies their live connections at once.
    /// Returns the ended ones.
    ///
    /// # Errors
    /// [`StoreError`] when the ends cannot be written down; the sessions then go on.
    pub async fn end_all(&self, kept: Option<SessionId>, reason: EndReason) -> Result<Vec<Session>, StoreError> {
        let rows: Vec<StoredSession> = sqlx::query_as(concat!(
            "UPDATE sessions SET ended_at = ?, end_reason = ? WHERE id IS NOT ? AND ended_at IS NULL RETURNING ",
            columns!()
        ))
        .bind(self.now().as_millis())
        .bind(reason.as_str())
        .bind(kept)
        .fetch_all(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        Ok(self.notify_ended(rows, reason))
    }

    /// Notifies the live connections of sessions that have just ended, and decodes those sessions.
    pub(super) fn notify_ended(&self, rows: Vec<StoredSession>, reason: EndReason) -> Vec<Session> {
        if !rows.is_empty() {
            self.cache().invalidate();
        }
        for row in &rows {
            self.watch_registry().notify_ended(row.id, reason);
        }
        self.decode_all(rows).collect()
    }
}
