use std::net::IpAddr;

use ipnet::IpNet;
use url::Url;

use super::super::hints::{has_userinfo, quote};
use super::super::reader::Fields;
use super::super::setting::{Setting, integer, list, settings, table, text};
use crate::domain::{HostName, TrustedProxies};

settings! {
    /// How the site presents itself.
    #[derive(Clone, Debug)]
    pub struct SiteSettings {
        /// The name in the bar and in titles.
        pub name: String = text("Belvedere"),
        /// Whom visitors can ask for help: a mail address or a few words.
        pub contact: Option<String> = text("it-help@corp.example.com").optional(),
        /// The address that browsers use, if there is a proxy: scheme and host only. Required for passkeys.
        pub public_url: Option<Url> = Setting::new(None, "none", "URL", read_public_url)
            .such_as("\"https://boards.corp.example.com\""),
        /// Further names and addresses that people reach the server by, without scheme and port. The host of `public_url`,
        /// this machine's own names and addresses, and loopback need not be named; requests to any other are refused.
        pub allowed_hosts: Vec<HostName> = list("list of hosts").such_as("[\"boards\", \"10.0.0.5\"]"),
        /// The proxies whose `X-Forwarded-For` header is trusted.
        pub trusted_proxies: TrustedProxies =
            Setting::new(TrustedProxies::default(), "`[]`", "list of addresses and networks", read_proxies)
                .such_as("[\"10.0.0.0/8\", \"::1\"]"),
        /// The colours.
        pub theme: SiteTheme = table().shown_as("see below").such_as("{ hue = 215, accent_hue = 217, saturation = 14 }"),
    }
}

settings! {
    /// A theme: a handful of HSL numbers. The defaults are those that the stylesheet was drawn with: a quiet blue grey with
    /// links a little bluer.
    #[derive(Clone, Debug, PartialEq)]
    pub struct SiteTheme {
        /// The hue of backgrounds and lines, in degrees.
        pub hue: u16 = integer(215, 0..=359),
        /// The hue of links and buttons.
        pub accent_hue: u16 = integer(217, 0..=359),
        /// The saturation of backgrounds and lines, in percent.
        pub saturation: u8 = integer(14, 0..=100),
    }
}

impl SiteSettings {
    /// The issuer in the tokens that the site signs (`iss`): the address that browsers use, or its name where there is
    /// none.
    pub fn issuer(&self) -> String {
        let address = self.public_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned());
        address.unwrap_or_else(|| self.name.clone())
    }
}

/// Addresses and networks (RFC 4632, RFC 4291). One that is the whole internet would let anybody choose the address
/// that the limits count for.
fn read_proxies(fields: &mut Fields<'_>, key: &'static str) -> Option<TrustedProxies> {
    let texts = fields.strings(key)?.value;
    let mut networks = Vec::with_capacity(texts.len());
    let mut valid = true;
    for text in &texts {
        let network = text.value.parse::<IpNet>().or_else(|_| text.value.parse::<IpAddr>().map(IpNet::from));
        let (message, help) = match network {
            Ok(network) if network.prefix_len() > 0 => {
                networks.push(network.trunc());
                continue;
            }
            Ok(_) => (
                format!("`{key}` has {} in it, which is everybody", quote(&text.value)),
                "name the addresses of your proxies: `[\"10.0.0.5\"]`",
            ),
            Err(_) => (
                format!("`{key}` has {} in it, which is neither an address nor a network", quote(&text.value)),
                "write addresses, and networks with the length of their prefix: `[\"10.0.0.0/8\", \"::1\"]`",
            ),
        };
        fields.sink.report(&text.location, message, help);
        valid = false;
    }
    valid.then(|| TrustedProxies::new(networks))
}

/// The origin browsers use. A path would not be honoured, so it is refused.
#[expect(clippy::option_option, reason = "wrong, absent and present are three different answers")]
fn read_public_url(fields: &mut Fields<'_>, key: &'static str) -> Option<Option<Url>> {
    let text = fields.located_string(key)?;
    let valid = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    };
    if let Some(url) = Url::parse(&text.value).ok().filter(valid) {
        return Some(Some(url));
    }
    let message = if has_userinfo(&text.value) {
        "`public_url` has a user in it".to_owned()
    } else {
        format!("`public_url` cannot be {}", quote(&text.value))
    };
    let help = "write the address people open, with scheme and host and nothing behind: `https://boards.corp.example.com`";
    fields.sink.report(&text.location, message, help);
    None
}
