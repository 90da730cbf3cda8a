use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ldap3::LdapError;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, IpAddr, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::set_up_error::SetUpError;
use crate::domain::Timestamp;

/// The TLS client configuration: which authorities are trusted for the directory's servers.
pub(in crate::directory) struct TlsClient {
    provider: Arc<CryptoProvider>,
    roots: Arc<RootCertStore>,
    config: Arc<ClientConfig>,
}

impl TlsClient {
    /// Trusts the certificates in `ca_file` and no others; without one, the system's.
    ///
    /// # Errors
    /// [`SetUpError`] when the file cannot be read or holds no certificate. A system without trusted certificates
    /// is no error here: plain LDAP on loopback needs none, and a TLS dial says what is missing.
    pub(in crate::directory) fn new(ca_file: Option<&Path>) -> Result<Self, SetUpError> {
        let roots = Arc::new(match ca_file {
            Some(path) => roots_from_file(path)?,
            None => system_roots(),
        });
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|fault| SetUpError::Tls(fault.to_string()))?
            .with_root_certificates(Arc::clone(&roots))
            .with_no_client_auth();
        Ok(Self { provider, roots, config: Arc::new(config) })
    }

    /// Verifies a certificate chain that was only observed, as a real handshake would at `now`.
    ///
    /// # Errors
    /// TLS' own reason.
    pub(in crate::directory) fn verify_chain(
        &self,
        host: &str,
        chain: &[CertificateDer<'_>],
        now: Timestamp,
    ) -> Result<(), rustls::Error> {
        let general = |fault: String| rustls::Error::General(fault);
        if self.roots.is_empty() {
            return Err(general("this system has no trusted certificates".to_owned()));
        }
        let name = ServerName::try_from(host).map_err(|fault| general(fault.to_string()))?;
        let [own, others @ ..] = chain else { return Err(rustls::Error::NoCertificatesPresented) };
        let since_epoch = Duration::from_millis(u64::try_from(now.as_millis()).unwrap_or_default());
        WebPkiServerVerifier::builder_with_provider(Arc::clone(&self.roots), Arc::clone(&self.provider))
            .build()
            .map_err(|fault| general(fault.to_string()))?
            .verify_server_cert(own, others, &name, &[], UnixTime::since_unix_epoch(since_epoch))
            .map(drop)
    }

    /// The TLS configuration for the `ldap3` crate to connect to `host`, a name or an address to which the certificate
    /// must be made out, and the host of its URL.
    ///
    /// # Errors
    /// In words, with what to do about it.
    pub(super) fn config_for<'h>(&self, host: &'h str) -> Result<(Arc<ClientConfig>, &'h str), String> {
        if self.roots.is_empty() {
            return Err("this system has no trusted certificates: install its CA certificates, or set ca_file".into());
        }
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| "its host name cannot be in a certificate: correct url".to_owned())?;
        if !matches!(name, ServerName::IpAddress(IpAddr::V6(_))) {
            return Ok((Arc::clone(&self.config), host));
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::clone(&self.roots), Arc::clone(&self.provider))
            .build()
            .map_err(|fault| fault.to_string())?;
        let mut config = ClientConfig::clone(&self.config);
        // What was resumed for one address must not pass for another.
        config.resumption = Resumption::disabled();
        config.dangerous().set_certificate_verifier(Arc::new(AddressVerifier { verifier, address: name }));
        Ok((Arc::new(config), PLACEHOLDER_HOST))
    }
}

/// The host put in a URL in place of an IPv6 address, whose brackets the `ldap3` crate takes for a part of it.
const PLACEHOLDER_HOST: &str = "0.0.0.0";

/// Verifies as ever that a certificate is made out to `address`, whatever name the handshake was begun with.
#[derive(Debug)]
struct AddressVerifier {
    verifier: Arc<WebPkiServerVerifier>,
    address: ServerName<'static>,
}

impl ServerCertVerifier for AddressVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _begun_with: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.verifier.verify_server_cert(end_entity, intermediates, &self.address, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// Whether a certificate can be made out to `host` at all.
pub(super) fn is_verifiable(host: &str) -> bool {
    ServerName::try_from(host).is_ok()
}

fn roots_from_file(path: &Path) -> Result<RootCertStore, SetUpError> {
    let unreadable = |fault: String| SetUpError::CaFile { path: path.to_owned(), fault };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|fault| unreadable(fault.to_string()))? {
        let certificate = certificate.map_err(|fault| unreadable(fault.to_string()))?;
        roots.add(certificate).map_err(|fault| unreadable(fault.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unreadable("it holds no PEM certificate".into()));
    }
    Ok(roots)
}

/// The system's trusted certificates. One unreadable certificate among a hundred must not cost the other ninety-nine.
fn system_roots() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (trusted, ignored) = roots.add_parsable_certificates(found.certs);
    tracing::debug!(trusted, ignored, unreadable = found.errors.len(), "read the system's certificates");
    roots
}

/// Explains why the `ldap3` crate could not make a connection, with what to do about it.
pub(super) fn explain(error: &LdapError) -> String {
    let LdapError::Io { source } = error else { return format!("the connection could not be set up: {error}") };
    match source.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(fault)) => explain_certificate(fault),
        Some(fault) => format!("TLS failed: {fault}"),
        None => format!("TLS failed: {source}"),
    }
}

fn explain_certificate(fault: &CertificateError) -> String {
    match fault {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "its certificate is from an unknown CA: set ca_file to the PEM file of the CA that issued it".into()
        }
        CertificateError::NotValidForName => "its certificate is for another host name".into(),
        CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => {
            "its certificate names no host (it has no subject alternative name, and a common name does not count, \
             RFC 9525): give the server a certificate made out to the host in url"
                .into()
        }
        CertificateError::NotValidForNameContext { expected, presented } => format!(
            "its certificate is for another host name: it is made out to {}, not to {}; write that name in url, \
             or give the server a certificate for this one",
            presented.join(", "),
            expected.to_str()
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired: renew it (and check this machine's clock)".into()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet: check this machine's clock, and the server's".into()
        }
        other => format!("its certificate is not acceptable: {other}"),
    }
}
