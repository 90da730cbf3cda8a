use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use itertools::Itertools as _;
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

use super::handshake::{HandshakeError, ObservedHandshake};
use super::report::{DiagnosticStep, UntrustedCa, without_advice};
use crate::directory::connection::{CHECK_PORT, TlsClient};
use crate::directory::schema::time::format_day;
use crate::domain::{CertificateFingerprint, Timestamp};

const NAME: &str = "TLS";

/// The time before a certificate's expiry from which a warning is given: renewal is a matter of days in any company,
/// and a month leaves room for a holiday.
const EXPIRY_WARNING: Duration = Duration::from_hours(30 * 24);

/// The most names of a certificate that are shown.
const MAX_NAMES: usize = 12;

/// The length of a line of PEM (RFC 7468, 2).
const PEM_LINE: usize = 64;

/// The host that a certificate must be made out to, and the authorities trusted.
pub(super) struct ExpectedCertificate<'a> {
    pub(super) host: &'a str,
    pub(super) tls: &'a TlsClient,
    /// The setting `ca_file`.
    pub(super) ca_file: Option<&'a Path>,
    /// The advice on how an unknown authority's certificate is saved and then used.
    pub(super) save_ca: &'a str,
    pub(super) now: Timestamp,
}

/// The fields of a certificate that are reported.
struct CertificateSummary {
    subject: String,
    issuer: String,
    names: Vec<String>,
    from: Timestamp,
    until: Timestamp,
    is_authority: bool,
    fingerprint: CertificateFingerprint,
}

/// The step about the certificates seen in a server's handshake, judged as the client itself would; and the authority,
/// when it is unknown.
pub(super) fn certificate_step(
    observed: &ObservedHandshake,
    expected: &ExpectedCertificate<'_>,
) -> (DiagnosticStep, Option<UntrustedCa>) {
    let chain: Vec<CertificateSummary> = observed.chain.iter().filter_map(parse_certificate).collect();
    let Some(own) = chain.first() else {
        let remedy = "give the server a certificate that names its host";
        return (DiagnosticStep::failure(NAME, "the server shows no certificate that can be read", remedy), None);
    };
    let details = certificate_details(observed.protocol, own, &chain, expected.now);
    let (step, authority) = match expected.tls.verify_chain(expected.host, &observed.chain, expected.now) {
        Ok(()) => (valid_step(own, expected.now), None),
        Err(_) if expected.tls.trusts_nobody() => {
            let remedy = "install this system's CA certificates, or set ca_file to the PEM file of the CA";
            (DiagnosticStep::failure(NAME, "this system has no trusted certificates", remedy), None)
        }
        Err(problem) if problem.is_unknown_issuer() => {
            let authority = untrusted_ca(&chain, &observed.chain);
            (unknown_ca_step(own, authority.as_ref(), expected), authority)
        }
        Err(problem) => (DiagnosticStep::failure(NAME, problem.reason(), problem.remedy()), None),
    };
    (step.with_all(details), authority)
}

fn valid_step(own: &CertificateSummary, now: Timestamp) -> DiagnosticStep {
    if own.until.since(now) > EXPIRY_WARNING {
        return DiagnosticStep::ok(NAME);
    }
    let reason = format!("the server's certificate expires soon, on {}", format_day(own.until));
    DiagnosticStep::warning(NAME, reason, "renew it on the server before that day: from then on nobody can sign in")
}

fn unknown_ca_step(own: &CertificateSummary, sent: Option<&UntrustedCa>, expected: &ExpectedCertificate<'_>) -> DiagnosticStep {
    let among = match expected.ca_file {
        Some(file) => format!("is not in ca_file {}", file.display()),
        None => "is unknown to this machine".to_owned(),
    };
    let reason = format!("the server's certificate is from an unknown CA: {} {among}", own.issuer);
    let remedy = match sent {
        Some(UntrustedCa { fingerprint, .. }) => format!(
            "the server sends that CA's certificate: ask whoever runs the directory whether its SHA-256 is \
             {fingerprint}; if so, {}",
            expected.save_ca
        ),
        None => {
            "the server does not send that CA's certificate: if one above that CA is trusted here, let the server send the \
                 whole chain; else, on the CA, export it by `certutil -ca.cert \
                 corp-ca.cer` and `certutil -encode corp-ca.cer corp-ca.pem`, or ask whoever runs it for the PEM file; \
                 then set ca_file = \"corp-ca.pem\""
                .to_owned()
        }
    };
    DiagnosticStep::failure(NAME, reason, remedy)
}

