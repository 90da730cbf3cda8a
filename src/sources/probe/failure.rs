//! Why a target is not as it should be, in words for everybody who sees the panel: they name no host.

use std::io;

use crate::sources::http_client::{io_kind, tls_error};
use crate::tls::explain;

/// Why a target is not as it should be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It is down, and why.
    Down(String),
    /// This machine cannot tell, and why.
    Unknown(String),
}

/// The reason why there is no connection.
pub(super) fn io_reason(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::ConnectionRefused => "refuses connections",
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::UnexpectedEof => "hung up",
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "there is no way to it",
        _ => "cannot be reached",
    }
}

/// Why there is no answer.
pub(super) fn http_failure(error: &reqwest::Error) -> Failure {
    if error.is_dns() {
        return Failure::Down("its name cannot be resolved".to_owned());
    }
    if error.is_redirect() {
        return Failure::Down("leads from redirect to redirect".to_owned());
    }
    if let Some(error) = tls_error(error) {
        return Failure::Down(explain(error).reason);
    }
    let reason = match io_kind(error) {
        Some(kind) => io_reason(kind),
        None if error.is_connect() => "cannot be reached",
        None => "its answer breaks off",
    };
    Failure::Down(reason.to_owned())
}
