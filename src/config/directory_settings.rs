use std::fmt;
use std::path::PathBuf;

use super::files::read_secret;
use crate::domain::Password;

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
    /// Its password, as it was at the start.
    pub password: Password,
    /// The file that the password was read from.
    pub password_file: Option<PathBuf>,
}

impl ServiceAccount {
    /// The account with the password that its file has now; as it is, where there is no file or no password in it.
    #[must_use]
    pub fn reread(&self) -> Self {
        let read = || Password::parse(read_secret(self.password_file.as_deref()?)?.expose().to_owned()).ok();
        Self { password: read().unwrap_or_else(|| self.password.clone()), ..self.clone() }
    }
}
