use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::directory::connection::{TlsClient, start_tls};
use crate::tls::{TlsExplanation, explain_io};

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
    /// It speaks no TLS that we do, or none at all.
    Failed(TlsExplanation),
    /// Nobody can have a certificate for its host name.
    HostName,
}

/// Makes a TLS handshake to see the server's certificates, whoever signed them, and hangs up. Asks for StartTLS first, where
/// that is to be. What goes wrong once the certificates were shown does not matter.
///
/// Since nobody was verified, nothing is ever said over this connection: before the handshake at the most the request
/// for StartTLS, and after it nothing. It has no deadline of its own.
pub(super) async fn observe_handshake(
    mut stream: TcpStream,
    (host, tls): (&str, &TlsClient),
    start_tls_first: bool,
) -> Result<ObservedHandshake, HandshakeError> {
    if start_tls_first {
        start_tls::request(&mut stream).await.map_err(HandshakeError::StartTls)?;
    }
    let recorder = Arc::new(CertificateRecorder::default());
    let name = ServerName::try_from(host.to_owned()).map_err(|_| HandshakeError::HostName)?;
    let config = tls.observing_config(Arc::<CertificateRecorder>::clone(&recorder));
    let handshake = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    let chain = std::mem::take(&mut *recorder.chain.lock().unwrap_or_else(PoisonError::into_inner));
    match handshake {
        Ok(stream) => {
            let version = stream.get_ref().1.protocol_version();
            let protocol = if version == Some(rustls::ProtocolVersion::TLSv1_3) { "TLS 1.3" } else { "TLS 1.2" };
            Ok(ObservedHandshake { protocol, chain })
        }
        Err(_) if !chain.is_empty() => Ok(ObservedHandshake { protocol: "TLS", chain }),
        Err(fault) => Err(HandshakeError::Failed(explain_io(&fault))),
    }
}

/// A verifier that records the certificates a server shows. It accepts them all, with keys of every kind, so nothing may be sent
/// afterwards.
#[derive(Debug, Default)]
struct CertificateRecorder {
    chain: Mutex<Vec<CertificateDer<'static>>>,
}

/// The kinds of signatures that are not spoken here: with them asked for as well, a server shows a certificate that can be
/// named as the trouble.
const FOREIGN_SCHEMES: [SignatureScheme; 4] = [
    SignatureScheme::ECDSA_NISTP521_SHA512,
    SignatureScheme::ED448,
    SignatureScheme::RSA_PKCS1_SHA1,
    SignatureScheme::ECDSA_SHA1_Legacy,
];

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
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = ring::default_provider().signature_verification_algorithms.supported_schemes();
        schemes.extend(FOREIGN_SCHEMES);
        schemes
    }
}
