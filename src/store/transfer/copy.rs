use sha2::{Digest, Sha256};

use super::statement_parts::key_columns;
use super::table::{TransferColumn, TransferRow, TransferTable, encode};
use crate::store::StoreError;

/// The rows of the first page of a table.
const FIRST_PAGE_ROWS: i64 = 8;

/// The most rows that are copied at a time, however small they are.
const MAX_PAGE_ROWS: i64 = 500;

/// The bytes of a page, about: a row may be of some megabytes, as what is pushed is.
const PAGE_BYTES: usize = 1024 * 1024;

/// The number of a table's rows, and a hash of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDigest {
    /// How many there are.
    pub rows: u64,
    /// SHA-256 of all, in the order of their keys.
    pub hash: [u8; 32],
}

/// Copies the rows of `from` that `to` does not have yet.
///
/// # Errors
/// [`StoreError`] when either fails, or `to` lacks a column.
pub async fn copy_table(from: &dyn TransferTable, to: &dyn TransferTable) -> Result<(), StoreError> {
    let (source, target) = shared_columns(from, to).await?;
    // A table of one row is written anew: every store has that row from the beginning.
    let mut after = if to.count().await? > 1 { to.last_key(&target).await? } else { None };
    let mut limit = FIRST_PAGE_ROWS;
    loop {
        let rows = from.page(&source, after.as_ref(), limit).await?;
        let Some(last) = rows.last() else { break };
        limit = next_limit(limit, &rows);
        let next = key_of(&source, last);
        to.insert(&target, &rows).await?;
        after = Some(next);
    }
    match from.last_number(&source).await? {
        Some(number) => to.set_last_number(&target, number).await,
        None => Ok(()),
    }
}

/// Compares the rows of both, and returns their digest.
///
/// # Errors
/// [`StoreError`] when either fails, or they differ.
pub async fn verify_copy(from: &dyn TransferTable, to: &dyn TransferTable) -> Result<TableDigest, StoreError> {
    let (source, target) = shared_columns(from, to).await?;
    let (copied, arrived) = (digest(from, &source).await?, digest(to, &target).await?);
    if copied == arrived && to.count().await? == arrived.rows {
        return Ok(copied);
    }
    let reason = format!(
        "{} rows were to be copied and {} are there, or they are not the same: see to it that nothing uses either store, and \
         begin again with an empty target",
        copied.rows, arrived.rows
    );
    Err(to.failed(&reason))
}

/// The columns of the table in the file, as either side has them, in one order. The database may have more, with defaults.
async fn shared_columns(
    from: &dyn TransferTable,
    to: &dyn TransferTable,
) -> Result<(Vec<TransferColumn>, Vec<TransferColumn>), StoreError> {
    let (source, target) = (from.columns().await?, to.columns().await?);
    let of_fewer = if source.len() <= target.len() { &source } else { &target };
    let pick = |columns: &[TransferColumn], table: &dyn TransferTable| {
        let named = |name: &str| columns.iter().find(|column| column.name == name).cloned();
        let picked = of_fewer.iter().map(|column| {
            let found = named(&column.name).map(|found| TransferColumn { key_place: column.key_place, ..found });
            found.ok_or_else(|| table.failed(&format!("there is no column {}: it is of another version", column.name)))
        });
        picked.collect::<Result<Vec<_>, _>>()
    };
    Ok((pick(&source, from)?, pick(&target, to)?))
}

async fn digest(table: &dyn TransferTable, columns: &[TransferColumn]) -> Result<TableDigest, StoreError> {
    let (mut rows, mut hash, mut after, mut limit) = (0, Sha256::new(), None, FIRST_PAGE_ROWS);
    loop {
        let page = table.page(columns, after.as_ref(), limit).await?;
        let Some(last) = page.last() else { break };
        limit = next_limit(limit, &page);
        after = Some(key_of(columns, last));
        for row in &page {
            rows += 1;
            // A JSON text ends where it ends: no two lists of rows look alike.
            hash.update(encode(table, row)?);
        }
    }
    Ok(TableDigest { rows, hash: hash.finalize().into() })
}

/// The rows of the page after this one, which had up to `limit`: those that follow are about as large.
fn next_limit(limit: i64, page: &[TransferRow]) -> i64 {
    let bytes: usize = page.iter().flatten().flatten().map(String::len).sum();
    if bytes > PAGE_BYTES {
        (limit / 2).max(1)
    } else if bytes > PAGE_BYTES / 2 {
        limit
    } else {
        (limit * 2).min(MAX_PAGE_ROWS)
    }
}

/// The values of a row's key, in the key's order.
fn key_of(columns: &[TransferColumn], row: &TransferRow) -> TransferRow {
    key_columns(columns).into_iter().map(|(index, _)| row.get(index).cloned().flatten()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The limits of the pages of a table whose rows are all of this size.
    fn limits(row_bytes: usize) -> Vec<i64> {
        let row: TransferRow = vec![Some("a".repeat(row_bytes)), None];
        let next = |limit: &i64| {
            let rows = usize::try_from(*limit).unwrap_or(usize::MAX);
            Some(next_limit(*limit, &vec![row.clone(); rows]))
        };
        std::iter::successors(Some(FIRST_PAGE_ROWS), next).take(9).collect()
    }

    #[test]
    fn pages_of_large_rows_have_few_of_them() {
        assert_eq!(limits(10), [8, 16, 32, 64, 128, 256, 500, 500, 500]);
        assert_eq!(limits(PAGE_BYTES), [8, 4, 2, 1, 1, 1, 1, 1, 1]);
    }
}
