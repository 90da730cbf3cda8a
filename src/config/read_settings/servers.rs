use std::net::{IpAddr, SocketAddr};

use super::super::diagnostic::SourceLocation;
use super::super::directory_settings::{DirectoryServers, DnsDiscovery, LdapScheme, ServerAddress};
use super::super::hints::shown;
use super::super::reader::{Fields, Ledger, Placed};
use super::super::tree::{Node, Value};
use super::server_address::{is_discovery, is_loopback, read_discovery, read_server_address};

/// Each may cost a dial time-out before the next is tried.
const MOST_SERVERS: usize = 16;

/// RFC 1035, 4.2.
const DNS_PORT: u16 = 53;

/// Servers with the places they were written at.
pub(super) enum Written {
    Listed(Vec<Placed<ServerAddress>>),
    Discovered(Placed<DnsDiscovery>),
}

impl Written {
    /// Passwords do not cross a network unencrypted, unless somebody insists.
    pub(super) fn refuse_plaintext(&self, ledger: &Ledger) {
        match self {
            Self::Listed(servers) => servers.iter().for_each(|server| refuse_plaintext(server, ledger)),
            Self::Discovered(Placed { value, place }) if value.scheme == LdapScheme::Ldap => {
                let message =
                    format!("passwords would cross the network unencrypted to the servers of {}", value.domain);
                let help = format!("write `ldaps+srv://{}`, or add `start_tls = true`", value.domain);
                ledger.note(place, message, help);
            }
            Self::Discovered(_) => {}
        }
    }

    pub(super) fn value(self) -> DirectoryServers {
        match self {
            Self::Listed(servers) => DirectoryServers::Listed(servers.into_iter().map(|server| server.value).collect()),
            Self::Discovered(discovery) => DirectoryServers::Discovered(discovery.value),
        }
    }
}

/// One URL, a list of them in the order they are tried, or a domain whose servers DNS knows.
pub(super) fn read_servers(fields: &mut Fields<'_>, site: Option<Placed<String>>) -> Option<Written> {
    let ledger = fields.ledger;
    let Some(node) = fields.take("url") else {
        ledger.note(
            &fields.place,
            "no directory is set, so nobody could sign in",
            "set `url = \"ldaps://dc1.corp.example.com\"` beneath [default.directory], or the variable \
             BELVEDERE_DIRECTORY__URL; to look around without a directory, run `belvedere demo`",
        );
        return None;
    };
    let place = node.place.clone();
    let written = match node.opened(ledger)? {
        list @ Node { value: Value::List(_), .. } => list
            .list("url", ledger)?
            .value
            .into_iter()
            .map(|item| item.text("url", ledger))
            .collect::<Option<Vec<_>>>()?,
        one => vec![one.text("url", ledger)?],
    };
    if let [only] = written.as_slice()
        && is_discovery(&only.value)
    {
        let site = site.map(|site| site.value);
        return match read_discovery(&only.value, site) {
            Ok(value) => Some(Written::Discovered(Placed { value, place: only.place.clone() })),
            Err((message, help)) => {
                ledger.note(&only.place, message, help);
                None
            }
        };
    }
    if let Some(site) = site {
        let help = "it chooses among the servers that DNS knows: write `url = \"ldaps+srv://corp.example.com\"`";
        ledger.note(&site.place, "`site` means nothing for servers that are listed", help);
    }
    read_list(&place, written, ledger).map(Written::Listed)
}

fn read_list(
    place: &SourceLocation,
    written: Vec<Placed<String>>,
    ledger: &Ledger,
) -> Option<Vec<Placed<ServerAddress>>> {
    if written.is_empty() || written.len() > MOST_SERVERS {
        let message = format!("`url` has {} servers", written.len());
        ledger.note(place, message, format!("write 1 to {MOST_SERVERS}: `url = \"ldaps://dc1.corp.example.com\"`"));
        return None;
    }
    let mut servers: Vec<Placed<ServerAddress>> = Vec::new();
    let mut sound = true;
    for text in written {
        if is_discovery(&text.value) {
            let help = "DNS names all of a domain's servers: write that URL alone, without a list";
            ledger.note(&text.place, format!("{} stands in a list", shown(&text.value)), help);
            sound = false;
            continue;
        }
        match read_server_address(&text.value) {
            Ok(server) if servers.iter().any(|earlier| earlier.value == server) => {
                ledger.note(&text.place, format!("{server} stands twice"), "a server is tried once: take one out");
                sound = false;
            }
            Ok(value) => servers.push(Placed { value, place: text.place }),
            Err((message, help)) => {
                ledger.note(&text.place, message, help);
                sound = false;
            }
        }
    }
    sound.then_some(servers)
}

/// The DNS servers to ask, each `address` or `address:port`.
pub(super) fn read_dns(written: Vec<Placed<String>>, ledger: &Ledger) -> Option<Vec<SocketAddr>> {
    let read = |text: Placed<String>| {
        let address =
            text.value.parse().or_else(|_| text.value.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, DNS_PORT)));
        if address.is_err() {
            let message = format!("{} is not the address of a DNS server", shown(&text.value));
            ledger.note(
                &text.place,
                message,
                "write an IP address, with a port if it is not 53: `dns = [\"10.0.0.53\"]`",
            );
        }
        address.ok()
    };
    let read: Vec<_> = written.into_iter().map(read).collect();
    read.into_iter().collect()
}

/// Passwords do not cross a network unencrypted, unless somebody insists.
fn refuse_plaintext(server: &Placed<ServerAddress>, ledger: &Ledger) {
    if server.value.scheme == LdapScheme::Ldap && !is_loopback(&server.value) {
        ledger.note(
            &server.place,
            format!("passwords would cross the network unencrypted to {}", server.value),
            format!(
                "write `ldaps://{}`, or add `start_tls = true`; `allow_plaintext = true` insists",
                server.value.host
            ),
        );
    }
}
