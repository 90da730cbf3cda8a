use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use url::{Host, Url};

use super::super::files::secret;
use super::super::reader::Fields;
use super::super::secret::Secret;
use super::super::setting::{DeclaredTable, Setting, list, settings};

settings! {
    /// The way out: how sources are reached over HTTP.
    #[derive(Clone, Debug)]
    pub struct OutboundSettings {
        /// The HTTP proxy by which sources are asked, but for those on this machine. Its URL may have a user and a password in it.
        pub proxy: Option<ProxyUrl> = proxy(),
        /// The hosts that are reached directly: domains with all names below them, addresses, networks, or `*` for all.
        pub no_proxy: Vec<DirectHost> = list("list of hosts").such_as("[\"corp.example.com\", \"10.0.0.0/8\"]"),
    }
}

impl Default for OutboundSettings {
    fn default() -> Self {
        Self::defaults()
    }
}

impl OutboundSettings {
    /// The proxy by which `host` is reached, if it is by one.
    pub fn proxy_for(&self, host: &Host<&str>) -> Option<&ProxyUrl> {
        let is_here = match host {
            Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        self.proxy.as_ref().filter(|_| !is_here && !self.no_proxy.iter().any(|direct| direct.includes(host)))
    }
}

/// The URL of an HTTP proxy. It may hold a password, so it does not print itself.
#[derive(Clone, Debug)]
pub struct ProxyUrl {
    url: Secret,
    host: String,
}

/// The error of a text that is no proxy's URL, of which it names nothing. No full stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write it like `http://proxy.corp.example.com:3128`, with `http://` or `https://` and no path")]
pub struct InvalidProxyUrl;

impl ProxyUrl {
    /// The URL itself.
    pub fn expose(&self) -> &str {
        self.url.expose()
    }

    /// Its host and port, for messages.
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl FromStr for ProxyUrl {
    type Err = InvalidProxyUrl;

    fn from_str(text: &str) -> Result<Self, InvalidProxyUrl> {
        let url = Url::parse(text).map_err(|_| InvalidProxyUrl)?;
        let is_plain = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        match (url.scheme(), url.host_str(), url.port_or_known_default()) {
            ("http" | "https", Some(host), Some(port)) if is_plain => {
                Ok(Self { url: Secret::new(text.to_owned()), host: format!("{host}:{port}") })
            }
            _ => Err(InvalidProxyUrl),
        }
    }
}

/// A host, or several, that no proxy is used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DirectHost {
    /// Every host.
    All,
    /// This name, and all below it.
    Domain(String),
    /// The addresses of this network.
    Network(IpNet),
}

/// The error of a text that names no host. No full stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a domain (`corp.example.com`), an address, a network (`10.0.0.0/8`) or `*`")]
pub struct InvalidDirectHost;

impl DirectHost {
    fn includes(&self, host: &Host<&str>) -> bool {
        match (self, host) {
            (Self::All, _) => true,
            (Self::Domain(domain), Host::Domain(name)) => {
                name.strip_suffix(domain.as_str()).is_some_and(|before| before.is_empty() || before.ends_with('.'))
            }
            (Self::Network(network), Host::Ipv4(address)) => network.contains(&IpAddr::V4(*address)),
            (Self::Network(network), Host::Ipv6(address)) => network.contains(&IpAddr::V6(*address)),
            _ => false,
        }
    }
}

impl FromStr for DirectHost {
    type Err = InvalidDirectHost;

    fn from_str(text: &str) -> Result<Self, InvalidDirectHost> {
        if text == "*" {
            return Ok(Self::All);
        }
        if let Ok(network) = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)) {
            return Ok(Self::Network(network));
        }
        let domain = text.trim_start_matches("*.").trim_start_matches('.').to_ascii_lowercase();
        let is_domain = !domain.is_empty() && domain.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '.');
        is_domain.then_some(Self::Domain(domain)).ok_or(InvalidDirectHost)
    }
}

fn proxy() -> Setting<Option<ProxyUrl>> {
    Setting::new(None, "none", "URL", read_proxy).such_as("\"http://proxy.corp.example.com:3128\"").beside(
        "proxy_file",
        "path",
        "A file with the proxy's URL, if there is a password in it.",
        "",
    )
}

#[expect(clippy::option_option, reason = "wrong, absent and present are three different answers")]
fn read_proxy(fields: &mut Fields<'_>, key: &'static str) -> Option<Option<ProxyUrl>> {
    let Some(url) = secret(fields, key, "proxy_file")? else { return Some(None) };
    if let Ok(proxy) = url.value.expose().parse() {
        Some(Some(proxy))
    } else {
        fields.sink.report(&url.location, "`proxy` is no proxy's URL", InvalidProxyUrl.to_string());
        None
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_used_but_for_the_hosts_that_are_reached_directly() {
        let no_proxy =
            ["corp.example.com", ".Brand.example", "10.0.0.0/8", "fd00::1"].map(|text| text.parse().unwrap()).to_vec();
        let outbound = OutboundSettings { proxy: Some("http://me:hunter2@proxy:3128".parse().unwrap()), no_proxy };
        let is_used = |url: &str| outbound.proxy_for(&Url::parse(url).unwrap().host().unwrap()).is_some();
        for by_proxy in ["http://example.com", "http://notcorp.example.com", "http://11.0.0.1", "http://[fd00::2]"] {
            assert!(is_used(by_proxy), "{by_proxy}");
        }
        for directly in [
            "http://corp.example.com",
            "http://a.b.CORP.example.com",
            "http://x.brand.example",
            "http://10.1.2.3:80",
            "http://[fd00::1]",
            "http://localhost",
            "http://127.0.0.1",
            "http://[::1]",
        ] {
            assert!(!is_used(directly), "{directly}");
        }
        assert!(!format!("{outbound:?}").contains("hunter2"));
        for invalid in ["proxy:3128", "socks5://proxy", "http://", "http://proxy/path", "http://proxy?x"] {
            assert_eq!(invalid.parse::<ProxyUrl>().err(), Some(InvalidProxyUrl), "{invalid}");
        }
        for invalid in ["", "a b", "http://a", "10.0.0.0/64"] {
            assert!(invalid.parse::<DirectHost>().is_err(), "{invalid}");
        }
    }
}
