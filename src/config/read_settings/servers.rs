use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use super::super::diagnostic::{LocationKind, SourceLocation};
use super::super::directory_settings::{DirectoryServers, DnsDiscovery, LdapScheme, ServerAddress};
use super::super::hints::quote;
use super::super::reader::{DiagnosticSink, Fields, Located};
use super::super::setting::Setting;
use super::super::tree::{ConfigNode, ConfigValue};
use super::super::value_name::ValueName;
use super::server_address::{is_discovery, is_loopback, read_discovery, read_server_address};

/// The most servers: each may cost a dial timeout before the next is tried.
const MAX_SERVERS: usize = 16;

/// The port of DNS (RFC 1035, 4.2).
const DNS_PORT: u16 = 53;

/// One URL, a list of them in the order they are tried, or a domain whose servers DNS knows.
pub(super) fn servers() -> Setting<DirectoryServers> {
    let about_site = "With `+srv` URLs: the Active Directory site whose servers come first.";
    Setting::new(DirectoryServers::Listed(Vec::new()), "required", "URL, or a list of up to 16", |fields, _| {
        read_servers(fields)
    })
    .always_read()
    .such_as("\"ldaps://dc1.corp.example.com\"")
    .beside("site", "text", about_site, "")
}

fn read_servers(fields: &mut Fields<'_>) -> Option<DirectoryServers> {
    let site = fields.optional("site", None, |fields, key| fields.located_string(key).map(Some))?;
    let sink = fields.sink;
    let Some(node) = fields.take("url") else {
        // Without a file, the settings as a whole are at no place in one.
        let message = match fields.location.kind() {
            LocationKind::Key(_) => format!("{}, and no directory is set, so nobody could sign in", no_settings_file()),
            _ => "no directory is set, so nobody could sign in".to_owned(),
        };
        sink.report(
            &fields.location,
            message,
            "set `url = \"ldaps://dc1.corp.example.com\"` beneath [default.directory], or the variable \
             BELVEDERE_DIRECTORY__URL; to look around without a directory, run `belvedere demo`",
        );
        return None;
    };
    let location = node.location.clone();
    let written = match node.parse_env_toml(sink)? {
        list @ ConfigNode { value: ConfigValue::Array(_), .. } => list
            .into_array("url", sink)?
            .value
            .into_iter()
            .map(|item| item.into_string(ValueName::ItemOf("url"), sink))
            .collect::<Option<Vec<_>>>()?,
        one => vec![one.into_string("url", sink)?],
    };
    if let [only] = written.as_slice()
        && is_discovery(&only.value)
    {
        let site = site.map(|site| site.value);
        return match read_discovery(&only.value, site) {
            Ok(discovery) => Some(DirectoryServers::Discovered(discovery)),
            Err((message, help)) => {
                sink.report(&only.location, message, help);
                None
            }
        };
    }
    if let Some(site) = site {
        let help = "it chooses among the servers that DNS knows: write `url = \"ldaps+srv://corp.example.com\"`";
        sink.report(&site.location, "`site` means nothing for servers that are listed", help);
    }
    read_list(&location, written, sink).map(DirectoryServers::Listed)
}

/// Says where no settings file was found.
fn no_settings_file() -> String {
    let name = std::env::var("ROCKET_CONFIG").unwrap_or_else(|_| "Rocket.toml".to_owned());
    let here = std::env::current_dir().unwrap_or_default();
    if Path::new(&name).is_absolute() {
        return format!("there is no {name}");
    }
    format!("there is no {name} in {}, nor in a folder above it", here.display())
}

fn read_list(location: &SourceLocation, written: Vec<Located<String>>, sink: &DiagnosticSink) -> Option<Vec<ServerAddress>> {
    if written.is_empty() || written.len() > MAX_SERVERS {
        let message = format!("`url` has {} servers", written.len());
        sink.report(location, message, format!("write 1 to {MAX_SERVERS}: `url = \"ldaps://dc1.corp.example.com\"`"));
        return None;
    }
    let mut servers = Vec::new();
    let mut valid = true;
    for text in written {
        if is_discovery(&text.value) {
            let help = "DNS names all of a domain's servers: write that URL alone, without a list";
            sink.report(&text.location, format!("{} stands in a list", quote(&text.value)), help);
            valid = false;
            continue;
        }
        match read_server_address(&text.value) {
            Ok(server) if servers.contains(&server) => {
                sink.report(&text.location, format!("{server} stands twice"), "a server is tried once: take one out");
                valid = false;
            }
            Ok(server) => servers.push(server),
            Err((message, help)) => {
                sink.report(&text.location, message, help);
                valid = false;
            }
        }
    }
    valid.then_some(servers)
}

/// The DNS servers to ask, each `address` or `address:port`.
pub(super) fn read_dns(fields: &mut Fields<'_>, key: &'static str) -> Option<Vec<SocketAddr>> {
    let read = |text: Located<String>| {
        let address = text.value.parse().or_else(|_| text.value.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, DNS_PORT)));
        if address.is_err() {
            let message = format!("{} is not the address of a DNS server", quote(&text.value));
            let help = "write an IP address, with a port if it is not 53: `dns = [\"10.0.0.53\"]`";
            fields.sink.report(&text.location, message, help);
        }
        address.ok()
    };
    let read: Vec<_> = fields.strings(key)?.value.into_iter().map(read).collect();
    read.into_iter().collect()
}

/// Passwords do not cross a network unencrypted, unless somebody insists.
pub(super) fn reject_plaintext(servers: &DirectoryServers, fields: &Fields<'_>) {
    let report = |index, to: &str, instead: &str, insist: &str| {
        let location = fields.item_location("url", index).unwrap_or_else(|| fields.location.clone());
        let message = format!("passwords would cross the network unencrypted to {to}");
        fields.sink.report(&location, message, format!("write `{instead}`, or add `start_tls = true`{insist}"));
    };
    match servers {
        DirectoryServers::Listed(servers) => {
            for (index, server) in servers.iter().enumerate() {
                if server.scheme == LdapScheme::Ldap && !is_loopback(server) {
                    let instead = format!("ldaps://{}", server.host);
                    report(index, &server.to_string(), &instead, "; `allow_plaintext = true` insists");
                }
            }
        }
        DirectoryServers::Discovered(DnsDiscovery { scheme: LdapScheme::Ldap, domain, .. }) => {
            report(0, &format!("the servers of {domain}"), &format!("ldaps+srv://{domain}"), "");
        }
        DirectoryServers::Discovered(_) => {}
    }
}
