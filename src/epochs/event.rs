/// An event that takes the ground from under what a person has proved before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RevocationEvent {
    /// Their password has changed: here, on the command line, or in the directory.
    PasswordChanged,
    /// Their account was disabled or removed, or has expired.
    AccountClosed,
    /// Somebody ended all that is theirs: they themselves, or an administrator.
    AllEnded,
    /// They enrolled a second factor, or removed one.
    FactorsChanged,
    /// An administrator removed all their second factors.
    FactorsReset,
    /// They are no longer in a group.
    GroupsLost,
    /// Their account may not use Digest any more, or with another password only.
    DigestRevoked,
}

/// A kind of proof of who somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProofKind {
    /// A session.
    Session,
    /// A sign-in that waits for its second factor, or a passkey's that is under way.
    PendingSignIn,
    /// An API token.
    ApiToken,
    /// A signed token (JWT) that was made from a session or an API token.
    SignedToken,
    /// A password or a response made from one: what Basic remembers, Digest, a signed token that was made from either.
    Password,
}

impl RevocationEvent {
    /// Every event.
    pub const ALL: [Self; 7] = [
        Self::PasswordChanged,
        Self::AccountClosed,
        Self::AllEnded,
        Self::FactorsChanged,
        Self::FactorsReset,
        Self::GroupsLost,
        Self::DigestRevoked,
    ];

    /// Whether it ends a proof of this kind that was made before it: the one table, which `docs/src/signing-in.md` repeats. The
    /// session in which somebody changes their own password or factors, or ends all else, is not among what ends.
    ///
    /// Sessions and API tokens do not end with a group: their person is described anew, and every page is asked for again. What
    /// remembers the person as they were has nobody who would.
    pub fn ends(self, proof: ProofKind) -> bool {
        match self {
            Self::PasswordChanged | Self::AccountClosed | Self::AllEnded | Self::FactorsChanged | Self::FactorsReset => true,
            Self::GroupsLost | Self::DigestRevoked => proof == ProofKind::Password,
        }
    }

    /// The word that it is stored as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PasswordChanged => "password-changed",
            Self::AccountClosed => "account-closed",
            Self::AllEnded => "all-ended",
            Self::FactorsChanged => "factors-changed",
            Self::FactorsReset => "factors-reset",
            Self::GroupsLost => "groups-lost",
            Self::DigestRevoked => "digest-revoked",
        }
    }

    /// The event that a stored word stands for. One that a later version wrote ends everything: that is safe.
    pub fn from_stored(word: &str) -> Self {
        Self::ALL.into_iter().find(|event| event.as_str() == word).unwrap_or(Self::AllEnded)
    }
}
