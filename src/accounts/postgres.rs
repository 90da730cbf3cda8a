use async_trait::async_trait;
use sqlx::AssertSqlSafe;
use sqlx::postgres::Postgres;
use tokio::sync::Mutex;

use super::row::{COLUMNS, INVITATION_COLUMNS, StoredAccount, StoredInvitation, groups_json};
use super::statements::{change_statement, refuse_taken};
use super::store::{AccountChange, AccountSelector, AccountStore, NewInvitation, WriteStamp};
use super::{
    AccountAction, AccountError, AccountId, AccountName, AccountProfile, ActionOrigin, CommandLineAction, Invitation,
    LocalAccount, MailAddress,
};
use crate::domain::Timestamp;
use crate::store::{PostgresStore, PostgresTransaction, StoreError};

/// The most actions that are taken at a time, as from a file.
const BATCH_SIZE: i64 = 100;

/// The local accounts in a PostgreSQL database, which several servers share.
pub(super) struct PostgresAccounts {
    store: PostgresStore,
    /// The number of the last change that was seen.
    seen: Mutex<Option<i64>>,
}

#[async_trait]
impl AccountStore for PostgresAccounts {
    async fn all(&self) -> Result<Vec<LocalAccount>, StoreError> {
        let query = format!("SELECT {COLUMNS} FROM accounts ORDER BY name");
        let rows = self.store.fetch_all(sqlx::query_as(AssertSqlSafe(query))).await?;
        rows.into_iter().map(|row| self.account(row)).collect()
    }

    async fn find(&self, key: AccountSelector<'_>) -> Result<Option<LocalAccount>, StoreError> {
        let (column, value) = match key {
            AccountSelector::Id(id) => ("id", id.as_str()),
            AccountSelector::Name(name) => ("name", name.as_str()),
            AccountSelector::Mail(mail) => ("mail", mail.as_str()),
        };
        let query = format!("SELECT {COLUMNS} FROM accounts WHERE {column} = $1");
        let row = self.store.fetch_optional(sqlx::query_as(AssertSqlSafe(query)).bind(value)).await?;
        row.map(|row| self.account(row)).transpose()
    }

    async fn password_hash(&self, id: &AccountId) -> Result<Option<String>, StoreError> {
        let query = sqlx::query_as("SELECT password_hash FROM accounts WHERE id = $1").bind(id.as_str());
        Ok(self.store.fetch_optional(query).await?.map(|(hash,)| hash))
    }

    async fn replace_hash(&self, id: &AccountId, outdated: &str, hash: &str) -> Result<(), StoreError> {
        // The trigger locks the row of changes; whoever changes an account does so first.
        let mut transaction = self.begin_exclusive().await?;
        let replace = sqlx::query("UPDATE accounts SET password_hash = $1 WHERE id = $2 AND password_hash = $3");
        transaction.execute(replace.bind(hash).bind(id.as_str()).bind(outdated)).await?;
        transaction.commit().await
    }

    async fn digest(&self, id: &AccountId) -> Result<Option<Vec<u8>>, StoreError> {
        let query = sqlx::query_as("SELECT digest FROM accounts WHERE id = $1").bind(id.as_str());
        let sealed: Option<(Option<Vec<u8>>,)> = self.store.fetch_optional(query).await?;
        Ok(sealed.and_then(|(sealed,)| sealed))
    }

    async fn insert(
        &self,
        profile: &AccountProfile,
        hash: &str,
        most: i64,
        stamp: WriteStamp,
    ) -> Result<LocalAccount, AccountError> {
        let mut transaction = self.begin_exclusive().await?;
        let inserted = self.insert_within(&mut transaction, profile, hash, most, stamp.at).await;
        if inserted.is_ok() {
            record(&mut transaction, stamp, AccountAction::Added, &profile.name).await?;
        }
        end(transaction, inserted).await
    }

    async fn change(
        &self,
        id: &AccountId,
        change: &AccountChange,
        stamp: WriteStamp,
    ) -> Result<Option<LocalAccount>, StoreError> {
        let mut query = change_statement::<Postgres>(id, change, stamp.at);
        let mut transaction = self.begin_exclusive().await?;
        let changed: Option<StoredAccount> = transaction.fetch_optional(query.build_query_as()).await?;
        let Some(account) = changed.map(|row| self.account(row)).transpose()? else {
            transaction.rollback().await?;
            return Ok(None);
        };
        record(&mut transaction, stamp, change.action(), &account.profile.name).await?;
        transaction.commit().await?;
        Ok(Some(account))
    }

