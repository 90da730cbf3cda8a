use std::fmt;
use std::str::FromStr;

use unicode_normalization::UnicodeNormalization as _;

use super::username::is_invisible;
use super::{Dn, Group, Person, PrincipalName, Realm, is_same_name};

/// A reference to a group, as the settings or a page write it: `dash-ops`, `brand\sales`, `local\admins`, a DN or a SID.
///
/// A name that stands alone is the default directory's; another realm stands before it, and before a DN or SID likewise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRef {
    written: String,
    realm: Realm,
    key: GroupKey,
}

/// The kind of name by which a [`GroupRef`] refers to a group of its realm. Each is compared only with the like of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupKey {
    /// Its short name (`sAMAccountName`, `cn`), in any case.
    Name(String),
    /// Its distinguished name.
    Dn(Dn),
    /// Its security identifier, `S-1-…`.
    Sid(String),
}

/// A reference to a person, as the settings or a page write it: `alice`, `brand\alice`, `local\root` or
/// `alice@corp.example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRef {
    written: String,
    key: UserKey,
}

/// The kind of name by which a [`UserRef`] refers to a person. Each is compared only with the like of it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum UserKey {
    /// The account of this name (`sAMAccountName`, `uid`) in this realm, in any case.
    Account(Realm, String),
    /// The person with this principal name.
    Principal(PrincipalName),
}

/// The error for a text that refers to no person or group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReference {
    /// There is no name in it.
    #[error("write a name; before it, another directory or `local`, as in 'brand\\sales'")]
    Empty,
    /// No directory can be called what stands before the `\`.
    #[error("before the \\ stands a directory of the settings, or `local`; the default directory's names stand alone")]
    Realm,
    /// A person is named by a DN or SID.
    #[error("people are named by their account (`alice`, 'brand\\alice') or principal name (`alice@corp.example.com`)")]
    Person,
    /// A local group is named by a DN or SID.
    #[error("a group of local accounts has neither a DN nor a SID: write 'local\\admins'")]
    LocalGroup,
}

impl GroupRef {
    /// The realm of the groups that it can refer to.
    pub fn realm(&self) -> &Realm {
        &self.realm
    }

    /// The name by which it refers to one of them.
    pub fn key(&self) -> &GroupKey {
        &self.key
    }

    /// Whether this refers to `group`, which is one of `person`'s, and to no other: what a group grants, it grants by this.
    pub fn matches(&self, group: &Group, person: &Person) -> bool {
        self.may_mean(group, person) && !(group.shares_name && matches!(self.key, GroupKey::Name(_)))
    }

    /// Whether this refers to `group`, or to another of the same name: what a group demands of its members, it demands by
    /// this.
    pub fn may_mean(&self, group: &Group, person: &Person) -> bool {
        self.realm == person.realm && self.key.matches(group)
    }
}

impl GroupKey {
    fn parse(text: &str) -> Self {
        if is_sid(text) {
            return Self::Sid(text.to_ascii_uppercase());
        }
        text.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Dn)
    }

    fn matches(&self, group: &Group) -> bool {
        match self {
            Self::Name(name) => is_same_name(name, &group.name),
            Self::Dn(dn) => group.dn.parse().is_ok_and(|theirs: Dn| *dn == theirs),
            Self::Sid(sid) => *sid == group.id.as_str(),
        }
    }
}

impl FromStr for GroupRef {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let written = as_directories_write(text);
        let (realm, name) = split_realm(&written)?;
        let key = GroupKey::parse(name);
        if realm.is_local() && !matches!(key, GroupKey::Name(_)) {
            return Err(InvalidReference::LocalGroup);
        }
        Ok(Self { written, realm, key })
    }
}

impl UserRef {
    /// Whether this refers to `person`.
    pub fn matches(&self, person: &Person) -> bool {
        match &self.key {
            UserKey::Account(realm, name) => *realm == person.realm && is_same_name(name, &person.username),
            UserKey::Principal(principal) => person.principal.as_ref() == Some(principal),
        }
    }

    /// The name itself, as its owner types it where nothing else is meant: without the realm.
    pub fn name(&self) -> &str {
        match &self.key {
            UserKey::Account(_, name) => name,
            UserKey::Principal(_) => &self.written,
        }
    }

    /// The realm of the account that it names; `None` where a principal name is to say that.
    pub fn realm(&self) -> Option<&Realm> {
        match &self.key {
            UserKey::Account(realm, _) => Some(realm),
            UserKey::Principal(_) => None,
        }
    }
}

impl FromStr for UserRef {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let written = as_directories_write(text);
        let (realm, name) = split_realm(&written)?;
        if !matches!(GroupKey::parse(name), GroupKey::Name(_)) {
            return Err(InvalidReference::Person);
        }
        let principal = name.parse().ok().filter(|_: &PrincipalName| written == name);
        let key = principal.map_or_else(|| UserKey::Account(realm, name.to_owned()), UserKey::Principal);
        Ok(Self { written, key })
    }
}

impl fmt::Display for GroupRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl fmt::Display for UserRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// A reference without what cannot be seen around it, and in Unicode's form NFC, as directories keep names: it may have been pasted.
fn as_directories_write(text: &str) -> String {
    text.trim_matches(is_invisible).nfc().collect()
}

/// The realm that stands before the first `\` of a reference, and the name behind it. A `\` in a DN that stands alone
/// escapes a character: there is a `=` before it, which is in no directory's name.
fn split_realm(text: &str) -> Result<(Realm, &str), InvalidReference> {
    let (realm, name) = match text.split_once('\\').filter(|(qualifier, _)| !qualifier.contains('=')) {
        Some((qualifier, name)) => (qualifier.parse().map_err(|_| InvalidReference::Realm)?, name),
        None => (Realm::Default, text),
    };
    if name.trim().is_empty() { Err(InvalidReference::Empty) } else { Ok((realm, name)) }
}

fn is_sid(text: &str) -> bool {
    let mut parts = text.split('-');
    parts.next().is_some_and(|s| s.eq_ignore_ascii_case("s"))
        && text.matches('-').count() >= 2
        && parts.all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests;
