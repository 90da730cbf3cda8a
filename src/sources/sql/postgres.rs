//! Statements on PostgreSQL, whose rows come as JSON: the server itself writes every type that it has, numbers with all their
//! digits, and times by ISO 8601.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::TryStreamExt as _;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgDatabaseError, PgErrorPosition};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, Row as _};
use tokio::time::timeout;

use super::connection::{SqlConnection, SqlDialer, SqlFailure, SqlLimits};
use super::failure::{connect_error, not_connected, postgres_error};
use super::rows::{SqlRows, SqlValue, too_many_bytes};
use super::statement::SqlStatement;
use crate::config::PostgresUrl;
use crate::sources::SourceError;
use crate::store::postgres_options;

/// The longest that one of several hosts may take to make a connection: one that is switched off says nothing at all.
const MAX_CONNECT_TIME: Duration = Duration::from_secs(3);

/// The way to a PostgreSQL database.
pub(super) struct PostgresDialer {
    /// For each host.
    options: Vec<(String, PgConnectOptions)>,
    /// The place of the host that answered last: it is asked first.
    answering: AtomicUsize,
    limits: SqlLimits,
}

/// A connection to a PostgreSQL database.
struct PostgresConnection {
    connection: PgConnection,
    host: String,
    limits: SqlLimits,
}

impl PostgresDialer {
    pub(super) fn new(url: &PostgresUrl, ca_file: Option<&Path>, limits: SqlLimits) -> Self {
        // A pooler gives each transaction another session, in which nothing may stay.
        let options = |host| postgres_options(url, host, ca_file).statement_cache_capacity(0);
        let options = url.hosts.iter().map(|host| (host.to_string(), options(host))).collect();
        Self { options, answering: AtomicUsize::new(0), limits }
    }

    /// How long one host may take to make a connection, so that there is time for the others, and for the query.
    fn connect_time(&self) -> Duration {
        match u32::try_from(self.options.len()) {
            Ok(0 | 1) | Err(_) => self.limits.timeout,
            Ok(hosts) => (self.limits.timeout / hosts).min(MAX_CONNECT_TIME),
        }
    }
}

#[async_trait]
impl SqlDialer for PostgresDialer {
    /// Connects to the first host that answers: a replica is as good.
    async fn connect(&self) -> Result<Box<dyn SqlConnection>, SourceError> {
        let mut first = None;
        let (limit, answering) = (self.connect_time(), self.answering.load(Ordering::Relaxed));
        let hosts = self.options.iter().enumerate().cycle().skip(answering).take(self.options.len());
        for (place, (host, options)) in hosts {
            let error = match timeout(limit, options.connect()).await {
                Ok(Ok(connection)) => {
                    self.answering.store(place, Ordering::Relaxed);
                    let (host, limits) = (host.clone(), self.limits);
                    return Ok(Box::new(PostgresConnection { connection, host, limits }));
                }
                Ok(Err(error)) => connect_error(host, &error),
                Err(_elapsed) => not_connected(host, limit),
            };
            first = first.or(Some(error));
        }
        Err(first.unwrap_or_else(|| SourceError::Broken("the URL names no host".to_owned())))
    }
}

#[async_trait]
impl SqlConnection for PostgresConnection {
    async fn fetch(&mut self, statement: &SqlStatement, values: &[String]) -> Result<SqlRows, SqlFailure> {
        let answer = self.run(statement, values).await;
        // What a function set for the session goes with it, and so do locks that would outlive the transaction.
        let rolled_back = self.connection.execute("ROLLBACK; SELECT pg_catalog.pg_advisory_unlock_all()").await;
        answer.map_err(|error| SqlFailure { error, is_reusable: rolled_back.is_ok() })
    }

    async fn is_usable(&mut self) -> bool {
        self.connection.ping().await.is_ok()
    }
}

/// The statement around a query. In brackets it is a SELECT and nothing else, and each row comes as JSON, cut where it is too large
/// for any answer.
fn wrapped(sql: &str, limits: SqlLimits) -> (String, usize) {
    let (bytes, rows) = (limits.rows.bytes, limits.rows.rows);
    let before = format!("SELECT left(row_to_json(\"row\")::text, {}) FROM (\n", bytes + 1);
    let offset = before.chars().count();
    (format!("{before}{sql}\n) AS \"row\" LIMIT {}", rows + 1), offset)
}

impl PostgresConnection {
    async fn run(&mut self, statement: &SqlStatement, values: &[String]) -> Result<SqlRows, SourceError> {
        let millis = self.limits.timeout.as_millis();
        // A backslash is what it was checked as, and a node that is gone holds back no vacuum.
        let begin = format!(
            "BEGIN READ ONLY; SET LOCAL statement_timeout = {millis}; SET LOCAL standard_conforming_strings = on; \
             SET LOCAL idle_in_transaction_session_timeout = '1min'"
        );
        let (sql, offset) = wrapped(&statement.sql, self.limits);
        let (host, limits) = (&self.host, self.limits);
        let failed = |error: &sqlx::Error| postgres_error(host, error, limits.timeout, place(error, statement, offset));
        self.connection.execute(AssertSqlSafe(begin)).await.map_err(|error| failed(&error))?;
        let query = values.iter().fold(sqlx::query(AssertSqlSafe(sql)), sqlx::query::Query::bind);
        let mut answer = query.persistent(false).fetch(&mut self.connection);
        let mut rows = SqlRows::new(limits.rows);
        while let Some(row) = answer.try_next().await.map_err(|error| failed(&error))? {
            let json: &str = row.try_get(0).map_err(|error| failed(&error))?;
            if json.len() > limits.rows.bytes {
                return Err(too_many_bytes(limits.rows.bytes));
            }
            let JsonRow(cells) = serde_json::from_str(json)
                .map_err(|_| SourceError::BadAnswer(format!("{host} gave a row that is not JSON")))?;
            let (columns, values): (Vec<_>, Vec<_>) = cells.into_iter().map(|(name, value)| (name, value_of(value))).unzip();
            rows.push(columns.iter().map(String::as_str), values)?;
        }
        Ok(rows)
    }
}

/// Where in the query the error is, where the server says so.
fn place(error: &sqlx::Error, statement: &SqlStatement, offset: usize) -> Option<String> {
    let error = error.as_database_error()?.try_downcast_ref::<PgDatabaseError>()?;
    match error.position()? {
        PgErrorPosition::Original(position) => statement.place(position.checked_sub(offset + 1)?),
        PgErrorPosition::Internal { .. } => None,
    }
}

/// A value, from its JSON.
fn value_of(json: &RawValue) -> SqlValue {
    let text = json.get();
    match text.as_bytes().first() {
        Some(b'"') => SqlValue::Text(serde_json::from_str(text).unwrap_or_default()),
        Some(b't') => SqlValue::Bool(true),
        Some(b'f') => SqlValue::Bool(false),
        Some(b'n') | None => SqlValue::Null,
        Some(b'[' | b'{') => SqlValue::Text(text.to_owned()),
        Some(_) => SqlValue::Number(text.to_owned()),
    }
}

/// A row: names and values in their order, of which several may have one name.
struct JsonRow<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for JsonRow<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RowVisitor;

        impl<'de> Visitor<'de> for RowVisitor {
            type Value = JsonRow<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a row")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut cells = Vec::new();
                while let Some(cell) = map.next_entry()? {
                    cells.push(cell);
                }
                Ok(JsonRow(cells))
            }
        }

        deserializer.deserialize_map(RowVisitor)
    }
}
