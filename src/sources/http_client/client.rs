use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Proxy, Response, StatusCode};
use rustls::ClientConfig;

use super::encoding;
use super::error::request_error;
use super::oauth::OauthToken;
use super::request::{HttpRequest, HttpResponse, read_body};
use super::retry_after::RetryAfter;
use super::settings::HttpClientSettings;
use super::url_template::{UrlTemplate, host_of};
use crate::domain::{Clock, Timestamp};
use crate::sources::SourceError;
use crate::tls::{ClientIdentity, ServerTrust};

/// The limit on redirects: one or two are a tidy server (`/x` to `/x/`); more is a loop.
const MAX_REDIRECTS: usize = 3;

/// The idle connections that are kept: each source has one host, and seldom more than two requests to it at once.
const MAX_IDLE_CONNECTIONS: usize = 2;

/// An HTTP client for one destination: the scheme, host and port of its URL.
pub(in crate::sources) struct HttpClient {
    client: Client,
    /// The host of the proxy by which it is asked.
    proxy_host: Option<String>,
    oauth: Option<OauthToken>,
    url_template: Arc<UrlTemplate>,
    timeout: Duration,
    max_bytes: usize,
    rate: u32,
    clock: Arc<dyn Clock>,
    retry_after: RetryAfter,
}

impl HttpClient {
    /// A client as the settings say. Nothing is dialled; files of certificates are read.
    ///
    /// # Errors
    /// [`SourceError::Broken`] when the certificates cannot be used.
    pub(in crate::sources) fn open(settings: &HttpClientSettings, clock: &Arc<dyn Clock>) -> Result<Self, SourceError> {
        let destination = Arc::clone(&settings.url);
        let redirects = Policy::custom(move |attempt| {
            if destination.has_same_origin(attempt.url()) && attempt.previous().len() <= MAX_REDIRECTS {
                attempt.follow()
            } else {
                attempt.stop()
            }
        });
        let mut headers = settings.headers.clone();
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        let tls = tls_config(settings).map_err(SourceError::Broken)?;
        let proxy_of = |url: &UrlTemplate| url.host_name().and_then(|host| settings.proxy.for_host(&host));
        let build = |builder: ClientBuilder, url: &UrlTemplate| {
            let proxy = proxy_of(url).map(|proxy| Proxy::all(proxy.expose())).transpose();
            let proxy = proxy.map_err(|_| SourceError::Broken("its proxy cannot be used".to_owned()))?;
            // None of the environment's, but that of the settings.
            let builder = proxy.into_iter().fold(builder.no_proxy(), ClientBuilder::proxy);
            let client = builder
                .tls_backend_preconfigured(tls.clone())
                .user_agent(concat!("belvedere/", env!("CARGO_PKG_VERSION")))
                .referer(false)
                .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
                .build();
            client.map_err(|error| SourceError::Broken(format!("its client cannot be built: {error}")))
        };
        let oauth = match &settings.oauth {
            Some(oauth) => {
                let client = build(Client::builder().redirect(Policy::none()), &oauth.token_url)?;
                Some(OauthToken::new(oauth.clone(), client, clock))
            }
            None => None,
        };
        Ok(Self {
            client: build(Client::builder().default_headers(headers).redirect(redirects), &settings.url)?,
            proxy_host: proxy_of(&settings.url).map(|proxy| proxy.host().to_owned()),
            oauth,
            url_template: Arc::clone(&settings.url),
            timeout: settings.timeout,
            max_bytes: settings.max_bytes,
            rate: settings.rate,
            clock: Arc::clone(clock),
            retry_after: RetryAfter::default(),
        })
    }

    /// How many requests a second there are at most.
    pub(in crate::sources) fn rate(&self) -> u32 {
        self.rate
    }

    /// The moment before which the server has asked not to be asked again, while that is to come.
    pub(in crate::sources) fn not_before(&self) -> Option<Timestamp> {
        self.retry_after.not_before(self.clock.now())
    }

    /// How long a request may take.
    pub(in crate::sources) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// How large an answer may be.
    pub(in crate::sources) fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// The URL that the admin has set, for values to be bound to it.
    pub(in crate::sources) fn url_template(&self) -> &UrlTemplate {
        &self.url_template
    }

    /// Sends a request and reads the answer.
    ///
    /// # Errors
    /// A [`SourceError`] that names the host, and never the path, the query or a header: also when the URL is of another
    /// destination, the time or the size is exceeded, or the server has asked to be left alone for longer.
    pub(in crate::sources) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, SourceError> {
        let host = host_of(&request.url);
        if !self.url_template.has_same_origin(&request.url) {
            return Err(SourceError::Broken(format!("{host} is not where this source may ask")));
        }
        if let Some(until) = self.not_before() {
            return Err(SourceError::AskedToWait(format!(
                "{host} has asked not to be asked again before {}",
                clock_time(until)
            )));
        }
        tokio::select! {
            response = self.read_response(&host, request) => response,
            () = self.clock.sleep(self.timeout) => {
                Err(SourceError::TimedOut(format!("{host} did not answer within {:?}", self.timeout)))
            }
        }
    }

