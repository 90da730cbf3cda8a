use std::time::Duration;

use super::super::diagnostic::SourceLocation;
use super::super::hints::suggest;
use super::super::page::{Input, PanelKind, Unit};
use super::super::quantity::format_duration;
use super::super::reader::{Fields, Located};
use crate::domain::{Placeholder, TextTemplate};

/// The default of `window` for charts and sparklines.
const DEFAULT_WINDOW: Duration = Duration::from_mins(15);

/// The most points: more than a wide screen has columns of pixels; every viewer gets all of them at the first paint.
const MAX_POINTS: u32 = 3_600;

/// The longest window: history is kept in memory; what goes further back belongs into a database.
const MAX_WINDOW: Duration = Duration::from_hours(24 * 30);

/// The default of `rows` for tables: about a screen.
const DEFAULT_ROWS: i64 = 20;

/// The most rows: more than anybody reads on a live page.
const MAX_ROWS: i64 = 500;

/// The most columns: more than fit a screen.
const MAX_COLUMNS: usize = 30;

/// The name of a panel's kind, before the settings of that kind are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum PanelKindName {
    Stat,
    Gauge,
    Line,
    Area,
    Bar,
    Table,
    States,
    Text,
}

pub(super) const KINDS: [(&str, PanelKindName); 8] = [
    ("stat", PanelKindName::Stat),
    ("gauge", PanelKindName::Gauge),
    ("line", PanelKindName::Line),
    ("area", PanelKindName::Area),
    ("bar", PanelKindName::Bar),
    ("table", PanelKindName::Table),
    ("states", PanelKindName::States),
    ("text", PanelKindName::Text),
];

const KINDS_WITH_SOURCE: &[&str] = &["stat", "gauge", "line", "area", "bar", "table", "states"];

/// Keys that not every kind has, and the kinds that have them.
pub(super) const KIND_SPECIFIC_KEYS: [(&str, &[&str]); 14] = [
    ("source", KINDS_WITH_SOURCE),
    ("query", KINDS_WITH_SOURCE),
    ("every", KINDS_WITH_SOURCE),
    ("stale_after", KINDS_WITH_SOURCE),
    ("unit", KINDS_WITH_SOURCE),
    ("decimals", KINDS_WITH_SOURCE),
    ("thresholds", KINDS_WITH_SOURCE),
    ("sparkline", &["stat"]),
    ("window", &["stat", "line", "area"]),
    ("min", &["gauge", "line", "area"]),
    ("max", &["gauge", "line", "area", "bar"]),
    ("columns", &["table"]),
    ("rows", &["table"]),
    ("text", &["text"]),
];

impl PanelKindName {
    pub(super) fn as_str(self) -> &'static str {
        KINDS.iter().find(|(_, kind)| *kind == self).map_or("", |(word, _)| word)
    }

    /// The default of `span`, of twelve columns: four figures in a row, two charts in a row.
    pub(super) fn default_span(self) -> i64 {
        match self {
            Self::Stat | Self::Gauge => 3,
            Self::Bar => 4,
            Self::Line | Self::Area | Self::Table | Self::States => 6,
            Self::Text => 12,
        }
    }

    /// Reports keys that belong to panels of other kinds.
    pub(super) fn reject_keys_of_other_kinds(self, fields: &mut Fields<'_>) {
        for (key, kinds) in KIND_SPECIFIC_KEYS {
            if !kinds.contains(&self.as_str()) {
                let message = format!("a panel of kind `{}` has no `{key}`", self.as_str());
                let kinds = kinds.iter().map(|kind| format!("`{kind}`")).collect::<Vec<_>>().join(", ");
                fields.reject(
                    key,
                    &message,
                    &format!("`{key}` belongs to the kinds {kinds}: take it out, or change the `kind`"),
                );
            }
        }
    }

    /// Reads the settings that only this kind has.
    pub(super) fn read(self, fields: &mut Fields<'_>, every: Duration, unit: &Unit, inputs: &[Input]) -> Option<PanelKind> {
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
    let sparkline = fields.boolean("sparkline").unwrap_or(false);
    if !sparkline {
        fields.reject("window", "`window` is how far the sparkline goes back, and there is none", "add `sparkline = true`");
    }
    Some(PanelKind::Stat { sparkline, window: read_window(fields, every)? })
}

/// A window that holds no more than [`MAX_POINTS`] readings.
fn read_window(fields: &mut Fields<'_>, every: Duration) -> Option<Duration> {
    let most = every.saturating_mul(MAX_POINTS);
    fields.optional("window", DEFAULT_WINDOW.min(most), |fields, key| {
        let window = fields.duration(key, every..=MAX_WINDOW.max(every))?;
        if window.value <= most {
            return Some(window.value);
        }
        let points = window.value.as_millis() / every.as_millis().max(1);
        let slower = Duration::from_secs((window.value / MAX_POINTS).as_secs() + 1);
        fields.sink.report(
            &window.location,
            format!("`window` would hold {points} points, and {MAX_POINTS} are the most"),
            format!(
                "ask more seldom, `every = \"{}\"`, or look back at most {}",
                format_duration(slower),
                format_duration(most)
            ),
        );
        None
    })
}

