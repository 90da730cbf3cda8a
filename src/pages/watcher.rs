use std::sync::Arc;
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::Shelf;

/// An editor writes a file in several steps; they are read once, when it has been quiet for this long.
const QUIET_FOR: Duration = Duration::from_millis(150);

/// Reloads the shelf when something changes in its folder, for as long as this lives.
pub struct Watcher {
    _events: RecommendedWatcher,
    _task: AbortOnDropHandle<()>,
}

impl Watcher {
    /// Begins to watch.
    ///
    /// # Errors
    /// The system gives no notice of changes; then pages are read at start only.
    pub fn start(shelf: Arc<Shelf>) -> notify::Result<Self> {
        // One slot: what matters is that something changed, not how often.
        let (changed, changes) = mpsc::channel(1);
        let mut events = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if event.is_ok_and(|event| !matches!(event.kind, EventKind::Access(_))) {
                // A full slot says the same already.
                let _ = changed.try_send(());
            }
        })?;
        events.watch(shelf.folder(), RecursiveMode::NonRecursive)?;
        let task = tokio::spawn(reload_when_changed(shelf, changes));
        Ok(Self { _events: events, _task: AbortOnDropHandle::new(task) })
    }
}

async fn reload_when_changed(shelf: Arc<Shelf>, mut changes: mpsc::Receiver<()>) {
    while changes.recv().await.is_some() {
        while let Ok(Some(())) = tokio::time::timeout(QUIET_FOR, changes.recv()).await {}
        let shelf = Arc::clone(&shelf);
        if let Err(error) = tokio::task::spawn_blocking(move || shelf.reload()).await {
            tracing::error!(%error, "the pages could not be reloaded");
        }
    }
}
