//! Data sources: the machine itself, the clock, a URL.
//!
//! A source answers one query with one typed [`Reading`], or with the reason why it cannot. Values that visitors chose are
//! bound in the source's own safe way, never spliced into a query. Nothing here repeats a query or keeps readings: that is a
//! feed's work.

mod clock;
mod host;
mod http;
mod registry;
mod text;

pub use self::registry::{SourceOpenError, Sources};

use async_trait::async_trait;

use crate::domain::{BoundQuery, Reading};

/// A data source: checks queries, and executes them.
#[async_trait]
pub trait Source: Send + Sync {
    /// Checks a query as an author wrote it: `Ok` lists the placeholders it uses (`city`, `city.zone`), so that the
    /// page can make sure its inputs have them.
    ///
    /// # Errors
    /// What is wrong with it and what would be right, in a sentence without a full stop.
    fn check(&self, query: &str) -> Result<Vec<String>, String>;

    /// Executes the query once, with the source's own timeout.
    ///
    /// # Errors
    /// A [`SourceError`] in words for people.
    async fn execute(&self, query: &BoundQuery) -> Result<Reading, SourceError>;
}

/// Why a source gave no reading, in words for people: `stock.corp answered 503`. No secret, no full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub String);
