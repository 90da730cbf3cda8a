#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{ServerName, UnixTime};
use rustls::{CertRevocationListError, EncryptedClientHelloError, ExtendedKeyPurpose, OtherError, PeerMisbehaved};

use super::*;

/// Words of the trade that look like a program's names.
const TERMS: [&str; 8] = ["ChaCha20", "serverAuth", "StartTLS", "nsSizeLimit", "DnsName", "OpenSSL", "PowerShell", "X25519"];

/// Checks that an explanation is for people: a sentence and an advice, without bytes and names out of a program.
fn check(error: &Error) -> TlsExplanation {
    let explanation = explain(error);
    let remedy = explanation.remedy.clone().unwrap_or_else(|| "caller's own".to_owned());
    for text in [&explanation.reason, &remedy] {
        assert!(text.len() > 10, "{error:?}: {text:?}");
        for c in ['[', '{', '\n'] {
            assert!(!text.contains(c), "{error:?}: {text}");
        }
        for word in text.split(|c: char| !c.is_alphanumeric()) {
            let letters: Vec<char> = word.chars().collect();
            let is_name = letters.windows(2).any(|pair| pair[0].is_lowercase() && pair[1].is_uppercase());
            assert!(!is_name || TERMS.contains(&word), "{error:?}: {text}");
        }
    }
    explanation
}

#[test]
fn every_alert_there_is_has_words_and_the_usual_ones_the_right_advice() {
    for code in 0..=u8::MAX {
        check(&Error::AlertReceived(AlertDescription::from(code)));
    }
    let told = |alert| {
        let TlsExplanation { reason, remedy, .. } = check(&Error::AlertReceived(alert));
        format!("{reason}; {}", remedy.unwrap_or_default())
    };
    assert!(told(AlertDescription::ProtocolVersion).contains("TLS 1.1 or older"));
    let nothing_in_common = told(AlertDescription::HandshakeFailure);
    for expected in ["cipher suite", "CBC", "P-521"] {
        assert!(nothing_in_common.contains(expected), "{nothing_in_common}");
    }
    for alert in [AlertDescription::CertificateRequired, AlertDescription::UnknownCA, AlertDescription::BadCertificate] {
        assert!(told(alert).contains("client_certificate_file"));
    }
    assert!(told(AlertDescription::UnrecognisedName).contains("url"));
}

#[test]
fn every_incompatibility_has_words() {
    use PeerIncompatible as Why;
    for why in [
        Why::EcPointsExtensionRequired,
        Why::ExtendedMasterSecretExtensionRequired,
        Why::IncorrectCertificateTypeExtension,
        Why::KeyShareExtensionRequired,
        Why::NamedGroupsExtensionRequired,
        Why::NoCertificateRequestSignatureSchemesInCommon,
        Why::NoCipherSuitesInCommon,
        Why::NoEcPointFormatsInCommon,
        Why::NoKxGroupsInCommon,
        Why::NoSignatureSchemesInCommon,
        Why::NullCompressionRequired,
        Why::ServerDoesNotSupportTls12Or13,
        Why::ServerSentHelloRetryRequestWithUnknownExtension,
        Why::ServerTlsVersionIsDisabledByOurConfig,
        Why::SignatureAlgorithmsExtensionRequired,
        Why::SupportedVersionsExtensionRequired,
        Why::Tls12NotOffered,
        Why::Tls12NotOfferedOrEnabled,
        Why::Tls13RequiredForQuic,
        Why::UncompressedEcPointsRequired,
        Why::UnsolicitedCertificateTypeExtension,
        Why::ServerRejectedEncryptedClientHello(None),
    ] {
        let is_old = matches!(why, Why::ServerDoesNotSupportTls12Or13 | Why::ServerTlsVersionIsDisabledByOurConfig);
        let explanation = check(&Error::PeerIncompatible(why));
        assert!(!is_old || explanation.reason.contains("TLS 1.1"), "{explanation:?}");
    }
}

