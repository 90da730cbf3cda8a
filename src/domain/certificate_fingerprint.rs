use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// The SHA-256 of a certificate: `sha256:` and 32 pairs of hexadecimal digits, as `openssl x509 -fingerprint -sha256` prints
/// them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CertificateFingerprint([u8; 32]);

/// The error for a text that is no certificate's fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is `sha256:` and 64 hexadecimal digits, with or without colons between the pairs")]
pub struct InvalidFingerprint;

impl CertificateFingerprint {
    /// The fingerprint of a certificate in DER form.
    pub fn of_der(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl FromStr for CertificateFingerprint {
    type Err = InvalidFingerprint;

    fn from_str(text: &str) -> Result<Self, InvalidFingerprint> {
        const ALGORITHM: &str = "sha256:";
        let text = text.trim();
        let (algorithm, digits) = text.split_at_checked(ALGORITHM.len()).unwrap_or_default();
        let digits = if algorithm.eq_ignore_ascii_case(ALGORITHM) { digits } else { text };
        let bytes = hex::decode(digits.trim().replace(':', "")).map_err(|_| InvalidFingerprint)?;
        bytes.try_into().map(Self).map_err(|_| InvalidFingerprint)
    }
}

impl fmt::Display for CertificateFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256")?;
        self.0.iter().try_for_each(|byte| write!(f, ":{byte:02X}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_in_every_way_it_is_printed_and_nothing_else_is_one() {
        let of_nothing = CertificateFingerprint::of_der(b"");
        let shown = of_nothing.to_string();
        assert!(shown.starts_with("sha256:E3:B0:C4") && shown.ends_with(":55"), "{shown}");
        let plain = shown.replace("sha256:", "").replace(':', "");
        for text in [&shown, &shown.to_lowercase(), &shown.replace("sha256:", ""), &format!(" SHA256:{plain} "), &plain] {
            assert_eq!(text.parse(), Ok(of_nothing), "{text}");
        }
        let sha1 = &plain[..40];
        for text in ["", "sha256:", sha1, &format!("sha1:{sha1}"), &format!("{plain}00"), &plain.replace('E', "x"), "ü"] {
            assert_eq!(text.parse::<CertificateFingerprint>(), Err(InvalidFingerprint), "{text}");
        }
    }
}
