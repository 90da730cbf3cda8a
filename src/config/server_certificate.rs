//! A look at Rocket's own table `tls` before Rocket reads it, which tells less of what is wrong.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rocket::config::TlsConfig;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use zeroize::Zeroizing;

use super::diagnostic::SourceLocation;
use super::reader::DiagnosticSink;
use super::tree::ConfigEntry;

/// The largest file of certificates or of a key; a long chain has some ten KiB.
const MAX_PEM_BYTES: u64 = 1024 * 1024;

/// The PEM headings of keys.
const KEY_HEADING: &str = "PRIVATE KEY-----";
const ENCRYPTED_KEY_HEADINGS: [&str; 2] = ["-----BEGIN ENCRYPTED PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED"];

const CERTS_HELP: &str = "`certs` names a PEM file with the server's certificate, and behind it those of the authorities between \
                          it and the root";
const KEY_HELP: &str = "`key` names a PEM file with the private key of that certificate";

/// The two keys of the table, and where they stand.
pub(super) struct TlsLocations {
    pub(super) certs: SourceLocation,
    pub(super) key: SourceLocation,
}

impl TlsLocations {
    /// Finds them among the entries of the settings.
    pub(super) fn among(entries: &[ConfigEntry]) -> Self {
        let tls = entries.iter().find(|entry| entry.key == "tls");
        let locate = |key: &str| {
            let node = tls.and_then(|tls| tls.node.get(key)).map(|entry| &entry.node).or(tls.map(|tls| &tls.node));
            node.map_or_else(|| SourceLocation::key(format!("tls.{key}")), |node| node.location.clone())
        };
        Self { certs: locate("certs"), key: locate("key") }
    }
}

/// Checks that the files are there, that each has what its key says, and that they belong together.
pub(super) fn check_server_certificate(tls: &TlsConfig, locations: &TlsLocations, sink: &DiagnosticSink) {
    let (certs, key) = (tls.certs(), tls.key());
    let certs = certs.as_ref().map_either(PathBuf::as_path, |pem| *pem);
    let key = key.as_ref().map_either(PathBuf::as_path, |pem| *pem);
    let certs_file = PemText::read(certs.left(), certs.right(), "certs", &locations.certs, sink);
    let key_file = PemText::read(key.left(), key.right(), "key", &locations.key, sink);
    let (Some(certs), Some(key)) = (certs_file, key_file) else { return };
    let chain = chain_of(&certs, &locations.certs, sink);
    let private_key = key_of(&key, &locations.key, sink);
    if let (Some(chain), Some(private_key)) = (chain, private_key) {
        check_pair(&chain, &private_key, (&certs, &key), &locations.key, sink);
    }
}

/// The text of a PEM file, or of one that stands in the settings.
struct PemText {
    shown: String,
    bytes: Zeroizing<Vec<u8>>,
}

impl PemText {
    fn read(
        file: Option<&Path>,
        written: Option<&[u8]>,
        key: &str,
        location: &SourceLocation,
        sink: &DiagnosticSink,
    ) -> Option<Self> {
        let Some(file) = file else {
            return Some(Self { shown: format!("`{key}`"), bytes: Zeroizing::new(written.unwrap_or_default().to_vec()) });
        };
        let shown = file.display().to_string();
        let error = match std::fs::metadata(file) {
            Ok(metadata) if metadata.len() > MAX_PEM_BYTES => "it is far larger than such a file can be".to_owned(),
            _ => match std::fs::read(file) {
                Ok(bytes) => return Some(Self { shown, bytes: Zeroizing::new(bytes) }),
                Err(error) => error.to_string(),
            },
        };
        let help = "correct the path, which is relative to the settings' folder, or let the program's user read the file";
        sink.report(location, format!("`{key}`: {shown} cannot be read: {error}"), help);
        None
    }

    fn certificates(&self) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_slice_iter(&self.bytes).filter_map(Result::ok).collect()
    }

    fn has(&self, heading: &str) -> bool {
        self.bytes.windows(heading.len()).any(|window| window == heading.as_bytes())
    }
}

fn chain_of(certs: &PemText, location: &SourceLocation, sink: &DiagnosticSink) -> Option<Vec<CertificateDer<'static>>> {
    let chain = certs.certificates();
    if !chain.is_empty() {
        return Some(chain);
    }
    let PemText { shown, .. } = certs;
    if certs.has(KEY_HEADING) {
        let help = "exchange the two: `certs` names the file with the certificate, `key` the one with the private key";
        sink.report(location, format!("`certs`: {shown} has a private key in it, and no certificate"), help);
    } else {
        sink.report(location, format!("`certs`: {shown} has no PEM certificate in it"), CERTS_HELP);
    }
    None
}

