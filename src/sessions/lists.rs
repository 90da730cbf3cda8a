use super::session::{Row, columns};
use super::{EndReason, Session, Sessions};
use crate::domain::{PersonId, SessionId};
use crate::store::StoreError;

/// Sessions to look at and to choose from: a person's own, and for admins everybody's.
impl Sessions {
    /// The sessions somebody has now, the newest first. One whose row cannot be read is left out, and logged: it
    /// opens nothing (see [`Self::find`]), and must not hide the others.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn of(&self, person: &PersonId) -> Result<Vec<Session>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(concat!(
            "SELECT ",
            columns!(),
            " FROM sessions WHERE person_id = ? AND ended_at IS NULL ORDER BY created_at DESC, id DESC"
        ))
        .bind(person.as_str())
        .fetch_all(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        let now = self.now();
        Ok(self.readable(rows).filter(|session| now < session.end()).collect())
    }

    /// Everybody's sessions, those used last first: at most `most`, from behind the first `skip` on.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn everybodys(&self, skip: usize, most: usize) -> Result<Vec<Session>, StoreError> {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let rows: Vec<Row> = sqlx::query_as(concat!(
            "SELECT ",
            columns!(),
            " FROM sessions WHERE ended_at IS NULL ORDER BY last_seen_at DESC, id DESC LIMIT ? OFFSET ?"
        ))
        .bind(count(most))
        .bind(count(skip))
        .fetch_all(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        let now = self.now();
        Ok(self.readable(rows).filter(|session| now < session.end()).collect())
    }

    /// One session, unless it has ended.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn get(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let row: Option<Row> =
            sqlx::query_as(concat!("SELECT ", columns!(), " FROM sessions WHERE id = ? AND ended_at IS NULL"))
                .bind(id.as_i64())
                .fetch_optional(self.pool())
                .await
                .map_err(|error| self.query_failed(&error))?;
        let session = row.map(|row| self.read(row)).transpose()?;
        Ok(session.filter(|session| self.now() < session.end()))
    }

    /// Ends all sessions of somebody but one, and tells their live connections at once. Answers with the ended ones.
    ///
    /// # Errors
    /// [`StoreError`] when the ends cannot be written down; the sessions then go on.
    pub async fn end_others(
        &self,
        person: &PersonId,
        kept: SessionId,
        reason: EndReason,
    ) -> Result<Vec<Session>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(concat!(
            "UPDATE sessions SET ended_at = ?, end_reason = ? WHERE person_id = ? AND id <> ? AND ended_at IS NULL
             RETURNING ",
            columns!()
        ))
        .bind(self.now().as_millis())
        .bind(reason.word())
        .bind(person.as_str())
        .bind(kept.as_i64())
        .fetch_all(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        Ok(self.tell_the_ended(rows, reason))
    }

    /// Ends everybody's sessions, except one where `kept` is given, and tells their live connections at once. Answers with
    /// the ended ones.
    ///
    /// # Errors
    /// [`StoreError`] when the ends cannot be written down; the sessions then go on.
    pub async fn end_everybodys(&self, kept: Option<SessionId>, reason: EndReason) -> Result<Vec<Session>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(concat!(
            "UPDATE sessions SET ended_at = ?, end_reason = ? WHERE id IS NOT ? AND ended_at IS NULL RETURNING ",
            columns!()
        ))
        .bind(self.now().as_millis())
        .bind(reason.word())
        .bind(kept.map(SessionId::as_i64))
        .fetch_all(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        Ok(self.tell_the_ended(rows, reason))
    }

    /// Tells the live connections of the sessions that have just ended.
    pub(super) fn tell_the_ended(&self, rows: Vec<Row>, reason: EndReason) -> Vec<Session> {
        if !rows.is_empty() {
            self.recent().turn_over();
        }
        for row in &rows {
            self.watchers().tell(row.id(), reason);
        }
        self.readable(rows).collect()
    }
}
