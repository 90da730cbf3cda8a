use std::path::Path;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::pem::read_certificates;

/// The certificate by which a server knows us, and its key: mutual TLS.
pub struct ClientIdentity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl ClientIdentity {
    /// Reads the certificate, with those above it that the server needs, and the key, in PEM form.
    ///
    /// # Errors
    /// In words, with the file that cannot be used.
    pub fn from_files(certificate_file: &Path, key_file: &Path) -> Result<Self, String> {
        let chain = read_certificates(certificate_file)
            .map_err(|fault| format!("client_certificate_file {} cannot be used: {fault}", certificate_file.display()))?;
        let key = PrivateKeyDer::from_pem_file(key_file).map_err(|fault| match fault {
            rustls::pki_types::pem::Error::NoItemsFound => format!(
                "client_key_file {} has no PEM private key in it, or an encrypted one: write it without a passphrase",
                key_file.display()
            ),
            other => format!("client_key_file {} cannot be used: {other}", key_file.display()),
        })?;
        Ok(Self { chain, key })
    }

    /// The certificate with those above it, and the key.
    pub(super) fn parts(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        (self.chain.clone(), self.key.clone_key())
    }
}
