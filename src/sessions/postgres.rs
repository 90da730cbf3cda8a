use async_trait::async_trait;

use super::store::{NewSession, SessionStore};
use super::{Reauthentication, SessionFilter, SessionRecord};
use crate::domain::{EndReason, PersonId, SessionId, Timestamp};
use crate::store::{PostgresCredentials, PostgresRecord, StoreError};

impl PostgresRecord for SessionRecord {
    const COLUMNS: &'static str = "id, {person}, created_at, last_seen_at, confirmed_at, upkeep, stays, address, user_agent, \
                                   proved_at, second_factor_at, end_reason";
}

#[async_trait]
impl SessionStore for PostgresCredentials<SessionRecord> {
    async fn insert(&self, sessions: &[NewSession]) -> Result<(), StoreError> {
        let people = sessions.iter().map(|new| serde_json::to_string(&new.session.person)).collect::<Result<Vec<_>, _>>();
        let people = people.map_err(|error| self.store.failed(&error))?;
        let insert = sqlx::query(
            "INSERT INTO sessions (id, token_hash, person_id, person, created_at, last_seen_at, confirmed_at, proved_at,
                 second_factor_at, upkeep, stays, address, user_agent, epoch)
             SELECT id, token_hash, person_id, person::json, at, at, at, at, second_factor_at, upkeep, stays, address,
                 user_agent, epoch
             FROM unnest($1::uuid[], $2::bytea[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[],
                 $8::boolean[], $9::text[], $10::text[], $11::bigint[])
                 AS new (id, token_hash, person_id, person, at, second_factor_at, upkeep, stays, address, user_agent, epoch)",
        );
        let insert = insert
            .bind(column(sessions, |new| new.session.id))
            .bind(column(sessions, |new| new.token_hash.to_vec()))
            .bind(column(sessions, |new| new.session.person.id.as_str().to_owned()))
            .bind(people)
            .bind(column(sessions, |new| new.session.created_at))
            .bind(column(sessions, |new| new.session.second_factor_at))
            .bind(column(sessions, |new| new.session.revalidation.as_str()))
            .bind(column(sessions, |new| new.session.stay_signed_in))
            .bind(column(sessions, |new| new.session.client.address().map(|address| address.to_string())))
            .bind(column(sessions, |new| new.session.client.user_agent().map(str::to_owned)))
            .bind(column(sessions, |new| new.epoch));
        self.store.execute(insert).await.map(drop)
    }

    async fn note_use(&self, id: SessionId, at: Timestamp) -> Result<(), StoreError> {
        let note =
            sqlx::query("UPDATE sessions SET last_seen_at = $1 WHERE id = $2 AND last_seen_at < $1 AND ended_at IS NULL");
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
        Self::push(&mut query, " AND ended_at IS NULL RETURNING {c}");
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
            // PostgreSQL has no text with a NUL in it, though JSON can say one; nor is there one in what is looked for.
            query.push(
                " AND (SELECT strpos(lower(concat_ws(chr(10), person ->> 'username', person ->> 'principal',
                     person ->> 'display_name')), lower(",
            );
            query.push_bind(name.replace('\0', "\u{fffd}"));
            query.push(")) > 0 FROM (SELECT replace(person::text, '\\u0000', '\\ufffd')::json AS person) AS described)");
        }
        query.push(" ORDER BY id DESC LIMIT ").push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
        self.records(query).await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        let query = "SELECT count(*) FROM sessions WHERE ended_at IS NULL";
        let (count,): (i64,) = self.store.fetch_one(sqlx::query_as(query)).await?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    async fn revoke_surplus(&self, most: i64, at: Timestamp) -> Result<Vec<SessionRecord>, StoreError> {
        let mut query = Self::end_query(EndReason::Revoked, at);
        query.push(
            " AND id IN (SELECT id FROM (
                 SELECT id, row_number() OVER (PARTITION BY person_id ORDER BY created_at DESC, id DESC) AS place
                 FROM sessions WHERE ended_at IS NULL AND person_id IN (
                     SELECT person_id FROM sessions WHERE ended_at IS NULL GROUP BY person_id HAVING count(*) > ",
        );
        query.push_bind(most).push(")) AS placed WHERE place > ").push_bind(most).push(")");
        Self::push_end(&mut query);
        self.records(query).await
    }
}

/// The values of a column in new rows.
fn column<'a, T>(sessions: &'a [NewSession], value: impl Fn(&'a NewSession) -> T) -> Vec<T> {
    sessions.iter().map(value).collect()
}
