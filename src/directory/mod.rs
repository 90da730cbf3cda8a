//! The company's directory: who people are, and which groups they are in.
//!
//! One interface, [`Directory`], and one client behind it that speaks LDAP to Active Directory and to any other
//! LDAPv3 server. A sign-in finds exactly one person and binds exactly once, with the
//! leave of whoever asked; the answer is typed. This room never
//! decides what somebody may see, and keeps no password longer than its bind.
//!
//! The story of a sign-in, file by file: `client` picks a server and fails over, `dial` opens a connection under a
//! deadline (`tls` says whom to believe), `root_dse` finds out what kind of directory it is, `sign_in` finds the
//! person and spends the one bind, `refusal` judges its result, `person` and `groups` read who it is. It never
//! follows a referral, never sends an empty password, and never takes "no answer" for an answer.

mod client;
mod connection;
mod dial;
mod entry;
mod fault;
mod filter;
mod groups;
mod guid;
mod person;
mod readiness;
mod refusal;
mod root_dse;
mod servers;
mod set_up;
mod sid;
mod sign_in;
mod tls;

pub use client::LdapDirectory;
pub use readiness::Readiness;
pub use set_up::SetUpError;

pub mod embedded;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;

use async_trait::async_trait;

use crate::domain::{Password, Person, PersonId, Username};

/// The directory, as the rest of the house sees it.
#[async_trait]
pub trait Directory: Send + Sync {
    /// Finds the one person `username` names and proves `password` with exactly one bind, if `leave` allows it then.
    ///
    /// # Errors
    /// A [`Refusal`] that says why not; [`Refusal::Unreachable`] when nobody could be asked, which is never an
    /// answer about the person; [`Refusal::Withheld`] when `leave` did not allow the bind.
    async fn sign_in(&self, username: &Username, password: &Password, leave: &dyn Leave) -> Result<Person, Refusal>;

    /// Whether a server can be reached and answers.
    ///
    /// # Errors
    /// [`Unreachable`], with a reason for the log.
    async fn reach(&self) -> Result<(), Unreachable>;
}

/// The last word of whoever asks for a sign-in, before a password is sent.
#[async_trait]
pub trait Leave: Send + Sync {
    /// Whether the password may be sent now. Asked once in a sign-in at the most, right before its one bind, and no
    /// bind is made without it. `who` is the person found, where the directory shows people before they bind; `None`
    /// where only the bind tells who it is.
    ///
    /// # Errors
    /// [`Withheld`] when it may not.
    async fn to_bind(&self, who: Option<&PersonId>) -> Result<(), Withheld>;
}

/// Whoever asked for the sign-in did not let the password be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the password was not sent, as whoever asked for the sign-in withheld it")]
pub struct Withheld;

/// Why the directory did not let somebody in (MS-ADTS 5.1.1.5, and the sub-codes of result 49).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such person, more than one, or the wrong password (`52e`, `525`): these must look alike to a stranger.
    #[error("the name and password do not match")]
    WrongCredentials,
    /// `530`: not at this hour.
    #[error("signing in is not allowed at this hour")]
    NotAtThisHour,
    /// `531`: not from this workstation.
    #[error("signing in is not allowed from here")]
    NotFromHere,
    /// `532`. The password was right.
    #[error("the password has expired")]
    PasswordExpired,
    /// `773`. The password was right.
    #[error("the password must be changed before signing in")]
    MustChangePassword,
    /// `533`: disabled. Active Directory says so only when the password was right.
    #[error("the account is disabled")]
    Disabled,
    /// `701`. The password was right.
    #[error("the account has expired")]
    AccountExpired,
    /// `775`: locked, whatever the password; to a stranger it must look like [`Refusal::WrongCredentials`].
    #[error("the account is locked")]
    Locked,
    /// Nobody could be asked.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// The [`Leave`] to bind was not given, so the password was not sent.
    #[error(transparent)]
    Withheld(#[from] Withheld),
}

/// The directory could not be asked, or did not answer as a directory does. Never an answer about a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the directory cannot be reached: {reason}")]
pub struct Unreachable {
    /// For the log: every server tried and what went wrong there. No secret.
    pub reason: String,
    /// Whether a person's password had been sent to a server. It may then have been judged and counted there, though
    /// nobody heard the answer.
    pub password_sent: bool,
}
