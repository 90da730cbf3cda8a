use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::migrate::Migrator;
use tokio::sync::Notify;

use super::body;
use super::endpoint::{PushEndpoint, PushEndpoints};
use super::postgres::PostgresPushes;
use super::push_error::PushError;
use super::sqlite::SqlitePushes;
use super::store::{PushStore, PushedDocument, ReplacedRow};
use crate::domain::{Clock, SourceName};
use crate::store::{Notifier, PostgresNews, PostgresStore, RowNews, SqliteStore, StoreError, StoreKind};

/// The migrations from an empty file to today's tables, embedded in the binary.
static MIGRATIONS: Migrator = sqlx::migrate!("src/sources/push/migrations");

const KIND: StoreKind = StoreKind { name: "store of pushed values", if_recreated: "their panels wait for the next push" };

/// The table, as the news of its rows name it.
const TABLE: &str = "pushed_documents";

/// How long until the store is read again after it could not be.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Takes what is pushed to sources: writes it down, and makes it known to whoever shows it, on every node. Cheap to clone; the
/// clones are one.
#[derive(Clone)]
pub struct PushInbox {
    inner: Arc<InboxInner>,
}

struct InboxInner {
    store: Box<dyn PushStore>,
    endpoints: PushEndpoints,
    clock: Arc<dyn Clock>,
    /// The news between nodes, where there are several.
    notifier: Option<Arc<dyn Notifier<i64>>>,
    /// The sources of the rows that news were of, so that what is known already is not read again.
    sources: Mutex<HashMap<i64, SourceName>>,
    unread: Mutex<UnreadPushes>,
    has_unread: Notify,
}

/// What other nodes have written, and this one has not read yet.
#[derive(Default)]
struct UnreadPushes {
    rows: Vec<i64>,
    /// Whether there may be anything.
    all: bool,
}

impl PushInbox {
    /// The inbox of these endpoints in the SQLite file `path`, created with mode 0600 when there is none. Its folder must exist. What
    /// was pushed last before is known.
    ///
    /// # Errors
    /// A [`StoreError`] that names the file and the remedy, when it cannot be opened or is damaged.
    pub async fn open(path: &Path, endpoints: PushEndpoints, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let store = SqliteStore::open(path, KIND, &MIGRATIONS).await?;
        let inbox = Self::new(Box::new(SqlitePushes(store)), endpoints, None, clock);
        inbox.read_all().await?;
        Ok(inbox)
    }

    /// The inbox of these endpoints in a PostgreSQL database, by which nodes hear of what is pushed to the others. What was pushed last
    /// before is known.
    ///
    /// # Errors
    /// A [`StoreError`] that names the database and the remedy, when it cannot be used.
    pub async fn open_postgres(
        news: &PostgresNews,
        endpoints: PushEndpoints,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let migrations = sqlx::migrate!("src/sources/push/migrations_postgres");
        let store = PostgresStore::open(news.database(), KIND, "push", migrations).await?;
        let inbox = Self::new(Box::new(PostgresPushes(store)), endpoints, Some(news.notifier(TABLE)), clock);
        let inner = Arc::downgrade(&inbox.inner);
        inbox.inner.notifier.iter().for_each(|notifier| {
            let inner = inner.clone();
            notifier.subscribe(Box::new(move |news| {
                if let Some(inner) = inner.upgrade() {
                    inner.hear(news);
                }
            }));
        });
        inbox.read_all().await?;
        Ok(inbox)
    }

    fn new(
        store: Box<dyn PushStore>,
        endpoints: PushEndpoints,
        notifier: Option<Arc<dyn Notifier<i64>>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (sources, unread, has_unread) = (Mutex::default(), Mutex::default(), Notify::new());
        Self { inner: Arc::new(InboxInner { store, endpoints, clock, notifier, sources, unread, has_unread }) }
    }

    /// The endpoint of a source, if it has one.
    pub fn endpoint(&self, source: &SourceName) -> Option<&PushEndpoint> {
        self.inner.endpoints.get(source).map(AsRef::as_ref)
    }

    /// Takes a push to `source`, whose endpoint is this. It is written down when this returns, and on its way to screens.
    ///
    /// # Errors
    /// [`PushError`]; what was pushed before stays.
    pub async fn push(
        &self,
        source: &SourceName,
        endpoint: &PushEndpoint,
        content_type: Option<&str>,
        body: &[u8],
    ) -> Result<(), PushError> {
        let at = self.inner.clock.now();
        let document = body::parse(content_type, body, at, endpoint.max_bytes())?;
        let seen = endpoint.version();
        let ReplacedRow { id, version } = self.inner.store.replace(source, &document, at).await?;
        endpoint.publish(PushedDocument { version, at, document }, seen, at);
        if let Some(notifier) = &self.inner.notifier {
            self.inner.note_source(id, source);
            notifier.publish(RowNews::Changed(id));
        }
        Ok(())
    }

    /// Makes known what is pushed on other nodes, for as long as it is polled.
    pub async fn follow(&self) {
        loop {
            self.inner.has_unread.notified().await;
            let mut is_logged = false;
            while let Err(error) = self.read_unread().await {
                if !std::mem::replace(&mut is_logged, true) {
                    tracing::warn!(%error, "what was pushed on other nodes cannot be read, and is tried again until it can");
                }
                self.inner.hear(RowNews::Missed);
                self.inner.clock.sleep(RETRY_INTERVAL).await;
            }
        }
    }

    /// Closes its store, when the program stops.
    pub async fn close(&self) {
        self.inner.store.close().await;
    }

    async fn read_unread(&self) -> Result<(), StoreError> {
        let unread = std::mem::take(&mut *self.inner.unread.lock().unwrap_or_else(PoisonError::into_inner));
        if unread.all {
            return self.read_all().await;
        }
        for id in unread.rows {
            let known = self.inner.known_version(id).unwrap_or_default();
            if let Some((source, pushed)) = self.inner.store.by_row(id, known).await? {
                self.inner.note_source(id, &source);
                self.publish(&source, pushed, None);
            }
        }
        Ok(())
    }

    async fn read_all(&self) -> Result<(), StoreError> {
        let endpoints = self.inner.endpoints.iter();
        let seen: HashMap<_, _> = endpoints.map(|(source, endpoint)| (source.clone(), endpoint.version())).collect();
        for (source, pushed) in self.inner.store.all().await? {
            let seen = seen.get(&source).copied().flatten();
            self.publish(&source, pushed, seen);
        }
        Ok(())
    }

    fn publish(&self, source: &SourceName, pushed: PushedDocument, seen: Option<i64>) {
        if let Some(endpoint) = self.endpoint(source) {
            endpoint.publish(pushed, seen, self.inner.clock.now());
        }
    }
}

impl InboxInner {
    fn note_source(&self, id: i64, source: &SourceName) {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).insert(id, source.clone());
    }

    /// The version of what this node knows of a row.
    fn known_version(&self, id: i64) -> Option<i64> {
        let sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        self.endpoints.get(sources.get(&id)?)?.version()
    }

    fn hear(&self, news: RowNews<i64>) {
        let mut unread = self.unread.lock().unwrap_or_else(PoisonError::into_inner);
        match news {
            RowNews::Changed(id) if !unread.rows.contains(&id) => unread.rows.push(id),
            RowNews::Changed(_) => (),
            RowNews::Missed | RowNews::Ended(..) => unread.all = true,
        }
        drop(unread);
        self.has_unread.notify_one();
    }
}
