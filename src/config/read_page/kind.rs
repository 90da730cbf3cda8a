use std::time::Duration;

use super::super::diagnostic::SourceLocation;
use super::super::hints::choose;
use super::super::page::{Input, PanelKind, Unit};
use super::super::quantity::duration_text;
use super::super::reader::{Fields, Placed};
use crate::domain::{Placeholder, TextTemplate};

/// What a chart or a sparkline shows when nothing is said.
const DEFAULT_WINDOW: Duration = Duration::from_mins(15);

/// More points than a wide screen has columns of pixels; every viewer gets all of them at the first paint.
const MOST_POINTS: u32 = 3_600;

/// History is kept in memory; what goes further back belongs into a database.
const LONGEST_WINDOW: Duration = Duration::from_hours(24 * 30);

/// What a table shows when nothing is said: about a screen.
const DEFAULT_ROWS: i64 = 20;

/// More rows than anybody reads on a live page.
const MOST_ROWS: i64 = 500;

/// More columns than fit a screen.
const MOST_COLUMNS: usize = 30;

/// How a panel is shown, before what belongs to it is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Stat,
    Gauge,
    Line,
    Area,
    Bar,
    Table,
    States,
    Text,
}

pub(super) const KINDS: [(&str, Kind); 8] = [
    ("stat", Kind::Stat),
    ("gauge", Kind::Gauge),
    ("line", Kind::Line),
    ("area", Kind::Area),
    ("bar", Kind::Bar),
    ("table", Kind::Table),
    ("states", Kind::States),
    ("text", Kind::Text),
];

const ASKING: &[&str] = &["stat", "gauge", "line", "area", "bar", "table", "states"];

/// Keys that not every kind has, and the kinds that have them.
pub(super) const PARTICULAR: [(&str, &[&str]); 14] = [
    ("source", ASKING),
    ("query", ASKING),
    ("every", ASKING),
    ("stale_after", ASKING),
    ("unit", ASKING),
    ("decimals", ASKING),
    ("thresholds", ASKING),
    ("sparkline", &["stat"]),
    ("window", &["stat", "line", "area"]),
    ("min", &["gauge", "line", "area"]),
    ("max", &["gauge", "line", "area", "bar"]),
    ("columns", &["table"]),
    ("rows", &["table"]),
    ("text", &["text"]),
];

impl Kind {
    pub(super) fn word(self) -> &'static str {
        KINDS.iter().find(|(_, kind)| *kind == self).map_or("", |(word, _)| word)
    }

    /// Of twelve columns, what looks well when nothing is said: four figures in a row, two charts in a row.
    pub(super) fn default_span(self) -> i64 {
        match self {
            Self::Stat | Self::Gauge => 3,
            Self::Bar => 4,
            Self::Line | Self::Area | Self::Table | Self::States => 6,
            Self::Text => 12,
        }
    }

    /// Notes keys that belong to panels of other kinds.
    pub(super) fn refuse_others(self, fields: &mut Fields<'_>) {
        for (key, kinds) in PARTICULAR {
            if !kinds.contains(&self.word()) {
                let message = format!("a panel of kind `{}` has no `{key}`", self.word());
                let kinds = kinds.iter().map(|kind| format!("`{kind}`")).collect::<Vec<_>>().join(", ");
                fields.refuse(
                    key,
                    &message,
                    &format!("`{key}` belongs to the kinds {kinds}: take it out, or change the `kind`"),
                );
            }
        }
    }

    /// Reads what only this kind has.
    pub(super) fn read(
        self,
        fields: &mut Fields<'_>,
        every: Duration,
        unit: &Unit,
        inputs: &[Input],
    ) -> Option<PanelKind> {
        match self {
            Self::Stat => read_stat(fields, every),
            Self::Gauge => read_gauge(fields, unit),
            Self::Line => {
                let (window, (min, max)) = (read_window(fields, every), read_bounds(fields)?);
                Some(PanelKind::Line { window: window?, min, max })
            }
            Self::Area => {
                let (window, (min, max)) = (read_window(fields, every), read_bounds(fields)?);
                Some(PanelKind::Area { window: window?, min, max })
            }
            Self::Bar => read_bar(fields),
            Self::Table => read_table(fields),
            Self::States => Some(PanelKind::States),
            Self::Text => read_text(fields, inputs),
        }
    }
}

fn read_stat(fields: &mut Fields<'_>, every: Duration) -> Option<PanelKind> {
    let sparkline = fields.truth("sparkline").unwrap_or(false);
    if !sparkline {
        fields.refuse(
            "window",
            "`window` is how far the sparkline goes back, and there is none",
            "add `sparkline = true`",
        );
    }
    Some(PanelKind::Stat { sparkline, window: read_window(fields, every)? })
}

/// A window that holds no more than [`MOST_POINTS`] readings.
fn read_window(fields: &mut Fields<'_>, every: Duration) -> Option<Duration> {
    let most = every.saturating_mul(MOST_POINTS);
    fields.or("window", DEFAULT_WINDOW.min(most), |fields, key| {
        let window = fields.duration(key, every..=LONGEST_WINDOW.max(every))?;
        if window.value <= most {
            return Some(window.value);
        }
        let points = window.value.as_millis() / every.as_millis().max(1);
        let slower = Duration::from_secs((window.value / MOST_POINTS).as_secs() + 1);
        fields.ledger.note(
            &window.place,
            format!("`window` would hold {points} points, and {MOST_POINTS} are the most"),
            format!(
                "ask more seldom, `every = \"{}\"`, or look back at most {}",
                duration_text(slower),
                duration_text(most)
            ),
        );
        None
    })
}

