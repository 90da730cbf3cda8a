use std::path::PathBuf;

/// An error in a directory's settings that keeps its client from being built. Nothing was dialled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetUpError {
    /// The CA file cannot be read, or holds no usable certificate.
    #[error("directory.ca_file {}: {fault}; it must hold the CA's certificates in PEM form", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// The fault in it.
        fault: String,
    },
    /// The certificate that is shown to servers, or its key, cannot be used.
    #[error("directory: {0}")]
    ClientIdentity(String),
    /// A host that no certificate can be made out to.
    #[error("directory.url: \"{0}\" is no host name or IP address; write it as in ldaps://dc1.corp.example.com")]
    Host(String),
    /// The list of servers is empty.
    #[error("directory.url names no server; write it as in ldaps://dc1.corp.example.com")]
    NoServer,
    /// TLS itself could not be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}
