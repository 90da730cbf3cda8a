use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use tokio::sync::watch;

use super::{DocumentSource, PushEndpoint, QueryError, SourceError};
use crate::domain::{BoundQuery, Holder, Placeholder, Reading, Series, TimeRange, Timestamp};

/// The readings that a source pushes by itself. One that fails is an item; the stream ends when no more will come.
pub type ReadingStream = BoxStream<'static, StreamedReading>;

/// A reading that a source has pushed, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamedReading {
    /// When it was taken: of what a source remembers, that is long before it is told.
    pub taken_at: Timestamp,
    /// The reading.
    pub result: Result<Reading, SourceError>,
}

/// A data source: checks queries, and executes them.
#[async_trait]
pub trait Source: Send + Sync {
    /// Checks a query as an author wrote it: `Ok` lists the placeholders it uses, each once, so that the page can make
    /// sure its inputs have values for them.
    ///
    /// # Errors
    /// [`QueryError`]: what is wrong with it.
    fn check(&self, query: &str) -> Result<Vec<Placeholder>, QueryError>;

    /// Executes the query once, with the source's own timeout.
    ///
    /// # Errors
    /// A [`SourceError`] in words for people.
    async fn execute(&self, query: &BoundQuery) -> Result<Reading, SourceError>;

    /// The documents that its queries pick from, where several queries can share one.
    fn documents(&self) -> Option<&dyn DocumentSource> {
        None
    }

    /// Executes the query over a span of the past, with the source's own timeout. `None` when the source cannot tell the
    /// past of this query.
    ///
    /// # Errors
    /// A [`SourceError`] in words for people.
    async fn execute_range(&self, _query: &BoundQuery, _range: TimeRange) -> Result<Option<Series>, SourceError> {
        Ok(None)
    }

    /// How many queries a second it is asked at most; `None` where that does not matter, as of what is in this process.
    fn rate(&self) -> Option<u32> {
        None
    }

    /// Subscribes to the readings of a query, where the source pushes them: it is not asked then. `None` when the source
    /// waits to be asked, as most do.
    ///
    /// A stream must not hold more than a few readings that nobody took: an old one gives way to a new one. Its work is counted
    /// under the `holder` of the time.
    fn subscribe(&self, _query: &BoundQuery, _holder: &watch::Receiver<Holder>) -> Option<ReadingStream> {
        None
    }

    /// The endpoint at which programs push to it, where it has one.
    fn push_endpoint(&self) -> Option<&Arc<PushEndpoint>> {
        None
    }
}
