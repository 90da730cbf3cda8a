use std::net::IpAddr;

use rustls::CertificateError;

use super::certificate_text::{day, one_line};
use crate::domain::CertificateFingerprint;

/// The most names of a certificate that are shown.
const MAX_NAMES: usize = 12;

/// The way to find out a certificate's fingerprint where it lies.
const COMPARE: &str = "`openssl x509 -in FILE -noout -fingerprint -sha256` prints it there, on Windows \
                       `certutil -hashfile FILE.cer SHA256`";

/// The reason why a server's certificate is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateProblem {
    /// Nobody who is trusted signed it.
    UnknownIssuer {
        /// Whom it names as its issuer.
        issuer: String,
    },
    /// It signed itself, and is not among the certificates that are trusted.
    UnknownSelfSigned {
        /// Its fingerprint.
        fingerprint: CertificateFingerprint,
    },
    /// It names no host.
    NoName {
        /// The host that was asked for.
        host: String,
        /// Its fingerprint, where it is known.
        fingerprint: Option<CertificateFingerprint>,
    },
    /// It names other hosts.
    OtherName {
        /// The host that was asked for.
        host: String,
        /// The hosts that it names.
        names: Vec<String>,
        /// Its fingerprint, where it is known.
        fingerprint: Option<CertificateFingerprint>,
    },
    /// It, or one above it, has expired.
    Expired {
        /// The day.
        on: String,
    },
    /// It, or one above it, is not valid yet.
    NotYetValid {
        /// The day from which it is.
        from: String,
    },
    /// Its fingerprint is none of those that the settings name.
    OtherFingerprint {
        /// Its fingerprint.
        fingerprint: CertificateFingerprint,
    },
    /// It is of this version, and only version 3 can name hosts.
    OldVersion(u32),
    /// An RSA key in the chain is too short.
    ShortKey {
        /// Its length.
        bits: usize,
        /// Whose it is.
        subject: String,
    },
    /// A key in the chain is of a kind that is not spoken here.
    ForeignKey {
        /// The kind: `P-521`.
        kind: String,
        /// Whose it is.
        subject: String,
    },
    /// A signature in the chain is of a kind that is not believed, or not spoken here.
    OldSignature {
        /// The algorithm: `SHA-1`.
        algorithm: &'static str,
        /// Whose certificate is signed so.
        subject: String,
    },
    /// The server's own signature does not match its certificate.
    BadSignature,
    /// It is an authority's own, and does not stand among the certificates that are trusted.
    AuthorityAsServer,
    /// One in the chain is no authority, though it signed another.
    ServerAsAuthority,
    /// It may not be used by servers.
    NotForServers,
    /// An authority above it may not vouch for its names.
    OutsideConstraints,
    /// The chain is longer than an authority in it allows, or than is followed.
    ChainTooLong,
    /// It demands what is not known here.
    UnknownExtension,
    /// It has been revoked, or a list says so that cannot be read.
    Revoked,
    /// It is no certificate that can be read.
    Malformed,
    /// It was refused for a reason that has no words here.
    Refused,
}

impl CertificateProblem {
    /// The reason in words; `its` is the server's.
    pub fn reason(&self) -> String {
        match self {
            Self::UnknownIssuer { issuer } => format!("its certificate is from an unknown CA: {issuer}"),
            Self::UnknownSelfSigned { .. } => {
                "its certificate is from an unknown CA: it signed itself, and is not trusted here".to_owned()
            }
            Self::NoName { .. } => "its certificate names no host (it has no subject alternative name, and a common name does \
                                    not count, RFC 9525)"
                .to_owned(),
            Self::OtherName { host, names, .. } if is_address(host) && names.contains(host) => {
                format!("its certificate has the address {host} as a DNS name, which does not count (RFC 9525)")
            }
            Self::OtherName { host, names, .. } => {
                let more = names.len().saturating_sub(MAX_NAMES);
                let more = if more == 0 { String::new() } else { format!(" and {more} more") };
                let names = names[..names.len().min(MAX_NAMES)].join(", ");
                format!("its certificate is for another host name: it is made out to {names}{more}, not to {host}")
            }
            Self::Expired { on } => format!("its certificate, or one above it, has expired on {on}"),
            Self::NotYetValid { from } => format!("its certificate, or one above it, is not valid yet, but from {from} on"),
            Self::OtherFingerprint { fingerprint } => {
                format!("its certificate is not the one that tls_fingerprint names: its fingerprint is {fingerprint}")
            }
            Self::OldVersion(version) => {
                format!("its certificate is of X.509 version {version}, which cannot name hosts and is not accepted any more")
            }
            Self::ShortKey { bits, subject } => format!("the RSA key of {subject} has {bits} bits, and 2048 are the least"),
            Self::ForeignKey { kind, subject } => format!("the key of {subject} is of a kind that is not supported: {kind}"),
            Self::OldSignature { algorithm, subject } => {
                format!("the certificate of {subject} is signed with {algorithm}, which is not accepted")
            }
            Self::BadSignature => "it does not prove that it has the key of its certificate".to_owned(),
            Self::AuthorityAsServer => {
                "its certificate is a CA's own (CA:TRUE), and not itself among those that are trusted".to_owned()
            }
            Self::ServerAsAuthority => "a certificate in its chain is signed by one that is no CA's".to_owned(),
            Self::NotForServers => "its certificate is not for servers (extended key usage)".to_owned(),
            Self::OutsideConstraints => "the CA may not issue certificates for that name (name constraints)".to_owned(),
            Self::ChainTooLong => "its chain of certificates is longer than is allowed or followed".to_owned(),
            Self::UnknownExtension => "its certificate has a critical extension that is not known here".to_owned(),
            Self::Revoked => "its certificate has been revoked, or is not known not to be".to_owned(),
            Self::Malformed => "its certificate cannot be read: it is not as RFC 5280 has it".to_owned(),
            Self::Refused => "its certificate is not acceptable".to_owned(),
        }
    }

