//! Statements on MySQL and MariaDB.

use std::path::Path;

use async_trait::async_trait;
use futures::TryStreamExt as _;
use itertools::Itertools as _;
use sqlx::mysql::{MySql, MySqlConnectOptions, MySqlRow, MySqlSslMode, MySqlValueRef};
use sqlx::{AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Decode, Executor as _, Row as _};
use sqlx::{TypeInfo as _, ValueRef as _};

use super::address::{MySqlServer, MySqlUrl};
use super::connection::{SqlConnection, SqlDialer, SqlFailure, SqlLimits};
use super::failure::{connect_error, mysql_error};
use super::rows::{SqlRows, SqlValue, hexadecimal};
use super::statement::SqlStatement;
use crate::sources::SourceError;

/// The modes of SQL in which a `"` or a backslash reads otherwise than [`tokenize`](super::lexer::tokenize) reads it, and those that
/// stand for several modes, of which one is such.
const MODES_OF_OTHER_QUOTATIONS: [&str; 8] =
    ["ANSI", "ANSI_QUOTES", "DB2", "MAXDB", "MSSQL", "NO_BACKSLASH_ESCAPES", "ORACLE", "POSTGRESQL"];

/// The way to a MySQL database.
pub(super) struct MySqlDialer {
    options: MySqlConnectOptions,
    name: String,
    limits: SqlLimits,
}

/// A connection to a MySQL database.
struct MySqlConnection {
    connection: sqlx::MySqlConnection,
    name: String,
    limits: SqlLimits,
}

impl MySqlDialer {
    pub(super) fn new(url: &MySqlUrl, ca_file: Option<&Path>, limits: SqlLimits) -> Self {
        let options = MySqlConnectOptions::new()
            .username(&url.user)
            .database(&url.database)
            .ssl_mode(if url.tls { MySqlSslMode::VerifyIdentity } else { MySqlSslMode::Disabled })
            // What the server is asked stays as its authors wrote it.
            .pipes_as_concat(false)
            .disable_statement_logging();
        let options = match &url.server {
            MySqlServer::Tcp(host, port) => options.host(host).port(*port),
            MySqlServer::Socket(path) => options.socket(path),
        };
        let options = ca_file.into_iter().fold(options, MySqlConnectOptions::ssl_ca);
        let options = url.password.iter().fold(options, |options, password| options.password(password.expose()));
        Self { options, name: url.server.to_string(), limits }
    }
}

#[async_trait]
impl SqlDialer for MySqlDialer {
    async fn connect(&self) -> Result<Box<dyn SqlConnection>, SourceError> {
        let failed = |error: sqlx::Error| connect_error(&self.name, &error);
        let mut connection = self.options.connect().await.map_err(failed)?;
        let version_and_modes = sqlx::query_as("SELECT VERSION(), CAST(@@sql_mode AS CHAR)");
        let (version, modes): (String, String) = version_and_modes.fetch_one(&mut connection).await.map_err(failed)?;
        let timeout = self.limits.timeout;
        let limit = if version.contains("MariaDB") {
            format!("max_statement_time = {}", timeout.as_secs_f64())
        } else {
            format!("max_execution_time = {}", timeout.as_millis())
        };
        let (modes, rows) = (known_quotations(&modes), self.limits.rows.rows + 1);
        let settings = format!("SET SESSION {limit}, SESSION sql_select_limit = {rows}, SESSION sql_mode = '{modes}'");
        connection.execute(AssertSqlSafe(settings)).await.map_err(failed)?;
        Ok(Box::new(MySqlConnection { connection, name: self.name.clone(), limits: self.limits }))
    }
}

#[async_trait]
impl SqlConnection for MySqlConnection {
    async fn fetch(&mut self, statement: &SqlStatement, values: &[String]) -> Result<SqlRows, SqlFailure> {
        let answer = self.run(statement, values).await;
        // Rows that were not taken are read here, as many as there may be. GET_LOCK is of the session, and outlives its transaction.
        let rolled_back = self.connection.execute("ROLLBACK; DO RELEASE_ALL_LOCKS()").await;
        answer.map_err(|error| SqlFailure { error, is_reusable: rolled_back.is_ok() })
    }

    async fn is_usable(&mut self) -> bool {
        self.connection.ping().await.is_ok()
    }
}

impl MySqlConnection {
    async fn run(&mut self, statement: &SqlStatement, values: &[String]) -> Result<SqlRows, SourceError> {
        let (name, limits) = (&self.name, self.limits);
        let failed = |error: sqlx::Error| mysql_error(name, &error, limits.timeout);
        self.connection.execute("START TRANSACTION READ ONLY").await.map_err(failed)?;
        let query = sqlx::query(AssertSqlSafe(statement.sql.clone()));
        let query = values.iter().fold(query, sqlx::query::Query::bind).persistent(false);
        let mut answer = query.fetch(&mut self.connection);
        let mut rows = SqlRows::new(limits.rows);
        while let Some(row) = answer.try_next().await.map_err(failed)? {
            let values = values_of(&row).map_err(|column| {
                SourceError::BadAnswer(format!("{name} gave a value that cannot be read, in the column '{column}'"))
            })?;
            rows.push(row.columns().iter().map(sqlx::Column::name), values)?;
        }
        Ok(rows)
    }
}

/// The modes of SQL without those that move the ends of quotations: a query has to be what it was checked as.
fn known_quotations(modes: &str) -> String {
    modes.split(',').filter(|mode| !MODES_OF_OTHER_QUOTATIONS.contains(mode)).join(",")
}

