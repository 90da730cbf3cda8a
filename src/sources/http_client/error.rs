//! Errors of requests, in words that name the host and nothing else of it.

use std::error::Error;
use std::io;

use crate::sources::SourceError;
use crate::tls::{TlsExplanation, explain};

/// The error when there was no response at all.
pub(super) fn request_error(host: &str, error: &reqwest::Error) -> SourceError {
    if error.is_dns() {
        return SourceError::Unreachable(format!("{host} has no address: its name cannot be resolved"));
    }
    if let Some(error) = tls_error(error) {
        return SourceError::Unreachable(format!("{host} {}", describe_tls_error(error)));
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
        Some(io::ErrorKind::UnexpectedEof) if error.is_connect() => {
            format!(
                "{host} hung up in the middle of the TLS handshake; if nothing but HTTP is spoken there, write http:// in its url"
            )
        }
        _ if error.is_connect() => format!("{host} cannot be reached"),
        _ => return SourceError::BadAnswer(format!("{host} did not answer as a web server does")),
    })
}

/// The error when the response's body broke off.
pub(super) fn body_error(host: &str, error: &reqwest::Error) -> SourceError {
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

/// The failure of TLS behind an error, if it is one.
pub(in crate::sources) fn tls_error(error: &reqwest::Error) -> Option<&rustls::Error> {
    error_chain(error).find_map(|cause| cause.downcast_ref::<rustls::Error>())
}

/// The innermost failure of a connection behind an error, if it is one.
pub(in crate::sources) fn io_kind(error: &reqwest::Error) -> Option<io::ErrorKind> {
    error_chain(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).last().map(io::Error::kind)
}

/// What TLS failed for, and what to do about it.
fn describe_tls_error(error: &rustls::Error) -> String {
    let TlsExplanation { reason, remedy, is_certificate } = explain(error);
    let remedy = remedy.unwrap_or_else(|| "if nothing but HTTP is spoken there, write http:// in its url".to_owned());
    let kind = if is_certificate { "cannot be trusted" } else { "cannot be spoken to by TLS" };
    format!("{kind}: {reason}; {remedy}")
}
