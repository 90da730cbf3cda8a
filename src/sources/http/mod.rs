//! The source kind `http`: a URL that answers JSON, and a jq filter that picks from it what a panel shows.
//!
//! The admin decides where the URL points, with what headers and whose certificates; a visitor's value is one path
//! segment or one query value of it ([`url_template`]), and a variable of the filter ([`jq`]): `$city`, and `$city_zone`
//! for the field `zone` of its chosen option. [`mapping`] defines how the filter's result becomes a reading.
//!
//! This room never turns verification off, never sends a header to another host, and never puts a URL, a header or
//! what an answer contained into an error.

mod client;
mod jq;
mod mapping;
mod url_template;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use itertools::Itertools;
use reqwest::Client;

use self::jq::FilterCache;
use self::url_template::UrlTemplate;
use super::{QueryError, Source, SourceError};
use crate::config::HttpSourceSettings;
use crate::domain::{BoundQuery, Clock, Placeholder, Reading};

/// A source of kind `http`.
pub(super) struct Http {
    url_template: Arc<UrlTemplate>,
    client: Client,
    filters: FilterCache,
    timeout: Duration,
    max_bytes: usize,
    clock: Arc<dyn Clock>,
}

impl Http {
    /// Opens the source: parses the URL and loads the certificates. Nothing is dialled.
    ///
    /// # Errors
    /// What is wrong with the settings, without the URL or a header's value.
    pub(super) fn open(settings: &HttpSourceSettings, clock: Arc<dyn Clock>) -> Result<Self, String> {
        let address = Arc::new(UrlTemplate::parse(&settings.url)?);
        Ok(Self {
            client: client::build_client(&address, &settings.headers, settings.ca_file.as_deref())?,
            url_template: address,
            filters: FilterCache::new(),
            timeout: settings.timeout,
            max_bytes: settings.max_bytes,
            clock,
        })
    }
}

#[async_trait]
impl Source for Http {
    fn check(&self, query: &str) -> Result<Vec<Placeholder>, QueryError> {
        let filter = self.filters.get(query)?;
        Ok(self.url_template.placeholders().chain(filter.placeholders()).unique().cloned().collect())
    }

    async fn execute(&self, query: &BoundQuery) -> Result<Reading, SourceError> {
        let filter = self.filters.get(&query.text)?;
        let url = self.url_template.bind(&query.bindings)?;
        let host = self.url_template.host();
        let body = tokio::select! {
            body = client::get(&self.client, url, self.max_bytes) => body?,
            () = self.clock.sleep(self.timeout) => {
                return Err(SourceError::TimedOut(format!("{host} did not answer within {:?}", self.timeout)));
            }
        };
        filter.run(host, body, query.bindings.clone(), self.clock.now()).await
    }
}

#[cfg(test)]
mod tests;
