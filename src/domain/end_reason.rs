use std::fmt;

/// Why a session or a token ended. Live connections are told it in their `bye`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// The person signed out, or signed in anew in the same browser.
    SignedOut,
    /// It was unused for too long, or reached its last hour.
    Expired,
    /// Somebody else ended it: an admin, the person from another browser, the directory's text.
    Revoked,
}

impl EndReason {
    /// The reason as it is stored and sent: `signed-out`, `expired`, `revoked`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "signed-out",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }

    /// The reason read from the store. One that a later version wrote counts as revoked: it ended, and not by itself.
    pub fn from_stored(text: &str) -> Self {
        let known = [Self::SignedOut, Self::Expired].into_iter().find(|reason| reason.as_str() == text);
        known.unwrap_or(Self::Revoked)
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
