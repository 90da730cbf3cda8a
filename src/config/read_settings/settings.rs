use std::path::PathBuf;
use std::time::Duration;

use rocket::figment::Figment;

use super::super::audience::read_audience;
use super::super::config_sources::ConfigSources;
use super::super::diagnostic::Diagnostics;
use super::super::reader::{DiagnosticSink, Fields};
use super::super::settings::{LogFormat, LogSettings, SessionSettings, Settings};
use super::accounts::{read_accounts, read_digest};
use super::api_auth::{read_basic, read_jwt, read_tokens};
use super::audit::read_audit;
use super::connections::read_connections;
use super::directory::{read_directories, read_directory};
use super::files::path;
use super::live::read_live;
use super::metrics::read_metrics;
use super::second_factor::read_second_factor;
use super::site::read_site;
use crate::domain::Audience;

/// The keys of this program's tables. Outside a profile, figment would take them for profiles of that name and ignore
/// them.
pub(in super::super) const TABLES: [&str; 17] = [
    "site",
    "admins",
    "directory",
    "directories",
    "sources",
    "accounts",
    "digest",
    "sessions",
    "second_factor",
    "basic",
    "tokens",
    "jwt",
    "live",
    "connections",
    "log",
    "metrics",
    "audit",
];

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

const DEFAULT_PAGES: &str = "pages";
const DEFAULT_STATE: &str = "state";

/// The idle time: a working day and its edges, so that who signs in at eight is in at seven, and not next morning.
const DEFAULT_IDLE: Duration = Duration::from_hours(12);

/// The longest session: a week, so that nobody authenticates more often than that, nor less.
const DEFAULT_ABSOLUTE: Duration = Duration::from_hours(24 * 7);

/// The shortest interval of refreshes: more of them would only load the directory.
const MIN_REFRESH: Duration = Duration::from_secs(10);

/// The longest interval of refreshes: less often than daily is hardly a refresh.
const MAX_REFRESH: Duration = Duration::from_hours(24);

/// The shortest session: a shorter one would end between two clicks.
const MIN_SESSION: Duration = Duration::from_mins(1);

/// The longest session that may be set: beyond a year it is an account that nobody checks.
const MAX_SESSION: Duration = Duration::from_hours(24 * 365);

/// The default of `log.filter`: this program's events, and warnings of libraries. Those that use `log` have the target
/// `library`.
const DEFAULT_FILTER: &str = "info,library=warn,sqlx=warn,ldap3=warn,ldap3_proto=warn,reqwest=warn";

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
        let entries = config_sources.merged()?;
        let sink = DiagnosticSink::default();
        if let Err(error) = figment.extract::<rocket::Config>() {
            error.into_iter().for_each(|error| sink.push(config_sources.diagnostic_for(&error)));
        }
        let mut fields = Fields::new(config_sources.root_location(), entries, &sink);
        fields.ignore(&ROCKET_KEYS);
        let sources = read_sources(fields.table_or_empty("sources"));
        let settings = read_settings(fields, &config_sources.base_folder());
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
        let mut fields = Fields::new(config_sources.root_location(), config_sources.merged().ok()?, &ignored);
        let default = config_sources.base_folder().join(DEFAULT_PAGES);
        let folder = fields.optional("pages", default, |fields, key| path(fields, key).map(|path| path.value))?;
        Some((folder, read_sources(fields.table_or_empty("sources"))))
    }
}

fn read_settings(mut fields: Fields<'_>, folder: &std::path::Path) -> Option<Settings> {
    let pages = path(&mut fields, "pages").map(|path| path.value);
    let state = path(&mut fields, "state").map(|path| path.value);
    let overlay = fields.optional("overlay", None, |fields, key| path(fields, key).map(|path| Some(path.value)));
    let admins = fields.optional("admins", Some(Audience::default()), |fields, key| fields.table(key).map(read_audience));
    let site = read_site(fields.table_or_empty("site"));
    let directory = read_directory(fields.table_or_empty("directory"));
    let directories = read_directories(fields.table_or_empty("directories"));
    let accounts = read_accounts(fields.table_or_empty("accounts"));
    let digest = read_digest(fields.table_or_empty("digest"));
    let sessions = read_sessions(fields.table_or_empty("sessions"));
    let audit = read_audit(fields.table_or_empty("audit"));
    let second_factor = read_second_factor(fields.table_or_empty("second_factor"));
    let basic = read_basic(fields.table_or_empty("basic"));
    let tokens = read_tokens(fields.table_or_empty("tokens"));
    let jwt = read_jwt(fields.table_or_empty("jwt"));
    let live = read_live(fields.table_or_empty("live"));
    let connections = read_connections(fields.table_or_empty("connections"));
    let log = read_log(fields.table_or_empty("log"));
    let metrics = read_metrics(fields.table_or_empty("metrics"));
    fields.finish();
    let or_default = |path: Option<PathBuf>, default: &str| path.unwrap_or_else(|| folder.join(default));
    Some(Settings {
        pages: or_default(pages, DEFAULT_PAGES),
        state: or_default(state, DEFAULT_STATE),
        overlay: overlay?,
        site: site?,
        admins: admins??,
        directory: directory?,
        directories: directories?,
        accounts: accounts?,
        digest: digest?,
        sessions: sessions?,
        second_factor: second_factor?,
        audit: audit?,
        basic: basic?,
        tokens: tokens?,
        jwt: jwt?,
        live: live?,
        connections: connections?,
        log: log?,
        metrics: metrics?,
    })
}

