use serde::{Deserialize, Serialize};

use crate::domain::{PersonEpoch, RootCredential, Timestamp};

/// The claims of a JWT (RFC 7519, 4.1). Times are whole seconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::auth) struct Claims {
    /// The issuer: this site.
    pub(in crate::auth) iss: String,
    /// The audience: this program.
    pub(in crate::auth) aud: String,
    /// The subject: the person's stable id.
    pub(in crate::auth) sub: String,
    pub(in crate::auth) iat: i64,
    pub(in crate::auth) nbf: i64,
    pub(in crate::auth) exp: i64,
    /// The token's id, never given twice.
    pub(in crate::auth) jti: String,
    /// The scope (RFC 8693, 4.2).
    pub(in crate::auth) scope: String,
    /// The root credential: the token is made from it, and ends with it.
    #[serde(rename = "made_from")]
    pub(in crate::auth) root: RootCredential,
    /// The epoch that the root credential was verified in, or the token was made in where the root has a row.
    #[serde(default)]
    pub(in crate::auth) epoch: PersonEpoch,
    /// The time until which the second factor shown for that credential counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::auth) second_factor_until: Option<i64>,
}

/// A time in whole seconds since the Unix epoch.
pub(in crate::auth) fn to_unix_seconds(time: Timestamp) -> i64 {
    time.as_millis().div_euclid(1_000)
}

/// The time of so many seconds since the Unix epoch.
pub(in crate::auth) fn from_unix_seconds(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds.saturating_mul(1_000))
}
