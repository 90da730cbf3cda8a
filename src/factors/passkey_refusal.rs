use crate::store::StoreError;

/// The most passkeys of a person: more than anybody has devices.
pub(super) const MAX_PASSKEYS: usize = 20;

/// The reason why a passkey was refused.
#[derive(Debug, thiserror::Error)]
pub enum PasskeyRefusal {
    /// The response is to no challenge of this browser, to one that has expired, or to one that was used before.
    #[error("the answer belongs to no question of ours, or comes too late")]
    UnknownChallenge,
    /// The passkey is not registered here (any more).
    #[error("nobody has this passkey")]
    UnknownPasskey,
    /// The passkey is registered already.
    #[error("the passkey is known already")]
    AlreadyRegistered,
    /// The person has as many passkeys as there may be.
    #[error("there are {MAX_PASSKEYS} passkeys already")]
    TooMany,
    /// The authenticator's response is invalid; the text is for the log.
    #[error("the authenticator's answer is refused: {0}")]
    InvalidResponse(String),
    /// The store could not be asked: that says nothing about the passkey.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PasskeyRefusal {
    /// One word for it, in the audit. It does not change.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::UnknownChallenge => "passkey-not-asked",
            Self::UnknownPasskey => "passkey-unknown",
            Self::AlreadyRegistered => "passkey-known",
            Self::TooMany => "too-many-passkeys",
            Self::InvalidResponse(_) => "passkey-refused",
            Self::Store(_) => "store-unavailable",
        }
    }
}
