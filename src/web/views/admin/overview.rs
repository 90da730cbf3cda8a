use std::time::Duration;

use serde::Serialize;

use crate::auth::Refresh;
use crate::config::FaultReport;
use crate::domain::Timestamp;
use crate::live::{FeedReport, Hub};
use crate::pages::Listed;

use super::directory::UpkeepView;
use super::places::{Place, PlaceLink};
use crate::web::views::words::every_in_words;

/// What an admin wants to see first: faults in page files, whether everybody can be asked about, and how the feeds do.
#[derive(Debug, Serialize)]
pub(in crate::web) struct AdminView {
    places: Vec<PlaceLink>,
    page_faults: Vec<FaultReport>,
    upkeep: UpkeepView,
    pages: Vec<PageRow>,
    feeds: Vec<FeedRow>,
}

#[derive(Debug, Serialize)]
struct PageRow {
    slug: String,
    title: String,
    href: String,
    file: String,
    access_word: &'static str,
    panels: usize,
    watching: usize,
}

#[derive(Debug, Serialize)]
struct FeedRow {
    source: String,
    query: String,
    every: String,
    watchers: usize,
    last_ok_ms: Option<Timestamp>,
    trouble: Option<String>,
}

impl AdminView {
    pub(in crate::web) fn of(
        page_faults: Vec<FaultReport>,
        refresh: &Refresh,
        stale_after: Duration,
        pages: &[Listed],
        hub: &Hub,
    ) -> Self {
        let page = |page: &Listed| PageRow {
            slug: page.slug.to_string(),
            title: page.title.clone(),
            href: format!("/p/{}", page.slug),
            file: page.file_name(),
            access_word: page.access_word(),
            panels: page.panels.len(),
            watching: hub.watching(&page.slug),
        };
        let feed = |feed: FeedReport| FeedRow {
            source: feed.source,
            query: feed.query,
            every: every_in_words(feed.every),
            watchers: feed.watchers,
            last_ok_ms: feed.last_ok,
            trouble: feed.trouble,
        };
        let feeds = hub.feeds().report().into_iter().map(feed).collect();
        Self {
            places: Place::Overview.bar(),
            page_faults,
            upkeep: UpkeepView::of(refresh, stale_after),
            pages: pages.iter().map(page).collect(),
            feeds,
        }
    }
}
