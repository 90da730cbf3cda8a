use super::digits::{self, Rule, UNKNOWN};
use super::mismatch::Mismatch;
use super::unit::{self, Format};
use super::view::{Align, CellView, ColumnView, TableView};
use super::words;
use crate::config::{PanelSettings, Unit};
use crate::domain::{DataTable as Rows, HealthState, Reading, TableCell, TableColumn, Threshold};

/// Rows under columns.
///
/// A column's numbers are written in the unit its source gives it. When the source knows no units at all, the
/// panel's unit is that of every column. Numbers without a unit may be ports, years or ids, so they are not grouped.
///
/// The panel's thresholds are in the panel's unit, so they judge the numbers of the columns that have that unit.
/// What is good is not marked.
#[derive(Debug)]
pub(super) struct Table {
    unit: Unit,
    decimals: Option<u8>,
    thresholds: Vec<Threshold>,
    columns: Vec<String>,
    rows: usize,
}

/// A column that is shown.
struct Shown<'a> {
    /// Its place in the reading.
    at: usize,
    name: &'a str,
    style: Style,
    judged: bool,
    align: Align,
}

/// How a column's numbers are written.
enum Style {
    /// With a unit.
    Measured(Format),
    /// Bare, all with as many digits behind the point, which the author may have set.
    Bare { decimals: u8, set: bool },
}

impl Table {
    pub(super) fn new(settings: &PanelSettings, columns: &[String], rows: usize) -> Self {
        Self {
            unit: settings.unit.clone(),
            decimals: settings.decimals,
            thresholds: settings.thresholds.clone(),
            columns: columns.to_vec(),
            rows,
        }
    }

    pub(super) fn view(&self, reading: &Reading) -> Result<TableView, Mismatch> {
        let Reading::Table(table) = reading else {
            return Err(Mismatch::kind("a table", "rows under columns", reading));
        };
        let rows = &table.rows[..table.rows.len().min(self.rows)];
        let shown = self.shown(table, rows)?;
        Ok(TableView {
            rows: rows
                .iter()
                .map(|row| shown.iter().map(|column| self.cell(column, row.get(column.at))).collect())
                .collect(),
            more: table.rows.len() - rows.len(),
            columns: shown
                .into_iter()
                .map(|column| ColumnView { label: words::cut(column.name), align: column.align })
                .collect(),
        })
    }

    fn shown<'a>(&self, table: &'a Rows, rows: &[Vec<TableCell>]) -> Result<Vec<Shown<'a>>, Mismatch> {
        let units_known = table.columns.iter().any(|column| column.unit.is_some());
        let shown = |at: usize| self.column(at, &table.columns[at], units_known, rows);
        if self.columns.is_empty() {
            return Ok((0..table.columns.len()).map(shown).collect());
        }
        self.columns
            .iter()
            .map(|name| {
                let at = table.columns.iter().position(|column| column.name == *name);
                at.map(shown).ok_or_else(|| Mismatch::NoColumn { column: name.clone(), has: names(&table.columns) })
            })
            .collect()
    }

    fn column<'a>(&self, at: usize, column: &'a TableColumn, units_known: bool, rows: &[Vec<TableCell>]) -> Shown<'a> {
        let unit = match &column.unit {
            Some(name) => unit::named(name),
            None if units_known => Unit::None,
            None => self.unit.clone(),
        };
        let (mut numbers, mut words, mut fractions) = (false, false, false);
        for cell in rows.iter().filter_map(|row| row.get(at)) {
            match cell {
                TableCell::Number(value) => {
                    numbers = true;
                    fractions |= value.is_finite() && !digits::is_whole(*value);
                }
                TableCell::Text(_) | TableCell::State(_) => words = true,
                TableCell::Empty => {}
            }
        }
        Shown {
            at,
            name: &column.name,
            judged: !self.thresholds.is_empty() && unit == self.unit,
            align: if !words && (numbers || unit != Unit::None) { Align::Right } else { Align::Left },
            style: match unit {
                Unit::None => Style::Bare {
                    decimals: if fractions { self.decimals.unwrap_or(BARE_DECIMALS) } else { 0 },
                    set: self.decimals.is_some(),
                },
                unit => Style::Measured(Format::new(unit, self.decimals)),
            },
        }
    }

    fn cell(&self, column: &Shown<'_>, cell: Option<&TableCell>) -> CellView {
        match cell {
            None | Some(TableCell::Empty) => CellView { text: String::new(), state: None },
            Some(TableCell::Text(text)) => CellView { text: words::cut(text), state: None },
            Some(TableCell::State(state)) => CellView { text: words::of_cell(*state).to_owned(), state: Some(*state) },
            Some(TableCell::Number(value)) => {
                let state = if column.judged { Threshold::evaluate(&self.thresholds, *value) } else { None };
                CellView { text: column.style.write(*value), state: state.filter(|state| *state != HealthState::Good) }
            }
        }
    }
}

/// Enough for money and most measures. An author who needs more sets `decimals`.
const BARE_DECIMALS: u8 = 2;

impl Style {
    fn write(&self, value: f64) -> String {
        match self {
            Self::Measured(format) => format.text(value),
            Self::Bare { .. } if !value.is_finite() => UNKNOWN.to_owned(),
            // Two digits would make nothing of it.
            Self::Bare { set: false, .. } if value != 0.0 && value.abs() < 0.005 => digits::number(value, Rule::Count),
            Self::Bare { decimals, .. } => digits::written(value, *decimals, false),
        }
    }
}

fn names(columns: &[TableColumn]) -> String {
    match columns {
        [] => "none".to_owned(),
        columns => words::cut(&columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")),
    }
}
