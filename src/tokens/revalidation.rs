use std::collections::HashMap;

use serde::Serialize;

use super::token::{StoredToken, columns};
use super::{Token, Tokens};
use crate::domain::{Person, PersonId, Revalidation, Timestamp, TokenId};
use crate::store::StoreError;

/// Revalidation of tokens against the directory. Whatever concerns many people is one statement, however many they are.
impl Tokens {
    /// The next people, at most `limit`, whom the directory is to be asked about: each once, by their ids in order, from
    /// behind `after` on; and behind whom to go on, `None` when there is nobody more. Tokens that have expired, or
    /// whose people nobody can ask about, do not count. A person whose row cannot be read is passed over, and logged.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn people(&self, after: Option<&PersonId>, limit: usize) -> Result<(Vec<Person>, Option<PersonId>), StoreError> {
        // The person who was confirmed last is described best; SQLite takes the other columns from the row of the one
        // maximum (https://www.sqlite.org/lang_select.html, 2.5).
        let rows: Vec<(i64, String, Vec<u8>, i64)> = sqlx::query_as(
            "SELECT id, person_id, person, max(confirmed_at) FROM tokens
             WHERE upkeep = 'refreshed' AND person_id > ? AND ended_at IS NULL AND expires_at > ? AND created_at > ?
             GROUP BY person_id ORDER BY person_id LIMIT ?",
        )
        .bind(after.map_or("", PersonId::as_str))
        .bind(self.now().as_millis())
        .bind(self.alive_cutoff())
        // One more shows whether there is anybody more.
        .bind(i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1))
        .fetch_all(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        let has_more = rows.len() > limit;
        let last = rows[..limit.min(rows.len())].last().filter(|_| has_more);
        let next_after = last.map(|(_, person_id, ..)| PersonId::new(person_id));
        let people = rows.into_iter().take(limit).filter_map(|(id, _, person, _)| decode_person(id, &person)).collect();
        Ok((people, next_after))
    }

    /// How many people there are whom the directory is to be asked about.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn count_people(&self) -> Result<usize, StoreError> {
        let count: i64 = sqlx::query_scalar(
            "SELECT count(DISTINCT person_id) FROM tokens
             WHERE upkeep = 'refreshed' AND ended_at IS NULL AND expires_at > ? AND created_at > ?",
        )
        .bind(self.now().as_millis())
        .bind(self.alive_cutoff())
        .fetch_one(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        Ok(usize::try_from(count).unwrap_or_default())
    }

    /// Confirms the tokens of these people, as they were described at `asked_at` by the directory or by their own
    /// sign-in. A token whose person was described otherwise is updated, and its live connections are notified.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written; then nothing is.
    pub async fn confirm(&self, people: &[Person], asked_at: Timestamp) -> Result<(), StoreError> {
        if people.is_empty() {
            return Ok(());
        }
        let described = people.iter().map(TokenPersonJson::new).collect::<Result<Vec<_>, _>>();
        let described = described.and_then(|people| serde_json::to_string(&people));
        let described = described.map_err(|error| self.failed(&error))?;
        let mut transaction = self.pool().begin().await.map_err(|error| self.query_failed(&error))?;
        // A token that was confirmed after the question was asked knows better.
        let changed: Vec<i64> = sqlx::query_scalar(
            "UPDATE tokens SET person = described.person
             FROM (SELECT value ->> 'id' AS id, value ->> 'person' AS person FROM json_each(?)) AS described
             WHERE tokens.person_id = described.id AND tokens.ended_at IS NULL AND tokens.confirmed_at <= ?
                 AND tokens.person <> described.person
             RETURNING tokens.id",
        )
        .bind(&described)
        .bind(asked_at.as_millis())
        .fetch_all(&mut *transaction)
        .await
        .map_err(|error| self.query_failed(&error))?;
        sqlx::query(
            "UPDATE tokens SET confirmed_at = ?1
             WHERE person_id IN (SELECT value ->> 'id' FROM json_each(?2)) AND ended_at IS NULL AND confirmed_at < ?1",
        )
        .bind(asked_at.as_millis())
        .bind(&described)
        .execute(&mut *transaction)
        .await
        .map_err(|error| self.query_failed(&error))?;
        transaction.commit().await.map_err(|error| self.query_failed(&error))?;
        for id in changed {
            self.watch_registry().notify_changed(TokenId::new(id));
        }
        Ok(())
    }

    /// Ends every token of a person who may not be signed in any more, as the directory said when it was asked at
    /// `asked_at`, except those confirmed since. Notifies their live connections at once, and returns the ended tokens.
    ///
    /// # Errors
    /// [`StoreError`] when the ends cannot be written down; the tokens then go on.
    pub async fn end_all_of(&self, person: &PersonId, asked_at: Timestamp) -> Result<Vec<Token>, StoreError> {
        let rows: Vec<StoredToken> = sqlx::query_as(concat!(
            "UPDATE tokens SET ended_at = ?, end_reason = 'revoked'
             WHERE person_id = ? AND confirmed_at <= ? AND ended_at IS NULL RETURNING ",
            columns!()
        ))
        .bind(self.now().as_millis())
        .bind(person.as_str())
        .bind(asked_at.as_millis())
        .fetch_all(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        Ok(self.notify_ended(rows))
    }

    /// Updates for every token whether its person can be asked about, since the settings may have changed while the
    /// program was down.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read or written.
    pub async fn update_revalidation(&self, revalidation_of: impl Fn(&Person) -> Revalidation) -> Result<(), StoreError> {
        let rows: Vec<(i64, Vec<u8>, String)> = sqlx::query_as("SELECT id, person, upkeep FROM tokens WHERE ended_at IS NULL")
            .fetch_all(self.pool())
            .await
            .map_err(|error| self.query_failed(&error))?;
        let mut changed: HashMap<&'static str, Vec<i64>> = HashMap::new();
        for (id, person, written) in rows {
            let Some(person) = decode_person(id, &person) else { continue };
            let upkeep = revalidation_of(&person).as_str();
            if upkeep != written {
                changed.entry(upkeep).or_default().push(id);
            }
        }
        for (upkeep, ids) in changed {
            let ids = serde_json::to_string(&ids).map_err(|error| self.failed(&error))?;
            sqlx::query("UPDATE tokens SET upkeep = ? WHERE id IN (SELECT value FROM json_each(?))")
                .bind(upkeep)
                .bind(ids)
                .execute(self.pool())
                .await
                .map_err(|error| self.query_failed(&error))?;
        }
        Ok(())
    }
}

/// A person as JSON for SQLite's `json_each`.
#[derive(Serialize)]
struct TokenPersonJson<'a> {
    id: &'a str,
    /// JSON, as the row has it.
    person: String,
}

impl<'a> TokenPersonJson<'a> {
    fn new(person: &'a Person) -> serde_json::Result<Self> {
        Ok(Self { id: person.id.as_str(), person: serde_json::to_string(person)? })
    }
}

/// Decodes the person of a row; one that cannot be read grants nothing either, and is only logged.
fn decode_person(token: i64, person: &[u8]) -> Option<Person> {
    serde_json::from_slice(person)
        .inspect_err(|error| tracing::warn!(token, %error, "the person of a token cannot be read: passed over"))
        .ok()
}
