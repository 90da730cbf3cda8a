//! The HTTP client of the sources: one destination that the admin has set, asked with the admin's headers, for a limited time
//! and a limited answer.
//!
//! Certificates are always verified. Redirects are followed only within the destination's own scheme, host and port, so
//! headers never reach anyone else. Proxies of the environment are not used: where a source points is what the settings say.
//! No error has a URL, a header or anything of an answer in it.

mod authorization;
mod client;
mod encoding;
mod error;
mod oauth;
mod proxy;
mod request;
mod retry_after;
mod settings;
#[cfg(test)]
pub(super) mod tests;
mod url_template;

pub(super) use self::client::HttpClient;
pub(super) use self::error::{io_kind, tls_error};
pub(super) use self::request::{HttpBody, HttpRequest, HttpResponse};
pub(super) use self::settings::{HttpClientDefaults, HttpClientSettings};
pub(super) use self::url_template::UrlTemplate;
