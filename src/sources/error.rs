use serde::{Deserialize, Serialize};

use crate::domain::{Placeholder, TemplateError};

/// Why a source gave no reading. Its text is the cause, for administrators and the log: `stock.corp answered 503`. Visitors get
/// [`SourceError::for_visitors`]. No secret, no full stop.
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
    /// It has asked to be left alone for a time (`Retry-After`).
    #[error("{0}")]
    AskedToWait(String),
    /// It tells by itself what is new, and has told nothing for too long.
    #[error("{0}")]
    Silent(String),
}

impl SourceError {
    /// The kind of failure of the source called `name`, for everybody who sees the panel: nothing of a host, or of what was said.
    pub fn for_visitors(&self, name: &str) -> String {
        match self {
            Self::Unreachable(_) => format!("{name} cannot be reached"),
            Self::TimedOut(_) => format!("{name} does not answer"),
            Self::Refused(_) => format!("{name} refused the question"),
            Self::BadAnswer(_) => format!("{name} gave an answer that cannot be used"),
            Self::BadQuery(_) => format!("{name} cannot be asked like this"),
            Self::TooLarge(_) => format!("{name} gave an answer that is too large"),
            Self::OverLimits(_) => format!("{name} is asked for more work than is allowed"),
            Self::Broken(_) => format!("{name} cannot be asked because of a fault here"),
            Self::AskedToWait(_) => format!("{name} wants to be asked less often"),
            Self::Silent(_) => format!("{name} has not sent anything new"),
        }
    }
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
