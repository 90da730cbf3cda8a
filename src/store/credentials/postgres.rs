use std::marker::PhantomData;

use async_trait::async_trait;
use sqlx::postgres::{PgHasArrayType, PgRow, Postgres};
use sqlx::{AssertSqlSafe, Decode, Encode, FromRow, QueryBuilder, Type};

use super::{CredentialRecord, CredentialStore, EndSelection, PeopleBatch};
use crate::domain::{EndReason, Person, PersonId, Revalidation, Timestamp};
use crate::store::{Fence, PostgresStore, StoreError};

/// A record in a table of a PostgreSQL database. The table has the columns `id`, `token_hash`, `person_id`, `person` (JSON, as text
/// that the database has parsed), `created_at`, `confirmed_at`, `upkeep`, `epoch`, `ended_at` and `end_reason` in common with the
/// other kinds', and its own.
pub trait PostgresRecord:
    CredentialRecord<Id: PgHasArrayType + for<'q> Encode<'q, Postgres> + for<'r> Decode<'r, Postgres> + Type<Postgres> + Unpin>
    + for<'r> FromRow<'r, PgRow>
    + Unpin
{
    /// The columns of a record, of which `{person}` stands for the person as bytes.
    const COLUMNS: &'static str;
}

/// The person as bytes, as records have them.
const PERSON: &str = "convert_to(person::text, 'UTF8') AS person";

/// The credentials in a table of a PostgreSQL database.
pub struct PostgresCredentials<R> {
    pub(crate) store: PostgresStore,
    records: PhantomData<fn() -> R>,
}

impl<R: PostgresRecord> PostgresCredentials<R> {
    /// The credentials in `store`.
    pub fn new(store: PostgresStore) -> Self {
        Self { store, records: PhantomData }
    }

    /// A statement that begins with `text`, where `{t}` stands for the table, `{c}` for a record's columns, and `{person}` for
    /// [`PERSON`].
    pub(crate) fn query(text: &str) -> QueryBuilder<Postgres> {
        QueryBuilder::new(Self::text(text))
    }

    /// Adds to a statement, likewise.
    pub(crate) fn push(query: &mut QueryBuilder<Postgres>, text: &str) {
        query.push(Self::text(text));
    }

    fn text(text: &str) -> String {
        text.replace("{t}", R::TABLE).replace("{c}", R::COLUMNS).replace("{person}", PERSON)
    }

    /// Executes a statement that returns records.
    pub(crate) async fn records(&self, mut query: QueryBuilder<Postgres>) -> Result<Vec<R>, StoreError> {
        self.store.fetch_all(query.build_query_as()).await
    }

    /// A statement that ends what [`Self::push_end`] is then told.
    pub(crate) fn end_query(reason: EndReason, at: Timestamp) -> QueryBuilder<Postgres> {
        let mut query = Self::query("UPDATE {t} SET ended_at = ");
        query.push_bind(at).push(", end_reason = ").push_bind(reason.as_str());
        // Locked in order: two that end the same rows wait for each other and do not die.
        Self::push(&mut query, " WHERE ended_at IS NULL AND id IN (SELECT id FROM {t} WHERE ended_at IS NULL");
        query
    }

    /// Ends the condition of an [`Self::end_query`].
    pub(crate) fn push_end(query: &mut QueryBuilder<Postgres>) {
        Self::push(query, " ORDER BY id FOR UPDATE) RETURNING {c}");
    }

    /// Executes the rest of a statement on people, the last condition of which has begun.
    async fn described(&self, mut query: QueryBuilder<Postgres>, limit: usize) -> Result<PeopleBatch, StoreError> {
        query.push(" ORDER BY person_id, confirmed_at DESC LIMIT ");
        // One more shows whether there is anybody more.
        query.push_bind(i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1));
        let rows: Vec<(R::Id, String, Vec<u8>)> = self.store.fetch_all(query.build_query_as()).await?;
        Ok(PeopleBatch::read::<R>(rows, limit))
    }
}

/// The ids of people, as one value.
fn person_ids<'p>(people: impl IntoIterator<Item = &'p PersonId>) -> Vec<String> {
    people.into_iter().map(|person| person.as_str().to_owned()).collect()
}

#[async_trait]
impl<R: PostgresRecord> CredentialStore<R> for PostgresCredentials<R> {
    async fn by_ids(&self, ids: &[R::Id]) -> Result<Vec<R>, StoreError> {
        let mut query = Self::query("SELECT {c} FROM {t} WHERE id = ANY(");
        query.push_bind(ids.to_vec()).push(")");
        self.records(query).await
    }

    async fn ended(&self, ids: &[R::Id]) -> Result<Vec<(R::Id, EndReason)>, StoreError> {
        let mut query = Self::query("SELECT id, end_reason FROM {t} WHERE end_reason IS NOT NULL AND id = ANY(");
        query.push_bind(ids.to_vec()).push(")");
        let ended: Vec<(R::Id, String)> = self.store.fetch_all(query.build_query_as()).await?;
        Ok(ended.into_iter().map(|(id, reason)| (id, EndReason::from_stored(&reason))).collect())
    }

    async fn by_token(&self, token_hash: &[u8; 32]) -> Result<Option<R>, StoreError> {
        let mut query = Self::query("SELECT {c} FROM {t} WHERE token_hash = ");
        query.push_bind(token_hash.to_vec());
        self.store.fetch_optional(query.build_query_as()).await
    }

    async fn of_person(&self, person: &PersonId, lifetimes: R::Lifetimes, now: Timestamp) -> Result<Vec<R>, StoreError> {
        let mut query = Self::query("SELECT {c} FROM {t} WHERE ended_at IS NULL AND person_id = ");
        query.push_bind(person.as_str()).push(" AND ");
        R::push_alive(&mut query, lifetimes, now);
        query.push(" ORDER BY created_at DESC, id DESC");
        self.records(query).await
    }

