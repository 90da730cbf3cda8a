use std::path::PathBuf;

use indexmap::IndexMap;
use rocket::figment::Figment;

use super::super::audience::read_audience;
use super::super::certificate_files::{CertificateFile, certificate_files};
use super::super::config_sources::ConfigSources;
use super::super::diagnostic::Diagnostics;
use super::super::exposed_secrets::exposed_secrets;
use super::super::reader::{DiagnosticSink, Fields};
use super::super::server_certificate::{TlsLocations, check_server_certificate};
use super::super::setting::{DeclaredTable, Setting, SettingRow, folder, path, settings, table};
use super::directory::{AdditionalDirectory, directories};
use super::{
    AccountSettings, AuditSettings, BasicSettings, ConnectionSettings, DigestSettings, DirectorySettings, HistorySettings,
    JwtSettings, LiveSettings, LogSettings, MetricsSettings, OutboundSettings, SecondFactorSettings, SessionSettings,
    SiteSettings, StoreSettings, TokenSettings,
};
use crate::domain::{Audience, DirectoryName};

/// The keys that are Rocket's: of `rocket::Config`, of its templates, and the two by which `ROCKET_CONFIG` and
/// `ROCKET_PROFILE` say where settings stand.
const ROCKET_KEYS: [&str; 18] = [
    "address",
    "port",
    "workers",
    "max_blocking",
    "ident",
    "ip_header",
    "proxy_proto_header",
    "limits",
    "temp_dir",
    "keep_alive",
    "tls",
    "secret_key",
    "shutdown",
    "log_level",
    "cli_colors",
    "template_dir",
    "config",
    "profile",
];

/// Those of Rocket's keys that have secrets in them, which no diagnostic shows.
const ROCKET_SECRETS: [&str; 2] = ["secret_key", "tls"];

settings! {
    /// Everything an admin can set, settled. Rocket's own settings stay in Rocket's figment, and those of sources belong to
    /// their kinds.
    #[derive(Clone, Debug)]
    pub struct Settings {
        /// The folder of page files.
        pub pages: PathBuf = folder("pages"),
        /// The folder for persistent data: sessions, accounts, tokens, second factors, the audit, the secret key. It is created
        /// if it is missing. Only one server can use it at a time.
        pub state: PathBuf = folder("state"),
        /// Where everything is kept that must last. Without a URL: in files, in the folder `state`.
        pub store: StoreSettings = table(),
        /// A folder whose files in `templates` and `static` replace the built-in ones.
        pub overlay: Option<PathBuf> = path("overlay").optional(),
        /// How the site presents itself.
        pub site: SiteSettings = table(),
        /// Who may open the admin pages.
        pub admins: Audience = audience(),
        /// The default directory, for people who name no other.
        pub directory: DirectorySettings = table(),
        /// Further directories, each by the name that pages know it by.
        pub directories: IndexMap<DirectoryName, AdditionalDirectory> = directories(),
        /// The program's own accounts.
        pub accounts: AccountSettings = table(),
        /// Digest, for those of them that opted in.
        pub digest: DigestSettings = table(),
        /// How long sessions last.
        pub sessions: SessionSettings = table(),
        /// Who needs a second factor.
        pub second_factor: SecondFactorSettings = table(),
        /// How much of the audit is kept.
        pub audit: AuditSettings = table(),
        /// Basic authentication: name and password with every request.
        pub basic: BasicSettings = table(),
        /// Personal API tokens.
        pub tokens: TokenSettings = table(),
        /// Short-lived signed tokens (JWT).
        pub jwt: JwtSettings = table(),
        /// The way out: how sources are reached over HTTP.
        pub outbound: OutboundSettings = table(),
        /// The live channels.
        pub live: LiveSettings = table(),
        /// The archive of charts' past, for pages that say so with `keep`.
        pub history: HistorySettings = table(),
        /// The limits of connections: how many, and how long they may be silent.
        pub connections: ConnectionSettings = table(),
        /// The program's own log.
        pub log: LogSettings = table(),
        /// The program's metrics.
        pub metrics: MetricsSettings = table(),
    }
}

