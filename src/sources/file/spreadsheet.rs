//! The rows of an Excel sheet (Office Open XML), as JSON.

use std::collections::BTreeMap;
use std::io::Cursor;

use calamine::{DataRef, ExcelDateTime, Reader as _, Xlsx, XlsxError};
use serde_json::{Map, Value};
use zip::ZipArchive;

use crate::sources::SourceError;

/// How much larger a file may be unpacked than packed ones are allowed to be: XML packs well, and bombs pack better.
const MAX_UNPACKED_FACTOR: u128 = 16;

/// The most columns that are looked at.
const MAX_COLUMNS: u32 = 256;

/// The most cells of a sheet.
const MAX_CELLS: usize = 500_000;

/// Reads a sheet, whose first row with anything in it has the names of its columns: an array of objects, as of CSV.
///
/// # Errors
/// [`SourceError::BadAnswer`] when it is no such file, and [`SourceError::TooLarge`].
pub(super) fn rows_to_json(
    bytes: Vec<u8>,
    sheet: Option<&str>,
    max_bytes: usize,
    origin: &str,
) -> Result<Vec<u8>, SourceError> {
    let unreadable = || SourceError::BadAnswer(format!("{origin} is no Excel file (.xlsx), or has a password"));
    let unpacked = ZipArchive::new(Cursor::new(&bytes)).map_err(|_| unreadable())?.decompressed_size();
    if unpacked.is_none_or(|unpacked| unpacked > MAX_UNPACKED_FACTOR * max_bytes as u128) {
        return Err(SourceError::TooLarge(format!("{origin} is too large when it is unpacked; raise max_bytes")));
    }
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|_: XlsxError| unreadable())?;
    let names = book.sheet_names();
    let name = match sheet {
        Some(name) if names.iter().any(|known| known == name) => name.to_owned(),
        Some(name) => {
            let names = names.join(", ");
            return Err(SourceError::BadAnswer(format!("{origin} has no sheet '{name}'; it has {names}")));
        }
        None => names.first().cloned().ok_or_else(unreadable)?,
    };
    let rows = rows_of(&mut book, &name, origin)?;
    let objects = objects_of(rows, origin)?;
    serde_json::to_vec(&objects).map_err(|error| SourceError::Broken(format!("the rows cannot be told: {error}")))
}

/// The rows of a sheet, each with the cells that have something in them.
type SheetRows = BTreeMap<u32, BTreeMap<u32, Value>>;

fn rows_of(book: &mut Xlsx<Cursor<Vec<u8>>>, sheet: &str, origin: &str) -> Result<SheetRows, SourceError> {
    let unreadable = |_| SourceError::BadAnswer(format!("the sheet '{sheet}' of {origin} cannot be read"));
    let mut cells = book.worksheet_cells_reader(sheet).map_err(unreadable)?;
    let (mut rows, mut count) = (SheetRows::new(), 0);
    while let Some(cell) = cells.next_cell().map_err(unreadable)? {
        let (row, column) = cell.get_position();
        let value = value_of(cell.get_value());
        if value.is_null() {
            continue;
        }
        count += 1;
        if column >= MAX_COLUMNS || count > MAX_CELLS {
            let limits = format!("{MAX_COLUMNS} columns or {MAX_CELLS} cells");
            return Err(SourceError::TooLarge(format!("the sheet '{sheet}' of {origin} has more than {limits}")));
        }
        rows.entry(row).or_default().insert(column, value);
    }
    Ok(rows)
}

fn objects_of(rows: SheetRows, origin: &str) -> Result<Vec<Map<String, Value>>, SourceError> {
    let mut rows = rows.into_values();
    let Some(header) = rows.next() else { return Ok(Vec::new()) };
    let mut names: BTreeMap<u32, String> = BTreeMap::new();
    for (column, value) in header {
        let name = match value {
            Value::String(name) => name.trim().to_owned(),
            other => other.to_string(),
        };
        if names.values().any(|known| *known == name) {
            return Err(SourceError::BadAnswer(format!("the header of {origin} has two columns '{name}'")));
        }
        names.insert(column, name);
    }
    // What stands beside the table is a remark.
    let object = |mut row: BTreeMap<u32, Value>| -> Map<String, Value> {
        names.iter().map(|(column, name)| (name.clone(), row.remove(column).unwrap_or(Value::Null))).collect()
    };
    Ok(rows.map(object).filter(|row| row.values().any(|value| !value.is_null())).collect())
}

fn value_of(cell: &DataRef<'_>) -> Value {
    match cell {
        DataRef::Int(number) => Value::from(*number),
        DataRef::Float(number) => number_of(*number),
        DataRef::String(text) => text_of(text),
        DataRef::SharedString(text) => text_of(text),
        DataRef::Bool(value) => Value::from(*value),
        DataRef::DateTime(moment) if moment.is_datetime() => Value::from(date_text(moment)),
        // A length of time, in days.
        DataRef::DateTime(length) => number_of(length.as_f64()),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => Value::from(text.as_str()),
        // #N/A and the like.
        DataRef::Error(_) | DataRef::Empty => Value::Null,
    }
}

fn text_of(text: &str) -> Value {
    if text.trim().is_empty() { Value::Null } else { Value::from(text) }
}

/// A number as one writes it: Excel has no whole ones.
fn number_of(number: f64) -> Value {
    const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= MAX_WHOLE {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole, and within what is exact")]
        return Value::from(number as i64);
    }
    Value::from(number)
}

/// `2026-11-30`, or with the time where there is one: `2026-11-30T18:00:00`. Excel knows no zones.
fn date_text(moment: &ExcelDateTime) -> String {
    let (year, month, day, hour, minute, second, milli) = moment.to_ymd_hms_milli();
    let date = format!("{year:04}-{month:02}-{day:02}");
    match (hour, minute, second, milli) {
        (0, 0, 0, 0) => date,
        (_, _, _, 0) => format!("{date}T{hour:02}:{minute:02}:{second:02}"),
        _ => format!("{date}T{hour:02}:{minute:02}:{second:02}.{milli:03}"),
    }
}
