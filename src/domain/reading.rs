use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{HealthState, Series, SeriesLine, Timestamp};

/// The most rows that series are read as: more than a table shows.
const MAX_SERIES_ROWS: usize = 1_000;

/// A source's answer to one query, typed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reading {
    /// One number. Not finite when the source cannot tell.
    Number(f64),
    /// Several numbers of one moment, each with a label: cores, disks, cities. In the source's order.
    Numbers(Vec<LabelledNumber>),
    /// Rows under columns.
    Table(DataTable),
    /// Several things, and the state of each.
    States(Vec<LabelledState>),
    /// Words.
    Text(String),
    /// Numbers of many moments: what the source can tell of the past, or of a whole course at once.
    Series(Series),
}

impl Reading {
    /// The name of its kind, for error messages.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Number(_) => "a number",
            Self::Numbers(_) => "labelled numbers",
            Self::Series(_) => "series over time",
            Self::Table(_) => "a table",
            Self::States(_) => "states",
            Self::Text(_) => "text",
        }
    }

    /// Its numbers with their labels, where it can be read as such: also a table of names and values, and of series the newest. An
    /// empty table is an answer without numbers, and a row without any value is one gap for each column.
    pub fn labelled_numbers(&self) -> Option<Cow<'_, [LabelledNumber]>> {
        match self {
            Self::Number(value) => Some(Cow::Owned(vec![LabelledNumber { label: String::new(), value: *value }])),
            Self::Numbers(numbers) => Some(Cow::Borrowed(numbers)),
            Self::Table(table) => table.labelled_numbers().map(Cow::Owned),
            Self::Series(series) => {
                let number = |(label, value): (&str, f64)| LabelledNumber { label: label.to_owned(), value };
                Some(Cow::Owned(series.latest().map(number).collect()))
            }
            Self::States(_) | Self::Text(_) => None,
        }
    }

    /// Its states with their labels, where it can be read as such: also a table of names and states. An empty table, or series
    /// without a line, is an answer without states, and a row without any value is one unknown state for each column.
    pub fn labelled_states(&self) -> Option<Cow<'_, [LabelledState]>> {
        match self {
            Self::States(states) => Some(Cow::Borrowed(states)),
            Self::Table(table) => table.labelled_states().map(Cow::Owned),
            Self::Series(series) if series.lines().is_empty() => Some(Cow::Owned(Vec::new())),
            Self::Number(_) | Self::Numbers(_) | Self::Text(_) | Self::Series(_) => None,
        }
    }

    /// Its words, where it can be read as such: also a table's lone cell.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Table(table) => table.lone_text(),
            Self::Number(_) | Self::Numbers(_) | Self::States(_) | Self::Series(_) => None,
        }
    }

    /// Its rows under columns, where it can be read as such: also labelled numbers and states, and series, the newest first.
    pub fn rows(&self) -> Option<Cow<'_, DataTable>> {
        let table = |columns: &[&str], rows: Vec<Vec<TableCell>>| {
            let columns = columns.iter().map(|name| TableColumn { name: (*name).to_owned(), unit: None }).collect();
            Some(Cow::Owned(DataTable { columns, rows }))
        };
        let text = |text: &String| TableCell::Text(text.clone());
        match self {
            Self::Table(table) => Some(Cow::Borrowed(table)),
            Self::Numbers(numbers) => {
                let row = |number: &LabelledNumber| vec![text(&number.label), TableCell::Number(number.value)];
                table(&["label", "value"], numbers.iter().map(row).collect())
            }
            Self::States(states) => {
                let note = |state: &LabelledState| state.note.as_ref().map_or(TableCell::Empty, text);
                let row = |state: &LabelledState| vec![text(&state.label), TableCell::State(state.state), note(state)];
                table(&["label", "state", "note"], states.iter().map(row).collect())
            }
            // An answer without rows, as an empty table: it lacks no column that a panel wants.
            Self::Series(series) if series.lines().is_empty() => Some(Cow::Owned(DataTable::default())),
            Self::Series(series) => {
                let row = |(at, line, value): (Timestamp, &SeriesLine, f64)| {
                    vec![TableCell::Text(at.to_rfc3339()), text(&line.label), TableCell::Number(value)]
                };
                table(&["time", "label", "value"], newest_values(series).take(MAX_SERIES_ROWS).map(row).collect())
            }
            Self::Number(_) | Self::Text(_) => None,
        }
    }
}

/// The values of series that there are, the newest first.
fn newest_values(series: &Series) -> impl Iterator<Item = (Timestamp, &SeriesLine, f64)> {
    let times = series.times().iter().enumerate().rev();
    let values = times.flat_map(|(place, at)| series.lines().iter().map(move |line| (*at, line, line.values[place])));
    values.filter(|(.., value)| value.is_finite())
}

