use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::migrate::Migrator;
use tokio::sync::watch;

use super::actions::{AccountAction, ActionOrigin};
use super::changes::AccountIndex;
use super::hashing::{HashMatch, PasswordHashing};
use super::row::{StoredAccount, columns};
use super::transaction::{WriteTransaction, groups_json};
use super::{AccountError, AccountGroup, AccountId, AccountName, AccountProfile, LocalAccount, MailAddress, PasswordRules};
use crate::config::AccountSettings;
use crate::domain::{Clock, Password, Timestamp};
use crate::store::{Store, StoreError, StoreKind};

/// The migrations from an empty file to today's tables, embedded in the binary.
static MIGRATIONS: Migrator = sqlx::migrate!("src/accounts/migrations");

const KIND: StoreKind = StoreKind {
    name: "store of local accounts",
    if_recreated: "local accounts and open invitations are gone until they are made again",
};

/// The most accounts, far more than anybody looks after by hand: their mail addresses are kept in memory.
const MAX_ACCOUNTS: i64 = 10_000;

/// The store of local accounts. Cheap to clone; the clones are one store.
#[derive(Clone)]
pub struct LocalAccounts {
    pub(super) inner: Arc<AccountsInner>,
}

pub(super) struct AccountsInner {
    pub(super) store: Store,
    pub(super) rules: PasswordRules,
    pub(super) invitation_lasts: Duration,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) hashing: PasswordHashing,
    pub(super) index: watch::Sender<Arc<AccountIndex>>,
}

/// A statement that changes one account and returns its row.
type ChangeStatement = sqlx::query::QueryAs<'static, sqlx::Sqlite, StoredAccount, sqlx::sqlite::SqliteArguments>;

/// The result of checking a password against an account's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordCheck {
    /// The password is the account's.
    Correct,
    /// The password is another, or there is no such account.
    Wrong,
}

