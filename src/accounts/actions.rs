use std::fmt;

use crate::domain::Timestamp;

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

impl CommandLineAction {
    /// The action that a store has kept; `None`, with a line in the log, when a later version wrote it.
    pub(super) fn from_stored(at: Timestamp, word: &str, account: String) -> Option<Self> {
        let Some(action) = AccountAction::parse(word) else {
            tracing::warn!(word, account, "an act of a later version's command line is not told to the audit");
            return None;
        };
        Some(Self { at, action, account })
    }
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