    async fn people(
        &self,
        after: Option<&PersonId>,
        limit: usize,
        lifetimes: R::Lifetimes,
        now: Timestamp,
    ) -> Result<PeopleBatch, StoreError> {
        let mut query =
            Self::query("SELECT DISTINCT ON (person_id) id, person_id, {person} FROM {t} WHERE ended_at IS NULL AND ");
        R::push_alive(&mut query, lifetimes, now);
        query.push(" AND upkeep = 'refreshed' AND person_id > ").push_bind(after.map_or("", PersonId::as_str));
        self.described(query, limit).await
    }

    async fn count_people(&self, lifetimes: R::Lifetimes, now: Timestamp) -> Result<usize, StoreError> {
        let mut query =
            Self::query("SELECT count(DISTINCT person_id) FROM {t} WHERE ended_at IS NULL AND upkeep = 'refreshed' AND ");
        R::push_alive(&mut query, lifetimes, now);
        let (count,): (i64,) = self.store.fetch_one(query.build_query_as()).await?;
        Ok(usize::try_from(count).unwrap_or_default())
    }

    async fn everybody(&self) -> Result<Vec<Person>, StoreError> {
        let query = Self::query("SELECT DISTINCT ON (person_id) id, person_id, {person} FROM {t} WHERE ended_at IS NULL");
        Ok(self.described(query, usize::MAX).await?.people)
    }

    async fn confirm(
        &self,
        people: &[Person],
        asked_at: Timestamp,
        now: Timestamp,
        fence: Option<Fence>,
    ) -> Result<Vec<R::Id>, StoreError> {
        let ids = person_ids(people.iter().map(|person| &person.id));
        let described = people.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>();
        let described = described.map_err(|error| self.store.failed(&error))?;
        let mut transaction = self.store.begin().await?;
        if let Some(Fence { lease, number }) = fence {
            // Nobody begins it anew before this is written.
            let select = sqlx::query_as("SELECT number FROM leases WHERE name = $1 AND number = $2 FOR SHARE");
            let still: Option<(i64,)> = transaction.fetch_optional(select.bind(lease).bind(number)).await?;
            if still.is_none() {
                transaction.rollback().await?;
                return Err(self.store.failed(&"another node does this work by now"));
            }
        }
        let lock = Self::text("SELECT id FROM {t} WHERE person_id = ANY($1) AND ended_at IS NULL ORDER BY id FOR UPDATE");
        transaction.execute(sqlx::query(AssertSqlSafe(lock)).bind(&ids)).await?;
        let describe = Self::text(
            "UPDATE {t} AS credential SET person = described.person::json
             FROM unnest($1::text[], $2::text[]) AS described (id, person)
             WHERE credential.person_id = described.id AND credential.ended_at IS NULL
                 AND (credential.confirmed_at <= $3 OR credential.confirmed_at > $4)
                 AND credential.person::text <> described.person
             RETURNING credential.id",
        );
        let describe = sqlx::query_as(AssertSqlSafe(describe)).bind(&ids).bind(&described).bind(asked_at).bind(now);
        let changed: Vec<(R::Id,)> = transaction.fetch_all(describe).await?;
        let confirm = Self::text(
            "UPDATE {t} SET confirmed_at = $1
             WHERE person_id = ANY($2) AND ended_at IS NULL AND (confirmed_at < $1 OR confirmed_at > $3)",
        );
        transaction.execute(sqlx::query(AssertSqlSafe(confirm)).bind(asked_at).bind(&ids).bind(now)).await?;
        transaction.commit().await?;
        Ok(changed.into_iter().map(|(id,)| id).collect())
    }

    async fn set_revalidation(&self, people: &[&PersonId], revalidation: Revalidation) -> Result<Vec<R::Id>, StoreError> {
        let set = Self::text(
            "UPDATE {t} SET upkeep = $1 WHERE id IN (
                 SELECT id FROM {t} WHERE ended_at IS NULL AND upkeep <> $1 AND person_id = ANY($2) ORDER BY id FOR UPDATE
             ) RETURNING id",
        );
        let set = sqlx::query_as(AssertSqlSafe(set));
        let set = set.bind(revalidation.as_str()).bind(person_ids(people.iter().copied()));
        let changed: Vec<(R::Id,)> = self.store.fetch_all(set).await?;
        Ok(changed.into_iter().map(|(id,)| id).collect())
    }

    async fn end(&self, selection: &EndSelection<R::Id>, reason: EndReason, at: Timestamp) -> Result<Vec<R>, StoreError> {
        let mut query = Self::end_query(reason, at);
        selection.push::<R, _>(&mut query);
        Self::push_end(&mut query);
        self.records(query).await
    }

    async fn end_expired(&self, lifetimes: R::Lifetimes, at: Timestamp) -> Result<Vec<R>, StoreError> {
        let mut query = Self::end_query(EndReason::Expired, at);
        query.push(" AND NOT (");
        R::push_alive(&mut query, lifetimes, at);
        query.push(")");
        Self::push_end(&mut query);
        self.records(query).await
    }

    async fn delete_ended(&self, until: Timestamp) -> Result<(), StoreError> {
        let mut query = Self::query("DELETE FROM {t} WHERE ended_at <= ");
        self.store.execute(query.push_bind(until).build()).await.map(drop)
    }

    fn failed(&self, reason: &str) -> StoreError {
        self.store.failed(&reason)
    }

    fn damaged(&self, reason: &str) -> StoreError {
        self.store.damaged(&reason)
    }

    async fn close(&self) {
        self.store.close();
    }
}
