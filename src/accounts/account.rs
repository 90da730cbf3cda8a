use crate::domain::{Group, GroupId, Person, Realm, Timestamp};

use super::{AccountGroup, AccountId, AccountName, MailAddress};

/// A local account, without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalAccount {
    /// Its id.
    pub id: AccountId,
    /// Its name, owner and groups.
    pub profile: AccountProfile,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was disabled, if it is.
    pub disabled_at: Option<Timestamp>,
    /// When its password was set. Whoever signed in with the one before is signed out.
    pub password_set_at: Timestamp,
    /// Whether it may use Digest.
    pub has_digest: bool,
}

/// The description of an account, from which it is created, or to which somebody is invited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountProfile {
    /// Its name, behind `local\`.
    pub name: AccountName,
    /// Its owner's name, for people.
    pub display_name: String,
    /// The owner's mail address, with which they may sign in too where the settings name its domain.
    pub mail: Option<MailAddress>,
    /// The groups that the owner is in.
    pub groups: Vec<AccountGroup>,
    /// The moment from which on nobody can sign in with it.
    pub expires_at: Option<Timestamp>,
    /// Whether its owner must have a second factor.
    pub second_factor: bool,
}

/// The reason why nobody can sign in with an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InactiveReason {
    /// It is disabled.
    Disabled,
    /// It has expired.
    Expired,
}

impl AccountProfile {
    /// A profile with a name and a display name, and nothing else.
    pub fn named(name: AccountName, display_name: &str) -> Self {
        let display_name = display_name.to_owned();
        Self { name, display_name, mail: None, groups: Vec::new(), expires_at: None, second_factor: false }
    }
}

impl LocalAccount {
    /// The reason why nobody can sign in with it at `now`; `None` when its owner can.
    pub fn inactive_reason(&self, now: Timestamp) -> Option<InactiveReason> {
        if self.disabled_at.is_some() {
            return Some(InactiveReason::Disabled);
        }
        self.profile.expires_at.is_some_and(|end| now >= end).then_some(InactiveReason::Expired)
    }

    /// The person who signs in with it. They have no principal name: an address that somebody wrote down here must not
    /// pass for a directory's.
    pub fn person(&self) -> Person {
        let group = |name: &str| Group {
            id: GroupId::new(format!("{}{name}", AccountId::PREFIX)),
            name: name.to_owned(),
            dn: String::new(),
            shares_name: false,
        };
        let required_group = self.profile.second_factor.then_some(Person::SECOND_FACTOR_GROUP);
        let groups = self.profile.groups.iter().map(AccountGroup::as_str).filter(|name| Some(*name) != required_group);
        Person {
            id: self.id.person_id(),
            realm: Realm::Local,
            username: self.profile.name.to_string(),
            principal: None,
            display_name: self.profile.display_name.clone(),
            groups: groups.chain(required_group).map(group).collect(),
            password_expires: None,
            password_set: None,
        }
    }
}
