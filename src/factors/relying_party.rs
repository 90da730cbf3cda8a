use url::{Host, Url};
use webauthn_rp::request::{AsciiDomain, RpId};

/// The WebAuthn relying party: the domain that passkeys are bound to, and the origin of their pages (WebAuthn, 5.1.2).
#[derive(Clone, Debug)]
pub struct RelyingParty {
    pub(super) rp_id: RpId,
    pub(super) origin: String,
}

/// The reason why browsers would make no passkey here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasskeysUnavailable {
    /// The site is on this machine and was opened by a loopback address: it must be opened by name.
    LoopbackAddress {
        /// The page's URL by name: `http://localhost:8000`.
        instead: String,
    },
    /// Its public URL has an IP address, which no passkey can be bound to.
    IpAddress,
    /// Its public URL is plain HTTP.
    NotEncrypted,
    /// Its public URL is not set.
    NoPublicUrl,
}

impl RelyingParty {
    /// The relying party for a request to `host` (the header, RFC 9110, 7.2): the public URL where one is set, otherwise
    /// `localhost`, which browsers trust without HTTPS.
    ///
    /// # Errors
    /// [`PasskeysUnavailable`] when browsers would make none.
    pub fn for_request(public_url: Option<&Url>, host: Option<&str>, secure: bool) -> Result<Self, PasskeysUnavailable> {
        if let Some(url) = public_url {
            return Self::from_url(url);
        }
        let scheme = if secure { "https" } else { "http" };
        let here =
            host.and_then(|host| Url::parse(&format!("{scheme}://{host}")).ok()).ok_or(PasskeysUnavailable::NoPublicUrl)?;
        match here.host() {
            Some(Host::Domain("localhost")) => Self::from_url(&here),
            Some(Host::Ipv4(address)) if address.is_loopback() => Err(with_localhost(here)),
            Some(Host::Ipv6(address)) if address.is_loopback() => Err(with_localhost(here)),
            _ => Err(PasskeysUnavailable::NoPublicUrl),
        }
    }

    fn from_url(url: &Url) -> Result<Self, PasskeysUnavailable> {
        let Some(Host::Domain(domain)) = url.host() else { return Err(PasskeysUnavailable::IpAddress) };
        if url.scheme() != "https" && domain != "localhost" {
            return Err(PasskeysUnavailable::NotEncrypted);
        }
        let rp_id = AsciiDomain::try_from(domain.to_owned()).map_err(|_| PasskeysUnavailable::IpAddress)?;
        Ok(Self { rp_id: RpId::Domain(rp_id), origin: url.origin().ascii_serialization() })
    }
}

fn with_localhost(mut here: Url) -> PasskeysUnavailable {
    match here.set_host(Some("localhost")) {
        Ok(()) => PasskeysUnavailable::LoopbackAddress { instead: here.origin().ascii_serialization() },
        Err(_) => PasskeysUnavailable::IpAddress,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(public_url: Option<&str>, host: &str) -> Result<String, PasskeysUnavailable> {
        let public_url = public_url.map(|url| Url::parse(url).unwrap());
        RelyingParty::for_request(public_url.as_ref(), Some(host), false).map(|site| site.origin)
    }

    #[test]
    fn passkeys_are_good_at_the_public_address_and_on_localhost() {
        assert_eq!(at(Some("https://boards.corp.example"), "127.0.0.1:8000").unwrap(), "https://boards.corp.example");
        assert_eq!(at(Some("https://boards.corp.example:8443"), "x").unwrap(), "https://boards.corp.example:8443");
        assert_eq!(at(None, "localhost:8000").unwrap(), "http://localhost:8000");
        assert_eq!(at(None, "localhost:80").unwrap(), "http://localhost", "as browsers write it");
    }

    #[test]
    fn elsewhere_it_is_said_why_there_are_none() {
        let instead = "http://localhost:8000".to_owned();
        assert_eq!(at(None, "127.0.0.1:8000"), Err(PasskeysUnavailable::LoopbackAddress { instead: instead.clone() }));
        assert_eq!(at(None, "[::1]:8000"), Err(PasskeysUnavailable::LoopbackAddress { instead }));
        assert_eq!(at(None, "boards.corp.example"), Err(PasskeysUnavailable::NoPublicUrl));
        assert_eq!(at(None, "localhost.evil.example"), Err(PasskeysUnavailable::NoPublicUrl));
        assert_eq!(at(Some("http://boards.corp.example"), "x"), Err(PasskeysUnavailable::NotEncrypted));
        assert_eq!(at(Some("https://192.0.2.1"), "x"), Err(PasskeysUnavailable::IpAddress));
    }
}
