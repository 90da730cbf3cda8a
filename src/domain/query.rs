use std::collections::BTreeMap;

use super::{Bindings, InputName, SourceName};

/// The chosen option of every input of a page: a name and the option's `value`. Equal choices are one channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InputValues(BTreeMap<InputName, String>);

impl InputValues {
    /// The value chosen for `input`.
    pub fn get(&self, input: &InputName) -> Option<&str> {
        self.0.get(input).map(String::as_str)
    }

    /// Name and value of each input, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&InputName, &str)> {
        self.0.iter().map(|(name, value)| (name, value.as_str()))
    }
}

impl FromIterator<(InputName, String)> for InputValues {
    fn from_iter<I: IntoIterator<Item = (InputName, String)>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

/// A query with its inputs' values bound, as a feed sends it to a source. Two panels with equal ones share one feed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BoundQuery {
    /// The source it is sent to.
    pub source: SourceName,
    /// The query as its author wrote it. Values are never spliced into it.
    pub text: String,
    /// The inputs' values that this query uses, for the source to bind in its own safe way.
    pub bindings: Bindings,
}
