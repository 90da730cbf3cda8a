use std::str::FromStr;

use rocket::http::RawStr;

use super::files;
use super::reader::Fields;
use super::secret::Secret;
use super::setting::Setting;

/// The standard ports of Redis, and of its Sentinels.
const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// The address of the bus, with what its server asks of clients.
#[derive(Clone, Debug)]
pub struct BusAddress {
    /// The server, or who knows it.
    pub servers: BusServers,
    /// Whether it speaks TLS (`rediss://`).
    pub tls: bool,
    /// The user of its access list; the server's default one where there is none.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// The number of the database.
    pub database: i64,
}

/// The server of the bus, or who knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BusServers {
    /// One server, by host and port.
    One(String, u16),
    /// Sentinels, by host and port, and the name under which they know the server that is master.
    Sentinels(Vec<(String, u16)>, String),
}

/// Why a text is no address of a bus. It names nothing of the text, in which a password may stand. No full stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBusAddress {
    /// It begins with something else.
    #[error("it begins neither with `redis://` nor with `rediss://`, `redis+sentinel://` or `rediss+sentinel://`")]
    Scheme,
    /// A host is missing, or is none.
    #[error("it names no host, or one that cannot be one")]
    Host,
    /// A port is no number.
    #[error("a port in it is no number from 1 to 65535")]
    Port,
    /// There is more than one host, and nobody to say which of them is the master.
    #[error("it names several hosts, which only Sentinels may be (`redis+sentinel://`)")]
    SeveralHosts,
    /// The name of the master is missing.
    #[error("the name by which the Sentinels know the master is missing at its end (`/mymaster`)")]
    Master,
    /// The database is no number.
    #[error("the database at its end is no number")]
    Database,
    /// User or password are not UTF-8 behind their percent signs.
    #[error("its user or password is not percent-encoded UTF-8")]
    UserInfo,
}

impl FromStr for BusAddress {
    type Err = InvalidBusAddress;

    fn from_str(text: &str) -> Result<Self, InvalidBusAddress> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(InvalidBusAddress::Scheme)?;
        let (tls, by_sentinels) = match scheme {
            "redis" => (false, false),
            "rediss" => (true, false),
            "redis+sentinel" => (false, true),
            "rediss+sentinel" => (true, true),
            _ => return Err(InvalidBusAddress::Scheme),
        };
        let (user_info, rest) = rest.rsplit_once('@').map_or((None, rest), |(info, rest)| (Some(info), rest));
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let port = if by_sentinels { SENTINEL_PORT } else { REDIS_PORT };
        let mut hosts = hosts.split(',').map(|host| host_and_port(host, port)).collect::<Result<Vec<_>, _>>()?;
        let (servers, database) = if by_sentinels {
            let (master, database) = path.split_once('/').unwrap_or((path, ""));
            if master.is_empty() {
                return Err(InvalidBusAddress::Master);
            }
            (BusServers::Sentinels(hosts, master.to_owned()), database)
        } else {
            let (host, port) = hosts.pop().ok_or(InvalidBusAddress::Host)?;
            if !hosts.is_empty() {
                return Err(InvalidBusAddress::SeveralHosts);
            }
            (BusServers::One(host, port), path)
        };
        let database = if database.is_empty() { Ok(0) } else { database.parse::<u16>().map(i64::from) };
        let (username, password) = user_info.map_or(Ok((None, None)), user_and_password)?;
        let database = database.map_err(|_| InvalidBusAddress::Database)?;
        Ok(Self { servers, tls, username, password: password.map(Secret::new), database })
    }
}

fn host_and_port(text: &str, standard: u16) -> Result<(String, u16), InvalidBusAddress> {
    // An IPv6 address stands in brackets, as in any URL.
    let (host, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || "/?#@".contains(c)) {
        return Err(InvalidBusAddress::Host);
    }
    let port = port.map_or(Ok(standard), str::parse).map_err(|_| InvalidBusAddress::Port)?;
    if port == 0 { Err(InvalidBusAddress::Port) } else { Ok((host.to_owned(), port)) }
}

