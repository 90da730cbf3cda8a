use std::fmt;

use super::Person;

/// The public handle of a session: it names one in logs and lists, and opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(i64);

impl SessionId {
    /// The session with this row number in the store.
    pub fn new(id: i64) -> Self {
        Self(id)
    }

    /// Its row number in the store.
    pub fn as_i64(self) -> i64 {
        self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Whoever makes a request.
#[derive(Clone, Debug)]
pub enum Visitor {
    /// Nobody we know.
    Anonymous,
    /// Somebody who is signed in, and of whom the directory has not been able to say for too long whether they still
    /// may be. A stranger at every door until it can; their session has not ended.
    Unconfirmed,
    /// Somebody who has proved who they are.
    Member(Member),
}

/// A visitor who has proved who they are.
#[derive(Clone, Debug)]
pub struct Member {
    /// The session that proves it.
    pub session: SessionId,
    /// Who they are.
    pub person: Person,
}

impl Visitor {
    /// The member, when the visitor is one.
    pub fn member(&self) -> Option<&Member> {
        match self {
            Self::Anonymous | Self::Unconfirmed => None,
            Self::Member(member) => Some(member),
        }
    }
}
