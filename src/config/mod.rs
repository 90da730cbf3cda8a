//! Configuration, parsed strictly: `Rocket.toml` and the environment into [`Settings`].
//!
//! One pass turns raw values into settled ones and collects every [`Diagnostic`] with its file, line and column.
//! After this room no code asks whether a setting is present or sane. It never dials anything: whether the
//! directory answers is asked elsewhere. Page files are read with the same tools, `Fields` and `DiagnosticSink`,
//! by the rooms whose tables they hold.

mod audience;
mod bus_address;
mod certificate_files;
mod client_identity;
mod config_sources;
mod diagnostic;
mod directory_settings;
mod document;
mod environment;
mod exposed_secrets;
mod files;
mod filter_template;
mod hints;
mod postgres_url;
mod quantity;
mod read_settings;
mod reader;
mod render;
mod secret;
mod secret_key;
mod server_certificate;
mod setting;
mod state_folder;
mod tree;
mod typed;
mod url_parts;
mod value_name;

pub(crate) use audience::read_audience;
pub use bus_address::{BusAddress, BusServers, InvalidBusAddress};
pub(crate) use certificate_files::{CertificateFile, CertificatePurpose};
pub(crate) use client_identity::check_client_identity;
pub use diagnostic::{Diagnostic, DiagnosticReport, Diagnostics, SourceLocation};
pub use directory_settings::{DirectoryKind, DirectoryServers, DnsDiscovery, LdapScheme, ServerAddress, ServiceAccount};
pub(crate) use document::Document;
pub use environment::figment;
pub(crate) use files::{
    path as read_path, required_secret as read_required_secret, resolve as resolve_path, secret as read_secret,
    secret_or_file as read_secret_or_file,
};
pub use filter_template::{FilterComparison, FilterTemplate, InvalidFilter};
pub(crate) use hints::{quote, suggest};
pub use postgres_url::{PostgresHost, PostgresUrl};
pub(crate) use quantity::format_duration;
pub use quantity::parse_duration;
pub use read_settings::{
    AccountSettings, AdditionalDirectory, AuditSettings, BasicSettings, ConnectionSettings, DigestSettings, DirectHost,
    DirectorySettings, HistorySettings, InvalidDirectHost, InvalidProxyUrl, JwtSettings, LiveSettings, LogFormat, LogSettings,
    MetricsSettings, OutboundSettings, ProxyUrl, SecondFactorSettings, SessionSettings, Settings, SiteSettings, SiteTheme,
    StoreSettings, TokenSettings,
};
pub(crate) use reader::{DiagnosticSink, Fields, Located};
pub use secret::Secret;
pub use secret_key::{SecretKey, has_secret_key, load_or_create_secret_key};
pub use setting::SettingRow;
pub(crate) use setting::{
    Setting, boolean, ca_file, duration, integer, list, optional_file, path, size, text, tls_fingerprint, word,
};
pub use state_folder::{check_state_folder, open_state_folder, open_state_folder_of_server};
pub(crate) use tree::{ConfigEntry, ConfigNode, ConfigValue, parse_document};
pub(crate) use url_parts::{decode_url_part, is_this_machine};
pub(crate) use value_name::ValueName;
