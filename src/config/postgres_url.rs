use std::fmt;
use std::path::PathBuf;

use super::hints::{quote, suggest};
use super::secret::Secret;
use super::url_parts::{decode_url_part, is_this_machine};

/// PostgreSQL's port.
const POSTGRES_PORT: u16 = 5432;

/// The most hosts: each may cost a connection timeout before the next is tried.
const MAX_HOSTS: usize = 8;

const EXAMPLE: &str = "write it like `postgres://belvedere:PASSWORD@db.corp.example.com/belvedere`";

/// The parameters that may stand behind the `?`.
const PARAMETERS: [&str; 4] = ["sslmode", "host", "application_name", "target_session_attrs"];

/// The URL of a PostgreSQL database (libpq's connection URI), parsed. It shows itself without its password.
#[derive(Clone, Debug)]
pub struct PostgresUrl {
    /// The servers, in the order they are tried: one of them is the primary.
    pub hosts: Vec<PostgresHost>,
    /// The role.
    pub user: String,
    /// Its password.
    pub password: Option<Secret>,
    /// The database.
    pub database: String,
    /// Whether connections are encrypted, to servers whose certificates are verified.
    pub tls: bool,
    /// The name by which `pg_stat_activity` shows the connections.
    pub application_name: String,
}

/// Where a PostgreSQL server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostgresHost {
    /// A name or an address, and a port.
    Tcp(String, u16),
    /// The folder of a Unix socket, and the port in the socket's name.
    Socket(PathBuf, u16),
}

/// What is wrong with a URL, and the remedy. Neither shows more of it than names that are no secret.
type InvalidUrl = (String, String);

impl PostgresUrl {
    /// Parses `postgres://user:password@host:port,host:port/database?sslmode=verify-full`.
    ///
    /// # Errors
    /// Message and help, in which no password stands.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidUrl> {
        let Some((scheme, rest)) = text.trim().split_once("://") else {
            return Err(("this is no URL".to_owned(), EXAMPLE.to_owned()));
        };
        if !matches!(scheme, "postgres" | "postgresql") {
            let help = match scheme {
                "sqlite" | "file" => "leave `url` out: without it everything is kept in files, in the folder `state`",
                _ => EXAMPLE,
            };
            return Err((format!("{} is not a database that this can use", quote(scheme)), help.to_owned()));
        }
        if rest.contains('#') {
            return Err(percent("#", "%23"));
        }
        let (location, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        if parameters.contains('@') {
            // A question mark in a password ends what is before it.
            return Err(percent("?", "%3F"));
        }
        let (authority, database) = location.split_once('/').unwrap_or((location, ""));
        let (userinfo, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        if userinfo.contains('@') {
            return Err(percent("@", "%40"));
        }
        if database.contains(['/', '@']) {
            // A slash in a password ends what is before it.
            return Err(percent("/", "%2F"));
        }
        let (user, password) = userinfo.split_once(':').map_or((userinfo, None), |(user, password)| (user, Some(password)));
        let parameters = Parameters::parse(parameters)?;
        let hosts = parse_hosts(hosts, parameters.socket)?;
        let (user, database) = (decode_url_part(user)?, decode_url_part(database)?);
        for (what, value) in [("user", &user), ("database", &database)] {
            if value.is_empty() {
                return Err((format!("the URL names no {what}"), EXAMPLE.to_owned()));
            }
        }
        let tls = parameters.tls.unwrap_or_else(|| !hosts.iter().all(PostgresHost::is_local));
        if tls && hosts.iter().any(|host| matches!(host, PostgresHost::Socket(..))) {
            return Err(("a Unix socket has no TLS".to_owned(), "take `sslmode` out".to_owned()));
        }
        Ok(Self {
            hosts,
            user,
            password: password.map(|password| decode_url_part(password).map(Secret::new)).transpose()?,
            database,
            tls,
            application_name: parameters.application_name.unwrap_or_else(|| "belvedere".to_owned()),
        })
    }

    /// Whether passwords and rows cross a network unencrypted.
    pub fn is_exposed(&self) -> bool {
        !self.tls && !self.hosts.iter().all(PostgresHost::is_local)
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<_> = self.hosts.iter().map(ToString::to_string).collect();
        write!(f, "postgres://{}@{}/{}", self.user, hosts.join(","), self.database)
    }
}

impl PostgresHost {
    /// Whether it is on this machine, so that nothing crosses a network.
    fn is_local(&self) -> bool {
        match self {
            Self::Socket(..) => true,
            Self::Tcp(host, _) => is_this_machine(host),
        }
    }
}

impl fmt::Display for PostgresHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Socket(folder, _) => write!(f, "{}", folder.display()),
        }
    }
}