fn key_of(key: &PemText, location: &SourceLocation, sink: &DiagnosticSink) -> Option<PrivateKeyDer<'static>> {
    let PemText { shown, .. } = key;
    if ENCRYPTED_KEY_HEADINGS.iter().any(|heading| key.has(heading)) {
        let help =
            format!("take the passphrase off: `openssl pkey -in {shown} -out key.pem`, and protect the file by mode 600");
        sink.report(location, format!("`key`: {shown} is protected by a passphrase, which nobody types at the start"), help);
        return None;
    }
    if let Ok(found) = PrivateKeyDer::from_pem_slice(&key.bytes) {
        return Some(found);
    }
    if key.certificates().is_empty() {
        sink.report(location, format!("`key`: {shown} has no PEM private key in it"), KEY_HELP);
    } else {
        let help = "exchange the two: `certs` names the file with the certificate, `key` the one with the private key";
        sink.report(location, format!("`key`: {shown} has a certificate in it, and no private key"), help);
    }
    None
}

/// Checks that the key is the certificate's.
fn check_pair(
    chain: &[CertificateDer<'static>],
    private_key: &PrivateKeyDer<'static>,
    (certs, key): (&PemText, &PemText),
    location: &SourceLocation,
    sink: &DiagnosticSink,
) {
    let Ok(signing) = any_supported_type(private_key) else {
        let help = "make a key of a kind that browsers take: RSA of 2048 bits or more, ECDSA with P-256 or P-384, or Ed25519";
        sink.report(location, format!("`key`: {} is a key of a kind that is not supported", key.shown), help);
        return;
    };
    let belongs = |certificate: &CertificateDer<'static>| {
        let paired = CertifiedKey::new(vec![certificate.clone()], Arc::clone(&signing)).keys_match();
        !matches!(paired, Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)))
    };
    let (message, help) = match chain.iter().position(belongs) {
        Some(0) => return,
        Some(_) => (
            format!("the first certificate in {} is not the one that {} belongs to", certs.shown, key.shown),
            "put the server's own certificate first, and those of the authorities behind it".to_owned(),
        ),
        None => (
            format!("`key`: {} is not the key of the certificate in {}", key.shown, certs.shown),
            "use the key that the certificate was requested with, or request one for this key".to_owned(),
        ),
    };
    sink.report(location, message, help);
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use rcgen::{CertificateParams, KeyPair};
    use rocket::figment::Figment;
    use rocket::figment::providers::{Format, Toml};

    use super::super::Settings;

    /// The faults of a server with these two files.
    fn faults(certs: Option<&str>, key: Option<&str>) -> String {
        let folder = tempfile::tempdir().unwrap();
        let settings = "[default.directory]\nurl = \"ldaps://dc1.corp.example.com\"\n\n[default.tls]\ncerts = \"cert.pem\"\nkey = \"key.pem\"\n";
        let file = folder.path().join("Rocket.toml");
        std::fs::write(&file, settings).unwrap();
        for (name, text) in [("cert.pem", certs), ("key.pem", key)] {
            if let Some(text) = text {
                std::fs::write(folder.path().join(name), text).unwrap();
            }
        }
        let toml = Toml::file(&file).nested();
        let figment = Figment::from(rocket::Config::default()).merge(toml);
        Settings::from_figment(&figment).map_or_else(|faults| faults.to_string(), |_| String::new())
    }

    fn pair() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["boards".to_owned()]).unwrap().self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    #[test]
    fn a_certificate_and_its_key_are_right_also_before_others() {
        let ((cert, key), (other, _)) = (pair(), pair());
        assert_eq!(faults(Some(&cert), Some(&key)), "");
        assert_eq!(faults(Some(&format!("{cert}{other}")), Some(&key)), "");
    }

    #[test]
    fn every_mistake_in_the_two_files_has_its_words_and_its_place() {
        let ((cert, key), (other, foreign)) = (pair(), pair());
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let mixed = format!("{other}{cert}");
        for (certs, private, line, message) in [
            (None, Some(&*key), 5, "cert.pem cannot be read"),
            (Some(&*cert), None, 6, "key.pem cannot be read"),
            (Some(&*key), Some(&*cert), 5, "has a private key in it, and no certificate"),
            (Some(&*key), Some(&*cert), 6, "has a certificate in it, and no private key"),
            (Some("nothing"), Some(&*key), 5, "has no PEM certificate"),
            (Some(&*cert), Some(""), 6, "has no PEM private key"),
            (Some(&*cert), Some(encrypted), 6, "passphrase"),
            (Some(&*cert), Some(&*foreign), 6, "is not the key of the certificate"),
            (Some(&*mixed), Some(&*key), 6, "the first certificate"),
        ] {
            let said = faults(certs, private);
            assert!(said.contains(message), "{message} in {said}");
            assert!(said.contains(&format!("Rocket.toml:{line}:")), "line {line} in {said}");
        }
    }
}
