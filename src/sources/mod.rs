//! What can be asked for data: the machine itself, the clock, a URL.
//!
//! A source answers one query with one typed [`Reading`], or says why it cannot. Values that visitors chose are
//! bound in the source's own safe way, never spliced into a query. Nothing here repeats, caches or remembers:
//! that is a feed's work.

mod clock;
mod host;
mod http;
mod registry;
mod text;

pub use self::registry::{SourceOpenError, Sources};

use async_trait::async_trait;

use crate::domain::{BoundQuery, Reading};

/// Something that can be asked.
#[async_trait]
pub trait Source: Send + Sync {
    /// Checks a query as an author wrote it: `Ok` lists the placeholders it uses (`city`, `city.zone`), so that the
    /// page can make sure its inputs have them.
    ///
    /// # Errors
    /// What is wrong with it and what would be right, in a sentence without a full stop.
    fn check(&self, query: &str) -> Result<Vec<String>, String>;

    /// Asks once. It gives up by itself after the source's own time-out.
    ///
    /// # Errors
    /// A [`SourceError`] in words for people.
    async fn execute(&self, query: &BoundQuery) -> Result<Reading, SourceError>;
}

/// Why a source gave no reading, in words for people: `stock.corp answered 503`. No secret, no full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub String);
