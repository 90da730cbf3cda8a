use std::time::Duration;

use serde::Serialize;

use crate::auth::Refresh;
use crate::config::FaultReport;
use crate::domain::{DirectoryName, Timestamp};
use crate::live::{FeedReport, Hub};
use crate::pages::Listed;

use super::DirectoryView;
use super::words::{every_in_words, in_words};

/// What an admin wants to see first: faults in page files, whether the directory answers, and how the feeds are doing.
#[derive(Debug, Serialize)]
pub(in crate::web) struct AdminView {
    page_faults: Vec<FaultReport>,
    directory: DirectoryView,
    upkeep: UpkeepView,
    pages: Vec<PageRow>,
    feeds: Vec<FeedRow>,
}

/// How the people who are signed in are kept true to the directory.
#[derive(Debug, Serialize)]
struct UpkeepView {
    every: String,
    stale_after: String,
    people: usize,
    last_round_ms: Option<Timestamp>,
    away: Vec<AwayRow>,
}

#[derive(Debug, Serialize)]
struct AwayRow {
    directory: String,
    since_ms: Timestamp,
    reason: String,
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
        directory: DirectoryView,
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
            page_faults,
            directory,
            upkeep: UpkeepView::of(refresh, stale_after),
            pages: pages.iter().map(page).collect(),
            feeds,
        }
    }
}

impl UpkeepView {
    fn of(refresh: &Refresh, stale_after: Duration) -> Self {
        let report = refresh.report();
        let away = report.away.into_iter().map(|(directory, away)| AwayRow {
            directory: directory.as_ref().map_or("The directory", DirectoryName::as_str).to_owned(),
            since_ms: away.since,
            reason: away.reason,
        });
        Self {
            every: every_in_words(refresh.every()),
            stale_after: in_words(stale_after),
            people: report.people,
            last_round_ms: report.last_round,
            away: away.collect(),
        }
    }
}
