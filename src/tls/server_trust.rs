use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme};

use super::certificate_problem::CertificateProblem;
use super::client_identity::ClientIdentity;
use super::explanation::explain;
use super::pem::read_certificates;
use super::presented::PresentedCertificate;
use crate::domain::CertificateFingerprint;

/// The servers that are trusted, by their certificates: those that an authority of the settings or the system vouches for, those
/// that stand in the settings' `ca_file` themselves, or those with a fingerprint of the settings.
pub struct ServerTrust {
    provider: Arc<CryptoProvider>,
    /// `None` without an authority.
    by_authority: Option<Arc<WebPkiServerVerifier>>,
    /// The certificates of `ca_file`, each trusted for what it says itself.
    listed: Vec<CertificateDer<'static>>,
    /// When there are some, they are all that counts.
    fingerprints: Vec<CertificateFingerprint>,
}

impl ServerTrust {
    /// Trusts the certificates with these fingerprints and no others; without any, those in `ca_file`; without that, the
    /// system's authorities.
    ///
    /// # Errors
    /// The fault of `ca_file`, in words. A system without authorities is none here: nobody is trusted then.
    pub fn new(ca_file: Option<&Path>, fingerprints: &[CertificateFingerprint]) -> Result<Self, String> {
        let provider = Arc::new(ring::default_provider());
        let mut listed = Vec::new();
        let mut roots = RootCertStore::empty();
        match ca_file {
            _ if !fingerprints.is_empty() => {}
            Some(file) => {
                listed = read_certificates(file)?;
                for certificate in listed.iter().filter(|certificate| vouches_for_others(certificate)) {
                    roots.add(certificate.clone()).map_err(|fault| explain(&fault).reason)?;
                }
            }
            None => roots = system_roots(),
        }
        let by_authority = if roots.is_empty() {
            None
        } else {
            let built = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
            Some(built.map_err(|fault| fault.to_string())?)
        };
        Ok(Self { provider, by_authority, listed, fingerprints: fingerprints.to_vec() })
    }

    /// Trusts nobody: for what is spoken without TLS.
    pub fn nobody() -> Self {
        let provider = Arc::new(ring::default_provider());
        Self { provider, by_authority: None, listed: Vec::new(), fingerprints: Vec::new() }
    }

    /// Whether nobody is trusted at all.
    pub fn is_empty(&self) -> bool {
        self.by_authority.is_none() && self.listed.is_empty() && self.fingerprints.is_empty()
    }

    /// The configuration of clients that trust these servers, and show them `identity`.
    ///
    /// # Errors
    /// When the identity cannot be used, in words.
    pub fn client_config(self: &Arc<Self>, identity: Option<&ClientIdentity>) -> Result<ClientConfig, String> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|fault| explain(&fault).reason)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::<Self>::clone(self));
        match identity {
            None => Ok(builder.with_no_client_auth()),
            Some(identity) => {
                let (chain, key) = identity.parts();
                builder.with_client_auth_cert(chain, key).map_err(|fault| explain(&fault).reason)
            }
        }
    }

    /// Verifies the certificates that a server called `name` shows, its own first, at `now`.
    ///
    /// # Errors
    /// The reason why it is refused.
    pub fn verify(&self, chain: &[CertificateDer<'_>], name: &ServerName<'_>, now: UnixTime) -> Result<(), CertificateProblem> {
        let [own, others @ ..] = chain else { return Err(CertificateProblem::Malformed) };
        let presented = PresentedCertificate::parse(own)?;
        presented.check_usable()?;
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let fingerprint = CertificateFingerprint::of_der(own);
        if !self.fingerprints.is_empty() {
            if !self.fingerprints.contains(&fingerprint) {
                return Err(CertificateProblem::OtherFingerprint { fingerprint });
            }
            return presented.check_dates(seconds);
        }
        let verified = if self.listed.iter().any(|listed| listed == own) {
            presented.check_dates(seconds)?;
            ParsedCertificate::try_from(own).and_then(|parsed| verify_server_name(&parsed, name))
        } else if let Some(verifier) = &self.by_authority {
            verifier.verify_server_cert(own, others, name, &[], now).map(drop)
        } else {
            Err(CertificateError::UnknownIssuer.into())
        };
        verified.map_err(|fault| self.problem(&fault, &presented, chain, fingerprint))
    }

    /// The problem behind TLS' word for it, which looks at no certificate but the one it stumbled over.
    fn problem(
        &self,
        fault: &Error,
        own: &PresentedCertificate<'_>,
        chain: &[CertificateDer<'_>],
        fingerprint: CertificateFingerprint,
    ) -> CertificateProblem {
        let Error::InvalidCertificate(fault) = fault else { return CertificateProblem::Refused };
        match CertificateProblem::from_error(fault, Some(fingerprint)) {
            CertificateProblem::UnknownIssuer { .. } | CertificateProblem::AuthorityAsServer if own.is_self_signed() => {
                CertificateProblem::UnknownSelfSigned { fingerprint }
            }
            CertificateProblem::UnknownIssuer { .. } => CertificateProblem::UnknownIssuer { issuer: topmost_issuer(chain) },
            CertificateProblem::BadSignature => self.weak_link(chain).unwrap_or_else(|| CertificateProblem::UnknownIssuer {
                issuer: format!("{} (one of that name is trusted, and has another key)", topmost_issuer(chain)),
            }),
            problem @ CertificateProblem::OldSignature { .. } => self.weak_link(chain).unwrap_or(problem),
            problem => problem,
        }
    }

    /// The first thing in the chain, or about an authority of `ca_file`, that keeps a signature from being believed.
    fn weak_link(&self, chain: &[CertificateDer<'_>]) -> Option<CertificateProblem> {
        let of_chain = chain.iter().filter_map(|certificate| PresentedCertificate::parse(certificate).ok());
        let of_chain = of_chain.flat_map(|certificate| [certificate.check_signature(), certificate.check_key()]);
        let of_authorities = self.listed.iter().filter_map(|certificate| PresentedCertificate::parse(certificate).ok());
        of_chain.chain(of_authorities.map(|authority| authority.check_key())).find_map(Result::err)
    }
}

impl fmt::Debug for ServerTrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTrust").field("fingerprints", &self.fingerprints).finish_non_exhaustive()
    }
}

impl ServerCertVerifier for ServerTrust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain: Vec<CertificateDer<'_>> = std::iter::once(end_entity).chain(intermediates).cloned().collect();
        match self.verify(&chain, server_name, now) {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(problem) => Err(CertificateError::Other(OtherError(Arc::new(problem))).into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether whoever has the key of this certificate may vouch for other servers. A server's own certificate in `ca_file` is
/// trusted for its own names alone.
fn vouches_for_others(certificate: &CertificateDer<'_>) -> bool {
    PresentedCertificate::parse(certificate).map_or(true, |parsed| parsed.is_authority())
}

/// The issuer of the topmost certificate that a server shows: the one to trust.
fn topmost_issuer(chain: &[CertificateDer<'_>]) -> String {
    let top = chain.iter().rev().find_map(|certificate| PresentedCertificate::parse(certificate).ok());
    top.map_or_else(|| "one that it does not name".to_owned(), |top| top.issuer())
}

/// The system's trusted certificates. One unreadable certificate among a hundred must not cost the other ninety-nine.
fn system_roots() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (trusted, ignored) = roots.add_parsable_certificates(found.certs);
    tracing::debug!(trusted, ignored, unreadable = found.errors.len(), "read the system's certificates");
    roots
}

#[cfg(test)]
mod tests;
