//! JWTs (RFC 7519): short-lived signed tokens, their claims and their keys.
//!
//! A token is valid when this server signed it, for itself, and its time is now; there is one algorithm (Ed25519, RFC
//! 8037), and the header has nothing but that and the key's id. The credential it was made from is checked elsewhere.

mod claims;
mod encoded;
mod issue_limit;
mod key;
mod signer;

pub(super) use claims::{Claims, from_unix_seconds, to_unix_seconds};
pub use encoded::EncodedJwt;
pub(super) use issue_limit::IssueLimit;
pub use key::PublicKeys;
pub(super) use signer::JwtError;
pub use signer::JwtSigner;

#[cfg(test)]
mod tests;
