use async_trait::async_trait;
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, QueryBuilder, Sqlite, SqliteConnection, Transaction};
use tokio::sync::Mutex;

use super::row::{COLUMNS, INVITATION_COLUMNS, StoredAccount, StoredInvitation, groups_json};
use super::statements::{change_statement, refuse_taken};
use super::store::{AccountChange, AccountSelector, AccountStore, NewInvitation, WriteStamp};
use super::{
    AccountAction, AccountError, AccountId, AccountName, AccountProfile, ActionOrigin, CommandLineAction, Invitation,
    LocalAccount, MailAddress,
};
use crate::domain::Timestamp;
use crate::store::{SqliteStore, StoreError};

/// The most actions that are taken at a time: those from while the server was down come in batches.
const BATCH_SIZE: i64 = 100;

/// The local accounts in an SQLite file.
pub(super) struct SqliteAccounts {
    file: SqliteStore,
    /// A connection for polling, and the data version that it saw: SQLite changes that for a connection when another one, of
    /// this process or not, has written (<https://www.sqlite.org/pragma.html#pragma_data_version>).
    seen: Mutex<Option<(PoolConnection<Sqlite>, i64)>>,
}

#[async_trait]
impl AccountStore for SqliteAccounts {
    async fn all(&self) -> Result<Vec<LocalAccount>, StoreError> {
        let query = format!("SELECT {COLUMNS} FROM accounts ORDER BY name");
        let rows = self.file.fetch_all(sqlx::query_as(AssertSqlSafe(query))).await?;
        rows.into_iter().map(|row| self.account(row)).collect()
    }

    async fn find(&self, key: AccountSelector<'_>) -> Result<Option<LocalAccount>, StoreError> {
        let (column, value) = match key {
            AccountSelector::Id(id) => ("id", id.as_str()),
            AccountSelector::Name(name) => ("name", name.as_str()),
            AccountSelector::Mail(mail) => ("mail", mail.as_str()),
        };
        let mut query = QueryBuilder::new(format!("SELECT {COLUMNS} FROM accounts WHERE {column} = "));
        query.push_bind(value);
        self.file.fetch_optional(query.build_query_as()).await?.map(|row| self.account(row)).transpose()
    }

    async fn password_hash(&self, id: &AccountId) -> Result<Option<String>, StoreError> {
        let query = sqlx::query_as("SELECT password_hash FROM accounts WHERE id = ?").bind(id.as_str());
        Ok(self.file.fetch_optional(query).await?.map(|(hash,)| hash))
    }

    async fn replace_hash(&self, id: &AccountId, outdated: &str, hash: &str) -> Result<(), StoreError> {
        let replace = sqlx::query("UPDATE accounts SET password_hash = ? WHERE id = ? AND password_hash = ?");
        self.file.execute(replace.bind(hash).bind(id.as_str()).bind(outdated)).await.map(drop)
    }

    async fn digest(&self, id: &AccountId) -> Result<Option<Vec<u8>>, StoreError> {
        let query = sqlx::query_as("SELECT digest FROM accounts WHERE id = ?").bind(id.as_str());
        let sealed: Option<(Option<Vec<u8>>,)> = self.file.fetch_optional(query).await?;
        Ok(sealed.and_then(|(sealed,)| sealed))
    }

    async fn insert(
        &self,
        profile: &AccountProfile,
        hash: &str,
        most: i64,
        stamp: WriteStamp,
    ) -> Result<LocalAccount, AccountError> {
        let mut transaction = self.file.begin().await?;
        let account = self.insert_within(&mut transaction, profile, hash, most, stamp.at).await?;
        self.record(&mut transaction, stamp, AccountAction::Added, &profile.name).await?;
        self.commit(transaction).await?;
        Ok(account)
    }

    async fn change(
        &self,
        id: &AccountId,
        change: &AccountChange,
        stamp: WriteStamp,
    ) -> Result<Option<LocalAccount>, StoreError> {
        let mut query = change_statement::<Sqlite>(id, change, stamp.at);
        let mut transaction = self.file.begin().await?;
        let changed: Option<StoredAccount> =
            query.build_query_as().fetch_optional(&mut *transaction).await.map_err(|error| self.file.query_failed(&error))?;
        let Some(account) = changed.map(|row| self.account(row)).transpose()? else { return Ok(None) };
        self.record(&mut transaction, stamp, change.action(), &account.profile.name).await?;
        self.commit(transaction).await?;
        Ok(Some(account))
    }

