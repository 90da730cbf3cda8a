use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::Migrator;
use tokio::sync::watch;

use super::actions::ActionOrigin;
use super::hashing::{HashMatch, PasswordHashing};
use super::postgres::PostgresAccounts;
use super::sqlite::SqliteAccounts;
use super::store::{AccountChange, AccountSelector, AccountStore, WriteStamp};
use super::{
    AccountError, AccountId, AccountName, AccountProfile, CommandLineAction, LocalAccount, MailAddress, PasswordRules,
};
use crate::config::AccountSettings;
use crate::domain::{Clock, Password, Timestamp};
use crate::store::{PostgresDatabase, PostgresStore, SqliteStore, StoreError, StoreKind};

/// The migrations from an empty file to today's tables, embedded in the binary.
static MIGRATIONS: Migrator = sqlx::migrate!("src/accounts/migrations");

const KIND: StoreKind = StoreKind {
    name: "store of local accounts",
    if_recreated: "local accounts and open invitations are gone until they are made again",
};

/// The most accounts, far more than anybody looks after by hand: their mail addresses are kept in memory.
pub(super) const MAX_ACCOUNTS: i64 = 10_000;

/// All local accounts. Cheap to clone; the clones are one.
#[derive(Clone)]
pub struct LocalAccounts {
    pub(super) inner: Arc<AccountsInner>,
}

pub(super) struct AccountsInner {
    pub(super) store: Box<dyn AccountStore>,
    pub(super) rules: PasswordRules,
    pub(super) invitation_lasts: Duration,
    /// The domains whose addresses sign in, in lower case.
    pub(super) mail_domains: Vec<String>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) hashing: PasswordHashing,
    /// The number of changes that have been noticed.
    pub(super) changes: watch::Sender<u64>,
}

/// The result of checking a password against an account's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordCheck {
    /// The password is the account's.
    Correct,
    /// The password is another, or there is no such account.
    Wrong,
}

impl LocalAccounts {
    /// The accounts in the SQLite file `path`, which is created (mode 0600) when there is none; its folder must exist.
    /// `common_words` are those that everybody here knows, and that no password may consist of.
    ///
    /// # Errors
    /// A [`StoreError`] that names the file and the remedy, when it cannot be opened or is damaged.
    pub async fn open(
        path: &Path,
        settings: &AccountSettings,
        common_words: impl IntoIterator<Item = String>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let store = SqliteAccounts::new(SqliteStore::open(path, KIND, &MIGRATIONS).await?);
        Ok(Self::new(Box::new(store), settings, common_words, clock))
    }

    /// The accounts in a PostgreSQL database, likewise.
    ///
    /// # Errors
    /// A [`StoreError`] that names the database and the remedy, when it cannot be used.
    pub async fn open_postgres(
        database: &PostgresDatabase,
        settings: &AccountSettings,
        common_words: impl IntoIterator<Item = String>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let migrations = sqlx::migrate!("src/accounts/migrations_postgres");
        let store = PostgresAccounts::new(PostgresStore::open(database, KIND, "accounts", migrations).await?);
        Ok(Self::new(Box::new(store), settings, common_words, clock))
    }

