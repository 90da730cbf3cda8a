use std::io;

use rustls::{AlertDescription, CertificateError, Error, InconsistentKeys, InvalidMessage, PeerIncompatible};

use super::certificate_problem::CertificateProblem;

/// The most characters of a library's own words.
const MAX_WORDS: usize = 160;

/// The reason why there is no TLS with a server, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsExplanation {
    /// The reason; `it` is the server.
    pub reason: String,
    /// The advice; `None` where it depends on what is spoken inside TLS: whether this is the right port.
    pub remedy: Option<String>,
    /// Whether the server's certificate is what is wrong.
    pub is_certificate: bool,
}

const OLD_VERSION: &str = "it speaks TLS 1.1 or older, or SSL: nothing but TLS 1.2 and 1.3 is spoken here";
const ENABLE_NEW: &str = "allow TLS 1.2 or 1.3 on the server";
const NOTHING_IN_COMMON: &str = "it speaks no cipher suite, or has no key, of a kind that is spoken here";
const COMMON_KINDS: &str = "allow suites with ECDHE and AES-GCM or ChaCha20 on the server (those with CBC, RC4 or without ECDHE \
                            are not spoken here) with X25519, P-256 or P-384, and give it a certificate with an ordinary RSA key of \
                            2048 bits or more, or one of P-256, P-384 or Ed25519 (P-521, RSA-PSS and DSA are not)";
const FAULTY: &str = "update the server's TLS, and see whether something in between (a firewall that inspects TLS, a proxy) \
                      changes it";
const THIS_PROGRAM: &str = "this is a fault of this machine or program, not of the server: look at its log, and report it";

/// Explains why there is no TLS with a server.
pub fn explain(error: &Error) -> TlsExplanation {
    let told = |reason: &str, remedy: &str| TlsExplanation {
        reason: reason.to_owned(),
        remedy: Some(remedy.to_owned()),
        is_certificate: false,
    };
    match error {
        Error::InvalidCertificate(fault) => explain_certificate(fault),
        Error::InvalidCertRevocationList(_) => told(
            "its certificate cannot be checked against a list of revoked ones",
            "give the server a certificate that is good",
        ),
        Error::NoCertificatesPresented => told("it shows no certificate", "install a certificate on the server"),
        Error::AlertReceived(alert) => explain_alert(*alert),
        Error::PeerIncompatible(why) => explain_incompatible(why),
        Error::PeerMisbehaved(how) => told(&format!("it breaks the rules of TLS ({})", words_of(how)), FAULTY),
        Error::InvalidMessage(message) => explain_message(message),
        Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => {
            told("it breaks the rules of TLS (a message at the wrong time)", FAULTY)
        }
        Error::PeerSentOversizedRecord => told("it breaks the rules of TLS (a record that is too long)", FAULTY),
        Error::DecryptError => told("what it sends cannot be decrypted: it was changed on the way", FAULTY),
        Error::NoApplicationProtocol => told("it speaks none of our protocols inside TLS", "check the port in url"),
        Error::InvalidEncryptedClientHello(_) => told("it breaks the rules of TLS (encrypted client hello)", FAULTY),
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            told("client_key_file has not the key of client_certificate_file", "set both to the files of one certificate")
        }
        Error::UnsupportedNameType => told("its host name cannot be in a certificate", "correct url"),
        Error::FailedToGetCurrentTime => told("this machine does not tell the time", "set its clock"),
        Error::FailedToGetRandomBytes => told("this machine gives no random numbers", THIS_PROGRAM),
        Error::General(words) => told(&format!("TLS failed: {}", plain(words)), THIS_PROGRAM),
        Error::EncryptError
        | Error::HandshakeNotComplete
        | Error::BadMaxFragmentSize
        | Error::InconsistentKeys(_)
        | Error::Other(_)
        | _ => told(&format!("TLS failed ({})", words_of(error)), THIS_PROGRAM),
    }
}

/// Explains why a connection broke: by TLS, or beneath it.
pub fn explain_io(error: &io::Error) -> TlsExplanation {
    if let Some(fault) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        return explain(fault);
    }
    let reason = match error.kind() {
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => "it hung up in the middle of the TLS handshake".to_owned(),
        io::ErrorKind::TimedOut => "it did not answer in the TLS handshake in time".to_owned(),
        _ => format!("the connection broke in the TLS handshake: {}", plain(&error.to_string())),
    };
    TlsExplanation { reason, remedy: None, is_certificate: false }
}

fn explain_certificate(fault: &CertificateError) -> TlsExplanation {
    let problem = match fault {
        CertificateError::Other(other) => other.0.downcast_ref::<CertificateProblem>().cloned(),
        _ => None,
    };
    let problem = problem.unwrap_or_else(|| CertificateProblem::from_error(fault, None));
    TlsExplanation { reason: problem.reason(), remedy: Some(problem.remedy()), is_certificate: true }
}

