use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;
use rocket::figment::Figment;

use super::super::config_sources::Writings;
use super::super::diagnostic::Diagnostics;
use super::super::read_page::read_audience;
use super::super::reader::{Fields, Ledger};
use super::super::settings::{LogFormat, LogSettings, SessionSettings, Settings, SourceSettings};
use super::accounts::{read_accounts, read_digest};
use super::api_auth::{read_basic, read_signed, read_tokens};
use super::audit::read_audit;
use super::connections::read_connections;
use super::directory::{read_directories, read_directory};
use super::files::path;
use super::live::read_live;
use super::metrics::read_metrics;
use super::second_factor::read_second_factor;
use super::site::read_site;
use super::sources::read_sources;
use crate::domain::{Audience, SourceName};

/// Our tables. Outside a profile, figment would take them for profiles of that name and ignore them.
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
const ROCKETS: [&str; 18] = [
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

/// A working day and its edges: who signs in at eight is still in at seven in the evening, and not next morning.
const DEFAULT_IDLE: Duration = Duration::from_hours(12);

/// A week, so that nobody has to prove who they are more often than that, nor less.
const DEFAULT_ABSOLUTE: Duration = Duration::from_hours(24 * 7);

/// Asking more often than this would only load the directory.
const SHORTEST_REFRESH: Duration = Duration::from_secs(10);

/// Asking less often than this is hardly asking.
const LONGEST_REFRESH: Duration = Duration::from_hours(24);

/// Shorter sessions would end between two clicks.
const SHORTEST_SESSION: Duration = Duration::from_mins(1);

/// A session longer than a year is an account that nobody checks.
const LONGEST_SESSION: Duration = Duration::from_hours(24 * 365);

/// Our own story; of the libraries only what is wrong. Those that speak `log` have the target `library`.
const DEFAULT_FILTER: &str = "info,library=warn,sqlx=warn,ldap3=warn,ldap3_proto=warn,reqwest=warn";

impl Settings {
    /// Settles what `figment` holds in its selected profile. [`super::super::figment`] makes the usual one; nothing here
    /// depends on a file being there. Rocket's own settings are checked too, and stay in the figment.
    ///
    /// # Errors
    /// Every fault, each with its place (file, line and column, or the environment variable) and what would be right.
    pub fn from_figment(figment: &Figment) -> Result<Self, Diagnostics> {
        let writings = Writings::of(figment);
        let entries = writings.merged()?;
        let ledger = Ledger::default();
        if let Err(error) = figment.extract::<rocket::Config>() {
            error.into_iter().for_each(|error| ledger.add(writings.fault_of(&error)));
        }
        let mut fields = Fields::new(writings.whole(), entries, &ledger);
        fields.leave(&ROCKETS);
        let settings = read_settings(fields, &writings.folder());
        let faults = ledger.close();
        settings.filter(|_| faults.is_empty()).ok_or(faults)
    }

    /// What can be read for the pages out of settings that are faulty elsewhere. `None` when not even their folder can.
    pub fn for_pages(figment: &Figment) -> Option<PagesSettings> {
        let writings = Writings::of(figment);
        // The faults found on the way are those that `from_figment` tells of.
        let unheard = Ledger::default();
        let mut fields = Fields::new(writings.whole(), writings.merged().ok()?, &unheard);
        let default = writings.folder().join(DEFAULT_PAGES);
        let folder = fields.or("pages", default, |fields, key| path(fields, key).map(|path| path.value))?;
        Some(PagesSettings { folder, sources: read_sources(fields.table_or_empty("sources")) })
    }
}

/// What the pages need of the settings, so that one check finds the faults of both.
#[derive(Debug)]
pub struct PagesSettings {
    /// The folder of page files.
    pub folder: PathBuf,
    /// The named sources, unless one of them is faulty.
    pub sources: Option<IndexMap<SourceName, SourceSettings>>,
}

fn read_settings(mut fields: Fields<'_>, folder: &std::path::Path) -> Option<Settings> {
    let pages = path(&mut fields, "pages").map(|path| path.value);
    let state = path(&mut fields, "state").map(|path| path.value);
    let overlay = fields.or("overlay", None, |fields, key| path(fields, key).map(|path| Some(path.value)));
    let admins = fields.or("admins", Some(Audience::default()), |fields, key| fields.table(key).map(read_audience));
    let site = read_site(fields.table_or_empty("site"));
    let directory = read_directory(fields.table_or_empty("directory"));
    let directories = read_directories(fields.table_or_empty("directories"));
    let sources = read_sources(fields.table_or_empty("sources"));
    let accounts = read_accounts(fields.table_or_empty("accounts"));
    let digest = read_digest(fields.table_or_empty("digest"));
    let sessions = read_sessions(fields.table_or_empty("sessions"));
    let audit = read_audit(fields.table_or_empty("audit"));
    let second_factor = read_second_factor(fields.table_or_empty("second_factor"));
    let basic = read_basic(fields.table_or_empty("basic"));
    let tokens = read_tokens(fields.table_or_empty("tokens"));
    let signed_tokens = read_signed(fields.table_or_empty("jwt"));
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
        sources: sources?,
        accounts: accounts?,
        digest: digest?,
        sessions: sessions?,
        second_factor: second_factor?,
        audit: audit?,
        basic: basic?,
        tokens: tokens?,
        jwt: signed_tokens?,
        live: live?,
        connections: connections?,
        log: log?,
        metrics: metrics?,
    })
}