/// A number with a label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelledNumber {
    /// The name of the thing it measures.
    pub label: String,
    /// The number, in the query's unit.
    pub value: f64,
}

/// Rows under columns. Every row has as many cells as there are columns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DataTable {
    /// The columns, left to right.
    pub columns: Vec<TableColumn>,
    /// The rows, top to bottom.
    pub rows: Vec<Vec<TableCell>>,
}

impl DataTable {
    fn labelled_numbers(&self) -> Option<Vec<LabelledNumber>> {
        if self.rows.is_empty() {
            return Some(Vec::new());
        }
        if let Some(labels) = self.labels_of_gaps() {
            return Some(labels.into_iter().map(|label| LabelledNumber { label, value: f64::NAN }).collect());
        }
        let Some((label, value)) = self.column(&["label", "name"]).zip(self.column(&["value"])) else {
            return self.numbers_of_lone_row();
        };
        let labelled =
            |row: &Vec<TableCell>| Some(LabelledNumber { label: row[label].label()?, value: row[value].number_or_gap()? });
        self.rows.iter().map(labelled).collect()
    }

    /// The numbers of a lone row that has nothing else, by their columns; the one number of a lone cell needs no label.
    fn numbers_of_lone_row(&self) -> Option<Vec<LabelledNumber>> {
        let [row] = self.rows.as_slice() else { return None };
        let label = |column: &TableColumn| if row.len() == 1 { String::new() } else { column.name.clone() };
        let labelled =
            |(cell, column): (&TableCell, _)| Some(LabelledNumber { label: label(column), value: cell.number_or_gap()? });
        row.iter().zip(&self.columns).map(labelled).collect()
    }

    fn labelled_states(&self) -> Option<Vec<LabelledState>> {
        // A word that is no state costs its own state, where others are there: it is told beside it.
        let state = |cell: &TableCell| match cell {
            TableCell::State(state) => (*state, None),
            TableCell::Empty => (HealthState::Unknown, None),
            TableCell::Text(_) | TableCell::Number(_) | TableCell::Decimal(_) => (HealthState::Unknown, cell.label()),
        };
        if self.rows.is_empty() {
            return Some(Vec::new());
        }
        if let Some(labels) = self.labels_of_gaps() {
            let unknown = |label| LabelledState { label, state: HealthState::Unknown, note: None };
            return Some(labels.into_iter().map(unknown).collect());
        }
        let (label, at, note) = (self.column(&["label", "name"])?, self.column(&["state", "up"])?, self.column(&["note"]));
        let has = |is_such: fn(&TableCell) -> bool| self.rows.iter().any(|row| is_such(&row[at]));
        if has(|cell| matches!(cell, TableCell::Text(_) | TableCell::Number(_) | TableCell::Decimal(_)))
            && !has(|cell| matches!(cell, TableCell::State(_)))
        {
            return None;
        }
        let labelled = |row: &Vec<TableCell>| {
            let note = note.and_then(|note| row[note].label());
            let (state, word) = state(&row[at]);
            Some(LabelledState { label: row[label].label()?, state, note: word.or(note) })
        };
        self.rows.iter().map(labelled).collect()
    }

    /// The words of a lone cell.
    fn lone_text(&self) -> Option<&str> {
        let [row] = self.rows.as_slice() else { return None };
        if let [TableCell::Text(text)] = row.as_slice() { Some(text) } else { None }
    }

    /// The place of the first of these columns that there is.
    fn column(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.columns.iter().position(|column| column.name == *name))
    }

    /// The labels of values of which none is there: the columns of a lone row, or the places in a list.
    fn labels_of_gaps(&self) -> Option<Vec<String>> {
        let is_empty = self.rows.iter().flatten().all(|cell| matches!(cell, TableCell::Empty));
        match (self.rows.len(), self.columns.len()) {
            (1, _) if is_empty => Some(self.columns.iter().map(|column| column.name.clone()).collect()),
            (rows, 1) if is_empty => Some((0..rows).map(|place| place.to_string()).collect()),
            _ => None,
        }
    }
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableColumn {
    /// Its name in the source's answer.
    pub name: String,
    /// The unit of its numbers, where the source knows it (`"bytes"`, `"percent"`, `"seconds"`).
    pub unit: Option<String>,
}

/// One cell of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TableCell {
    /// Nothing there.
    Empty,
    /// A number, in its column's unit.
    Number(f64),
    /// Words.
    Text(String),
    /// A state.
    State(HealthState),
    /// A number with more digits than an `f64` holds, in its column's unit, as it is written in decimals: an identifier, a large
    /// sum. See [`TableCell::of_decimal`].
    Decimal(String),
}

/// The digits before the point from which on a number is kept as it is written: of fewer, an `f64` is right to more than
/// four decimals.
const EXACT_FROM_DIGITS: usize = 12;