#[test]
fn every_breach_of_the_rules_is_told_as_one() {
    use PeerMisbehaved as How;
    for how in [
        How::AttemptedDowngradeToTls12WhenTls13IsSupported,
        How::BadCertChainExtensions,
        How::CipherSuiteDifferedOnRetry,
        How::DisallowedEncryptedExtension,
        How::DuplicateEncryptedExtensions,
        How::DuplicateServerHelloExtensions,
        How::HandshakeHashVariedAfterRetry,
        How::IllegalHelloRetryRequestWithEmptyCookie,
        How::IllegalMiddleboxChangeCipherSpec,
        How::IllegalTlsInnerPlaintext,
        How::InvalidCertCompression,
        How::InvalidKeyShare,
        How::KeyEpochWithPendingFragment,
        How::MessageInterleavedWithHandshakeMessage,
        How::MissingKeyShare,
        How::SelectedDifferentCipherSuiteAfterRetry,
        How::SelectedInvalidPsk,
        How::SelectedTls12UsingTls13VersionExtension,
        How::SelectedUnofferedCipherSuite,
        How::SelectedUnofferedCompression,
        How::SelectedUnofferedKxGroup,
        How::SelectedUnusableCipherSuiteForVersion,
        How::ServerHelloMustOfferUncompressedEcPoints,
        How::SignedKxWithWrongAlgorithm,
        How::SignedHandshakeWithUnadvertisedSigScheme,
        How::TooManyEmptyFragments,
        How::TooManyKeyUpdateRequests,
        How::TooManyRenegotiationRequests,
        How::TooManyWarningAlertsReceived,
        How::UnexpectedCleartextExtension,
        How::UnsolicitedServerHelloExtension,
        How::WrongGroupForKeyShare,
    ] {
        let explanation = check(&Error::PeerMisbehaved(how));
        assert!(explanation.reason.starts_with("it breaks the rules of TLS ("), "{explanation:?}");
    }
}

#[test]
fn another_protocol_is_told_from_faulty_tls() {
    use InvalidMessage as Message;
    for message in [
        Message::CertificatePayloadTooLarge,
        Message::HandshakePayloadTooLarge,
        Message::InvalidCcs,
        Message::InvalidCertificateStatusType,
        Message::InvalidCertRequest,
        Message::InvalidDhParams,
        Message::InvalidKeyUpdate,
        Message::InvalidServerName,
        Message::MessageTooShort,
        Message::MissingData("ServerHello"),
        Message::MissingKeyExchange,
        Message::NoSignatureSchemes,
        Message::TrailingData("Finished"),
        Message::UnexpectedMessage("Finished"),
        Message::UnsupportedCompression,
        Message::UnsupportedCurveType,
        Message::EmptyTicketValue,
        Message::IllegalEmptyList("KeyShare"),
        Message::IllegalEmptyValue,
        Message::DuplicateExtension(7),
        Message::PreSharedKeyIsNotFinalExtension,
        Message::UnknownHelloRetryRequestExtension,
        Message::UnknownCertificateExtension,
    ] {
        assert!(check(&Error::InvalidMessage(message)).reason.starts_with("it breaks the rules of TLS"), "{message:?}");
    }
    for message in [Message::InvalidContentType, Message::UnknownProtocolVersion, Message::MessageTooLarge] {
        let explanation = check(&Error::InvalidMessage(message));
        assert_eq!((explanation.reason.as_str(), explanation.remedy), ("it does not speak TLS at this port", None));
    }
}

