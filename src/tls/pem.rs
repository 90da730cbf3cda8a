use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// The certificates in a PEM file.
///
/// # Errors
/// In words: it cannot be read, or has none.
pub(super) fn read_certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    let certificates = certificates.map_err(|fault| fault.to_string())?;
    if certificates.is_empty() { Err("there is no PEM certificate in it".to_owned()) } else { Ok(certificates) }
}
