//! The ways to prove who one is: a file for each, and a line in the registry.

mod api_token;
pub(super) mod basic;
mod bearer;
pub mod digest;
mod jwt;
mod parts;
mod session;

use crate::auth::scheme::AuthScheme;

pub use bearer::insufficient_scope_challenge;
pub use parts::SchemeParts;
pub use session::form_challenge;

/// The registry: all schemes, in the order in which they are asked and their challenges are sent.
pub(super) fn open(parts: &SchemeParts<'_>) -> Vec<Box<dyn AuthScheme>> {
    vec![api_token::scheme(parts), jwt::scheme(parts), basic::scheme(parts), digest::scheme(parts), session::scheme(parts)]
}
