//! The source kind `http`: a URL that answers JSON, CSV or text, and a jq filter that picks from it what a panel shows.
//!
//! The admin decides where the URL points, with what headers and whose certificates ([`http_client`](super::http_client)); a
//! visitor's value is one path segment or one query value of it, and a variable of the filter ([`jq`](super::jq)): `$city`, and
//! `$city_zone` for the field `zone` of its chosen option.

use std::sync::Arc;

use async_trait::async_trait;
use itertools::Itertools;
use url::Url;

use super::filter_workers::FilterWorkers;
use super::format::DocumentFormat;
use super::http_client::{HttpClient, HttpClientDefaults, HttpClientSettings, HttpRequest};
use super::jq::JqFilters;
use super::kind::{Opened, SourceKind, SourceSettings};
use super::{DocumentRequest, DocumentSource, QueryError, Source, SourceDocument, SourceError};
use crate::config::{Fields, SettingRow};
use crate::domain::{BoundQuery, Clock, Holder, Placeholder, Reading, Timestamp};

/// The kind `http`.
pub(super) const KIND: SourceKind =
    SourceKind::Named { word: "http", sample: "stock", about: "a URL that returns JSON, CSV or text", read, rows };

/// JSON for a panel is some KiB; of what is larger, less should be asked for. It is held in memory whole, and parsed into several
/// times its size.
static CLIENT_DEFAULTS: HttpClientDefaults = HttpClientDefaults {
    about_url: "The URL. The path and the query string can contain inputs: `?city={city}`.",
    url_example: "\"https://stock.corp.example.com/api/levels?city={city}\"",
    max_bytes: 1024 * 1024,
    about_max_bytes: "The largest answer. A filter may use 48 MiB of memory, or 16 times this, where that is more.",
};

const FORMAT: &str = "format";

/// The table of a source of this kind.
#[derive(Debug)]
struct HttpSettings {
    client: HttpClientSettings,
    format: DocumentFormat,
}

/// A source of kind `http`.
struct Http {
    client: HttpClient,
    format: DocumentFormat,
    filters: JqFilters,
}

fn read(mut fields: Fields<'_>) -> Option<Box<dyn SourceSettings>> {
    let client = HttpClientSettings::read(&mut fields, &CLIENT_DEFAULTS);
    let format = DocumentFormat::setting().take_from(&mut fields, FORMAT);
    fields.finish();
    Some(Box::new(HttpSettings { client: client?, format: format? }))
}

fn rows() -> Vec<SettingRow> {
    let about = "The format of the answer. CSV becomes an array of objects, text one string.";
    [HttpClientSettings::rows(&CLIENT_DEFAULTS), DocumentFormat::setting().into_rows(FORMAT, about)].concat()
}

impl SourceSettings for HttpSettings {
    fn open(&self, clock: &Arc<dyn Clock>, filters: &Arc<FilterWorkers>) -> Opened {
        let client = HttpClient::open(&self.client, clock)?;
        let filters = JqFilters::new(client.url_template().host(), client.max_bytes(), clock, filters);
        Ok(Box::new(Http { client, format: self.format, filters }))
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
        let bytes = self.client.send(HttpRequest::get(url)).await?.body;
        self.format.document(bytes, &self.client.url_template().host())
    }

    async fn pick(&self, query: &BoundQuery, document: &SourceDocument, holder: &Holder) -> Result<Reading, SourceError> {
        self.filters.pick(query, document, holder).await
    }

    fn not_before(&self) -> Option<Timestamp> {
        self.client.not_before()
    }
}

#[cfg(test)]
mod tests;
