use std::time::Duration;

use crate::directory::{RemovalReason, Unreachable};
use crate::factors::{CodeRefusal, PasskeyRefusal};
use crate::store::StoreError;

/// Why a second factor was refused.
#[derive(Debug, thiserror::Error)]
pub enum FactorRefusal {
    /// The sign-in is not pending any more: the password must be given again.
    #[error("nobody waits for this second step")]
    NotPending,
    /// The code is not right.
    #[error(transparent)]
    Code(#[from] CodeRefusal),
    /// The passkey is not right.
    #[error(transparent)]
    Passkey(#[from] PasskeyRefusal),
    /// The passkey is right, and somebody else's.
    #[error("the passkey is somebody else's")]
    WrongOwner,
    /// The store could not be asked: that says nothing about the factor.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl FactorRefusal {
    /// The stable word for the audit log.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NotPending => "not-waiting",
            Self::Code(refusal) => refusal.as_str(),
            Self::Passkey(refusal) => refusal.as_str(),
            Self::WrongOwner => "passkey-of-another",
            Self::Store(_) => "store-unavailable",
        }
    }

    /// The time until another code is accepted, when there were too many wrong ones.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Code(CodeRefusal::Throttled { retry_after, .. }) => Some(*retry_after),
            _ => None,
        }
    }

    /// The store's error, if that is the cause; otherwise the refusal itself.
    pub fn into_store_error(self) -> Result<StoreError, Self> {
        match self {
            Self::Store(error) | Self::Code(CodeRefusal::Store(error)) | Self::Passkey(PasskeyRefusal::Store(error)) => {
                Ok(error)
            }
            other => Err(other),
        }
    }
}

/// Why a passwordless sign-in was refused.
#[derive(Debug, thiserror::Error)]
pub enum PasskeySignInRefusal {
    /// The passkey is not right.
    #[error(transparent)]
    Passkey(#[from] PasskeyRefusal),
    /// Without a service account the directory cannot be asked whether the owner may still sign in.
    #[error("without a service account nobody can say whether the owner of a passkey may still sign in")]
    NoServiceAccount,
    /// The directory says that the owner may not sign in any more.
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
    /// The stable word for the audit log.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Passkey(refusal) => refusal.as_str(),
            Self::NoServiceAccount => "no-service-account",
            Self::Removed(removal) => removal.word(),
            Self::Unreachable(Unreachable { result_code: Some(_), .. }) => "directory-error",
            Self::Unreachable(_) => "directory-unreachable",
            Self::Store(_) => "store-unavailable",
        }
    }
}