    /// The advice.
    pub fn remedy(&self) -> String {
        let new_certificate = |like: &str| format!("give the server a certificate {like}");
        match self {
            Self::UnknownIssuer { .. } => {
                "set ca_file to the PEM file of the CA that issued it, or, where one above that CA is \
                                           trusted here, let the server send the whole chain"
                    .to_owned()
            }
            Self::UnknownSelfSigned { fingerprint } => format!(
                "ask whoever runs the server whether its fingerprint is {fingerprint} ({COMPARE}); if so, set ca_file to the \
                 PEM file of this very certificate"
            ),
            Self::NoName { host, fingerprint } => format!(
                "{}; url may stay{}",
                new_certificate(&format!("with {host} as a subject alternative name")),
                pin(*fingerprint)
            ),
            Self::OtherName { host, names, fingerprint } => {
                let own = names.iter().find(|name| !name.starts_with('*') && *name != host);
                let own = own.map_or_else(
                    || "write a name in url that the certificate is made out to".to_owned(),
                    |own| format!("write the server's own name in url ({own})"),
                );
                let kind = if is_address(host) { "as an IP address among its subject alternative names" } else { "" };
                let like = format!("for {host} {kind}");
                format!("{own}, or {}{}", new_certificate(like.trim_end()), pin(*fingerprint))
            }
            Self::Expired { .. } => "renew it on the server; if that day is still to come, set this machine's clock".to_owned(),
            Self::NotYetValid { .. } => {
                "set this machine's clock, and the server's: both should follow a time server".to_owned()
            }
            Self::OtherFingerprint { fingerprint } => format!(
                "if the server has a new certificate, ask whoever runs it whether this is its fingerprint ({COMPARE}); if so, set \
                 tls_fingerprint = \"{fingerprint}\""
            ),
            Self::OldVersion(_) => new_certificate("of version 3 with its host as a subject alternative name"),
            Self::ShortKey { .. } => new_certificate("with an RSA key of 2048 bits or more, or one of P-256, from such a CA"),
            Self::ForeignKey { .. } => new_certificate("with an RSA key, or one of P-256, P-384 or Ed25519, from such a CA"),
            Self::OldSignature { .. } => new_certificate("signed with SHA-256, or SHA-384 for ECDSA"),
            Self::BadSignature => {
                "see whether the server's certificate and key belong together; if they do, find out who answers there"
                    .to_owned()
            }
            Self::AuthorityAsServer => {
                "set ca_file to the PEM file of this very certificate, or give the server one that its CA issued".to_owned()
            }
            Self::ServerAsAuthority => {
                new_certificate("from a CA whose own certificate says CA:TRUE, and let it send the chain")
            }
            Self::NotForServers => new_certificate("with the extended key usage serverAuth, or without any"),
            Self::OutsideConstraints => new_certificate("from a CA that may issue it for this name"),
            Self::ChainTooLong => {
                "let the server send its own certificate and those between it and the CA, and no more".to_owned()
            }
            Self::UnknownExtension | Self::Malformed | Self::Refused => {
                new_certificate("from a CA, made out to the host in url")
            }
            Self::Revoked => new_certificate("that is good"),
        }
    }

    /// Whether its issuer is all that is not trusted: then it can be saved, compared and named in `ca_file`.
    pub fn is_unknown_issuer(&self) -> bool {
        matches!(self, Self::UnknownIssuer { .. } | Self::UnknownSelfSigned { .. })
    }

