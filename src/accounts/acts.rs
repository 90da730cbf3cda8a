use std::fmt;

use sqlx::SqliteConnection;

use super::{AccountName, Accounts};
use crate::domain::Timestamp;
use crate::store::StoreError;

/// How many are read at a time: what the command line did while the server was down is told in portions.
const TOLD_AT_ONCE: i64 = 100;

/// Something that was done to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It was made.
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
    /// It was put into other groups.
    GroupsSet,
    /// It was given another password, by somebody else than its owner.
    PasswordSet,
    /// Digest was turned on.
    DigestOn,
    /// Digest was turned off.
    DigestOff,
}

/// Who does something to an account, as far as the store is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acted {
    /// The server, which writes it into the audit by itself.
    Here,
    /// The command line: the server is told of it in the store.
    OnCommandLine,
}

/// What the command line did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// When.
    pub at: Timestamp,
    /// What.
    pub act: Act,
    /// To which account, by its name then.
    pub account: String,
}

impl Act {
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
    pub fn word(self) -> &'static str {
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

    /// The act that a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.word() == word)
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What the command line does reaches the audit through the store: only the server writes the audit.
impl Accounts {
    /// Notes an act of the command line, together with the change itself.
    pub(super) async fn note(
        &self,
        writing: &mut SqliteConnection,
        by: Acted,
        act: Act,
        account: &AccountName,
    ) -> Result<(), StoreError> {
        if by == Acted::Here {
            return Ok(());
        }
        sqlx::query("INSERT INTO acts (at, act, account) VALUES (?, ?, ?)")
            .bind(self.now().as_millis())
            .bind(act.word())
            .bind(account.as_str())
            .execute(writing)
            .await
            .map_err(|error| self.query_failed(&error))?;
        Ok(())
    }

    /// Takes what the command line did and nobody has been told of yet, oldest first. Whoever takes it writes it into the
    /// audit. To be called until it is empty.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read or written; then nothing is taken.
    pub async fn take_acts(&self) -> Result<Vec<Told>, StoreError> {
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
        .bind(TOLD_AT_ONCE)
        .fetch_all(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        rows.sort_unstable();
        let told = rows.into_iter().filter_map(|(_, at, word, account)| {
            let Some(act) = Act::from_word(&word) else {
                tracing::warn!(word, account, "an act of a later version's command line is not told to the audit");
                return None;
            };
            Some(Told { at: Timestamp::from_millis(at), act, account })
        });
        Ok(told.collect())
    }
}
