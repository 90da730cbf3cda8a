use std::fmt;

use zeroize::Zeroizing;

/// The longest scope there is takes 3 KB of it.
const MAX_LEN: usize = 4096;

/// A signed token as it was sent: three parts of base64url with dots between them (RFC 7515, 3.1), and no more known of
/// it than that. It never prints itself and wipes itself when dropped.
#[derive(Clone)]
pub struct EncodedJwt(Zeroizing<String>);

impl EncodedJwt {
    /// The text, if it has the shape and a bounded length.
    pub fn parse(text: &str) -> Option<Self> {
        let sound = |part: &str| {
            !part.is_empty() && part.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'))
        };
        let is_one = text.len() <= MAX_LEN && text.split('.').count() == 3 && text.split('.').all(sound);
        is_one.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for EncodedJwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignedText(…)")
    }
}
