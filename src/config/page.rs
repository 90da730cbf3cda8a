use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use crate::domain::{Access, InputName, PageSlug, PanelId, SourceName, TextTemplate, Threshold};

/// A parsed page file.
#[derive(Clone, Debug)]
pub struct PageFile {
    /// The stem of the file.
    pub slug: PageSlug,
    /// The file, as shown to people: `pages/operations.toml`.
    pub file: PathBuf,
    /// The text of the file.
    pub text: String,
    /// Its heading, and its name in the navigation.
    pub title: String,
    /// One line beneath the heading.
    pub about: Option<String>,
    /// Who may open it.
    pub access: Access,
    /// Whether it takes a second factor as well.
    pub second_factor: bool,
    /// Whom to ask for the right to open it.
    pub owner: Option<String>,
    /// Its order in the navigation: lower comes first, then by title.
    pub order: i64,
    /// Whether its feeds run when nobody watches.
    pub keep: bool,
    /// Whether its footer shows the file itself.
    pub show_source: bool,
    /// The controls, in order.
    pub inputs: Vec<Input>,
    /// The panels, in order. Their ids are distinct.
    pub panels: Vec<PanelSettings>,
}

/// A control whose value the panels' queries and texts use.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its name: in the address, and between the braces of a placeholder.
    pub name: InputName,
    /// The text beside it.
    pub label: String,
    /// The kind of control.
    pub kind: InputKind,
    /// The choices; never empty, values distinct.
    pub options: Vec<InputOption>,
    /// The index in `options` of the initial choice.
    pub default: usize,
}

/// The kind of control that an input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputKind {
    /// A drop-down list.
    Dropdown,
    /// Radio buttons.
    Radio,
}

/// One choice of an input.
#[derive(Clone, Debug)]
pub struct InputOption {
    /// The value in the URL and for `{name}`.
    pub value: String,
    /// The text that people read.
    pub label: String,
    /// Further fields, for `{name.field}`. Every option of an input has the same ones.
    pub fields: BTreeMap<String, String>,
}

/// A panel as its page defines it.
#[derive(Clone, Debug)]
pub struct PanelSettings {
    /// Distinct on the page.
    pub id: PanelId,
    /// Its heading.
    pub title: String,
    /// How the reading is shown.
    pub kind: PanelKind,
    /// How many of the grid's twelve columns it takes.
    pub span: u8,
    /// Where its readings come from. `None` only for [`PanelKind::Text`].
    pub source: Option<PanelSource>,
    /// The unit of its numbers.
    pub unit: Unit,
    /// Digits behind the point; chosen by the number's size when `None`.
    pub decimals: Option<u8>,
    /// The thresholds that give its numbers their state.
    pub thresholds: Vec<Threshold>,
}

/// Where a panel's readings come from.
#[derive(Clone, Debug)]
pub struct PanelSource {
    /// The source's name.
    pub source: SourceName,
    /// The query as written.
    pub query: String,
    /// Where in the page's text the query stands, in bytes, for diagnostics that only the source can give.
    pub query_span: Range<usize>,
    /// Where the source's name stands, in bytes.
    pub source_span: Range<usize>,
    /// How often it is asked.
    pub every: Duration,
    /// How old a reading may grow before it is shown as late.
    pub stale_after: Duration,
}

/// The kind of a panel, with the settings that only this kind has.
#[derive(Clone, Debug, PartialEq)]
pub enum PanelKind {
    /// One big number, or a few words.
    Stat {
        /// Whether a small line of the last minutes stands beneath.
        sparkline: bool,
        /// How far back that line goes.
        window: Duration,
    },
    /// A dial gauge.
    Gauge {
        /// The value at its left end.
        min: f64,
        /// The value at its right end.
        max: f64,
    },
    /// Lines over time.
    Line {
        /// How far back they go.
        window: Duration,
        /// The bottom of the axis; found from the values when `None`.
        min: Option<f64>,
        /// The top of the axis; found from the values when `None`.
        max: Option<f64>,
    },
    /// Lines over time with the space beneath filled.
    Area {
        /// How far back they go.
        window: Duration,
        /// The bottom of the axis; found from the values when `None`.
        min: Option<f64>,
        /// The top of the axis; found from the values when `None`.
        max: Option<f64>,
    },
    /// A bar for each labelled number.
    Bar {
        /// The value of a full bar; the largest value when `None`.
        max: Option<f64>,
    },
    /// Rows under columns.
    Table {
        /// The columns to show, in order; all when empty.
        columns: Vec<String>,
        /// How many rows to show at most.
        rows: usize,
    },
    /// Up or down, for each of several things, with the last beats of each.
    States,
    /// Markdown of the author's.
    Text {
        /// The Markdown, with placeholders.
        markdown: TextTemplate,
    },
}

/// The unit of a panel's numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// A bare number.
    #[default]
    None,
    /// 0 to 100.
    Percent,
    /// Bytes, shown in KiB, MiB, GiB.
    Bytes,
    /// Bytes a second, shown in KiB/s, MiB/s.
    BytesPerSecond,
    /// Bits a second, shown in kbit/s, Mbit/s.
    BitsPerSecond,
    /// Seconds, shown as ms, s, min, h, d.
    Seconds,
    /// Degrees Celsius.
    Celsius,
    /// Anything else, written behind the number as it is.
    Other(String),
}
