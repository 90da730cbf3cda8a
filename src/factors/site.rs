use url::{Host, Url};
use webauthn_rp::request::{AsciiDomain, RpId};

/// Where passkeys are good: the domain they are bound to, and the address their pages come from (WebAuthn, 5.1.2).
#[derive(Clone, Debug)]
pub struct PasskeySite {
    pub(super) rp_id: RpId,
    pub(super) origin: String,
}

/// Why browsers would make no passkey here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhyNoPasskeys {
    /// The site is on this machine, and was opened by its number: at this address it has a name.
    OnThisMachine {
        /// The same page by name: `http://localhost:8000`.
        instead: String,
    },
    /// Its public address is a number, which no passkey can be bound to.
    Address,
    /// Its public address is plain HTTP.
    NotEncrypted,
    /// Which address is its public one is not set.
    NoPublicUrl,
}

impl PasskeySite {
    /// Where passkeys are good for whoever came to `host` (the header, RFC 9110, 7.2): at the public address where one is set,
    /// otherwise on `localhost`, which browsers trust without HTTPS.
    ///
    /// # Errors
    /// [`WhyNoPasskeys`] when browsers would make none.
    pub fn at(public_url: Option<&Url>, host: Option<&str>, secure: bool) -> Result<Self, WhyNoPasskeys> {
        if let Some(url) = public_url {
            return Self::of(url);
        }
        let scheme = if secure { "https" } else { "http" };
        let here =
            host.and_then(|host| Url::parse(&format!("{scheme}://{host}")).ok()).ok_or(WhyNoPasskeys::NoPublicUrl)?;
        match here.host() {
            Some(Host::Domain("localhost")) => Self::of(&here),
            Some(Host::Ipv4(address)) if address.is_loopback() => Err(by_name(here)),
            Some(Host::Ipv6(address)) if address.is_loopback() => Err(by_name(here)),
            _ => Err(WhyNoPasskeys::NoPublicUrl),
        }
    }

    fn of(url: &Url) -> Result<Self, WhyNoPasskeys> {
        let Some(Host::Domain(domain)) = url.host() else { return Err(WhyNoPasskeys::Address) };
        if url.scheme() != "https" && domain != "localhost" {
            return Err(WhyNoPasskeys::NotEncrypted);
        }
        let rp_id = AsciiDomain::try_from(domain.to_owned()).map_err(|_| WhyNoPasskeys::Address)?;
        Ok(Self { rp_id: RpId::Domain(rp_id), origin: url.origin().ascii_serialization() })
    }
}

fn by_name(mut here: Url) -> WhyNoPasskeys {
    match here.set_host(Some("localhost")) {
        Ok(()) => WhyNoPasskeys::OnThisMachine { instead: here.origin().ascii_serialization() },
        Err(_) => WhyNoPasskeys::Address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(public_url: Option<&str>, host: &str) -> Result<String, WhyNoPasskeys> {
        let public_url = public_url.map(|url| Url::parse(url).unwrap());
        PasskeySite::at(public_url.as_ref(), Some(host), false).map(|site| site.origin)
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
        assert_eq!(at(None, "127.0.0.1:8000"), Err(WhyNoPasskeys::OnThisMachine { instead: instead.clone() }));
        assert_eq!(at(None, "[::1]:8000"), Err(WhyNoPasskeys::OnThisMachine { instead }));
        assert_eq!(at(None, "boards.corp.example"), Err(WhyNoPasskeys::NoPublicUrl));
        assert_eq!(at(None, "localhost.evil.example"), Err(WhyNoPasskeys::NoPublicUrl));
        assert_eq!(at(Some("http://boards.corp.example"), "x"), Err(WhyNoPasskeys::NotEncrypted));
        assert_eq!(at(Some("https://192.0.2.1"), "x"), Err(WhyNoPasskeys::Address));
    }
}
