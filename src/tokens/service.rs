use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::Migrator;

use super::store::TokenStore;
use super::token::TokenLifetimes;
use super::{ApiToken, SigningKeyStore, Token, TokenLookup, TokenRecord};
use crate::config::TokenSettings;
use crate::domain::{Client, Clock, EndReason, Person, TokenId};
use crate::store::{
    CredentialRecord as _, Credentials, EndSelection, LocalNotifier, Notifier, PostgresCredentials, PostgresNews,
    PostgresStore, SqliteCredentials, SqliteStore, StoreError, StoreKind, WatchedStore as _,
};

/// The migrations from an empty file to today's tables, embedded in the binary.
static MIGRATIONS: Migrator = sqlx::migrate!("src/tokens/migrations");

const KIND: StoreKind = StoreKind { name: "token store", if_recreated: "everybody makes their API tokens anew" };

/// How often the last use of a token is written at most, so that a script that asks every second does not wait for the
/// disk.
const TOUCH_INTERVAL: Duration = Duration::from_mins(1);

/// How long an ended token's row is kept, to give its script the end reason: also to whoever comes back from a holiday.
const ENDED_RETENTION: Duration = Duration::from_hours(30 * 24);

/// How often the store is polled for watched tokens that another process ended, as `belvedere token revoke` does: one
/// small query for all of them, and a live connection ends within a second.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// All API tokens, which are [`Credentials`] with a secret, and the sealed signing keys. Cheap to clone; the clones are one.
#[derive(Clone)]
pub struct Tokens {
    credentials: Credentials<TokenRecord>,
    store: Arc<dyn TokenStore>,
}

impl Deref for Tokens {
    type Target = Credentials<TokenRecord>;

    fn deref(&self) -> &Credentials<TokenRecord> {
        &self.credentials
    }
}

impl Tokens {
    /// The tokens in the SQLite file `path`, created with mode 0600 when there is none. Its folder must exist.
    /// `max_staleness` is how long a token is valid without the directory's confirmation of its person.
    ///
    /// # Errors
    /// A [`StoreError`] that names the file and the remedy, when it cannot be opened or is damaged.
    pub async fn open(
        path: &Path,
        settings: &TokenSettings,
        max_staleness: Duration,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let store = SqliteCredentials::new(SqliteStore::open(path, KIND, &MIGRATIONS).await?);
        Ok(Self::new(Arc::new(store), settings, max_staleness, clock, Arc::new(LocalNotifier::default())))
    }

    /// The tokens in a PostgreSQL database, likewise.
    ///
    /// # Errors
    /// A [`StoreError`] that names the database and the remedy, when it cannot be used.
    pub async fn open_postgres(
        news: &PostgresNews,
        settings: &TokenSettings,
        max_staleness: Duration,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let store =
            PostgresStore::open(news.database(), KIND, "tokens", sqlx::migrate!("src/tokens/migrations_postgres")).await?;
        let store = Arc::new(PostgresCredentials::new(store));
        Ok(Self::new(store, settings, max_staleness, clock, news.notifier("tokens")))
    }

    /// The tokens in a store, likewise. `notifier` brings the news of them to live connections.
    pub fn new(
        store: Arc<dyn TokenStore>,
        settings: &TokenSettings,
        max_staleness: Duration,
        clock: Arc<dyn Clock>,
        notifier: Arc<dyn Notifier<TokenId>>,
    ) -> Self {
        let lifetimes = TokenLifetimes { longest: settings.longest, max_staleness, unrefreshed: settings.unrefreshed };
        Self { credentials: Credentials::new(Arc::clone(&store) as _, lifetimes, clock, notifier), store }
    }

    /// Looks up a token by its secret, and notes its use from the address of `client`; the result has the use before.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked: that says nothing about the token.
    pub async fn find(&self, token: &ApiToken, client: &Client) -> Result<TokenLookup, StoreError> {
        let found = self.evaluate(self.store.by_token(&token.hash()).await?)?;
        if let TokenLookup::Valid(token) = &found {
            self.touch(token, client).await;
        }
        Ok(found)
    }

    /// Looks up a token by its id, without noting a use.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked: that says nothing about the token.
    pub async fn get(&self, id: TokenId) -> Result<TokenLookup, StoreError> {
        self.evaluate(self.store.by_ids(&[id]).await?.pop())
    }

    /// Everybody's tokens, those used last first: at most `limit`, from behind the first `skip` on.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn list(&self, skip: usize, limit: usize) -> Result<Vec<Token>, StoreError> {
        Ok(self.decode_all(self.store.list(skip, limit, self.lifetimes(), self.now()).await?))
    }

    /// Revokes a token, and notifies its live connections at once. `None` when it had ended before, or never was, or is
    /// not that person's.
    ///
    /// # Errors
    /// [`StoreError`] when the end cannot be written down; the token then goes on.
    pub async fn revoke(&self, id: TokenId, owner: Option<&Person>) -> Result<Option<Token>, StoreError> {
        let this = EndSelection { person: owner.map(|person| person.id.clone()), ..EndSelection::one(id) };
        Ok(self.end_selected(&this, EndReason::Revoked).await?.pop())
    }

    /// Ends every expired token, notifies its live connections, and deletes those that ended long ago. To be called
    /// every minute or so. Returns the tokens that it ended, for the audit.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written; expired tokens none the less grant nothing.
    pub async fn sweep(&self) -> Result<Vec<Token>, StoreError> {
        self.end_expired(self.now() - ENDED_RETENTION).await
    }

    /// Polls the store for tokens that another process ended, and notifies their live connections. It never returns.
    pub async fn poll_external_changes(&self) {
        loop {
            self.clock().sleep(POLL_INTERVAL).await;
            // Each is checked within the minute besides, and a check knows what to do when it fails.
            if let Err(error) = self.poll_ends().await {
                tracing::warn!(%error, "whether tokens have been revoked could not be looked up");
            }
        }
    }

    /// The store of the keys that sign JWTs.
    pub fn key_store(&self) -> &dyn SigningKeyStore {
        &*self.store
    }

    pub(super) fn store(&self) -> &dyn TokenStore {
        &*self.store
    }

    /// The outcome of a lookup that found this record.
    fn evaluate(&self, record: Option<TokenRecord>) -> Result<TokenLookup, StoreError> {
        let Some(record) = record else { return Ok(TokenLookup::NotFound) };
        if let Some(reason) = record.end_reason() {
            return Ok(TokenLookup::Ended(reason));
        }
        let (token, now) = (self.decode(record)?, self.now());
        Ok(if now >= token.expires_at {
            TokenLookup::Ended(EndReason::Expired)
        } else if now >= token.stale_from {
            TokenLookup::Stale(token)
        } else {
            TokenLookup::Valid(token)
        })
    }

    /// Writes down the use of a token. A failing disk does not refuse the script: the log says why.
    async fn touch(&self, token: &Token, client: &Client) {
        let now = self.now();
        let is_noted =
            token.last_address == client.address() && token.last_used_at.is_some_and(|used| now.since(used) < TOUCH_INTERVAL);
        if is_noted {
            return;
        }
        if let Err(error) = self.store.note_use(token.id, client.address(), now).await {
            tracing::warn!(token = %token.id, %error, "the use of an API token could not be noted");
        }
    }
}
