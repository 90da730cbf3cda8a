use std::path::PathBuf;

use super::diagnostic::SourceLocation;
use super::files::resolve;
use super::tree::{ConfigEntry, ConfigNode, ConfigValue};

/// A file of certificates that the settings name.
pub(crate) struct CertificateFile {
    /// The file.
    pub(crate) path: PathBuf,
    /// Where it is named.
    pub(crate) location: SourceLocation,
    /// Its use.
    pub(crate) purpose: CertificatePurpose,
}

/// The use of a file of certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CertificatePurpose {
    /// This server's own certificate, and behind it its issuers'.
    Server,
    /// The certificate that this server shows to another, and behind it its issuers'.
    Client,
    /// Certificates that are trusted.
    Trusted,
}

/// The files of certificates that the settings name.
pub(super) fn certificate_files(entries: &[ConfigEntry]) -> Vec<CertificateFile> {
    let mut files = Vec::new();
    collect(entries, "", &mut files);
    files
}

fn collect(entries: &[ConfigEntry], table: &str, files: &mut Vec<CertificateFile>) {
    for ConfigEntry { key, node, .. } in entries {
        let purpose = match (table, key.as_str()) {
            ("tls", "certs") => Some(CertificatePurpose::Server),
            (_, "client_certificate_file") => Some(CertificatePurpose::Client),
            (_, "ca_file") => Some(CertificatePurpose::Trusted),
            _ => None,
        };
        match (&node.value, purpose) {
            (ConfigValue::Table(inner), _) => collect(inner, key, files),
            (ConfigValue::String(text) | ConfigValue::EnvVar(text), Some(purpose)) => {
                files.push(certificate_file(text, node, purpose));
            }
            _ => {}
        }
    }
}

fn certificate_file(text: &str, node: &ConfigNode, purpose: CertificatePurpose) -> CertificateFile {
    CertificateFile { path: resolve(text, &node.location), location: node.location.clone(), purpose }
}
