//! The arguments of queries that are made of words: an argument is one word, or one placeholder that stands for all of it.

use super::QueryError;
use super::text::closest_match;
use crate::domain::{Bindings, Placeholder, TextTemplate};

/// A parsed argument: its value, or the placeholder that the value takes the place of.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Argument<T> {
    Value(T),
    Placeholder(Placeholder),
}

impl<T: Clone> Argument<T> {
    /// Parses a word. A plain one is read at once, so that a typo shows when the page is loaded.
    ///
    /// # Errors
    /// The error of `read`, or `mixed` where the word mixes text and placeholders.
    pub(super) fn parse(
        word: &str,
        read: impl FnOnce(&str) -> Result<T, QueryError>,
        mixed: impl FnOnce() -> String,
    ) -> Result<Self, QueryError> {
        let template: TextTemplate = word.parse()?;
        if let Some(text) = template.literal() {
            return read(text).map(Self::Value);
        }
        match template.placeholders().next() {
            Some(placeholder) if word == format!("{{{}}}", placeholder.key) => Ok(Self::Placeholder(placeholder.clone())),
            _ => Err(QueryError(mixed())),
        }
    }

    /// The placeholder, if it is one.
    pub(super) fn into_placeholders(self) -> Vec<Placeholder> {
        match self {
            Self::Value(_) => Vec::new(),
            Self::Placeholder(placeholder) => vec![placeholder],
        }
    }

    /// The value, which is read where it is bound only now.
    ///
    /// # Errors
    /// The error of `read`, or that there is no value.
    pub(super) fn bind(&self, bindings: &Bindings, read: impl FnOnce(&str) -> Result<T, QueryError>) -> Result<T, QueryError> {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::Placeholder(placeholder) => {
                read(placeholder.value(bindings).ok_or_else(|| QueryError::no_value(placeholder))?)
            }
        }
    }
}

/// The entry called `name`, of those that a source has.
///
/// # Errors
/// `the host has no 'cpu.totl'; did you mean 'cpu.total'? It answers cpu.total, …`
pub(super) fn find_named<T: Copy>(
    source: &str,
    answers: &str,
    name: &str,
    entries: &[(&'static str, T)],
) -> Result<T, QueryError> {
    entries.iter().find(|(known, _)| *known == name).map(|(_, entry)| *entry).ok_or_else(|| {
        let known: Vec<_> = entries.iter().map(|(known, _)| *known).collect();
        let all = known.join(", ");
        QueryError(match closest_match(name, known) {
            Some(near) => format!("the {source} has no '{name}'; did you mean '{near}'? It {answers} {all}"),
            None => format!("the {source} has no '{name}'; it {answers} {all}"),
        })
    })
}
