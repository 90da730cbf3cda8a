use std::fmt;

use sqlx::SqliteConnection;

use super::{AccountName, LocalAccounts};
use crate::domain::Timestamp;
use crate::store::StoreError;

/// The most actions that are taken at a time: those from while the server was down come in batches.
const BATCH_SIZE: i64 = 100;

/// An action on an account or an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountAction {
    /// It was created.
    Added,
    /// Somebody was invited to it.
    Invited,
    /// They accepted.
    Accepted,
    /// The invitation was withdrawn.
    Withdrawn,
    /// It was disabled.
    Disabled,
    /// It was enabled again.
    Enabled,
    /// It was removed.
    Removed,
    /// Its groups were replaced.
    GroupsSet,
    /// Its password was set by somebody else than its owner.
    PasswordSet,
    /// Digest was turned on.
    DigestOn,
    /// Digest was turned off.
    DigestOff,
}

/// The process that performs an action on an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionOrigin {
    /// The server, which writes the action into the audit by itself.
    Server,
    /// The command line: the action is recorded in the store for the server.
    CommandLine,
}

/// An action that the command line performed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLineAction {
    /// When it was performed.
    pub at: Timestamp,
    /// The action.
    pub action: AccountAction,
    /// The account, by its name then.
    pub account: String,
}

impl AccountAction {
    const ALL: [Self; 11] = [
        Self::Added,
        Self::Invited,
        Self::Accepted,
        Self::Withdrawn,
        Self::Disabled,
        Self::Enabled,
        Self::Removed,
        Self::GroupsSet,
        Self::PasswordSet,
        Self::DigestOn,
        Self::DigestOff,
    ];

    /// The audit's word for it, which does not change.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "account-added",
            Self::Invited => "invited",
            Self::Accepted => "invitation-accepted",
            Self::Withdrawn => "invitation-withdrawn",
            Self::Disabled => "account-disabled",
            Self::Enabled => "account-enabled",
            Self::Removed => "account-removed",
            Self::GroupsSet => "account-groups-set",
            Self::PasswordSet => "account-password-set",
            Self::DigestOn => "account-digest-on",
            Self::DigestOff => "account-digest-off",
        }
    }

    /// The action that a word stands for.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == word)
    }
}

impl fmt::Display for AccountAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The actions of the command line, which reach the audit through the store: only the server writes the audit.
impl LocalAccounts {
    /// Records an action of the command line, together with the change itself.
    pub(super) async fn record_action(
        &self,
        transaction: &mut SqliteConnection,
        origin: ActionOrigin,
        action: AccountAction,
        account: &AccountName,
    ) -> Result<(), StoreError> {
        if origin == ActionOrigin::Server {
            return Ok(());
        }
        sqlx::query("INSERT INTO acts (at, act, account) VALUES (?, ?, ?)")
            .bind(self.now().as_millis())
            .bind(action.as_str())
            .bind(account.as_str())
            .execute(transaction)
            .await
            .map_err(|error| self.query_failed(&error))?;
        Ok(())
    }

    /// Takes the command line's actions that are not in the audit yet, oldest first. The caller writes them into the audit,
    /// and calls this until there are none.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read or written; then nothing is taken.
    pub async fn take_actions(&self) -> Result<Vec<CommandLineAction>, StoreError> {
        let any: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM acts)")
            .fetch_one(self.pool())
            .await
            .map_err(|error| self.query_failed(&error))?;
        if !any {
            return Ok(Vec::new());
        }
        let mut rows: Vec<(i64, i64, String, String)> = sqlx::query_as(
            "DELETE FROM acts WHERE id IN (SELECT id FROM acts ORDER BY id LIMIT ?) RETURNING id, at, act, account",
        )
        .bind(BATCH_SIZE)
        .fetch_all(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        rows.sort_unstable();
        let actions = rows.into_iter().filter_map(|(_, at, word, account)| {
            let Some(action) = AccountAction::parse(&word) else {
                tracing::warn!(word, account, "an act of a later version's command line is not told to the audit");
                return None;
            };
            Some(CommandLineAction { at: Timestamp::from_millis(at), action, account })
        });
        Ok(actions.collect())
    }
}
