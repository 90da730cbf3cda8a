//! A TLS server that never answers after the handshake, and records what it receives.

use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

/// A server behind TLS that never answers.
pub(crate) struct SilentTlsServer {
    port: u16,
    received: Arc<Mutex<Vec<u8>>>,
    _listening: AbortOnDropHandle<()>,
}

impl SilentTlsServer {
    /// Starts a server with these certificates, its own first, all in one PEM text.
    pub(crate) async fn presenting(certificates: &str, key: &str) -> Self {
        let chain: Vec<_> =
            CertificateDer::pem_slice_iter(certificates.as_bytes()).map(|certificate| certificate.unwrap()).collect();
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ears = Arc::clone(&heard);
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, ears) = (acceptor.clone(), Arc::clone(&ears));
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut said = Vec::new();
                    // However the client hangs up, what came before counts.
                    let _ = stream.read_to_end(&mut said).await;
                    ears.lock().unwrap().extend(said);
                });
            }
        });
        Self { port, received: heard, _listening: AbortOnDropHandle::new(listening) }
    }

    /// Its LDAPS URL.
    pub(crate) fn url(&self) -> String {
        format!("ldaps://localhost:{}", self.port)
    }

    /// All bytes received after the handshake, from clients that have hung up.
    pub(crate) fn heard(&self) -> Vec<u8> {
        self.received.lock().unwrap().clone()
    }
}
