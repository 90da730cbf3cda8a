use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use url::Url;

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
