use sqlx::{Sqlite, SqliteConnection, Transaction};

use super::{AccountError, AccountGroup, Accounts, MailAddress, NewAccount};
use crate::store::StoreError;

/// A change that nobody sees half of.
pub(super) type Writing = Transaction<'static, Sqlite>;

/// How changes are written, beside whoever writes from the command line.
impl Accounts {
    /// Begins a change. It has the file for itself at once: what it reads stays true until it is written.
    pub(super) async fn write(&self) -> Result<Writing, StoreError> {
        self.pool().begin_with("BEGIN IMMEDIATE").await.map_err(|error| self.query_failed(&error))
    }

    /// Ends the change, and tells whoever wants to know.
    pub(super) async fn wrote(&self, writing: Writing) -> Result<(), StoreError> {
        writing.commit().await.map_err(|error| self.query_failed(&error))?;
        self.look_again().await
    }

    /// Makes sure that nobody has the name or the address, and that neither is promised to anybody. `but` is the
    /// invitation that is being accepted; those that have expired promise nothing any more.
    pub(super) async fn must_be_free(
        &self,
        writing: &mut SqliteConnection,
        of: &NewAccount,
        but: Option<i64>,
    ) -> Result<(), AccountError> {
        let mail = of.mail.as_ref().map(MailAddress::as_str);
        sqlx::query("DELETE FROM invitations WHERE (name = ? OR mail = ?) AND expires_at <= ?")
            .bind(of.name.as_str())
            .bind(mail)
            .bind(self.now().as_millis())
            .execute(&mut *writing)
            .await
            .map_err(|error| self.query_failed(&error))?;
        let (name_taken, mail_taken): (bool, bool) = sqlx::query_as(
            "WITH others AS (SELECT name, mail FROM accounts
                 UNION ALL SELECT name, mail FROM invitations WHERE id IS NOT ?1)
             SELECT EXISTS (SELECT 1 FROM others WHERE name = ?2), EXISTS (SELECT 1 FROM others WHERE mail = ?3)",
        )
        .bind(but)
        .bind(of.name.as_str())
        .bind(mail)
        .fetch_one(&mut *writing)
        .await
        .map_err(|error| self.query_failed(&error))?;
        match &of.mail {
            _ if name_taken => Err(AccountError::NameTaken(of.name.clone())),
            Some(mail) if mail_taken => Err(AccountError::MailTaken(mail.clone())),
            _ => Ok(()),
        }
    }
}

/// Groups as a row has them.
pub(super) fn groups_text(groups: &[AccountGroup]) -> String {
    let mut names: Vec<&str> = groups.iter().map(AccountGroup::as_str).collect();
    names.sort_unstable();
    names.dedup();
    serde_json::Value::from(names).to_string()
}
