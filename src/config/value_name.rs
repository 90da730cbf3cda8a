use std::fmt::{self, Display, Formatter};

/// The value that a message is about.
#[derive(Clone, Copy)]
pub(crate) enum ValueName<'k> {
    /// The value of a key.
    Of(&'k str),
    /// An item of the list that is the value of a key.
    ItemOf(&'k str),
}

impl<'k> From<&'k str> for ValueName<'k> {
    fn from(key: &'k str) -> Self {
        Self::Of(key)
    }
}

impl<'k> From<&'k String> for ValueName<'k> {
    fn from(key: &'k String) -> Self {
        Self::Of(key)
    }
}

impl ValueName<'_> {
    /// The value in the form of `example`, as it is to be written.
    pub(super) fn written_as(self, example: &str) -> String {
        match self {
            Self::Of(key) => format!("`{key} = {example}`"),
            Self::ItemOf(_) => format!("`{example}`"),
        }
    }
}

impl Display for ValueName<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(key) => write!(f, "`{key}`"),
            Self::ItemOf(key) => write!(f, "each of `{key}`"),
        }
    }
}
