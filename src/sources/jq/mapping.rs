//! The mapping from a filter's results to a reading.
//!
//! | the filter gives | the reading |
//! |---|---|
//! | nothing, or `null` | an error: the filter found nothing in the answer |
//! | a number | a number |
//! | a string | text |
//! | `true`, `false` | text: `yes`, `no` |
//! | an object of numbers | labelled numbers, by key; `null` is a number nobody can tell |
//! | an object of booleans and state words | states, by key; `null` is unknown |
//! | an array of numbers | labelled numbers: 0, 1, 2, … |
//! | an array of objects with `time` and `value`, perhaps `label` (or `name`), and nothing else | series, a line for each label |
//! | an array of other objects | a table; columns in the order they first appear |
//! | an array of arrays | a table with columns 1, 2, 3, … |
//! | an array of anything else | a table with one column, `value` |
//! | any other object | a table with one row |
//! | an empty array or object | an empty table: "no alerts" is an answer |
//! | several results | as an array of them |
//!
//! A table whose columns are named so is read as labelled numbers or states by the panels that show such
//! ([`Reading::labelled_numbers`]). The words by which Prometheus and others write numbers that JSON has not (`"NaN"`, `"+Inf"`,
//! `"-Inf"`) are numbers nobody can tell.
//!
//! A time is a number of seconds since the Unix epoch, or of milliseconds where it is so large, or a text by RFC 3339.
//!
//! State words are `good`, `ok`, `up`, `warn`, `bad`, `down` and `unknown`, in any case; `true` is good and `false`
//! is bad. In a table, the columns `state` and `up` hold states where they read as such. A cell with an array or an
//! object in it shows its JSON, shortened.

use std::fmt::{self, Write};

use indexmap::IndexSet;
use jaq_json::{Map, Val};
use jaq_std::ValT as _;

use crate::domain::{
    DataTable, HealthState, LabelledNumber, LabelledState, Reading, Series, SeriesPoint, TableCell, TableColumn, Timestamp,
};
use crate::sources::SourceError;

/// The rows or values of one reading. More cannot be looked at, and every viewer would receive them.
pub(super) const MAX_ENTRIES: usize = 10_000;

/// Columns of one table: an array of objects that share no keys would otherwise become a square of empty cells.
const MAX_COLUMNS: usize = 100;

/// Cells of one table, empty ones included.
const MAX_CELLS: usize = 100_000;

/// Bytes of one text, as the reading of a panel: a long page of prose.
const MAX_TEXT_BYTES: usize = 64 * 1024;

/// Bytes of a text in a cell, a label or a note.
const MAX_CELL_BYTES: usize = 512;

/// Maps the results of a filter to a reading.
///
/// # Errors
/// Why they are none, in words that repeat nothing of the answer.
pub(super) fn reading(mut results: Vec<Val>) -> Result<Reading, SourceError> {
    let nothing = || SourceError::BadAnswer("the filter found nothing in the answer".to_owned());
    match results.len() {
        0 => Err(nothing()),
        1 => match results.remove(0) {
            Val::Null => Err(nothing()),
            Val::Bool(value) => Ok(Reading::Text(yes_or_no(value).to_owned())),
            Val::Arr(entries) => list(&entries),
            Val::Obj(fields) => object(&fields),
            value => scalar(&value),
        },
        _ => list(&results),
    }
}

fn scalar(value: &Val) -> Result<Reading, SourceError> {
    if let Some(number) = number(value) {
        return Ok(Reading::Number(number));
    }
    let bytes = value.as_bytes().unwrap_or_default();
    if bytes.len() > MAX_TEXT_BYTES {
        return Err(SourceError::TooLarge(format!("the filter's text is longer than {MAX_TEXT_BYTES} bytes")));
    }
    Ok(Reading::Text(String::from_utf8_lossy(bytes).into_owned()))
}

fn object(fields: &Map) -> Result<Reading, SourceError> {
    check_limit(fields.len(), MAX_ENTRIES, "entries")?;
    if fields.is_empty() {
        return Ok(Reading::Table(DataTable::default()));
    }
    let labelled = |(key, value): (&Val, &Val)| Some(LabelledNumber { label: short_text(key), value: number_or_gap(value)? });
    if fields.values().any(|value| number(value).is_some())
        && let Some(numbers) = fields.iter().map(labelled).collect()
    {
        return Ok(Reading::Numbers(numbers));
    }
    let state_of =
        |(key, value): (&Val, &Val)| Some(LabelledState { label: short_text(key), state: state_or_gap(value)?, note: None });
    if fields.values().any(|value| state(value).is_some())
        && let Some(states) = fields.iter().map(state_of).collect()
    {
        return Ok(Reading::States(states));
    }
    table_of_objects(&[fields])
}

fn list(entries: &[Val]) -> Result<Reading, SourceError> {
    check_limit(entries.len(), MAX_ENTRIES, "entries")?;
    if entries.is_empty() {
        return Ok(Reading::Table(DataTable::default()));
    }
    if entries.iter().any(|entry| number(entry).is_some())
        && let Some(values) = entries.iter().map(number_or_gap).collect::<Option<Vec<_>>>()
    {
        let labelled = |(at, value): (usize, f64)| LabelledNumber { label: at.to_string(), value };
        return Ok(Reading::Numbers(values.into_iter().enumerate().map(labelled).collect()));
    }
    if let Some(objects) = entries.iter().map(as_object).collect::<Option<Vec<_>>>() {
        return series_of_objects(&objects).unwrap_or_else(|| table_of_objects(&objects));
    }
    if let Some(rows) = entries.iter().map(as_array).collect::<Option<Vec<_>>>() {
        return table_of_arrays(&rows);
    }
    Ok(Reading::Table(DataTable {
        columns: vec![column("value")],
        rows: entries.iter().map(|entry| vec![cell(entry)]).collect(),
    }))
}

