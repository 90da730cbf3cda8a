use std::time::Duration;

use serde::Serialize;

use super::places::{Place, PlaceLink};
use crate::auth::Refresh;
use crate::domain::{DirectoryName, Timestamp};
use crate::web::views::DirectoryView;
use crate::web::views::words::{every_in_words, in_words};

/// How the directories do, and how those who are signed in are kept true to them.
#[derive(Debug, Serialize)]
pub(in crate::web) struct AdminDirectoryView {
    places: Vec<PlaceLink>,
    directory: DirectoryView,
    upkeep: UpkeepView,
}

/// How the people who are signed in are kept true to the directory.
#[derive(Debug, Serialize)]
pub(super) struct UpkeepView {
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

impl AdminDirectoryView {
    pub(in crate::web) fn of(directory: DirectoryView, refresh: &Refresh, stale_after: Duration) -> Self {
        Self { places: Place::Directory.bar(), directory, upkeep: UpkeepView::of(refresh, stale_after) }
    }
}

impl UpkeepView {
    pub(super) fn of(refresh: &Refresh, stale_after: Duration) -> Self {
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
