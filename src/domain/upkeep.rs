use std::fmt;

/// How what is known of somebody who is signed in is kept true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upkeep {
    /// The directory is asked again and again what became of them.
    Refreshed,
    /// Nobody can ask about them without their password: the session is short instead.
    Unrefreshed,
}

impl Upkeep {
    /// The word for it: `refreshed`, `unrefreshed`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Refreshed => "refreshed",
            Self::Unrefreshed => "unrefreshed",
        }
    }

    /// The upkeep a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Refreshed, Self::Unrefreshed].into_iter().find(|upkeep| upkeep.word() == word)
    }
}

impl fmt::Display for Upkeep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
