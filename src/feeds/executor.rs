use async_trait::async_trait;
use tokio::sync::watch;

use crate::domain::{BoundQuery, Holder, Reading, Series, SourceName, TimeRange};
use crate::sources::{DocumentSource, ReadingStream, SourceError, Sources};

/// Executes the feeds' queries: the sources, or a test's stand-in.
#[async_trait]
pub trait QueryExecutor: Send + Sync + 'static {
    /// Executes the query once, with a timeout of its own.
    async fn execute(&self, query: &BoundQuery) -> Result<Reading, SourceError>;

    /// The documents that the source's queries pick from, where several queries can share one.
    fn documents(&self, _source: &SourceName) -> Option<&dyn DocumentSource> {
        None
    }

    /// Executes the query over a span of the past; `None` where the source cannot tell it.
    async fn execute_range(&self, _query: &BoundQuery, _range: TimeRange) -> Result<Option<Series>, SourceError> {
        Ok(None)
    }

    /// Subscribes to the readings of the query, where its source pushes them, for the `holder` of the time.
    fn subscribe(&self, _query: &BoundQuery, _holder: &watch::Receiver<Holder>) -> Option<ReadingStream> {
        None
    }

    /// The fingerprint of the source's settings: nodes share only what sources with equal ones answer.
    fn fingerprint(&self, _source: &SourceName) -> String {
        String::new()
    }

    /// How many queries a second the source is asked at most; `None` where that does not matter.
    fn rate(&self, _source: &SourceName) -> Option<u32> {
        None
    }
}

#[async_trait]
impl QueryExecutor for Sources {
    async fn execute(&self, query: &BoundQuery) -> Result<Reading, SourceError> {
        Sources::execute(self, query).await
    }

    fn documents(&self, source: &SourceName) -> Option<&dyn DocumentSource> {
        Sources::documents(self, source)
    }

    async fn execute_range(&self, query: &BoundQuery, range: TimeRange) -> Result<Option<Series>, SourceError> {
        Sources::execute_range(self, query, range).await
    }

    fn subscribe(&self, query: &BoundQuery, holder: &watch::Receiver<Holder>) -> Option<ReadingStream> {
        Sources::subscribe(self, query, holder)
    }

    fn fingerprint(&self, source: &SourceName) -> String {
        Sources::fingerprint(self, source)
    }

    fn rate(&self, source: &SourceName) -> Option<u32> {
        Sources::rate(self, source)
    }
}
