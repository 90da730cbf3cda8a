use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::oid::Oid;
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_PKCS1_RSAENCRYPTION, OID_SIG_ED25519,
};
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;

use super::certificate_problem::CertificateProblem;
use super::certificate_text::{day, one_line};

/// The shortest RSA key that is accepted, as everywhere today (NIST SP 800-131A).
const MIN_RSA_BITS: usize = 2_048;

/// The longest one that the library of cryptography computes with.
const MAX_RSA_BITS: usize = 8_192;

/// A certificate as far as it matters here.
pub(super) struct PresentedCertificate<'a>(X509Certificate<'a>);

impl<'a> PresentedCertificate<'a> {
    /// Reads a certificate.
    pub(super) fn parse(der: &'a CertificateDer<'_>) -> Result<Self, CertificateProblem> {
        match X509Certificate::from_der(der) {
            Ok(([], parsed)) => Ok(Self(parsed)),
            Ok(_) | Err(_) => Err(CertificateProblem::Malformed),
        }
    }

    /// Checks that a server with this certificate can be known by it: that it is of the version that has names, and its key
    /// of a kind and length that is spoken here.
    pub(super) fn check_usable(&self) -> Result<(), CertificateProblem> {
        if self.0.version().0 != 2 {
            return Err(CertificateProblem::OldVersion(self.0.version().0 + 1));
        }
        self.check_key()
    }

    /// Checks that its key is of a kind and length that is spoken here.
    pub(super) fn check_key(&self) -> Result<(), CertificateProblem> {
        let key = self.0.public_key();
        let algorithm = &key.algorithm.algorithm;
        if *algorithm == OID_PKCS1_RSAENCRYPTION {
            return match key.parsed() {
                Ok(PublicKey::RSA(rsa)) if rsa.key_size() < MIN_RSA_BITS => {
                    Err(CertificateProblem::ShortKey { bits: rsa.key_size(), subject: self.subject() })
                }
                Ok(PublicKey::RSA(rsa)) if rsa.key_size() > MAX_RSA_BITS => {
                    let kind = format!("RSA of {} bits, and {MAX_RSA_BITS} are the most", rsa.key_size());
                    Err(CertificateProblem::ForeignKey { kind, subject: self.subject() })
                }
                Ok(_) | Err(_) => Ok(()),
            };
        }
        if *algorithm == OID_SIG_ED25519 {
            return Ok(());
        }
        let curve = key.algorithm.parameters.as_ref().and_then(|curve| curve.as_oid().ok());
        if *algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY && curve.as_ref().is_some_and(|curve| is_spoken(curve)) {
            return Ok(());
        }
        let kind = key_kind(algorithm, curve.as_ref());
        Err(CertificateProblem::ForeignKey { kind, subject: self.subject() })
    }

    /// Checks that its issuer signed it in a way that is believed today.
    pub(super) fn check_signature(&self) -> Result<(), CertificateProblem> {
        match old_signature(&self.0.signature_algorithm.algorithm) {
            Some(algorithm) => Err(CertificateProblem::OldSignature { algorithm, subject: self.subject() }),
            None => Ok(()),
        }
    }

    /// Checks its dates, at `now` in seconds since 1970.
    pub(super) fn check_dates(&self, now: i64) -> Result<(), CertificateProblem> {
        let (from, until) = self.dates();
        if now > until {
            return Err(CertificateProblem::Expired { on: day(until) });
        }
        if now < from { Err(CertificateProblem::NotYetValid { from: day(from) }) } else { Ok(()) }
    }

    /// The first and the last second of its validity, since 1970.
    pub(super) fn dates(&self) -> (i64, i64) {
        let validity = self.0.validity();
        (validity.not_before.timestamp(), validity.not_after.timestamp())
    }

    /// Whether it can vouch for others: it says so, or is of a version that cannot say.
    pub(super) fn is_authority(&self) -> bool {
        self.0.version().0 != 2 || self.0.is_ca()
    }

    /// Whether nobody else signed it.
    pub(super) fn is_self_signed(&self) -> bool {
        self.0.subject() == self.0.issuer()
    }

    pub(super) fn subject(&self) -> String {
        one_line(&self.0.subject().to_string())
    }

    pub(super) fn issuer(&self) -> String {
        one_line(&self.0.issuer().to_string())
    }
}

fn is_spoken(curve: &Oid<'_>) -> bool {
    *curve == OID_EC_P256 || *curve == OID_NIST_EC_P384
}

fn key_kind(algorithm: &Oid<'_>, curve: Option<&Oid<'_>>) -> String {
    let named = match (algorithm.to_id_string().as_str(), curve.map(Oid::to_id_string).as_deref()) {
        (_, Some("1.3.132.0.35")) => "P-521",
        (_, Some("1.3.132.0.33")) => "P-224",
        (_, Some("1.3.132.0.10")) => "secp256k1",
        (_, Some("1.2.840.10045.3.1.1")) => "P-192",
        ("1.2.840.10045.2.1", _) => "elliptic curve",
        ("1.2.840.10040.4.1", _) => "DSA",
        ("1.2.840.113549.1.1.10", _) => "RSASSA-PSS",
        ("1.3.101.113", _) => "Ed448",
        _ => "",
    };
    if named.is_empty() { format!("kind {algorithm}") } else { named.to_owned() }
}

/// The name of a signature algorithm that is not believed any more, or not spoken here.
fn old_signature(algorithm: &Oid<'_>) -> Option<&'static str> {
    Some(match algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.2" => "MD2",
        "1.2.840.113549.1.1.4" => "MD5",
        "1.2.840.113549.1.1.5" | "1.2.840.10045.4.1" | "1.3.14.3.2.29" => "SHA-1",
        "1.2.840.10040.4.3" | "2.16.840.1.101.3.4.3.2" => "DSA",
        "1.2.840.10045.4.3.1" | "1.2.840.113549.1.1.14" => "SHA-224",
        "1.2.840.10045.4.3.4" => "ECDSA with SHA-512",
        "1.3.101.113" => "Ed448",
        _ => return None,
    })
}
