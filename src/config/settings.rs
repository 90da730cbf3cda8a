use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;
use url::Url;
use zeroize::Zeroizing;

use super::account_settings::{AccountSettings, DigestSettings};
use super::api_auth_settings::{BasicSettings, JwtSettings, TokenSettings};
use super::directory_settings::{AdditionalDirectory, DirectorySettings};
use crate::domain::{Audience, DirectoryName, GroupRef, Person, TrustedProxies};

/// The longest session that is not refreshed, a working day: an account disabled at noon is out by the evening.
const DEFAULT_UNREFRESHED: Duration = Duration::from_hours(10);

/// The longest that somebody who was dismissed may go on looking.
const DEFAULT_REFRESH: Duration = Duration::from_mins(5);

/// The longest time without confirmation: a domain controller's reboot, and the time to notice that it is not back.
const DEFAULT_MAX_STALENESS: Duration = Duration::from_hours(1);

/// The default of `recent`: a coffee, and not a lunch, as whoever sits down at a browser left open is asked for the
/// password.
const DEFAULT_RECENT: Duration = Duration::from_mins(15);

/// The time that a factor counts: a working day, so that it is asked for each morning and not between two meetings.
const DEFAULT_REMEMBER: Duration = Duration::from_hours(12);

/// What an admin can set, settled. Rocket's own settings stay in Rocket's figment, and those of sources belong to their kinds.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder of page files.
    pub pages: PathBuf,
    /// The folder of all that must last: database, keys.
    pub state: PathBuf,
    /// A folder whose `templates/` and `static/` are laid over the built-in ones.
    pub overlay: Option<PathBuf>,
    /// How the site presents itself.
    pub site: SiteSettings,
    /// Who may see the admin page.
    pub admins: Audience,
    /// The default directory, for people who name no other.
    pub directory: DirectorySettings,
    /// Further directories, each by the name that pages know it by.
    pub directories: IndexMap<DirectoryName, AdditionalDirectory>,
    /// The program's own accounts.
    pub accounts: AccountSettings,
    /// Digest, for those of them that opted in.
    pub digest: DigestSettings,
    /// How long sessions last.
    pub sessions: SessionSettings,
    /// Who needs a second factor.
    pub second_factor: SecondFactorSettings,
    /// How much of the audit is kept.
    pub audit: AuditSettings,
    /// Basic authentication: name and password with every request.
    pub basic: BasicSettings,
    /// Personal API tokens.
    pub tokens: TokenSettings,
    /// Short-lived signed tokens (JWT).
    pub jwt: JwtSettings,
    /// The live channels.
    pub live: LiveSettings,
    /// The limits of connections: how many, and how long they may be silent.
    pub connections: ConnectionSettings,
    /// The program's own log.
    pub log: LogSettings,
    /// The program's metrics.
    pub metrics: MetricsSettings,
}

/// How the site presents itself.
#[derive(Clone, Debug)]
pub struct SiteSettings {
    /// Its name in the bar and in the titles.
    pub name: String,
    /// Whom a visitor should ask for help: a mail address or a few words.
    pub contact: Option<String>,
    /// The address browsers use, when a proxy stands in front: decides `Secure` cookies and the `Origin` check.
    pub public_url: Option<Url>,
    /// The proxies whose `X-Forwarded-For` says who asks.
    pub trusted_proxies: TrustedProxies,
    /// Its colours.
    pub theme: SiteTheme,
}

impl SiteSettings {
    /// The issuer in the tokens that the site signs (`iss`): the address that browsers use, or its name where there is
    /// none.
    pub fn issuer(&self) -> String {
        let address = self.public_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned());
        address.unwrap_or_else(|| self.name.clone())
    }
}

/// A theme: a handful of HSL numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct SiteTheme {
    /// The hue of grounds and lines, in degrees.
    pub hue: u16,
    /// The hue of links and buttons, in degrees.
    pub accent_hue: u16,
    /// The saturation of grounds and lines, in percent.
    pub saturation: u8,
}

