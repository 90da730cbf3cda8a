//! Parts of the statements that both engines understand.

use super::table::TransferColumn;

/// The columns of the primary key with their places in a row, in the key's order.
pub(super) fn key_columns(columns: &[TransferColumn]) -> Vec<(usize, &TransferColumn)> {
    let mut key: Vec<_> = columns.iter().enumerate().filter(|(_, column)| column.key_place > 0).collect();
    key.sort_by_key(|(_, column)| column.key_place);
    key
}

/// The parts of a statement that are joined by commas.
pub(super) fn list(columns: &[TransferColumn], part: impl Fn(usize, &TransferColumn) -> String) -> String {
    columns.iter().enumerate().map(|(index, column)| part(index, column)).collect::<Vec<_>>().join(", ")
}

/// The parts of a statement for the columns of the key, joined by commas: each gets the column's place in the key, from 0 on.
pub(super) fn key_list(columns: &[TransferColumn], part: impl Fn(usize, &TransferColumn) -> String) -> String {
    let key = key_columns(columns);
    key.iter().enumerate().map(|(place, (_, column))| part(place, column)).collect::<Vec<_>>().join(", ")
}

/// The names of the columns.
pub(super) fn names(columns: &[TransferColumn]) -> String {
    list(columns, |_, column| column.name.clone())
}

/// The end of an `INSERT` that writes rows in place of those with the same key.
pub(super) fn on_conflict_update(columns: &[TransferColumn]) -> String {
    format!(
        "ON CONFLICT ({}) DO UPDATE SET {}",
        key_list(columns, |_, column| column.name.clone()),
        list(columns, |_, column| format!("{0} = excluded.{0}", column.name)),
    )
}