    async fn invite(
        &self,
        invitation: NewInvitation<'_>,
        most: i64,
        forgotten: Timestamp,
        stamp: WriteStamp,
    ) -> Result<Invitation, AccountError> {
        let mut transaction = self.begin_exclusive().await?;
        let forget = sqlx::query("DELETE FROM invitations WHERE expires_at <= $1").bind(forgotten);
        transaction.execute(forget).await?;
        let invited = self.invite_within(&mut transaction, &invitation, most, stamp.at).await;
        if invited.is_ok() {
            record(&mut transaction, stamp, AccountAction::Invited, &invitation.profile.name).await?;
        }
        end(transaction, invited).await
    }

    async fn invitation(&self, code_hash: &[u8; 32], now: Timestamp) -> Result<Option<Invitation>, StoreError> {
        let query = format!("SELECT {INVITATION_COLUMNS} FROM invitations WHERE code_hash = $1 AND expires_at > $2");
        let query = sqlx::query_as(AssertSqlSafe(query));
        let row = self.store.fetch_optional(query.bind(code_hash.to_vec()).bind(now)).await?;
        row.map(|row| self.read_invitation(row)).transpose()
    }

    async fn invitations(&self) -> Result<Vec<Invitation>, StoreError> {
        let query = format!("SELECT {INVITATION_COLUMNS} FROM invitations ORDER BY id DESC");
        let rows = self.store.fetch_all(sqlx::query_as(AssertSqlSafe(query))).await?;
        rows.into_iter().map(|row| self.read_invitation(row)).collect()
    }

    async fn accept(
        &self,
        code_hash: &[u8; 32],
        profile: &AccountProfile,
        hash: &str,
        most: i64,
        now: Timestamp,
    ) -> Result<LocalAccount, AccountError> {
        let mut transaction = self.begin_exclusive().await?;
        let take = sqlx::query("DELETE FROM invitations WHERE code_hash = $1 AND expires_at > $2");
        let accepted = match transaction.execute(take.bind(code_hash.to_vec()).bind(now)).await? {
            0 => Err(AccountError::Gone),
            _ => self.insert_within(&mut transaction, profile, hash, most, now).await,
        };
        end(transaction, accepted).await
    }

    async fn withdraw(&self, id: i64, stamp: WriteStamp) -> Result<Option<Invitation>, StoreError> {
        let mut transaction = self.begin_exclusive().await?;
        let delete = format!("DELETE FROM invitations WHERE id = $1 RETURNING {INVITATION_COLUMNS}");
        let row: Option<StoredInvitation> = transaction.fetch_optional(sqlx::query_as(AssertSqlSafe(delete)).bind(id)).await?;
        let Some(withdrawn) = row.map(|row| self.read_invitation(row)).transpose()? else {
            transaction.rollback().await?;
            return Ok(None);
        };
        record(&mut transaction, stamp, AccountAction::Withdrawn, &withdrawn.profile.name).await?;
        transaction.commit().await?;
        Ok(Some(withdrawn))
    }

    async fn take_actions(&self) -> Result<Vec<CommandLineAction>, StoreError> {
        // What another server is taking is left to it.
        let take = sqlx::query_as(
            "DELETE FROM acts WHERE id = ANY (ARRAY(SELECT id FROM acts ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED))
             RETURNING id, at, act, account",
        );
        let mut rows: Vec<(i64, Timestamp, String, String)> = self.store.fetch_all(take.bind(BATCH_SIZE)).await?;
        rows.sort_unstable();
        Ok(rows.into_iter().filter_map(|(_, at, word, account)| CommandLineAction::from_stored(at, &word, account)).collect())
    }

    async fn has_changed(&self, since: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        let mut seen = self.seen.lock().await;
        // Taken out, so that after a failure the next poll begins anew.
        let before = seen.take();
        let query = sqlx::query_as(
            "SELECT number, EXISTS (SELECT 1 FROM accounts WHERE expires_at > $1 AND expires_at <= $2) FROM account_changes",
        );
        let (number, expired): (i64, bool) = self.store.fetch_one(query.bind(since).bind(now)).await?;
        *seen = Some(number);
        Ok(expired || before != Some(number))
    }

    async fn close(&self) {
        self.store.close();
    }
}

impl PostgresAccounts {
    pub(super) fn new(store: PostgresStore) -> Self {
        Self { store, seen: Mutex::default() }
    }

    /// Begins a transaction in which nobody else changes accounts or invitations: what it reads of one table stays true while it
    /// writes to the other.
    async fn begin_exclusive(&self) -> Result<PostgresTransaction, StoreError> {
        let mut transaction = self.store.begin().await?;
        // The triggers take this lock too: whoever has it first waits for nobody.
        transaction.execute(sqlx::query("SELECT 1 FROM account_changes FOR UPDATE")).await?;
        Ok(transaction)
    }

