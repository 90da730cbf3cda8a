//! The ways to prove who one is: a file for each, and a line in the registry.

mod api_token;
pub(super) mod basic;
mod bearer;
pub mod digest;
mod jwt;
mod session;

use std::sync::Arc;

use crate::accounts::LocalAccounts;
use crate::auth::scheme::AuthScheme;
use crate::auth::{ApiAuth, Auth};
use crate::config::Settings;

pub use bearer::insufficient_scope_challenge;
pub use session::form_challenge;

/// The parts that schemes are made of.
pub struct SchemeParts<'p> {
    /// Signs people in, under the limits.
    pub auth: &'p Arc<Auth>,
    /// Issues tokens.
    pub api_auth: &'p Arc<ApiAuth>,
    /// The program's own accounts.
    pub accounts: &'p LocalAccounts,
    /// The settings.
    pub settings: &'p Settings,
    /// The name of the session's cookie.
    pub session_cookie: &'static str,
}

/// The registry: all schemes, in the order in which they are asked and their challenges are sent.
pub(super) fn open(parts: &SchemeParts<'_>) -> Vec<Box<dyn AuthScheme>> {
    vec![api_token::scheme(parts), jwt::scheme(parts), basic::scheme(parts), digest::scheme(parts), session::scheme(parts)]
}