    async fn read_response(&self, host: &str, request: HttpRequest) -> Result<HttpResponse, SourceError> {
        let HttpRequest { url, body, reads_refusals } = request;
        let builder = match body {
            None => self.client.get(url),
            Some(body) => self.client.post(url).header(CONTENT_TYPE, body.content_type).body(body.text),
        };
        let builder = match &self.oauth {
            Some(oauth) => builder.header(AUTHORIZATION, oauth.header().await?),
            None => builder,
        };
        let response = builder.send().await.map_err(|error| match &self.proxy_host {
            Some(proxy) => request_error(&format!("{host} (through the proxy {proxy})"), &error),
            None => request_error(host, &error),
        })?;
        if let (Some(oauth), StatusCode::UNAUTHORIZED) = (&self.oauth, response.status()) {
            oauth.forget().await;
        }
        let mut response = self.require_success(host, response, reads_refusals)?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
        let max_bytes = self.max_bytes;
        let too_large =
            || format!("{host} sent more than the {max_bytes} bytes allowed; raise max_bytes of the source, or ask for less");
        let body = read_body(host, response, max_bytes, too_large).await?;
        let body = encoding::utf8(body, content_type.as_deref())
            .map_err(|name| SourceError::BadAnswer(format!("{host} answered in {name}; it has to be UTF-8")))?;
        Ok(HttpResponse { status, headers, body })
    }

    /// The response if its status is a success, or a refusal that is to be read; otherwise the error, and a wish to be left alone
    /// for a time is obeyed.
    fn require_success(&self, host: &str, response: Response, reads_refusals: bool) -> Result<Response, SourceError> {
        let (status, now) = (response.status(), self.clock.now());
        if (status.is_client_error() || status.is_server_error())
            && let Some(until) = self.retry_after.obey(response.headers(), now)
        {
            let (status, until) = (status.as_u16(), clock_time(until));
            let message = format!("{host} answered {status}, and asks not to be asked again before {until}");
            return Err(SourceError::AskedToWait(message));
        }
        let is_for_us = !matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        if reads_refusals && is_for_us && (status.is_client_error() || status.is_server_error()) {
            return Ok(response);
        }
        require_success(host, response)
    }
}

/// A moment for administrators.
fn clock_time(moment: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(moment.as_millis())
        .map_or_else(|_| "later".to_owned(), |moment| moment.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// The response if its status is a success; otherwise the error message.
fn require_success(host: &str, response: Response) -> Result<Response, SourceError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    if status.is_redirection()
        && let Some(target) = response.headers().get(LOCATION).and_then(|target| target.to_str().ok())
        && let Ok(target) = response.url().join(target)
    {
        return Err(SourceError::BadAnswer(if target.origin() == response.url().origin() {
            format!("{host} sent more than {MAX_REDIRECTS} redirects")
        } else {
            let to = format!("{}://{}", target.scheme(), host_of(&target));
            format!("{host} sent a redirect to {to}, which is not followed; if that is right, make it the source's url")
        }));
    }
    let message = format!("{host} answered {}", status.as_u16());
    Err(match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => SourceError::Refused(message),
        _ => SourceError::BadAnswer(message),
    })
}

/// The TLS settings, with the servers that the admin's settings or the system trust. A URL without TLS trusts nobody.
fn tls_config(settings: &HttpClientSettings) -> Result<ClientConfig, String> {
    let is_tls = settings.url.is_tls() || settings.oauth.as_ref().is_some_and(|oauth| oauth.token_url.is_tls());
    let trust = if settings.ca_file.is_some() || is_tls {
        ServerTrust::new(settings.ca_file.as_deref(), &settings.tls_fingerprint).map_err(|fault| match &settings.ca_file {
            Some(file) => format!("its ca_file {} cannot be used: {fault}", file.display()),
            None => fault,
        })?
    } else {
        ServerTrust::nobody()
    };
    if is_tls && trust.is_empty() {
        return Err("this system has no trusted certificates; install them, or set ca_file".to_owned());
    }
    let identity = match (&settings.client_certificate_file, &settings.client_key_file) {
        (Some(certificate), Some(key)) => Some(ClientIdentity::from_files(certificate, key)?),
        _ => None,
    };
    let mut config = Arc::new(trust).client_config(identity.as_ref())?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
