use std::time::Duration;

/// Why an attempt is not allowed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::auth) enum ThrottleReason {
    /// Pending attempts may use up what is left; once they have ended there may be room again.
    Pending,
    /// The same password was tried a moment ago, and was wrong.
    SamePassword,
    /// The person's failures are used up, under whichever names, and a stranger must not learn that these are one person's.
    Withheld,
    /// The directory's own count, with failures elsewhere, is so high that one more could lock the account.
    NearLockout,
    /// There were too many failures; another attempt is allowed after this time.
    Exhausted(Duration),
}
