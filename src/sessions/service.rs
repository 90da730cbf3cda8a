use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::Migrator;

use super::cache::SessionCache;
use super::insert_batcher::InsertBatcher;
use super::session::SessionLifetimes;
use super::store::SessionStore;
use super::unwritten_ends::{UnwrittenEnd, UnwrittenEnds};
use super::{EndReason, Session, SessionLookup, SessionRecord, SessionToken};
use crate::config::SessionSettings;
use crate::domain::{Clock, Revalidation, SessionId, Timestamp};
use crate::store::{
    CredentialRecord as _, Credentials, EndSelection, LocalNotifier, Notifier, PostgresCredentials, PostgresNews,
    PostgresStore, SqliteCredentials, SqliteStore, StoreError, StoreKind,
};

/// The migrations from an empty file to today's tables, embedded in the binary.
static MIGRATIONS: Migrator = sqlx::migrate!("src/sessions/migrations");

const KIND: StoreKind = StoreKind { name: "session store", if_recreated: "everybody signs in again" };

/// How often the last use of a session is written at most, so that reading a page does not wait for the disk.
const TOUCH_INTERVAL: Duration = Duration::from_mins(1);

/// The least number of times that last use is written within the idle time: for a short one, "about a minute" is too coarse.
const TOUCHES_WITHIN_IDLE: u32 = 4;

/// How long an ended session's row is kept, to give late connections its end reason. A page that was asleep for longer
/// is told that the session has expired, which is what it looks like to its reader.
const ENDED_RETENTION: Duration = Duration::from_hours(1);

/// The most sessions of one person; beyond it the oldest end, at the next sweep. Far more browsers than anybody has,
/// and few enough that a script that signs in again and again does not fill the disk.
const MAX_SESSIONS_PER_PERSON: i64 = 100;

/// All sessions, which are [`Credentials`] with a cookie. Cheap to clone; the clones are one.
#[derive(Clone)]
pub struct Sessions {
    credentials: Credentials<SessionRecord>,
    inner: Arc<SessionsInner>,
}

struct SessionsInner {
    store: Arc<dyn SessionStore>,
    cache: Arc<SessionCache>,
    insert_batcher: Arc<InsertBatcher>,
    unwritten_ends: UnwrittenEnds,
}

impl Deref for Sessions {
    type Target = Credentials<SessionRecord>;

    fn deref(&self) -> &Credentials<SessionRecord> {
        &self.credentials
    }
}

impl Sessions {
    /// The sessions in the SQLite file `path`, created with mode 0600 when there is none. Its folder must exist.
    ///
    /// # Errors
    /// A [`StoreError`] that names the file and the remedy, when it cannot be opened or is damaged.
    pub async fn open(path: &Path, settings: &SessionSettings, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let store = SqliteCredentials::new(SqliteStore::open(path, KIND, &MIGRATIONS).await?);
        Ok(Self::new(Arc::new(store), settings, clock, Arc::new(LocalNotifier::default())))
    }

    /// The sessions in a PostgreSQL database.
    ///
    /// # Errors
    /// A [`StoreError`] that names the database and the remedy, when it cannot be used.
    pub async fn open_postgres(
        news: &PostgresNews,
        settings: &SessionSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let store =
            PostgresStore::open(news.database(), KIND, "sessions", sqlx::migrate!("src/sessions/migrations_postgres")).await?;
        let store = Arc::new(PostgresCredentials::new(store));
        Ok(Self::new(store, settings, clock, news.notifier("sessions")))
    }

    /// The sessions in a store. `notifier` brings the news of them to live connections and caches.
    pub fn new(
        store: Arc<dyn SessionStore>,
        settings: &SessionSettings,
        clock: Arc<dyn Clock>,
        notifier: Arc<dyn Notifier<SessionId>>,
    ) -> Self {
        let cache = Arc::new(SessionCache::new());
        let listening = Arc::clone(&cache);
        notifier.subscribe(Box::new(move |news| listening.hear(news)));
        let lifetimes = SessionLifetimes::new(settings);
        Self {
            credentials: Credentials::new(Arc::clone(&store) as _, lifetimes, clock, notifier),
            inner: Arc::new(SessionsInner {
                insert_batcher: Arc::new(InsertBatcher::new(Arc::clone(&store))),
                store,
                cache,
                unwritten_ends: UnwrittenEnds::default(),
            }),
        }
    }

    /// Looks up the session of a token, and notes its use. [`SessionLookup::NotFound`] when there never was one, or it
    /// has ended, was idle too long, or is past its absolute end; [`SessionLookup::Stale`] when the directory could not
    /// confirm it for too long.
    ///
    /// While a shared store is out of reach, a session that this server has read is valid for as long as it may be without the
    /// directory's confirmation.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked: that says nothing about the session.
    pub async fn find(&self, token: &SessionToken) -> Result<SessionLookup, StoreError> {
        let hash = token.hash();
        if self.inner.unwritten_ends.contains(&hash) {
            return Ok(SessionLookup::NotFound);
        }
        let now = self.now();
        let cache = &self.inner.cache;
        if let Some(session) = cache.get(&hash, now)
            && now < session.expires_at()
            && !session.is_stale(now)
            && !self.needs_touch(&session, now)
        {
            return Ok(SessionLookup::Valid(session));
        }
        let generation = cache.generation();
        let record = match self.store().by_token(&hash).await {
            Ok(record) => record,
            Err(outage) if outage.is_outage() => return self.last_known(&hash, now).map(SessionLookup::Valid).ok_or(outage),
            Err(error) => return Err(error),
        };
        let Some(session) = self.current(record)? else { return Ok(SessionLookup::NotFound) };
        let now = self.now();
        // A session that grants nothing is not used either.
        if session.is_stale(now) {
            return Ok(SessionLookup::Stale(session));
        }
        let session = self.touch(session).await;
        cache.insert(hash, session.clone(), now, generation);
        Ok(SessionLookup::Valid(session))
    }

