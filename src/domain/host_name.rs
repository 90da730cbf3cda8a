use std::net::IpAddr;
use std::str::FromStr;

/// The longest DNS name (RFC 1035, 2.3.4).
const MAX_NAME_BYTES: usize = 253;

/// A host as a URL or a `Host` header names it (RFC 3986, 3.2.2): a DNS name in lower case without a dot at its end, or an
/// address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostName {
    /// A DNS name.
    Name(String),
    /// An IPv4 or IPv6 address.
    Address(IpAddr),
}

/// An error for text that names no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither a DNS name nor an address; write it without scheme and port")]
pub struct InvalidHostName;

impl HostName {
    /// Reads the value of a `Host` header: a host, and perhaps a port behind it.
    ///
    /// # Errors
    /// [`InvalidHostName`] when it is anything else.
    pub fn from_header(value: &str) -> Result<Self, InvalidHostName> {
        let (host, port) = match value.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => (value, ""),
        };
        let is_port = port.bytes().all(|byte| byte.is_ascii_digit()) && (port.is_empty() || port.parse::<u16>().is_ok());
        // Without brackets an IPv6 address could not be told from its port.
        if !is_port || (host.contains(':') && !host.starts_with('[')) {
            return Err(InvalidHostName);
        }
        host.parse()
    }

    /// Whether it is this machine wherever it is named: a loopback address, or a name that browsers take for one (RFC 6761,
    /// 6.3).
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => name == "localhost" || name.ends_with(".localhost"),
            Self::Address(address) => address.is_loopback(),
        }
    }
}

impl FromStr for HostName {
    type Err = InvalidHostName;

    /// An IPv6 address may be in brackets.
    fn from_str(text: &str) -> Result<Self, InvalidHostName> {
        let address = match text.strip_prefix('[') {
            Some(rest) => {
                Some(rest.strip_suffix(']').and_then(|inside| inside.parse().ok()).map(IpAddr::V6).ok_or(InvalidHostName)?)
            }
            None => text.parse::<IpAddr>().ok(),
        };
        if let Some(address) = address {
            return Ok(Self::Address(address.to_canonical()));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let is_label = |label: &str| {
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        if name.len() > MAX_NAME_BYTES || !name.split('.').all(is_label) {
            return Err(InvalidHostName);
        }
        Ok(Self::Name(name.to_ascii_lowercase()))
    }
}

impl std::fmt::Display for HostName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_read_in_every_spelling_of_it() {
        for (header, host) in [
            ("boards.corp.example.com", "boards.corp.example.com"),
            ("Boards.Corp.Example.COM.:8000", "boards.corp.example.com"),
            ("boards:", "boards"),
            ("127.0.0.1:8000", "127.0.0.1"),
            ("[::1]:8000", "[::1]"),
            ("[0:0::1]", "[::1]"),
            ("[::ffff:127.0.0.1]", "127.0.0.1"),
        ] {
            assert_eq!(HostName::from_header(header).unwrap().to_string(), host, "{header}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for header in [
            "",
            ":",
            ":80",
            ".",
            "a..b",
            "a b",
            "a,b",
            "a, b",
            "user@host",
            "http://host",
            "host/",
            "host:80:80",
            "::1",
            "::1:80",
            "[::1",
            "[::1]x",
            "[127.0.0.1]",
            "[::1%25eth0]",
            "host:+80",
            "host:65536",
            "host:8o",
            "hôst",
            "ho%73t",
            "host?",
            "a\tb",
        ] {
            assert_eq!(HostName::from_header(header), Err(InvalidHostName), "{header:?}");
        }
    }

    #[test]
    fn loopback_is_known_by_all_of_its_names() {
        for header in ["localhost", "LOCALHOST.:80", "boards.localhost", "127.8.9.1", "[::1]", "[::ffff:127.0.0.1]:1"] {
            assert!(HostName::from_header(header).unwrap().is_loopback(), "{header}");
        }
        for header in ["localhost.evil.example", "127.0.0.1.evil.example", "evillocalhost", "0.0.0.0", "10.0.0.1", "[::]"] {
            assert!(!HostName::from_header(header).unwrap().is_loopback(), "{header}");
        }
    }
}