fn read_gauge(fields: &mut Fields<'_>, unit: &Unit) -> Option<PanelKind> {
    if *unit != Unit::Percent {
        fields
            .needs("max", "say which value is its right end, as in `max = 64`; only percent end at 100 by themselves");
    }
    let ends = *unit == Unit::Percent || fields.key_place("max").is_some();
    let (min, max) = read_bounds(fields)?;
    let (min, max) = (min.unwrap_or(0.0), max.unwrap_or(100.0));
    if ends && min >= max {
        fields.ledger.note(
            &fields.place,
            format!("the gauge goes from {min} to {max}"),
            "write a `min` below the `max`",
        );
        return None;
    }
    ends.then_some(PanelKind::Gauge { min, max })
}

/// `min` and `max`, either of which may be left out. `None` when something is wrong.
fn read_bounds(fields: &mut Fields<'_>) -> Option<(Option<f64>, Option<f64>)> {
    let min = fields.or("min", None, |fields, key| fields.real(key).map(Some));
    let max = fields.or("max", None, |fields, key| fields.real(key).map(Some));
    let (min, max) = (min?, max?);
    if let (Some(min), Some(max)) = (&min, &max)
        && min.value >= max.value
    {
        let message = format!("`max` is {}, which is not above the `min` of {}", max.value, min.value);
        fields.ledger.note(&max.place, message, "write a `max` above the `min`");
        return None;
    }
    Some((min.map(|min| min.value), max.map(|max| max.value)))
}

fn read_bar(fields: &mut Fields<'_>) -> Option<PanelKind> {
    let max = fields.or("max", None, |fields, key| {
        let max = fields.real(key)?;
        if max.value <= 0.0 {
            let message = format!("`max` is {}, so no bar could be drawn", max.value);
            fields.ledger.note(&max.place, message, "write a `max` above 0");
            return None;
        }
        Some(Some(max.value))
    });
    Some(PanelKind::Bar { max: max? })
}

fn read_table(fields: &mut Fields<'_>) -> Option<PanelKind> {
    let columns = fields.texts("columns");
    let rows = fields.whole("rows", 1..=MOST_ROWS).unwrap_or(DEFAULT_ROWS);
    let mut names: Vec<String> = Vec::new();
    if let Some(Placed { value, place }) = columns {
        if value.len() > MOST_COLUMNS {
            let message = format!("`columns` has {} columns", value.len());
            fields.ledger.note(&place, message, format!("{MOST_COLUMNS} are the most: take some out"));
            return None;
        }
        for column in value {
            if names.contains(&column.value) {
                let message = format!("the column `{}` stands twice", column.value);
                fields.ledger.note(&column.place, message, "take one of them out");
                return None;
            }
            names.push(column.value);
        }
    }
    Some(PanelKind::Table { columns: names, rows: usize::try_from(rows).unwrap_or(1) })
}

fn read_text(fields: &mut Fields<'_>, inputs: &[Input]) -> Option<PanelKind> {
    fields.needs("text", "write the Markdown: `text = \"\"\"…\"\"\"`");
    let text = fields.placed_text("text")?;
    let markdown: TextTemplate = match text.value.parse() {
        Ok(pattern) => pattern,
        Err(error) => {
            let error: crate::domain::TemplateError = error;
            fields.ledger.note(&text.place, error.to_string(), "a placeholder is an input's name in braces: `{city}`");
            return None;
        }
    };
    let mut sound = true;
    for slot in markdown.placeholders() {
        if let Err((message, help)) = check_slot(slot, inputs) {
            fields.ledger.note(&slot_place(&text.place, slot), message, help);
            sound = false;
        }
    }
    sound.then_some(PanelKind::Text { markdown })
}

/// Whether a placeholder's input and field are there; if not, what is wrong and what would be right.
fn check_slot(slot: &Placeholder, inputs: &[Input]) -> Result<(), (String, String)> {
    let Some(input) = inputs.iter().find(|input| input.name.as_str() == slot.input()) else {
        let names: Vec<_> = inputs.iter().map(|input| input.name.as_str()).collect();
        let help = if names.is_empty() {
            "the page has no input: add an `[[input]]`, or write `{{` and `}}` for plain braces".to_owned()
        } else {
            choose(slot.input(), &names)
        };
        return Err((format!("`{{{}}}` names no input of this page", slot.key), help));
    };
    let Some(field) = slot.field() else { return Ok(()) };
    let known = input.options.first().map(|option| &option.fields);
    if known.is_some_and(|fields| fields.contains_key(field)) {
        return Ok(());
    }
    let message = format!("the options of `{}` have no field `{field}`", input.name);
    let names: Vec<_> = known.into_iter().flat_map(|fields| fields.keys().map(String::as_str)).collect();
    let help = if names.is_empty() {
        format!("write the options as tables: `{{ value = \"…\", {field} = \"…\" }}`")
    } else {
        choose(field, &names)
    };
    Err((message, help))
}

/// The placeholder itself where it can be found in what is written, or else the whole text.
fn slot_place(text: &SourceLocation, slot: &Placeholder) -> SourceLocation {
    text.find(&format!("{{{}}}", slot.key)).unwrap_or_else(|| text.clone())
}
