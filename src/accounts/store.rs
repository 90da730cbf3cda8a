use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::migrate::Migrator;
use tokio::sync::watch;

use super::acts::{Act, Acted};
use super::changes::Known;
use super::hashing::{Compared, Hashing};
use super::row::{Row, columns};
use super::writing::{Writing, groups_text};
use super::{Account, AccountError, AccountGroup, AccountId, AccountName, MailAddress, NewAccount, PasswordRules};
use crate::config::AccountSettings;
use crate::domain::{Clock, Password, Timestamp};
use crate::store::{Store, StoreError, StoreKind};

/// The steps from an empty file to today's tables, in the binary.
static MIGRATIONS: Migrator = sqlx::migrate!("src/accounts/migrations");

const KIND: StoreKind = StoreKind {
    name: "store of local accounts",
    if_recreated: "local accounts and open invitations are gone until they are made again",
};

/// Far more than anybody looks after by hand: their mail addresses are kept in memory.
const MOST_ACCOUNTS: i64 = 10_000;

/// The program's own accounts. Cheap to clone; the clones are one store.
#[derive(Clone)]
pub struct Accounts {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) store: Store,
    pub(super) rules: PasswordRules,
    pub(super) invitation_lasts: Duration,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) hashing: Hashing,
    pub(super) known: watch::Sender<Arc<Known>>,
}

/// What changes one account and answers with it.
type Statement = sqlx::query::QueryAs<'static, sqlx::Sqlite, Row, sqlx::sqlite::SqliteArguments>;

/// What came of comparing a password with an account's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It is the account's.
    Right,
    /// It is not, or there is no such account.
    Wrong,
}

impl Accounts {
    /// Opens the store in the file `path`, which is made (mode 0600) when there is none; its folder must be there.
    /// `common` are words that everybody here knows, and that no password may consist of.
    ///
    /// # Errors
    /// A [`StoreError`] that names the file and the remedy, when it cannot be opened or is damaged.
    pub async fn open(
        path: &Path,
        settings: &AccountSettings,
        common: impl IntoIterator<Item = String>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let inner = Inner {
            store: Store::open(path, KIND, &MIGRATIONS).await?,
            rules: PasswordRules::new(settings.shortest_password, common),
            invitation_lasts: settings.invitation_lasts,
            clock,
            hashing: Hashing::new(),
            known: watch::Sender::default(),
        };
        let accounts = Self { inner: Arc::new(inner) };
        accounts.look_again().await?;
        Ok(accounts)
    }

    /// Makes an account.
    ///
    /// # Errors
    /// [`AccountError`] when the name or address is another's, the password is against the rules, or it cannot be kept.
    pub async fn add(&self, of: NewAccount, password: &Password, by: Acted) -> Result<Account, AccountError> {
        self.rules().judge(password, &of)?;
        let hash = self.inner.hashing.hash(password).await?;
        let mut writing = self.write().await?;
        self.must_be_free(&mut writing, &of, None).await?;
        let account = self.insert(&mut writing, of, &hash).await?;
        self.note(&mut writing, by, Act::Added, &account.of.name).await?;
        self.wrote(writing).await?;
        Ok(account)
    }