    fn new(
        store: Box<dyn AccountStore>,
        settings: &AccountSettings,
        common_words: impl IntoIterator<Item = String>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let inner = AccountsInner {
            store,
            rules: PasswordRules::new(settings.shortest_password, common_words),
            invitation_lasts: settings.invitation_lasts,
            mail_domains: settings.mail_domains.iter().map(|domain| domain.to_lowercase()).collect(),
            clock,
            hashing: PasswordHashing::new(),
            changes: watch::Sender::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Creates an account.
    ///
    /// # Errors
    /// [`AccountError`] when the name or address is another's, the password is against the rules, or the store fails.
    pub async fn add(
        &self,
        profile: AccountProfile,
        password: &Password,
        origin: ActionOrigin,
    ) -> Result<LocalAccount, AccountError> {
        self.rules().check(password, &profile)?;
        let hash = self.inner.hashing.hash(password).await?;
        let account = self.store().insert(&profile, &hash, MAX_ACCOUNTS, self.stamp(origin)).await?;
        self.notify_subscribers();
        Ok(account)
    }

    /// Lists all accounts, by name.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked, or a row makes no sense.
    pub async fn all(&self) -> Result<Vec<LocalAccount>, StoreError> {
        self.store().all().await
    }

    /// The account with this id.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked: that says nothing about the account.
    pub async fn get(&self, id: &AccountId) -> Result<Option<LocalAccount>, StoreError> {
        self.store().find(AccountSelector::Id(id)).await
    }

    /// The account of this name.
    ///
    /// # Errors
    /// [`StoreError`], likewise.
    pub async fn by_name(&self, name: &AccountName) -> Result<Option<LocalAccount>, StoreError> {
        self.store().find(AccountSelector::Name(name)).await
    }

    /// The account with exactly this mail address.
    ///
    /// # Errors
    /// [`StoreError`], likewise.
    pub async fn by_mail(&self, mail: &MailAddress) -> Result<Option<LocalAccount>, StoreError> {
        self.store().find(AccountSelector::Mail(mail)).await
    }

    /// Checks a password against an account's. As much is computed when there is none, so that the time tells nothing. A
    /// hash that was made with less than today's cost is made anew.
    ///
    /// # Errors
    /// [`StoreError`] when it could not be checked: that says nothing about the password.
    pub async fn check_password(
        &self,
        account: Option<&LocalAccount>,
        password: &Password,
    ) -> Result<PasswordCheck, StoreError> {
        let hash = match account {
            Some(account) => self.store().password_hash(&account.id).await?,
            None => None,
        };
        let compared = self.inner.hashing.verify(password, hash.clone()).await?;
        if let (HashMatch::MatchOutdated, Some(account), Some(outdated)) = (compared, account, hash) {
            let hash = self.inner.hashing.hash(password).await?;
            self.store().replace_hash(&account.id, &outdated, &hash).await?;
        }
        Ok(if compared == HashMatch::Mismatch { PasswordCheck::Wrong } else { PasswordCheck::Correct })
    }

    /// Computes the dummy hash of [`Self::check_password`] for names that nobody has, before anybody types one.
    ///
    /// # Errors
    /// [`StoreError`] when the system has no randomness or no memory to give.
    pub async fn prepare_dummy_hash(&self) -> Result<(), StoreError> {
        self.inner.hashing.dummy_hash().await.map(|_| ())
    }

    /// Sets an account's password. Its sessions from before end, and Digest is off until it is turned on again, as it was made
    /// from the old one.
    ///
    /// # Errors
    /// [`AccountError::Password`] when it is against the rules, [`AccountError::Gone`] when there is no such account.
    pub async fn set_password(
        &self,
        id: &AccountId,
        password: &Password,
        origin: ActionOrigin,
    ) -> Result<LocalAccount, AccountError> {
        let account = self.get(id).await?.ok_or(AccountError::Gone)?;
        self.rules().check(password, &account.profile)?;
        let hash = self.inner.hashing.hash(password).await?;
        self.change(id, AccountChange::Password(hash), origin).await
    }

    /// Changes an account. For a password, which has rules, see [`Self::set_password`].
    ///
    /// # Errors
    /// [`AccountError::Gone`] when there is no account that the change is for.
    pub async fn change(
        &self,
        id: &AccountId,
        change: AccountChange,
        origin: ActionOrigin,
    ) -> Result<LocalAccount, AccountError> {
        let account = self.store().change(id, &change, self.stamp(origin)).await?.ok_or(AccountError::Gone)?;
        self.notify_subscribers();
        Ok(account)
    }

    /// The credentials of an account for Digest, as they were given to [`AccountChange::Digest`].
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn digest(&self, id: &AccountId) -> Result<Option<Vec<u8>>, StoreError> {
        self.store().digest(id).await
    }

    /// The rules for passwords here.
    pub fn rules(&self) -> &PasswordRules {
        &self.inner.rules
    }

    /// Closes the file in good order, when the program stops. The store answers nothing after that.
    pub async fn close(&self) {
        self.inner.store.close().await;
    }

    /// Takes the command line's actions that are not in the audit yet, oldest first. The caller writes them into the audit,
    /// and calls this until there are none.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read or written; then nothing is taken.
    pub async fn take_actions(&self) -> Result<Vec<CommandLineAction>, StoreError> {
        self.store().take_actions().await
    }

    pub(super) fn store(&self) -> &dyn AccountStore {
        &*self.inner.store
    }

    pub(super) fn stamp(&self, origin: ActionOrigin) -> WriteStamp {
        WriteStamp { at: self.now(), origin }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }
}