impl Settings {
    /// Parses the settings in the selected profile of `figment`, for those who need no source: `[sources]` is passed over.
    /// [`super::super::figment`] makes the usual one; nothing here depends on a file being there. Rocket's own settings are
    /// checked too, and stay in the figment.
    ///
    /// # Errors
    /// Every error, each with its location (file, line and column, or the environment variable) and correction.
    pub fn from_figment(figment: &Figment) -> Result<Self, Diagnostics> {
        Self::from_figment_with(figment, |_| Some(())).map(|(settings, ())| settings)
    }

    /// Parses the settings and, by `read_sources`, the table `[sources]`, which belongs to the room above.
    ///
    /// # Errors
    /// Every error in both.
    pub(crate) fn from_figment_with<T>(
        figment: &Figment,
        read_sources: impl FnOnce(Fields<'_>) -> Option<T>,
    ) -> Result<(Self, T), Diagnostics> {
        let config_sources = ConfigSources::from_figment(figment);
        let entries = config_sources.merged(&Self::tables())?;
        let is_plain = |key: &str| ROCKET_KEYS.contains(&key) && !ROCKET_SECRETS.contains(&key);
        entries.iter().filter(|entry| is_plain(&entry.key)).for_each(|entry| entry.node.reveal());
        let sink = DiagnosticSink::default();
        match figment.extract::<rocket::Config>() {
            Ok(config) => {
                if let Some(tls) = &config.tls {
                    check_server_certificate(tls, &TlsLocations::among(&entries), &sink);
                }
            }
            Err(error) => error.into_iter().for_each(|error| sink.push(config_sources.diagnostic_for(&error))),
        }
        let mut fields = Fields::new(config_sources.root_location(), entries, &sink);
        fields.ignore(&ROCKET_KEYS);
        let sources = read_sources(fields.table_or_empty("sources"));
        let settings = Self::read(fields);
        let diagnostics = sink.into_diagnostics();
        settings.zip(sources).filter(|_| diagnostics.is_empty()).ok_or(diagnostics)
    }

    /// Parses only the folder of page files and, by `read_sources`, the table `[sources]`, out of settings that may have
    /// errors elsewhere. `None` when not even the folder can be read.
    pub(crate) fn for_pages<T>(
        figment: &Figment,
        read_sources: impl FnOnce(Fields<'_>) -> Option<T>,
    ) -> Option<(PathBuf, Option<T>)> {
        let config_sources = ConfigSources::from_figment(figment);
        // The errors found on the way are those that `from_figment` reports.
        let ignored = DiagnosticSink::default();
        let mut fields = Fields::new(config_sources.root_location(), config_sources.merged(&Self::tables()).ok()?, &ignored);
        let folder = folder("pages").take_from(&mut fields, "pages")?;
        Some((folder, read_sources(fields.table_or_empty("sources"))))
    }

    /// The files with secrets in them that every user of this machine may read.
    pub(crate) fn exposed_secrets(figment: &Figment) -> Vec<PathBuf> {
        ConfigSources::from_figment(figment)
            .merged(&Self::tables())
            .map_or_else(|_| Vec::new(), |entries| exposed_secrets(&entries))
    }

    /// The files of certificates that the settings name.
    pub(crate) fn certificate_files(figment: &Figment) -> Vec<CertificateFile> {
        ConfigSources::from_figment(figment)
            .merged(&Self::tables())
            .map_or_else(|_| Vec::new(), |entries| certificate_files(&entries))
    }

    /// The keys of the tables.
    fn tables() -> Vec<&'static str> {
        let tables = Self::rows().into_iter().filter(|row| !row.table.is_empty()).map(|row| row.key);
        tables.chain(["sources"]).collect()
    }

    /// The reference of all settings but `[sources]`.
    pub(crate) fn reference() -> Vec<SettingRow> {
        Self::rows()
    }
}

/// The people whom `groups` and `users` name.
fn audience() -> Setting<Audience> {
    let row = |key, values: &str, about: &str, example: &str| {
        let [default, values, about, example] = ["`[]`", values, about, example].map(str::to_owned);
        SettingRow { key, default, values, about, example, table: Vec::new() }
    };
    Setting::new(Audience::default(), "", "table", |fields, key| read_audience(fields.table(key)?)).with_keys(vec![
        row("groups", "list of groups", "The members of these groups, given by name, DN or SID.", "[\"dash-admins\"]"),
        row("users", "list of names", "These people.", "[\"alice\"]"),
    ])
}