    /// Every account, by name.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked, or a row makes no sense.
    pub async fn all(&self) -> Result<Vec<Account>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(concat!("SELECT ", columns!(), " FROM accounts ORDER BY name"))
            .fetch_all(self.pool())
            .await
            .map_err(|error| self.query_failed(&error))?;
        rows.into_iter().map(|row| self.read(row)).collect()
    }

    /// The account with this id.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked: that says nothing about the account.
    pub async fn get(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        let found = sqlx::query_as(concat!("SELECT ", columns!(), " FROM accounts WHERE id = ?"));
        self.one(found.bind(id.as_str().to_owned()).fetch_optional(self.pool()).await)
    }

    /// The account of this name.
    ///
    /// # Errors
    /// [`StoreError`], likewise.
    pub async fn named(&self, name: &AccountName) -> Result<Option<Account>, StoreError> {
        let found = sqlx::query_as(concat!("SELECT ", columns!(), " FROM accounts WHERE name = ?"));
        self.one(found.bind(name.as_str().to_owned()).fetch_optional(self.pool()).await)
    }

    /// The account with exactly this mail address.
    ///
    /// # Errors
    /// [`StoreError`], likewise.
    pub async fn with_mail(&self, mail: &MailAddress) -> Result<Option<Account>, StoreError> {
        let found = sqlx::query_as(concat!("SELECT ", columns!(), " FROM accounts WHERE mail = ?"));
        self.one(found.bind(mail.as_str().to_owned()).fetch_optional(self.pool()).await)
    }

    /// Compares a password with an account's. As much is computed when there is none, so that the time tells nothing. A
    /// hash that was made with less than today's cost is made anew.
    ///
    /// # Errors
    /// [`StoreError`] when it could not be compared: that says nothing about the password.
    pub async fn check(&self, account: Option<&Account>, password: &Password) -> Result<Checked, StoreError> {
        let hash = match account {
            Some(account) => self.hash_of(&account.id).await?,
            None => None,
        };
        let compared = self.inner.hashing.compare(password, hash.clone()).await?;
        if let (Compared::SameAndOutdated, Some(account), Some(outdated)) = (compared, account, hash) {
            self.renew(account, password, &outdated).await?;
        }
        Ok(if compared == Compared::Differs { Checked::Wrong } else { Checked::Right })
    }

    /// Computes what [`Self::check`] compares with for names that nobody has, before anybody types one.
    ///
    /// # Errors
    /// [`StoreError`] when the system has no randomness or no memory to give.
    pub async fn prepare(&self) -> Result<(), StoreError> {
        self.inner.hashing.nobodys().await.map(|_| ())
    }

    /// Gives an account another password. Its sessions from before end, and Digest is off until it is turned on again: it
    /// knew the old one.
    ///
    /// # Errors
    /// [`AccountError::Password`] when it is against the rules, [`AccountError::Gone`] when there is no such account.
    pub async fn set_password(&self, id: &AccountId, password: &Password, by: Acted) -> Result<Account, AccountError> {
        let account = self.get(id).await?.ok_or(AccountError::Gone)?;
        self.rules().judge(password, &account.of)?;
        let hash = self.inner.hashing.hash(password).await?;
        let changed = sqlx::query_as(concat!(
            "UPDATE accounts SET password_hash = ?, password_set_at = ?, digest = NULL WHERE id = ? RETURNING ",
            columns!()
        ))
        .bind(hash)
        .bind(self.now().as_millis())
        .bind(id.as_str().to_owned());
        self.change(changed, by, Act::PasswordSet).await
    }

    /// Disables an account, or enables it again.
    ///
    /// # Errors
    /// [`AccountError::Gone`] when there is no such account.
    pub async fn disable(&self, id: &AccountId, disabled: bool, by: Acted) -> Result<Account, AccountError> {
        let changed = sqlx::query_as(concat!(
            "UPDATE accounts SET disabled_at = iif(?1, coalesce(disabled_at, ?2), NULL) WHERE id = ?3 RETURNING ",
            columns!()
        ))
        .bind(disabled)
        .bind(self.now().as_millis())
        .bind(id.as_str().to_owned());
        self.change(changed, by, if disabled { Act::Disabled } else { Act::Enabled }).await
    }

    /// Puts an account into these groups, and into no others.
    ///
    /// # Errors
    /// [`AccountError::Gone`] when there is no such account.
    pub async fn set_groups(
        &self,
        id: &AccountId,
        groups: &[AccountGroup],
        by: Acted,
    ) -> Result<Account, AccountError> {
        let changed = sqlx::query_as(concat!("UPDATE accounts SET groups = ? WHERE id = ? RETURNING ", columns!()))
            .bind(groups_text(groups))
            .bind(id.as_str().to_owned());
        self.change(changed, by, Act::GroupsSet).await
    }

    /// Keeps what Digest needs of an account, encrypted by whoever calls, or forgets it. `password_set_at` says to
    /// which password it belongs: one that was set meanwhile has another.
    ///
    /// # Errors
    /// [`AccountError::Gone`] when there is no such account with that password.
    pub async fn set_digest(
        &self,
        id: &AccountId,
        sealed: Option<Vec<u8>>,
        password_set_at: Timestamp,
        by: Acted,
    ) -> Result<Account, AccountError> {
        let act = if sealed.is_some() { Act::DigestOn } else { Act::DigestOff };
        let changed = sqlx::query_as(concat!(
            "UPDATE accounts SET digest = ? WHERE id = ? AND password_set_at = ? RETURNING ",
            columns!()
        ))
        .bind(sealed)
        .bind(id.as_str().to_owned())
        .bind(password_set_at.as_millis());
        self.change(changed, by, act).await
    }

    /// What Digest needs of an account, as it was given to [`Self::set_digest`].
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

    /// Removes an account for good. One that is made later under the same name is another.
    ///
    /// # Errors
    /// [`AccountError::Gone`] when there is no such account.
    pub async fn remove(&self, id: &AccountId, by: Acted) -> Result<Account, AccountError> {
        let removed = sqlx::query_as(concat!("DELETE FROM accounts WHERE id = ? RETURNING ", columns!()));
        self.change(removed.bind(id.as_str().to_owned()), by, Act::Removed).await
    }

    /// The rules for passwords here.
    pub fn rules(&self) -> &PasswordRules {
        &self.inner.rules
    }

    /// Closes the file in good order, when the program stops. The store answers nothing after that.
    pub async fn close(&self) {
        self.inner.store.close().await;
    }

    /// A new row, after everything about it was found to be in order.
    pub(super) async fn insert(
        &self,
        writing: &mut Writing,
        of: NewAccount,
        hash: &str,
    ) -> Result<Account, AccountError> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM accounts")
            .fetch_one(&mut **writing)
            .await
            .map_err(|error| self.query_failed(&error))?;
        if count >= MOST_ACCOUNTS {
            return Err(AccountError::TooMany(count));
        }
        let row: Row = sqlx::query_as(concat!(
            "INSERT INTO accounts (id, name, display_name, mail, groups, created_at, expires_at, password_hash,
                 password_set_at, second_factor) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?6, ?9) RETURNING ",
            columns!()
        ))
        .bind(AccountId::generate()?.as_str())
        .bind(of.name.as_str())
        .bind(&of.display_name)
        .bind(of.mail.as_ref().map(MailAddress::as_str))
        .bind(groups_text(&of.groups))
        .bind(self.now().as_millis())
        .bind(of.expires_at.map(Timestamp::as_millis))
        .bind(hash)
        .bind(of.second_factor)
        .fetch_one(&mut **writing)
        .await
        .map_err(|error| self.query_failed(&error))?;
        Ok(self.read(row)?)
    }

    /// Carries out a statement that changes one account and answers with it.
    async fn change(&self, statement: Statement, by: Acted, act: Act) -> Result<Account, AccountError> {
        let mut writing = self.write().await?;
        let account = self.one(statement.fetch_optional(&mut *writing).await)?.ok_or(AccountError::Gone)?;
        self.note(&mut writing, by, act, &account.of.name).await?;
        self.wrote(writing).await?;
        Ok(account)
    }

    async fn hash_of(&self, id: &AccountId) -> Result<Option<String>, StoreError> {
        sqlx::query_scalar("SELECT password_hash FROM accounts WHERE id = ?")
            .bind(id.as_str())
            .fetch_optional(self.pool())
            .await
            .map_err(|error| self.query_failed(&error))
    }

    /// Makes a hash anew, unless the password was changed meanwhile.
    async fn renew(&self, account: &Account, password: &Password, outdated: &str) -> Result<(), StoreError> {
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

    fn one(&self, found: Result<Option<Row>, sqlx::Error>) -> Result<Option<Account>, StoreError> {
        found.map_err(|error| self.query_failed(&error))?.map(|row| self.read(row)).transpose()
    }

    fn read(&self, row: Row) -> Result<Account, StoreError> {
        row.account().map_err(|reason| self.inner.store.damaged(&reason))
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
