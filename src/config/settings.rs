use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;
use url::Url;
use zeroize::Zeroizing;

use crate::domain::{Audience, DirectoryName, Password, Pattern, SourceName};

/// Name look-up, TCP and TLS on a slow line; a dead server must not hold up a sign-in for longer.
const DEFAULT_DIAL_TIMEOUT: Duration = Duration::from_secs(2);

/// A search in a large domain, with room to spare; beyond this people take it for broken.
const DEFAULT_OPERATION_TIMEOUT: Duration = Duration::from_secs(5);

/// A working day: whose account was disabled at noon is out by the evening, even where nobody can ask about them.
const DEFAULT_UNREFRESHED: Duration = Duration::from_hours(10);

/// So long, at most, may somebody who was dismissed go on looking.
const DEFAULT_REFRESH: Duration = Duration::from_mins(5);

/// A domain controller's reboot, and the time to notice that it did not come back.
const DEFAULT_MAX_STALENESS: Duration = Duration::from_hours(1);

/// Sixteen binds at the same time are some thousand a second; a domain controller allows 5,000 connections.
const DEFAULT_CONNECTIONS: usize = 16;

/// A week, so that nobody's password runs out over a holiday weekend unannounced.
const DEFAULT_PASSWORD_WARNING: Duration = Duration::from_hours(7 * 24);

/// Everything an admin can set, settled. Rocket's own settings stay in Rocket's figment.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder of page files.
    pub pages: PathBuf,
    /// The folder of what must last.
    pub state: PathBuf,
    /// A folder whose `templates/` and `static/` are laid over the built-in ones.
    pub overlay: Option<PathBuf>,
    /// How the site presents itself.
    pub site: SiteSettings,
    /// Who may see the admin page.
    pub admins: Audience,
    /// The directory that people belong to who name no other.
    pub directory: DirectorySettings,
    /// Further directories, each by the name that pages know it by.
    pub directories: IndexMap<DirectoryName, FurtherDirectory>,
    /// The named sources, in the order written. `host` and `clock` are always there and not listed.
    pub sources: IndexMap<SourceName, SourceSettings>,
    /// How long sessions last.
    pub sessions: SessionSettings,
    /// The live channels.
    pub live: LiveSettings,
    /// The program's own log.
    pub log: LogSettings,
    /// The program's own figures.
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
    /// Its colours.
    pub theme: Theme,
}

/// A theme: a handful of HSL numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    /// The hue of grounds and lines, in degrees.
    pub hue: u16,
    /// The hue of links and buttons, in degrees.
    pub accent_hue: u16,
    /// The saturation of grounds and lines, in percent.
    pub saturation: u8,
}

/// Where the directory is and how to ask it.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own that an admin writes as true or false")]
pub struct DirectorySettings {
    /// The servers.
    pub servers: Servers,
    /// The DNS servers to ask instead of the system's. Empty for the system's.
    pub dns: Vec<SocketAddr>,
    /// Whether `ldap://` connections are turned into TLS before anything is said (RFC 4511, 4.14).
    pub start_tls: bool,
    /// PEM certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether plain LDAP may leave this machine.
    pub allow_plaintext: bool,
    /// The account that searches; without one, people search as themselves.
    pub service_account: Option<ServiceAccount>,
    /// What kind of directory it is; found out from its RootDSE when `None`.
    pub kind: Option<DirectoryKind>,
    /// Where searches begin; found out from the RootDSE when `None`.
    pub base_dn: Option<String>,
    /// Which entries are people, as an LDAP filter with `{username}` where the escaped name goes.
    pub person_filter: Option<String>,
    /// Which entries are groups that list members, as an LDAP filter with `{dn}` and `{username}`.
    pub group_filter: Option<String>,
    /// Whether a mail address is a name to sign in with. Off by default, as people may often set their own.
    pub sign_in_by_mail: bool,
    /// Whether people may change their password here.
    pub password_change: bool,
    /// How long before its end somebody is told that their password expires.
    pub password_warning: Duration,
    /// How many connections are kept for searches, and as many again for checking passwords.
    pub connections: usize,
    /// How long dialling one server may take, name look-up and TLS included.
    pub dial_timeout: Duration,
    /// How long one question may take as a whole: the wait for a connection, every dial, every operation.
    pub operation_timeout: Duration,
}

