//! Local accounts: break-glass admins for when the directory is down, and people who are in no directory.
//!
//! [`LocalAccounts`] are in an [`AccountStore`], beside the sessions. It keeps who they are, the groups they were given, and their passwords
//! as Argon2id hashes (`hashing`), after the rules of NIST SP 800-63B (`rules`); an [`Invitation`] makes one in exchange for
//! a code that works once. The command line works on the same store beside a running server, which notices by itself
//! (`changes`) and writes into the audit what was done there (`actions`).
//!
//! There are none until somebody makes one. This room never signs anybody in, never limits tries, never decides what
//! somebody may see, and keeps no password. Names and groups are its own: they never pass for a directory's.

mod account;
mod actions;
mod changes;
mod date;
mod error;
mod hashing;
mod invitation;
mod invitations;
mod names;
mod postgres;
mod row;
mod rules;
mod service;
mod sqlite;
mod statements;
mod store;

pub use account::{AccountProfile, InactiveReason, LocalAccount};
pub use actions::{AccountAction, ActionOrigin, CommandLineAction};
pub use date::{InvalidDate, end_of_day};
pub use error::AccountError;
pub use hashing::normalize_password;
pub use invitation::{InvalidInvitationCode, Invitation, InvitationCode};
pub use names::{AccountGroup, AccountId, AccountName, InvalidAccountName, MailAddress};
pub use rules::{PasswordRuleViolation, PasswordRules};
pub use service::{LocalAccounts, PasswordCheck};
pub use store::{AccountChange, AccountSelector, AccountStore, NewInvitation, WriteStamp};

#[cfg(test)]
mod tests;
