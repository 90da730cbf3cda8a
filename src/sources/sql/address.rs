use std::fmt;
use std::path::{Path, PathBuf};

use super::dialect::SqlDialect;
use crate::config::{PostgresUrl, Secret, SourceLocation, decode_url_part, is_this_machine, quote, resolve_path};

/// MySQL's port.
const MYSQL_PORT: u16 = 3306;

const EXAMPLES: &str =
    "write `postgres://USER:PASSWORD@HOST/DATABASE`, `mysql://USER:PASSWORD@HOST/DATABASE` or `sqlite:///srv/shop.db`";

const MYSQL_EXAMPLE: &str = "write it like `mysql://belvedere:PASSWORD@db.corp.example.com/shop`";

/// Where a database is, parsed from a URL. It shows itself without its password.
#[derive(Clone, Debug)]
pub(super) enum SqlAddress {
    Postgres(PostgresUrl),
    MySql(MySqlUrl),
    /// The file.
    Sqlite(PathBuf),
}

/// The URL of a MySQL or MariaDB database, parsed.
#[derive(Clone, Debug)]
pub(super) struct MySqlUrl {
    pub(super) server: MySqlServer,
    pub(super) user: String,
    pub(super) password: Option<Secret>,
    pub(super) database: String,
    /// Whether connections are encrypted, to a server whose certificate is verified.
    pub(super) tls: bool,
}

/// Where a MySQL server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum MySqlServer {
    Tcp(String, u16),
    Socket(PathBuf),
}

/// What is wrong with a URL, and the remedy. Neither shows a password.
type InvalidUrl = (String, String);

impl SqlAddress {
    /// Parses a URL that is written at this location, to which the path of a file is relative.
    ///
    /// # Errors
    /// Message and help, in which no password stands.
    pub(super) fn parse(url: &str, location: &SourceLocation) -> Result<Self, InvalidUrl> {
        let url = url.trim();
        let Some((scheme, rest)) = url.split_once(':') else {
            return Err(("this is no URL".to_owned(), EXAMPLES.to_owned()));
        };
        let unknown = |near: String| (format!("{} is no database that this can ask{near}", quote(scheme)), EXAMPLES.to_owned());
        match SqlDialect::of_scheme(scheme).map_err(unknown)? {
            SqlDialect::Postgres => PostgresUrl::parse(url).map(Self::Postgres),
            SqlDialect::MySql => MySqlUrl::parse(rest).map(Self::MySql),
            SqlDialect::Sqlite => sqlite_file(rest, location).map(Self::Sqlite),
        }
    }

    /// The language that is spoken there.
    pub(super) fn dialect(&self) -> SqlDialect {
        match self {
            Self::Postgres(_) => SqlDialect::Postgres,
            Self::MySql(_) => SqlDialect::MySql,
            Self::Sqlite(_) => SqlDialect::Sqlite,
        }
    }

    /// The parameter of the URL by which passwords and rows cross a network unencrypted, where they do.
    pub(super) fn exposing_parameter(&self) -> Option<&'static str> {
        match self {
            Self::Postgres(url) => url.is_exposed().then_some("sslmode=disable"),
            Self::MySql(url) => (!url.tls && !url.server.is_local()).then_some("ssl-mode=disabled"),
            Self::Sqlite(_) => None,
        }
    }

    /// The name of the server or file, for error messages.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Postgres(url) => url.hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            Self::MySql(url) => url.server.to_string(),
            Self::Sqlite(file) => file.display().to_string(),
        }
    }
}

/// The file of `sqlite:///srv/shop.db` or `sqlite://shop.db?mode=ro`, without the scheme.
fn sqlite_file(rest: &str, location: &SourceLocation) -> Result<PathBuf, InvalidUrl> {
    let path = rest.strip_prefix("//").unwrap_or(rest);
    let (path, parameters) = path.split_once('?').unwrap_or((path, ""));
    if !matches!(parameters, "" | "mode=ro") {
        return Err((
            "the URL has an unknown parameter".to_owned(),
            "`mode=ro` is the only one, and holds in any case".to_owned(),
        ));
    }
    if path.is_empty() || path.contains(":memory:") {
        return Err(("the URL names no file".to_owned(), "write `sqlite:///srv/shop.db`".to_owned()));
    }
    Ok(resolve_path(&decode_url_part(path)?, location))
}

