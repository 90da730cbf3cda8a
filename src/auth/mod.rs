//! Proves who somebody is.
//!
//! [`Auth`] signs people in and out and says who a visitor is: throttle first, then the directory, which is asked
//! once, then a fresh session. A changed password ends every session that the old one opened, and a refusal takes its
//! time. Whoever has a second factor shows it before there is a session (`second_step`). [`Scripts`] says who shows an
//! `Authorization` header, and makes tokens. [`Refresh`] keeps the sessions and the tokens true to the directory. [`csrf`] makes and
//! checks the tokens of forms, [`next`] the
//! way back to the page somebody came for. This room never decides what a person may see, and knows nothing of cookies or
//! HTTP.

mod account_watch;
mod authorization;
mod basic;
mod change_password;
pub mod csrf;
pub mod digest;
mod end_sessions;
mod everyone;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod invitations;
mod keys;
mod local;
pub mod next;
mod pace;
mod prove_again;
mod refresh;
mod refusal;
mod remembered;
mod scripts;
mod second_step;
mod shown;
mod sign_in;
mod signed;
mod throttle;

pub use account_watch::AccountWatch;
pub use authorization::{Authorization, InvalidAuthorization};
pub use change_password::{Changed, TypedChange};
pub use csrf::{Holder, StrangerToken};
pub use digest::{Digest, DigestRefusal, DigestRequest};
pub use everyone::Everyone;
pub use invitations::{Accepted, Guests, InvitationRefusal, TypedAcceptance};
pub use keys::Keys;
pub use next::NextPath;
pub use refresh::{Away, Refresh, Report};
pub use refusal::{PasswordChangeRefusal, SignInRefusal};
pub use scripts::{IssueRefusal, Issued, Scripts, TokenRefusal};
pub use second_step::{FactorRefusal, PasskeySignInRefusal, PendingToken, Renewed, SecondStep, SetUp, Showing};
pub use shown::{ShownRefusal, TokenFault};
pub use sign_in::{Auth, SignedIn};
pub use signed::{PublicKeys, SignedText, Signer};
pub use throttle::DeviceMark;
