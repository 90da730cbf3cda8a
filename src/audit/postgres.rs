use std::collections::HashSet;

use async_trait::async_trait;
use sqlx::QueryBuilder;
use sqlx::postgres::Postgres;
use uuid::Uuid;

use super::fold::FOLD_WINDOW;
use super::retention::{RetentionClass, level_down};
use super::sanitize::sanitize;
use super::store::{AuditEntry, AuditStore, KIND, Repeats};
use super::{AuditCursor, AuditRecord, AuditSearch};
use crate::domain::{Timestamp, TokenId};
use crate::store::{PostgresDatabase, PostgresStore, PostgresTransaction, StoreError, fill_randomly};

/// The holders that are looked at together when events make room for others, in one statement.
const HOLDINGS_AT_ONCE: i64 = 64;

/// The audit events in a PostgreSQL database, which several servers share.
pub(super) struct PostgresAudit {
    store: PostgresStore,
    /// The mark of this process on its rows, as others number theirs likewise.
    writer: Uuid,
}

impl PostgresAudit {
    pub(super) async fn open(database: &PostgresDatabase) -> Result<Self, StoreError> {
        let store = PostgresStore::open(database, KIND, "audit", sqlx::migrate!("src/audit/migrations_postgres")).await?;
        let mut bytes = [0; 16];
        fill_randomly(&mut bytes)?;
        Ok(Self { store, writer: Uuid::from_bytes(bytes) })
    }

