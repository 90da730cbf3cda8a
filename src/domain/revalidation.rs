use std::fmt;

/// Whether the person behind a session or token is read again from the directory while it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revalidation {
    /// The directory is asked for them again and again.
    Refreshed,
    /// Nobody can ask about them without their password: the session is short instead.
    Unrefreshed,
}

impl Revalidation {
    /// The word it is stored as: `refreshed`, `unrefreshed`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refreshed => "refreshed",
            Self::Unrefreshed => "unrefreshed",
        }
    }
}

impl From<String> for Revalidation {
    /// The revalidation that a stored word stands for. An unknown one, as a later version may write, is read as the one with the
    /// shorter lifetime.
    fn from(word: String) -> Self {
        if word == Self::Refreshed.as_str() { Self::Refreshed } else { Self::Unrefreshed }
    }
}

impl fmt::Display for Revalidation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
