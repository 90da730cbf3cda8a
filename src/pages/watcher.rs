use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::PageStore;

/// An editor writes a file in several steps; they are read once, when it has been quiet for this long.
const DEBOUNCE: Duration = Duration::from_millis(150);

/// The system's notices follow a folder, not its name: when the folder itself is replaced, or lies on another machine, they
/// stay away. So it is looked at this often besides; a look costs a few microseconds a file.
const POLL_INTERVAL: Duration = Duration::from_secs(3);

/// Reloads the shelf when something changes in its folder, for as long as this lives.
pub struct PageWatcher {
    _events: Option<RecommendedWatcher>,
    _task: AbortOnDropHandle<()>,
}

impl PageWatcher {
    /// Begins to watch. Without the system's notices, changes are found by looking.
    pub fn start(shelf: Arc<PageStore>) -> Self {
        // One slot: what matters is that something changed, not how often.
        let (changed, changes) = mpsc::channel(1);
        let events = watch_folder(shelf.folder(), changed.clone())
            .inspect_err(|error| {
                tracing::warn!(%error, "the system gives no notice of changed page files; they are looked at every 3 s");
            })
            .ok();
        let task = tokio::spawn(async move {
            // Kept here, so that the bell outlives the notices.
            let _changed = changed;
            reload_when_changed(shelf, changes).await;
        });
        Self { _events: events, _task: AbortOnDropHandle::new(task) }
    }
}

fn watch_folder(folder: &Path, changed: mpsc::Sender<()>) -> notify::Result<RecommendedWatcher> {
    let mut events = notify::recommended_watcher(move |event: notify::Result<Event>| {
        if event.is_ok_and(|event| !matches!(event.kind, EventKind::Access(_))) {
            // A full slot says the same already.
            let _ = changed.try_send(());
        }
    })?;
    events.watch(folder, RecursiveMode::NonRecursive)?;
    Ok(events)
}

async fn reload_when_changed(shelf: Arc<PageStore>, mut changes: mpsc::Receiver<()>) {
    loop {
        // Both ends of a change are real time: files have no clock of ours.
        if let Ok(Some(())) = tokio::time::timeout(POLL_INTERVAL, changes.recv()).await {
            while let Ok(Some(())) = tokio::time::timeout(DEBOUNCE, changes.recv()).await {}
        }
        let shelf = Arc::clone(&shelf);
        if let Err(error) = tokio::task::spawn_blocking(move || shelf.reload_if_changed()).await {
            tracing::error!(%error, "the pages could not be reloaded");
        }
    }
}
