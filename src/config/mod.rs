//! What people write, read strictly: `Rocket.toml` and the environment into [`Settings`], page files into
//! [`PageFile`]s.
//!
//! Raw as written becomes settled as meant, in one pass that collects every fault with its file, line and column.
//! After this room no code asks whether a setting is present or sane. It never dials anything: whether the
//! directory answers or a query makes sense to its source is asked elsewhere.

mod account_settings;
mod cover;
mod directory_settings;
mod environment;
mod fault;
mod page;
mod quantity;
mod read_page;
mod read_settings;
mod reader;
mod render;
mod script_settings;
mod secret_key;
mod settings;
mod settings_tree;
mod tree;
mod typed;
mod words;

pub use account_settings::{AccountSettings, DigestSettings};
pub use directory_settings::{
    DirectoryKind, DirectorySettings, Discovery, FurtherDirectory, Scheme, ServerAddress, Servers, ServiceAccount,
};
pub use environment::figment;
pub use fault::{Fault, FaultReport, Faults, Place};
pub use page::{Input, InputKind, InputOption, PageFile, PanelKind, PanelSettings, PanelSource, Unit};
pub use quantity::parse_duration;
pub use read_page::read_page;
pub use read_settings::ForPages;
pub use script_settings::{BasicSettings, SignedTokenSettings, TokenSettings};
pub use secret_key::{SecretKey, make_state_folder, secret_key};
pub use settings::{
    AuditSettings, HttpSource, LimitSettings, LiveSettings, LogFormat, LogSettings, MetricsSettings,
    SecondFactorSettings, Secret, SessionSettings, Settings, SiteSettings, SourceSettings, Theme,
};
