use super::{Credential, Person, PersonEpoch, RootCredential, Scope, SessionId, Timestamp};

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
        let credential = Credential::stored(RootCredential::Session(session));
        Self { person, credential, scope: Scope::Unrestricted, second_factor_until: None }
    }

    /// A member who sends a name and a password, or the like, with each request, found right in this epoch; a live connection
    /// lasts until `expires_at`.
    pub fn per_request(person: Person, expires_at: Timestamp, epoch: PersonEpoch) -> Self {
        let credential = Credential::per_request(expires_at, epoch);
        Self { person, credential, scope: Scope::Unrestricted, second_factor_until: None }
    }

    /// Their session, where the credential is one.
    pub fn session(&self) -> Option<SessionId> {
        match self.credential {
            Credential { root: RootCredential::Session(id), is_issued: false, .. } => Some(id),
            _ => None,
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
