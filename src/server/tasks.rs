use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

use super::group_watch::watch_groups;
use super::page_audit::audit_pages;
use crate::auth::{AccountWatch, ApiAuth, Auth};
use crate::domain::Clock;
use crate::live::Hub;
use crate::pages::{PageStore, PageWatcher};
use crate::web::AppState;

/// The interval in which expired sessions and tokens are removed.
const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// The background tasks, which stop when this is dropped.
pub(super) struct Tasks {
    _watcher: PageWatcher,
    _keeper: AbortOnDropHandle<()>,
    _sweeper: AbortOnDropHandle<()>,
    _token_follower: AbortOnDropHandle<()>,
    _group_watch: AbortOnDropHandle<()>,
    _refresher: AbortOnDropHandle<()>,
    _account_watch: AbortOnDropHandle<()>,
    _page_audit: AbortOnDropHandle<()>,
}

impl Tasks {
    /// Spawns the tasks. `refresh` is the interval in which the directory is asked.
    pub(super) fn spawn(rooms: &AppState, refresh: Duration) -> Self {
        let (shelf, hub, clock) = (&rooms.page_store, &rooms.hub, &rooms.clock);
        let groups = watch_groups(
            Arc::clone(&rooms.groups),
            Arc::clone(&rooms.directories),
            Arc::clone(shelf),
            rooms.admins.clone(),
            Arc::clone(clock),
            refresh,
        );
        let people = Arc::clone(&rooms.session_refresher);
        let accounts = AccountWatch::new(
            rooms.accounts.clone(),
            Arc::clone(&rooms.session_refresher),
            rooms.sessions.clone(),
            rooms.auth.audit().clone(),
        );
        let scripts = Arc::clone(&rooms.api_auth);
        Self {
            _watcher: PageWatcher::start(Arc::clone(shelf)),
            _keeper: AbortOnDropHandle::new(tokio::spawn(keep_channels_running(Arc::clone(hub), Arc::clone(shelf)))),
            _sweeper: AbortOnDropHandle::new(tokio::spawn(sweep(
                Arc::clone(&rooms.auth),
                Arc::clone(&rooms.api_auth),
                Arc::clone(clock),
            ))),
            _token_follower: AbortOnDropHandle::new(tokio::spawn(async move {
                scripts.tokens().poll_external_changes().await
            })),
            _group_watch: AbortOnDropHandle::new(tokio::spawn(groups)),
            _refresher: AbortOnDropHandle::new(tokio::spawn(async move { people.run().await })),
            _account_watch: AbortOnDropHandle::new(tokio::spawn(async move { accounts.run().await })),
            _page_audit: AbortOnDropHandle::new(tokio::spawn(audit_pages(
                Arc::clone(shelf),
                rooms.auth.audit().clone(),
            ))),
        }
    }
}

/// Keeps the channels running of every page that asks for it, and follows changes of the page files.
async fn keep_channels_running(hub: Arc<Hub>, shelf: Arc<PageStore>) {
    let mut changes = shelf.changes();
    loop {
        changes.mark_unchanged();
        let _seats = hub.subscribe_kept_pages(&shelf);
        // The sender lives in the shelf, which this task holds.
        let _ = changes.changed().await;
    }
}

async fn sweep(auth: Arc<Auth>, scripts: Arc<ApiAuth>, clock: Arc<dyn Clock>) {
    loop {
        if let Err(error) = auth.sweep().await {
            tracing::error!(%error, "sessions that ran out could not be swept");
        }
        if let Err(error) = scripts.sweep().await {
            tracing::error!(%error, "API tokens that ran out could not be swept");
        }
        clock.sleep(SWEEP_EVERY).await;
    }
}
