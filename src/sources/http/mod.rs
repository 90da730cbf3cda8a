//! The source kind `http`: a URL that answers JSON, CSV or text, and a jq filter that picks from it what a panel shows.
//!
//! The admin decides where the URL points, with what headers and whose certificates ([`http_client`](super::http_client)); a
//! visitor's value is one path segment or one query value of it, and a variable of the filter ([`jq`](super::jq)): `$city`, and
//! `$city_zone` for the field `zone` of its chosen option.

mod allowed_path;
mod body;
mod pagination;
mod query;

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use itertools::Itertools;
use url::Url;

use self::allowed_path::AllowedPath;
use self::body::BodyTemplate;
use self::pagination::{JsonPointer, Pagination};
use self::query::HttpQuery;
use super::filter_workers::FilterWorkers;
use super::format::DocumentFormat;
use super::http_client::{HttpBody, HttpClient, HttpClientDefaults, HttpClientSettings, HttpRequest, UrlTemplate};
use super::jq::JqFilters;
use super::kind::{Opened, SourceKind, SourceSettings};
use super::{DocumentRequest, DocumentSource, QueryError, Source, SourceDocument, SourceError};
use crate::config::{Fields, OutboundSettings, Setting, SettingRow, integer, list, text, word};
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
const PATHS: &str = "paths";
const METHOD: &str = "method";
const BODY: &str = "body";
const MAX_PAGES: &str = "max_pages";
const CURSOR: &str = "cursor";
const CURSOR_PARAMETER: &str = "cursor_parameter";

const METHODS: [(&str, Method); 2] = [("GET", Method::Get), ("POST", Method::Post)];

/// The method of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Get,
    Post,
}

/// The table of a source of this kind.
#[derive(Debug)]
struct HttpSettings {
    client: HttpClientSettings,
    format: DocumentFormat,
    paths: Vec<AllowedPath>,
    method: Method,
    body: Option<BodyTemplate>,
    pagination: Pagination,
}

/// A source of kind `http`.
struct Http {
    client: HttpClient,
    format: DocumentFormat,
    /// The paths below the URL that queries may ask for.
    paths: Vec<AllowedPath>,
    method: Method,
    body: Option<BodyTemplate>,
    pagination: Pagination,
    filters: JqFilters,
}

fn read(mut fields: Fields<'_>) -> Option<Box<dyn SourceSettings>> {
    let client = HttpClientSettings::read(&mut fields, &CLIENT_DEFAULTS);
    let format = DocumentFormat::setting().take_from(&mut fields, FORMAT);
    let paths = paths().take_from(&mut fields, PATHS);
    let method = word(&METHODS).take_from(&mut fields, METHOD);
    let body = body().take_from(&mut fields, BODY);
    if let (Some(Method::Get), Some(location)) = (method, fields.key_location(BODY)) {
        fields.sink.report(&location, "there is a `body`, but nothing that sends it", "set `method = \"POST\"`");
        return None;
    }
    let max_pages = max_pages().take_from(&mut fields, MAX_PAGES);
    let cursor = cursor().take_from(&mut fields, CURSOR);
    let cursor_parameter = text("cursor").take_from(&mut fields, CURSOR_PARAMETER);
    let has_pages = max_pages.is_some_and(|max_pages| max_pages > 1);
    if has_pages && (method == Some(Method::Post) || format.is_some_and(|format| format != DocumentFormat::Json)) {
        let location = fields.key_location(MAX_PAGES).unwrap_or_else(|| fields.location.clone());
        fields.sink.report(&location, "only JSON that is asked by GET can have several pages", "take `max_pages` out");
        return None;
    }
    fields.finish();
    let pagination = Pagination { max_pages: max_pages?, cursor: cursor?.zip(Some(cursor_parameter?)) };
    let (mut client, format) = (client?, format?);
    client.accept_by_default(format.accept());
    Some(Box::new(HttpSettings { client, format, paths: paths?, method: method?, body: body?, pagination }))
}

/// More would be a report, and not a panel.
fn max_pages() -> Setting<usize> {
    integer(1, 1..=100)
}

fn cursor() -> Setting<Option<JsonPointer>> {
    let read = |fields: &mut Fields<'_>, key| fields.parsed(key).map(|pointer| Some(pointer.value));
    Setting::new(None, "none", "JSON pointer", read).such_as("\"/meta/next\"")
}

fn paths() -> Setting<Vec<AllowedPath>> {
    list("list of paths").such_as("[\"/\"]")
}

fn body() -> Setting<Option<BodyTemplate>> {
    let read = |fields: &mut Fields<'_>, key| fields.parsed(key).map(|body| Some(body.value));
    Setting::new(None, "none", "JSON, as text", read)
}

