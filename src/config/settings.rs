use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;
use url::Url;
use zeroize::Zeroizing;

use crate::domain::{Audience, Password, Pattern, SourceName};

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
    /// The directory.
    pub directory: DirectorySettings,
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
pub struct DirectorySettings {
    /// The servers, tried in order. Never empty.
    pub servers: Vec<ServerAddress>,
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
    /// How long dialling one server may take, name look-up and TLS included.
    pub dial_timeout: Duration,
    /// How long one operation may take, from the request to its last answer.
    pub operation_timeout: Duration,
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
