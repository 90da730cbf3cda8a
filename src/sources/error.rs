use serde::{Deserialize, Serialize};

use crate::domain::{Placeholder, TemplateError};

/// Why a source gave no reading, in words for people: `stock.corp answered 503`. No secret, no full stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum SourceError {
    /// There is no connection to it, or none that can be trusted.
    #[error("{0}")]
    Unreachable(String),
    /// It did not answer in time.
    #[error("{0}")]
    TimedOut(String),
    /// It answered that we may not know: 401, 403.
    #[error("{0}")]
    Refused(String),
    /// It answered what the query can make no reading of.
    #[error("{0}")]
    BadAnswer(String),
    /// The query is wrong, or one of its values.
    #[error("{0}")]
    BadQuery(String),
    /// Its answer, or what the query makes of it, is larger than allowed.
    #[error("{0}")]
    TooLarge(String),
    /// The query takes more work than allowed.
    #[error("{0}")]
    OverLimits(String),
    /// Something failed on our side.
    #[error("{0}")]
    Broken(String),
}

/// A mistake in a query and its remedy, in a sentence without a full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct QueryError(pub String);

impl QueryError {
    /// The error of a placeholder that has no value.
    pub(super) fn no_value(placeholder: &Placeholder) -> Self {
        Self(format!("{{{}}} has no value", placeholder.key))
    }
}

impl From<TemplateError> for QueryError {
    fn from(error: TemplateError) -> Self {
        Self(error.to_string())
    }
}

impl From<QueryError> for SourceError {
    fn from(error: QueryError) -> Self {
        Self::BadQuery(error.0)
    }
}
