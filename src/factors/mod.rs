//! Second factors: authenticator apps, passkeys and recovery codes.
//!
//! [`Factors`] keeps them in a [`FactorStore`], by person, whichever directory that is from: an authenticator app
//! (`totp`, RFC 6238), recovery codes for when it is lost (`recovery`), passkeys (`passkeys`, WebAuthn Level 3). A code works once,
//! and after a few wrong ones from one place there is an ever longer wait (`verify_code`, `attempts`). Seeds are sealed (`seal`) and recovery codes are hashed,
//! so that a copy of the store makes no code. The people who may have a factor at all are kept in memory beside the embedded
//! store (`possible_owners`), which one server writes.
//!
//! This room never asks the directory, never decides who needs a second factor, and knows nothing of sessions or cookies. A store
//! that cannot be read is a [`StoreError`](crate::store::StoreError), never "they have none".

mod attempts;
mod ceremony;
mod code;
mod enrolled;
mod passkey_refusal;
mod passkeys;
mod possible_owners;
mod postgres;
mod recovery;
mod relying_party;
mod seal;
mod service;
mod sqlite;
mod store;
mod totp;
mod verify_code;

pub use attempts::{ATTEMPTS_LAPSE, AttemptCount, CodeOrigin};
pub use ceremony::{PasskeyChallenge, PasskeyResponse};
pub use code::{CodeRefusal, VerifiedFactor};
pub use enrolled::{EnrolledFactors, FactorOwner, Passkey, PasskeyId};
pub use passkey_refusal::PasskeyRefusal;
pub use recovery::RecoveryCode;
pub use relying_party::{PasskeysUnavailable, RelyingParty};
pub use seal::is_seed_sealed_with;
pub use service::Factors;
pub use store::{FactorStore, FoundPasskey, PasskeyRecord};
pub use totp::AppEnrollment;

#[cfg(test)]
mod tests;
