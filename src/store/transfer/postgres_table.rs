use async_trait::async_trait;
use sqlx::AssertSqlSafe;

use super::statement_parts::{key_columns, key_list, list, names, on_conflict_update};
use super::table::{TransferColumn, TransferRow, TransferTable, decode, encode};
use crate::store::{PostgresStore, StoreError};

/// A table in a PostgreSQL database whose migrations have been applied.
pub struct PostgresTable {
    store: PostgresStore,
    table: &'static str,
}

impl PostgresTable {
    /// The table in this database.
    pub(super) fn new(store: &PostgresStore, table: &'static str) -> Self {
        Self { store: store.clone(), table }
    }

    /// A column's value as text, as SQLite writes it.
    fn value(column: &TransferColumn) -> String {
        let name = &column.name;
        match column.data_type.as_str() {
            "boolean" => format!("{name}::integer::text"),
            "bytea" => format!("encode({name}, 'hex')"),
            "uuid" => format!("replace({name}::text, '-', '')"),
            _ => format!("{name}::text"),
        }
    }

    /// The value that is written as `text`.
    fn typed(column: &TransferColumn, text: &str) -> String {
        match column.data_type.as_str() {
            "boolean" => format!("({text})::integer::boolean"),
            "bytea" => format!("decode({text}, 'hex')"),
            other => format!("({text})::{other}"),
        }
    }

    /// The column in the order of its bytes, as SQLite compares it.
    fn key(column: &TransferColumn) -> String {
        let collation = if column.data_type == "text" { " COLLATE \"C\"" } else { "" };
        format!("{}{collation}", column.name)
    }

    /// The sequence of the one column of the key, if it has one.
    fn sequence(&self, columns: &[TransferColumn]) -> String {
        format!("pg_get_serial_sequence('{}', '{}')", self.table, key_list(columns, |_, column| column.name.clone()))
    }

    /// Whether a number alone is the key, which may be of a sequence.
    fn is_numbered(columns: &[TransferColumn]) -> bool {
        matches!(key_columns(columns)[..], [(_, column)] if column.data_type == "bigint")
    }
}

#[async_trait]
impl TransferTable for PostgresTable {
    async fn columns(&self) -> Result<Vec<TransferColumn>, StoreError> {
        let query = sqlx::query_as(
            "SELECT columns.column_name::text, columns.data_type::text, coalesce(keys.ordinal_position, 0)::bigint
             FROM information_schema.columns AS columns
             LEFT JOIN (information_schema.key_column_usage AS keys JOIN information_schema.table_constraints AS constraints
                     USING (constraint_schema, constraint_name, table_schema, table_name))
                 ON constraints.constraint_type = 'PRIMARY KEY' AND keys.table_schema = columns.table_schema
                     AND keys.table_name = columns.table_name AND keys.column_name = columns.column_name
             WHERE columns.table_schema = current_schema() AND columns.table_name = $1
             ORDER BY columns.ordinal_position",
        );
        let columns: Vec<(String, String, i64)> = self.store.fetch_all(query.bind(self.table)).await?;
        Ok(columns.into_iter().map(|(name, data_type, key_place)| TransferColumn { name, data_type, key_place }).collect())
    }

    async fn page(
        &self,
        columns: &[TransferColumn],
        after: Option<&TransferRow>,
        limit: i64,
    ) -> Result<Vec<TransferRow>, StoreError> {
        let (row, key) = (list(columns, |_, column| Self::value(column)), key_list(columns, |_, column| Self::key(column)));
        let select = format!("SELECT json_build_array({row})::text FROM {}", self.table);
        let rows = if let Some(after) = after {
            let last = key_list(columns, |place, column| Self::typed(column, &format!("$1::json ->> {place}")));
            let statement = format!("{select} WHERE ({key}) > ({last}) ORDER BY {key} LIMIT {limit}");
            self.store.fetch_all(sqlx::query_as(AssertSqlSafe(statement)).bind(encode(self, after)?)).await?
        } else {
            self.store.fetch_all(sqlx::query_as(AssertSqlSafe(format!("{select} ORDER BY {key} LIMIT {limit}")))).await?
        };
        decode(self, &rows)
    }

    async fn last_key(&self, columns: &[TransferColumn]) -> Result<Option<TransferRow>, StoreError> {
        let statement = format!(
            "SELECT json_build_array({})::text FROM {} ORDER BY {} LIMIT 1",
            key_list(columns, |_, column| Self::value(column)),
            self.table,
            key_list(columns, |_, column| format!("{} DESC", Self::key(column))),
        );
        let rows = self.store.fetch_all(sqlx::query_as(AssertSqlSafe(statement))).await?;
        Ok(decode(self, &rows)?.pop())
    }

    async fn insert(&self, columns: &[TransferColumn], rows: &[TransferRow]) -> Result<(), StoreError> {
        let statement = format!(
            "INSERT INTO {} ({}) SELECT {} FROM json_array_elements($1::json) AS row (value) {}",
            self.table,
            names(columns),
            list(columns, |index, column| Self::typed(column, &format!("value ->> {index}"))),
            on_conflict_update(columns),
        );
        self.store.execute(sqlx::query(AssertSqlSafe(statement)).bind(encode(self, &rows)?)).await.map(drop)
    }

    async fn count(&self) -> Result<u64, StoreError> {
        let query = sqlx::query_as(AssertSqlSafe(format!("SELECT count(*) FROM {}", self.table)));
        let (count,): (i64,) = self.store.fetch_one(query).await?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    async fn last_number(&self, columns: &[TransferColumn]) -> Result<Option<i64>, StoreError> {
        if !Self::is_numbered(columns) {
            return Ok(None);
        }
        let statement = format!("SELECT pg_sequence_last_value({}::regclass)", self.sequence(columns));
        self.store.fetch_one(sqlx::query_as(AssertSqlSafe(statement))).await.map(|(number,)| number)
    }

    async fn set_last_number(&self, columns: &[TransferColumn], number: i64) -> Result<(), StoreError> {
        let statement = format!(
            "SELECT setval({0}::regclass, greatest($1, pg_sequence_last_value({0}::regclass)))",
            self.sequence(columns)
        );
        let set = sqlx::query(AssertSqlSafe(statement)).bind(number);
        if number > 0 { self.store.execute(set).await.map(drop) } else { Ok(()) }
    }

    fn failed(&self, reason: &str) -> StoreError {
        self.store.failed(&format!("{}: {reason}", self.table))
    }
}
