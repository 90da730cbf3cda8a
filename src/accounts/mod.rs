//! The program's own accounts: break-glass admins for when the directory is down, and people whom no directory knows.
//!
//! [`Accounts`] is one file beside the sessions. It keeps who they are, the groups they were given, and their passwords as
//! Argon2id hashes (`hashing`), after the rules of NIST SP 800-63B (`rules`); an [`Invitation`] makes one in exchange for a
//! code that works once. The command line works on the same file beside a running server, which notices by itself
//! (`changes`) and writes into the audit what was done there (`acts`).
//!
//! There are none until somebody makes one. This room never signs anybody in, never limits tries, never decides what
//! somebody may see, and keeps no password. Names and groups are its own: they never pass for a directory's.

mod account;
mod acts;
mod changes;
mod day;
mod error;
mod hashing;
mod invitation;
mod invite;
mod names;
mod row;
mod rules;
mod store;
mod writing;

pub use account::{Account, Closed, NewAccount};
pub use acts::{Act, Acted, Told};
pub use changes::Known;
pub use day::{InvalidDay, end_of_day};
pub use error::AccountError;
pub use hashing::prepared;
pub use invitation::{InvalidCode, Invitation, InvitationCode};
pub use names::{AccountGroup, AccountId, AccountName, InvalidAccountName, MailAddress};
pub use rules::{BrokenRule, PasswordRules};
pub use store::{Accounts, Checked};

#[cfg(test)]
mod tests;
