use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use super::authorization::{authorization, sensitive};
use super::oauth::{OAUTH, OauthSettings, oauth};
use super::proxy::{SourceProxy, proxy};
use super::url_template::{InvalidUrl, UrlTemplate};
use crate::config::{
    ConfigEntry, Fields, OutboundSettings, Setting, SettingRow, ca_file, check_client_identity, duration, integer,
    optional_file, quote, read_required_secret, read_secret_or_file, size, tls_fingerprint,
};
use crate::domain::CertificateFingerprint;

/// The most headers of a request: more than any service asks for; servers refuse some hundred.
const MAX_HEADERS: usize = 32;

/// What is in the names of headers that carry credentials.
const CREDENTIAL_WORDS: [&str; 6] = ["auth", "cookie", "key", "password", "secret", "token"];

const URL: &str = "url";
const HEADERS: &str = "headers";
const USER: &str = "user";
const PROXY: &str = "proxy";
const CA_FILE: &str = "ca_file";
const TLS_FINGERPRINT: &str = "tls_fingerprint";
const CLIENT_CERTIFICATE_FILE: &str = "client_certificate_file";
const CLIENT_KEY_FILE: &str = "client_key_file";
const ABOUT_OAUTH: &str = "OAuth 2 client credentials, which a token server gives a bearer token for: \
                           `{ token_url = \"https://login.corp.example.com/token\", client_id = \"belvedere\", client_secret_file = \
                           \"secret\", scope = \"read\" }`.";
const TIMEOUT: &str = "timeout";
const MAX_BYTES: &str = "max_bytes";
const RATE: &str = "rate";

/// What the keys of a kind of source differ in from those of another that is asked over HTTP.
pub(in crate::sources) struct HttpClientDefaults {
    /// The sentence about `url`.
    pub(in crate::sources) about_url: &'static str,
    /// A value of `url`, in TOML.
    pub(in crate::sources) url_example: &'static str,
    /// The default of `max_bytes`.
    pub(in crate::sources) max_bytes: usize,
    /// The sentences about `max_bytes`.
    pub(in crate::sources) about_max_bytes: &'static str,
}

/// The keys of a source that is asked over HTTP: `url` (or `url_file`), `headers`, `user` and what belongs to it, `ca_file`,
/// `tls_fingerprint`, `client_certificate_file`, `client_key_file`, `timeout`, `max_bytes`, `rate`.
#[derive(Debug)]
pub(in crate::sources) struct HttpClientSettings {
    /// The URL, with placeholders for inputs in its path or query.
    pub(super) url: Arc<UrlTemplate>,
    /// Headers sent with every request, credentials too, marked as sensitive: they do not print themselves.
    pub(super) headers: HeaderMap,
    /// The credentials for a token server.
    pub(super) oauth: Option<OauthSettings>,
    /// The proxy by which it is asked.
    pub(super) proxy: SourceProxy,
    /// PEM certificates to trust instead of the system's.
    pub(super) ca_file: Option<PathBuf>,
    /// The certificates to trust and no others, whatever their names.
    pub(super) tls_fingerprint: Vec<CertificateFingerprint>,
    /// The PEM certificate that is shown to the server, and the file of its key: both or neither.
    pub(super) client_certificate_file: Option<PathBuf>,
    pub(super) client_key_file: Option<PathBuf>,
    /// How long a request may take, from the dial to the last byte.
    pub(super) timeout: Duration,
    /// How large an answer may be.
    pub(super) max_bytes: usize,
    /// How many requests a second there are at most.
    pub(super) rate: u32,
}

