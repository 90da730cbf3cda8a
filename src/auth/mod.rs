//! Authentication: sign-in, second factors, API tokens, password changes, and the limits on failures.
//!
//! [`Auth`] signs people in and out and identifies a visitor by their session token: throttle first, then the
//! directory, which is asked once, then a fresh session. People with a second factor show it before there is a session
//! (`second_step`). [`ApiAuth`] authenticates `Authorization` headers and issues tokens. A changed password ends every
//! session that the old one opened, and every refusal takes equally long (`timing_floor`). [`SessionRefresher`] keeps
//! the sessions true to the directory. [`csrf`] makes and verifies forms' tokens, [`next`] the redirect after signing
//! in. This room never decides what a person may see, and knows nothing of cookies or HTTP.

mod account_watch;
mod api_auth;
mod api_auth_error;
mod authorization_header;
mod basic;
mod change_password;
mod combined_directory;
mod credential_cache;
pub mod csrf;
pub mod digest;
mod end_sessions;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod invitations;
mod jwt;
mod keys;
mod local;
pub mod next;
mod reauthentication;
mod refresh;
mod refusal;
mod second_step;
mod sign_in;
mod throttle;
mod timing_floor;

pub use account_watch::AccountWatch;
pub use api_auth::{ApiAuth, ApiTokenRefusal, IssuedJwt, JwtRefusal};
pub use api_auth_error::{ApiAuthError, TokenError};
pub use authorization_header::{AuthorizationHeader, InvalidAuthorizationHeader};
pub use change_password::{PasswordChangeRequest, PasswordChanged};
pub use combined_directory::CombinedDirectory;
pub use csrf::{CsrfBinding, PreSessionToken};
pub use digest::{DigestAuth, DigestRefusal, DigestRequest};
pub use invitations::{AcceptanceRequest, AcceptedInvitation, InvitationRefusal, Invitations};
pub use jwt::{EncodedJwt, JwtSigner, PublicKeys};
pub use keys::Keys;
pub use next::NextPath;
pub use refresh::{DirectoryOutage, RefreshReport, SessionRefresher};
pub use refusal::{PasswordChangeRefusal, SignInRefusal};
pub use second_step::{
    FactorEnrollment, FactorRefusal, FactorResponse, PasskeySignInRefusal, PendingToken, RenewedSession, SecondStep,
};
pub use sign_in::{Auth, SignedIn};
pub use throttle::DeviceCookie;