/// The series that a list of times and values is; `None` where it is something else.
fn series_of_objects(rows: &[&Map]) -> Option<Result<Reading, SourceError>> {
    let points = rows.iter().map(|fields| point(fields)).collect::<Option<Vec<_>>>()?;
    let too_many = |_| {
        let most = Series::MAX_VALUES;
        SourceError::TooLarge(format!("the filter's result has more than {most} values in its series; let it pick fewer"))
    };
    let series = Series::of_points(&points).map_err(too_many);
    Some(series.map(Reading::Series))
}

/// The point that an object is which has its parts and no others.
fn point(fields: &Map) -> Option<SeriesPoint> {
    let field = |name: &str| fields.get(&Val::from(name.to_owned()));
    let label = field("label").or_else(|| field("name"));
    (fields.len() == 2 + usize::from(label.is_some())).then_some(())?;
    let label = label.map(short_text).unwrap_or_default();
    Some(SeriesPoint { time: time(field("time")?)?, label, value: number_or_gap(field("value")?)? })
}

/// The moment that a value tells.
fn time(value: &Val) -> Option<Timestamp> {
    match value.as_bytes() {
        Some(text) => Timestamp::parse_rfc3339(std::str::from_utf8(text).ok()?),
        None => Timestamp::of_epoch(value.as_f64()?),
    }
}

fn table_of_objects(rows: &[&Map]) -> Result<Reading, SourceError> {
    let mut keys: IndexSet<&Val> = IndexSet::new();
    for fields in rows {
        keys.extend(fields.keys());
        check_limit(keys.len(), MAX_COLUMNS, "columns")?;
    }
    check_limit(keys.len() * rows.len(), MAX_CELLS, "cells")?;
    let names: Vec<String> = keys.iter().map(|key| short_text(key)).collect();
    let cell_at = |fields: &&Map, key: &Val, name: &str| {
        fields.get(key).map_or(TableCell::Empty, |value| match name {
            "state" | "up" => state(value).map_or_else(|| cell(value), TableCell::State),
            _ => cell(value),
        })
    };
    Ok(Reading::Table(DataTable {
        rows: rows
            .iter()
            .map(|fields| keys.iter().zip(&names).map(|(key, name)| cell_at(fields, key, name)).collect())
            .collect(),
        columns: names.iter().map(|name| column(name)).collect(),
    }))
}

fn table_of_arrays(rows: &[&[Val]]) -> Result<Reading, SourceError> {
    let width = rows.iter().map(|row| row.len()).max().unwrap_or_default();
    check_limit(width, MAX_COLUMNS, "columns")?;
    check_limit(width * rows.len(), MAX_CELLS, "cells")?;
    Ok(Reading::Table(DataTable {
        columns: (1..=width).map(|at| column(&at.to_string())).collect(),
        rows: rows.iter().map(|row| (0..width).map(|at| row.get(at).map_or(TableCell::Empty, cell)).collect()).collect(),
    }))
}

fn check_limit(count: usize, max: usize, what: &str) -> Result<(), SourceError> {
    if count > max {
        return Err(SourceError::TooLarge(format!("the filter's result has more than {max} {what}; let it pick fewer")));
    }
    Ok(())
}

fn column(name: &str) -> TableColumn {
    TableColumn { name: name.to_owned(), unit: None }
}

fn cell(value: &Val) -> TableCell {
    match value {
        Val::Null => TableCell::Empty,
        Val::Bool(value) => TableCell::Text(yes_or_no(*value).to_owned()),
        value => number(value).map_or_else(|| TableCell::Text(short_text(value)), TableCell::Number),
    }
}

fn yes_or_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

/// A number, or a word for one that JSON has not.
fn number(value: &Val) -> Option<f64> {
    match value.as_bytes() {
        Some(b"NaN" | b"+Inf" | b"-Inf" | b"Infinity" | b"+Infinity" | b"-Infinity") => Some(f64::NAN),
        _ => value.as_f64(),
    }
}

fn number_or_gap(value: &Val) -> Option<f64> {
    if matches!(value, Val::Null) { Some(f64::NAN) } else { number(value) }
}

fn state_or_gap(value: &Val) -> Option<HealthState> {
    if matches!(value, Val::Null) { Some(HealthState::Unknown) } else { state(value) }
}

fn state(value: &Val) -> Option<HealthState> {
    match value {
        Val::Bool(is_up) => Some(HealthState::of_up(*is_up)),
        _ => HealthState::of_word(std::str::from_utf8(value.as_bytes()?).ok()?),
    }
}

fn as_object(value: &Val) -> Option<&Map> {
    if let Val::Obj(fields) = value { Some(fields) } else { None }
}

fn as_array(value: &Val) -> Option<&[Val]> {
    if let Val::Arr(entries) = value { Some(entries) } else { None }
}

/// A value as a short text: a string as it is, anything else as its JSON.
fn short_text(value: &Val) -> String {
    let mut truncated = TruncatedText(String::new());
    // The only error is that the text is full, which is what its mark says.
    let _ = match value.as_bytes() {
        Some(bytes) => truncated.write_str(&String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_CELL_BYTES + 1)])),
        None => write!(truncated, "{value}"),
    };
    truncated.0
}

/// A text of at most [`MAX_CELL_BYTES`] and an ellipsis: a value may be far larger written out than it is in memory.
struct TruncatedText(String);

impl Write for TruncatedText {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let room = MAX_CELL_BYTES.saturating_sub(self.0.len());
        if more.len() <= room {
            self.0.push_str(more);
            return Ok(());
        }
        self.0.push_str(&more[..more.floor_char_boundary(room)]);
        self.0.push('…');
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests;
