use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use super::{PrincipalName, Realm, Timestamp};

/// A person's permanent id: the directory's stable one (`objectGUID`, `entryUUID`), never the DN, so that a rename
/// or a move keeps the person and a re-created account is another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(from = "String")]
pub struct PersonId(Arc<str>);

impl PersonId {
    /// The id as the directory room writes it: the attribute's name, a colon, the value.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into().into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for PersonId {
    fn from(id: String) -> Self {
        Self::new(id)
    }
}

impl Serialize for PersonId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An entry in the directory, as it was when last read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Who it is.
    pub id: PersonId,
    /// The realm in which they were found.
    #[serde(rename = "directory", default)]
    pub realm: Realm,
    /// The account's name as the directory writes it (`sAMAccountName`, `uid`).
    pub username: String,
    /// `userPrincipalName`, where there is one.
    #[serde(default, deserialize_with = "PrincipalName::read_stored")]
    pub principal: Option<PrincipalName>,
    /// The name that people call them (`displayName`, `cn`).
    pub display_name: String,
    /// Every group they are in: nested, and the primary one.
    pub groups: Groups,
    /// When their password expires; `None` when it does not, or the directory does not tell.
    #[serde(default)]
    pub password_expires: Option<Timestamp>,
    /// When their password was set, the beginning of 1970 where it must be changed at the next sign-in; `None` where the directory
    /// does not tell.
    #[serde(default)]
    pub password_set: Option<Timestamp>,
}

impl Person {
    /// The group of those local accounts whose owners must show a second factor wherever they must sign in, whatever
    /// the settings ask of others.
    pub const SECOND_FACTOR_GROUP: &str = "second-factor";

    /// Somebody of the default directory for tests, in no group: their id is `objectGUID:` and the name.
    #[cfg(test)]
    pub(crate) fn named(name: &str) -> Self {
        Self {
            id: PersonId::new(format!("objectGUID:{name}")),
            realm: Realm::Default,
            username: name.to_owned(),
            principal: None,
            display_name: name.to_owned(),
            groups: Groups::default(),
            password_expires: None,
            password_set: None,
        }
    }

    /// Whether their account itself requires a second factor.
    pub fn requires_second_factor(&self) -> bool {
        self.realm.is_local() && self.groups.iter().any(|group| group.name == Self::SECOND_FACTOR_GROUP)
    }

    /// The account's name with its realm before it, as pages write it: `alice`, `brand\alice`, `local\root`.
    pub fn qualified_name(&self) -> String {
        self.realm.qualify(&self.username)
    }
}

/// A group's id in its directory: its SID in Active Directory, its normalised DN elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GroupId(String);

impl GroupId {
    /// The id as the directory room writes it: `S-1-5-…`, or a DN.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A group somebody is in, with all the ways a page may name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its SID or DN.
    pub id: GroupId,
    /// Its short name (`sAMAccountName`, `cn`).
    pub name: String,
    /// Its distinguished name.
    pub dn: String,
    /// Whether its directory has another group with this name, so that the name alone means neither of them. Active
    /// Directory allows no such groups; elsewhere whoever may write one branch of the tree can make one.
    #[serde(default)]
    pub shares_name: bool,
}

/// The groups of one person. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Groups(Arc<[Group]>);

impl Groups {
    /// The groups, in the directory's order.
    pub fn iter(&self) -> impl Iterator<Item = &Group> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Group> for Groups {
    fn from_iter<I: IntoIterator<Item = Group>>(groups: I) -> Self {
        Self(groups.into_iter().collect())
    }
}