/// A directory beside the default one.
#[derive(Clone, Debug)]
pub struct FurtherDirectory {
    /// The domain names and principal suffixes whose people it has (`BRAND`, `brand.example`). Never empty; no two
    /// directories share one.
    pub domains: Vec<String>,
    /// Where it is and how to ask it.
    pub settings: DirectorySettings,
}

/// The servers of one directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Servers {
    /// These, tried in order. Never empty.
    Listed(Vec<ServerAddress>),
    /// Those that DNS names for a domain (RFC 2782).
    Discovered(Discovery),
}

impl Servers {
    /// The servers that are listed; none when DNS names them.
    pub fn listed(&self) -> &[ServerAddress] {
        match self {
            Self::Listed(servers) => servers,
            Self::Discovered(_) => &[],
        }
    }
}

/// A domain whose servers DNS knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// How its servers are spoken to.
    pub scheme: Scheme,
    /// `corp.example.com`.
    pub domain: String,
    /// The site whose controllers come first (MS-ADTS 6.3.2.3).
    pub site: Option<String>,
}

impl DirectorySettings {
    /// What is meant when nothing but `servers` is written.
    pub fn of(servers: Servers) -> Self {
        Self {
            servers,
            dns: Vec::new(),
            start_tls: false,
            ca_file: None,
            allow_plaintext: false,
            service_account: None,
            kind: None,
            base_dn: None,
            person_filter: None,
            group_filter: None,
            sign_in_by_mail: false,
            password_change: true,
            password_warning: DEFAULT_PASSWORD_WARNING,
            connections: DEFAULT_CONNECTIONS,
            dial_timeout: DEFAULT_DIAL_TIMEOUT,
            operation_timeout: DEFAULT_OPERATION_TIMEOUT,
        }
    }
}

/// What kind of directory it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectoryKind {
    /// Active Directory, Microsoft's or Samba's.
    ActiveDirectory,
    /// Any other LDAPv3 server.
    Ldap,
}

/// One directory server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress {
    /// `ldap` or `ldaps`.
    pub scheme: Scheme,
    /// A name or an IP address, without brackets.
    pub host: String,
    /// 389 and 636 when not written.
    pub port: u16,
}

/// Whether TLS is there from the first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain, or StartTLS.
    Ldap,
    /// TLS from the first byte.
    Ldaps,
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Ldap => "ldap",
            Scheme::Ldaps => "ldaps",
        };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

/// The account that searches.
#[derive(Clone, Debug)]
pub struct ServiceAccount {
    /// A DN, a principal name or `DOMAIN\name`.
    pub name: String,
    /// Its password.
    pub password: Password,
}

/// A source that an admin named.
#[derive(Clone, Debug)]
pub enum SourceSettings {
    /// A URL that answers JSON.
    Http(HttpSource),
}

/// A URL that answers JSON.
#[derive(Clone, Debug)]
pub struct HttpSource {
    /// The URL, with placeholders for inputs in its path or query; its scheme and host have none.
    pub url: Pattern,
    /// Headers sent with every request. Values may be secrets.
    pub headers: Vec<(String, Secret)>,
    /// PEM certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// How long a request may take, from the dial to the last byte.
    pub timeout: Duration,
    /// How large an answer may be.
    pub max_bytes: usize,
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
    /// A session whose person cannot be read again, as there is no service account, ends this long after sign-in.
    pub unrefreshed: Duration,
    /// How often the directory is asked what became of the people who are signed in.
    pub refresh: Duration,
    /// How long a session is good when the directory cannot be asked.
    pub max_staleness: Duration,
}

impl SessionSettings {
    /// Sessions of these lengths, and the usual rest.
    pub fn lasting(idle: Duration, absolute: Duration) -> Self {
        Self {
            idle,
            absolute,
            unrefreshed: DEFAULT_UNREFRESHED.min(absolute),
            refresh: DEFAULT_REFRESH,
            max_staleness: DEFAULT_MAX_STALENESS,
        }
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

/// The program's own figures.
#[derive(Clone, Debug)]
pub struct MetricsSettings {
    /// What a monitoring system shows at `/metrics`; without one only admins read there.
    pub token: Option<Secret>,
}
