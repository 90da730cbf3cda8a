//! Statements on SQLite files, which are opened to be read only.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures::TryStreamExt as _;
use sqlx::sqlite::{Sqlite, SqliteColumn, SqliteConnectOptions, SqliteRow, SqliteValueRef};
use sqlx::{AssertSqlSafe, Column as _, ConnectOptions as _, Decode, Executor as _, Row as _, TypeInfo as _, ValueRef as _};

use super::connection::{SqlConnection, SqlDialer, SqlFailure, SqlLimits};
use super::failure::{connect_error, sqlite_error};
use super::rows::{SqlRows, SqlValue, hexadecimal};
use super::statement::SqlStatement;
use crate::sources::SourceError;

/// How many steps of SQLite's machine there are between two looks whether a statement is still wanted: about a millisecond.
const STEPS_BETWEEN_LOOKS: i32 = 10_000;

/// The way to an SQLite file.
pub(super) struct SqliteDialer {
    file: PathBuf,
    options: SqliteConnectOptions,
    limits: SqlLimits,
}

/// A connection to an SQLite file.
struct SqliteConnection {
    connection: sqlx::SqliteConnection,
    file: PathBuf,
    /// The file as it was opened: another may take its place.
    identity: Option<FileIdentity>,
    unwanted: Arc<AtomicBool>,
    limits: SqlLimits,
}

/// The device and the number of a file.
type FileIdentity = (u64, u64);

/// Stops the statement that runs on a thread of its own, when nobody waits for it any more.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl SqliteDialer {
    pub(super) fn new(file: &Path, limits: SqlLimits) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .read_only(true)
            .busy_timeout(limits.timeout)
            // Rows that are read ahead are in memory before anybody measures them.
            .row_buffer_size(1)
            // Views and triggers of the file are somebody else's.
            .pragma("trusted_schema", "OFF")
            .pragma("query_only", "ON")
            .disable_statement_logging();
        Self { file: file.to_owned(), options, limits }
    }
}

#[async_trait]
impl SqlDialer for SqliteDialer {
    async fn connect(&self) -> Result<Box<dyn SqlConnection>, SourceError> {
        let name = self.file.display().to_string();
        let identity = identity(&self.file);
        if identity.is_none() {
            return Err(SourceError::Unreachable(format!("there is no file {name} that can be read")));
        }
        let failed = |error: sqlx::Error| connect_error(&name, &error);
        let mut connection = self.options.connect().await.map_err(failed)?;
        // Whether it is such a file shows when something is read of it.
        connection.execute("PRAGMA schema_version").await.map_err(failed)?;
        let unwanted = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&unwanted);
        let mut handle = connection.lock_handle().await.map_err(failed)?;
        handle.set_progress_handler(STEPS_BETWEEN_LOOKS, move || !flag.load(Ordering::Relaxed));
        drop(handle);
        Ok(Box::new(SqliteConnection { connection, file: self.file.clone(), identity, unwanted, limits: self.limits }))
    }
}

fn identity(file: &Path) -> Option<FileIdentity> {
    fs::metadata(file).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

#[async_trait]
impl SqlConnection for SqliteConnection {
    async fn fetch(&mut self, statement: &SqlStatement, values: &[String]) -> Result<SqlRows, SqlFailure> {
        self.unwanted.store(false, Ordering::Relaxed);
        let stop = StopOnDrop(Arc::clone(&self.unwanted));
        let answer = self.run(statement, values).await;
        drop(stop);
        Ok(answer?)
    }

    async fn is_usable(&mut self) -> bool {
        identity(&self.file) == self.identity
    }
}

impl SqliteConnection {
    async fn run(&mut self, statement: &SqlStatement, values: &[String]) -> Result<SqlRows, SourceError> {
        let (name, limits) = (self.file.display().to_string(), self.limits);
        let failed = |error: sqlx::Error| sqlite_error(&name, &error, limits.timeout);
        let query = sqlx::query(AssertSqlSafe(statement.sql.clone()));
        let query = values.iter().fold(query, sqlx::query::Query::bind).persistent(false);
        let mut answer = query.fetch(&mut self.connection);
        let mut rows = SqlRows::new(limits.rows);
        while let Some(row) = answer.try_next().await.map_err(failed)? {
            rows.push(row.columns().iter().map(sqlx::Column::name), values_of(&row))?;
        }
        Ok(rows)
    }
}

fn values_of(row: &SqliteRow) -> Vec<SqlValue> {
    let value = |column: &SqliteColumn| {
        let is_declared_boolean = column.type_info().name() == "BOOLEAN";
        row.try_get_raw(column.ordinal()).map_or(SqlValue::Null, |value| value_of(value, is_declared_boolean))
    };
    row.columns().iter().map(value).collect()
}

/// A value by its own type: a column's is a recommendation. Of it, only that 0 and 1 mean no and yes is taken.
fn value_of(value: SqliteValueRef<'_>, is_declared_boolean: bool) -> SqlValue {
    if value.is_null() {
        return SqlValue::Null;
    }
    let kind = value.type_info().name().to_owned();
    let found = match kind.as_str() {
        "REAL" => decoded::<f64>(value).map(|number| SqlValue::Number(number.to_string())),
        "TEXT" => decoded::<&[u8]>(value).map(|text| SqlValue::Text(String::from_utf8_lossy(text).into_owned())),
        "BLOB" => decoded::<&[u8]>(value).map(|bytes| SqlValue::Text(hexadecimal(bytes))),
        _ => decoded::<i64>(value).map(|number| match number {
            0 | 1 if is_declared_boolean => SqlValue::Bool(number == 1),
            number => SqlValue::Number(number.to_string()),
        }),
    };
    found.unwrap_or(SqlValue::Null)
}

fn decoded<'a, T: Decode<'a, Sqlite>>(value: SqliteValueRef<'a>) -> Option<T> {
    T::decode(value).ok()
}
