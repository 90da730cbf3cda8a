use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::domain::{HealthState, Series, Timestamp};

/// The most bars or states that one panel shows. What a source gives beyond them is counted in `more`, so that one long
/// answer does not grow what every viewer gets.
pub(crate) const MAX_ROWS: usize = 200;

/// The JSON of a panel for a browser: all of it (`view`) or what is new (`append`).
///
/// A frame with neither leaves the view as it is: the same reading came again (`at` is newer), or none did
/// (`trouble`).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PanelFrame {
    /// When the reading was taken; absent when there never was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// All there is to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view: Option<PanelView>,
    /// The points that a chart gains at its end, on top of the view the browser has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub append: Option<ChartAppend>,
    /// The reason why there is nothing newer. Absent means that all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<PanelTrouble>,
}

/// The failure by which a panel has no newer reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PanelTrouble {
    /// The reason, for everybody who sees the panel: `stock cannot be reached (reference 4f2a1c08)`.
    pub reason: String,
    /// When it began.
    pub since: Timestamp,
    /// When the source is queried again.
    pub retry_at: Timestamp,
}

/// The content of a panel: the word for its kind, and what that kind shows.
#[derive(Clone, Debug, Serialize)]
pub struct PanelView {
    kind: &'static str,
    #[serde(flatten, serialize_with = "serialize_view")]
    view: Arc<dyn View>,
}

impl PanelFrame {
    /// Whether there is a view, or at least the reason why there is none.
    pub fn has_something_to_show(&self) -> bool {
        self.view.is_some() || self.trouble.is_some()
    }

    /// Applies a later frame, as a browser does: what has changed, on top of what it shows.
    pub fn apply(&mut self, change: PanelFrame) {
        let PanelFrame { at, view, append, trouble } = change;
        self.at = at.or(self.at);
        self.trouble = trouble;
        if let Some(view) = view {
            self.view = Some(view);
        } else if let Some((append, shown)) = append.zip(self.view.as_mut())
            && let Some(view) = shown.view.appended(&append)
        {
            shown.view = view;
        }
    }
}

impl PanelView {
    /// The view of a kind, by its word.
    pub(super) fn new(kind: &'static str, view: Arc<dyn View>) -> Self {
        Self { kind, view }
    }

    /// The data for the kind's template.
    pub fn template_data(&self) -> Value {
        self.view.template_data()
    }

    /// The past that a chart shows.
    pub fn past(&self) -> Option<Series> {
        self.view.past()
    }

    /// The panel's mark where something in it needs a look.
    pub fn mark(&self) -> Option<&StateMark> {
        self.view.mark().filter(|mark| mark.state.needs_a_look())
    }
}

fn serialize_view<S: Serializer>(view: &Arc<dyn View>, serializer: S) -> Result<S::Ok, S::Error> {
    erased_serde::serialize(&**view, serializer)
}

/// A kind's view. Serialized, it is what the kind's script gets.
pub(super) trait View: erased_serde::Serialize + fmt::Debug + Send + Sync {
    /// The data for the kind's template: the view itself, unless the template draws something else of it.
    fn template_data(&self) -> Value {
        // Views are structs of texts and numbers, which serialize without fail.
        erased_serde::serialize(self, serde_json::value::Serializer).unwrap_or_default()
    }

    /// The mark of the whole panel: of the one thing that it shows, or of the worst of several. Serialized as `mark`.
    fn mark(&self) -> Option<&StateMark>;

    /// The past that it shows; `None` where it is no chart.
    fn past(&self) -> Option<Series> {
        None
    }

    /// The view with points more at its end; `None` where it is no chart.
    fn appended(&self, _: &ChartAppend) -> Option<Arc<dyn View>> {
        None
    }
}

/// A formatted number and its unit: `86.4` and `%`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figure {
    /// The digits, with a sign, a point and grouping.
    pub text: String,
    /// The unit, shown small behind them; may be empty.
    pub unit: String,
}

/// A state and the word for it, so that colour never stands alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateMark {
    /// The state.
    pub state: HealthState,
    /// The word: `ok`, `high`, `critical`, `low`, `unknown` …
    pub word: String,
}

/// The vertical axis of a chart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    /// The value at the bottom.
    pub min: f64,
    /// The value at the top.
    pub max: f64,
    /// The ticks, bottom first.
    pub ticks: Vec<AxisTick>,
}

/// A tick of an axis, with its grid line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AxisTick {
    /// The value.
    pub at: f64,
    /// Its label.
    pub text: String,
}

/// The points that a chart gains at its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChartAppend {
    /// The new moments.
    pub times: Vec<Timestamp>,
    /// For each line, as many new values as there are new moments.
    pub values: Vec<Vec<Option<f64>>>,
    /// For each line, its last value.
    pub latest: Vec<Figure>,
    /// For each line, its last value's state, where that needs a look; empty where none does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<Option<HealthState>>,
    /// The mark of the whole chart, where it needs a look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<StateMark>,
    /// The axis, when it changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub axis: Option<Axis>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
pub(super) fn is_zero(count: &usize) -> bool {
    *count == 0
}