fn rows() -> Vec<SettingRow> {
    let about = "The format of the answer. CSV becomes an array of objects, text one string.";
    let about_paths =
        "The paths below `url` that queries may ask for: one that ends with `/` with all below it, so `[\"/\"]` all there are.";
    let about_method =
        "The method of requests. With `POST` a source is asked for what has no address, as by GraphQL and JSON-RPC.";
    let about_body = "The body of what is posted. A string in it can be an input, `\"{city}\"`.";
    let about_pages = "The most pages of an answer, by `Link: rel=\"next\"` or `cursor`. With more than one the filter sees an array of the pages.";
    let about_cursor = "Where in a page stands what the next one is asked by.";
    [
        HttpClientSettings::rows(&CLIENT_DEFAULTS),
        DocumentFormat::setting().into_rows(FORMAT, about),
        paths().into_rows(PATHS, about_paths),
        word(&METHODS).into_rows(METHOD, about_method),
        body().into_rows(BODY, about_body),
        max_pages().into_rows(MAX_PAGES, about_pages),
        cursor().into_rows(CURSOR, about_cursor),
        text("cursor").into_rows(CURSOR_PARAMETER, "The parameter of the URL by which the cursor is sent."),
    ]
    .concat()
}

impl SourceSettings for HttpSettings {
    fn set_outbound(&mut self, outbound: &OutboundSettings) {
        self.client.set_outbound(outbound);
    }

    fn open(&self, clock: &Arc<dyn Clock>, filters: &Arc<FilterWorkers>) -> Opened {
        let client = HttpClient::open(&self.client, clock)?;
        let filters = JqFilters::new(client.url_template().host(), client.max_bytes(), clock, filters);
        let (format, paths, method, body) = (self.format, self.paths.clone(), self.method, self.body.clone());
        Ok(Box::new(Http { client, format, paths, method, body, pagination: self.pagination.clone(), filters }))
    }

    fn exposure(&self) -> Option<String> {
        self.client.exposure()
    }
}

impl Http {
    /// The URL that a query asks, with its placeholders.
    fn url_template(&self, query: &HttpQuery<'_>) -> Result<Cow<'_, UrlTemplate>, QueryError> {
        let base = self.client.url_template();
        let Some(path) = query.path else { return Ok(Cow::Borrowed(base)) };
        if !self.paths.iter().any(|allowed| allowed.includes(path)) {
            let message = format!(
                "the path `{path}` is none of those that the source's table allows: add it to `paths` there, or set `paths = [\"/\"]` \
                 for all below its url"
            );
            return Err(QueryError(message));
        }
        base.below(path).map(Cow::Owned)
    }
}

#[async_trait]
impl Source for Http {
    fn check(&self, query: &str) -> Result<Vec<Placeholder>, QueryError> {
        let query = HttpQuery::parse(query);
        let of_filter = self.filters.placeholders(query.filter)?;
        let of_body = self.body.iter().flat_map(BodyTemplate::placeholders).cloned();
        let of_url: Vec<_> = self.url_template(&query)?.placeholders().cloned().collect();
        Ok(of_url.into_iter().chain(of_body).chain(of_filter).unique().collect())
    }

    fn rate(&self) -> Option<u32> {
        Some(self.client.rate())
    }

    async fn execute(&self, query: &BoundQuery) -> Result<Reading, SourceError> {
        self.read(query).await
    }

    fn documents(&self) -> Option<&dyn DocumentSource> {
        Some(self)
    }
}

#[async_trait]
impl DocumentSource for Http {
    fn request(&self, query: &BoundQuery) -> Result<DocumentRequest, QueryError> {
        let url = self.url_template(&HttpQuery::parse(&query.text))?.bind(&query.bindings)?;
        let body = self.body.as_ref().map(|body| body.bind(&query.bindings)).transpose()?;
        // No URL has a line break in it.
        Ok(DocumentRequest::new(body.map_or_else(|| url.to_string(), |body| format!("{url}\n{body}"))))
    }

    async fn fetch(&self, request: &DocumentRequest) -> Result<SourceDocument, SourceError> {
        let (url, body) = request.as_str().split_once('\n').unwrap_or((request.as_str(), ""));
        let url = Url::parse(url).map_err(|error| SourceError::Broken(format!("the url cannot be read: {error}")))?;
        if self.pagination.is_used() {
            return self.pagination.fetch(&self.client, url).await.map(SourceDocument::new);
        }
        let request = match self.method {
            Method::Get => HttpRequest::get(url),
            Method::Post => HttpRequest::post(url, HttpBody { content_type: "application/json", text: body.to_owned() }),
        };
        let bytes = self.client.send(request).await?.body;
        self.format.document(bytes, &self.client.url_template().host())
    }

    async fn pick(&self, query: &BoundQuery, document: &SourceDocument, holder: &Holder) -> Result<Reading, SourceError> {
        let HttpQuery { filter, .. } = HttpQuery::parse(&query.text);
        let query = BoundQuery { text: filter.to_owned(), ..query.clone() };
        self.filters.pick(&query, document, holder).await
    }

    fn not_before(&self) -> Option<Timestamp> {
        self.client.not_before()
    }
}

#[cfg(test)]
mod tests;
