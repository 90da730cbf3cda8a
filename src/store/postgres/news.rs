use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout_at};

use super::{PostgresDatabase, PostgresStore};
use crate::domain::EndReason;
use crate::store::notifier::{LocalNotifier, NewsListener, Notifier, RowNews};
use crate::store::{RowId, StoreError, StoreKind};

const KIND: StoreKind = StoreKind { name: "table of changes", if_recreated: "every node looks everything up" };

/// The channel of wake-ups. They say that there is something to read, and not what.
const CHANNEL: &str = "belvedere_changes";

/// The statement that sends one.
const WAKE: &str = "NOTIFY belvedere_changes";

/// The least time between two wake-ups that a node sends, and between two readings: `NOTIFY` takes a lock that all commits of a
/// database wait for.
const PACE: Duration = Duration::from_millis(50);

/// The most time between two readings: a wake-up may be lost with its connection, and the command line sends none.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The wait before a lost listener connects again.
const RECONNECT_INTERVAL: Duration = Duration::from_secs(1);

/// How long a listener's connection is used. Only a new one shows that the one before led to nowhere.
const LISTENER_LIFETIME: Duration = Duration::from_mins(5);

/// How long changes are kept, in minutes. Who has read nothing for so long looks everything up.
const RETENTION_MINUTES: i32 = 10;

/// The most changes that are heard one by one. Where there are more at once, everything is looked up.
const MAX_CHANGES: usize = 10_000;

/// The news of rows in a database, from node to node. Cheap to clone; the clones are one.
///
/// Triggers note each change in a table, in the transaction that makes it. A node reads what its last reading's snapshot did not
/// show: whatever happens to connections, nothing is lost. `NOTIFY` only wakes who reads.
#[derive(Clone)]
pub struct PostgresNews {
    inner: Arc<NewsInner>,
}

struct NewsInner {
    database: PostgresDatabase,
    store: PostgresStore,
    listeners: RwLock<Vec<(&'static str, ChangeListener)>>,
    /// Notified when this node has changed something.
    written: Notify,
    /// Notified when there may be something to read.
    woken: Notify,
    /// Whether the listener's connection was lost since the last reading.
    was_cut: AtomicBool,
    lag: Mutex<Option<Duration>>,
}

type ChangeListener = Box<dyn Fn(&RowChange) + Send + Sync>;

/// A change as the database tells it.
enum RowChange {
    Ended(String, EndReason),
    Changed(String),
    Missed,
}

/// A position in the changes: all that this snapshot shows, in the database's words, taken at this time of its clock, has been read.
struct ChangeCursor {
    snapshot: String,
    millis: i64,
}

#[derive(sqlx::FromRow)]
struct ChangeRow {
    snapshot: String,
    millis: i64,
    source: Option<String>,
    row_id: Option<String>,
    end_reason: Option<String>,
    age: Option<i64>,
}

/// Brings the news of a table's rows to this process at once, and wakes other nodes to read it.
struct PostgresNotifier<Id> {
    local: Arc<LocalNotifier<Id>>,
    news: Arc<NewsInner>,
}

impl<Id: RowId> Notifier<Id> for PostgresNotifier<Id> {
    fn publish(&self, news: RowNews<Id>) {
        self.local.publish(news);
        self.news.written.notify_one();
    }

