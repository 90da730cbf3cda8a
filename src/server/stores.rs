use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::accounts::LocalAccounts;
use crate::audit::AuditTrail;
use crate::auth::{AuthStores, Keys, PostgresThrottleStore, SqliteThrottleStore, ThrottleStore};
use crate::config::{Settings, StoreSettings};
use crate::domain::Clock;
use crate::epochs::PersonEpochs;
use crate::factors::Factors;
use crate::history::HistoryArchive;
use crate::sessions::Sessions;
use crate::sources::{PushEndpoints, PushInbox};
use crate::store::{PostgresDatabase, PostgresNews, StoreError};
use crate::tokens::Tokens;

/// The files in the state folder, one for each kind of thing that must last, where no database has them.
pub(super) const SESSIONS_FILE: &str = "sessions.db";
pub(super) const EPOCHS_FILE: &str = "epochs.db";
pub(super) const FACTORS_FILE: &str = "factors.db";
pub(super) const ACCOUNTS_FILE: &str = "accounts.db";
pub(super) const TOKENS_FILE: &str = "tokens.db";
pub(super) const FAILED_ATTEMPTS_FILE: &str = "failed_attempts.db";
pub(super) const AUDIT_FILE: &str = "audit.db";
pub(super) const PUSHED_FILE: &str = "pushed.db";
pub(super) const HISTORY_FILE: &str = "history.db";

/// All persistent stores.
#[derive(Clone)]
pub(super) struct Stores {
    pub(super) sessions: Sessions,
    pub(super) epochs: PersonEpochs,
    pub(super) factors: Factors,
    pub(super) accounts: LocalAccounts,
    pub(super) tokens: Tokens,
    pub(super) failed_attempts: Arc<dyn ThrottleStore>,
    pub(super) audit: AuditTrail,
    pub(super) push_inbox: PushInbox,
    pub(super) history: HistoryArchive,
    /// The database that they are in, where the settings name one.
    pub(super) database: Option<PostgresDatabase>,
    /// The news that nodes tell each other through it.
    pub(super) news: Option<PostgresNews>,
}

impl Stores {
    /// Opens every store; what is pushed goes to these endpoints. The state folder must exist.
    pub(super) async fn open(
        settings: &Settings,
        keys: &Keys,
        push_endpoints: PushEndpoints,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        log_exposed_store(&settings.store);
        let opener = StoreOpener::new(settings, clock);
        Ok(Self {
            sessions: opener.sessions().await?,
            epochs: opener.epochs().await?,
            factors: opener.factors(keys).await?,
            accounts: opener.accounts().await?,
            tokens: opener.tokens().await?,
            failed_attempts: opener.failed_attempts().await?,
            audit: opener.audit().await?,
            push_inbox: opener.push_inbox(push_endpoints).await?,
            history: opener.history().await,
            news: opener.news().await?.cloned(),
            database: opener.database,
        })
    }

    /// Those that people are authenticated with.
    pub(super) fn of_auth(&self) -> AuthStores {
        AuthStores {
            sessions: self.sessions.clone(),
            epochs: self.epochs.clone(),
            failed_attempts: Arc::clone(&self.failed_attempts),
        }
    }

    /// Closes them in order: all writes are on disk afterwards.
    pub(super) async fn close(&self) {
        self.push_inbox.close().await;
        self.audit.close().await;
        self.history.close().await;
        self.sessions.close().await;
        self.factors.close().await;
        self.accounts.close().await;
        self.tokens.close().await;
        self.epochs.close().await;
        self.failed_attempts.close().await;
        self.database.iter().for_each(PostgresDatabase::close);
    }
}

/// The opener of stores, for the server and for the command line beside it: in the database of the settings, or else in files in
/// the state folder, which must exist.
pub(crate) struct StoreOpener<'a> {
    settings: &'a Settings,
    clock: &'a Arc<dyn Clock>,
    database: Option<PostgresDatabase>,
    news: OnceCell<PostgresNews>,
}

impl<'a> StoreOpener<'a> {
    /// Connects to nothing yet.
    pub(crate) fn new(settings: &'a Settings, clock: &'a Arc<dyn Clock>) -> Self {
        Self { settings, clock, database: PostgresDatabase::from_settings(&settings.store), news: OnceCell::new() }
    }