impl MySqlUrl {
    /// Parses `//user:password@host:port/database?ssl-mode=verify_identity`.
    fn parse(rest: &str) -> Result<Self, InvalidUrl> {
        let wrong = |message: &str| (message.to_owned(), MYSQL_EXAMPLE.to_owned());
        let rest = rest.strip_prefix("//").ok_or_else(|| wrong("this is no URL"))?;
        let (location, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = location.split_once('/').unwrap_or((location, ""));
        let (user_info, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        if rest.contains('#') || user_info.contains('@') || database.contains(['/', '@']) || parameters.contains('@') {
            let help = "in a name or a password, @ is written `%40`, / is `%2F`, # is `%23` and ? is `%3F`";
            return Err(("the URL has a character that is out of place".to_owned(), help.to_owned()));
        }
        let (user, password) = user_info.split_once(':').map_or((user_info, None), |(user, password)| (user, Some(password)));
        let (user, database) = (decode_url_part(user)?, decode_url_part(database)?);
        for (what, value) in [("user", &user), ("database", &database)] {
            if value.is_empty() {
                return Err(wrong(&format!("the URL names no {what}")));
            }
        }
        let MySqlParameters { tls, socket } = MySqlParameters::parse(parameters)?;
        let server = match socket {
            Some(path) => MySqlServer::Socket(path),
            None => parse_server(host)?,
        };
        let tls = tls.unwrap_or_else(|| !server.is_local());
        let password = password.map(|password| decode_url_part(password).map(Secret::new)).transpose()?;
        Ok(Self { server, user, password, database, tls })
    }
}

impl MySqlServer {
    /// Whether it is on this machine, so that nothing crosses a network.
    fn is_local(&self) -> bool {
        match self {
            Self::Socket(_) => true,
            Self::Tcp(host, _) => is_this_machine(host),
        }
    }
}

impl fmt::Display for MySqlServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Socket(path) => write!(f, "{}", path.display()),
        }
    }
}

/// The parameters behind the `?`.
#[derive(Default)]
struct MySqlParameters {
    tls: Option<bool>,
    socket: Option<PathBuf>,
}

impl MySqlParameters {
    fn parse(text: &str) -> Result<Self, InvalidUrl> {
        let mut parameters = Self::default();
        for parameter in text.split('&').filter(|parameter| !parameter.is_empty()) {
            let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match (key, value.to_ascii_lowercase().replace('-', "_").as_str()) {
                // Who asks for encryption gets it with verification.
                ("ssl-mode" | "sslmode", "required" | "require" | "verify_ca" | "verify_identity" | "verify_full") => {
                    parameters.tls = Some(true);
                }
                ("ssl-mode" | "sslmode", "disabled" | "disable") => parameters.tls = Some(false),
                ("ssl-mode" | "sslmode", _) => {
                    let help =
                        "write `ssl-mode=verify_identity`, with `ca_file` for an authority of your own, or `ssl-mode=disabled`";
                    return Err(("`ssl-mode` cannot be that".to_owned(), help.to_owned()));
                }
                ("socket", _) => parameters.socket = Some(Path::new(&decode_url_part(value)?).to_owned()),
                // A password may stand in a parameter: its value is never shown.
                _ => {
                    let help = "those that may be there are `ssl-mode` and `socket`";
                    return Err((format!("the URL has the unknown parameter {}", quote(key)), help.to_owned()));
                }
            }
        }
        Ok(parameters)
    }
}

fn parse_server(text: &str) -> Result<MySqlServer, InvalidUrl> {
    let wrong = |message: &str| (message.to_owned(), MYSQL_EXAMPLE.to_owned());
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => (address, port.strip_prefix(':')),
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Ok(MYSQL_PORT), |port| port.parse().map_err(|_| wrong("the URL has a port that is no number")))?;
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control() || "@%,".contains(c)) {
        return Err(wrong("the URL names no host"));
    }
    Ok(MySqlServer::Tcp(host.to_owned(), port))
}
