use async_trait::async_trait;

use crate::store::{StoreError, StoreKind};

/// The name of a move in errors.
pub(super) const KIND: StoreKind = StoreKind { name: "store that is moved", if_recreated: "it is copied anew" };

/// A row, as a list of its columns' values.
pub type TransferRow = Vec<Option<String>>;

/// A column of a table, under one name on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferColumn {
    /// Its name.
    pub name: String,
    /// Its type, in the words of its database.
    pub data_type: String,
    /// Its place in the primary key, from 1 on; 0 when it is not in it.
    pub key_place: i64,
}

/// A table that rows are copied from or to.
#[async_trait]
pub trait TransferTable: Send + Sync {
    /// Its columns, in their order.
    async fn columns(&self) -> Result<Vec<TransferColumn>, StoreError>;

    /// The next rows in the order of the key, from behind `after`, the key's values of a row, on.
    async fn page(
        &self,
        columns: &[TransferColumn],
        after: Option<&TransferRow>,
        limit: i64,
    ) -> Result<Vec<TransferRow>, StoreError>;

    /// The key of the last row.
    async fn last_key(&self, columns: &[TransferColumn]) -> Result<Option<TransferRow>, StoreError>;

    /// Inserts rows, in place of those with the same key. One transaction.
    async fn insert(&self, columns: &[TransferColumn], rows: &[TransferRow]) -> Result<(), StoreError>;

    /// The number of rows.
    async fn count(&self) -> Result<u64, StoreError>;

    /// The last number that was given to a row, where the table numbers them and never gives one twice.
    async fn last_number(&self, columns: &[TransferColumn]) -> Result<Option<i64>, StoreError>;

    /// Gives no number up to this one again.
    async fn set_last_number(&self, columns: &[TransferColumn], number: i64) -> Result<(), StoreError>;

    /// The error of a copy that failed for `reason`.
    fn failed(&self, reason: &str) -> StoreError;
}

pub(super) fn encode(table: &dyn TransferTable, value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| table.failed(&error.to_string()))
}

/// The rows of which each is a JSON array.
pub(super) fn decode(table: &dyn TransferTable, rows: &[(String,)]) -> Result<Vec<TransferRow>, StoreError> {
    // PostgreSQL has no text with a NUL in it.
    let without_nul = |value: String| if value.contains('\0') { value.replace('\0', "\u{fffd}") } else { value };
    let read = |row: &str| {
        let row: TransferRow = serde_json::from_str(row).map_err(|error| table.failed(&error.to_string()))?;
        Ok(row.into_iter().map(|value| value.map(without_nul)).collect())
    };
    rows.iter().map(|(row,)| read(row)).collect()
}
