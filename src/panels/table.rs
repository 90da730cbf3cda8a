//! `table`: rows under columns.
//!
//! A column's numbers are written in the unit its source gives it. When the source knows no units at all, the
//! panel's unit is that of every column. Numbers without a unit may be ports, years or ids, so they are not grouped.
//!
//! The panel's thresholds are in the panel's unit, so they apply to the columns that have that unit.
//! Good values are not marked.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::digits::{self, NO_VALUE, Precision};
use super::kind::{KindOptions, PanelKind, PanelSettings, PanelState, read_view};
use super::mismatch::{ROWS, ReadingMismatch};
use super::rendered::{Render, Rendered};
use super::settings::Unit;
use super::unit::{self, NumberFormat};
use super::view::{StateMark, View};
use super::words;
use crate::config::{Fields, Located};
use crate::domain::{Bindings, DataTable as Rows, HealthState, History, Reading, TableCell, TableColumn, Threshold};

pub(super) static KIND: PanelKind = PanelKind {
    keys: &["columns", "rows"],
    samples: &["", "rows = 1"],
    ..PanelKind::new("table", 6, read_view::<TableView>, |fields, _| Some(Arc::new(TableOptions::read(fields)?)))
};

/// The default of `rows`: about a screen.
const DEFAULT_ROWS: i64 = 20;

/// The most rows: more than anybody reads on a live page.
const MAX_ROWS: i64 = 500;

/// The most columns: more than fit a screen.
const MAX_COLUMNS: usize = 30;

#[derive(Clone, Debug)]
struct TableOptions {
    /// The columns to show, in order; all when empty.
    columns: Vec<String>,
    /// How many rows to show at most.
    rows: usize,
}

impl TableOptions {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let columns = fields.strings("columns");
        let rows = fields.integer("rows", 1..=MAX_ROWS).unwrap_or(DEFAULT_ROWS);
        let mut names: Vec<String> = Vec::new();
        if let Some(Located { value, location }) = columns {
            if value.len() > MAX_COLUMNS {
                let message = format!("`columns` has {} columns", value.len());
                fields.sink.report(&location, message, format!("{MAX_COLUMNS} are the most: take some out"));
                return None;
            }
            for column in value {
                if names.contains(&column.value) {
                    let message = format!("the column `{}` stands twice", column.value);
                    fields.sink.report(&column.location, message, "take one of them out");
                    return None;
                }
                names.push(column.value);
            }
        }
        Some(Self { columns: names, rows: usize::try_from(rows).unwrap_or(1) })
    }
}

impl KindOptions for TableOptions {
    fn state(&self, panel: &PanelSettings, _: &Bindings) -> Box<dyn PanelState> {
        let table = TablePanel {
            unit: panel.unit.clone(),
            decimals: panel.decimals,
            thresholds: panel.thresholds.clone(),
            options: self.clone(),
        };
        Rendered::boxed(panel.kind, table)
    }
}

/// A table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct TableView {
    /// The columns, left to right.
    columns: Vec<ColumnView>,
    /// The rows, top to bottom; each has a cell for each column.
    rows: Vec<Vec<CellView>>,
    /// The number of rows beyond those shown.
    more: usize,
    /// The mark of the worst, where that needs a look.
    #[serde(skip_serializing_if = "Option::is_none")]
    mark: Option<StateMark>,
}

/// The header of a table's column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ColumnView {
    /// The header's text.
    label: String,
    /// The alignment: numbers are to the right.
    align: Align,
}

/// The alignment of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Align {
    /// For words.
    Left,
    /// For numbers.
    Right,
}

/// A table's cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CellView {
    /// The cell's text.
    text: String,
    /// Its state by the thresholds, where that is not good.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<HealthState>,
}

impl View for TableView {
    fn mark(&self) -> Option<&StateMark> {
        self.mark.as_ref()
    }
}

#[derive(Debug)]
struct TablePanel {
    unit: Unit,
    decimals: Option<u8>,
    thresholds: Vec<Threshold>,
    options: TableOptions,
}

/// A column that is visible.
struct VisibleColumn<'a> {
    /// Its index in the reading.
    index: usize,
    name: &'a str,
    style: NumberStyle,
    thresholds_apply: bool,
    align: Align,
}

/// The format of a column's numbers.
enum NumberStyle {
    /// With a unit.
    WithUnit(NumberFormat),
    /// Without a unit, all with the same decimals, which the author may have set.
    Plain { decimals: u8, author_set: bool },
}

impl Render for TablePanel {
    type View = TableView;

    fn render(&mut self, reading: &Reading, _: &History) -> Result<TableView, ReadingMismatch> {
        let table = reading.rows().ok_or_else(|| ReadingMismatch::wrong_kind("a table", ROWS, reading))?;
        let rows = &table.rows[..table.rows.len().min(self.options.rows)];
        let visible = self.visible_columns(&table, rows)?;
        Ok(TableView {
            mark: words::worst_mark(self.states(&visible, &table.rows)),
            rows: rows
                .iter()
                .map(|row| visible.iter().map(|column| self.cell(column, row.get(column.index))).collect())
                .collect(),
            more: table.rows.len() - rows.len(),
            columns: visible
                .into_iter()
                .map(|column| ColumnView { label: words::truncate(column.name), align: column.align })
                .collect(),
        })
    }
}