#[test]
fn every_other_fault_has_words() {
    for error in [
        Error::InappropriateMessage { expect_types: vec![], got_type: rustls::ContentType::Alert },
        Error::InappropriateHandshakeMessage { expect_types: vec![], got_type: rustls::HandshakeType::Finished },
        Error::InvalidEncryptedClientHello(EncryptedClientHelloError::InvalidConfigList),
        Error::NoCertificatesPresented,
        Error::UnsupportedNameType,
        Error::DecryptError,
        Error::EncryptError,
        Error::InvalidCertRevocationList(CertRevocationListError::ParseError),
        Error::General("no such thing".to_owned()),
        Error::FailedToGetCurrentTime,
        Error::FailedToGetRandomBytes,
        Error::HandshakeNotComplete,
        Error::PeerSentOversizedRecord,
        Error::NoApplicationProtocol,
        Error::BadMaxFragmentSize,
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch),
        Error::InconsistentKeys(InconsistentKeys::Unknown),
        Error::Other(OtherError(Arc::new(io::Error::other("odd")))),
    ] {
        check(&error);
    }
    for kind in [io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset, io::ErrorKind::TimedOut, io::ErrorKind::Other] {
        assert!(!explain_io(&kind.into()).reason.is_empty());
    }
}

#[test]
fn every_refusal_of_a_certificate_has_words_and_a_remedy() {
    let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let bytes = || vec![0x06, 0x09, 0x2a, 0x86];
    let expected = ServerName::try_from("dc1.corp").unwrap();
    let presented = vec!["DnsName(\"other.corp\")".to_owned(), "IpAddress(10.0.0.1)".to_owned()];
    for fault in [
        CertificateError::BadEncoding,
        CertificateError::Expired,
        CertificateError::ExpiredContext { time: at(2), not_after: at(1) },
        CertificateError::NotValidYet,
        CertificateError::NotValidYetContext { time: at(1), not_before: at(2) },
        CertificateError::Revoked,
        CertificateError::UnhandledCriticalExtension,
        CertificateError::UnknownIssuer,
        CertificateError::UnknownRevocationStatus,
        CertificateError::ExpiredRevocationList,
        CertificateError::ExpiredRevocationListContext { time: at(2), next_update: at(1) },
        CertificateError::BadSignature,
        CertificateError::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id: bytes(),
            supported_algorithms: vec![],
        },
        CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
            signature_algorithm_id: bytes(),
            public_key_algorithm_id: bytes(),
        },
        CertificateError::NotValidForName,
        CertificateError::NotValidForNameContext { expected: expected.clone(), presented: vec![] },
        CertificateError::NotValidForNameContext { expected, presented },
        CertificateError::InvalidPurpose,
        CertificateError::InvalidPurposeContext { required: ExtendedKeyPurpose::ServerAuth, presented: vec![] },
        CertificateError::InvalidOcspResponse,
        CertificateError::ApplicationVerificationFailure,
    ] {
        assert!(check(&Error::InvalidCertificate(fault)).is_certificate);
    }
    for fault in [
        webpki::Error::CaUsedAsEndEntity,
        webpki::Error::CertDistrusted,
        webpki::Error::EmptyEkuExtension,
        webpki::Error::EndEntityUsedAsCa,
        webpki::Error::ExtensionValueInvalid,
        webpki::Error::InvalidNetworkMaskConstraint,
        webpki::Error::InvalidSerialNumber,
        webpki::Error::MalformedDnsIdentifier,
        webpki::Error::MalformedExtensions,
        webpki::Error::MalformedNameConstraint,
        webpki::Error::MaximumNameConstraintComparisonsExceeded,
        webpki::Error::MaximumPathBuildCallsExceeded,
        webpki::Error::MaximumPathDepthExceeded,
        webpki::Error::MaximumSignatureChecksExceeded,
        webpki::Error::NameConstraintViolation,
        webpki::Error::PathLenConstraintViolated,
        webpki::Error::SignatureAlgorithmMismatch,
        webpki::Error::UnsupportedCertVersion,
        webpki::Error::UnsupportedCriticalExtension,
        webpki::Error::UnsupportedNameType,
    ] {
        let name = format!("{fault:?}");
        let error = Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(fault))));
        assert_ne!(check(&error).reason, "its certificate is not acceptable", "{name} has no words of its own");
    }
}
