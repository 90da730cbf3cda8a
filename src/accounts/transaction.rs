use sqlx::{Sqlite, SqliteConnection, Transaction};

use super::{AccountError, AccountGroup, AccountProfile, LocalAccounts, MailAddress};
use crate::store::StoreError;

/// A write transaction.
pub(super) type WriteTransaction = Transaction<'static, Sqlite>;

/// Write transactions, beside those of the command line.
impl LocalAccounts {
    /// Begins a write transaction. It locks the file at once: what it reads stays true until it is committed.
    pub(super) async fn begin_write(&self) -> Result<WriteTransaction, StoreError> {
        self.pool().begin_with("BEGIN IMMEDIATE").await.map_err(|error| self.query_failed(&error))
    }

    /// Commits the transaction, and notifies subscribers.
    pub(super) async fn commit(&self, transaction: WriteTransaction) -> Result<(), StoreError> {
        transaction.commit().await.map_err(|error| self.query_failed(&error))?;
        self.refresh_index().await
    }

    /// Checks that no account and no open invitation has the name or the address. `except` is the invitation that is being
    /// accepted; expired ones are removed.
    pub(super) async fn check_available(
        &self,
        transaction: &mut SqliteConnection,
        profile: &AccountProfile,
        except: Option<i64>,
    ) -> Result<(), AccountError> {
        let mail = profile.mail.as_ref().map(MailAddress::as_str);
        sqlx::query("DELETE FROM invitations WHERE (name = ? OR mail = ?) AND expires_at <= ?")
            .bind(profile.name.as_str())
            .bind(mail)
            .bind(self.now().as_millis())
            .execute(&mut *transaction)
            .await
            .map_err(|error| self.query_failed(&error))?;
        let (name_taken, mail_taken): (bool, bool) = sqlx::query_as(
            "WITH others AS (SELECT name, mail FROM accounts
                 UNION ALL SELECT name, mail FROM invitations WHERE id IS NOT ?1)
             SELECT EXISTS (SELECT 1 FROM others WHERE name = ?2), EXISTS (SELECT 1 FROM others WHERE mail = ?3)",
        )
        .bind(except)
        .bind(profile.name.as_str())
        .bind(mail)
        .fetch_one(&mut *transaction)
        .await
        .map_err(|error| self.query_failed(&error))?;
        match &profile.mail {
            _ if name_taken => Err(AccountError::NameTaken(profile.name.clone())),
            Some(mail) if mail_taken => Err(AccountError::MailTaken(mail.clone())),
            _ => Ok(()),
        }
    }
}

/// The JSON of groups in a row.
pub(super) fn groups_json(groups: &[AccountGroup]) -> String {
    let mut names: Vec<&str> = groups.iter().map(AccountGroup::as_str).collect();
    names.sort_unstable();
    names.dedup();
    serde_json::Value::from(names).to_string()
}
