use std::net::SocketAddr;
use std::time::Duration;

use futures::future::join_all;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::report::DiagnosticStep;
use crate::config::ServerAddress;
use crate::directory::connection::DnsResolver;

/// The most addresses tried of one name: more are a misconfiguration; the client dials no more either.
const MAX_ADDRESSES: usize = 8;

/// Resolves the server's name.
///
/// # Errors
/// The failed step.
pub(super) async fn resolve_step(
    names: &DnsResolver,
    server: &ServerAddress,
    dial_timeout: Duration,
) -> Result<(DiagnosticStep, Vec<SocketAddr>), DiagnosticStep> {
    const NAME: &str = "name";
    let host = &server.host;
    let found = timeout(dial_timeout, names.resolve(host, server.port)).await;
    let addresses: Vec<SocketAddr> = match found {
        Err(_elapsed) => {
            let reason = format!("{host} was not resolved within {dial_timeout:?}");
            return Err(DiagnosticStep::failure(
                NAME,
                reason,
                "check that the DNS servers of this machine answer (/etc/resolv.conf), or name others in dns",
            ));
        }
        Ok(Err(error)) => {
            let reason = format!("{host} has no address ({error})");
            return Err(DiagnosticStep::failure(NAME, reason, unknown_name(host)));
        }
        Ok(Ok(mut addresses)) => {
            addresses.dedup();
            addresses.truncate(MAX_ADDRESSES);
            addresses
        }
    };
    let mut ips: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
    ips.dedup();
    Ok((DiagnosticStep::ok(NAME).with(ips.join(", ")), addresses))
}

fn unknown_name(host: &str) -> String {
    let domain = host.split_once('.').map_or("corp.example.com", |(_, domain)| domain);
    format!(
        "correct url to a server's full name, or let this machine ask a DNS server that knows the domain; \
         `nslookup -type=SRV _ldap._tcp.{domain}` lists the servers of a domain"
    )
}

/// Connects to each address, all at the same time.
///
/// # Errors
/// The failed step, when none answers.
pub(super) async fn connect_step(
    server: &ServerAddress,
    addresses: &[SocketAddr],
    dial_timeout: Duration,
) -> Result<(DiagnosticStep, TcpStream), DiagnosticStep> {
    const NAME: &str = "TCP";
    let attempts = join_all(addresses.iter().map(|address| connect_one(*address, dial_timeout))).await;
    let mut first = None;
    let (mut lines, mut unreachable) = (Vec::new(), Vec::new());
    for (address, attempt) in addresses.iter().zip(attempts) {
        match attempt {
            Ok((stream, took)) => {
                lines.push(format!("{address} answers in {} ms", took.as_millis()));
                first.get_or_insert(stream);
            }
            Err(why) => unreachable.push(format!("{address}: {why}")),
        }
    }
    let remedy = format!(
        "check that the server runs, that {} is its port (636 for ldaps://, 389 for ldap://), and that no firewall \
         stands between; otherwise correct url",
        server.port
    );
    match first {
        None if unreachable.is_empty() => Err(DiagnosticStep::failure(NAME, "the name has no address", "correct url")),
        None => Err(DiagnosticStep::failure(NAME, unreachable.join(", "), remedy)),
        Some(stream) if unreachable.is_empty() => Ok((DiagnosticStep::ok(NAME).with_all(lines), stream)),
        Some(stream) => {
            let reason = format!("not every address answers: {}", unreachable.join(", "));
            let remedy = "each time such an address comes first, sign-ins wait for it: mend it, or take it out of DNS";
            Ok((DiagnosticStep::warning(NAME, reason, remedy).with_all(lines), stream))
        }
    }
}

async fn connect_one(address: SocketAddr, dial_timeout: Duration) -> Result<(TcpStream, Duration), String> {
    let started = Instant::now();
    match timeout(dial_timeout, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => Ok((stream, started.elapsed())),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_elapsed) => Err(format!("no answer within {dial_timeout:?} (dial_timeout)")),
    }
}
