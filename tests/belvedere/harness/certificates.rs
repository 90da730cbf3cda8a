//! A certificate authority of the test's own.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

/// A certificate authority nobody else trusts.
pub(crate) struct TestAuthority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A key and a certificate, in PEM form.
pub(crate) struct TestCertificate {
    /// The certificate.
    pub(crate) certificate: String,
    /// Its key (PKCS #8).
    pub(crate) key: String,
}

impl TestAuthority {
    /// A new one.
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Belvedere's test CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    /// Its own certificate, in PEM form.
    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// An identity made out to these host names and addresses.
    pub(crate) fn issue(&self, hosts: &[&str]) -> TestCertificate {
        self.sign(&params(hosts))
    }

    /// An identity that was valid once.
    pub(crate) fn issue_expired(&self, hosts: &[&str]) -> TestCertificate {
        self.issue_for_days(hosts, 11_323..11_688)
    }

    /// An identity that is valid on these days, counted since 1970.
    pub(crate) fn issue_for_days(&self, hosts: &[&str], days: Range<u64>) -> TestCertificate {
        let begin_of = |day: u64| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_hours(24 * day);
        let mut params = params(hosts);
        (params.not_before, params.not_after) = (begin_of(days.start), begin_of(days.end));
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> TestCertificate {
        let key = KeyPair::generate().unwrap();
        TestCertificate { certificate: params.signed_by(&key, &self.issuer).unwrap().pem(), key: key.serialize_pem() }
    }

    /// Writes the CA's certificate and an identity into `folder`: `ca.pem`, `cert.pem`, `key.pem`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(crate) fn write(&self, identity: &TestCertificate, folder: &Path) -> io::Result<PathBuf> {
        let ca_file = folder.join("ca.pem");
        std::fs::write(&ca_file, self.pem())?;
        std::fs::write(folder.join("cert.pem"), &identity.certificate)?;
        let key_file = folder.join("key.pem");
        std::fs::write(&key_file, &identity.key)?;
        // Samba refuses a key that others may read.
        std::fs::set_permissions(&key_file, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        Ok(ca_file)
    }
}

fn params(hosts: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::new(hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "a test server");
    params
}

impl TestCertificate {
    /// A server's TLS that shows it.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let certificate = CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// A client's TLS that believes in this CA and no other.
pub(crate) fn client_config(ca_file: &Path) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca_file).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// TLS on both sides of a proxy: it ends the client's, and begins its own to the server.
pub(crate) struct TlsBridge {
    acceptor: TlsAcceptor,
    connector: TlsConnector,
    server: ServerName<'static>,
}

impl TlsBridge {
    /// A bridge that shows `identity` to clients, and takes from the server a certificate for `host` from `server_ca`.
    pub(crate) fn new(identity: &TestCertificate, server_ca: &Path, host: &str) -> Self {
        Self {
            acceptor: identity.acceptor(),
            connector: TlsConnector::from(client_config(server_ca)),
            server: host.to_owned().try_into().unwrap(),
        }
    }

    /// The client's side.
    ///
    /// # Errors
    /// When the client does not speak TLS, or not ours.
    pub(crate) async fn accept(&self, client: TcpStream) -> io::Result<server::TlsStream<TcpStream>> {
        self.acceptor.accept(client).await
    }

    /// The server's side.
    ///
    /// # Errors
    /// When the server does not speak TLS, or is not who it should be.
    pub(crate) async fn connect(&self, server: TcpStream) -> io::Result<client::TlsStream<TcpStream>> {
        self.connector.connect(self.server.clone(), server).await
    }
}
