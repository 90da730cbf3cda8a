use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use super::is_same_name;

/// A user principal name, `alice@corp.example.com` (`userPrincipalName`, MS-ADTS 5.1.1.1.1), compared without regard to
/// case.
///
/// What a directory has in that attribute need not be one: a text without a suffix, or with a `\`, as in `local\root`, is
/// none.
#[derive(Clone, Debug, Eq, Serialize)]
#[serde(transparent)]
pub struct PrincipalName(String);

/// A text that is no principal name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a principal name is written as in alice@corp.example.com")]
pub struct InvalidPrincipalName;

impl PrincipalName {
    /// The name as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part behind the last `@`.
    pub fn suffix(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, suffix)| suffix)
    }

    /// Reads a person's name from the store, where an older version kept whatever the attribute held.
    pub(super) fn read_stored<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        let stored = Option::<String>::deserialize(deserializer)?;
        Ok(stored.and_then(|text| text.parse().ok()))
    }
}

impl FromStr for PrincipalName {
    type Err = InvalidPrincipalName;

    fn from_str(text: &str) -> Result<Self, InvalidPrincipalName> {
        let parts = text.rsplit_once('@').filter(|(name, suffix)| !name.is_empty() && !suffix.is_empty());
        let is_plain = !text.contains('\\') && !text.contains(char::is_control) && text.trim() == text;
        parts.filter(|_| is_plain).map(|_| Self(text.to_owned())).ok_or(InvalidPrincipalName)
    }
}

impl PartialEq for PrincipalName {
    fn eq(&self, other: &Self) -> bool {
        is_same_name(&self.0, &other.0)
    }
}

impl fmt::Display for PrincipalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
