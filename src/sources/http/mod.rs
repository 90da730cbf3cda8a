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

use self::jq::FilterCache;
use super::http_client::{HttpClient, HttpClientSettings};
use super::kind::{Opened, SourceKind, SourceSettings};
use super::{QueryError, Source, SourceError};
use crate::config::Fields;
use crate::domain::{BoundQuery, Clock, Placeholder, Reading};

/// The kind `http`.
pub(super) const KIND: SourceKind = SourceKind::Named { word: "http", read, rows: HttpClientSettings::rows };

/// The table of a source of this kind: all of it is the client's.
#[derive(Debug)]
struct HttpSettings(HttpClientSettings);

/// A source of kind `http`.
struct Http {
    client: HttpClient,
    filters: FilterCache,
    clock: Arc<dyn Clock>,
}

fn read(mut fields: Fields<'_>) -> Option<Box<dyn SourceSettings>> {
    let client = HttpClientSettings::read(&mut fields);
    fields.finish();
    Some(Box::new(HttpSettings(client?)))
}

impl SourceSettings for HttpSettings {
    fn open(&self, clock: &Arc<dyn Clock>) -> Opened {
        let client = HttpClient::open(&self.0, clock)?;
        Ok(Box::new(Http { client, filters: FilterCache::new(), clock: Arc::clone(clock) }))
    }
}

#[async_trait]
impl Source for Http {
    fn check(&self, query: &str) -> Result<Vec<Placeholder>, QueryError> {
        let filter = self.filters.get(query)?;
        Ok(self.client.url_template().placeholders().chain(filter.placeholders()).unique().cloned().collect())
    }

    async fn execute(&self, query: &BoundQuery) -> Result<Reading, SourceError> {
        let filter = self.filters.get(&query.text)?;
        let url = self.client.url_template().bind(&query.bindings)?;
        let body = self.client.get(url).await?;
        filter.run(self.client.url_template().host(), body, query.bindings.clone(), self.clock.now()).await
    }
}

#[cfg(test)]
mod tests;
