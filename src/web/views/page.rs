use std::time::Duration;

use indexmap::IndexMap;
use itertools::Itertools;
use serde::Serialize;
use serde_json::Value;

use crate::domain::{HealthState, Input, InputKind, InputValues, PanelId, Timestamp};
use crate::live::{ChannelPosition, InitialState};
use crate::pages::{InputChoice, OpenPage};
use crate::panels::{PanelFrame, PanelKind, PanelSettings, PanelTrouble, PanelView, StateMark};
use crate::web::links::Link;

use super::humanize::{humanize, humanize_interval, until_next_humanized};

/// A page at its first paint, as all visitors of its channel see it: the panels as the channel has them, and the position
/// where the socket continues.
#[derive(Debug, Serialize)]
pub(in crate::web) struct PageView {
    page: BoardView,
    live: LiveEndpoints,
    refresh_href: Link,
    live_data: String,
    /// The summary of the panels that need a look.
    alarm: Option<String>,
    #[serde(skip)]
    expires: Option<Timestamp>,
}

/// The part of a page that is one visitor's own.
#[derive(Debug, Serialize)]
pub(in crate::web) struct OwnPageView {
    /// The revision of what they see: the page, and the navigation around it.
    pub(in crate::web) revision: String,
    /// The number of those who watch, of whom they are none yet.
    pub(in crate::web) viewers: usize,
}

/// A whole page for one visitor.
#[derive(Debug, Serialize)]
pub(in crate::web) struct WholePageView {
    #[serde(flatten)]
    pub(in crate::web) shared: PageView,
    #[serde(flatten)]
    pub(in crate::web) own: OwnPageView,
}

#[derive(Debug, Serialize)]
struct BoardView {
    title: String,
    about: Option<String>,
    file: String,
    source: Option<String>,
    inputs: Vec<InputView>,
    panels: Vec<PanelSlotView>,
    /// The stylesheets and scripts of the kinds of panels that it has.
    styles: Vec<String>,
    scripts: Vec<String>,
}

#[derive(Debug, Serialize)]
struct InputView {
    name: String,
    label: String,
    kind: &'static str,
    options: Vec<OptionView>,
}

#[derive(Debug, Serialize)]
struct OptionView {
    value: String,
    label: String,
    is_selected: bool,
}

#[derive(Debug, Serialize)]
struct PanelSlotView {
    id: String,
    title: String,
    kind: &'static str,
    span: u8,
    caption: Option<String>,
    stale_after: Option<u64>,
    view: Option<Value>,
    mark: Option<StateMark>,
    marks_figure: bool,
    at: Option<Timestamp>,
    trouble: Option<PanelTrouble>,
    age: Option<String>,
    #[serde(skip)]
    age_changes_at: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct LiveEndpoints {
    url: Link,
    events_url: Link,
}

/// The initial data of the page's script: the same views as the HTML shows.
#[derive(Serialize)]
struct LiveData<'a> {
    epoch: &'a str,
    seq: u64,
    panels: &'a IndexMap<PanelId, PanelFrame>,
}

impl PageView {
    pub(in crate::web) fn of(page: &OpenPage, choice: &InputChoice, state: &InitialState, now: Timestamp) -> Self {
        let query = inputs_query(&choice.values);
        let slug = &page.slug;
        let panels = page.panels.iter().map(|panel| (panel, state.panels.get(&panel.id)));
        let marks = panels.clone().filter_map(|(panel, frame)| Some((panel.title.as_str(), mark_of(frame?)?)));
        let slots: Vec<_> = panels.map(|(panel, frame)| PanelSlotView::of(panel, frame, now)).collect();
        let expires = slots.iter().filter_map(|slot| slot.age_changes_at).min();
        let board = BoardView {
            title: page.title.clone(),
            about: page.about.clone(),
            file: page.file_name(),
            source: page.show_source.then(|| page.text.clone()),
            inputs: inputs(page, &choice.values),
            panels: slots,
            styles: page.panel_kinds().flat_map(PanelKind::styles).unique().collect(),
            scripts: page.panel_kinds().flat_map(PanelKind::scripts).unique().collect(),
        };
        Self {
            page: board,
            live: LiveEndpoints {
                url: Link::to(format_args!("live/{slug}{query}")),
                events_url: Link::to(format_args!("events/{slug}{query}")),
            },
            refresh_href: Link::to(format_args!("p/{slug}{query}")),
            live_data: live_data_json(state),
            alarm: alarm(marks),
            expires,
        }
    }

