use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use super::presented::PresentedCertificate;
use super::server_trust::ServerTrust;
use crate::domain::Timestamp;

/// Verifies servers as a [`ServerTrust`] does, and remembers how long the certificate is valid that was shown last, also where it was
/// refused.
#[derive(Debug)]
pub struct CertificateObserver {
    trust: Arc<ServerTrust>,
    expires_at: Mutex<Option<Timestamp>>,
}

impl CertificateObserver {
    /// An observer of servers that are trusted so.
    pub fn new(trust: ServerTrust) -> Arc<Self> {
        Arc::new(Self { trust: Arc::new(trust), expires_at: Mutex::new(None) })
    }

    /// The configuration of clients that trust these servers. Each connection has the certificate shown anew.
    ///
    /// # Errors
    /// The fault of TLS, in words.
    pub fn client_config(self: &Arc<Self>) -> Result<ClientConfig, String> {
        let mut config = self.trust.client_config(None)?;
        config.resumption = Resumption::disabled();
        config.dangerous().set_certificate_verifier(Arc::<Self>::clone(self));
        Ok(config)
    }

    /// The end of the certificate that was shown since this was asked last.
    pub fn take_expiry(&self) -> Option<Timestamp> {
        self.expires_at.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ServerCertVerifier for CertificateObserver {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let seconds = PresentedCertificate::parse(end_entity).ok().map(|presented| presented.dates().1);
        let expires_at = seconds.map(|seconds| Timestamp::from_millis(seconds.saturating_mul(1000)));
        *self.expires_at.lock().unwrap_or_else(PoisonError::into_inner) = expires_at;
        self.trust.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.trust.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.trust.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust.supported_verify_schemes()
    }
}
