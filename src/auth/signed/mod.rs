//! Short-lived signed tokens (JWT, RFC 7519): what they say, and the keys that sign them.
//!
//! A token is believed when this server signed it, for itself, and its time is now; the algorithm is one (Ed25519,
//! RFC 8037) and its header says nothing but that and the key's name. What it was made from is asked elsewhere.

mod claims;
mod key;
mod signer;
mod text;

pub(super) use claims::{Claims, moment, seconds};
pub use key::PublicKeys;
pub use signer::Signer;
pub(super) use signer::Unsound;
pub use text::SignedText;

#[cfg(test)]
mod tests;
