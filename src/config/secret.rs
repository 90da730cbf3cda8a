use std::fmt;

use zeroize::Zeroizing;

use super::reader::{DiagnosticSink, Located};
use super::tree::ConfigNode;

/// A text that must not be shown. It wipes itself when dropped, never prints itself, and no diagnostic shows the line it
/// was read from.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Keeps `text` secret.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl ConfigNode {
    /// A secret that is not blank. Unlike every other reading this one leaves the value hidden.
    pub(crate) fn into_secret(self, key: &str, sink: &DiagnosticSink) -> Option<Located<Secret>> {
        let text = self.into_text(key, sink)?;
        Some(Located { value: Secret::new(text.value), location: text.location })
    }
}
