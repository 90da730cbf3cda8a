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

    /// Reads the word it is stored as.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Refreshed, Self::Unrefreshed].into_iter().find(|revalidation| revalidation.as_str() == word)
    }
}

impl fmt::Display for Revalidation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
