use std::time::Duration;

use serde::Serialize;

use super::navigation::{AdminNavItem, AdminPage};
use crate::auth::SessionRefresher;
use crate::domain::{Realm, Timestamp};
use crate::web::views::DirectoryView;
use crate::web::views::auth::Notice;
use crate::web::views::humanize::{humanize, humanize_interval};

/// The view of the directories, and of the refreshing of those who are signed in from them.
#[derive(Debug, Serialize)]
pub(in crate::web) struct AdminDirectoryView {
    navigation: Vec<AdminNavItem>,
    notice: Option<Notice>,
    directory: DirectoryView,
    session_refresh: SessionRefreshView,
}

/// The view of the refreshing of signed-in people from the directory.
#[derive(Debug, Serialize)]
pub(in crate::web) struct SessionRefreshView {
    interval: String,
    stale_after: String,
    people: usize,
    last_completed_ms: Option<Timestamp>,
    outages: Vec<OutageRow>,
}

#[derive(Debug, Serialize)]
struct OutageRow {
    directory: String,
    since_ms: Timestamp,
    reason: String,
}

impl AdminDirectoryView {
    pub(in crate::web) fn of(
        directory: DirectoryView,
        session_refresher: &SessionRefresher,
        stale_after: Duration,
        notice: Option<Notice>,
    ) -> Self {
        Self {
            navigation: AdminPage::Directory.navigation(),
            notice,
            directory,
            session_refresh: SessionRefreshView::of(session_refresher, stale_after),
        }
    }
}

impl SessionRefreshView {
    pub(in crate::web) fn of(session_refresher: &SessionRefresher, stale_after: Duration) -> Self {
        let report = session_refresher.report();
        let outages = report.outages.into_iter().map(|(realm, outage)| OutageRow {
            directory: if realm == Realm::Default { "The directory".to_owned() } else { realm.to_string() },
            since_ms: outage.since,
            reason: outage.reason,
        });
        Self {
            interval: humanize_interval(session_refresher.interval()),
            stale_after: humanize(stale_after),
            people: report.people,
            last_completed_ms: report.last_completed,
            outages: outages.collect(),
        }
    }
}