    /// From when on it says another age of some reading, if nothing else changes until then.
    pub(in crate::web) fn expires(&self) -> Option<Timestamp> {
        self.expires
    }
}

impl PanelSlotView {
    fn of(panel: &PanelSettings, frame: Option<&PanelFrame>, now: Timestamp) -> Self {
        let age = frame.and_then(|frame| PanelAge::of(panel, frame, now));
        Self {
            id: panel.id.to_string(),
            title: panel.title.clone(),
            kind: panel.kind.word,
            span: panel.span,
            caption: panel
                .source
                .as_ref()
                .map(|source| source.every)
                .filter(|_| panel.kind.shows_interval)
                .map(humanize_interval),
            stale_after: panel.source.as_ref().map(|source| u64::try_from(source.stale_after.as_millis()).unwrap_or(u64::MAX)),
            view: frame.and_then(|frame| frame.view.as_ref()).map(PanelView::template_data),
            mark: frame.and_then(mark_of).cloned(),
            marks_figure: panel.kind.marks_figure,
            at: frame.and_then(|frame| frame.at),
            trouble: frame.and_then(|frame| frame.trouble.clone()),
            age_changes_at: age.as_ref().map(|age| age.changes_at),
            age: age.and_then(|age| age.late_by),
        }
    }
}

fn mark_of(frame: &PanelFrame) -> Option<&StateMark> {
    frame.view.as_ref().and_then(PanelView::mark)
}

/// The summary of the panels that need a look, for a page's title: `✕ CPU: critical`, or how many panels do: `▲ 3 problems`. The symbols are those
/// of marks. The script says the same when it changes.
fn alarm<'a>(marks: impl Iterator<Item = (&'a str, &'a StateMark)>) -> Option<String> {
    let marks: Vec<_> = marks.collect();
    let is_bad = marks.iter().any(|(_, mark)| mark.state == HealthState::Bad);
    let symbol = if is_bad { "✕" } else { "▲" };
    match marks.as_slice() {
        [] => None,
        [(title, mark)] => Some(format!("{symbol} {title}: {}", mark.word)),
        several => Some(format!("{symbol} {} problems", several.len())),
    }
}

/// The age of a panel's reading.
struct PanelAge {
    /// The age in words, when the reading is late.
    late_by: Option<String>,
    /// When that changes.
    changes_at: Timestamp,
}

impl PanelAge {
    /// The age of the newest reading of a panel whose readings can be late.
    fn of(panel: &PanelSettings, frame: &PanelFrame, now: Timestamp) -> Option<Self> {
        let (at, limit) = (frame.at?, panel.source.as_ref()?.stale_after);
        let age = now.since(at);
        if age <= limit {
            return Some(Self { late_by: None, changes_at: at + limit + Duration::from_millis(1) });
        }
        Some(Self { late_by: Some(format!("{} old", humanize(age))), changes_at: now + until_next_humanized(age) })
    }
}

/// The inputs as a query string, with its `?`; empty when the page has none.
pub(in crate::web) fn inputs_query(values: &InputValues) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(values.iter().map(|(name, value)| (name.as_str(), value)));
    let query = query.finish();
    if query.is_empty() { query } else { format!("?{query}") }
}

fn inputs(page: &OpenPage, values: &InputValues) -> Vec<InputView> {
    let view = |input: &Input| InputView {
        name: input.name.to_string(),
        label: input.label.clone(),
        kind: match input.kind {
            InputKind::Dropdown => "dropdown",
            InputKind::Radio => "radio",
        },
        options: input
            .options
            .iter()
            .map(|option| OptionView {
                value: option.value.clone(),
                label: option.label.clone(),
                is_selected: values.get(&input.name) == Some(option.value.as_str()),
            })
            .collect(),
    };
    page.inputs.iter().map(view).collect()
}

/// JSON for a `<script type="application/json">`, without the brace that it begins with: the visitor's revision comes first. With `<`
/// escaped, nothing in it can end the element.
fn live_data_json(state: &InitialState) -> String {
    let ChannelPosition { epoch, seq } = &state.position;
    let data = LiveData { epoch, seq: *seq, panels: &state.panels };
    let json = serde_json::to_string(&data).unwrap_or_else(|error| {
        tracing::error!(%error, "a first paint did not encode; its page begins with a snapshot instead");
        "{\"epoch\":null}".to_owned()
    });
    json.trim_start_matches('{').replace('<', "\\u003c")
}