    async fn insert_within(
        &self,
        transaction: &mut PostgresTransaction,
        profile: &AccountProfile,
        hash: &str,
        most: i64,
        at: Timestamp,
    ) -> Result<LocalAccount, AccountError> {
        check_available(transaction, profile, at).await?;
        let (count,): (i64,) = transaction.fetch_one(sqlx::query_as("SELECT count(*) FROM accounts")).await?;
        if count >= most {
            return Err(AccountError::TooMany(count));
        }
        let insert = sqlx::query_as(AssertSqlSafe(format!(
            "INSERT INTO accounts (id, name, display_name, mail, groups, created_at, expires_at, password_hash,
                 password_set_at, second_factor) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $6, $9) RETURNING {COLUMNS}"
        )))
        .bind(AccountId::generate()?.as_str().to_owned())
        .bind(profile.name.as_str())
        .bind(text(&profile.display_name))
        .bind(profile.mail.as_ref().map(MailAddress::as_str))
        .bind(groups_json(&profile.groups))
        .bind(at)
        .bind(profile.expires_at)
        .bind(hash)
        .bind(profile.second_factor);
        Ok(self.account(transaction.fetch_one(insert).await?)?)
    }

    async fn invite_within(
        &self,
        transaction: &mut PostgresTransaction,
        NewInvitation { code_hash, profile, invited_by, expires_at }: &NewInvitation<'_>,
        most: i64,
        at: Timestamp,
    ) -> Result<Invitation, AccountError> {
        check_available(transaction, profile, at).await?;
        let (count,): (i64,) = transaction.fetch_one(sqlx::query_as("SELECT count(*) FROM invitations")).await?;
        if count >= most {
            return Err(AccountError::TooMany(count));
        }
        let insert = sqlx::query_as(AssertSqlSafe(format!(
            "INSERT INTO invitations (code_hash, name, display_name, mail, groups, account_expires_at, second_factor,
                 invited_by, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             RETURNING {INVITATION_COLUMNS}"
        )))
        .bind(code_hash.to_vec())
        .bind(profile.name.as_str())
        .bind(text(&profile.display_name))
        .bind(profile.mail.as_ref().map(MailAddress::as_str))
        .bind(groups_json(&profile.groups))
        .bind(profile.expires_at)
        .bind(profile.second_factor)
        .bind(text(invited_by))
        .bind(at)
        .bind(expires_at);
        Ok(self.read_invitation(transaction.fetch_one(insert).await?)?)
    }

    fn account(&self, row: StoredAccount) -> Result<LocalAccount, StoreError> {
        row.into_account().map_err(|reason| self.store.damaged(&reason))
    }

    fn read_invitation(&self, row: StoredInvitation) -> Result<Invitation, StoreError> {
        row.into_invitation().map_err(|reason| self.store.damaged(&reason))
    }
}

/// Commits what was written, or rolls it back where it was refused.
async fn end<T>(transaction: PostgresTransaction, outcome: Result<T, AccountError>) -> Result<T, AccountError> {
    match &outcome {
        Ok(_) => transaction.commit().await?,
        // It has been rolled back with its connection.
        Err(AccountError::Store(_)) => {}
        Err(_) => transaction.rollback().await?,
    }
    outcome
}

/// Checks that no account and no open invitation has the name or the address; expired ones are deleted.
async fn check_available(
    transaction: &mut PostgresTransaction,
    profile: &AccountProfile,
    now: Timestamp,
) -> Result<(), AccountError> {
    let (name, mail) = (profile.name.as_str(), profile.mail.as_ref().map(MailAddress::as_str));
    let forget = sqlx::query("DELETE FROM invitations WHERE (name = $1 OR mail = $2) AND expires_at <= $3");
    transaction.execute(forget.bind(name).bind(mail).bind(now)).await?;
    let taken = sqlx::query_as(
        "WITH others AS (SELECT name, mail FROM accounts UNION ALL SELECT name, mail FROM invitations)
         SELECT EXISTS (SELECT 1 FROM others WHERE name = $1), EXISTS (SELECT 1 FROM others WHERE mail = $2)",
    );
    let (name_taken, mail_taken): (bool, bool) = transaction.fetch_one(taken.bind(name).bind(mail)).await?;
    refuse_taken(profile, name_taken, mail_taken)
}

/// Records an action of the command line, together with the change itself.
async fn record(
    transaction: &mut PostgresTransaction,
    stamp: WriteStamp,
    action: AccountAction,
    account: &AccountName,
) -> Result<(), StoreError> {
    if stamp.origin == ActionOrigin::Server {
        return Ok(());
    }
    let record = sqlx::query("INSERT INTO acts (at, act, account) VALUES ($1, $2, $3)");
    transaction.execute(record.bind(stamp.at).bind(action.as_str()).bind(account.as_str())).await.map(drop)
}

/// A text as PostgreSQL takes it, which has none with a NUL.
fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