    /// The problem of TLS' own word for it, as far as that tells.
    pub(super) fn from_error(fault: &CertificateError, fingerprint: Option<CertificateFingerprint>) -> Self {
        match fault {
            CertificateError::UnknownIssuer => Self::UnknownIssuer { issuer: "its issuer".to_owned() },
            CertificateError::NotValidForNameContext { expected, presented } if presented.is_empty() => {
                Self::NoName { host: expected.to_str().into_owned(), fingerprint }
            }
            CertificateError::NotValidForNameContext { expected, presented } => Self::OtherName {
                host: expected.to_str().into_owned(),
                names: presented.iter().map(|name| plain_name(name)).collect(),
                fingerprint,
            },
            CertificateError::NotValidForName => Self::NoName { host: "the host in url".to_owned(), fingerprint },
            CertificateError::ExpiredContext { not_after, .. } => Self::Expired { on: to_day(not_after.as_secs()) },
            CertificateError::Expired => Self::Expired { on: "a day that is over".to_owned() },
            CertificateError::NotValidYetContext { not_before, .. } => Self::NotYetValid { from: to_day(not_before.as_secs()) },
            CertificateError::NotValidYet => Self::NotYetValid { from: "a day to come".to_owned() },
            CertificateError::Revoked
            | CertificateError::UnknownRevocationStatus
            | CertificateError::ExpiredRevocationList
            | CertificateError::ExpiredRevocationListContext { .. }
            | CertificateError::InvalidOcspResponse => Self::Revoked,
            CertificateError::UnhandledCriticalExtension => Self::UnknownExtension,
            CertificateError::BadSignature => Self::BadSignature,
            CertificateError::UnsupportedSignatureAlgorithmContext { .. }
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
                Self::OldSignature { algorithm: "an algorithm of its own", subject: "a CA in its chain".to_owned() }
            }
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => Self::NotForServers,
            CertificateError::BadEncoding => Self::Malformed,
            CertificateError::Other(other) => match other.0.downcast_ref::<webpki::Error>() {
                Some(fault) => Self::from_webpki(fault),
                None => Self::Refused,
            },
            _ => Self::Refused,
        }
    }

    /// The problem of what TLS leaves to the library of certificates.
    fn from_webpki(fault: &webpki::Error) -> Self {
        use webpki::Error;
        match fault {
            Error::CaUsedAsEndEntity => Self::AuthorityAsServer,
            Error::EndEntityUsedAsCa => Self::ServerAsAuthority,
            Error::NameConstraintViolation
            | Error::MalformedNameConstraint
            | Error::InvalidNetworkMaskConstraint
            | Error::MaximumNameConstraintComparisonsExceeded => Self::OutsideConstraints,
            Error::PathLenConstraintViolated
            | Error::MaximumPathDepthExceeded
            | Error::MaximumPathBuildCallsExceeded
            | Error::MaximumSignatureChecksExceeded => Self::ChainTooLong,
            Error::UnsupportedCriticalExtension => Self::UnknownExtension,
            Error::UnsupportedCertVersion => Self::OldVersion(1),
            Error::EmptyEkuExtension => Self::NotForServers,
            Error::CertDistrusted => Self::Revoked,
            Error::SignatureAlgorithmMismatch
            | Error::ExtensionValueInvalid
            | Error::InvalidSerialNumber
            | Error::MalformedDnsIdentifier
            | Error::MalformedExtensions
            | Error::UnsupportedNameType => Self::Malformed,
            _ => Self::Refused,
        }
    }
}

/// Whether a host is an address: then only the certificate's IP addresses count.
fn is_address(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok()
}

/// The advice to pin a certificate, whatever its names.
fn pin(fingerprint: Option<CertificateFingerprint>) -> String {
    let Some(fingerprint) = fingerprint else { return String::new() };
    format!(
        ". Where that cannot be, ask whoever runs it whether its fingerprint is this one ({COMPARE}); if so, tls_fingerprint = \
         \"{fingerprint}\" trusts this very certificate, whatever its names"
    )
}

/// `DnsName("a.example")` and the like, as the library writes names, without what is around them.
fn plain_name(name: &str) -> String {
    let inner = name.split_once("(\"").and_then(|(_, inner)| inner.strip_suffix("\")"));
    one_line(inner.or_else(|| name.split_once('(').and_then(|(_, inner)| inner.strip_suffix(')'))).unwrap_or(name))
}

fn to_day(seconds: u64) -> String {
    day(i64::try_from(seconds).unwrap_or(i64::MAX))
}

impl std::fmt::Display for CertificateProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.reason(), self.remedy())
    }
}

impl std::error::Error for CertificateProblem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_advice_is_what_has_just_failed() {
        let other = |host: &str, names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            CertificateProblem::OtherName { host: host.to_owned(), names, fingerprint: None }.to_string()
        };
        assert!(other("dc1.corp", &["*.corp.example", "dc.corp.example"]).contains("in url (dc.corp.example)"));
        let wild = other("dc1", &["*.corp.example"]);
        assert!(wild.contains("a name in url that the certificate is made out to") && !wild.contains("(dc1)"), "{wild}");
        let as_dns = other("10.0.0.9", &["10.0.0.9"]);
        assert!(
            as_dns.contains("as a DNS name, which does not count") && as_dns.contains("as an IP address among"),
            "{as_dns}"
        );
        assert!(!as_dns.contains("not to 10.0.0.9") && !as_dns.contains("(10.0.0.9)"), "{as_dns}");
    }
}
