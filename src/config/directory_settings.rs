use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::filter_template::FilterTemplate;
use crate::domain::Password;

/// The time for name look-up, TCP and TLS on a slow line; a dead server must not hold up a sign-in for longer.
const DEFAULT_DIAL_TIMEOUT: Duration = Duration::from_secs(2);

/// The time for a search in a large domain, with room to spare; beyond this people take it for broken.
const DEFAULT_OPERATION_TIMEOUT: Duration = Duration::from_secs(5);

/// The connections of a pool: sixteen concurrent binds are some thousand a second; a domain controller allows 5,000.
const DEFAULT_CONNECTIONS: usize = 16;

/// The time to warn of a password's end: a week, so that none runs out over a holiday weekend unannounced.
const DEFAULT_PASSWORD_WARNING: Duration = Duration::from_hours(7 * 24);

/// The settings of one directory: where it is and how to query it.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own that an admin writes as true or false")]
pub struct DirectorySettings {
    /// The servers.
    pub servers: DirectoryServers,
    /// The DNS servers to ask instead of the system's. Empty for the system's.
    pub dns: Vec<SocketAddr>,
    /// Whether `ldap://` connections begin with StartTLS (RFC 4511, 4.14).
    pub start_tls: bool,
    /// PEM certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether plain LDAP may leave this machine.
    pub allow_plaintext: bool,
    /// The account that searches; without one, people search as themselves.
    pub service_account: Option<ServiceAccount>,
    /// The kind of directory; found out from its RootDSE when `None`.
    pub kind: Option<DirectoryKind>,
    /// Where searches begin; found out from the RootDSE when `None`.
    pub base_dn: Option<String>,
    /// Which entries are people, as an LDAP filter with `{username}` where the escaped name goes.
    pub person_filter: Option<FilterTemplate>,
    /// Which entries are groups that list members, as an LDAP filter with `{dn}` and `{username}`.
    pub group_filter: Option<FilterTemplate>,
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
    /// How long one operation may take as a whole: the wait for a connection, every dial, every request.
    pub operation_timeout: Duration,
}

/// A directory beside the default one.
#[derive(Clone, Debug)]
pub struct AdditionalDirectory {
    /// The domain names and principal suffixes whose people it has (`BRAND`, `brand.example`). Never empty; no two
    /// directories share one.
    pub domains: Vec<String>,
    /// Where it is and how to query it.
    pub settings: DirectorySettings,
}

/// The servers of one directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DirectoryServers {
    /// These, tried in order. Never empty.
    Listed(Vec<ServerAddress>),
    /// Those that DNS names for a domain.
    Discovered(DnsDiscovery),
}

impl DirectoryServers {
    /// The servers that are listed; none when DNS names them.
    pub fn listed(&self) -> &[ServerAddress] {
        match self {
            Self::Listed(servers) => servers,
            Self::Discovered(_) => &[],
        }
    }
}

/// A domain whose servers are found by DNS SRV records (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsDiscovery {
    /// The scheme of its servers.
    pub scheme: LdapScheme,
    /// `corp.example.com`.
    pub domain: String,
    /// The site whose controllers come first (MS-ADTS 6.3.2.3).
    pub site: Option<String>,
}

impl DirectorySettings {
    /// The defaults, with these servers.
    pub fn with_servers(servers: DirectoryServers) -> Self {
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

/// The kind of a directory.
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
    pub scheme: LdapScheme,
    /// A name or an IP address, without brackets.
    pub host: String,
    /// 389 and 636 when not written.
    pub port: u16,
}

/// Whether TLS is there from the first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LdapScheme {
    /// Plain, or StartTLS.
    Ldap,
    /// TLS from the first byte.
    Ldaps,
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            LdapScheme::Ldap => "ldap",
            LdapScheme::Ldaps => "ldaps",
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
