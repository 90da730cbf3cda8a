//! The rows of an Excel sheet (Office Open XML), as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

use calamine::{DataRef, ExcelDateTime, Reader as _, Xlsx, XlsxError};
use serde_json::Value;

use super::workbook_limits;
use crate::sources::SourceError;
use crate::sources::json_rows::{JsonRows, max_json_bytes};

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
    workbook_limits::check(&bytes, max_bytes, origin)?;
    let max_json = max_json_bytes(bytes.len());
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
    let cells = cells_of(&mut book, &name, max_json, origin)?;
    write_objects(&cells, max_json, origin)
}

/// The cells of a sheet that have something in them, as JSON, by row and column.
type SheetCells = BTreeMap<(u32, u32), Vec<u8>>;

fn cells_of(book: &mut Xlsx<Cursor<Vec<u8>>>, sheet: &str, max_json: usize, origin: &str) -> Result<SheetCells, SourceError> {
    let unreadable = |_: XlsxError| SourceError::BadAnswer(format!("the sheet '{sheet}' of {origin} cannot be read"));
    let mut reader = book.worksheet_cells_reader(sheet).map_err(unreadable)?;
    let (mut cells, mut count, mut held) = (SheetCells::new(), 0, 0);
    while let Some(cell) = reader.next_cell().map_err(unreadable)? {
        let (row, column) = cell.get_position();
        let value = value_of(cell.get_value());
        if value.is_null() {
            continue;
        }
        let json = to_json(&value)?;
        count += 1;
        held += json.len();
        if column >= MAX_COLUMNS || count > MAX_CELLS {
            let limits = format!("{MAX_COLUMNS} columns or {MAX_CELLS} cells");
            return Err(SourceError::TooLarge(format!("the sheet '{sheet}' of {origin} has more than {limits}")));
        }
        if held > max_json {
            return Err(SourceError::TooLarge(format!("the texts in the sheet '{sheet}' of {origin} are too long")));
        }
        cells.insert((row, column), json);
    }
    Ok(cells)
}

fn write_objects(cells: &SheetCells, max_json: usize, origin: &str) -> Result<Vec<u8>, SourceError> {
    let Some(((header, _), _)) = cells.first_key_value() else { return Ok(b"[]".to_vec()) };
    let keys = keys_of(cells, *header, origin)?;
    let mut rows = JsonRows::new(max_json);
    let mut row = *header;
    // The next row with anything in it: they may be far apart.
    while let Some((&(next, _), _)) = cells.range((row.saturating_add(1), 0)..).next() {
        // A number of the last row would be found again for ever.
        if next <= row {
            break;
        }
        row = next;
        // What stands beside the table is a remark.
        let mut columns = cells.range((row, 0)..=(row, u32::MAX)).map(|((_, column), _)| *column);
        if !columns.any(|column| keys.binary_search_by_key(&column, |(known, _)| *known).is_ok()) {
            continue;
        }
        let cell = |column| cells.get(&(row, column)).map_or(b"null".as_slice(), Vec::as_slice);
        rows.push(keys.iter().map(|(column, key)| (key, cell(*column))), origin)?;
    }
    Ok(rows.into_json())
}

/// The columns with a name in the header, and their names as JSON.
fn keys_of(cells: &SheetCells, header: u32, origin: &str) -> Result<Vec<(u32, Vec<u8>)>, SourceError> {
    let (mut keys, mut known) = (Vec::new(), BTreeSet::new());
    for ((_, column), cell) in cells.range((header, 0)..=(header, u32::MAX)) {
        let name = match serde_json::from_slice(cell) {
            Ok(Value::String(name)) => name.trim().to_owned(),
            _ => String::from_utf8_lossy(cell).into_owned(),
        };
        keys.push((*column, to_json(&Value::from(name.as_str()))?));
        if let Some(name) = known.replace(name) {
            return Err(SourceError::BadAnswer(format!("the header of {origin} has two columns '{name}'")));
        }
    }
    Ok(keys)
}

fn to_json(value: &Value) -> Result<Vec<u8>, SourceError> {
    serde_json::to_vec(value).map_err(|error| SourceError::Broken(format!("the rows cannot be told: {error}")))
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
