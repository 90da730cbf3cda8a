use std::time::Duration;

use async_trait::async_trait;

use super::store::{PasswordSubjectStore, Proof};
use crate::auth::ShortLivedStore;
use crate::domain::{Person, PersonId, Timestamp, millis_of};
use crate::store::{PeopleBatch, StoreError};

/// How much longer rows are kept than anything lasts: the clocks of nodes may differ.
const MARGIN: Duration = Duration::from_mins(10);

/// The people of all nodes who have proved themselves by a password.
#[async_trait]
impl PasswordSubjectStore for ShortLivedStore {
    async fn extend(&self, person: &Person, proof: Proof, now: Timestamp) -> Result<(), StoreError> {
        let extend = sqlx::query(
            "INSERT INTO password_subjects AS subject (person_id, person, upkeep, until, kept_until)
             VALUES ($1, $2, $3, $4, clock_timestamp() + $5 * interval '1 millisecond')
             ON CONFLICT (person_id) DO UPDATE SET
                 upkeep = excluded.upkeep,
                 until = greatest(subject.until, excluded.until),
                 kept_until = greatest(subject.kept_until, excluded.kept_until)",
        );
        let extend = extend.bind(person.id.as_str()).bind(self.json(person)?).bind(proof.revalidation.as_str());
        self.store.execute(extend.bind(proof.until).bind(millis_of(proof.until.since(now) + MARGIN))).await.map(drop)
    }

    async fn get(&self, person: &PersonId, now: Timestamp) -> Result<Option<Person>, StoreError> {
        let select = sqlx::query_as("SELECT person FROM password_subjects WHERE person_id = $1 AND until > $2");
        let found: Option<(String,)> = self.store.fetch_optional(select.bind(person.as_str()).bind(now)).await?;
        found.map(|(person,)| self.person(&person)).transpose()
    }

    async fn remove(&self, person: &PersonId, now: Timestamp) -> Result<bool, StoreError> {
        let remove = sqlx::query_as("DELETE FROM password_subjects WHERE person_id = $1 RETURNING until > $2");
        let removed: Option<(bool,)> = self.store.fetch_optional(remove.bind(person.as_str()).bind(now)).await?;
        Ok(removed.is_some_and(|(lasted,)| lasted))
    }

    async fn describe(&self, people: &[Person]) -> Result<(), StoreError> {
        let ids: Vec<String> = people.iter().map(|person| person.id.as_str().to_owned()).collect();
        let described = people.iter().map(|person| self.json(person)).collect::<Result<Vec<_>, _>>()?;
        let describe = sqlx::query(
            "UPDATE password_subjects AS subject SET person = described.person
             FROM unnest($1::text[], $2::text[]) AS described (id, person)
             WHERE subject.person_id = described.id AND subject.person <> described.person",
        );
        self.store.execute(describe.bind(ids).bind(described)).await.map(drop)
    }

    async fn people(&self, after: Option<&PersonId>, limit: usize, now: Timestamp) -> Result<PeopleBatch, StoreError> {
        let select = sqlx::query_as(
            "SELECT person FROM password_subjects WHERE person_id > $1 AND until > $2 AND upkeep = 'refreshed'
             ORDER BY person_id LIMIT $3",
        );
        // One more shows whether there is anybody more.
        let most = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let select = select.bind(after.map_or("", PersonId::as_str)).bind(now).bind(most);
        let rows: Vec<(String,)> = self.store.fetch_all(select).await?;
        let has_more = rows.len() > limit;
        let people = rows.iter().take(limit).map(|(person,)| self.person(person)).collect::<Result<Vec<_>, _>>()?;
        Ok(PeopleBatch { next_after: people.last().filter(|_| has_more).map(|last| last.id.clone()), people })
    }

    async fn count(&self) -> Result<usize, StoreError> {
        let (count,): (i64,) = self.store.fetch_one(sqlx::query_as("SELECT count(*) FROM password_subjects")).await?;
        Ok(usize::try_from(count).unwrap_or_default())
    }
}

impl ShortLivedStore {
    fn json(&self, person: &Person) -> Result<String, StoreError> {
        serde_json::to_string(person).map_err(|error| self.store.failed(&error))
    }

    fn person(&self, json: &str) -> Result<Person, StoreError> {
        serde_json::from_str(json).map_err(|error| self.store.damaged(&error))
    }
}
