use std::sync::Arc;

use crate::accounts::LocalAccounts;
use crate::audit::AuditTrail;
use crate::auth::{Keys, SqliteThrottleStore, ThrottleStore};
use crate::config::Settings;
use crate::domain::Clock;
use crate::epochs::PersonEpochs;
use crate::factors::Factors;
use crate::sessions::Sessions;
use crate::store::StoreError;
use crate::tokens::Tokens;

/// The files in the state folder, one for each kind of thing that must last.
const SESSIONS_FILE: &str = "sessions.db";
const EPOCHS_FILE: &str = "epochs.db";
const FACTORS_FILE: &str = "factors.db";
const ACCOUNTS_FILE: &str = "accounts.db";
const TOKENS_FILE: &str = "tokens.db";
const FAILED_ATTEMPTS_FILE: &str = "failed_attempts.db";
const AUDIT_FILE: &str = "audit.db";

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
}

impl Stores {
    /// Opens every store. The state folder must exist.
    pub(super) async fn open(settings: &Settings, keys: &Keys, clock: &Arc<dyn Clock>) -> Result<Self, StoreError> {
        let file = |name| settings.state.join(name);
        Ok(Self {
            sessions: Sessions::open(&file(SESSIONS_FILE), &settings.sessions, Arc::clone(clock)).await?,
            epochs: open_epochs(settings, clock).await?,
            factors: Factors::open(&file(FACTORS_FILE), keys.factors_key(), Arc::clone(clock)).await?,
            accounts: open_accounts(settings, Arc::clone(clock)).await?,
            tokens: open_tokens(settings, clock).await?,
            failed_attempts: open_failed_attempts(settings, clock).await?,
            audit: open_audit(settings).await?,
        })
    }

    /// Closes them in order: all writes are on disk afterwards.
    pub(super) async fn close(&self) {
        self.audit.close().await;
        self.sessions.close().await;
        self.factors.close().await;
        self.accounts.close().await;
        self.tokens.close().await;
        self.epochs.close().await;
        self.failed_attempts.close().await;
    }
}

/// Opens the store of local accounts, for the server and for the command line beside it. The state folder must exist.
///
/// # Errors
/// [`StoreError`] when it cannot be opened.
pub(crate) async fn open_accounts(settings: &Settings, clock: Arc<dyn Clock>) -> Result<LocalAccounts, StoreError> {
    // Words that everybody here knows are no passwords.
    let common_words = ["belvedere".to_owned(), settings.site.name.clone()];
    LocalAccounts::open(&settings.state.join(ACCOUNTS_FILE), &settings.accounts, common_words, clock).await
}

/// Opens the store of people's epochs, for the server and for the command line beside it. The state folder must exist.
///
/// # Errors
/// [`StoreError`] when it cannot be opened.
pub(crate) async fn open_epochs(settings: &Settings, clock: &Arc<dyn Clock>) -> Result<PersonEpochs, StoreError> {
    PersonEpochs::open(&settings.state.join(EPOCHS_FILE), Arc::clone(clock)).await
}

/// Opens the store of the audit log.
pub(crate) async fn open_audit(settings: &Settings) -> Result<AuditTrail, StoreError> {
    AuditTrail::open(&settings.state.join(AUDIT_FILE), &settings.audit).await
}

/// Opens the store of failed sign-ins.
pub(crate) async fn open_failed_attempts(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<dyn ThrottleStore>, StoreError> {
    let file = settings.state.join(FAILED_ATTEMPTS_FILE);
    Ok(Arc::new(SqliteThrottleStore::open(&file, Arc::clone(clock)).await?))
}

/// Opens the store of API tokens.
pub(crate) async fn open_tokens(settings: &Settings, clock: &Arc<dyn Clock>) -> Result<Tokens, StoreError> {
    let file = settings.state.join(TOKENS_FILE);
    Tokens::open(&file, &settings.tokens, settings.sessions.max_staleness, Arc::clone(clock)).await
}
