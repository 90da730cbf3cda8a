use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

use super::group_watch::GroupWatchTask;
use super::page_audit::audit_pages;
use super::shared_node::SharedNode;
use super::work_leases::WorkLeases;
use crate::auth::{AccountWatch, ApiAuth, Auth};
use crate::domain::Clock;
use crate::history::HistoryArchive;
use crate::live::{Hub, KeptPages};
use crate::nodes::Lease;
use crate::pages::{PageStore, PageWatcher};
use crate::web::AppState;

/// The interval in which expired sessions and tokens are removed.
const SWEEP_INTERVAL: Duration = Duration::from_mins(1);

/// The background tasks, which stop when this is dropped.
pub(super) struct Tasks {
    _watcher: PageWatcher,
    _node: Option<AbortOnDropHandle<()>>,
    _kept_channels: AbortOnDropHandle<()>,
    _own_sweeper: AbortOnDropHandle<()>,
    _sweeper: AbortOnDropHandle<()>,
    _token_poller: AbortOnDropHandle<()>,
    _group_watch: AbortOnDropHandle<()>,
    _refresher: AbortOnDropHandle<()>,
    _account_watch: AbortOnDropHandle<()>,
    _revocations: AbortOnDropHandle<()>,
    _page_audit: AbortOnDropHandle<()>,
    _pushes: AbortOnDropHandle<()>,
    _history: AbortOnDropHandle<()>,
}

impl Tasks {
    /// Spawns the tasks. What one node does for all runs here while this node holds the lease of it.
    pub(super) fn spawn(state: &AppState, leases: WorkLeases, node: Option<SharedNode>, history: HistoryArchive) -> Self {
        let (page_store, hub, clock) = (&state.page_store, &state.hub, &state.clock);
        let WorkLeases { groups: groups_lease, upkeep, history: history_lease, .. } = leases;
        let groups = GroupWatchTask {
            watch: Arc::clone(&state.groups),
            directories: Arc::clone(&state.directories),
            page_store: Arc::clone(page_store),
            admins: state.settings.admins.clone(),
            clock: Arc::clone(clock),
            interval: state.settings.sessions.refresh,
        };
        let refresher = Arc::clone(&state.session_refresher);
        let account_watch =
            AccountWatch::new(state.accounts.clone(), Arc::clone(&state.session_refresher), state.auth.audit().clone());
        let auth = Arc::clone(&state.auth);
        let api_auth = Arc::clone(&state.api_auth);
        let push_inbox = state.push_inbox.clone();
        Self {
            _watcher: PageWatcher::start(Arc::clone(page_store)),
            _node: node.map(|node| {
                let page_store = Arc::clone(page_store);
                AbortOnDropHandle::new(tokio::spawn(async move { node.run(page_store).await }))
            }),
            _kept_channels: AbortOnDropHandle::new(tokio::spawn(keep_channels_running(
                Arc::clone(hub),
                Arc::clone(page_store),
            ))),
            _own_sweeper: AbortOnDropHandle::new(tokio::spawn(sweep_own(
                Arc::clone(&state.auth),
                Arc::clone(&state.api_auth),
                Arc::clone(clock),
            ))),
            _sweeper: AbortOnDropHandle::new(tokio::spawn(sweep(
                upkeep,
                Arc::clone(&state.auth),
                Arc::clone(&state.api_auth),
                Arc::clone(clock),
            ))),
            _token_poller: AbortOnDropHandle::new(tokio::spawn(async move {
                api_auth.tokens().poll_external_changes().await;
            })),
            _group_watch: AbortOnDropHandle::new(tokio::spawn(async move {
                groups_lease.run_while_held(|| groups.run()).await;
            })),
            _refresher: AbortOnDropHandle::new(tokio::spawn(async move { refresher.run().await })),
            _account_watch: AbortOnDropHandle::new(tokio::spawn(async move { account_watch.run().await })),
            _revocations: AbortOnDropHandle::new(tokio::spawn(async move { auth.follow_revocations().await })),
            _page_audit: AbortOnDropHandle::new(tokio::spawn(audit_pages(Arc::clone(page_store), state.auth.audit().clone()))),
            _pushes: AbortOnDropHandle::new(tokio::spawn(async move { push_inbox.follow().await })),
            _history: AbortOnDropHandle::new(tokio::spawn(async move {
                tokio::join!(history.run(), history_lease.run_while_held(|| history.run_upkeep()));
            })),
        }
    }
}

/// Keeps the channels running of every page that asks for it, and follows changes of the page files.
async fn keep_channels_running(hub: Arc<Hub>, page_store: Arc<PageStore>) {
    let mut changes = page_store.subscribe();
    let mut kept = KeptPages::default();
    loop {
        changes.mark_unchanged();
        // Those from before go when these are there, so that charts keep their past, however short the grace time is.
        let before = std::mem::replace(&mut kept, hub.subscribe_kept_pages(&page_store));
        drop(before);
        // The sender lives in the page store, which this task holds.
        let _ = changes.changed().await;
    }
}

/// Sweeps what each node keeps for itself, and reads what another may have rotated.
async fn sweep_own(auth: Arc<Auth>, api_auth: Arc<ApiAuth>, clock: Arc<dyn Clock>) {
    loop {
        if let Err(error) = auth.sweep_own().await {
            tracing::error!(%error, "what this server keeps of failed sign-ins and of ends could not be written");
        }
        if let Err(error) = api_auth.signer().reload().await {
            tracing::error!(%error, "the keys that sign tokens could not be read");
        }
        clock.sleep(SWEEP_INTERVAL).await;
    }
}

/// Sweeps what all nodes share, while this node holds the lease.
async fn sweep(upkeep: Lease, auth: Arc<Auth>, api_auth: Arc<ApiAuth>, clock: Arc<dyn Clock>) {
    let sweeping = || async {
        loop {
            if let Err(error) = auth.sweep().await {
                tracing::error!(%error, "sessions that ran out could not be swept");
            }
            if let Err(error) = api_auth.sweep().await {
                tracing::error!(%error, "API tokens that ran out could not be swept");
            }
            clock.sleep(SWEEP_INTERVAL).await;
        }
    };
    upkeep.run_while_held(sweeping).await;
}