/// A text that must not be shown. It wipes itself when dropped and never prints itself.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Keeps `text` secret.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How long sessions last.
#[derive(Clone, Debug)]
pub struct SessionSettings {
    /// A session unused for this long ends.
    pub idle: Duration,
    /// A session ends this long after sign-in, however busy.
    pub absolute: Duration,
    /// How long somebody stays signed in who asks for that at the sign-in, used or not; `None` when nobody may.
    pub stay: Option<Duration>,
    /// A session whose person cannot be read again, as there is no service account, ends this long after sign-in.
    pub unrefreshed: Duration,
    /// How often the directory is asked what became of the people who are signed in.
    pub refresh: Duration,
    /// How long a session is good when the directory cannot be asked.
    pub max_staleness: Duration,
    /// How long ago somebody may have authenticated for sensitive actions: administration, one's own tokens and
    /// factors.
    pub recent: Duration,
}

impl SessionSettings {
    /// Sessions of these lengths, with defaults for the rest.
    pub fn with_lifetimes(idle: Duration, absolute: Duration) -> Self {
        Self {
            idle,
            absolute,
            stay: None,
            unrefreshed: DEFAULT_UNREFRESHED.min(absolute),
            refresh: DEFAULT_REFRESH,
            max_staleness: DEFAULT_MAX_STALENESS,
            recent: DEFAULT_RECENT,
        }
    }

    /// The longest that any session may last, for its cookie; the session itself may end sooner.
    pub fn longest(&self) -> Duration {
        self.stay.map_or(self.absolute, |stay| stay.max(self.absolute))
    }
}

/// How much of the audit is kept, beside the log.
#[derive(Clone, Debug)]
pub struct AuditSettings {
    /// How long an event is kept.
    pub keep: Duration,
    /// How many are kept at most.
    pub most_rows: u64,
}

/// Who needs a second factor, beside the pages that say so themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondFactorSettings {
    /// Whether everybody does, wherever they must sign in.
    pub required: bool,
    /// Otherwise the members of these groups do.
    pub groups: Vec<GroupRef>,
    /// How long one counts after it was shown.
    pub remember: Duration,
}

impl SecondFactorSettings {
    /// Whether `person` needs one wherever they must sign in: by the settings, or by their account.
    pub fn required_for(&self, person: &Person) -> bool {
        let is_in = |wanted: &GroupRef| person.groups.iter().any(|group| wanted.matches(group, person));
        self.required || person.requires_second_factor() || self.groups.iter().any(is_in)
    }
}

impl Default for SecondFactorSettings {
    fn default() -> Self {
        Self { required: false, groups: Vec::new(), remember: DEFAULT_REMEMBER }
    }
}

/// The live channels.
#[derive(Clone, Debug)]
pub struct LiveSettings {
    /// How often an otherwise silent connection says that it is alive.
    pub heartbeat: Duration,
    /// The least time between two batches of a channel.
    pub batch_interval: Duration,
    /// How many batches a channel keeps for those who come back.
    pub ring: usize,
    /// How long a channel and its feeds go on when nobody watches.
    pub grace: Duration,
    /// How many may watch in all.
    pub most: usize,
    /// How many strangers among them from one address, or from one IPv6 network of 64 bits.
    pub per_address: usize,
    /// How many of them with one session or token.
    pub per_session: usize,
}

/// The limits of connections: how many, and how long they may be silent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// How many connections there may be in all; fewer where the system allows fewer open files.
    pub most: usize,
    /// How many of them from one address, or from one IPv6 network of 64 bits.
    pub per_address: usize,
    /// How long a new connection may take to send its request's head, TLS included.
    pub head_timeout: Duration,
    /// How long an idle connection is kept for its next request.
    pub idle_timeout: Duration,
    /// How long the body of a request may take.
    pub body_timeout: Duration,
}

/// The program's own log.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// How lines look.
    pub format: LogFormat,
    /// Which lines there are, in `tracing`'s filter language: `info`, `belvedere=debug`.
    pub filter: String,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// The program's metrics.
#[derive(Clone, Debug)]
pub struct MetricsSettings {
    /// The bearer token for `/metrics`; without one only admins read there.
    pub token: Option<Secret>,
}