    /// Sets the count and the last time of rows, and returns those that are gone.
    async fn update_repeats<'a>(
        &self,
        transaction: &mut PostgresTransaction,
        repeats: &[&'a Repeats],
    ) -> Result<Vec<&'a Repeats>, StoreError> {
        let set = sqlx::query_as(
            "UPDATE audit_events SET count = repeats.count, last_at = repeats.last_at
             FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) AS repeats (at, sequence, count, last_at)
             WHERE audit_events.at = repeats.at AND audit_events.sequence = repeats.sequence AND audit_events.writer = $5
             RETURNING audit_events.at, audit_events.sequence",
        );
        let set = set
            .bind(repeats.iter().map(|repeats| repeats.first.at).collect::<Vec<_>>())
            .bind(repeats.iter().map(|repeats| number(repeats.first.sequence)).collect::<Vec<_>>())
            .bind(repeats.iter().map(|repeats| number(repeats.count)).collect::<Vec<_>>())
            .bind(repeats.iter().map(|repeats| repeats.last_at).collect::<Vec<_>>())
            .bind(self.writer);
        let found: HashSet<(Timestamp, i64)> = transaction.fetch_all(set).await?.into_iter().collect();
        let is_gone = |repeats: &Repeats| !found.contains(&(repeats.first.at, number(repeats.first.sequence)));
        Ok(repeats.iter().copied().filter(|repeats| is_gone(repeats)).collect())
    }

    /// Appends events, but for those that are there already, as after an answer that was lost.
    async fn append_within(&self, transaction: &mut PostgresTransaction, batch: &[&AuditEntry]) -> Result<(), StoreError> {
        let insert = sqlx::query(
            "INSERT INTO audit_events (at, event, result, who, realm, account, person, address, session_id, token, page, reason,
                 directory_code, factor, user_agent, detail, class, holder, sequence, writer)
             SELECT new.*, $20 FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                 $8::text[], $9::text[], $10::bigint[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[],
                 $16::text[], $17::bigint[], $18::text[], $19::bigint[])
                 AS new (at, event, result, who, realm, account, person, address, session_id, token, page, reason,
                     directory_code, factor, user_agent, detail, class, holder, sequence)
             ON CONFLICT (writer, sequence, at) WHERE sequence <> 0 DO NOTHING",
        );
        let insert = insert
            .bind(batch.iter().map(|entry| entry.at).collect::<Vec<_>>())
            .bind(texts(batch, |entry| Some(entry.fields.event)))
            .bind(texts(batch, |entry| Some(entry.fields.result)))
            .bind(texts(batch, |entry| entry.fields.who.as_deref()))
            .bind(texts(batch, |entry| entry.fields.realm.as_deref()))
            .bind(texts(batch, |entry| entry.fields.account.as_deref()))
            .bind(texts(batch, |entry| entry.fields.person.as_deref()))
            .bind(texts(batch, |entry| entry.address.as_deref()))
            .bind(batch.iter().map(|entry| entry.fields.session.map(|id| id.to_string())).collect::<Vec<_>>())
            .bind(batch.iter().map(|entry| entry.fields.token.map(TokenId::as_i64)).collect::<Vec<_>>())
            .bind(texts(batch, |entry| entry.fields.page.as_deref()))
            .bind(texts(batch, |entry| entry.fields.reason))
            .bind(texts(batch, |entry| entry.fields.directory_code))
            .bind(texts(batch, |entry| entry.fields.factor))
            .bind(texts(batch, |entry| entry.user_agent.as_deref()))
            .bind(batch.iter().map(|entry| entry.fields.details().map(|detail| text(&detail))).collect::<Vec<_>>())
            .bind(batch.iter().map(|entry| entry.holder.class.as_i64()).collect::<Vec<_>>())
            .bind(texts(batch, |entry| Some(&entry.holder.name)))
            .bind(batch.iter().map(|entry| number(entry.sequence)).collect::<Vec<_>>())
            .bind(self.writer);
        transaction.execute(insert).await.map(drop)
    }

    /// Deletes some of the events that are beyond `most_rows`, all of one class, and returns how many.
    async fn delete_some_surplus(&self, most_rows: u64, limit: u64) -> Result<u64, StoreError> {
        let mut transaction = self.store.begin().await?;
        // What another server deletes is not to be deleted twice.
        let lock = sqlx::query_as("SELECT pg_try_advisory_xact_lock(hashtext('belvedere audit_events surplus'))");
        let (is_alone,): (bool,) = transaction.fetch_one(lock).await?;
        let held = sqlx::query_as(
            "SELECT coalesce(sum(held), 0)::bigint, coalesce(sum(held) FILTER (WHERE class = $1), 0)::bigint FROM audit_holdings",
        );
        let (all, strangers) = transaction.fetch_one(held.bind(RetentionClass::Stranger.as_i64())).await?;
        let (all, strangers) = (count(all), count(strangers));
        let surplus = all.saturating_sub(most_rows).min(limit);
        if !is_alone || surplus == 0 {
            transaction.rollback().await?;
            return Ok(0);
        }
        // A quarter stays as long as persons have more: none of them pushes out the traces of an attack.
        let beyond_quarter = strangers.saturating_sub(all / 4);
        let mut deleted = 0;
        for (class, surplus) in [
            (RetentionClass::Stranger, surplus.min(beyond_quarter)),
            (RetentionClass::Person, surplus),
            (RetentionClass::Stranger, surplus),
            (RetentionClass::Administration, surplus),
        ] {
            if deleted == 0 {
                deleted = delete_of_class(&mut transaction, class, surplus).await?;
            }
        }
        transaction.commit().await?;
        Ok(deleted)
    }
}

#[async_trait]
impl AuditStore for PostgresAudit {
    async fn append(&self, batch: &[AuditEntry]) -> Result<(), StoreError> {
        let mut transaction = self.store.begin().await?;
        self.append_within(&mut transaction, &batch.iter().collect::<Vec<_>>()).await?;
        transaction.commit().await
    }

    async fn set_repeats(&self, repeats: &[Repeats]) -> Result<(), StoreError> {
        let mut transaction = self.store.begin().await?;
        let gone = self.update_repeats(&mut transaction, &repeats.iter().collect::<Vec<_>>()).await?;
        if !gone.is_empty() {
            self.append_within(&mut transaction, &gone.iter().map(|repeats| &repeats.first).collect::<Vec<_>>()).await?;
            self.update_repeats(&mut transaction, &gone).await?;
        }
        transaction.commit().await
    }

    async fn search(
        &self,
        search: &AuditSearch,
        after: Option<AuditCursor>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let mut query = QueryBuilder::default();
        push_search(&mut query, search, after, limit);
        self.store.fetch_all(query.build_query_as()).await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        let held = "SELECT coalesce(sum(held), 0)::bigint FROM audit_holdings";
        let (held,) = self.store.fetch_one(sqlx::query_as(held)).await?;
        Ok(count(held))
    }