fn read_gauge(fields: &mut Fields<'_>, unit: &Unit) -> Option<PanelKind> {
    if *unit != Unit::Percent {
        fields.require("max", "say which value is its right end, as in `max = 64`; only percent end at 100 by themselves");
    }
    let has_end = *unit == Unit::Percent || fields.key_location("max").is_some();
    let (min, max) = read_bounds(fields)?;
    let (min, max) = (min.unwrap_or(0.0), max.unwrap_or(100.0));
    if has_end && min >= max {
        fields.sink.report(&fields.location, format!("the gauge goes from {min} to {max}"), "write a `min` below the `max`");
        return None;
    }
    has_end.then_some(PanelKind::Gauge { min, max })
}

/// `min` and `max`, either of which may be left out. `None` when something is wrong.
fn read_bounds(fields: &mut Fields<'_>) -> Option<(Option<f64>, Option<f64>)> {
    let min = fields.optional("min", None, |fields, key| fields.float(key).map(Some));
    let max = fields.optional("max", None, |fields, key| fields.float(key).map(Some));
    let (min, max) = (min?, max?);
    if let (Some(min), Some(max)) = (&min, &max)
        && min.value >= max.value
    {
        let message = format!("`max` is {}, which is not above the `min` of {}", max.value, min.value);
        fields.sink.report(&max.location, message, "write a `max` above the `min`");
        return None;
    }
    Some((min.map(|min| min.value), max.map(|max| max.value)))
}

fn read_bar(fields: &mut Fields<'_>) -> Option<PanelKind> {
    let max = fields.optional("max", None, |fields, key| {
        let max = fields.float(key)?;
        if max.value <= 0.0 {
            let message = format!("`max` is {}, so no bar could be drawn", max.value);
            fields.sink.report(&max.location, message, "write a `max` above 0");
            return None;
        }
        Some(Some(max.value))
    });
    Some(PanelKind::Bar { max: max? })
}

fn read_table(fields: &mut Fields<'_>) -> Option<PanelKind> {
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
    Some(PanelKind::Table { columns: names, rows: usize::try_from(rows).unwrap_or(1) })
}

fn read_text(fields: &mut Fields<'_>, inputs: &[Input]) -> Option<PanelKind> {
    fields.require("text", "write the Markdown: `text = \"\"\"…\"\"\"`");
    let text = fields.located_string("text")?;
    let markdown: TextTemplate = match text.value.parse() {
        Ok(template) => template,
        Err(error) => {
            let error: crate::domain::TemplateError = error;
            fields.sink.report(&text.location, error.to_string(), "a placeholder is an input's name in braces: `{city}`");
            return None;
        }
    };
    let mut valid = true;
    for placeholder in markdown.placeholders() {
        if let Err((message, help)) = check_placeholder(placeholder, inputs) {
            fields.sink.report(&placeholder_location(&text.location, placeholder), message, help);
            valid = false;
        }
    }
    valid.then_some(PanelKind::Text { markdown })
}

/// Checks that a placeholder's input and field are there.
///
/// # Errors
/// Message and help.
fn check_placeholder(placeholder: &Placeholder, inputs: &[Input]) -> Result<(), (String, String)> {
    let Some(input) = inputs.iter().find(|input| input.name.as_str() == placeholder.input()) else {
        let names: Vec<_> = inputs.iter().map(|input| input.name.as_str()).collect();
        let help = if names.is_empty() {
            "the page has no input: add an `[[input]]`, or write `{{` and `}}` for plain braces".to_owned()
        } else {
            suggest(placeholder.input(), &names)
        };
        return Err((format!("`{{{}}}` names no input of this page", placeholder.key), help));
    };
    let Some(field) = placeholder.field() else { return Ok(()) };
    let known = input.options.first().map(|option| &option.fields);
    if known.is_some_and(|fields| fields.contains_key(field)) {
        return Ok(());
    }
    let message = format!("the options of `{}` have no field `{field}`", input.name);
    let names: Vec<_> = known.into_iter().flat_map(|fields| fields.keys().map(String::as_str)).collect();
    let help = if names.is_empty() {
        format!("write the options as tables: `{{ value = \"…\", {field} = \"…\" }}`")
    } else {
        suggest(field, &names)
    };
    Err((message, help))
}

/// The location of a placeholder, or of the whole text where it cannot be found in it.
fn placeholder_location(text: &SourceLocation, placeholder: &Placeholder) -> SourceLocation {
    text.find(&format!("{{{}}}", placeholder.key)).unwrap_or_else(|| text.clone())
}
