//! Authentication: sign-in, second factors, API tokens, password changes, and the limits on failures.
//!
//! [`Auth`] signs people in and out: throttle first, then the directory, which is asked once, then a fresh session. People
//! with a second factor show it before there is a session (`second_step`). [`Authenticator`] says who makes a request, by
//! asking the `schemes`: a session's cookie, Basic, Digest, API tokens, JWTs. [`ApiAuth`] issues tokens. A changed password
//! ends every session that the old one opened, and every refusal takes equally long (`timing_floor`). [`SessionRefresher`]
//! keeps the sessions true to the directory. [`csrf`] makes and verifies forms' tokens, [`next`] the redirect after signing
//! in. This room never decides what a person may see, and knows nothing of Rocket.

mod account_watch;
mod api_auth;
mod authenticator;
mod change_password;
mod combined_directory;
mod credential_cache;
mod credential_watch;
pub mod csrf;
mod end_sessions;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod invitations;
mod jwt;
mod keys;
mod local;
pub mod next;
mod password_subjects;
mod person_tokens;
mod proof_kind;
mod reauthentication;
mod refresh;
mod refusal;
mod refuse;
mod refused_attempt;
mod rejection;
mod revocation;
mod scheme;
mod schemes;
mod second_step;
mod short_lived;
mod sign_in;
mod sign_in_gates;
mod throttle;
mod timing_floor;
mod verifier_gate;

pub use account_watch::AccountWatch;
pub use api_auth::{ApiAuth, ApiTokenRefusal, IssuedJwt, JwtRefusal};
pub use authenticator::Authenticator;
pub use change_password::{PasswordChangeRequest, PasswordChanged};
pub use combined_directory::CombinedDirectory;
pub use credential_watch::CredentialWatch;
pub use csrf::{CsrfBinding, PreSessionToken};
pub use invitations::{AcceptanceRequest, AcceptedInvitation, InvitationRefusal, Invitations};
pub use jwt::{EncodedJwt, JwtSigner, PublicKeys};
pub use keys::Keys;
pub use next::NextPath;
pub use refresh::{DirectoryOutage, RefreshReport, SessionRefresher};
pub use refusal::{PasswordChangeRefusal, SignInRefusal};
pub use rejection::Rejection;
pub use scheme::{AuthError, AuthRequest, AuthScheme};
pub use schemes::{SchemeParts, digest, form_challenge, insufficient_scope_challenge};
pub use second_step::{
    FactorEnrollment, FactorRefusal, FactorResponse, PasskeySignInRefusal, PendingToken, RenewedSession, SecondStep,
};
pub use short_lived::ShortLivedStore;
pub use sign_in::{Auth, AuthStores, SignedIn};
pub use throttle::{DeviceCookie, PostgresThrottleStore, Release, SqliteThrottleStore, ThrottleStore, release_attempts};

use proof_kind::proof_kind;
