use std::sync::Arc;
use std::time::Duration;

use ldap3::LdapError;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, IpAddr, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};

use super::set_up_error::SetUpError;
use crate::config::DirectorySettings;
use crate::domain::Timestamp;
use crate::tls::{CertificateProblem, CertificateRequests, ClientIdentity, ServerTrust, TlsExplanation, explain_io};

/// The advice where a server does not seem to speak TLS at all.
pub(in crate::directory) const CHECK_PORT: &str = "check that this port speaks LDAPS (636 does, 389 does not) and that the server has a certificate; a server with StartTLS \
     alone wants url = \"ldap://…\" and start_tls = true";

/// The TLS client configuration: who is trusted as one of the directory's servers, and the certificate shown to them.
pub(in crate::directory) struct TlsClient {
    trust: Arc<ServerTrust>,
    config: Arc<ClientConfig>,
    /// The requests for a certificate that there is not.
    requests: Arc<CertificateRequests>,
}

impl TlsClient {
    /// Trusts and shows what the settings say.
    ///
    /// # Errors
    /// [`SetUpError`] when a file cannot be read or holds no certificate or key. A system without trusted certificates
    /// is no error here: plain LDAP on loopback needs none, and a TLS dial says what is missing.
    pub(in crate::directory) fn new(settings: &DirectorySettings) -> Result<Self, SetUpError> {
        let ca_file = settings.ca_file.as_deref();
        let trust = ServerTrust::new(ca_file, &settings.tls_fingerprint).map_err(|fault| match ca_file {
            Some(path) => SetUpError::CaFile { path: path.to_owned(), fault },
            None => SetUpError::Tls(fault),
        })?;
        let trust = Arc::new(trust);
        let identity = match (&settings.client_certificate_file, &settings.client_key_file) {
            (Some(certificate), Some(key)) => {
                Some(ClientIdentity::from_files(certificate, key).map_err(SetUpError::ClientIdentity)?)
            }
            _ => None,
        };
        let mut config = trust.client_config(identity.as_ref()).map_err(SetUpError::ClientIdentity)?;
        let requests = Arc::new(CertificateRequests::default());
        if identity.is_none() {
            config.client_auth_cert_resolver = Arc::<CertificateRequests>::clone(&requests);
        }
        Ok(Self { trust, config: Arc::new(config), requests })
    }

    /// Verifies a certificate chain that was only observed, as a real handshake would at `now`.
    ///
    /// # Errors
    /// The reason why it is refused.
    pub(in crate::directory) fn verify_chain(
        &self,
        host: &str,
        chain: &[CertificateDer<'_>],
        now: Timestamp,
    ) -> Result<(), CertificateProblem> {
        let name = ServerName::try_from(host).map_err(|_| CertificateProblem::Refused)?;
        let since_epoch = Duration::from_millis(u64::try_from(now.as_millis()).unwrap_or_default());
        self.trust.verify(chain, &name, UnixTime::since_unix_epoch(since_epoch))
    }

    /// A configuration to see by which certificates a server is known: it shows what a real one shows, and takes what
    /// `observer` takes.
    pub(in crate::directory) fn observing_config(&self, observer: Arc<dyn ServerCertVerifier>) -> ClientConfig {
        let mut config = ClientConfig::clone(&self.config);
        // What was not verified must not be resumed as if it had been.
        config.resumption = Resumption::disabled();
        config.dangerous().set_certificate_verifier(observer);
        config
    }

    /// The requests for a certificate that there is not.
    pub(super) fn requests(&self) -> Arc<CertificateRequests> {
        Arc::clone(&self.requests)
    }

    /// Whether nobody is trusted: the settings name nobody, and the system has no authorities.
    pub(in crate::directory) fn trusts_nobody(&self) -> bool {
        self.trust.is_empty()
    }

    /// The TLS configuration for the `ldap3` crate to connect to `host`, a name or an address to which the certificate
    /// must be made out, and the host of its URL.
    ///
    /// # Errors
    /// In words, with what to do about it.
    pub(super) fn config_for<'h>(&self, host: &'h str) -> Result<(Arc<ClientConfig>, &'h str), String> {
        if self.trusts_nobody() {
            return Err("this system has no trusted certificates: install its CA certificates, or set ca_file".into());
        }
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| "its host name cannot be in a certificate: correct url".to_owned())?;
        if !matches!(name, ServerName::IpAddress(IpAddr::V6(_))) {
            return Ok((Arc::clone(&self.config), host));
        }
        let verifier = AddressVerifier { trust: Arc::clone(&self.trust), address: name };
        // What was resumed for one address must not pass for another.
        Ok((Arc::new(self.observing_config(Arc::new(verifier))), PLACEHOLDER_HOST))
    }
}

/// The host put in a URL in place of an IPv6 address, whose brackets the `ldap3` crate takes for a part of it.
const PLACEHOLDER_HOST: &str = "0.0.0.0";

/// Verifies as ever that a certificate is made out to `address`, whatever name the handshake was begun with.
#[derive(Debug)]
struct AddressVerifier {
    trust: Arc<ServerTrust>,
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
        self.trust.verify_server_cert(end_entity, intermediates, &self.address, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.trust.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.trust.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust.supported_verify_schemes()
    }
}

/// Whether a certificate can be made out to `host` at all.
pub(super) fn is_verifiable(host: &str) -> bool {
    ServerName::try_from(host).is_ok()
}

/// Explains why the `ldap3` crate could not make a connection, with what to do about it.
pub(super) fn explain(error: &LdapError) -> String {
    let LdapError::Io { source } = error else { return format!("the connection could not be set up: {error}") };
    in_words(&explain_io(source))
}

/// A reason, with what to do about it.
pub(super) fn in_words(explanation: &TlsExplanation) -> String {
    format!("{}: {}", explanation.reason, explanation.remedy.as_deref().unwrap_or(CHECK_PORT))
}
