//! The source kind `http`: a URL that answers JSON, and a jq filter that picks from it what a panel shows.
//!
//! The admin decides where the URL points, with what headers and whose certificates ([`http_client`](super::http_client)); a
//! visitor's value is one path segment or one query value of it, and a variable of the filter ([`jq`]): `$city`, and
//! `$city_zone` for the field `zone` of its chosen option. [`mapping`] defines how the filter's result becomes a reading.

mod jq;
mod mapping;

use std::sync::Arc;

use async_trait::async_trait;
use itertools::Itertools;
use url::Url;

use self::jq::FilterCache;
pub use self::jq::serve_filters;
#[cfg(test)]
pub(super) use self::jq::{serve_on_threads, serve_without_limit};
use super::filter_workers::{FilterRequest, FilterWorkers};
use super::http_client::{HttpClient, HttpClientSettings};
use super::kind::{Opened, SourceKind, SourceSettings};
use super::{DocumentRequest, DocumentSource, QueryError, Source, SourceDocument, SourceError};
use crate::config::Fields;
use crate::domain::{BoundQuery, Clock, Holder, Placeholder, Reading, Timestamp};

/// The kind `http`.
pub(super) const KIND: SourceKind = SourceKind::Named { word: "http", read, rows: HttpClientSettings::rows };

/// The memory that any filter may use, beside its stack: far more than one needs that picks from an answer as large as is
/// allowed where nothing else is set.
const MIN_FILTER_MEMORY: u64 = 48 * 1024 * 1024;

/// The table of a source of this kind: all of it is the client's.
#[derive(Debug)]
struct HttpSettings(HttpClientSettings);

/// A source of kind `http`.
struct Http {
    client: HttpClient,
    filters: FilterCache,
    filter_workers: Arc<FilterWorkers>,
    clock: Arc<dyn Clock>,
}

/// The memory that a filter may use. Ten times an answer is what it takes as values, and a filter makes some more of them.
fn filter_memory(max_answer_bytes: usize) -> u64 {
    MIN_FILTER_MEMORY.max(16 * u64::try_from(max_answer_bytes).unwrap_or(u64::MAX / 16))
}

fn read(mut fields: Fields<'_>) -> Option<Box<dyn SourceSettings>> {
    let client = HttpClientSettings::read(&mut fields);
    fields.finish();
    Some(Box::new(HttpSettings(client?)))
}

impl SourceSettings for HttpSettings {
    fn open(&self, clock: &Arc<dyn Clock>, filters: &Arc<FilterWorkers>) -> Opened {
        let client = HttpClient::open(&self.0, clock)?;
        let (filter_workers, clock) = (Arc::clone(filters), Arc::clone(clock));
        Ok(Box::new(Http { client, filters: FilterCache::new(), filter_workers, clock }))
    }
}

#[async_trait]
impl Source for Http {
    fn check(&self, query: &str) -> Result<Vec<Placeholder>, QueryError> {
        let of_filter = self.filters.placeholders(query)?;
        Ok(self.client.url_template().placeholders().cloned().chain(of_filter).unique().collect())
    }

    fn rate(&self) -> Option<u32> {
        Some(self.client.rate())
    }

    async fn execute(&self, query: &BoundQuery) -> Result<Reading, SourceError> {
        let document = self.fetch(&self.request(query)?).await?;
        self.pick(query, &document, &Holder::Program).await
    }

    fn documents(&self) -> Option<&dyn DocumentSource> {
        Some(self)
    }
}

#[async_trait]
impl DocumentSource for Http {
    fn request(&self, query: &BoundQuery) -> Result<DocumentRequest, QueryError> {
        Ok(DocumentRequest::new(self.client.url_template().bind(&query.bindings)?))
    }

    async fn fetch(&self, request: &DocumentRequest) -> Result<SourceDocument, SourceError> {
        let url =
            Url::parse(request.as_str()).map_err(|error| SourceError::Broken(format!("the url cannot be read: {error}")))?;
        self.client.get(url).await.map(SourceDocument::new)
    }

    async fn pick(&self, query: &BoundQuery, document: &SourceDocument, holder: &Holder) -> Result<Reading, SourceError> {
        let request = FilterRequest {
            filter: query.text.clone(),
            host: self.client.url_template().host(),
            bindings: query.bindings.clone(),
            now: self.clock.now().as_millis(),
            memory_bytes: filter_memory(self.client.max_bytes()),
        };
        self.filter_workers.run(&request, document.text(), holder).await
    }

    fn not_before(&self) -> Option<Timestamp> {
        self.client.not_before()
    }
}

#[cfg(test)]
mod tests;