/// The values of a row, or the column of one that cannot be read.
fn values_of(row: &MySqlRow) -> Result<Vec<SqlValue>, String> {
    let value = |column: &sqlx::mysql::MySqlColumn| {
        let value = row.try_get_raw(column.ordinal()).ok().and_then(value_of);
        value.ok_or_else(|| column.name().to_owned())
    };
    row.columns().iter().map(value).collect()
}

fn value_of(value: MySqlValueRef<'_>) -> Option<SqlValue> {
    if value.is_null() {
        return Some(SqlValue::Null);
    }
    let kind = value.type_info().name().to_owned();
    if kind == "BOOLEAN" {
        let number = decoded::<i8>(value)?;
        // It is the type of any TINYINT(1), whose numbers may be others.
        return Some(match number {
            0 | 1 => SqlValue::Bool(number == 1),
            number => SqlValue::Number(number.to_string()),
        });
    }
    match kind.as_str() {
        "FLOAT" => decoded::<f32>(value).map(|number| SqlValue::Number(number.to_string())),
        "DOUBLE" => decoded::<f64>(value).map(|number| SqlValue::Number(number.to_string())),
        "DECIMAL" => text(value).map(SqlValue::Number),
        "YEAR" => decoded::<&[u8]>(value)
            .and_then(|bytes| Some(SqlValue::Number(u16::from_le_bytes(bytes.try_into().ok()?).to_string()))),
        "BIT" => decoded::<&[u8]>(value).and_then(bits).map(|bits| SqlValue::Number(bits.to_string())),
        "DATE" => decoded::<&[u8]>(value).and_then(date_text).map(SqlValue::Text),
        "DATETIME" => decoded::<&[u8]>(value).and_then(date_time_text).map(SqlValue::Text),
        // In the session's zone, which is UTC.
        "TIMESTAMP" => decoded::<&[u8]>(value).and_then(date_time_text).map(|text| SqlValue::Text(format!("{text}Z"))),
        "TIME" => decoded::<&[u8]>(value).and_then(time_text).map(SqlValue::Text),
        kind if kind.ends_with(" UNSIGNED") => decoded::<u64>(value).map(|number| SqlValue::Number(number.to_string())),
        kind if kind.ends_with("INT") => decoded::<i64>(value).map(|number| SqlValue::Number(number.to_string())),
        _ => decoded::<&[u8]>(value).map(|bytes| SqlValue::Text(text_or_hexadecimal(bytes))),
    }
}

fn decoded<'a, T: Decode<'a, MySql>>(value: MySqlValueRef<'a>) -> Option<T> {
    T::decode(value).ok()
}

fn text(value: MySqlValueRef<'_>) -> Option<String> {
    decoded::<&[u8]>(value).and_then(|bytes| String::from_utf8(bytes.to_vec()).ok())
}

/// Bytes that are a text as such: a column with a binary collation has the type of bytes.
fn text_or_hexadecimal(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains(|c: char| c.is_control() && !c.is_whitespace()) => text.to_owned(),
        _ => hexadecimal(bytes),
    }
}

fn bits(bytes: &[u8]) -> Option<u64> {
    (bytes.len() <= 8).then(|| bytes.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte)))
}

/// A date or time in the protocol's binary form, without its length, which comes first.
fn without_length(bytes: &[u8]) -> &[u8] {
    bytes.split_first().map_or(bytes, |(_, rest)| rest)
}

/// `2026-11-30`: year, month, day.
fn date_text(bytes: &[u8]) -> Option<String> {
    let bytes = without_length(bytes);
    let [year @ .., month, day] = bytes.first_chunk::<4>()?;
    Some(format!("{:04}-{month:02}-{day:02}", u16::from_le_bytes(*year)))
}

/// `2026-11-30T18:00:00.25`: behind the date hour, minute, second, and microseconds, of which the last may be missing.
fn date_time_text(bytes: &[u8]) -> Option<String> {
    let date = date_text(bytes)?;
    let bytes = without_length(bytes);
    let [hour, minute, second] = bytes.get(4..7).and_then(|time| time.try_into().ok()).unwrap_or([0; 3]);
    let micros = bytes.get(7..11).and_then(|micros| micros.try_into().ok()).map_or(0, u32::from_le_bytes);
    Some(format!("{date}T{hour:02}:{minute:02}:{second:02}{}", fraction(micros)))
}

/// `-26:00:00.5`: whether it is negative, days, hours, minutes, seconds, and microseconds. Nothing at all is zero.
fn time_text(bytes: &[u8]) -> Option<String> {
    let Some((negative, rest)) = without_length(bytes).split_first() else { return Some("00:00:00".to_owned()) };
    let days = u32::from_le_bytes(*rest.first_chunk::<4>()?);
    let [hour, minute, second] = *rest.get(4..7)?.first_chunk::<3>()?;
    let micros = rest.get(7..11).and_then(|micros| micros.try_into().ok()).map_or(0, u32::from_le_bytes);
    let sign = if *negative == 0 { "" } else { "-" };
    Some(format!("{sign}{:02}:{minute:02}:{second:02}{}", days * 24 + u32::from(hour), fraction(micros)))
}

fn fraction(micros: u32) -> String {
    if micros == 0 { String::new() } else { format!(".{micros:06}").trim_end_matches('0').to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_mode_stays_in_which_a_quotation_ends_elsewhere() {
        let kept = "STRICT_TRANS_TABLES,ONLY_FULL_GROUP_BY";
        assert_eq!(known_quotations(kept), kept);
        assert_eq!(known_quotations(""), "");
        assert_eq!(
            known_quotations("REAL_AS_FLOAT,ANSI_QUOTES,IGNORE_SPACE,ANSI,NO_BACKSLASH_ESCAPES"),
            "REAL_AS_FLOAT,IGNORE_SPACE"
        );
    }
}
