use std::fmt;
use std::net::IpAddr;

/// The most characters kept of a `User-Agent`: browsers send some 150, and nobody reads more in a list of sessions.
const MAX_USER_AGENT_CHARS: usize = 256;

/// The client of a request, as far as it is known: for the list of one's sessions, the audit and the throttle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    address: Option<IpAddr>,
    user_agent: Option<String>,
    device_cookie: Option<DeviceCookieValue>,
}

/// The device cookie, by which a browser shows who has signed in with it before: for the throttle alone. It does not
/// print itself.
#[derive(Clone, PartialEq, Eq)]
struct DeviceCookieValue(String);

impl fmt::Debug for DeviceCookieValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceCookieValue(…)")
    }
}

impl Client {
    /// A request from `address`, by a browser that calls itself `user_agent`. A longer name is cut, control
    /// characters in it are dropped, and an IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) becomes the IPv4 one.
    pub fn new(address: Option<IpAddr>, user_agent: Option<&str>) -> Self {
        let user_agent: Option<String> =
            user_agent.map(|text| text.chars().filter(|c| !c.is_control()).take(MAX_USER_AGENT_CHARS).collect());
        Self {
            address: address.map(|address| address.to_canonical()),
            user_agent: user_agent.filter(|text| !text.is_empty()),
            device_cookie: None,
        }
    }

    /// This client with its device cookie, if it sent one.
    #[must_use]
    pub fn with_device_cookie(self, cookie: Option<&str>) -> Self {
        Self { device_cookie: cookie.map(|value| DeviceCookieValue(value.to_owned())), ..self }
    }

    /// This client without its device cookie, as it is stored with a session.
    #[must_use]
    pub fn without_device_cookie(&self) -> Self {
        Self { device_cookie: None, ..self.clone() }
    }

    /// The device cookie, as the browser sent it.
    pub fn device_cookie(&self) -> Option<&str> {
        self.device_cookie.as_ref().map(|cookie| cookie.0.as_str())
    }

    /// The address, when the connection has one (a Unix socket has none).
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The user agent (RFC 9110, 10.1.5): what the browser calls itself.
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_calls_itself_is_bounded_and_on_one_line() {
        let client = Client::new(None, Some(&format!("Browser\r\n{}", "é".repeat(1000))));
        let kept = client.user_agent().unwrap();
        assert!(kept.starts_with("Browseré"));
        assert_eq!(kept.chars().count(), MAX_USER_AGENT_CHARS);
        assert_eq!(Client::new(None, Some("\n")).user_agent(), None);
    }

    #[test]
    fn an_address_has_one_spelling() {
        let mapped = Client::new("::ffff:192.0.2.1".parse().ok(), None);
        assert_eq!(mapped.address(), "192.0.2.1".parse().ok());
    }
}
