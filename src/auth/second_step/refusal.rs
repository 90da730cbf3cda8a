use std::time::Duration;

use crate::directory::{RemovalReason, Unreachable};
use crate::factors::{CodeRefusal, PasskeyRefusal};
use crate::store::StoreError;

/// Why a second factor was not taken.
#[derive(Debug, thiserror::Error)]
pub enum FactorRefusal {
    /// Nobody waits with this token any more: the password must be given again.
    #[error("nobody waits for this second step")]
    NotPending,
    /// A code that is not right.
    #[error(transparent)]
    Code(#[from] CodeRefusal),
    /// A passkey that is not right.
    #[error(transparent)]
    Passkey(#[from] PasskeyRefusal),
    /// A passkey that is right, and somebody else's.
    #[error("the passkey is somebody else's")]
    WrongOwner,
    /// The store could not be asked: that says nothing about the factor.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl FactorRefusal {
    /// One word for it, in the audit. It does not change.
    pub fn word(&self) -> &'static str {
        match self {
            Self::NotPending => "not-waiting",
            Self::Code(refusal) => refusal.word(),
            Self::Passkey(refusal) => refusal.word(),
            Self::WrongOwner => "passkey-of-another",
            Self::Store(_) => "store-unavailable",
        }
    }

    /// How long until another code is heard, when there were too many wrong ones.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Code(CodeRefusal::Throttled { retry_after }) => Some(*retry_after),
            _ => None,
        }
    }

    /// What went wrong on our side, if something did.
    pub fn into_store_error(self) -> Result<StoreError, Self> {
        match self {
            Self::Store(error)
            | Self::Code(CodeRefusal::Store(error))
            | Self::Passkey(PasskeyRefusal::Store(error)) => Ok(error),
            other => Err(other),
        }
    }
}

/// Why a passkey alone signed nobody in.
#[derive(Debug, thiserror::Error)]
pub enum PasskeySignInRefusal {
    /// The passkey is not right.
    #[error(transparent)]
    Passkey(#[from] PasskeyRefusal),
    /// Nobody can ask the directory whether its owner may still sign in: it has no account that searches.
    #[error("without a service account nobody can say whether the owner of a passkey may still sign in")]
    NoServiceAccount,
    /// The directory says that they may not.
    #[error("the directory says that they may not sign in any more")]
    Removed(RemovalReason),
    /// The directory could not be asked.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// The session could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PasskeySignInRefusal {
    /// One word for it, in the audit. It does not change.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Passkey(refusal) => refusal.word(),
            Self::NoServiceAccount => "no-service-account",
            Self::Removed(departure) => departure.word(),
            Self::Unreachable(_) => "directory-unreachable",
            Self::Store(_) => "store-unavailable",
        }
    }
}
