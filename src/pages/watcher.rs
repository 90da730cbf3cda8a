use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::PageStore;

/// The time without changes after which the files are read: an editor writes a file in several steps.
const DEBOUNCE: Duration = Duration::from_millis(150);

/// The interval of polling besides the system's notifications. These follow a folder, not its name: when the folder
/// itself is replaced, or lies on another machine, they stay away. A poll costs a few microseconds a file.
const POLL_INTERVAL: Duration = Duration::from_secs(3);

/// Reloads the page store when something changes in its folder, for as long as this lives.
pub struct PageWatcher {
    _events: Option<RecommendedWatcher>,
    _task: AbortOnDropHandle<()>,
}

impl PageWatcher {
    /// Starts to watch. Without the system's notifications, changes are found by polling.
    pub fn start(page_store: Arc<PageStore>) -> Self {
        // A capacity of one: what matters is that something changed, not how often.
        let (changed, changes) = mpsc::channel(1);
        let events = watch_folder(page_store.folder(), changed.clone())
            .inspect_err(|error| {
                tracing::warn!(%error, "the system gives no notice of changed page files; they are looked at every 3 s");
            })
            .ok();
        let task = tokio::spawn(async move {
            // Kept here, so that the channel outlives the notifications.
            let _changed = changed;
            reload_when_changed(page_store, changes).await;
        });
        Self { _events: events, _task: AbortOnDropHandle::new(task) }
    }
}

fn watch_folder(folder: &Path, changed: mpsc::Sender<()>) -> notify::Result<RecommendedWatcher> {
    let mut events = notify::recommended_watcher(move |event: notify::Result<Event>| {
        if event.is_ok_and(|event| !matches!(event.kind, EventKind::Access(_))) {
            // A full channel says the same already.
            let _ = changed.try_send(());
        }
    })?;
    events.watch(folder, RecursiveMode::NonRecursive)?;
    Ok(events)
}

async fn reload_when_changed(page_store: Arc<PageStore>, mut changes: mpsc::Receiver<()>) {
    loop {
        // Real time: files have no clock of ours.
        if let Ok(Some(())) = tokio::time::timeout(POLL_INTERVAL, changes.recv()).await {
            while let Ok(Some(())) = tokio::time::timeout(DEBOUNCE, changes.recv()).await {}
        }
        let page_store = Arc::clone(&page_store);
        if let Err(error) = tokio::task::spawn_blocking(move || page_store.reload_if_changed()).await {
            tracing::error!(%error, "the pages could not be reloaded");
        }
    }
}