    async fn invite(
        &self,
        NewInvitation { code_hash, profile, invited_by, expires_at }: NewInvitation<'_>,
        most: i64,
        forgotten: Timestamp,
        stamp: WriteStamp,
    ) -> Result<Invitation, AccountError> {
        let failed = |error: sqlx::Error| self.file.query_failed(&error);
        let mut transaction = self.file.begin().await?;
        let forget = sqlx::query("DELETE FROM invitations WHERE expires_at <= ?").bind(forgotten);
        forget.execute(&mut *transaction).await.map_err(failed)?;
        self.check_available(&mut transaction, profile, stamp.at).await?;
        let count = sqlx::query_scalar("SELECT count(*) FROM invitations").fetch_one(&mut *transaction).await;
        let count: i64 = count.map_err(failed)?;
        if count >= most {
            return Err(AccountError::TooMany(count));
        }
        let insert = sqlx::query_as(AssertSqlSafe(format!(
            "INSERT INTO invitations (code_hash, name, display_name, mail, groups, account_expires_at, second_factor,
                 invited_by, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING {INVITATION_COLUMNS}"
        )))
        .bind(code_hash.to_vec())
        .bind(profile.name.as_str())
        .bind(&profile.display_name)
        .bind(profile.mail.as_ref().map(MailAddress::as_str))
        .bind(groups_json(&profile.groups))
        .bind(profile.expires_at)
        .bind(profile.second_factor)
        .bind(invited_by)
        .bind(stamp.at)
        .bind(expires_at);
        let row: StoredInvitation = insert.fetch_one(&mut *transaction).await.map_err(failed)?;
        self.record(&mut transaction, stamp, AccountAction::Invited, &profile.name).await?;
        self.commit(transaction).await?;
        Ok(self.read_invitation(row)?)
    }

    async fn invitation(&self, code_hash: &[u8; 32], now: Timestamp) -> Result<Option<Invitation>, StoreError> {
        let query = format!("SELECT {INVITATION_COLUMNS} FROM invitations WHERE code_hash = ? AND expires_at > ?");
        let query = sqlx::query_as(AssertSqlSafe(query));
        let row = self.file.fetch_optional(query.bind(code_hash.to_vec()).bind(now)).await?;
        row.map(|row| self.read_invitation(row)).transpose()
    }

    async fn invitations(&self) -> Result<Vec<Invitation>, StoreError> {
        let query = format!("SELECT {INVITATION_COLUMNS} FROM invitations ORDER BY id DESC");
        self.file
            .fetch_all(sqlx::query_as(AssertSqlSafe(query)))
            .await?
            .into_iter()
            .map(|row| self.read_invitation(row))
            .collect()
    }

    async fn accept(
        &self,
        code_hash: &[u8; 32],
        profile: &AccountProfile,
        hash: &str,
        most: i64,
        now: Timestamp,
    ) -> Result<LocalAccount, AccountError> {
        let mut transaction = self.file.begin().await?;
        // Checked and used up in one statement: of several who accept at once, one does.
        let take = sqlx::query("DELETE FROM invitations WHERE code_hash = ? AND expires_at > ?");
        let taken = take.bind(code_hash.to_vec()).bind(now).execute(&mut *transaction).await;
        if taken.map_err(|error| self.file.query_failed(&error))?.rows_affected() == 0 {
            return Err(AccountError::Gone);
        }
        let account = self.insert_within(&mut transaction, profile, hash, most, now).await?;
        self.commit(transaction).await?;
        Ok(account)
    }

    async fn withdraw(&self, id: i64, stamp: WriteStamp) -> Result<Option<Invitation>, StoreError> {
        let mut transaction = self.file.begin().await?;
        let delete = format!("DELETE FROM invitations WHERE id = ? RETURNING {INVITATION_COLUMNS}");
        let delete = sqlx::query_as(AssertSqlSafe(delete)).bind(id);
        let row: Option<StoredInvitation> =
            delete.fetch_optional(&mut *transaction).await.map_err(|error| self.file.query_failed(&error))?;
        let Some(withdrawn) = row.map(|row| self.read_invitation(row)).transpose()? else { return Ok(None) };
        self.record(&mut transaction, stamp, AccountAction::Withdrawn, &withdrawn.profile.name).await?;
        self.commit(transaction).await?;
        Ok(Some(withdrawn))
    }

    async fn take_actions(&self) -> Result<Vec<CommandLineAction>, StoreError> {
        let (any,): (bool,) = self.file.fetch_one(sqlx::query_as("SELECT EXISTS (SELECT 1 FROM acts)")).await?;
        if !any {
            return Ok(Vec::new());
        }
        let take = sqlx::query_as(
            "DELETE FROM acts WHERE id IN (SELECT id FROM acts ORDER BY id LIMIT ?) RETURNING id, at, act, account",
        );
        let mut rows: Vec<(i64, Timestamp, String, String)> = self.file.fetch_all(take.bind(BATCH_SIZE)).await?;
        rows.sort_unstable();
        Ok(rows.into_iter().filter_map(|(_, at, word, account)| CommandLineAction::from_stored(at, &word, account)).collect())
    }

