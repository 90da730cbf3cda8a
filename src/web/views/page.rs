use indexmap::IndexMap;
use serde::Serialize;

use crate::config::{InputKind, PanelKind, PanelSettings};
use crate::domain::{InputValues, PanelId, Timestamp};
use crate::live::{Painting, Position};
use crate::pages::{Choice, OpenPage};
use crate::panels::{PanelFrame, PanelView, StaticChart};

use super::words::{every_in_words, in_words};

/// A page at its first paint: the views as the channel has them, and where the socket goes on from.
#[derive(Debug, Serialize)]
pub(in crate::web) struct PageView {
    page: Board,
    live: Live,
    watching: usize,
    refresh_href: String,
    data: String,
}

#[derive(Debug, Serialize)]
struct Board {
    slug: String,
    title: String,
    about: Option<String>,
    file: String,
    source: Option<String>,
    inputs: Vec<InputView>,
    panels: Vec<PanelOnPage>,
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
    chosen: bool,
}

#[derive(Debug, Serialize)]
struct PanelOnPage {
    id: String,
    title: String,
    kind: &'static str,
    span: u8,
    caption: Option<String>,
    stale_after: Option<u64>,
    frame: PanelFrame,
    still: Option<StaticChart>,
    age: Option<String>,
}

#[derive(Debug, Serialize)]
struct Live {
    url: String,
    events_url: String,
    epoch: String,
    seq: u64,
}

/// What the page's script begins with: the same views as the HTML shows.
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
        choice: &Choice,
        mut painting: Painting,
        watching: usize,
        now: Timestamp,
    ) -> Self {
        let query = live_query(&choice.values);
        // Before the frames move into the page.
        let data = data_block(revision, &painting);
        let slug = page.slug.to_string();
        let panels = page
            .panels
            .iter()
            .map(|panel| PanelOnPage::of(panel, painting.panels.swap_remove(&panel.id).unwrap_or_default(), now))
            .collect();
        let Position { epoch, seq } = painting.position;
        let board = Board {
            title: page.title.clone(),
            about: page.about.clone(),
            file: page.file_name(),
            source: page.show_source.then(|| page.text.clone()),
            inputs: inputs(page, &choice.values),
            panels,
            slug: slug.clone(),
        };
        Self {
            page: board,
            live: Live {
                url: format!("/live/{slug}{query}"),
                events_url: format!("/events/{slug}{query}"),
                epoch,
                seq,
            },
            watching,
            refresh_href: format!("/p/{slug}{query}"),
            data,
        }
    }
}

impl PanelOnPage {
    fn of(panel: &PanelSettings, frame: PanelFrame, now: Timestamp) -> Self {
        let every = panel.source.as_ref().map(|source| source.every);
        let stale_after = panel.source.as_ref().map(|source| source.stale_after);
        let late_by = frame.at.zip(stale_after).map(|(at, limit)| (now.since(at), limit));
        Self {
            id: panel.id.to_string(),
            title: panel.title.clone(),
            kind: kind_word(&panel.kind),
            span: panel.span,
            caption: every.filter(|_| is_chart(&panel.kind)).map(every_in_words),
            stale_after: stale_after.map(|limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)),
            still: match &frame.view {
                Some(PanelView::Line(chart) | PanelView::Area(chart)) => Some(chart.static_chart()),
                _ => None,
            },
            age: late_by.filter(|(age, limit)| age > limit).map(|(age, _)| format!("{} old", in_words(age))),
            frame,
        }
    }
}

/// The inputs as a query string, with its `?`; empty when the page has none.
pub(in crate::web) fn live_query(values: &InputValues) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(values.iter().map(|(name, value)| (name.as_str(), value)));
    let query = query.finish();
    if query.is_empty() { query } else { format!("?{query}") }
}

fn inputs(page: &OpenPage, values: &InputValues) -> Vec<InputView> {
    let view = |input: &crate::config::Input| InputView {
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
                chosen: values.get(&input.name) == Some(option.value.as_str()),
            })
            .collect(),
    };
    page.inputs.iter().map(view).collect()
}

/// JSON for a `<script type="application/json">`: with `<` escaped, nothing in it can end the element.
fn data_block(revision: &str, painting: &Painting) -> String {
    let Position { epoch, seq } = &painting.position;
    let data = LiveData { revision, epoch, seq: *seq, panels: &painting.panels };
    let json = serde_json::to_string(&data).unwrap_or_else(|error| {
        tracing::error!(%error, "a first paint did not encode; its page begins with a snapshot instead");
        "{}".to_owned()
    });
    json.replace('<', "\\u003c")
}

fn kind_word(kind: &PanelKind) -> &'static str {
    match kind {
        PanelKind::Stat { .. } => "stat",
        PanelKind::Gauge { .. } => "gauge",
        PanelKind::Line { .. } => "line",
        PanelKind::Area { .. } => "area",
        PanelKind::Bar { .. } => "bar",
        PanelKind::Table { .. } => "table",
        PanelKind::States => "states",
        PanelKind::Text { .. } => "text",
    }
}

fn is_chart(kind: &PanelKind) -> bool {
    matches!(kind, PanelKind::Line { .. } | PanelKind::Area { .. })
}
