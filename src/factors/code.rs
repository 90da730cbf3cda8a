use std::time::Duration;

use crate::domain::Timestamp;
use crate::store::StoreError;

/// The second factor that was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifiedFactor {
    /// A code of their authenticator app.
    App,
    /// One of their recovery codes.
    RecoveryCode {
        /// The number of codes left.
        left: usize,
    },
    /// A passkey, with the finger, the face or the PIN that it asks for.
    Passkey,
}

impl VerifiedFactor {
    /// One word for it, in the audit. It does not change.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::RecoveryCode { .. } => "recovery-code",
            Self::Passkey => "passkey",
        }
    }
}

/// The reason why a code was refused.
#[derive(Debug, thiserror::Error)]
pub enum CodeRefusal {
    /// It is none of theirs, or has expired.
    #[error("the code is wrong")]
    Wrong,
    /// It is right, and has been used before.
    #[error("the code has been used before")]
    Used,
    /// There were too many wrong codes from this place.
    #[error("too many wrong codes; another is heard in {} s", retry_after.as_secs())]
    Throttled {
        /// The wait until another attempt from there.
        retry_after: Duration,
        /// The end of the wait.
        until: Timestamp,
    },
    /// The enrollment of the app has expired, or is not this browser's.
    #[error("the offer is out of date")]
    EnrollmentExpired,
    /// The seed was sealed under another secret key than the program has now.
    #[error("the seed cannot be unsealed: the secret key is another than when the app was set up")]
    SealedUnderAnotherKey,
    /// The store could not be asked: that says nothing about the code.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CodeRefusal {
    /// One word for it, in the audit. It does not change.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Wrong => "wrong-code",
            Self::Used => "used-code",
            Self::Throttled { .. } => "throttled",
            Self::EnrollmentExpired => "old-offer",
            Self::SealedUnderAnotherKey => "sealed-under-another-key",
            Self::Store(_) => "store-unavailable",
        }
    }
}
