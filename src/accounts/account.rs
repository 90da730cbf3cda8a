use crate::domain::{DirectoryName, Group, GroupId, Person, Timestamp};

use super::{AccountGroup, AccountId, AccountName, MailAddress};

/// An account, without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Which.
    pub id: AccountId,
    /// Who it is for.
    pub of: NewAccount,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it is disabled.
    pub disabled_at: Option<Timestamp>,
    /// When its password was set. Whoever signed in with the one before is signed out.
    pub password_set_at: Timestamp,
    /// Whether it may use Digest.
    pub has_digest: bool,
}

/// What somebody says of an account when they make one, or invite somebody to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAccount {
    /// Its name, behind `local\`.
    pub name: AccountName,
    /// What people call whoever it is for.
    pub display_name: String,
    /// Their mail address, with which they may sign in too.
    pub mail: Option<MailAddress>,
    /// The groups they are in.
    pub groups: Vec<AccountGroup>,
    /// From when on it lets nobody in.
    pub expires_at: Option<Timestamp>,
    /// Whether its owner must have a second factor.
    pub second_factor: bool,
}

/// Why an account lets nobody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// Somebody disabled it.
    Disabled,
    /// Its time is over.
    Expired,
}

impl NewAccount {
    /// An account with a name, and nothing else that can be left out.
    pub fn called(name: AccountName, display_name: &str) -> Self {
        let display_name = display_name.to_owned();
        Self { name, display_name, mail: None, groups: Vec::new(), expires_at: None, second_factor: false }
    }
}

impl Account {
    /// Why it lets nobody in at `now`; `None` when it does.
    pub fn closed(&self, now: Timestamp) -> Option<Closed> {
        if self.disabled_at.is_some() {
            return Some(Closed::Disabled);
        }
        self.of.expires_at.is_some_and(|end| now >= end).then_some(Closed::Expired)
    }

    /// The person who signs in with it. They have no principal name: an address that somebody wrote down here must not
    /// pass for a directory's.
    pub fn person(&self) -> Person {
        let group = |group: &AccountGroup| Group {
            id: GroupId::new(format!("{}{group}", AccountId::PREFIX)),
            name: group.to_string(),
            dn: String::new(),
        };
        Person {
            id: self.id.person_id(),
            directory: Some(DirectoryName::local()),
            username: self.of.name.to_string(),
            principal: None,
            display_name: self.of.display_name.clone(),
            groups: self.of.groups.iter().map(group).collect(),
            password_expires: None,
        }
    }
}
