use std::fmt;

/// How what is known of somebody who is signed in is kept true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revalidation {
    /// The directory is asked again and again what became of them.
    Refreshed,
    /// Nobody can ask about them without their password: the session is short instead.
    Unrefreshed,
}

impl Revalidation {
    /// The word for it: `refreshed`, `unrefreshed`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refreshed => "refreshed",
            Self::Unrefreshed => "unrefreshed",
        }
    }

    /// The upkeep a word stands for.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Refreshed, Self::Unrefreshed].into_iter().find(|upkeep| upkeep.as_str() == word)
    }
}

impl fmt::Display for Revalidation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
