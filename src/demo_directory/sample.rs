//! The parts of a sample domain. The demo's own people are in `sample_people`.

use std::time::Duration;

/// A domain to serve: its names, its people, its groups.
///
/// There is no `Debug`: sample passwords are no secret, but nothing in this room learns to print passwords.
#[derive(Clone)]
pub struct SampleDomain {
    /// The DNS domain, and the suffix of principal names: `belvedere.example`.
    pub dns_domain: String,
    /// The NetBIOS name, as in `DEMO\alice`. It need not resemble the DNS domain, and here it does not.
    pub netbios_name: String,
    /// The rule for locking accounts after wrong passwords.
    pub lockout: SampleLockoutPolicy,
    /// The people, in the order in which they are found.
    pub people: Vec<SamplePerson>,
    /// The groups besides `Domain Users`, in which everybody is through their primary group.
    pub groups: Vec<SampleGroup>,
}

/// The rule for locking accounts after wrong passwords (`lockoutThreshold` and its siblings; MS-SAMR 3.1.5.14.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleLockoutPolicy {
    /// The number of wrong passwords that locks an account; 0 means never.
    pub threshold: u32,
    /// A wrong password counts together with the one before it when they are no further apart than this.
    pub observation_window: Duration,
    /// The duration of a lockout; zero means until an administrator lifts it.
    pub duration: Duration,
}

impl Default for SampleLockoutPolicy {
    /// A generous policy: people who try wrong passwords in a demo should meet the program's throttle, not a locked
    /// account.
    fn default() -> Self {
        Self { threshold: 20, observation_window: Duration::from_mins(10), duration: Duration::from_mins(10) }
    }
}

/// A person with an account.
#[derive(Clone)]
pub struct SamplePerson {
    /// `sAMAccountName`: unique, and the seed of the person's ids.
    pub username: String,
    /// The sample password.
    pub password: String,
    /// `givenName`; empty for an account that is not a human being.
    pub given_name: String,
    /// `sn`; may be empty likewise.
    pub surname: String,
    /// `cn`, unescaped; it may hold any character.
    pub common_name: String,
    /// `displayName`.
    pub display_name: String,
    /// `title`.
    pub title: String,
    /// The organizational unit under `OU=People`, unescaped.
    pub unit: String,
    /// `userPrincipalName`, where it is not `username@dns_domain`.
    pub principal: Option<String>,
    /// The state of the account.
    pub state: SampleAccountState,
    /// The outcome of signing in with it, in a few words: "may open Operations", "disabled".
    pub outcome: String,
}

/// The index of a person in the sample, by which their account is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SampleAccountId(pub(super) usize);

/// The state of an account, and so the outcome of a bind with the *right* password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleAccountState {
    /// It may sign in.
    Active,
    /// Sub-code `533`.
    Disabled,
    /// Sub-code `701`.
    AccountExpired,
    /// Sub-code `532`.
    PasswordExpired,
    /// Sub-code `773`.
    MustChangePassword,
    /// Sub-code `775`, whatever the password, until an administrator lifts it: that is, always.
    Locked,
}

/// A group, with its direct members.
#[derive(Clone, Debug)]
pub struct SampleGroup {
    /// `sAMAccountName`: unique among people and groups.
    pub name: String,
    /// `cn`, where it differs from the name; unescaped.
    pub common_name: Option<String>,
    /// `description`.
    pub description: String,
    /// Whether it can grant anything; a mailing list cannot, and stands in nobody's `tokenGroups`.
    pub security: bool,
    /// The direct members, by `sAMAccountName`: people and groups alike. Circles are allowed, as in real domains.
    pub members: Vec<String>,
}