    /// The session of a token's hash as it was last read, while the store cannot be asked: for as long as it would be valid without
    /// the directory's word, and no longer.
    fn last_known(&self, token_hash: &[u8; 32], now: Timestamp) -> Option<Session> {
        let (session, read_at) = self.inner.cache.last_known(token_hash)?;
        let unasked_until = self.lifetimes().stale_from(Revalidation::Refreshed, read_at)?;
        let is_valid = now < session.expires_at() && !session.is_stale(now) && now < unasked_until;
        is_valid.then_some(session)
    }

    /// One session by its id, unless it has ended.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn get(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        if self.inner.unwritten_ends.contains_session(id) {
            return Ok(None);
        }
        let record = self.store().by_ids(&[id]).await?.pop();
        self.current(record)
    }

    /// Signs the holder of a token out, whatever the disk says: an end that cannot be written down holds in memory, and is written
    /// when that works again. Returns the session that has ended by it, if there was one and it could be read.
    pub async fn sign_out(&self, token: &SessionToken) -> Option<Session> {
        let found = self.find(token).await.map(SessionLookup::valid_or_stale);
        let error = match &found {
            Ok(None) => return None,
            Ok(Some(session)) => match self.end(session.id, EndReason::SignedOut).await {
                Ok(was_there) => return found.ok().flatten().filter(|_| was_there),
                Err(error) => error,
            },
            Err(error) => error.clone(),
        };
        tracing::error!(%error, "somebody has signed out, which cannot be written down: it holds until the program stops, or is written by then");
        let session = found.ok().flatten();
        let id = session.as_ref().map(|session| session.id);
        self.inner.unwritten_ends.insert(token.hash(), UnwrittenEnd { session: id, reason: EndReason::SignedOut });
        if let Some(id) = id {
            self.announce_end(id, EndReason::SignedOut);
        }
        session
    }

    /// Whether an end could not be written down yet.
    pub fn has_unwritten_ends(&self) -> bool {
        !self.inner.unwritten_ends.is_empty()
    }

    /// Writes down the ends that could not be written when they came.
    ///
    /// # Errors
    /// [`StoreError`] when they still cannot.
    pub async fn write_ends(&self) -> Result<(), StoreError> {
        for (hash, UnwrittenEnd { session, reason }) in self.inner.unwritten_ends.all() {
            let id = match session {
                Some(id) => Some(id),
                None => self.current(self.store().by_token(&hash).await?)?.map(|session| session.id),
            };
            if let Some(id) = id {
                self.end(id, reason).await?;
            }
            self.inner.unwritten_ends.remove(&hash);
        }
        Ok(())
    }

    /// Ends a session and notifies its live connections at once. `false` when it had ended before, or never was.
    ///
    /// # Errors
    /// [`StoreError`] when the end cannot be written down; the session then goes on.
    pub async fn end(&self, id: SessionId, reason: EndReason) -> Result<bool, StoreError> {
        let ended = self.store().end(&EndSelection::one(id), reason, self.now()).await?;
        let was_there = !ended.is_empty();
        self.publish_ends(ended, reason);
        Ok(was_there)
    }

    /// Ends every expired session, notifies its live connections, and deletes those that ended a while ago. To be
    /// called every minute or so. Returns the sessions that it ended, for the audit; one whose row cannot be read has
    /// ended like the others, and is logged instead.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written; expired sessions are none the less no longer found.
    pub async fn sweep(&self) -> Result<Vec<Session>, StoreError> {
        self.write_ends().await?;
        let ended = self.end_expired(self.now() - ENDED_RETENTION).await?;
        let surplus = self.store().revoke_surplus(MAX_SESSIONS_PER_PERSON, self.now()).await?;
        self.publish_ends(surplus, EndReason::Revoked);
        Ok(ended)
    }

    pub(super) fn store(&self) -> &dyn SessionStore {
        &*self.inner.store
    }

    pub(super) fn insert_batcher(&self) -> &Arc<InsertBatcher> {
        &self.inner.insert_batcher
    }

    /// The session of a record, unless it has ended or expired.
    fn current(&self, record: Option<SessionRecord>) -> Result<Option<Session>, StoreError> {
        let record = record.filter(|record| record.end_reason().is_none());
        let session = record.map(|record| self.decode(record)).transpose()?;
        Ok(session.filter(|session| self.now() < session.expires_at()))
    }

    /// Writes down the use of a session. A failing disk does not refuse the page: the session then ends a little early,
    /// and the log says why.
    async fn touch(&self, session: Session) -> Session {
        let now = self.now();
        if !self.needs_touch(&session, now) {
            return session;
        }
        let idle = self.lifetimes().idle_for(session.stay_signed_in);
        match self.store().note_use(session.id, now).await {
            Ok(()) => Session { last_seen_at: now, idle_end: now + idle, ..session },
            Err(error) => {
                tracing::warn!(session = %session.id, %error, "the use of a session could not be noted");
                session
            }
        }
    }

    /// Whether its last written use is so long ago that this one is to be written.
    fn needs_touch(&self, session: &Session, now: Timestamp) -> bool {
        let idle = self.lifetimes().idle_for(session.stay_signed_in);
        now.since(session.last_seen_at) >= TOUCH_INTERVAL.min(idle / TOUCHES_WITHIN_IDLE)
    }
}