fn read_sessions(mut fields: Fields<'_>) -> Option<SessionSettings> {
    let range = MIN_SESSION..=MAX_SESSION;
    let idle = fields.optional("idle", None, |fields, key| fields.duration(key, range.clone()).map(Some));
    let absolute = fields.optional("absolute", DEFAULT_ABSOLUTE, |fields, key| {
        fields.duration(key, range.clone()).map(|absolute| absolute.value)
    });
    let (idle, absolute) = (idle?, absolute?);
    if let Some(idle) = &idle
        && idle.value > absolute
    {
        let message = "`idle` is longer than `absolute`, so it could never be reached";
        fields.sink.report(&idle.location, message, "write a shorter `idle` or a longer `absolute`");
    }
    let effective_idle = idle.map_or(DEFAULT_IDLE.min(absolute), |idle| idle.value);
    let defaults = SessionSettings::with_lifetimes(effective_idle, absolute);
    let unrefreshed = fields.optional("unrefreshed", defaults.unrefreshed, |fields, key| {
        fields.duration(key, range.clone()).map(|unrefreshed| unrefreshed.value)
    });
    let refresh = fields.optional("refresh", defaults.refresh, |fields, key| {
        fields.duration(key, MIN_REFRESH..=MAX_REFRESH).map(|refresh| refresh.value)
    });
    let max_staleness = fields.optional("max_staleness", None, |fields, key| fields.duration(key, range.clone()).map(Some));
    let (refresh, max_staleness) = (refresh?, max_staleness?);
    if let Some(max_staleness) = &max_staleness
        && max_staleness.value < refresh * 2
    {
        let message = "`max_staleness` is shorter than two rounds of `refresh`, so one slow answer would shut people out";
        fields.sink.report(&max_staleness.location, message, "write a longer `max_staleness` or a shorter `refresh`");
    }
    let stay = fields.optional("stay", None, |fields, key| fields.duration(key, range.clone()).map(|stay| Some(stay.value)));
    let recent = fields
        .optional("recent", defaults.recent, |fields, key| fields.duration(key, range.clone()).map(|recent| recent.value));
    fields.finish();
    Some(SessionSettings {
        stay: stay?,
        recent: recent?,
        unrefreshed: unrefreshed?,
        refresh,
        max_staleness: max_staleness.map_or(defaults.max_staleness.max(refresh * 2), |staleness| staleness.value),
        ..defaults
    })
}

fn read_log(mut fields: Fields<'_>) -> Option<LogSettings> {
    let formats = [("auto", LogFormat::Auto), ("human", LogFormat::Human), ("json", LogFormat::Json)];
    let format =
        fields.optional("format", LogFormat::Auto, |fields, key| fields.enumeration(key, &formats).map(|format| format.value));
    let filter = fields.optional("filter", DEFAULT_FILTER.to_owned(), |fields, key| {
        let filter = fields.located_string(key)?;
        if let Err(error) = tracing_subscriber::EnvFilter::builder().parse(&filter.value) {
            let help = "write levels and targets with commas between them: `info,belvedere=debug`";
            fields.sink.report(&filter.location, format!("`filter` cannot be read: {error}"), help);
            return None;
        }
        Some(filter.value)
    });
    fields.finish();
    Some(LogSettings { format: format?, filter: filter? })
}

impl Default for LogSettings {
    /// The defaults of `[log]`, for commands that log before they have read any settings.
    fn default() -> Self {
        Self { format: LogFormat::Auto, filter: DEFAULT_FILTER.to_owned() }
    }
}
