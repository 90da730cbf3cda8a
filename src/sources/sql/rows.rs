//! The rows that a statement gives, and the reading that they become.
//!
//! | the rows | the reading |
//! |---|---|
//! | with a column `time`, and numbers in all others but `label` | series: a line for each label, or for each column |
//! | any others | a table, which panels read as a number, numbers or states where it is such |

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::super::text::truncated;
use crate::domain::{DataTable, HealthState, InvalidSeries, Reading, Series, SeriesPoint, TableCell, TableColumn, Timestamp};
use crate::sources::SourceError;

/// Columns of one statement.
const MAX_COLUMNS: usize = 100;

/// Cells of one table: more cannot be looked at, and every viewer would receive them.
const MAX_CELLS: usize = 100_000;

/// Characters of a text in a cell.
const MAX_CELL_CHARS: usize = 512;

/// The column that makes series of rows.
const TIME: &str = "time";

/// The column that names the line of a row, where there are several.
const LABEL: &str = "label";

/// A value of a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum SqlValue {
    Null,
    Bool(bool),
    /// A number in decimals, as exact as the database has it.
    Number(String),
    Text(String),
}

/// The limits of one statement's answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowLimits {
    pub(super) rows: usize,
    pub(super) bytes: usize,
}

/// Rows under columns, as they come.
#[derive(Debug)]
pub(super) struct SqlRows {
    limits: RowLimits,
    columns: Vec<String>,
    rows: Vec<Vec<SqlValue>>,
    bytes: usize,
}

impl SqlRows {
    pub(super) fn new(limits: RowLimits) -> Self {
        Self { limits, columns: Vec::new(), rows: Vec::new(), bytes: 0 }
    }

    /// Adds a row of these columns, which are the same for all.
    ///
    /// # Errors
    /// [`SourceError::TooLarge`] when that is more than the limits allow.
    pub(super) fn push<'a>(
        &mut self,
        columns: impl ExactSizeIterator<Item = &'a str>,
        row: Vec<SqlValue>,
    ) -> Result<(), SourceError> {
        let RowLimits { rows, bytes } = self.limits;
        if self.columns.is_empty() {
            if columns.len() > MAX_COLUMNS {
                return Err(SourceError::TooLarge(format!("there are more than {MAX_COLUMNS} columns; select fewer")));
            }
            self.columns = columns.map(str::to_owned).collect();
        }
        self.bytes += row.iter().map(SqlValue::bytes).sum::<usize>();
        if self.rows.len() == rows {
            return Err(SourceError::TooLarge(format!(
                "there are more than {rows} rows; let the query give fewer (LIMIT), or raise max_rows"
            )));
        }
        if self.bytes > bytes {
            return Err(too_many_bytes(bytes));
        }
        self.rows.push(row);
        Ok(())
    }

    /// The reading. No rows of a statement that tells its past are series without points: an empty table is a gap at the time of
    /// asking, and whatever comes later with an earlier time would never be drawn.
    ///
    /// # Errors
    /// Why the rows are none.
    pub(super) fn into_reading(self, tells_its_past: bool) -> Result<Reading, SourceError> {
        if let Some(series) = self.series(tells_its_past) {
            return series.map(Reading::Series);
        }
        if self.columns.len() * self.rows.len() > MAX_CELLS {
            return Err(SourceError::TooLarge(format!("there are more than {MAX_CELLS} cells; select fewer rows or columns")));
        }
        let rows = self.rows.into_iter().map(|row| row.into_iter().zip(&self.columns).map(|(value, name)| value.cell(name)));
        Ok(Reading::Table(DataTable {
            rows: rows.map(Iterator::collect).collect(),
            columns: self.columns.into_iter().map(|name| TableColumn { name, unit: None }).collect(),
        }))
    }

    /// The rows as series, where they are such.
    fn series(&self, tells_its_past: bool) -> Option<Result<Series, SourceError>> {
        if self.rows.is_empty() && tells_its_past {
            return Some(Ok(Series::default()));
        }
        let time = self.columns.iter().position(|name| name == TIME)?;
        let label = self.columns.iter().position(|name| name == LABEL);
        let values: Vec<usize> = (0..self.columns.len()).filter(|at| *at != time && Some(*at) != label).collect();
        if values.is_empty() || self.rows.is_empty() {
            return None;
        }
        let mut points = Vec::new();
        for row in &self.rows {
            let time = row[time].time()?;
            let of_row = label.and_then(|label| row[label].label());
            for column in &values {
                let name = match (&of_row, values.len()) {
                    (Some(label), 1) => label.clone(),
                    (Some(label), _) => format!("{label} {}", self.columns[*column]),
                    (None, 1) => String::new(),
                    (None, _) => self.columns[*column].clone(),
                };
                points.push(SeriesPoint { time, label: name, value: row[*column].number_or_gap()? });
            }
        }
        let too_large = |error: InvalidSeries| SourceError::TooLarge(format!("{error}; select fewer times or labels"));
        Some(Series::of_points(&points).map_err(too_large))
    }
}

impl SqlValue {
    /// The cell in the column of that name, in which states are read as such.
    fn cell(self, column: &str) -> TableCell {
        let state = if matches!(column, "state" | "up") { self.state() } else { None };
        if let Some(state) = state {
            return TableCell::State(state);
        }
        match self {
            Self::Null => TableCell::Empty,
            Self::Bool(value) => TableCell::Text(if value { "yes" } else { "no" }.to_owned()),
            Self::Number(text) => TableCell::of_decimal(&text).unwrap_or(TableCell::Text(text)),
            Self::Text(text) => TableCell::Text(truncated(&text, MAX_CELL_CHARS)),
        }
    }

    fn state(&self) -> Option<HealthState> {
        match self {
            Self::Bool(up) => Some(HealthState::of_up(*up)),
            Self::Text(word) => HealthState::of_word(word),
            Self::Null | Self::Number(_) => None,
        }
    }

    fn label(&self) -> Option<String> {
        match self {
            Self::Text(text) | Self::Number(text) => Some(truncated(text, MAX_CELL_CHARS)),
            Self::Bool(value) => Some(value.to_string()),
            Self::Null => None,
        }
    }

    fn number_or_gap(&self) -> Option<f64> {
        match self {
            Self::Number(text) => text.parse().ok(),
            Self::Null => Some(f64::NAN),
            // Where numbers are told as JSON, those that it has not are words.
            Self::Text(text) if matches!(text.as_str(), "NaN" | "Infinity" | "-Infinity") => Some(f64::NAN),
            Self::Text(_) | Self::Bool(_) => None,
        }
    }

    /// The moment that it tells: seconds or milliseconds since 1970, or a date and time, in UTC where it has no zone.
    fn time(&self) -> Option<Timestamp> {
        match self {
            Self::Number(text) => Timestamp::of_epoch(text.parse().ok()?),
            Self::Text(text) => {
                let in_utc = || Some(text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp());
                let without_zone = || Some(Timestamp::from_millis(in_utc()?.as_millisecond()));
                Timestamp::parse_rfc3339(text).or_else(without_zone)
            }
            Self::Null | Self::Bool(_) => None,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) => 1,
            Self::Number(text) | Self::Text(text) => text.len(),
        }
    }
}

/// The error of an answer beyond `max_bytes`.
pub(super) fn too_many_bytes(max_bytes: usize) -> SourceError {
    SourceError::TooLarge(format!(
        "the rows are larger than {max_bytes} bytes; select fewer rows or columns, or raise max_bytes"
    ))
}

/// Bytes as a text, as PostgreSQL writes them.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    format!("\\x{}", hex::encode(bytes))
}
