use serde::Serialize;

use crate::bus::{Bus, BusState, Role};
use crate::config::DiagnosticReport;
use crate::domain::Timestamp;
use crate::feeds::FeedReport;
use crate::history::HistoryArchive;
use crate::live::Hub;
use crate::pages::ListedPage;
use crate::telemetry::LiveState;
use crate::web::links::Link;

use super::directory::SessionRefreshView;
use super::navigation::{AdminNavItem, AdminPage};
use crate::web::views::humanize::humanize_interval;

/// The view that an admin sees first: faults in page files, whether everybody can be asked about, and how the feeds do.
#[derive(Debug, Serialize)]
pub(in crate::web) struct AdminOverviewView {
    navigation: Vec<AdminNavItem>,
    page_faults: Vec<DiagnosticReport>,
    session_refresh: SessionRefreshView,
    live: LiveSummaryView,
    pages: Vec<PageRow>,
    feeds: Vec<FeedRow>,
    /// Whether several nodes share them; empty where there is one.
    bus: String,
    /// Why charts may lack some of their past; empty where they do not.
    history_trouble: String,
    proxy: ProxyView,
}

/// The addresses in the settings for a proxy.
#[derive(Debug, Serialize)]
pub(in crate::web) struct ProxyView {
    /// The site's, as the browser came by it.
    pub(in crate::web) site: String,
    /// The one at which the proxy reaches the server.
    pub(in crate::web) upstream: String,
}

/// How many watch, and whether they keep up.
#[derive(Debug, Serialize)]
struct LiveSummaryView {
    watching: String,
    lag: String,
}

#[derive(Debug, Serialize)]
struct PageRow {
    slug: String,
    title: String,
    href: Link,
    file: String,
    access_label: &'static str,
    /// Whether the administrator may open it.
    is_authorized: bool,
    panels: usize,
    watching: usize,
}

#[derive(Debug, Serialize)]
struct FeedRow {
    source: String,
    query: String,
    every: String,
    watchers: usize,
    /// Who executes it; empty where there is one node.
    executed_by: &'static str,
    last_ok_ms: Option<Timestamp>,
    trouble: Option<String>,
}

impl AdminOverviewView {
    pub(in crate::web) fn of(
        page_faults: Vec<DiagnosticReport>,
        session_refresh: SessionRefreshView,
        pages: &[ListedPage],
        hub: &Hub,
        proxy: ProxyView,
    ) -> Self {
        let live = hub.state();
        let page = |page: &ListedPage| PageRow {
            slug: page.slug.to_string(),
            title: page.title.clone(),
            href: Link::to(format_args!("p/{}", page.slug)),
            file: page.file_name(),
            access_label: page.access_word(),
            is_authorized: page.is_authorized(),
            panels: page.panels.len(),
            watching: live.viewers.get(page.slug.as_str()).copied().unwrap_or(0),
        };
        let bus = hub.feeds().bus().map(Bus::state);
        let has_bus = bus.is_some();
        let feed = |feed: FeedReport| FeedRow {
            source: feed.source,
            query: feed.query,
            every: humanize_interval(feed.every),
            watchers: feed.watchers,
            executed_by: if has_bus { executed_by(feed.role) } else { "" },
            last_ok_ms: feed.last_ok,
            trouble: feed.trouble,
        };
        let feeds = hub.feeds().report().into_iter().map(feed).collect();
        Self {
            navigation: AdminPage::Overview.navigation(),
            page_faults,
            session_refresh,
            live: LiveSummaryView::of(hub.viewers(), &live),
            pages: pages.iter().map(page).collect(),
            feeds,
            history_trouble: hub
                .feeds()
                .archive()
                .and_then(HistoryArchive::trouble)
                .map_or_else(String::new, |error| error.to_string()),
            bus: bus.map_or_else(String::new, |state| bus_sentence(&state)),
            proxy,
        }
    }
}

/// Who executes a query, by the part of this node in it. Documents are requested by whichever node needs them first.
fn executed_by(role: Option<Role>) -> &'static str {
    match role {
        Some(Role::Leading(_)) => "this node",
        Some(Role::Following) => "another node",
        Some(Role::Alone) => "each node",
        Some(Role::Undecided) => "being decided",
        None => "whoever is first",
    }
}

fn bus_sentence(state: &BusState) -> String {
    match state {
        BusState::Connecting => "The bus between nodes is being connected to.".to_owned(),
        BusState::Up => "Nodes share what sources answer: each query is executed once for all of them.".to_owned(),
        BusState::Down(error) => format!("The bus between nodes is gone, and each executes its own queries: {error}."),
    }
}

impl LiveSummaryView {
    fn of(viewers: usize, state: &LiveState) -> Self {
        let watch = if viewers == 1 { "live connection" } else { "live connections" };
        let boards = if state.channels == 1 { "board" } else { "boards" };
        let watching = format!("{viewers} {watch}, {} {boards} running.", state.channels);
        let (half, most, slowest) = (state.lag_quantile(0.5), state.lag_quantile(0.99), state.lag_quantile(1.0));
        let lag = match (state.lags.is_empty(), slowest, state.stalled) {
            (true, ..) => String::new(),
            (_, 0, 0) => "Everybody has the newest update.".to_owned(),
            (.., stalled) => format!(
                "Half are at most {half} updates behind, 99 % at most {most}, the slowest {slowest}; {stalled} take nothing now."
            ),
        };
        Self { watching, lag }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_keeps_up_is_told_in_a_sentence() {
        let sentence = |viewers, state: &LiveState| {
            let LiveSummaryView { watching, lag } = LiveSummaryView::of(viewers, state);
            format!("{watching} {lag}")
        };
        let mut state = LiveState { channels: 1, ..LiveState::default() };
        assert_eq!(sentence(0, &state), "0 live connections, 1 board running. ");
        state.lags = vec![0; 3];
        assert_eq!(sentence(3, &state), "3 live connections, 1 board running. Everybody has the newest update.");
        state.lags = vec![0, 0, 1, 40];
        state.stalled = 1;
        let expected = "Half are at most 1 updates behind, 99 % at most 40, the slowest 40; 1 take nothing now.";
        assert_eq!(sentence(4, &state), format!("4 live connections, 1 board running. {expected}"));
    }
}
