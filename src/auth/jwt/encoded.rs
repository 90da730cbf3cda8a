use std::fmt;

use zeroize::Zeroizing;

/// The longest token, in bytes; the longest scope takes 3 KB of it.
const MAX_LEN: usize = 4096;

/// A JWT as it was sent, unverified: three parts of base64url with dots between them (RFC 7515, 3.1). It never prints
/// itself and wipes itself when dropped.
#[derive(Clone)]
pub struct EncodedJwt(Zeroizing<String>);

impl EncodedJwt {
    /// Parses a text of the right shape and a bounded length.
    pub fn parse(text: &str) -> Option<Self> {
        let is_base64url =
            |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'));
        let is_one = text.len() <= MAX_LEN && text.split('.').count() == 3 && text.split('.').all(is_base64url);
        is_one.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for EncodedJwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncodedJwt(…)")
    }
}
