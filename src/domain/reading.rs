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

    /// Its states with their labels, where it can be read as such: also a table of names and states. An empty table is an answer
    /// without states, and a row without any value is one unknown state for each column.
    pub fn labelled_states(&self) -> Option<Cow<'_, [LabelledState]>> {
        match self {
            Self::States(states) => Some(Cow::Borrowed(states)),
            Self::Table(table) => table.labelled_states().map(Cow::Owned),
            Self::Number(_) | Self::Numbers(_) | Self::Text(_) | Self::Series(_) => None,
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
        let number = |cell: &TableCell| match cell {
            TableCell::Number(value) => Some(*value),
            TableCell::Empty => Some(f64::NAN),
            TableCell::Text(_) | TableCell::State(_) => None,
        };
        if self.rows.is_empty() {
            return Some(Vec::new());
        }
        if let Some(labels) = self.labels_of_gaps() {
            return Some(labels.into_iter().map(|label| LabelledNumber { label, value: f64::NAN }).collect());
        }
        let (label, value) = (self.column(&["label", "name"])?, self.column(&["value"])?);
        let labelled = |row: &Vec<TableCell>| Some(LabelledNumber { label: row[label].label()?, value: number(&row[value])? });
        self.rows.iter().map(labelled).collect()
    }

    fn labelled_states(&self) -> Option<Vec<LabelledState>> {
        // A word that is no state costs its own state, where others are there: it is told beside it.
        let state = |cell: &TableCell| match cell {
            TableCell::State(state) => (*state, None),
            TableCell::Empty => (HealthState::Unknown, None),
            TableCell::Text(_) | TableCell::Number(_) => (HealthState::Unknown, cell.label()),
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
        if has(|cell| matches!(cell, TableCell::Text(_) | TableCell::Number(_)))
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
}

impl TableCell {
    /// The cell as the label of something.
    fn label(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Number(number) => Some(number.to_string()),
            Self::Empty | Self::State(_) => None,
        }
    }
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
