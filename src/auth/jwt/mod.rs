//! Short-lived signed tokens (JWT, RFC 7519): what they say, and the keys that sign them.
//!
//! A token is believed when this server signed it, for itself, and its time is now; the algorithm is one (Ed25519,
//! RFC 8037) and its header says nothing but that and the key's name. What it was made from is asked elsewhere.

mod claims;
mod encoded;
mod key;
mod signer;

pub(super) use claims::{Claims, from_unix_seconds, to_unix_seconds};
pub use encoded::EncodedJwt;
pub use key::PublicKeys;
pub(super) use signer::JwtError;
pub use signer::JwtSigner;

#[cfg(test)]
mod tests;