fn read_sessions(mut fields: Fields<'_>) -> Option<SessionSettings> {
    let range = SHORTEST_SESSION..=LONGEST_SESSION;
    let idle = fields.or("idle", None, |fields, key| fields.duration(key, range.clone()).map(Some));
    let absolute = fields.or("absolute", DEFAULT_ABSOLUTE, |fields, key| {
        fields.duration(key, range.clone()).map(|absolute| absolute.value)
    });
    let (idle, absolute) = (idle?, absolute?);
    if let Some(idle) = &idle
        && idle.value > absolute
    {
        let message = "`idle` is longer than `absolute`, so it could never be reached";
        fields.ledger.note(&idle.place, message, "write a shorter `idle` or a longer `absolute`");
    }
    let idle_is = idle.map_or(DEFAULT_IDLE.min(absolute), |idle| idle.value);
    let standard = SessionSettings::with_lifetimes(idle_is, absolute);
    let unrefreshed = fields.or("unrefreshed", standard.unrefreshed, |fields, key| {
        fields.duration(key, range.clone()).map(|unrefreshed| unrefreshed.value)
    });
    let refresh = fields.or("refresh", standard.refresh, |fields, key| {
        fields.duration(key, SHORTEST_REFRESH..=LONGEST_REFRESH).map(|refresh| refresh.value)
    });
    let max_staleness = fields.or("max_staleness", None, |fields, key| fields.duration(key, range.clone()).map(Some));
    let (refresh, max_staleness) = (refresh?, max_staleness?);
    if let Some(max_staleness) = &max_staleness
        && max_staleness.value < refresh * 2
    {
        let message =
            "`max_staleness` is shorter than two rounds of `refresh`, so one slow answer would shut people out";
        fields.ledger.note(&max_staleness.place, message, "write a longer `max_staleness` or a shorter `refresh`");
    }
    let stay = fields.or("stay", None, |fields, key| fields.duration(key, range.clone()).map(|stay| Some(stay.value)));
    let recent = fields
        .or("recent", standard.recent, |fields, key| fields.duration(key, range.clone()).map(|recent| recent.value));
    fields.finish();
    Some(SessionSettings {
        stay: stay?,
        recent: recent?,
        unrefreshed: unrefreshed?,
        refresh,
        max_staleness: max_staleness.map_or(standard.max_staleness.max(refresh * 2), |staleness| staleness.value),
        ..standard
    })
}

fn read_log(mut fields: Fields<'_>) -> Option<LogSettings> {
    let formats = [("auto", LogFormat::Auto), ("human", LogFormat::Human), ("json", LogFormat::Json)];
    let format =
        fields.or("format", LogFormat::Auto, |fields, key| fields.word(key, &formats).map(|format| format.value));
    let filter = fields.or("filter", DEFAULT_FILTER.to_owned(), |fields, key| {
        let filter = fields.placed_text(key)?;
        if let Err(error) = tracing_subscriber::EnvFilter::builder().parse(&filter.value) {
            let help = "write levels and targets with commas between them: `info,belvedere=debug`";
            fields.ledger.note(&filter.place, format!("`filter` cannot be read: {error}"), help);
            return None;
        }
        Some(filter.value)
    });
    fields.finish();
    Some(LogSettings { format: format?, filter: filter? })
}

impl Default for LogSettings {
    /// What `[log]` means when nothing is written, for commands that log before they have read any settings.
    fn default() -> Self {
        Self { format: LogFormat::Auto, filter: DEFAULT_FILTER.to_owned() }
    }
}
