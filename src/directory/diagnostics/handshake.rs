use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::directory::connection::start_tls;

/// The protocol and the certificates seen in a TLS handshake.
pub(super) struct ObservedHandshake {
    /// `TLS 1.3`.
    pub(super) protocol: &'static str,
    /// The server's own certificate first, then those it sends with it.
    pub(super) chain: Vec<CertificateDer<'static>>,
}

/// The reason why there was no handshake.
pub(super) enum HandshakeError {
    /// The server refused StartTLS; the reason and the advice, in words.
    StartTls(String),
    /// It speaks no TLS that we do, or none at all; TLS's own message.
    Failed(String),
}

/// Makes a TLS handshake to see the server's certificates, whoever signed them, and hangs up. `asks` for StartTLS
/// first.
///
/// Since nobody was verified, nothing is ever said over this connection: before the handshake at the most the request
/// for StartTLS, and after it nothing. It has no deadline of its own.
pub(super) async fn observe_handshake(
    mut stream: TcpStream,
    host: &str,
    start_tls_first: bool,
) -> Result<ObservedHandshake, HandshakeError> {
    if start_tls_first {
        start_tls::request(&mut stream).await.map_err(HandshakeError::StartTls)?;
    }
    let recorder = Arc::new(CertificateRecorder::default());
    let name = ServerName::try_from(host.to_owned()).map_err(|fault| HandshakeError::Failed(fault.to_string()))?;
    let config = ClientConfig::builder_with_provider(Arc::clone(&recorder.provider))
        .with_safe_default_protocol_versions()
        .map_err(|fault| HandshakeError::Failed(fault.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::<CertificateRecorder>::clone(&recorder))
        .with_no_client_auth();
    let handshake = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    let chain = std::mem::take(&mut *recorder.chain.lock().unwrap_or_else(PoisonError::into_inner));
    match handshake {
        Ok(stream) => {
            let version = stream.get_ref().1.protocol_version();
            let protocol = if version == Some(rustls::ProtocolVersion::TLSv1_3) { "TLS 1.3" } else { "TLS 1.2" };
            Ok(ObservedHandshake { protocol, chain })
        }
        Err(fault) => Err(HandshakeError::Failed(fault.to_string())),
    }
}

/// A verifier that records the certificates a server shows. It accepts them all, so nothing may be sent afterwards.
#[derive(Debug)]
struct CertificateRecorder {
    provider: Arc<CryptoProvider>,
    chain: Mutex<Vec<CertificateDer<'static>>>,
}

impl Default for CertificateRecorder {
    fn default() -> Self {
        Self { provider: Arc::new(ring::default_provider()), chain: Mutex::default() }
    }
}

impl ServerCertVerifier for CertificateRecorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let mut chain = vec![end_entity.clone().into_owned()];
        chain.extend(intermediates.iter().map(|certificate| certificate.clone().into_owned()));
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = chain;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
