//! The settings: one file per table, with its keys, how they are read, and the rules between them.
//!
//! Files that settings name (certificates, secrets) are read here, so that a missing one is reported like any other
//! error. Nothing is dialled.

mod accounts;
mod api_auth;
mod audit;
mod connections;
mod directory;
mod history;
mod live;
mod log;
mod metrics;
mod outbound;
mod second_factor;
mod server_address;
mod servers;
mod sessions;
mod settings;
mod site;
mod store;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use accounts::{AccountSettings, DigestSettings};
pub use api_auth::{BasicSettings, JwtSettings, TokenSettings};
pub use audit::AuditSettings;
pub use connections::ConnectionSettings;
pub use directory::{AdditionalDirectory, DirectorySettings};
pub use history::HistorySettings;
pub use live::LiveSettings;
pub use log::{LogFormat, LogSettings};
pub use metrics::MetricsSettings;
pub use outbound::{DirectHost, InvalidDirectHost, InvalidProxyUrl, OutboundSettings, ProxyUrl};
pub use second_factor::SecondFactorSettings;
pub use sessions::SessionSettings;
pub use settings::Settings;
pub use site::{SiteSettings, SiteTheme};
pub use store::StoreSettings;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
