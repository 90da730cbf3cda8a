use std::marker::PhantomData;

use async_trait::async_trait;
use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Decode, Encode, FromRow, QueryBuilder, Sqlite, Type};

use super::{CredentialRecord, CredentialStore, EndSelection, PeopleBatch};
use crate::domain::{EndReason, Person, PersonId, Revalidation, Timestamp};
use crate::store::{Fence, SqliteStore, StoreError};

/// A record in a table of an SQLite file. The table has the columns `id`, `token_hash`, `person_id`, `person`, `created_at`,
/// `confirmed_at`, `upkeep`, `epoch`, `ended_at` and `end_reason` in common with the other kinds', and its own.
pub trait SqliteRecord:
    CredentialRecord<Id: Serialize + for<'q> Encode<'q, Sqlite> + for<'r> Decode<'r, Sqlite> + Type<Sqlite> + Unpin>
    + for<'r> FromRow<'r, SqliteRow>
    + Unpin
{
    /// The columns of a record.
    const COLUMNS: &'static str;
    /// An id of the table from the `value` that it is in JSON.
    const ID_OF_JSON: &'static str;
    /// The index of what has not ended, with all columns of [`CredentialRecord::push_alive`].
    const ALIVE_INDEX: &'static str;
}

/// When a person's last row was confirmed. A damaged one counts only where there is no other.
const LAST: &str = "max(iif(json_valid(person), confirmed_at, -1))";

/// The credentials in a table of an SQLite file.
pub struct SqliteCredentials<R> {
    pub(crate) store: SqliteStore,
    records: PhantomData<fn() -> R>,
}

impl<R: SqliteRecord> SqliteCredentials<R> {
    /// The credentials in the file `store`.
    pub fn new(store: SqliteStore) -> Self {
        Self { store, records: PhantomData }
    }

    /// A statement that begins with `text`, where `{t}` stands for the table, `{c}` for a record's columns, and
    /// `{last}` for [`LAST`].
    pub(crate) fn query(text: &str) -> QueryBuilder<Sqlite> {
        QueryBuilder::new(text.replace("{t}", R::TABLE).replace("{c}", R::COLUMNS).replace("{last}", LAST))
    }

    /// Executes a statement that returns records.
    pub(crate) async fn records(&self, mut query: QueryBuilder<Sqlite>) -> Result<Vec<R>, StoreError> {
        self.store.fetch_all(query.build_query_as()).await
    }

    /// Executes the rest of a statement on people, the last condition of which has begun.
    async fn described(&self, mut query: QueryBuilder<Sqlite>, limit: usize) -> Result<PeopleBatch, StoreError> {
        // SQLite takes the other columns from the row of the one maximum (https://www.sqlite.org/lang_select.html, 2.5).
        query.push(" GROUP BY person_id ORDER BY person_id LIMIT ");
        // One more shows whether there is anybody more.
        query.push_bind(i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1));
        let rows: Vec<(R::Id, String, Vec<u8>, i64)> = self.store.fetch_all(query.build_query_as()).await?;
        let rows = rows.into_iter().map(|(id, person_id, person, _)| (id, person_id, person)).collect();
        Ok(PeopleBatch::read::<R>(rows, limit))
    }

    /// Adds the list of these ids. It is one value, since SQLite limits how many a statement may have.
    fn push_ids(&self, query: &mut QueryBuilder<Sqlite>, ids: &[R::Id]) -> Result<(), StoreError> {
        query.push(format_args!("(SELECT {} FROM json_each(", R::ID_OF_JSON)).push_bind(self.json(&ids)?).push("))");
        Ok(())
    }

    fn json(&self, value: &impl Serialize) -> Result<String, StoreError> {
        serde_json::to_string(value).map_err(|error| self.store.failed(&error))
    }
}

#[async_trait]
impl<R: SqliteRecord> CredentialStore<R> for SqliteCredentials<R> {
    async fn by_ids(&self, ids: &[R::Id]) -> Result<Vec<R>, StoreError> {
        let mut query = Self::query("SELECT {c} FROM {t} WHERE id IN ");
        self.push_ids(&mut query, ids)?;
        self.records(query).await
    }