impl HttpClientSettings {
    /// Reads the keys out of a source's table, and reports what is wrong with them.
    pub(in crate::sources) fn read(fields: &mut Fields<'_>, defaults: &'static HttpClientDefaults) -> Option<Self> {
        let url = url(defaults).take_from(fields, URL);
        let headers = headers().take_from(fields, HEADERS);
        let authorization = authorization().take_from(fields, USER);
        let oauth = oauth().take_from(fields, OAUTH);
        let proxy = proxy().take_from(fields, PROXY);
        let ca_file = ca_file().take_from(fields, CA_FILE);
        let tls_fingerprint = tls_fingerprint().take_from(fields, TLS_FINGERPRINT);
        let client_certificate_file = optional_file("").take_from(fields, CLIENT_CERTIFICATE_FILE);
        let client_key_file = optional_file("").take_from(fields, CLIENT_KEY_FILE);
        let timeout = timeout().take_from(fields, TIMEOUT);
        let max_bytes = max_bytes(defaults).take_from(fields, MAX_BYTES);
        let rate = rate().take_from(fields, RATE);
        check_client_identity(fields)?;
        check_one_authorization(headers.as_ref(), fields)?;
        let url = url??;
        check_client_tls(&url, fields)?;
        Some(Self {
            url: Arc::new(url),
            headers: with_authorization(headers?, authorization?, fields)?,
            oauth: oauth?,
            proxy: proxy?,
            ca_file: ca_file?,
            tls_fingerprint: tls_fingerprint?,
            client_certificate_file: client_certificate_file?,
            client_key_file: client_key_file?,
            timeout: timeout?,
            max_bytes: max_bytes?,
            rate: rate?,
        })
    }

    /// Takes over how all sources are reached.
    pub(in crate::sources) fn set_outbound(&mut self, outbound: &OutboundSettings) {
        self.proxy.set_outbound(outbound);
    }

    /// Sets the header `Accept`, where the admin has not.
    pub(in crate::sources) fn accept_by_default(&mut self, accept: &'static str) {
        self.headers.entry(ACCEPT).or_insert(HeaderValue::from_static(accept));
    }

    /// That credentials cross a network unencrypted, where they do, in words without them.
    pub(in crate::sources) fn exposure(&self) -> Option<String> {
        let mut names = self.headers.keys();
        let header = names.find(|name| CREDENTIAL_WORDS.iter().any(|word| name.as_str().contains(*word)))?;
        let is_exposed = !self.url.is_tls() && !self.url.is_loopback();
        is_exposed.then(|| format!("its header `{header}` crosses the network unencrypted: write `https://` in its URL"))
    }

    /// The reference of the keys.
    pub(in crate::sources) fn rows(defaults: &'static HttpClientDefaults) -> Vec<SettingRow> {
        let about_headers = "Headers sent with every request, at most 32: `{ Accept-Language = \"en\", Authorization = { file = \"token\" } }`.";
        [
            url(defaults).into_rows(URL, defaults.about_url),
            headers().into_rows(HEADERS, about_headers),
            authorization().into_rows(USER, "The user name for Basic authentication."),
            oauth().into_rows(OAUTH, ABOUT_OAUTH),
            proxy().into_rows(PROXY, "The HTTP proxy by which it is asked. `none` is none at all."),
            ca_file().into_rows(
                CA_FILE,
                "PEM file with the certificate authorities to trust instead of the system's, or with the server's own certificate.",
            ),
            tls_fingerprint().into_rows(
                TLS_FINGERPRINT,
                "Trust the certificates with these SHA-256 fingerprints and no others, whatever names are in them and `ca_file` says.",
            ),
            optional_file("").into_rows(
                CLIENT_CERTIFICATE_FILE,
                "PEM file with a certificate that is shown to the server (mutual TLS).",
            ),
            optional_file("").into_rows(
                CLIENT_KEY_FILE,
                "PEM file with the key of `client_certificate_file`, without a passphrase.",
            ),
            timeout().into_rows(TIMEOUT, "Time limit for one request."),
            max_bytes(defaults).into_rows(MAX_BYTES, defaults.about_max_bytes),
            rate().into_rows(RATE, "The most requests a second, for all panels together. Strangers have at most half of them."),
        ]
        .concat()
    }
}

fn url(defaults: &'static HttpClientDefaults) -> Setting<Option<UrlTemplate>> {
    let example = defaults.url_example;
    Setting::new(None, "required, or `url_file`", "URL", move |fields, _| read_url(fields, example).map(Some))
        .always_read()
        .such_as(example)
        .beside("url_file", "path", "A file with the URL, if the URL contains a secret.", "")
}

fn headers() -> Setting<HeaderMap> {
    Setting::new(HeaderMap::new(), "`{}`", "table", |fields, key| read_headers(fields.table(key)?))
        .such_as("{ Authorization = { file = \"/etc/belvedere/stock-token\" } }")
}

/// Long enough for a slow report, short enough that a panel soon shows a failure.
fn timeout() -> Setting<Duration> {
    duration(Duration::from_secs(10), Duration::from_millis(100)..=Duration::from_mins(5))
}

