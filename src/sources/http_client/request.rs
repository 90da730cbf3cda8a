use reqwest::header::HeaderMap;
use reqwest::{Response, StatusCode};
use url::Url;

use super::error::body_error;
use crate::sources::SourceError;

/// A request to the client's destination.
#[derive(Clone)]
pub(in crate::sources) struct HttpRequest {
    pub(super) url: Url,
    pub(super) body: Option<HttpBody>,
    pub(super) reads_refusals: bool,
}

/// The body of a request that is posted.
#[derive(Clone)]
pub(in crate::sources) struct HttpBody {
    pub(in crate::sources) content_type: &'static str,
    pub(in crate::sources) text: String,
}

/// The answer to a request, decompressed, without a byte order mark.
pub(in crate::sources) struct HttpResponse {
    pub(in crate::sources) status: StatusCode,
    pub(in crate::sources) headers: HeaderMap,
    pub(in crate::sources) body: Vec<u8>,
}

impl HttpRequest {
    /// A request for what is at `url`.
    pub(in crate::sources) fn get(url: Url) -> Self {
        Self { url, body: None, reads_refusals: false }
    }

    /// A request that sends `body` to `url`.
    pub(in crate::sources) fn post(url: Url, body: HttpBody) -> Self {
        Self { body: Some(body), ..Self::get(url) }
    }

    /// The same request, to whose refusals the answer is the body that comes with them: a service that says there what is wrong
    /// with a query. A demand for credentials, a redirect and a wish to be left alone stay errors.
    pub(in crate::sources) fn reading_refusals(self) -> Self {
        Self { reads_refusals: true, ..self }
    }
}

/// Reads the body of a response by `host`, of at most `max_bytes`.
///
/// # Errors
/// [`SourceError::TooLarge`] in these words, or what kept it from being read.
pub(super) async fn read_body(
    host: &str,
    mut response: Response,
    max_bytes: usize,
    too_large: impl FnOnce() -> String,
) -> Result<Vec<u8>, SourceError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| body_error(host, &error))? {
        if body.len() + chunk.len() > max_bytes {
            return Err(SourceError::TooLarge(too_large()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