fn user_and_password(text: &str) -> Result<(Option<String>, Option<String>), InvalidBusAddress> {
    let decode = |text: &str| {
        let decoded = RawStr::new(text).percent_decode().map_err(|_| InvalidBusAddress::UserInfo)?;
        Ok(Some(decoded.into_owned()).filter(|text| !text.is_empty()))
    };
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    Ok((decode(user)?, decode(password)?))
}

/// The address under this key, or in the file that `bus_file` names.
pub(crate) fn bus_address() -> Setting<Option<BusAddress>> {
    let read = |fields: &mut Fields<'_>, key| {
        let Some(found) = files::secret(fields, key, "bus_file")? else { return Some(None) };
        match found.value.expose().parse() {
            Ok(address) => Some(Some(address)),
            Err(error) => {
                let help = "`redis://host:6379`, with a password `redis://:password@host:6379`, over TLS `rediss://…`, or \
                            `redis+sentinel://host1:26379,host2:26379/mymaster`";
                fields.sink.report(&found.location, format!("`{key}` is no address of a bus: {error}"), help);
                None
            }
        }
    };
    let about = "A file with that address, which keeps its password out of the settings.";
    Setting::new(None, "none", "URL", read)
        .such_as("\"rediss://valkey.corp.example.com\"")
        .beside("bus_file", "path", about, "")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    fn parsed(text: &str) -> BusAddress {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_names_one_server_or_those_who_know_the_master() {
        let one = |host: &str, port| BusServers::One(host.to_owned(), port);
        assert_eq!(parsed("redis://valkey.corp").servers, one("valkey.corp", 6379));
        assert_eq!(parsed("redis://[::1]:7000/3").servers, one("::1", 7000));
        assert_eq!(parsed("redis://[::1]:7000/3").database, 3);
        let sentinels = parsed("rediss+sentinel://a,b:7,[::2]/main/1");
        let hosts = [("a", 26379), ("b", 7), ("::2", 26379)].map(|(host, port)| (host.to_owned(), port));
        assert_eq!(sentinels.servers, BusServers::Sentinels(hosts.to_vec(), "main".to_owned()));
        assert_eq!((sentinels.tls, sentinels.database), (true, 1));
    }

    #[test]
    fn user_and_password_may_have_any_character_and_the_password_is_never_shown() {
        let address = parsed("rediss://board:p%40ss%2Fw%3Aord@valkey.corp:6380");
        assert_eq!(address.username.as_deref(), Some("board"));
        assert_eq!(address.password.as_ref().unwrap().expose(), "p@ss/w:ord");
        assert!(!format!("{address:?}").contains("ss/w"));
        let without_user = parsed("redis://:secret@valkey.corp");
        assert_eq!((without_user.username, without_user.password.unwrap().expose()), (None, "secret"));
    }

    #[test]
    fn what_is_no_address_is_told_apart() {
        let fault = |text: &str| text.parse::<BusAddress>().unwrap_err();
        assert_eq!(fault("valkey.corp:6379"), InvalidBusAddress::Scheme);
        assert_eq!(fault("http://valkey.corp"), InvalidBusAddress::Scheme);
        assert_eq!(fault("redis://"), InvalidBusAddress::Host);
        assert_eq!(fault("redis://a b"), InvalidBusAddress::Host);
        assert_eq!(fault("redis://a:0"), InvalidBusAddress::Port);
        assert_eq!(fault("redis://a:port"), InvalidBusAddress::Port);
        assert_eq!(fault("redis://a,b"), InvalidBusAddress::SeveralHosts);
        assert_eq!(fault("redis+sentinel://a,b"), InvalidBusAddress::Master);
        assert_eq!(fault("redis://a/main"), InvalidBusAddress::Database);
        assert_eq!(fault("redis://%ff@a"), InvalidBusAddress::UserInfo);
    }
}