/// The parameters behind the `?`.
#[derive(Default)]
struct Parameters {
    tls: Option<bool>,
    socket: Option<PathBuf>,
    application_name: Option<String>,
}

impl Parameters {
    fn parse(text: &str) -> Result<Self, InvalidUrl> {
        let mut parameters = Self::default();
        for parameter in text.split('&').filter(|parameter| !parameter.is_empty()) {
            let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = decode_url_part(value)?;
            match key {
                "sslmode" => parameters.tls = Some(parse_ssl_mode(&value)?),
                "host" if value.starts_with('/') => parameters.socket = Some(PathBuf::from(value)),
                "host" => {
                    let help = "`host` names the folder of a Unix socket, as in `?host=/run/postgresql`; other hosts stand before the /";
                    return Err((format!("{} is not the folder of a socket", quote(&value)), help.to_owned()));
                }
                "application_name" => parameters.application_name = Some(value),
                "target_session_attrs" if matches!(value.as_str(), "read-write" | "primary") => {}
                "target_session_attrs" => {
                    let help = "take it out: of several hosts the one that can be written to is used in any case";
                    return Err((format!("`target_session_attrs` cannot be {}", quote(&value)), help.to_owned()));
                }
                // A password may stand in a parameter: its value is never shown.
                _ => return Err((format!("the URL has the unknown parameter {}", quote(key)), suggest(key, &PARAMETERS))),
            }
        }
        Ok(parameters)
    }
}

/// Whether a connection is encrypted. Whoever asks for encryption gets it with verification, without which it protects from
/// nobody who sits between.
fn parse_ssl_mode(mode: &str) -> Result<bool, InvalidUrl> {
    match mode {
        "verify-full" | "verify-ca" | "require" => Ok(true),
        "disable" => Ok(false),
        _ => {
            let help = "write `sslmode=verify-full`, with `ca_file` for an authority of your own, or `sslmode=disable`";
            Err((format!("`sslmode` cannot be {}", quote(mode)), help.to_owned()))
        }
    }
}

fn parse_hosts(text: &str, socket: Option<PathBuf>) -> Result<Vec<PostgresHost>, InvalidUrl> {
    if let Some(folder) = socket {
        // As libpq has it: `postgres://user@/database?host=/run/postgresql`, or with `:port` in the host's place.
        let port = if text.is_empty() { POSTGRES_PORT } else { parse_port(text.strip_prefix(':').unwrap_or(text))? };
        return Ok(vec![PostgresHost::Socket(folder, port)]);
    }
    let hosts = text.split(',').map(parse_host).collect::<Result<Vec<_>, _>>()?;
    if hosts.len() > MAX_HOSTS {
        return Err((format!("the URL names {} hosts", hosts.len()), format!("name at most {MAX_HOSTS}")));
    }
    Ok(hosts)
}

fn parse_host(text: &str) -> Result<PostgresHost, InvalidUrl> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, "")) => (address, None),
        Some((address, port)) => (address, port.strip_prefix(':')),
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Ok(POSTGRES_PORT), parse_port)?;
    let host = decode_url_part(host)?;
    if host.starts_with('/') {
        return Ok(PostgresHost::Socket(PathBuf::from(host), port));
    }
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control() || "@%".contains(c)) {
        return Err(("the URL names no host".to_owned(), EXAMPLE.to_owned()));
    }
    Ok(PostgresHost::Tcp(host, port))
}

