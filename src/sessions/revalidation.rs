use std::collections::HashMap;

use serde::Serialize;

use super::session::{StoredSession, columns};
use super::{EndReason, Session, Sessions};
use crate::domain::{Person, PersonId, Revalidation, SessionId, Timestamp};
use crate::store::StoreError;

/// A batch of the people who are signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeopleBatch {
    /// The people, each once.
    pub people: Vec<Person>,
    /// The person behind whom the next batch begins; `None` when there is nobody more.
    pub next_after: Option<PersonId>,
}

/// Revalidation of sessions against the directory. Whatever concerns many people is one statement, however many they
/// are.
impl Sessions {
    /// The next people, at most `limit`, whom the directory is to be asked about: each once, by their ids in order,
    /// from behind `after` on. Sessions that have run out, or whose people nobody can ask about, do not count.
    ///
    /// A person whose row cannot be read is passed over, and logged.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn people(&self, after: Option<&PersonId>, limit: usize) -> Result<PeopleBatch, StoreError> {
        let [stay, absolute, idle_of_staying, idle] = self.alive_cutoffs();
        // The latest sign-in describes them best. SQLite takes the other columns from the row of the one maximum
        // (https://www.sqlite.org/lang_select.html, 2.5).
        let rows: Vec<(SessionId, String, Vec<u8>, i64)> = sqlx::query_as(
            "SELECT id, person_id, person, max(created_at) FROM sessions
             WHERE upkeep = 'refreshed' AND person_id > ? AND ended_at IS NULL
                 AND created_at > CASE WHEN stays THEN ? ELSE ? END AND last_seen_at > CASE WHEN stays THEN ? ELSE ? END
             GROUP BY person_id ORDER BY person_id LIMIT ?",
        )
        .bind(after.map_or("", PersonId::as_str))
        .bind(stay)
        .bind(absolute)
        .bind(idle_of_staying)
        .bind(idle)
        // One more shows whether there is anybody more.
        .bind(i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1))
        .fetch_all(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        let has_more = rows.len() > limit;
        let last = rows[..limit.min(rows.len())].last().filter(|_| has_more);
        let next_after = last.map(|(_, person_id, _, _)| PersonId::new(person_id));
        let people = rows.into_iter().take(limit).filter_map(|(id, _, person, _)| decode_person(id, &person)).collect();
        Ok(PeopleBatch { people, next_after })
    }

    /// How many people there are whom the directory is to be asked about.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn count_people(&self) -> Result<usize, StoreError> {
        let [stay, absolute, idle_of_staying, idle] = self.alive_cutoffs();
        let count: i64 = sqlx::query_scalar(
            "SELECT count(DISTINCT person_id) FROM sessions
             WHERE upkeep = 'refreshed' AND ended_at IS NULL
                 AND created_at > CASE WHEN stays THEN ? ELSE ? END AND last_seen_at > CASE WHEN stays THEN ? ELSE ? END",
        )
        .bind(stay)
        .bind(absolute)
        .bind(idle_of_staying)
        .bind(idle)
        .fetch_one(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        Ok(usize::try_from(count).unwrap_or_default())
    }

    /// Confirms the sessions of these people, as the directory, asked at `asked_at`, described them. A session whose
    /// person was described otherwise is updated, and its live connections are notified. Sessions that began after
    /// `asked_at` know better.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written; then nothing is.
    pub async fn confirm(&self, people: &[Person], asked_at: Timestamp) -> Result<(), StoreError> {
        let described = people.iter().map(SessionPersonJson::new).collect::<Result<Vec<_>, _>>();
        let described = described.and_then(|people| serde_json::to_string(&people));
        let described = described.map_err(|error| self.failed(&error))?;
        let mut transaction = self.pool().begin().await.map_err(|error| self.query_failed(&error))?;
        let changed: Vec<SessionId> = sqlx::query_scalar(
            "UPDATE sessions SET person = described.person
             FROM (SELECT value ->> 'id' AS id, value ->> 'person' AS person FROM json_each(?)) AS described
             WHERE sessions.person_id = described.id AND sessions.ended_at IS NULL AND sessions.created_at <= ?
                 AND sessions.person <> described.person
             RETURNING sessions.id",
        )
        .bind(&described)
        .bind(asked_at.as_millis())
        .fetch_all(&mut *transaction)
        .await
        .map_err(|error| self.query_failed(&error))?;
        sqlx::query(
            "UPDATE sessions SET confirmed_at = ?
             WHERE person_id IN (SELECT value ->> 'id' FROM json_each(?)) AND ended_at IS NULL AND confirmed_at < ?",
        )
        .bind(asked_at.as_millis())
        .bind(&described)
        .bind(asked_at.as_millis())
        .execute(&mut *transaction)
        .await
        .map_err(|error| self.query_failed(&error))?;
        transaction.commit().await.map_err(|error| self.query_failed(&error))?;
        self.cache().invalidate();
        for id in changed {
            self.watch_registry().notify_changed(id);
        }
        Ok(())
    }

    /// Ends every session that a person had at `asked_at`, when the directory was asked about them; a later sign-in was
    /// confirmed later. Notifies their live connections at once, and returns the ended sessions, for the audit.
    ///
    /// # Errors
    /// [`StoreError`] when the ends cannot be written down; the sessions then go on.
    pub async fn end_all_of(
        &self,
        person: &PersonId,
        asked_at: Timestamp,
        reason: EndReason,
    ) -> Result<Vec<Session>, StoreError> {
        let rows: Vec<StoredSession> = sqlx::query_as(concat!(
            "UPDATE sessions SET ended_at = ?, end_reason = ?
                 WHERE person_id = ? AND created_at <= ? AND ended_at IS NULL RETURNING ",
            columns!()
        ))
        .bind(self.now().as_millis())
        .bind(reason.as_str())
        .bind(person.as_str())
        .bind(asked_at.as_millis())
        .fetch_all(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        Ok(self.notify_ended(rows, reason))
    }

    /// Updates for every session whether its person can be asked about, since the settings may have changed while the
    /// program was down. One that can be has to be confirmed as others are; one that cannot is short from now on.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read or written.
    pub async fn update_revalidation(&self, revalidation_of: impl Fn(&Person) -> Revalidation) -> Result<(), StoreError> {
        let rows: Vec<(SessionId, Vec<u8>, String)> =
            sqlx::query_as("SELECT id, person, upkeep FROM sessions WHERE ended_at IS NULL")
                .fetch_all(self.pool())
                .await
                .map_err(|error| self.query_failed(&error))?;
        let mut changed: HashMap<&'static str, Vec<SessionId>> = HashMap::new();
        for (id, person, written) in rows {
            let Some(person) = decode_person(id, &person) else { continue };
            let upkeep = revalidation_of(&person).as_str();
            if upkeep != written {
                changed.entry(upkeep).or_default().push(id);
            }
        }
        for (upkeep, ids) in changed {
            let ids = serde_json::to_string(&ids).map_err(|error| self.failed(&error))?;
            sqlx::query("UPDATE sessions SET upkeep = ? WHERE id IN (SELECT unhex(value, '-') FROM json_each(?))")
                .bind(upkeep)
                .bind(ids)
                .execute(self.pool())
                .await
                .map_err(|error| self.query_failed(&error))?;
        }
        self.cache().invalidate();
        Ok(())
    }

    /// The times after which a session must have begun and been used, in order to be alive: begun with and without
    /// "stay signed in", then used likewise.
    fn alive_cutoffs(&self) -> [i64; 4] {
        let (now, lifetimes) = (self.now(), self.lifetimes());
        [lifetimes.stay, lifetimes.absolute, lifetimes.idle_for(true), lifetimes.idle_for(false)]
            .map(|length| (now - length).as_millis())
    }
}

/// A person as JSON for SQLite's `json_each`.
#[derive(Serialize)]
struct SessionPersonJson<'a> {
    id: &'a str,
    /// JSON, as the row has it.
    person: String,
}

impl<'a> SessionPersonJson<'a> {
    fn new(person: &'a Person) -> serde_json::Result<Self> {
        Ok(Self { id: person.id.as_str(), person: serde_json::to_string(person)? })
    }
}

/// Decodes the person of a row; one that cannot be read grants nothing either, and is only logged.
fn decode_person(session: SessionId, person: &[u8]) -> Option<Person> {
    serde_json::from_slice(person)
        .inspect_err(|error| tracing::warn!(%session, %error, "the person of a session cannot be read: passed over"))
        .ok()
}
