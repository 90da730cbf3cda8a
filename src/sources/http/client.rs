//! The HTTP client of a source: one GET, from the dial to the last byte, and its error messages.
//!
//! Certificates are always verified. Redirects are followed only within the source's own scheme, host and port, so
//! headers never reach anyone else. Proxies of the environment are not used: where a source points is what the
//! settings say.

use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::Arc;

use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use url::Url;

use super::url_template::{UrlTemplate, host_of};
use crate::config::Secret;
use crate::sources::SourceError;

/// The limit on redirects: one or two are a tidy server (`/x` to `/x/`); more is a loop.
const MAX_REDIRECTS: usize = 3;

/// The idle connections that are kept: each source has one host, and seldom more than two requests to it at once.
const MAX_IDLE_CONNECTIONS: usize = 2;

/// Builds a client that follows redirects only within the origin of `url_template`.
pub(super) fn build_client(
    url_template: &Arc<UrlTemplate>,
    headers: &[(String, Secret)],
    ca_file: Option<&Path>,
) -> Result<Client, String> {
    let template = Arc::clone(url_template);
    let redirects = Policy::custom(move |attempt| {
        if template.has_same_origin(attempt.url()) && attempt.previous().len() <= MAX_REDIRECTS {
            attempt.follow()
        } else {
            attempt.stop()
        }
    });
    Client::builder()
        .tls_backend_preconfigured(tls_config(url_template, ca_file)?)
        .default_headers(header_map(headers)?)
        .user_agent(concat!("belvedere/", env!("CARGO_PKG_VERSION")))
        .redirect(redirects)
        .referer(false)
        .no_proxy()
        .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
        .build()
        .map_err(|error| format!("its client cannot be built: {error}"))
}

/// Gets `url` and reads the body of its response, decompressed, up to `max_bytes`. It has no timeout of its own.
///
/// # Errors
/// A message that names the host, and never the path, the query or a header.
pub(super) async fn get(client: &Client, url: Url, max_bytes: usize) -> Result<Vec<u8>, SourceError> {
    let host = host_of(&url);
    let response = client.get(url).send().await.map_err(|error| request_error(&host, &error))?;
    let mut response = require_success(&host, response)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| body_error(&host, &error))? {
        if body.len() + chunk.len() > max_bytes {
            return Err(SourceError::TooLarge(format!(
                "{host} sent more than the {max_bytes} bytes allowed; raise max_bytes of the source, or ask for less"
            )));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn header_map(headers: &[(String, Secret)]) -> Result<HeaderMap, String> {
    let mut map = HeaderMap::new();
    map.insert(ACCEPT, HeaderValue::from_static("application/json"));
    for (name, value) in headers {
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("'{name}' cannot be a header's name"))?;
        let mut value = HeaderValue::from_str(value.expose())
            .map_err(|_| format!("the value of the header '{name}' has characters that no header may have"))?;
        value.set_sensitive(true);
        map.insert(key, value);
    }
    Ok(map)
}

/// The TLS settings, with the admin's certificates or with those the system trusts. A URL without TLS gets no roots at all.
fn tls_config(url_template: &UrlTemplate, ca_file: Option<&Path>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = ca_file {
        add_ca_file(&mut roots, file)?;
    } else if url_template.is_tls() {
        let (added, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if added == 0 {
            return Err("this system has no trusted certificates; install them, or set ca_file".to_owned());
        }
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn add_ca_file(roots: &mut RootCertStore, file: &Path) -> Result<(), String> {
    let describe = |error: &dyn std::fmt::Display| format!("its ca_file {} cannot be used: {error}", file.display());
    let certificates: Vec<_> = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|error: rustls::pki_types::pem::Error| describe(&error))?;
    if certificates.is_empty() {
        return Err(describe(&"there is no PEM certificate in it"));
    }
    for certificate in certificates {
        roots.add(certificate).map_err(|error| describe(&error))?;
    }
    Ok(())
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

/// The error when there was no response at all.
fn request_error(host: &str, error: &reqwest::Error) -> SourceError {
    if error.is_dns() {
        return SourceError::Unreachable(format!("{host} has no address: its name cannot be resolved"));
    }
    if let Some(error) = tls_error(error) {
        return SourceError::Unreachable(format!("{host} cannot be trusted: {}", describe_tls_error(error)));
    }
    SourceError::Unreachable(match io_kind(error) {
        Some(io::ErrorKind::ConnectionRefused) => format!("{host} refused the connection"),
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe) => {
            format!("{host} broke the connection off")
        }
        Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => {
            format!("{host} cannot be reached from here: there is no way to it")
        }
        Some(io::ErrorKind::TimedOut) => {
            return SourceError::TimedOut(format!("{host} did not take the connection in time"));
        }
        _ if error.is_connect() => format!("{host} cannot be reached"),
        _ => return SourceError::BadAnswer(format!("{host} did not answer as a web server does")),
    })
}

/// The error when the response's body broke off.
fn body_error(host: &str, error: &reqwest::Error) -> SourceError {
    SourceError::BadAnswer(if error.is_decode() && io_kind(error).is_none_or(|kind| kind == io::ErrorKind::InvalidData) {
        format!("{host} sent an answer that cannot be unpacked")
    } else {
        format!("{host} broke off in the middle of its answer")
    })
}

/// The chain of sources of an error, from the outside in, with what an I/O error wraps.
fn error_chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(Some(error as &(dyn Error + 'static)), |error| cause(*error))
}

fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

fn tls_error(error: &reqwest::Error) -> Option<&rustls::Error> {
    error_chain(error).find_map(|cause| cause.downcast_ref::<rustls::Error>())
}

fn io_kind(error: &reqwest::Error) -> Option<io::ErrorKind> {
    error_chain(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).last().map(io::Error::kind)
}

fn describe_tls_error(error: &rustls::Error) -> String {
    use CertificateError::{BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext, UnknownIssuer};
    let words = match error {
        rustls::Error::InvalidCertificate(UnknownIssuer | BadSignature) => {
            "nobody known here signed its certificate; set ca_file of the source to the authority that did"
        }
        rustls::Error::InvalidCertificate(Expired | ExpiredContext { .. }) => "its certificate has expired",
        rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }) => {
            "its certificate is for another name"
        }
        other => return format!("TLS failed ({other})"),
    };
    words.to_owned()
}