impl LocalAccounts {
    /// Opens the store in the file `path`, which is created (mode 0600) when there is none; its folder must exist.
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
        let inner = AccountsInner {
            store: Store::open(path, KIND, &MIGRATIONS).await?,
            rules: PasswordRules::new(settings.shortest_password, common_words),
            invitation_lasts: settings.invitation_lasts,
            clock,
            hashing: PasswordHashing::new(),
            index: watch::Sender::default(),
        };
        let accounts = Self { inner: Arc::new(inner) };
        accounts.refresh_index().await?;
        Ok(accounts)
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
        let mut transaction = self.begin_write().await?;
        self.check_available(&mut transaction, &profile, None).await?;
        let account = self.insert(&mut transaction, profile, &hash).await?;
        self.record_action(&mut transaction, origin, AccountAction::Added, &account.profile.name).await?;
        self.commit(transaction).await?;
        Ok(account)
    }

    /// Lists all accounts, by name.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked, or a row makes no sense.
    pub async fn all(&self) -> Result<Vec<LocalAccount>, StoreError> {
        let rows: Vec<StoredAccount> = sqlx::query_as(concat!("SELECT ", columns!(), " FROM accounts ORDER BY name"))
            .fetch_all(self.pool())
            .await
            .map_err(|error| self.query_failed(&error))?;
        rows.into_iter().map(|row| self.read_account(row)).collect()
    }

    /// The account with this id.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked: that says nothing about the account.
    pub async fn get(&self, id: &AccountId) -> Result<Option<LocalAccount>, StoreError> {
        let found = sqlx::query_as(concat!("SELECT ", columns!(), " FROM accounts WHERE id = ?"));
        self.read_optional(found.bind(id.as_str().to_owned()).fetch_optional(self.pool()).await)
    }

    /// The account of this name.
    ///
    /// # Errors
    /// [`StoreError`], likewise.
    pub async fn by_name(&self, name: &AccountName) -> Result<Option<LocalAccount>, StoreError> {
        let found = sqlx::query_as(concat!("SELECT ", columns!(), " FROM accounts WHERE name = ?"));
        self.read_optional(found.bind(name.as_str().to_owned()).fetch_optional(self.pool()).await)
    }

    /// The account with exactly this mail address.
    ///
    /// # Errors
    /// [`StoreError`], likewise.
    pub async fn by_mail(&self, mail: &MailAddress) -> Result<Option<LocalAccount>, StoreError> {
        let found = sqlx::query_as(concat!("SELECT ", columns!(), " FROM accounts WHERE mail = ?"));
        self.read_optional(found.bind(mail.as_str().to_owned()).fetch_optional(self.pool()).await)
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
            Some(account) => self.password_hash(&account.id).await?,
            None => None,
        };
        let compared = self.inner.hashing.verify(password, hash.clone()).await?;
        if let (HashMatch::MatchOutdated, Some(account), Some(outdated)) = (compared, account, hash) {
            self.rehash(account, password, &outdated).await?;
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
        let changed = sqlx::query_as(concat!(
            "UPDATE accounts SET password_hash = ?, password_set_at = ?, digest = NULL WHERE id = ? RETURNING ",
            columns!()
        ))
        .bind(hash)
        .bind(self.now().as_millis())
        .bind(id.as_str().to_owned());
        self.execute_change(changed, origin, AccountAction::PasswordSet).await
    }

    /// Disables an account, or enables it again.
    ///
    /// # Errors
    /// [`AccountError::Gone`] when there is no such account.
    pub async fn set_disabled(
        &self,
        id: &AccountId,
        disabled: bool,
        origin: ActionOrigin,
    ) -> Result<LocalAccount, AccountError> {
        let changed = sqlx::query_as(concat!(
            "UPDATE accounts SET disabled_at = iif(?1, coalesce(disabled_at, ?2), NULL) WHERE id = ?3 RETURNING ",
            columns!()
        ))
        .bind(disabled)
        .bind(self.now().as_millis())
        .bind(id.as_str().to_owned());
        self.execute_change(changed, origin, if disabled { AccountAction::Disabled } else { AccountAction::Enabled }).await
    }

    /// Puts an account into these groups, and into no others.
    ///
    /// # Errors
    /// [`AccountError::Gone`] when there is no such account.
    pub async fn set_groups(
        &self,
        id: &AccountId,
        groups: &[AccountGroup],
        origin: ActionOrigin,
    ) -> Result<LocalAccount, AccountError> {
        let changed = sqlx::query_as(concat!("UPDATE accounts SET groups = ? WHERE id = ? RETURNING ", columns!()))
            .bind(groups_json(groups))
            .bind(id.as_str().to_owned());
        self.execute_change(changed, origin, AccountAction::GroupsSet).await
    }

    /// Sets the credentials of an account for Digest, encrypted by the caller, or removes them. `password_set_at` says to
    /// which password they belong, which must still be the account's.
    ///
    /// # Errors
    /// [`AccountError::Gone`] when there is no such account with that password.
    pub async fn set_digest(
        &self,
        id: &AccountId,
        sealed: Option<Vec<u8>>,
        password_set_at: Timestamp,
        origin: ActionOrigin,
    ) -> Result<LocalAccount, AccountError> {
        let action = if sealed.is_some() { AccountAction::DigestOn } else { AccountAction::DigestOff };
        let changed = sqlx::query_as(concat!(
            "UPDATE accounts SET digest = ? WHERE id = ? AND password_set_at = ? RETURNING ",
            columns!()
        ))
        .bind(sealed)
        .bind(id.as_str().to_owned())
        .bind(password_set_at.as_millis());
        self.execute_change(changed, origin, action).await
    }

    /// The credentials of an account for Digest, as they were given to [`Self::set_digest`].
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn digest(&self, id: &AccountId) -> Result<Option<Vec<u8>>, StoreError> {
        let sealed: Option<Option<Vec<u8>>> = sqlx::query_scalar("SELECT digest FROM accounts WHERE id = ?")
            .bind(id.as_str())
            .fetch_optional(self.pool())
            .await
            .map_err(|error| self.query_failed(&error))?;
        Ok(sealed.flatten())
    }

    /// Removes an account for good. One that is created later under the same name is another.
    ///
    /// # Errors
    /// [`AccountError::Gone`] when there is no such account.
    pub async fn remove(&self, id: &AccountId, origin: ActionOrigin) -> Result<LocalAccount, AccountError> {
        let removed = sqlx::query_as(concat!("DELETE FROM accounts WHERE id = ? RETURNING ", columns!()));
        self.execute_change(removed.bind(id.as_str().to_owned()), origin, AccountAction::Removed).await
    }

    /// The rules for passwords here.
    pub fn rules(&self) -> &PasswordRules {
        &self.inner.rules
    }

    /// Closes the file in good order, when the program stops. The store answers nothing after that.
    pub async fn close(&self) {
        self.inner.store.close().await;
    }

    /// Inserts an account that was checked before.
    pub(super) async fn insert(
        &self,
        transaction: &mut WriteTransaction,
        profile: AccountProfile,
        hash: &str,
    ) -> Result<LocalAccount, AccountError> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM accounts")
            .fetch_one(&mut **transaction)
            .await
            .map_err(|error| self.query_failed(&error))?;
        if count >= MAX_ACCOUNTS {
            return Err(AccountError::TooMany(count));
        }
        let row: StoredAccount = sqlx::query_as(concat!(
            "INSERT INTO accounts (id, name, display_name, mail, groups, created_at, expires_at, password_hash,
                 password_set_at, second_factor) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?6, ?9) RETURNING ",
            columns!()
        ))
        .bind(AccountId::generate()?.as_str())
        .bind(profile.name.as_str())
        .bind(&profile.display_name)
        .bind(profile.mail.as_ref().map(MailAddress::as_str))
        .bind(groups_json(&profile.groups))
        .bind(self.now().as_millis())
        .bind(profile.expires_at.map(Timestamp::as_millis))
        .bind(hash)
        .bind(profile.second_factor)
        .fetch_one(&mut **transaction)
        .await
        .map_err(|error| self.query_failed(&error))?;
        Ok(self.read_account(row)?)
    }

    /// Executes a statement that changes one account, and returns the account.
    async fn execute_change(
        &self,
        statement: ChangeStatement,
        origin: ActionOrigin,
        action: AccountAction,
    ) -> Result<LocalAccount, AccountError> {
        let mut transaction = self.begin_write().await?;
        let account = self.read_optional(statement.fetch_optional(&mut *transaction).await)?.ok_or(AccountError::Gone)?;
        self.record_action(&mut transaction, origin, action, &account.profile.name).await?;
        self.commit(transaction).await?;
        Ok(account)
    }

    async fn password_hash(&self, id: &AccountId) -> Result<Option<String>, StoreError> {
        sqlx::query_scalar("SELECT password_hash FROM accounts WHERE id = ?")
            .bind(id.as_str())
            .fetch_optional(self.pool())
            .await
            .map_err(|error| self.query_failed(&error))
    }

    /// Replaces an outdated hash, unless the password was changed meanwhile.
    async fn rehash(&self, account: &LocalAccount, password: &Password, outdated: &str) -> Result<(), StoreError> {
        let hash = self.inner.hashing.hash(password).await?;
        sqlx::query("UPDATE accounts SET password_hash = ? WHERE id = ? AND password_hash = ?")
            .bind(hash)
            .bind(account.id.as_str())
            .bind(outdated)
            .execute(self.pool())
            .await
            .map_err(|error| self.query_failed(&error))?;
        Ok(())
    }

    fn read_optional(&self, found: Result<Option<StoredAccount>, sqlx::Error>) -> Result<Option<LocalAccount>, StoreError> {
        found.map_err(|error| self.query_failed(&error))?.map(|row| self.read_account(row)).transpose()
    }

    fn read_account(&self, row: StoredAccount) -> Result<LocalAccount, StoreError> {
        row.into_account().map_err(|reason| self.inner.store.damaged(&reason))
    }

    pub(super) fn pool(&self) -> &SqlitePool {
        self.inner.store.pool()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    pub(super) fn query_failed(&self, error: &sqlx::Error) -> StoreError {
        self.inner.store.query_failed(error)
    }
}