    fn subscribe(&self, listener: NewsListener<Id>) {
        self.local.subscribe(listener);
    }
}

impl PostgresNews {
    /// Opens the tables that all rooms of a database share, and makes them where there are none: before the rooms, whose triggers
    /// write into them.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be used, or was written by another version.
    pub async fn open(database: &PostgresDatabase) -> Result<Self, StoreError> {
        let store = PostgresStore::open(database, KIND, "store", sqlx::migrate!("src/store/migrations_postgres")).await?;
        let inner = NewsInner {
            database: database.clone(),
            store,
            listeners: RwLock::default(),
            written: Notify::new(),
            woken: Notify::new(),
            was_cut: AtomicBool::new(false),
            lag: Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The database.
    pub fn database(&self) -> &PostgresDatabase {
        &self.inner.database
    }

    /// The notifier for the rows of a table that has the trigger. It hears of other nodes' changes while somebody
    /// [follows](Self::follow) them.
    pub fn notifier<Id: RowId + FromStr>(&self, table: &'static str) -> Arc<dyn Notifier<Id>> {
        let local = Arc::new(LocalNotifier::default());
        let hearing = Arc::clone(&local);
        let listener: ChangeListener = Box::new(move |change| {
            let news = match change {
                RowChange::Ended(id, reason) => id.parse().ok().map(|id| RowNews::Ended(id, *reason)),
                RowChange::Changed(id) => id.parse().ok().map(RowNews::Changed),
                RowChange::Missed => Some(RowNews::Missed),
            };
            if let Some(news) = news {
                hearing.publish(news);
            }
        });
        self.inner.listeners.write().unwrap_or_else(PoisonError::into_inner).push((table, listener));
        Arc::new(PostgresNotifier { local, news: Arc::clone(&self.inner) })
    }

    /// Hears of the changes that any node makes, and wakes the others after those of this one, for as long as it is polled.
    ///
    /// After a failure, which may have been the change to another server, everything is looked up besides.
    pub async fn follow(&self) {
        tokio::join!(self.inner.read(), self.inner.listen(), self.inner.wake_others());
    }

    /// How late the last change was heard here; `None` where there was none.
    pub fn lag(&self) -> Option<Duration> {
        *self.inner.lag.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Deletes the changes that all nodes have read. To be called every minute or so, by one node.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        let delete = sqlx::query("DELETE FROM changes WHERE at < clock_timestamp() - make_interval(mins => $1)");
        self.inner.store.execute(delete.bind(RETENTION_MINUTES)).await.map(drop)
    }
}

impl NewsInner {
    async fn read(&self) {
        let mut cursor = None;
        let mut has_failed = false;
        loop {
            let was_cut = self.was_cut.swap(false, Ordering::Relaxed);
            match self.read_after(cursor.filter(|_| !was_cut)).await {
                Ok(read) => (cursor, has_failed) = (Some(read), false),
                Err(error) => {
                    cursor = None;
                    if !std::mem::replace(&mut has_failed, true) {
                        tracing::warn!(%error, "this node does not hear what other nodes change");
                    }
                }
            }
            // Real time: the database has no clock of ours.
            sleep(PACE).await;
            let rest = POLL_INTERVAL.saturating_sub(PACE);
            tokio::select! {
                () = self.woken.notified() => (),
                () = sleep(rest) => (),
            }
        }
    }

    /// Reads the changes that `cursor` does not show, and tells the listeners; without one it tells them to look everything up.
    async fn read_after(&self, cursor: Option<ChangeCursor>) -> Result<ChangeCursor, StoreError> {
        let read = sqlx::query_as(
            "SELECT pg_current_snapshot()::text AS snapshot, (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS millis,
                 source, row_id, end_reason, (extract(epoch FROM clock_timestamp() - at) * 1000)::bigint AS age
             FROM (SELECT) AS once LEFT JOIN LATERAL (
                 SELECT source, row_id, end_reason, at FROM changes
                 WHERE transaction >= pg_snapshot_xmin($1::text::pg_snapshot)
                     AND NOT pg_visible_in_snapshot(transaction, $1::text::pg_snapshot)
                 ORDER BY id LIMIT $2
             ) AS unread ON true",
        );
        let limit = i64::try_from(MAX_CHANGES).unwrap_or(i64::MAX).saturating_add(1);
        let read = read.bind(cursor.as_ref().map(|cursor| cursor.snapshot.clone())).bind(limit);
        let rows: Vec<ChangeRow> = self.store.fetch_all(read).await?;
        let first = rows.first().ok_or_else(|| self.store.failed(&"a query without a condition found nothing"))?;
        let read = ChangeCursor { snapshot: first.snapshot.clone(), millis: first.millis };
        let is_whole = cursor.is_some_and(|cursor| read.millis - cursor.millis < i64::from(RETENTION_MINUTES) * 60_000 / 2);
        if is_whole && rows.len() <= MAX_CHANGES {
            self.hear(rows);
        } else {
            self.tell(None, &RowChange::Missed);
        }
        Ok(read)
    }

    fn hear(&self, rows: Vec<ChangeRow>) {
        for ChangeRow { source, row_id, end_reason, age, .. } in rows {
            let (Some(source), Some(id)) = (source, row_id) else { continue };
            let change = match end_reason {
                Some(reason) => RowChange::Ended(id, EndReason::from_stored(&reason)),
                None => RowChange::Changed(id),
            };
            self.tell(Some(&source), &change);
            let lag = age.and_then(|age| u64::try_from(age).ok()).map(Duration::from_millis);
            *self.lag.lock().unwrap_or_else(PoisonError::into_inner) = lag;
        }
    }

    /// Tells the listeners to this table, or all.
    fn tell(&self, source: Option<&str>, change: &RowChange) {
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner);
        listeners
            .iter()
            .filter(|(table, _)| source.is_none_or(|source| source == *table))
            .for_each(|(_, listener)| listener(change));
    }

    /// Has changes read when a wake-up comes.
    async fn listen(&self) {
        loop {
            if self.listen_once().await.is_err() {
                self.was_cut.store(true, Ordering::Relaxed);
                self.woken.notify_one();
                sleep(RECONNECT_INTERVAL).await;
            }
        }
    }

    /// Listens with one connection until its time is over.
    async fn listen_once(&self) -> Result<(), StoreError> {
        let failed = |error: sqlx::Error| self.store.query_failed(&error);
        let deadline = Instant::now() + LISTENER_LIFETIME;
        let mut listener = self.database.listener(CHANNEL).await?;
        // Whatever came before is there to be read.
        self.woken.notify_one();
        while let Ok(heard) = timeout_at(deadline, listener.try_recv()).await {
            heard.map_err(failed)?.ok_or_else(|| self.store.failed(&"the listener's connection was lost"))?;
            self.woken.notify_one();
        }
        Ok(())
    }

    /// Sends a wake-up after what this node has changed.
    async fn wake_others(&self) {
        loop {
            self.written.notified().await;
            if let Err(error) = self.store.execute(sqlx::query(WAKE)).await {
                tracing::debug!(%error, "the other nodes could not be woken: they read what has changed within half a second");
            }
            sleep(PACE).await;
        }
    }
}
