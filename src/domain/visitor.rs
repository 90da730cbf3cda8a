use super::{Credential, Person, Scope, SessionId, Timestamp};

/// The one who makes a request.
#[derive(Clone, Debug)]
pub enum Visitor {
    /// Nobody who is known.
    Anonymous,
    /// Somebody who is signed in, and whom the directory has not been able to confirm for too long. Treated as
    /// anonymous until it can; their session has not ended.
    Unconfirmed,
    /// Somebody who has proved who they are.
    Member(Box<Member>),
}

/// A visitor who has proved who they are.
#[derive(Clone, Debug)]
pub struct Member {
    /// Who they are.
    pub person: Person,
    /// The credential by which they have proved it.
    pub credential: Credential,
    /// The permissions of that credential.
    pub scope: Scope,
    /// Until when their second factor counts; `None` when they have shown none, or too long ago.
    pub second_factor_until: Option<Timestamp>,
}

impl Member {
    /// A member with a session, who has shown no second factor.
    pub fn signed_in(session: SessionId, person: Person) -> Self {
        Self { person, credential: Credential::Session(session), scope: Scope::Unrestricted, second_factor_until: None }
    }

    /// Their session, where the credential is one.
    pub fn session(&self) -> Option<SessionId> {
        match self.credential {
            Credential::Session(id) => Some(id),
            Credential::Password | Credential::Token(_) | Credential::Jwt { .. } => None,
        }
    }
}

impl From<Member> for Visitor {
    fn from(member: Member) -> Self {
        Self::Member(Box::new(member))
    }
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
