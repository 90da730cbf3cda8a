use serde::{Deserialize, Serialize};

use crate::domain::{RootCredential, Timestamp};

/// What a signed token says (RFC 7519, 4.1). Times are whole seconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::auth) struct Claims {
    /// This site.
    pub(in crate::auth) iss: String,
    /// This program.
    pub(in crate::auth) aud: String,
    /// The person's stable id.
    pub(in crate::auth) sub: String,
    pub(in crate::auth) iat: i64,
    pub(in crate::auth) nbf: i64,
    pub(in crate::auth) exp: i64,
    /// Never given twice.
    pub(in crate::auth) jti: String,
    /// What it is good for (RFC 8693, 4.2).
    pub(in crate::auth) scope: String,
    /// What it was made from, and ends with.
    pub(in crate::auth) made_from: RootCredential,
    /// Until when a second factor counts that was shown for what it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::auth) second_factor_until: Option<i64>,
}

/// A moment in whole seconds.
pub(in crate::auth) fn to_unix_seconds(moment: Timestamp) -> i64 {
    moment.as_millis().div_euclid(1_000)
}

/// The moment that so many seconds are, if there is one.
pub(in crate::auth) fn from_unix_seconds(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds.saturating_mul(1_000))
}