    async fn ended(&self, ids: &[R::Id]) -> Result<Vec<(R::Id, EndReason)>, StoreError> {
        let mut query = Self::query("SELECT id, end_reason FROM {t} WHERE end_reason IS NOT NULL AND id IN ");
        self.push_ids(&mut query, ids)?;
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
        let mut query = Self::query("SELECT id, person_id, person, {last} FROM {t} WHERE ended_at IS NULL AND ");
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
        let query = Self::query("SELECT id, person_id, person, {last} FROM {t} WHERE ended_at IS NULL");
        Ok(self.described(query, usize::MAX).await?.people)
    }

    async fn confirm(
        &self,
        people: &[Person],
        asked_at: Timestamp,
        now: Timestamp,
        _fence_of_its_only_server: Option<Fence>,
    ) -> Result<Vec<R::Id>, StoreError> {
        let described = people.iter().map(|person| Ok((person.id.as_str(), self.json(person)?)));
        let described = self.json(&described.collect::<Result<Vec<_>, StoreError>>()?)?;
        let failed = |error: sqlx::Error| self.store.query_failed(&error);
        let mut transaction = self.store.pool().begin().await.map_err(failed)?;
        let describe = format!(
            "UPDATE {table} SET person = described.person
             FROM (SELECT value ->> 0 AS id, value ->> 1 AS person FROM json_each(?1)) AS described
             WHERE {table}.person_id = described.id AND {table}.ended_at IS NULL
                 AND ({table}.confirmed_at <= ?2 OR {table}.confirmed_at > ?3) AND {table}.person <> described.person
             RETURNING {table}.id",
            table = R::TABLE
        );
        let describe = sqlx::query_scalar(AssertSqlSafe(describe)).bind(&described).bind(asked_at).bind(now);
        let changed = describe.fetch_all(&mut *transaction).await.map_err(failed)?;
        let confirm = format!(
            "UPDATE {} SET confirmed_at = ?1
             WHERE person_id IN (SELECT value ->> 0 FROM json_each(?2)) AND ended_at IS NULL
                 AND (confirmed_at < ?1 OR confirmed_at > ?3)",
            R::TABLE
        );
        let confirm = sqlx::query(AssertSqlSafe(confirm)).bind(asked_at).bind(&described).bind(now);
        confirm.execute(&mut *transaction).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(changed)
    }

    async fn set_revalidation(&self, people: &[&PersonId], revalidation: Revalidation) -> Result<Vec<R::Id>, StoreError> {
        let people = self.json(&people.iter().map(|person| person.as_str()).collect::<Vec<_>>())?;
        let mut query = Self::query("UPDATE {t} SET upkeep = ");
        query.push_bind(revalidation.as_str()).push(" WHERE ended_at IS NULL AND upkeep <> ").push_bind(revalidation.as_str());
        query.push(" AND person_id IN (SELECT value FROM json_each(").push_bind(people).push(")) RETURNING id");
        let changed: Vec<(R::Id,)> = self.store.fetch_all(query.build_query_as()).await?;
        Ok(changed.into_iter().map(|(id,)| id).collect())
    }

    async fn end(&self, selection: &EndSelection<R::Id>, reason: EndReason, at: Timestamp) -> Result<Vec<R>, StoreError> {
        let mut query = Self::query("UPDATE {t} SET ended_at = ");
        query.push_bind(at).push(", end_reason = ").push_bind(reason.as_str()).push(" WHERE ended_at IS NULL");
        selection.push::<R, _>(&mut query);
        query.push(format_args!(" RETURNING {}", R::COLUMNS));
        self.records(query).await
    }

    async fn end_expired(&self, lifetimes: R::Lifetimes, at: Timestamp) -> Result<Vec<R>, StoreError> {
        let mut query = Self::query("UPDATE {t} SET ended_at = ");
        query.push_bind(at).push(", end_reason = ").push_bind(EndReason::Expired.as_str());
        // The rows of what goes on are not read: the index has all that is asked of them.
        query.push(format_args!(
            " WHERE rowid IN (SELECT rowid FROM {} INDEXED BY {} WHERE ended_at IS NULL AND NOT (",
            R::TABLE,
            R::ALIVE_INDEX
        ));
        R::push_alive(&mut query, lifetimes, at);
        query.push(format_args!(")) RETURNING {}", R::COLUMNS));
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
        self.store.close().await;
    }
}
