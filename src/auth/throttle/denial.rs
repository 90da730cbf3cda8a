use super::reason::ThrottleReason;
use crate::store::StoreError;

/// Why there is no permit for an attempt.
#[derive(Clone, Debug)]
pub(in crate::auth) enum AttemptDenial {
    /// There were too many, or there are.
    Throttled(ThrottleReason),
    /// The store that counts them cannot be asked, and without it nobody may try.
    Store(StoreError),
}

impl From<ThrottleReason> for AttemptDenial {
    fn from(reason: ThrottleReason) -> Self {
        Self::Throttled(reason)
    }
}

impl From<StoreError> for AttemptDenial {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
