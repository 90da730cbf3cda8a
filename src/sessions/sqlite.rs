use async_trait::async_trait;
use serde::Serialize;

use super::store::{NewSession, SessionStore};
use super::{Reauthentication, SessionFilter, SessionRecord};
use crate::domain::{EndReason, PersonEpoch, PersonId, SessionId, Timestamp};
use crate::store::{SqliteCredentials, SqliteRecord, StoreError};

/// A row to insert, as JSON for SQLite's `json_each`.
#[derive(Serialize)]
struct SessionJson<'a> {
    id: SessionId,
    /// In hexadecimal.
    token_hash: String,
    person_id: &'a str,
    /// JSON, as the row has it.
    person: String,
    at: Timestamp,
    second_factor_at: Option<Timestamp>,
    upkeep: &'static str,
    stays: bool,
    address: Option<String>,
    user_agent: Option<&'a str>,
    epoch: PersonEpoch,
}

impl<'a> SessionJson<'a> {
    fn new(NewSession { token_hash, session, epoch }: &'a NewSession) -> serde_json::Result<Self> {
        Ok(Self {
            id: session.id,
            token_hash: hex::encode(token_hash),
            person_id: session.person.id.as_str(),
            person: serde_json::to_string(&session.person)?,
            at: session.created_at,
            second_factor_at: session.second_factor_at,
            upkeep: session.revalidation.as_str(),
            stays: session.stay_signed_in,
            address: session.client.address().map(|address| address.to_string()),
            user_agent: session.client.user_agent(),
            epoch: *epoch,
        })
    }
}

impl SqliteRecord for SessionRecord {
    const COLUMNS: &'static str = "id, person, created_at, last_seen_at, confirmed_at, upkeep, stays, address, user_agent, \
                                   proved_at, second_factor_at, end_reason";
    const ID_OF_JSON: &'static str = "unhex(value, '-')";
    const ALIVE_INDEX: &'static str = "sessions_alive";
}

#[async_trait]
impl SessionStore for SqliteCredentials<SessionRecord> {
    async fn insert(&self, sessions: &[NewSession]) -> Result<(), StoreError> {
        let rows = sessions.iter().map(SessionJson::new).collect::<Result<Vec<_>, _>>();
        let rows = rows.and_then(|rows| serde_json::to_string(&rows)).map_err(|error| self.store.failed(&error))?;
        let insert = sqlx::query(
            "INSERT INTO sessions (id, token_hash, person_id, person, created_at, last_seen_at, confirmed_at, proved_at,
                 second_factor_at, upkeep, stays, address, user_agent, epoch)
             SELECT unhex(value ->> 'id', '-'), unhex(value ->> 'token_hash'), value ->> 'person_id', value ->> 'person',
                 value ->> 'at', value ->> 'at', value ->> 'at', value ->> 'at', value ->> 'second_factor_at',
                 value ->> 'upkeep', value ->> 'stays', value ->> 'address', value ->> 'user_agent', value ->> 'epoch' FROM json_each(?)",
        );
        let failed = |error: sqlx::Error| self.store.query_failed(&error);
        let mut connection = self.store.write_connection().await.map_err(failed)?;
        insert.bind(rows).execute(&mut *connection).await.map_err(failed)?;
        connection.release();
        Ok(())
    }

    async fn note_use(&self, id: SessionId, at: Timestamp) -> Result<(), StoreError> {
        let note =
            sqlx::query("UPDATE sessions SET last_seen_at = ?1 WHERE id = ?2 AND last_seen_at < ?1 AND ended_at IS NULL");
        self.store.execute(note.bind(at).bind(id)).await.map(drop)
    }

    async fn replace_token(
        &self,
        old_hash: &[u8; 32],
        new_hash: &[u8; 32],
        person: &PersonId,
        reauthentication: Reauthentication,
        at: Timestamp,
    ) -> Result<Option<SessionRecord>, StoreError> {
        let mut query = Self::query("UPDATE {t} SET token_hash = ");
        query.push_bind(new_hash.to_vec());
        reauthentication.push_times(&mut query, at);
        query.push(" WHERE token_hash = ").push_bind(old_hash.to_vec());
        query.push(" AND person_id = ").push_bind(person.as_str());
        query.push(format_args!(" AND ended_at IS NULL RETURNING {}", SessionRecord::COLUMNS));
        self.store.fetch_optional(query.build_query_as()).await
    }

    async fn list(
        &self,
        filter: &SessionFilter,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<SessionRecord>, StoreError> {
        let mut query = Self::query("SELECT {c} FROM {t} WHERE ended_at IS NULL");
        if let Some(after) = after {
            query.push(" AND id < ").push_bind(after);
        }
        if let Some(address) = filter.address {
            query.push(" AND address = ").push_bind(address.to_canonical().to_string());
        }
        if let Some(name) = &filter.name {
            // A row whose person cannot be read must not keep the rows beside it from being found.
            query.push(
                " AND CASE WHEN json_valid(person) THEN instr(lower(concat_ws(char(10), person ->> 'username',
                     person ->> 'principal', person ->> 'display_name')), lower(",
            );
            query.push_bind(name.as_str()).push(")) > 0 END");
        }
        query.push(" ORDER BY id DESC LIMIT ").push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
        self.records(query).await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        let query = "SELECT count(*) FROM sessions INDEXED BY sessions_alive WHERE ended_at IS NULL";
        let (count,): (i64,) = self.store.fetch_one(sqlx::query_as(query)).await?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    async fn revoke_surplus(&self, most: i64, at: Timestamp) -> Result<Vec<SessionRecord>, StoreError> {
        let mut query = Self::query("UPDATE {t} SET ended_at = ");
        query.push_bind(at).push(", end_reason = ").push_bind(EndReason::Revoked.as_str());
        query.push(
            " WHERE rowid IN (SELECT rowid FROM (
                 SELECT rowid, row_number() OVER (PARTITION BY person_id ORDER BY created_at DESC, rowid DESC) AS place
                 FROM sessions INDEXED BY sessions_alive WHERE ended_at IS NULL AND person_id IN (
                     SELECT person_id FROM sessions INDEXED BY sessions_alive WHERE ended_at IS NULL
                     GROUP BY person_id HAVING count(*) > ",
        );
        query.push_bind(most).push(")) WHERE place > ").push_bind(most);
        query.push(format_args!(") RETURNING {}", SessionRecord::COLUMNS));
        self.records(query).await
    }
}