impl TablePanel {
    fn visible_columns<'a>(&self, table: &'a Rows, rows: &[Vec<TableCell>]) -> Result<Vec<VisibleColumn<'a>>, ReadingMismatch> {
        let units_known = table.columns.iter().any(|column| column.unit.is_some());
        let visible = |at: usize| self.visible_column(at, &table.columns[at], units_known, rows);
        // An empty answer names no columns, and lacks none.
        if self.options.columns.is_empty() || table.columns.is_empty() && rows.is_empty() {
            return Ok((0..table.columns.len()).map(visible).collect());
        }
        self.options
            .columns
            .iter()
            .map(|name| {
                let at = table.columns.iter().position(|column| column.name == *name);
                at.map(visible)
                    .ok_or_else(|| ReadingMismatch::MissingColumn { column: name.clone(), has: column_names(&table.columns) })
            })
            .collect()
    }

    fn visible_column<'a>(
        &self,
        at: usize,
        column: &'a TableColumn,
        units_known: bool,
        rows: &[Vec<TableCell>],
    ) -> VisibleColumn<'a> {
        let unit = match &column.unit {
            Some(name) => unit::parse_unit(name),
            None if units_known => Unit::None,
            None => self.unit.clone(),
        };
        let (mut numbers, mut words, mut fractions) = (false, false, false);
        for cell in rows.iter().filter_map(|row| row.get(at)) {
            match cell {
                TableCell::Number(value) => {
                    numbers = true;
                    fractions |= value.is_finite() && !digits::is_integer(*value);
                }
                TableCell::Decimal(_) => numbers = true,
                TableCell::Text(_) | TableCell::State(_) => words = true,
                TableCell::Empty => {}
            }
        }
        VisibleColumn {
            index: at,
            name: &column.name,
            thresholds_apply: !self.thresholds.is_empty() && unit == self.unit,
            align: if !words && (numbers || unit != Unit::None) { Align::Right } else { Align::Left },
            style: match unit {
                Unit::None => NumberStyle::Plain {
                    decimals: if fractions { self.decimals.unwrap_or(PLAIN_DECIMALS) } else { 0 },
                    author_set: self.decimals.is_some(),
                },
                unit => NumberStyle::WithUnit(NumberFormat::new(unit, self.decimals)),
            },
        }
    }

    /// The states of all cells in the visible columns, those of rows that are not shown too.
    fn states<'a>(
        &'a self,
        visible: &'a [VisibleColumn<'_>],
        rows: &'a [Vec<TableCell>],
    ) -> impl Iterator<Item = (HealthState, &'static str)> {
        let cells =
            rows.iter().flat_map(move |row| visible.iter().filter_map(move |column| Some((column, row.get(column.index)?))));
        cells.filter_map(|(column, cell)| match cell {
            TableCell::State(state) => Some((*state, words::cell_word(*state))),
            TableCell::Number(value) if column.thresholds_apply => words::judge(&self.thresholds, *value),
            _ => None,
        })
    }

    fn cell(&self, column: &VisibleColumn<'_>, cell: Option<&TableCell>) -> CellView {
        match cell {
            None | Some(TableCell::Empty) => CellView { text: String::new(), state: None },
            // A unit would round it.
            Some(TableCell::Text(text) | TableCell::Decimal(text)) => CellView { text: words::truncate(text), state: None },
            Some(TableCell::State(state)) => CellView { text: words::cell_word(*state).to_owned(), state: Some(*state) },
            Some(TableCell::Number(value)) => {
                let state = if column.thresholds_apply { Threshold::evaluate(&self.thresholds, *value) } else { None };
                CellView { text: column.style.format(*value), state: state.filter(|state| *state != HealthState::Good) }
            }
        }
    }
}

/// The decimals of numbers without a unit: enough for money and most measures. An author who needs more sets `decimals`.
const PLAIN_DECIMALS: u8 = 2;

impl NumberStyle {
    fn format(&self, value: f64) -> String {
        match self {
            Self::WithUnit(format) => format.text(value),
            Self::Plain { .. } if !value.is_finite() => NO_VALUE.to_owned(),
            // Two digits would make nothing of it.
            Self::Plain { author_set: false, .. } if value != 0.0 && value.abs() < 0.005 => {
                digits::format_number(value, Precision::General)
            }
            Self::Plain { decimals, .. } => digits::format_fixed(value, *decimals, false),
        }
    }
}

fn column_names(columns: &[TableColumn]) -> String {
    match columns {
        [] => "none".to_owned(),
        columns => words::truncate(&columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")),
    }
}