    async fn delete_before(&self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        // What another server is deleting is left to it.
        let old = sqlx::query(
            "DELETE FROM audit_events WHERE id = ANY (ARRAY(
                 SELECT id FROM audit_events WHERE at < $1 ORDER BY at, id LIMIT $2 FOR UPDATE SKIP LOCKED))",
        );
        self.store.execute(old.bind(before).bind(number(limit))).await
    }

    async fn delete_surplus(&self, most_rows: u64, limit: u64) -> Result<u64, StoreError> {
        let mut deleted = 0;
        while deleted < limit {
            match self.delete_some_surplus(most_rows, limit - deleted).await? {
                0 => break,
                some => deleted += some,
            }
        }
        Ok(deleted)
    }

    async fn close(&self) {
        self.store.close();
    }
}

/// Deletes as many events of a class, of those holders that have the most of a kind. One statement: its rows of holdings are
/// locked in the order in which those who append do so.
async fn delete_of_class(
    transaction: &mut PostgresTransaction,
    class: RetentionClass,
    surplus: u64,
) -> Result<u64, StoreError> {
    let largest = "SELECT event, holder, held FROM audit_holdings WHERE class = $1 ORDER BY held DESC LIMIT $2";
    let largest = sqlx::query_as(largest).bind(class.as_i64()).bind(HOLDINGS_AT_ONCE);
    let largest: Vec<(String, String, i64)> = transaction.fetch_all(largest).await?;
    let held: Vec<u64> = largest.iter().map(|(.., held)| count(*held)).collect();
    let lost: Vec<i64> = level_down(&held, surplus).into_iter().map(number).collect();
    let (events, holders): (Vec<_>, Vec<_>) = largest.into_iter().map(|(event, holder, _)| (event, holder)).unzip();
    let oldest = sqlx::query(
        "DELETE FROM audit_events WHERE id = ANY (ARRAY(
             SELECT oldest.id FROM unnest($2::text[], $3::text[], $4::bigint[]) AS holding (event, holder, lost)
             CROSS JOIN LATERAL (SELECT id FROM audit_events AS events
                 WHERE class = $1 AND events.event = holding.event AND events.holder = holding.holder
                 ORDER BY at LIMIT holding.lost) AS oldest))",
    );
    transaction.execute(oldest.bind(class.as_i64()).bind(events).bind(holders).bind(lost)).await
}

/// Adds the statement of a search.
fn push_search(query: &mut QueryBuilder<Postgres>, search: &AuditSearch, after: Option<AuditCursor>, limit: usize) {
    query.push(
        "SELECT id, at, count, last_at, event, result, who, realm, account, person, address,
             coalesce(session_id, session::text) AS session, token, page, reason, directory_code, factor, user_agent, detail
         FROM audit_events WHERE true",
    );
    if let Some(who) = &search.who {
        // Names are kept as the log has them.
        query.push(" AND lower(who) = lower(").push_bind(sanitize(who)).push(" COLLATE \"C\")");
    }
    let texts = [
        (" AND realm = ", search.realm.as_deref().map(text)),
        (" AND address = ", search.address.map(|address| address.to_canonical().to_string())),
        (" AND event = ", search.event.as_deref().map(text)),
        (" AND result = ", search.result.as_deref().map(text)),
    ];
    for (condition, text) in texts {
        if let Some(text) = text {
            query.push(condition).push_bind(text);
        }
    }
    if let Some(from) = search.from {
        // The index leads to the first time, which may be a window before the last.
        query.push(" AND at >= ").push_bind(from - FOLD_WINDOW).push(" AND coalesce(last_at, at) >= ").push_bind(from);
    }
    if let Some(until) = search.until {
        query.push(" AND at < ").push_bind(until);
    }
    if let Some(after) = after {
        query.push(" AND (at, id) < (").push_bind(after.at).push(", ").push_bind(after.id).push(")");
    }
    query.push(" ORDER BY at DESC, id DESC LIMIT ").push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
}

/// The texts of a column in new rows.
fn texts<'a>(batch: &[&'a AuditEntry], value: impl Fn(&'a AuditEntry) -> Option<&'a str>) -> Vec<Option<String>> {
    batch.iter().map(|entry| value(entry).map(text)).collect()
}

/// A text as PostgreSQL takes it, which has none with a NUL.
fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests;