fn parse_port(text: &str) -> Result<u16, InvalidUrl> {
    // What is no number may be a password whose name was forgotten.
    let invalid = || ("the URL has a port that is no number from 1 to 65535".to_owned(), EXAMPLE.to_owned());
    text.parse().ok().filter(|port| *port != 0).ok_or_else(invalid)
}

/// A character that a URL gives another meaning.
fn percent(character: &str, written: &str) -> InvalidUrl {
    let message = format!("the URL has a `{character}` that is out of place");
    (message, format!("in a name or a password it is written `{written}`"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parse(text: &str) -> PostgresUrl {
        PostgresUrl::parse(text).unwrap()
    }

    #[test]
    fn urls_of_databases_are_read_as_libpq_reads_them() {
        for (text, shown, tls) in [
            ("postgres://b:s3cret@db.corp.example.com/belvedere", "postgres://b@db.corp.example.com:5432/belvedere", true),
            ("postgresql://b@localhost:5433/x", "postgres://b@localhost:5433/x", false),
            ("postgres://b@[::1]/x?sslmode=require", "postgres://b@[::1]:5432/x", true),
            ("postgres://b@one:1,two/x?target_session_attrs=read-write", "postgres://b@one:1,two:5432/x", true),
            ("postgres://b@/x?host=/run/postgresql", "postgres://b@/run/postgresql/x", false),
            ("postgres://b@%2Frun%2Fpostgresql/x", "postgres://b@/run/postgresql/x", false),
            ("postgres://b@db/x?sslmode=disable", "postgres://b@db:5432/x", false),
        ] {
            let url = parse(text);
            assert_eq!((url.to_string().as_str(), url.tls), (shown, tls), "{text}");
        }
        let url = parse("postgres://b%40c:p%2Fw%40%25@db/x?application_name=north");
        assert_eq!((url.user.as_str(), url.password.as_ref().unwrap().expose()), ("b@c", "p/w@%"));
        assert_eq!(url.application_name, "north");
        assert!(parse("postgres://b@db/x?sslmode=disable").is_exposed());
        assert!(!parse("postgres://b@127.0.0.1/x").is_exposed() && !parse("postgres://b@db/x").is_exposed());
    }

    #[test]
    fn what_is_no_such_url_is_refused_with_a_remedy_and_without_its_password() {
        for (text, help) in [
            ("db.corp.example.com", "write it like"),
            ("sqlite:///var/hunter2.db", "leave `url` out"),
            ("mysql://b:hunter2@db/x", "write it like"),
            ("postgres://b:hunter2@db", "write it like"),
            ("postgres://:hunter2@db/x", "write it like"),
            ("postgres://b:hunter2@/x", "write it like"),
            ("postgres://b:hunter2@db:hunter2/x", "write it like"),
            ("postgres://b:hunter2@db:0/x", "write it like"),
            ("postgres://b:hunter2/4@db/x", "%2F"),
            ("postgres://b:hunter2@4@db/x", "%40"),
            ("postgres://b:hunter2#4@db/x", "%23"),
            ("postgres://b:hunter2?s3cret@db/x", "%3F"),
            ("postgres://b:hunter2%ff@db/x", "%25"),
            ("postgres://b:hunter2@db/x?sslmode=prefer", "verify-full"),
            ("postgres://b:hunter2@db/x?sslmod=disable", "`sslmode`"),
            ("postgres://b@db/x?password=hunter2", "write one of"),
            ("postgres://b:hunter2@db/x?target_session_attrs=any", "take it out"),
            ("postgres://b:hunter2@db/x?host=other", "socket"),
            ("postgres://b:hunter2@a,b,c,d,e,f,g,h,i/x", "at most 8"),
        ] {
            let (message, remedy) = PostgresUrl::parse(text).unwrap_err();
            assert!(remedy.contains(help), "{text}: {message}: {remedy}");
            assert!(!message.contains("hunter2") && !remedy.contains("hunter2"), "{text}: {message}: {remedy}");
        }
        assert!(!format!("{:?}", parse("postgres://b:hunter2@db/x")).contains("hunter2"));
    }
}
