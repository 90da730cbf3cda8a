use super::session::{Proofs, Row, Times, columns};
use super::{Beginning, EndReason, Proved, Session, SessionToken, Sessions};
use crate::domain::{Client, Person, PersonId, SessionId, Timestamp};
use crate::store::StoreError;

/// How many sessions one person may have; beyond it the oldest end. Far more browsers than anybody has, and few
/// enough that a script that signs in again and again does not fill the disk.
const MOST_SESSIONS_OF_ONE: i64 = 100;

/// How sessions begin, and get a new token whenever their person has proved more.
impl Sessions {
    /// Begins a session for somebody who has just proved who they are, with a fresh token for their browser. The
    /// sign-in confirms it.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be kept, or the system has no randomness to give.
    pub async fn begin(
        &self,
        person: &Person,
        client: &Client,
        beginning: Beginning,
    ) -> Result<(SessionToken, Session), StoreError> {
        let token = SessionToken::generate()?;
        let now = self.now();
        let Beginning { upkeep, second_factor, stays } = beginning;
        let second_factor_at = second_factor.then_some(now);
        let described = serde_json::to_string(person).map_err(|error| self.failed(&error))?;
        let written = sqlx::query(
            "INSERT INTO sessions (token_hash, person_id, person, created_at, last_seen_at, confirmed_at, proved_at,
                 second_factor_at, upkeep, stays, address, user_agent)
             VALUES (?1, ?2, ?3, ?4, ?4, ?4, ?4, ?5, ?6, ?7, ?8, ?9)",
        )
        .bind(token.hash().to_vec())
        .bind(person.id.as_str())
        .bind(described)
        .bind(now.as_millis())
        .bind(second_factor_at.map(Timestamp::as_millis))
        .bind(upkeep.word())
        .bind(stays)
        .bind(client.address().map(|address| address.to_string()))
        .bind(client.user_agent())
        .execute(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        let id = SessionId::new(written.last_insert_rowid());
        let times = Times { created_at: now, last_seen_at: now, confirmed_at: now, upkeep, stays };
        let proofs = Proofs { proved_at: now, second_factor_at };
        let session = Session::of(id, person.clone(), times, proofs, client.clone(), self.lifetimes());
        self.end_the_oldest_of(&person.id).await?;
        Ok((token, session))
    }

    /// Notes what the person of the session `token` has proved anew, and gives their browser another token. The old one
    /// opens nothing from now on; the session, its end and its live connections stay. `None` when there is no such
    /// session any more.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written: the old token is good then, and nothing was noted.
    pub async fn prove(
        &self,
        token: &SessionToken,
        proved: Proved,
    ) -> Result<Option<(SessionToken, Session)>, StoreError> {
        let fresh = SessionToken::generate()?;
        let row: Option<Row> = sqlx::query_as(concat!(
            "UPDATE sessions SET token_hash = ?1, proved_at = coalesce(?2, proved_at),
                 second_factor_at = coalesce(?3, second_factor_at)
             WHERE token_hash = ?4 AND ended_at IS NULL RETURNING ",
            columns!()
        ))
        .bind(fresh.hash().to_vec())
        .bind(matches!(proved, Proved::Password | Proved::Both).then(|| self.now().as_millis()))
        .bind(matches!(proved, Proved::SecondFactor | Proved::Both).then(|| self.now().as_millis()))
        .bind(token.hash().to_vec())
        .fetch_optional(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        let session = row.map(|row| self.read(row)).transpose()?;
        Ok(session.filter(|session| self.now() < session.end()).map(|session| (fresh, session)))
    }

    async fn end_the_oldest_of(&self, person: &PersonId) -> Result<(), StoreError> {
        let surplus: Vec<i64> = sqlx::query_scalar(
            "SELECT id FROM sessions WHERE person_id = ? AND ended_at IS NULL
             ORDER BY created_at DESC, id DESC LIMIT -1 OFFSET ?",
        )
        .bind(person.as_str())
        .bind(MOST_SESSIONS_OF_ONE)
        .fetch_all(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        for id in surplus {
            self.end(SessionId::new(id), EndReason::Revoked).await?;
        }
        Ok(())
    }
}
