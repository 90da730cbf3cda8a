use std::sync::Arc;

use crate::accounts::LocalAccounts;
use crate::auth::{ApiAuth, Auth};
use crate::config::Settings;

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
    /// The path of the sign-in form.
    pub sign_in_path: String,
    /// The path that monitoring systems read, which have tokens and no names.
    pub metrics_path: String,
}