/// Explains what the server said as it hung up (RFC 8446, 6.2, and the RFCs before).
fn explain_alert(alert: AlertDescription) -> TlsExplanation {
    use AlertDescription as Alert;
    let (reason, remedy) = match alert {
        Alert::CloseNotify | Alert::UserCanceled => ("it ended the TLS handshake without a reason", None),
        Alert::ProtocolVersion => (OLD_VERSION, Some(ENABLE_NEW)),
        Alert::HandshakeFailure | Alert::InsufficientSecurity => (NOTHING_IN_COMMON, Some(COMMON_KINDS)),
        Alert::CertificateRequired | Alert::NoCertificate => (
            "it wants a certificate of ours (mutual TLS), and we have shown none",
            Some("set client_certificate_file and client_key_file"),
        ),
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        | Alert::AccessDenied
        | Alert::CertificateUnobtainable
        | Alert::BadCertificateStatusResponse
        | Alert::BadCertificateHashValue => (
            "it does not accept our certificate, or wants one and got none (mutual TLS)",
            Some(
                "set client_certificate_file and client_key_file to a certificate that the server trusts and that is valid now",
            ),
        ),
        Alert::UnrecognisedName => (
            "it knows no host of the name in url",
            Some("write a name that the server has in url, or give the server a certificate for this one"),
        ),
        Alert::InternalError => {
            ("it says that it failed itself", Some("look in the server's own log: often its certificate or key cannot be read"))
        }
        Alert::DecryptError | Alert::DecryptionFailed | Alert::BadRecordMac => (
            "it cannot decrypt or verify what we send: it was changed on the way, or our certificate's key is not right",
            Some(FAULTY),
        ),
        Alert::NoApplicationProtocol => ("it speaks none of our protocols inside TLS", Some("check the port in url")),
        Alert::InappropriateFallback | Alert::UnknownPSKIdentity | Alert::EncryptedClientHelloRequired => {
            ("it wants a kind of TLS that is not spoken here", Some("allow ordinary TLS 1.2 or 1.3 on the server"))
        }
        _ => ("it took our TLS for faulty, and hung up", Some(FAULTY)),
    };
    let reason = match words_of(&alert) {
        known if known == "unknown" => reason.to_owned(),
        known => format!("{reason} (alert: {known})"),
    };
    TlsExplanation { reason, remedy: remedy.map(str::to_owned), is_certificate: false }
}

fn explain_incompatible(why: &PeerIncompatible) -> TlsExplanation {
    use PeerIncompatible as Why;
    let (reason, remedy) = match why {
        Why::ServerDoesNotSupportTls12Or13
        | Why::ServerTlsVersionIsDisabledByOurConfig
        | Why::Tls12NotOffered
        | Why::Tls12NotOfferedOrEnabled
        | Why::Tls13RequiredForQuic
        | Why::SupportedVersionsExtensionRequired => (OLD_VERSION, ENABLE_NEW),
        Why::NoCertificateRequestSignatureSchemesInCommon => (
            "it wants a certificate of ours, and with a key of another kind than ours has",
            "set client_certificate_file to a certificate with an RSA key, or one of P-256",
        ),
        Why::IncorrectCertificateTypeExtension | Why::UnsolicitedCertificateTypeExtension => {
            ("it wants keys without certificates, which are not spoken here", "give the server an X.509 certificate")
        }
        Why::ExtendedMasterSecretExtensionRequired => {
            ("its TLS 1.2 is without extended master secrets", "allow TLS 1.3 on the server")
        }
        Why::ServerRejectedEncryptedClientHello(_) | Why::ServerSentHelloRetryRequestWithUnknownExtension => {
            ("it wants a kind of TLS that is not spoken here", "allow ordinary TLS 1.2 or 1.3 on the server")
        }
        _ => (NOTHING_IN_COMMON, COMMON_KINDS),
    };
    TlsExplanation { reason: reason.to_owned(), remedy: Some(remedy.to_owned()), is_certificate: false }
}

fn explain_message(message: &InvalidMessage) -> TlsExplanation {
    match message {
        // Whatever another protocol begins with.
        InvalidMessage::InvalidContentType
        | InvalidMessage::UnknownProtocolVersion
        | InvalidMessage::MessageTooLarge
        | InvalidMessage::InvalidEmptyPayload => {
            TlsExplanation { reason: "it does not speak TLS at this port".to_owned(), remedy: None, is_certificate: false }
        }
        other => TlsExplanation {
            reason: format!("it breaks the rules of TLS ({})", words_of(other)),
            remedy: Some(FAULTY.to_owned()),
            is_certificate: false,
        },
    }
}

/// The name of a variant in words, without what it holds: `illegal middlebox change cipher spec`.
fn words_of(fault: &impl std::fmt::Debug) -> String {
    let name = format!("{fault:?}");
    let name = name.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let mut words = String::new();
    let mut before = ' ';
    for c in name.chars() {
        if c.is_uppercase() && before.is_lowercase() {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
        before = c;
    }
    words
}

/// A library's words on one line, and not too many.
fn plain(words: &str) -> String {
    words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_WORDS).collect()
}

#[cfg(test)]
mod tests;