    /// The store of sessions.
    async fn sessions(&self) -> Result<Sessions, StoreError> {
        let (settings, clock) = (&self.settings.sessions, Arc::clone(self.clock));
        match self.news().await? {
            Some(news) => Sessions::open_postgres(news, settings, clock).await,
            None => Sessions::open(&self.file(SESSIONS_FILE), settings, clock).await,
        }
    }

    /// The store of second factors.
    async fn factors(&self, keys: &Keys) -> Result<Factors, StoreError> {
        let (key, clock) = (keys.factors_key(), Arc::clone(self.clock));
        match &self.database {
            Some(database) => Factors::open_postgres(database, key, clock).await,
            None => Factors::open(&self.file(FACTORS_FILE), key, clock).await,
        }
    }

    /// The store of local accounts.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be opened.
    pub(crate) async fn accounts(&self) -> Result<LocalAccounts, StoreError> {
        let settings = &self.settings;
        // Words that everybody here knows are no passwords.
        let common_words = ["belvedere".to_owned(), settings.site.name.clone()];
        let clock = Arc::clone(self.clock);
        match &self.database {
            Some(database) => LocalAccounts::open_postgres(database, &settings.accounts, common_words, clock).await,
            None => LocalAccounts::open(&self.file(ACCOUNTS_FILE), &settings.accounts, common_words, clock).await,
        }
    }

    /// The store of people's epochs.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be opened.
    pub(crate) async fn epochs(&self) -> Result<PersonEpochs, StoreError> {
        match &self.database {
            Some(database) => PersonEpochs::open_postgres(database, Arc::clone(self.clock)).await,
            None => PersonEpochs::open(&self.file(EPOCHS_FILE), Arc::clone(self.clock)).await,
        }
    }

    /// The store of the audit log.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be opened.
    pub(crate) async fn audit(&self) -> Result<AuditTrail, StoreError> {
        match &self.database {
            Some(database) => AuditTrail::open_postgres(database, &self.settings.audit).await,
            None => AuditTrail::open(&self.file(AUDIT_FILE), &self.settings.audit).await,
        }
    }

    /// The archive of charts' past.
    async fn history(&self) -> HistoryArchive {
        let (settings, clock) = (&self.settings.history, Arc::clone(self.clock));
        match &self.database {
            Some(database) => HistoryArchive::open_postgres(database, settings, clock).await,
            None => HistoryArchive::open(&self.file(HISTORY_FILE), settings, clock).await,
        }
    }

    /// The store of failed sign-ins.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be opened.
    pub(crate) async fn failed_attempts(&self) -> Result<Arc<dyn ThrottleStore>, StoreError> {
        Ok(match &self.database {
            Some(database) => Arc::new(PostgresThrottleStore::open(database).await?),
            None => Arc::new(SqliteThrottleStore::open(&self.file(FAILED_ATTEMPTS_FILE), Arc::clone(self.clock)).await?),
        })
    }

    /// The store of API tokens.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be opened.
    pub(crate) async fn tokens(&self) -> Result<Tokens, StoreError> {
        let (settings, max_staleness) = (&self.settings.tokens, self.settings.sessions.max_staleness);
        let clock = Arc::clone(self.clock);
        match self.news().await? {
            Some(news) => Tokens::open_postgres(news, settings, max_staleness, clock).await,
            None => Tokens::open(&self.file(TOKENS_FILE), settings, max_staleness, clock).await,
        }
    }

    /// The store of what is pushed to sources.
    async fn push_inbox(&self, endpoints: PushEndpoints) -> Result<PushInbox, StoreError> {
        let clock = Arc::clone(self.clock);
        match self.news().await? {
            Some(news) => PushInbox::open_postgres(news, endpoints, clock).await,
            None => PushInbox::open(&self.file(PUSHED_FILE), endpoints, clock).await,
        }
    }

    /// The news that nodes tell each other through the database, where there is one.
    async fn news(&self) -> Result<Option<&PostgresNews>, StoreError> {
        match &self.database {
            Some(database) => self.news.get_or_try_init(|| PostgresNews::open(database)).await.map(Some),
            None => Ok(None),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.settings.state.join(name)
    }
}

/// Logs that rows and passwords cross a network unencrypted, where they do.
fn log_exposed_store(settings: &StoreSettings) {
    for url in settings.url.iter().chain(&settings.direct_url).filter(|url| url.is_exposed()) {
        tracing::warn!(
            store = %url,
            "the store's password and rows cross the network unencrypted: take `sslmode=disable` out of its URL"
        );
    }
}
