//! The company's directory: who people are, and which groups they are in.
//!
//! One interface, [`Directory`], and one client behind it that speaks LDAP to Active Directory and to any other LDAPv3
//! server. A sign-in finds exactly one person and binds exactly once, if the caller's [`BindGate`] allows it; the
//! answer is typed. This room never decides what somebody may see, and keeps no password longer than its bind.
//!
//! The rooms inside, from the ground up; each imports only from those below it (`tests/` holds this true):
//!
//! - `schema` reads and writes values as directories write them.
//! - `connection` dials, encrypts and pools connections, and turns to another server when one fails.
//! - `client` is what one directory's client keeps: [`LdapDirectory`], which the rooms above extend.
//! - `people` knows what an entry says of a person, and which groups they are in.
//! - `sign_in` finds the person and spends the one bind.
//! - `password` changes a password, `refresh` finds out what became of people who are signed in.
//! - `diagnostics` goes the way of a sign-in step by step and says what it found, for whoever sets a directory up or
//!   mends one.
//!
//! On top, [`Directories`] picks the one directory that a name belongs to. This room never follows a referral, never
//! sends an empty password, and never takes "no answer" for an answer.

mod client;
mod connection;
mod diagnostics;
mod directories;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod group_watch;
mod ldap;
mod name_hints;
mod password;
mod people;
mod readiness;
mod refresh;
mod schema;
mod sign_in;

pub use client::{GroupLookup, LdapDirectory, LockoutPolicy};
pub use connection::{BindDenied, DirectoryRefusal, PasswordFate, SetUpError, Unreachable};
pub use diagnostics::{
    DiagnosticStep, DiagnosticsRequest, DirectoryFacts, DirectoryReport, PersonLookup, PersonReport, ReportSection,
    ServerStatus, SettingsTable, SignInBlocker, StepVerdict, UntrustedCa,
};
pub use directories::Directories;
pub use group_watch::{GroupReport, GroupWatch};
pub use name_hints::NameHints;
pub use password::{ChangeRefusal, PasswordChange, PasswordRule, PasswordState};
pub use people::{GroupMembership, GroupMention, MembershipPath, RemovalReason};
pub use readiness::Readiness;
pub use refresh::AccountStatus;
pub use sign_in::{BindCandidate, BindGate, CLOCK_TOLERANCE, FailureBudget, LockoutInfo};

use std::time::Duration;

use async_trait::async_trait;

use crate::domain::{GroupRef, Password, Person, PersonId, Realm, Revalidation, Username};

/// The interface of a directory to the rest of the program.
#[async_trait]
pub trait Directory: Send + Sync {
    /// Finds the one person `username` names and proves `password` with exactly one bind, if `gate` allows it then.
    ///
    /// # Errors
    /// A [`DirectoryRefusal`] that says why not; [`DirectoryRefusal::Unreachable`] when nobody could be asked, which is
    /// never an answer about the person; [`DirectoryRefusal::BindDenied`] when `gate` did not allow the bind.
    async fn sign_in(&self, username: &Username, password: &Password, gate: &dyn BindGate) -> Result<Person, DirectoryRefusal>;

    /// Whether a server can be reached and answers.
    ///
    /// # Errors
    /// [`Unreachable`], with a reason for the log.
    async fn check_reachable(&self) -> Result<(), Unreachable>;

    /// Whether people can sign in: a server answers, and takes the service account where there is one.
    ///
    /// # Errors
    /// [`Unreachable`], with a reason for the log.
    async fn check_ready(&self) -> Result<(), Unreachable> {
        self.check_reachable().await
    }

    /// Whether `person`, who has just signed in, can be refreshed later.
    fn revalidation(&self, person: &Person) -> Revalidation;

    /// Reads the current account status of people who are signed in: one answer for each, in their order. Asked with
    /// the service identity, of many at a time.
    ///
    /// An answer is [`Unreachable`] when the directory could not be asked about that person, which says nothing of
    /// them.
    async fn refresh(&self, people: &[Person]) -> Vec<Result<AccountStatus, Unreachable>>;

    /// The realm whose directory is asked for `username`.
    fn realm_of(&self, username: &Username) -> Realm;

    /// The lockout policy that holds for `username`, as far as it is known without asking a server.
    fn lockout_info(&self, username: &Username) -> LockoutInfo;

    /// Whether the password of `username` is verified by hashing it here, at the cost of a core, and not by a bind.
    fn hashes_password(&self, _username: &Username) -> bool {
        false
    }

    /// Whether the person `username` names can change a password in this state here, as far as is known without asking.
    fn can_change_password(&self, username: &Username, state: PasswordState) -> bool;

    /// The time before a password's expiry from which the person is warned.
    fn password_warning(&self, person: &Person) -> Duration;

    /// A name by which the person signs in, in the directory they are in.
    fn sign_in_name(&self, person: &Person) -> Option<Username>;

    /// Changes a password, proved by the old one, which is tried once, if `gate` allows it then. Answers with whose it
    /// was.
    ///
    /// # Errors
    /// [`ChangeRefusal`]; the password is unchanged then, unless it is an [`Unreachable`] that came after it was sent.
    async fn change_password(
        &self,
        username: &Username,
        change: &PasswordChange,
        gate: &dyn BindGate,
    ) -> Result<PersonId, ChangeRefusal>;

    /// Looks up groups that the settings and pages name: one lookup for each, in their order.
    ///
    /// # Errors
    /// [`Unreachable`] when the directory cannot be asked, or there is no service account to ask with.
    async fn find_groups(&self, wanted: &[GroupRef]) -> Result<Vec<GroupLookup>, Unreachable>;
}
