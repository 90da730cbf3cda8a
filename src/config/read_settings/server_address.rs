use std::net::IpAddr;

use url::Url;

use super::super::directory_settings::{DnsDiscovery, LdapScheme, ServerAddress};
use super::super::hints::{has_userinfo, quote};
use super::super::url_parts::is_this_machine;

const LDAP_PORT: u16 = 389;
const LDAPS_PORT: u16 = 636;

const EXAMPLE: &str = "write it like `ldaps://dc1.corp.example.com` or `ldaps://dc1.corp.example.com:636`";

/// Reads `ldaps://dc1.corp.example.com`, `ldap://[::1]:3389`.
///
/// # Errors
/// Message and help. The text is quoted only when no password can be in it.
pub(super) fn read_server_address(text: &str) -> Result<ServerAddress, (String, String)> {
    let text = text.trim();
    if has_userinfo(text) || text.contains('@') {
        let message = "the URL has a user in it".to_owned();
        return Err((message, "name the account under `bind_name` and `bind_password_file`, not in the URL".to_owned()));
    }
    if text.matches("://").count() > 1 || text.contains(char::is_whitespace) {
        let message = format!("{} is not one URL", quote(text));
        return Err((
            message,
            "write several as a list: `url = [\"ldaps://dc1.corp.example.com\", \"ldaps://dc2…\"]`".to_owned(),
        ));
    }
    let Ok(url) = Url::parse(text) else {
        let help =
            if text.contains("://") { EXAMPLE.to_owned() } else { format!("write the scheme before it: `ldaps://{text}`") };
        return Err((format!("{} is not a URL", quote(text)), help));
    };
    let scheme = match url.scheme() {
        "ldap" => LdapScheme::Ldap,
        "ldaps" => LdapScheme::Ldaps,
        _ => {
            return Err((
                format!("{} is not an LDAP URL", quote(text)),
                format!("it begins with ldaps:// or ldap://; {EXAMPLE}"),
            ));
        }
    };
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() || !host.is_ascii() || host.contains('%') {
        return Err((format!("{} names no host", quote(text)), format!("the host is a DNS name or an IP address; {EXAMPLE}")));
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        let help = format!("where to search is said by `base_dn`; {EXAMPLE}");
        return Err((format!("{} has something behind its host", quote(text)), help));
    }
    if url.port() == Some(0) {
        return Err((format!("{} has the port 0", quote(text)), "leave the port out, or write the server's".to_owned()));
    }
    let default_port = match scheme {
        LdapScheme::Ldap => LDAP_PORT,
        LdapScheme::Ldaps => LDAPS_PORT,
    };
    Ok(ServerAddress { scheme, host: host.to_owned(), port: url.port().unwrap_or(default_port) })
}

/// Whether `text` is a discovery URL, which leaves it to DNS which servers there are.
pub(super) fn is_discovery(text: &str) -> bool {
    let scheme = text.trim().split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    matches!(scheme.as_deref(), Some("ldap+srv" | "ldaps+srv"))
}

/// Reads `ldaps+srv://corp.example.com`.
///
/// # Errors
/// Message and help.
pub(super) fn read_discovery(text: &str, site: Option<String>) -> Result<DnsDiscovery, (String, String)> {
    const HELP: &str = "write the domain alone, as in `ldaps+srv://corp.example.com`: DNS names servers and ports";
    let plain = text.trim().to_ascii_lowercase().replacen("+srv://", "://", 1);
    let ServerAddress { scheme, host, port } = read_server_address(&plain)?;
    let default_port = if scheme == LdapScheme::Ldaps { LDAPS_PORT } else { LDAP_PORT };
    // A port that is written is gone from a URL when it is the scheme's own; the colon is not.
    if port != default_port || plain.splitn(3, ':').nth(2).is_some() {
        return Err((format!("{} has a port", quote(text)), HELP.to_owned()));
    }
    if host.parse::<IpAddr>().is_ok() || !host.contains('.') {
        return Err((format!("{} names no domain", quote(text)), HELP.to_owned()));
    }
    Ok(DnsDiscovery { scheme, domain: host.trim_end_matches('.').to_owned(), site })
}

/// Whether the server is on this machine, so that no password crosses a network.
pub(super) fn is_loopback(address: &ServerAddress) -> bool {
    is_this_machine(&address.host)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_may_stand_for_the_servers_that_dns_knows() {
        let found = read_discovery("ldaps+srv://Corp.example.com", Some("Berlin".into())).unwrap();
        assert_eq!((found.scheme, found.domain.as_str()), (LdapScheme::Ldaps, "corp.example.com"));
        assert!(is_discovery("LDAP+SRV://x") && !is_discovery("ldaps://x"));
        for bad in ["ldaps+srv://corp.example.com:636", "ldaps+srv://10.0.0.1", "ldaps+srv://corp", "ldaps+srv://"] {
            assert!(read_discovery(bad, None).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_are_read_with_their_standard_ports() {
        for (text, host, port, loopback) in [
            ("ldaps://dc1.corp.example.com", "dc1.corp.example.com", 636, false),
            ("LDAP://dc1.corp.example.com/", "dc1.corp.example.com", 389, false),
            ("ldaps://dc1:3269", "dc1", 3269, false),
            ("ldap://[::1]:3890", "::1", 3890, true),
            ("ldaps://[2001:db8::5]", "2001:db8::5", 636, false),
            ("ldap://127.0.0.2", "127.0.0.2", 389, true),
            ("ldap://localhost", "localhost", 389, true),
            ("ldap://[::ffff:127.0.0.1]", "::ffff:7f00:1", 389, true),
            ("ldap://127.evil.example", "127.evil.example", 389, false),
        ] {
            let address = read_server_address(text).unwrap();
            assert_eq!((address.host.as_str(), address.port), (host, port), "{text}");
            assert_eq!(is_loopback(&address), loopback, "{text}");
        }
        assert_eq!(read_server_address("ldap://[::1]").unwrap().to_string(), "ldap://[::1]:389");
    }

    #[test]
    fn what_is_not_an_ldap_server_is_refused_with_a_remedy() {
        for (text, help) in [
            ("dc1.corp.example.com", "`ldaps://dc1.corp.example.com`"),
            ("dc1:636", "begins with ldaps://"),
            ("https://dc1", "begins with ldaps://"),
            ("ldap://", "DNS name"),
            ("ldap:///dc=corp", "DNS name"),
            ("ldap://dc1/dc=corp", "base_dn"),
            ("ldap://dc1?x", "base_dn"),
            ("ldap://dc1:0", "port"),
            ("ldap://dc1:99999", "write it like"),
            ("ldap://svc:hunter2@dc1", "bind_name"),
            ("ldap://[::1", "write it like"),
            ("ldap://d c", "write several as a list"),
        ] {
            let (message, remedy) = read_server_address(text).unwrap_err();
            assert!(remedy.contains(help), "{text}: {remedy}");
            assert!(!message.contains("hunter2") && !remedy.contains("hunter2"), "{text}");
        }
    }
}
