//! The parts of a kind of panel: its declaration, its settings and its state.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::mismatch::ReadingMismatch;
use super::settings::{PanelSource, Unit};
use super::view::{ChartAppend, PanelView, View};
use crate::config::Fields;
use crate::domain::{Bindings, History, Input, PanelId, Reading, Threshold};

/// A kind of panel, as its file declares it. The [registry](super::PANEL_KINDS) makes it known.
pub struct PanelKind {
    /// The word for it: in page files, on the wire, and as the name of its template, script and stylesheet.
    pub word: &'static str,
    /// Whether it shows what a source answers.
    pub has_source: bool,
    /// Whether its heading says how often the source is queried.
    pub shows_interval: bool,
    /// Whether its mark stands beside its figure, and so not in the heading.
    pub marks_figure: bool,
    /// The stylesheets below `static/` that it shares with others; they come before its own.
    pub(super) shared_styles: &'static [&'static str],
    /// The scripts below `static/` that its own imports, so that a browser fetches them together.
    pub(super) shared_scripts: &'static [&'static str],
    /// Its own keys in sample panels, for tests of every kind.
    pub samples: &'static [&'static str],
    /// The default of `span`, of twelve columns.
    pub(super) default_span: u8,
    /// Its own keys in page files. Several kinds may have the same one.
    pub(super) keys: &'static [&'static str],
    pub(super) read: ReadOptions,
    pub(super) read_view: ReadView,
}

/// Reads the values of a kind's own keys. `None` when one is wrong, which has then been reported.
pub(super) type ReadOptions = fn(&mut Fields<'_>, &ReadContext<'_>) -> Option<Arc<dyn KindOptions>>;

/// Reads the JSON of a view of this kind.
pub(super) type ReadView = fn(Value) -> serde_json::Result<Arc<dyn View>>;

/// Reads a view from its JSON.
pub(super) fn read_view<V: View + DeserializeOwned + 'static>(json: Value) -> serde_json::Result<Arc<dyn View>> {
    Ok(Arc::new(serde_json::from_value::<V>(json)?))
}

impl PanelKind {
    /// A kind that shows what a source answers, has no keys of its own and shares no files.
    pub(super) const fn new(word: &'static str, default_span: u8, read_view: ReadView, read: ReadOptions) -> Self {
        Self {
            word,
            has_source: true,
            shows_interval: false,
            marks_figure: false,
            shared_styles: &[],
            shared_scripts: &[],
            samples: &[""],
            default_span,
            keys: &[],
            read,
            read_view,
        }
    }

    /// The stylesheets below `static/` that its panels need, in order.
    pub fn styles(&self) -> impl Iterator<Item = String> {
        self.shared_styles.iter().map(ToString::to_string).chain([format!("css/panels/{}.css", self.word)])
    }

    /// The scripts below `static/` that its panels need.
    pub fn scripts(&self) -> impl Iterator<Item = String> {
        [format!("js/panels/{}.js", self.word)].into_iter().chain(self.shared_scripts.iter().map(ToString::to_string))
    }
}

impl fmt::Debug for PanelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word)
    }
}

/// The rest of a panel and its page, which a kind's own keys may depend on.
pub(super) struct ReadContext<'a> {
    /// How often the source is queried.
    pub(super) every: Duration,
    pub(super) unit: &'a Unit,
    /// The inputs of the page; `None` where one of them is wrong, and what refers to it may be right.
    pub(super) inputs: Option<&'a [Input]>,
}

/// The values of a kind's own keys, for one panel.
pub(super) trait KindOptions: fmt::Debug + Send + Sync {
    /// The state of the panel before its first reading.
    fn state(&self, panel: &PanelSettings, bindings: &Bindings) -> Box<dyn PanelState>;

    /// How much of its feed's past the view shows.
    fn past(&self) -> Past {
        Past::default()
    }
}

/// A panel as its page defines it.
#[derive(Clone, Debug)]
pub struct PanelSettings {
    /// Distinct on the page.
    pub id: PanelId,
    /// Its heading.
    pub title: String,
    /// How the reading is shown.
    pub kind: &'static PanelKind,
    /// The settings that only this kind has.
    pub(super) options: Arc<dyn KindOptions>,
    /// How many of the grid's twelve columns it takes.
    pub span: u8,
    /// Where its readings come from. `None` only for a kind that shows none.
    pub source: Option<PanelSource>,
    /// The unit of its numbers.
    pub unit: Unit,
    /// Digits behind the point; chosen by the number's size when `None`.
    pub decimals: Option<u8>,
    /// The thresholds that give its numbers their state.
    pub thresholds: Vec<Threshold>,
}

impl PanelSettings {
    /// How much of its feed's past it shows.
    pub fn past(&self) -> Past {
        self.options.past()
    }
}

/// How much of its feed's past a panel draws from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Past {
    /// How far back it draws from the feed's history; `None` when not at all.
    pub window: Option<Duration>,
    /// How many of the newest readings it takes.
    pub readings: usize,
}

impl Default for Past {
    /// The newest reading alone.
    fn default() -> Self {
        Self { window: None, readings: 1 }
    }
}

/// The state of one panel: it takes readings, and gives its view and how that changes.
pub(super) trait PanelState: fmt::Debug + Send {
    /// Takes a reading, which is in the feed's `history` already.
    ///
    /// # Errors
    /// A [`ReadingMismatch`] when this kind cannot show such a reading. The state is then as it was.
    fn update(&mut self, reading: &Reading, history: &History) -> Result<(), ReadingMismatch>;

    /// Shows what the feed's `history` has before there is a reading. Most kinds show a reading alone.
    fn restore(&mut self, _history: &History) {}

    /// Whether there is something to show.
    fn has_view(&self) -> bool;

    /// The whole view; `None` while there is nothing to show.
    fn view(&self, history: &History) -> Option<PanelView>;

    /// Takes the change of the view since the last time; `None` when there is none.
    fn drain(&mut self, history: &History) -> Option<ViewChange>;
}

/// A change of a view, for a browser that has the one before.
#[derive(Debug)]
pub(super) enum ViewChange {
    /// Another view.
    Whole(PanelView),
    /// Points at the end of a chart.
    Append(ChartAppend),
}