fn max_bytes(defaults: &HttpClientDefaults) -> Setting<usize> {
    size(defaults.max_bytes, 1024..=64 * 1024 * 1024)
}

/// The default rate: what a page of a hundred panels asks that all move every second. It keeps pages, and whoever walks through their choices, from
/// flooding a server behind.
fn rate() -> Setting<u32> {
    integer(100, 1..=10_000)
}

/// The URL, or the file it stands in when it has a key in it.
fn read_url(fields: &mut Fields<'_>, example: &str) -> Option<UrlTemplate> {
    let from_file = fields.key_location("url_file").is_some();
    let url = read_required_secret(fields, "url", "url_file", format!("say what is asked: `url = {example}`"))?;
    match UrlTemplate::parse(url.value.expose()) {
        Ok(template) => Some(template),
        // The URL itself is not quoted: it may hold a key.
        Err(InvalidUrl { message, help }) => {
            let what = if from_file { "the URL in the file" } else { "`url`" };
            fields.sink.report(&url.location, format!("{what} {message}"), help);
            None
        }
    }
}

/// The headers with the one that credentials make. `None` when it is among them already, which is reported.
fn with_authorization(mut headers: HeaderMap, authorization: Option<HeaderValue>, fields: &Fields<'_>) -> Option<HeaderMap> {
    let Some(authorization) = authorization else { return Some(headers) };
    if headers.insert(AUTHORIZATION, authorization).is_some() {
        let location = fields.key_location(HEADERS).unwrap_or_else(|| fields.location.clone());
        let help = "keep one of them: the header, or `user` and `password`, or `token`";
        fields.sink.report(&location, "`headers` has an `Authorization` beside the credentials, which make one", help);
        return None;
    }
    Some(headers)
}

/// Checks that there is no other `Authorization` beside a token server's token. `None` when there is, which is reported.
fn check_one_authorization(headers: Option<&HeaderMap>, fields: &Fields<'_>) -> Option<()> {
    let Some(location) = fields.key_location(OAUTH) else { return Some(()) };
    let others = [USER, "password", "password_file", "token", "token_file"];
    let is_given = others.iter().any(|key| fields.key_location(key).is_some());
    if !is_given && !headers.is_some_and(|headers| headers.contains_key(AUTHORIZATION)) {
        return Some(());
    }
    fields.sink.report(&location, "there are other credentials beside `oauth`", "keep one of them");
    None
}

/// Checks that a certificate is shown only where there is TLS. `None` when there is none, which is reported.
fn check_client_tls(url: &UrlTemplate, fields: &Fields<'_>) -> Option<()> {
    if url.is_tls() {
        return Some(());
    }
    let Some(location) = fields.key_location(CLIENT_CERTIFICATE_FILE) else { return Some(()) };
    let help = "write `https://` in the URL, or take the certificate and its key out";
    fields.sink.report(&location, "a certificate is shown by TLS alone, which a URL with `http://` has not", help);
    None
}

/// `{ Accept = "application/json", Authorization = { file = "…" } }`.
fn read_headers(mut fields: Fields<'_>) -> Option<HeaderMap> {
    let entries = fields.take_rest();
    if entries.len() > MAX_HEADERS {
        let message = format!("`headers` has {} headers", entries.len());
        fields.sink.report(&fields.location, message, format!("{MAX_HEADERS} are the most"));
        return None;
    }
    let count = entries.len();
    let headers: Vec<_> = entries.into_iter().filter_map(|entry| read_header(entry, &fields)).collect();
    (headers.len() == count).then(|| headers.into_iter().collect())
}

fn read_header(entry: ConfigEntry, fields: &Fields<'_>) -> Option<(HeaderName, HeaderValue)> {
    let sink = fields.sink;
    let Ok(name) = HeaderName::from_bytes(entry.key.as_bytes()) else {
        let help = "a header's name has letters, digits and hyphens: `Authorization`";
        sink.report(&entry.key_location, format!("a header cannot be called {}", quote(&entry.key)), help);
        return None;
    };
    let location = entry.node.location.clone();
    let value = read_secret_or_file(&entry.key, entry.node, "/run/credentials/belvedere/stock", sink)?;
    let Some(value) = sensitive(value.expose()) else {
        let message = format!("the value of `{}` cannot be sent as a header", entry.key);
        sink.report(&location, message, "write one line of ASCII, without control characters");
        return None;
    };
    Some((name, value))
}
