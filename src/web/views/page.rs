use indexmap::IndexMap;
use itertools::Itertools;
use serde::Serialize;
use serde_json::Value;

use crate::domain::{Input, InputKind, InputValues, PanelId, Timestamp};
use crate::live::{ChannelPosition, InitialState};
use crate::pages::{InputChoice, OpenPage};
use crate::panels::{PanelFrame, PanelKind, PanelSettings};
use crate::web::links::Link;

use super::humanize::{humanize, humanize_interval};

/// The view of a page at its first paint: the panels as the channel has them, and the position where the socket
/// continues.
#[derive(Debug, Serialize)]
pub(in crate::web) struct PageView {
    page: BoardView,
    live: LiveEndpoints,
    viewers: usize,
    refresh_href: Link,
    live_data: String,
}

#[derive(Debug, Serialize)]
struct BoardView {
    slug: String,
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
    frame: PanelFrame,
    age: Option<String>,
}

#[derive(Debug, Serialize)]
struct LiveEndpoints {
    url: Link,
    events_url: Link,
    epoch: String,
    seq: u64,
}

/// The initial data of the page's script: the same views as the HTML shows.
#[derive(Serialize)]
struct LiveData<'a> {
    revision: &'a str,
    epoch: &'a str,
    seq: u64,
    panels: &'a IndexMap<PanelId, PanelFrame>,
}

impl PageView {
    pub(in crate::web) fn of(
        page: &OpenPage,
        revision: &str,
        choice: &InputChoice,
        mut initial_state: InitialState,
        viewers: usize,
        now: Timestamp,
    ) -> Self {
        let query = inputs_query(&choice.values);
        // Before the frames move into the page.
        let live_data = live_data_json(revision, &initial_state);
        let slug = page.slug.to_string();
        let panels = page
            .panels
            .iter()
            .map(|panel| PanelSlotView::of(panel, initial_state.panels.swap_remove(&panel.id).unwrap_or_default(), now))
            .collect();
        let ChannelPosition { epoch, seq } = initial_state.position;
        let board = BoardView {
            title: page.title.clone(),
            about: page.about.clone(),
            file: page.file_name(),
            source: page.show_source.then(|| page.text.clone()),
            inputs: inputs(page, &choice.values),
            panels,
            styles: page.panel_kinds().flat_map(PanelKind::styles).unique().collect(),
            scripts: page.panel_kinds().flat_map(PanelKind::scripts).unique().collect(),
            slug: slug.clone(),
        };
        Self {
            page: board,
            live: LiveEndpoints {
                url: Link::to(format_args!("live/{slug}{query}")),
                events_url: Link::to(format_args!("events/{slug}{query}")),
                epoch,
                seq,
            },
            viewers,
            refresh_href: Link::to(format_args!("p/{slug}{query}")),
            live_data,
        }
    }
}

impl PanelSlotView {
    fn of(panel: &PanelSettings, mut frame: PanelFrame, now: Timestamp) -> Self {
        let every = panel.source.as_ref().map(|source| source.every);
        let stale_after = panel.source.as_ref().map(|source| source.stale_after);
        let late_by = frame.at.zip(stale_after).map(|(at, limit)| (now.since(at), limit));
        Self {
            id: panel.id.to_string(),
            title: panel.title.clone(),
            kind: panel.kind.word,
            span: panel.span,
            caption: every.filter(|_| panel.kind.shows_interval).map(humanize_interval),
            stale_after: stale_after.map(|limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)),
            view: frame.view.take().map(|view| view.template_data()),
            age: late_by.filter(|(age, limit)| age > limit).map(|(age, _)| format!("{} old", humanize(age))),
            frame,
        }
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

/// JSON for a `<script type="application/json">`: with `<` escaped, nothing in it can end the element.
fn live_data_json(revision: &str, initial_state: &InitialState) -> String {
    let ChannelPosition { epoch, seq } = &initial_state.position;
    let data = LiveData { revision, epoch, seq: *seq, panels: &initial_state.panels };
    let json = serde_json::to_string(&data).unwrap_or_else(|error| {
        tracing::error!(%error, "a first paint did not encode; its page begins with a snapshot instead");
        "{}".to_owned()
    });
    json.replace('<', "\\u003c")
}
