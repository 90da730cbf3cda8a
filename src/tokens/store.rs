use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::migrate::Migrator;

use super::token::{StoredToken, TokenLifetimes, columns};
use super::{ApiToken, Token, TokenLookup};
use crate::config::TokenSettings;
use crate::domain::{Client, Clock, EndReason, Timestamp, TokenId};
use crate::store::{Store, StoreError, StoreKind, WatchRegistry};

/// The migrations from an empty file to today's tables, embedded in the binary.
static MIGRATIONS: Migrator = sqlx::migrate!("src/tokens/migrations");

const KIND: StoreKind = StoreKind { name: "token store", if_recreated: "everybody makes their API tokens anew" };

/// How often the last use of a token is written at most, so that a script that asks every second does not wait for the
/// disk.
const TOUCH_INTERVAL: Duration = Duration::from_mins(1);

/// How long an ended token's row is kept, to give its script the end reason: also to whoever comes back from a holiday.
const ENDED_RETENTION: Duration = Duration::from_hours(30 * 24);

/// The store of all API tokens and of the sealed signing keys. Cheap to clone; the clones are one store.
#[derive(Clone)]
pub struct Tokens {
    inner: Arc<TokensInner>,
}

struct TokensInner {
    store: Store,
    lifetimes: TokenLifetimes,
    clock: Arc<dyn Clock>,
    watch_registry: WatchRegistry<TokenId>,
}

impl Tokens {
    /// Opens the store in the file `path`, created with mode 0600 when there is none. Its folder must exist.
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
        let store = Store::open(path, KIND, &MIGRATIONS).await?;
        let lifetimes = TokenLifetimes { longest: settings.longest, max_staleness, unrefreshed: settings.unrefreshed };
        Ok(Self { inner: Arc::new(TokensInner { store, lifetimes, clock, watch_registry: WatchRegistry::default() }) })
    }

    /// Looks up a token by its secret, and notes its use from the address of `client`; the result has the use before.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked: that says nothing about the token.
    pub async fn find(&self, token: &ApiToken, client: &Client) -> Result<TokenLookup, StoreError> {
        let row: Option<StoredToken> = sqlx::query_as(concat!("SELECT ", columns!(), " FROM tokens WHERE token_hash = ?"))
            .bind(token.hash().to_vec())
            .fetch_optional(self.pool())
            .await
            .map_err(|error| self.query_failed(&error))?;
        let found = self.evaluate(row)?;
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
        let row: Option<StoredToken> = sqlx::query_as(concat!("SELECT ", columns!(), " FROM tokens WHERE id = ?"))
            .bind(id.as_i64())
            .fetch_optional(self.pool())
            .await
            .map_err(|error| self.query_failed(&error))?;
        self.evaluate(row)
    }

    /// Ends every expired token, notifies its live connections, and deletes those that ended long ago. To be called
    /// every minute or so. Returns the tokens that it ended, for the audit.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written; expired tokens none the less grant nothing.
    pub async fn sweep(&self) -> Result<Vec<Token>, StoreError> {
        let now = self.now();
        let rows: Vec<StoredToken> = sqlx::query_as(concat!(
            "UPDATE tokens SET ended_at = ?1, end_reason = 'expired'
             WHERE ended_at IS NULL AND (expires_at <= ?1 OR created_at <= ?2) RETURNING ",
            columns!()
        ))
        .bind(now.as_millis())
        .bind(self.alive_cutoff())
        .fetch_all(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        let ended = self.notify_ended(rows);
        sqlx::query("DELETE FROM tokens WHERE ended_at <= ?")
            .bind((now - ENDED_RETENTION).as_millis())
            .execute(self.pool())
            .await
            .map_err(|error| self.query_failed(&error))?;
        Ok(ended)
    }

    /// Closes the file, when the program stops. Every later query fails.
    pub async fn close(&self) {
        self.inner.store.close().await;
    }

    /// The outcome of a lookup that read `row`.
    fn evaluate(&self, row: Option<StoredToken>) -> Result<TokenLookup, StoreError> {
        let Some(row) = row else { return Ok(TokenLookup::NotFound) };
        if let Some(word) = &row.end_reason {
            return Ok(TokenLookup::Ended(EndReason::from_stored(word)));
        }
        let (token, now) = (self.decode(row)?, self.now());
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
        // Several requests come at once: the earlier ones must not set the time back.
        let noted = sqlx::query(
            "UPDATE tokens SET last_used_at = ?1, last_address = ?2
             WHERE id = ?3 AND coalesce(last_used_at, 0) <= ?1 AND ended_at IS NULL",
        )
        .bind(now.as_millis())
        .bind(client.address().map(|address| address.to_string()))
        .bind(token.id.as_i64())
        .execute(self.pool())
        .await;
        if let Err(error) = noted {
            let error = self.query_failed(&error);
            tracing::warn!(token = %token.id, %error, "the use of an API token could not be noted");
        }
    }

    /// Notifies the live connections of tokens that have just ended, and decodes those tokens.
    pub(super) fn notify_ended(&self, rows: Vec<StoredToken>) -> Vec<Token> {
        for row in &rows {
            self.watch_registry().notify_ended(
                TokenId::new(row.id),
                row.end_reason.as_deref().map_or(EndReason::Expired, EndReason::from_stored),
            );
        }
        self.decode_all(rows).collect()
    }

    /// The tokens of these rows; a row that cannot be read is logged and left out.
    pub(super) fn decode_all(&self, rows: Vec<StoredToken>) -> impl Iterator<Item = Token> {
        rows.into_iter().filter_map(|row| {
            let token = row.id;
            self.decode(row).inspect_err(|error| tracing::warn!(token, %error, "a token is left out of a list")).ok()
        })
    }

    pub(super) fn decode(&self, row: StoredToken) -> Result<Token, StoreError> {
        row.into_token(self.inner.lifetimes).map_err(|reason| self.inner.store.damaged(&reason))
    }

    pub(super) fn watch_registry(&self) -> &WatchRegistry<TokenId> {
        &self.inner.watch_registry
    }

    pub(super) fn pool(&self) -> &SqlitePool {
        self.inner.store.pool()
    }

    pub(super) fn lifetimes(&self) -> TokenLifetimes {
        self.inner.lifetimes
    }

    /// The time after which a token must have been created in order to be valid now, in milliseconds.
    pub(super) fn alive_cutoff(&self) -> i64 {
        (self.now() - self.inner.lifetimes.longest).as_millis()
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.inner.clock
    }

    pub(super) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    pub(super) fn query_failed(&self, error: &sqlx::Error) -> StoreError {
        self.inner.store.query_failed(error)
    }

    pub(super) fn failed(&self, reason: &impl ToString) -> StoreError {
        self.inner.store.failed(reason)
    }
}