    async fn has_changed(&self, since: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        let failed = |error: sqlx::Error| self.file.query_failed(&error);
        let mut seen = self.seen.lock().await;
        // Taken out, so that after a failure the next poll begins anew.
        let (mut connection, before) = match seen.take() {
            Some((connection, version)) => (connection, Some(version)),
            None => (self.file.pool().acquire().await.map_err(failed)?, None),
        };
        let version = sqlx::query_scalar("PRAGMA data_version").fetch_one(&mut *connection).await.map_err(failed)?;
        let expired = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM accounts WHERE expires_at > ? AND expires_at <= ?)");
        let expired: bool = expired.bind(since).bind(now).fetch_one(&mut *connection).await.map_err(failed)?;
        *seen = Some((connection, version));
        Ok(expired || before != Some(version))
    }

    async fn close(&self) {
        // The file waits for the connection for polling, once nobody can get another.
        tokio::join!(self.file.close(), async { drop(self.seen.lock().await.take()) });
    }
}

impl SqliteAccounts {
    pub(super) fn new(file: SqliteStore) -> Self {
        Self { file, seen: Mutex::default() }
    }

    async fn commit(&self, transaction: Transaction<'static, Sqlite>) -> Result<(), StoreError> {
        transaction.commit().await.map_err(|error| self.file.query_failed(&error))
    }

    async fn insert_within(
        &self,
        transaction: &mut SqliteConnection,
        profile: &AccountProfile,
        hash: &str,
        most: i64,
        at: Timestamp,
    ) -> Result<LocalAccount, AccountError> {
        let failed = |error: sqlx::Error| self.file.query_failed(&error);
        self.check_available(transaction, profile, at).await?;
        let count = sqlx::query_scalar("SELECT count(*) FROM accounts").fetch_one(&mut *transaction).await;
        let count: i64 = count.map_err(failed)?;
        if count >= most {
            return Err(AccountError::TooMany(count));
        }
        let insert = sqlx::query_as(AssertSqlSafe(format!(
            "INSERT INTO accounts (id, name, display_name, mail, groups, created_at, expires_at, password_hash,
                 password_set_at, second_factor) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?6, ?9) RETURNING {COLUMNS}"
        )))
        .bind(AccountId::generate()?.as_str().to_owned())
        .bind(profile.name.as_str())
        .bind(&profile.display_name)
        .bind(profile.mail.as_ref().map(MailAddress::as_str))
        .bind(groups_json(&profile.groups))
        .bind(at)
        .bind(profile.expires_at)
        .bind(hash)
        .bind(profile.second_factor);
        Ok(self.account(insert.fetch_one(transaction).await.map_err(failed)?)?)
    }

    /// Checks that no account and no open invitation has the name or the address; expired ones are deleted.
    async fn check_available(
        &self,
        transaction: &mut SqliteConnection,
        profile: &AccountProfile,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        let failed = |error: sqlx::Error| self.file.query_failed(&error);
        let mail = profile.mail.as_ref().map(MailAddress::as_str);
        let forget = sqlx::query("DELETE FROM invitations WHERE (name = ? OR mail = ?) AND expires_at <= ?");
        forget.bind(profile.name.as_str()).bind(mail).bind(now).execute(&mut *transaction).await.map_err(failed)?;
        let taken = sqlx::query_as(
            "WITH others AS (SELECT name, mail FROM accounts UNION ALL SELECT name, mail FROM invitations)
             SELECT EXISTS (SELECT 1 FROM others WHERE name = ?), EXISTS (SELECT 1 FROM others WHERE mail = ?)",
        );
        let taken = taken.bind(profile.name.as_str()).bind(mail).fetch_one(transaction).await;
        let (name_taken, mail_taken): (bool, bool) = taken.map_err(failed)?;
        refuse_taken(profile, name_taken, mail_taken)
    }

    /// Records an action of the command line, together with the change itself.
    async fn record(
        &self,
        transaction: &mut SqliteConnection,
        stamp: WriteStamp,
        action: AccountAction,
        account: &AccountName,
    ) -> Result<(), StoreError> {
        if stamp.origin == ActionOrigin::Server {
            return Ok(());
        }
        let record = sqlx::query("INSERT INTO acts (at, act, account) VALUES (?, ?, ?)");
        let record = record.bind(stamp.at).bind(action.as_str()).bind(account.as_str());
        record.execute(transaction).await.map(drop).map_err(|error| self.file.query_failed(&error))
    }

    fn account(&self, row: StoredAccount) -> Result<LocalAccount, StoreError> {
        row.into_account().map_err(|reason| self.file.damaged(&reason))
    }

    fn read_invitation(&self, row: StoredInvitation) -> Result<Invitation, StoreError> {
        row.into_invitation().map_err(|reason| self.file.damaged(&reason))
    }
}
