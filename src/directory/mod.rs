//! The company's directory: who people are, and which groups they are in.
//!
//! One interface, [`Directory`], and one client behind it that speaks LDAP to Active Directory and to any other
//! LDAPv3 server. A sign-in finds exactly one person and binds exactly once, with the
//! leave of whoever asked; the answer is typed. This room never
//! decides what somebody may see, and keeps no password longer than its bind.
//!
//! The story of a sign-in, file by file: `directories` picks the one directory that the name belongs to, `servers` knows
//! which of its servers answer, `dial` opens a connection under a deadline
//! (`tls` says whom to believe, the crate `ldap3` speaks LDAP over it), `pool` keeps it
//! for the next one, `question` asks another server when one fails, `root_dse` finds out what kind of directory it is,
//! `sign_in` finds the person and spends the one bind, `refusal` judges its result, `person` and `groups` read who it
//! is, `lockout` how near an account is to being locked, `policy_control` and `expiry` when a password ends; `password` changes
//! it. `examine` goes the same way step by step and says what it found,
//! for whoever sets a directory up or mends one. This room never follows a referral, never sends an empty password, and
//! never takes "no answer" for an answer.

mod ber;
mod client;
mod connection;
mod dial;
mod directories;
mod entry;
mod examine;
mod expiry;
mod fault;
mod filter;
mod groups;
mod guid;
mod leave;
mod lockout;
mod one_bind;
mod overview;
mod password;
mod person;
mod policy_control;
mod pool;
mod question;
mod readiness;
mod refresh;
mod refusal;
mod root_dse;
mod servers;
mod set_up;
mod sid;
mod sign_in;
mod start_tls;
mod time;
mod tls;

pub use client::LdapDirectory;
pub use directories::Directories;
pub use examine::{
    Authority, Bar, Examination, Known, Membership, Questions, Section, Seen, Sought, Step, Table, Verdict, Way,
};
pub use groups::{GroupFinding, GroupReport, GroupWatch, Naming};
pub use leave::{Candidate, Leave, Lockout, LockoutPolicy, Withheld};
pub use overview::ServerNow;
pub use password::{ChangeRefusal, PasswordChange, PasswordState, Rule};
pub use readiness::Readiness;
pub use refresh::{Departure, Standing};
pub use set_up::SetUpError;

pub mod embedded;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;

use std::time::Duration;

use async_trait::async_trait;

use crate::domain::{GroupRef, Password, Person, PersonId, Upkeep, Username};

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

    /// How `person`, who has just signed in, can be kept up to date.
    fn upkeep(&self, person: &Person) -> Upkeep;

    /// What became of these people: one answer for each, in their order. Asked with the service identity, of many at
    /// a time.
    ///
    /// An answer is [`Unreachable`] when the directory could not be asked about that person, which says nothing of
    /// them.
    async fn refresh(&self, people: &[Person]) -> Vec<Result<Standing, Unreachable>>;

    /// What is known, without asking anybody now, of how the directory counts failed sign-ins of `username`.
    fn lockout(&self, username: &Username) -> Lockout;

    /// Whether the person `username` names can change a password that stands so here, as far as is known without
    /// asking.
    fn changes_passwords(&self, username: &Username, state: PasswordState) -> bool;

    /// How long before its end the person is told that their password expires.
    fn password_warning(&self, person: &Person) -> Duration;

    /// A name by which the person signs in, in the directory they are in.
    fn sign_in_name(&self, person: &Person) -> Option<Username>;

    /// Changes a password on the word of whoever knows the old one, which is tried once, if `leave` allows it then.
    /// Answers with whose it was.
    ///
    /// # Errors
    /// [`ChangeRefusal`]; the password is unchanged then, unless it is an [`Unreachable`] that came after it was sent.
    async fn change_password(
        &self,
        username: &Username,
        change: &PasswordChange,
        leave: &dyn Leave,
    ) -> Result<PersonId, ChangeRefusal>;

    /// Looks up groups that the settings and pages name: one finding for each, in their order.
    ///
    /// # Errors
    /// [`Unreachable`] when the directory cannot be asked, or there is no service account to ask with.
    async fn find_groups(&self, wanted: &[GroupRef]) -> Result<Vec<GroupFinding>, Unreachable>;
}

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

impl Refusal {
    /// One word for it, in figures and in the audit. It does not change.
    pub fn word(&self) -> &'static str {
        match self {
            Self::WrongCredentials => "wrong-credentials",
            Self::NotAtThisHour => "not-at-this-hour",
            Self::NotFromHere => "not-from-here",
            Self::PasswordExpired => "password-expired",
            Self::MustChangePassword => "must-change-password",
            Self::Disabled => "disabled",
            Self::AccountExpired => "account-expired",
            Self::Locked => "locked",
            Self::Unreachable(_) => "unreachable",
            Self::Withheld(_) => "withheld",
        }
    }
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
