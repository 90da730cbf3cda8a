use serde::{Deserialize, Serialize};

use super::{HealthState, Series};

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
    /// Numbers of many moments: what the source can tell of the past, or of a whole course at once. The last, as no filter
    /// gives one, and what is skipped must not shift the others' numbers.
    #[serde(skip)]
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