/// The step of a failed handshake.
pub(super) fn handshake_error_step(fault: HandshakeError, start_tls: bool) -> DiagnosticStep {
    match fault {
        HandshakeError::StartTls(why) => {
            let remedy = "install a certificate on the server, or write an ldaps:// URL in url and take start_tls out";
            DiagnosticStep::failure(NAME, without_advice(&why), remedy)
        }
        HandshakeError::HostName => DiagnosticStep::failure(NAME, "its host name cannot be in a certificate", "correct url"),
        HandshakeError::Failed(why) => {
            let check_port = if start_tls {
                "install a certificate on the server, or check that an LDAP server is behind this port"
            } else {
                CHECK_PORT
            };
            let remedy = why.remedy.unwrap_or_else(|| check_port.to_owned());
            DiagnosticStep::failure(NAME, format!("there was no TLS handshake: {}", why.reason), remedy)
        }
    }
}

fn certificate_details(protocol: &str, own: &CertificateSummary, chain: &[CertificateSummary], now: Timestamp) -> Vec<String> {
    let names = match own.names.len() {
        0 => "no host name".to_owned(),
        count if count > MAX_NAMES => {
            format!("{} and {} more", own.names[..MAX_NAMES].join(", "), count - MAX_NAMES)
        }
        _ => own.names.join(", "),
    };
    let mut lines = vec![
        format!("{protocol}; the certificate is made out to {names}"),
        format!("{}, issued by {}", own.subject, own.issuer),
        format!("valid from {} to {}{}", format_day(own.from), format_day(own.until), time_left(own, now)),
    ];
    lines.extend(chain.iter().skip(1).map(|above| {
        format!("sent with it: {}, issued by {}, valid to {}", above.subject, above.issuer, format_day(above.until))
    }));
    lines
}

fn time_left(own: &CertificateSummary, now: Timestamp) -> String {
    if now >= own.until {
        return ", expired".to_owned();
    }
    match own.until.since(now).as_secs() / 86_400 {
        1 => ", 1 day left".to_owned(),
        days => format!(", {days} days left"),
    }
}

/// The authority in the chain: the topmost certificate that can vouch for others, or that vouches for itself.
fn untrusted_ca(chain: &[CertificateSummary], der: &[CertificateDer<'_>]) -> Option<UntrustedCa> {
    let (place, top) = chain.iter().enumerate().rfind(|(place, certificate)| {
        // A server's own certificate is its own authority only when nobody else signed it.
        if *place == 0 { certificate.subject == certificate.issuer } else { certificate.is_authority }
    })?;
    let encoded = BASE64_STANDARD.encode(der.get(place)?);
    let lines = encoded.as_bytes().chunks(PEM_LINE).map(String::from_utf8_lossy).join("\n");
    let pem = format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n");
    Some(UntrustedCa {
        subject: top.subject.clone(),
        fingerprint: top.fingerprint.to_string().trim_start_matches("sha256:").to_owned(),
        pem,
    })
}

fn parse_certificate(der: &CertificateDer<'_>) -> Option<CertificateSummary> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    let names = match parsed.subject_alternative_name() {
        Ok(Some(names)) => names.value.general_names.iter().filter_map(general_name).collect(),
        Ok(None) | Err(_) => Vec::new(),
    };
    let moment = |seconds: i64| Timestamp::from_millis(seconds.saturating_mul(1_000));
    Some(CertificateSummary {
        subject: parsed.subject().to_string(),
        issuer: parsed.issuer().to_string(),
        names,
        from: moment(parsed.validity().not_before.timestamp()),
        until: moment(parsed.validity().not_after.timestamp()),
        is_authority: parsed.is_ca(),
        fingerprint: CertificateFingerprint::of_der(der),
    })
}

fn general_name(general: &GeneralName<'_>) -> Option<String> {
    match general {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from)).ok().map(|ip| ip.to_string())
        }
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::directory::connection::start_tls;
    use crate::directory::diagnostics::report::StepVerdict;

    #[tokio::test]
    async fn a_refused_start_tls_is_told_with_its_remedy_once() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        // An extended response with result 52, unavailable.
        server.write_all(&[0x30, 12, 2, 1, 1, 0x78, 7, 10, 1, 52, 4, 0, 4, 0]).await.unwrap();
        let why = start_tls::request(&mut stream).await.unwrap_err();
        let StepVerdict::Failed { reason, remedy } = handshake_error_step(HandshakeError::StartTls(why), true).verdict else {
            panic!("it passed");
        };
        assert!(reason.contains("refused StartTLS (result 52)") && !reason.contains("ldaps://"), "{reason}");
        assert!(remedy.contains("ldaps://"), "{remedy}");
    }
}