/// The digits before the point from which on a number is kept as it is written in any case: it is rounded to a power of ten where it
/// is shown, and the one beside it might not be.
const DECIMAL_FROM_DIGITS: usize = 16;

impl TableCell {
    /// The number that is written so in decimals: a [`TableCell::Number`] where that loses nothing that anybody would see,
    /// and else a [`TableCell::Decimal`]. `None` when it is no number.
    pub fn of_decimal(text: &str) -> Option<Self> {
        let value: f64 = text.parse().ok()?;
        if !value.is_finite() {
            return Some(Self::Number(f64::NAN));
        }
        let whole = text.trim_start_matches(['-', '+']).trim_start_matches('0');
        let digits = whole.bytes().take_while(u8::is_ascii_digit).count();
        // The shortest text that gives this `f64` has all digits of any text that it holds without a loss.
        let is_exact = significant_digits(&format!("{value:e}")) == significant_digits(text);
        Some(if digits >= DECIMAL_FROM_DIGITS || digits >= EXACT_FROM_DIGITS && !is_exact {
            Self::Decimal(text.to_owned())
        } else {
            Self::Number(value)
        })
    }

    /// The cell as a number; an empty one is a gap.
    fn number_or_gap(&self) -> Option<f64> {
        match self {
            Self::Number(value) => Some(*value),
            Self::Decimal(text) => text.parse().ok(),
            Self::Empty => Some(f64::NAN),
            Self::Text(_) | Self::State(_) => None,
        }
    }

    /// The cell as the label of something.
    fn label(&self) -> Option<String> {
        match self {
            Self::Text(text) | Self::Decimal(text) => Some(text.clone()),
            Self::Number(number) => Some(number.to_string()),
            Self::Empty | Self::State(_) => None,
        }
    }
}

/// The digits of a number in decimals, without the zeros around them.
fn significant_digits(text: &str) -> String {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').to_owned()
}

/// The state of one thing, with a label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelledState {
    /// The name of the thing.
    pub label: String,
    /// Its state.
    pub state: HealthState,
    /// A few words beside it (`"41 ms"`, `"503"`).
    pub note: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_kept_as_it_is_written_where_digits_would_be_lost() {
        for exact in ["0", "-17", "1234.50", "999999999999999", "1e20", "3.3333333333333333", "0.1", "123456789012.25"] {
            let value: f64 = exact.parse().unwrap_or_default();
            assert_eq!(TableCell::of_decimal(exact), Some(TableCell::Number(value)), "{exact}");
        }
        for large in
            ["9007199254740992", "9007199254740993", "-9223372036854775807", "18446744073709551615", "999999999999999.99"]
        {
            assert_eq!(TableCell::of_decimal(large), Some(TableCell::Decimal(large.to_owned())), "{large}");
        }
        assert_eq!(TableCell::of_decimal("twelve"), None);
    }

    #[test]
    fn series_without_a_line_are_an_answer_without_anything() {
        let reading = Reading::Series(Series::default());
        assert_eq!(reading.labelled_numbers().as_deref(), Some([].as_slice()));
        assert_eq!(reading.labelled_states().as_deref(), Some([].as_slice()));
        assert_eq!(reading.rows().as_deref(), Some(&DataTable::default()));
    }

    #[test]
    fn a_lone_row_of_numbers_is_numbers_and_a_lone_cell_one_number_or_words() {
        let table = |columns: &[&str], rows: Vec<Vec<TableCell>>| {
            let columns = columns.iter().map(|name| TableColumn { name: (*name).to_owned(), unit: None }).collect();
            Reading::Table(DataTable { columns, rows })
        };
        let numbers = |reading: &Reading| {
            let numbers = reading.labelled_numbers()?;
            Some(numbers.iter().map(|number| (number.label.clone(), number.value.to_string())).collect::<Vec<_>>())
        };
        let pair = |label: &str, value: &str| (label.to_owned(), value.to_owned());
        let two = table(&["least", "most"], vec![vec![TableCell::Number(1.0), TableCell::Decimal("9007199254740993".into())]]);
        assert_eq!(numbers(&two), Some(vec![pair("least", "1"), pair("most", "9007199254740992")]));
        assert_eq!(numbers(&table(&["count"], vec![vec![TableCell::Number(5.0)]])), Some(vec![pair("", "5")]));
        let (number, word) = (TableCell::Number(1.0), TableCell::Text("Ann".to_owned()));
        assert_eq!(numbers(&table(&["id", "who"], vec![vec![number.clone(), word.clone()]])), None);
        assert_eq!(numbers(&table(&["id"], vec![vec![number.clone()], vec![number]])), None);
        assert_eq!(table(&["who"], vec![vec![word.clone()]]).text(), Some("Ann"));
        assert_eq!(table(&["who"], vec![vec![word.clone()], vec![word]]).text(), None);
    }
}
