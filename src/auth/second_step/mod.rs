//! The second step: what somebody shows beside their password.
//!
//! Whoever has a factor gets no session for their password alone, but a place to wait (`pending`) until they have shown it
//! (`show`). The same is asked of members whose factor counts no more. A passkey stands for both steps (`passwordless`). Setting
//! factors up and taking them away is in `enrol`; every change is in the audit.

mod enroll;
mod passwordless;
mod pending;
mod refusal;
mod verify;

pub use enroll::FactorEnrollment;
pub use pending::PendingToken;
pub use refusal::{FactorRefusal, PasskeySignInRefusal};
pub use verify::{FactorResponse, RenewedSession, SecondStep};
