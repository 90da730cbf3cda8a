//! The second step of a sign-in: second factors beside the password.
//!
//! People with a factor get no session for their password alone, but a pending sign-in (`pending`) until they have
//! shown it (`verify`). The same is asked of members whose factor has lapsed. A passkey stands for both steps
//! (`passwordless`). Factors are added and removed in `enroll`; every change is in the audit log.

mod enroll;
mod passwordless;
mod pending;
mod postgres;
mod refusal;
mod state;
mod verify;

pub use enroll::FactorEnrollment;
pub use pending::PendingToken;
pub use refusal::{FactorRefusal, PasskeySignInRefusal};
pub use state::SecondStep;
pub use verify::{FactorResponse, RenewedSession};
