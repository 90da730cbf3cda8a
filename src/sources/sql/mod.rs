//! The source kind `sql`: a PostgreSQL, MySQL or MariaDB database, or an SQLite file, and SQL that reads from it.
//!
//! A query is one statement ([`statement`]), executed in a transaction that reads only, with limits of time, rows and bytes;
//! a visitor's value is a parameter of the database's own protocol, never a part of the text. [`rows`] defines how its rows become
//! a reading. Each database has a file: how it is connected to, and what its types are as values. No error has the URL in it, or a
//! value.

mod address;
mod connection;
mod database;
mod dialect;
mod failure;
mod lexer;
mod mysql;
mod postgres;
mod rows;
mod settings;
mod sqlite;
mod statement;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use itertools::Itertools;
use quick_cache::sync::Cache;

use self::address::SqlAddress;
use self::connection::{SqlDialer, SqlLimits};
use self::database::SqlDatabase;
use self::dialect::SqlDialect;
use self::settings::SqlSettings;
use self::statement::SqlStatement;
use super::filter_workers::FilterWorkers;
use super::kind::{Opened, SourceKind, SourceSettings};
use super::{QueryError, Source, SourceError};
use crate::config::Fields;
use crate::domain::{BoundQuery, Clock, Placeholder, Reading, Series, TimeRange};

/// The kind `sql`.
pub(super) const KIND: SourceKind = SourceKind::Named {
    word: "sql",
    sample: "shop",
    about: "a PostgreSQL, MySQL or MariaDB database, or an SQLite file",
    read,
    rows: SqlSettings::rows,
};

/// How far back `$from` is where nothing else is asked for: a chart adds what is new in it to what it has.
const LATEST: Duration = Duration::from_hours(1);

/// The number of parsed statements cached for one source, each with the places of its values.
const MAX_CACHED_STATEMENTS: usize = 1024;

/// A source of kind `sql`.
struct Sql {
    dialect: SqlDialect,
    parsed: Cache<String, Arc<SqlStatement>>,
    database: SqlDatabase,
    rate: u32,
    clock: Arc<dyn Clock>,
}

fn read(mut fields: Fields<'_>) -> Option<Box<dyn SourceSettings>> {
    let settings = SqlSettings::read(&mut fields);
    fields.finish();
    Some(Box::new(settings?))
}

impl SourceSettings for SqlSettings {
    fn open(&self, clock: &Arc<dyn Clock>, _filters: &Arc<FilterWorkers>) -> Opened {
        let limits = SqlLimits { timeout: self.timeout, rows: self.limits };
        let dialer: Arc<dyn SqlDialer> = match &self.address {
            SqlAddress::Postgres(url) => Arc::new(postgres::PostgresDialer::new(url, self.ca_file.as_deref(), limits)),
            SqlAddress::MySql(url) => Arc::new(mysql::MySqlDialer::new(url, self.ca_file.as_deref(), limits)),
            SqlAddress::Sqlite(file) => Arc::new(sqlite::SqliteDialer::new(file, limits)),
        };
        let database = SqlDatabase::new(dialer, self.address.name(), self.connections, self.timeout);
        let parsed = Cache::new(MAX_CACHED_STATEMENTS);
        Ok(Box::new(Sql { dialect: self.address.dialect(), parsed, database, rate: self.rate, clock: Arc::clone(clock) }))
    }

    fn exposure(&self) -> Option<String> {
        let parameter = self.address.exposing_parameter()?;
        Some(format!("its password and rows cross the network unencrypted: take `{parameter}` out of its URL"))
    }
}

impl Sql {
    fn parsed(&self, query: &str) -> Result<Arc<SqlStatement>, QueryError> {
        self.parsed.get_or_insert_with(query, || SqlStatement::parse(self.dialect, query).map(Arc::new))
    }

    async fn read(&self, statement: &SqlStatement, query: &BoundQuery, range: TimeRange) -> Result<Reading, SourceError> {
        let values = statement.values(&query.bindings, range)?;
        self.database.fetch(statement, &values).await?.into_reading(statement.tells_its_past())
    }
}

#[async_trait]
impl Source for Sql {
    fn check(&self, query: &str) -> Result<Vec<Placeholder>, QueryError> {
        Ok(self.parsed(query)?.placeholders().unique().cloned().collect())
    }

    fn rate(&self) -> Option<u32> {
        Some(self.rate)
    }

    async fn execute(&self, query: &BoundQuery) -> Result<Reading, SourceError> {
        let statement = self.parsed(&query.text)?;
        self.read(&statement, query, TimeRange::ending_at(self.clock.now(), LATEST)).await
    }

    async fn execute_range(&self, query: &BoundQuery, range: TimeRange) -> Result<Option<Series>, SourceError> {
        let statement = self.parsed(&query.text)?;
        if !statement.uses_range() {
            return Ok(None);
        }
        match self.read(&statement, query, range).await? {
            Reading::Series(series) => Ok(Some(series)),
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests;
