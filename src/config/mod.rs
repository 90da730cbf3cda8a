//! Configuration, parsed strictly: `Rocket.toml` and the environment into [`Settings`].
//!
//! One pass turns raw values into settled ones and collects every [`Diagnostic`] with its file, line and column.
//! After this room no code asks whether a setting is present or sane. It never dials anything: whether the
//! directory answers is asked elsewhere. Page files are read with the same tools, [`Fields`] and [`DiagnosticSink`],
//! by the rooms whose tables they hold.

mod account_settings;
mod api_auth_settings;
mod audience;
mod config_sources;
mod diagnostic;
mod directory_settings;
mod environment;
mod filter_template;
mod hints;
mod quantity;
mod read_settings;
mod reader;
mod redact;
mod render;
mod secret_key;
mod settings;
mod tree;
mod typed;

pub use account_settings::{AccountSettings, DigestSettings};
pub use api_auth_settings::{BasicSettings, JwtSettings, TokenSettings};
pub(crate) use audience::read_audience;
pub(crate) use diagnostic::Document;
pub use diagnostic::{Diagnostic, DiagnosticReport, Diagnostics, SourceLocation};
pub use directory_settings::{
    AdditionalDirectory, DirectoryKind, DirectoryServers, DirectorySettings, DnsDiscovery, LdapScheme, ServerAddress,
    ServiceAccount,
};
pub use environment::figment;
pub use filter_template::{FilterComparison, FilterTemplate, InvalidFilter};
pub(crate) use hints::{quote, suggest};
pub(crate) use quantity::format_duration;
pub use quantity::parse_duration;
pub(crate) use read_settings::{read_ca_file, read_path, read_secret, read_secret_file};
pub(crate) use reader::{DiagnosticSink, Fields, Located};
pub use secret_key::{SecretKey, create_state_folder, load_or_create_secret_key};
pub use settings::{
    AuditSettings, ConnectionSettings, LiveSettings, LogFormat, LogSettings, MetricsSettings, SecondFactorSettings, Secret,
    SessionSettings, Settings, SiteSettings, SiteTheme,
};
pub(crate) use tree::{ConfigEntry, ConfigNode, ConfigValue, parse_document};
