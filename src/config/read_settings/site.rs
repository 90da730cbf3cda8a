use std::net::IpAddr;

use ipnet::IpNet;
use url::Url;

use super::super::hints::quote;
use super::super::reader::{Fields, Located};
use super::super::redact::has_userinfo;
use super::super::settings::{SiteSettings, SiteTheme};
use crate::domain::TrustedProxies;

const DEFAULT_NAME: &str = "Belvedere";

/// The default theme, which the stylesheet was drawn with: a quiet blue grey with links a little bluer.
const DEFAULT_THEME: SiteTheme = SiteTheme { hue: 215, accent_hue: 217, saturation: 14 };

/// Reads `[site]`.
pub(super) fn read_site(mut fields: Fields<'_>) -> Option<SiteSettings> {
    let name = fields.optional("name", DEFAULT_NAME.to_owned(), Fields::string);
    let contact = fields.optional("contact", None, |fields, key| fields.string(key).map(Some));
    let public_url = fields.optional("public_url", None, |fields, key| {
        let text = fields.located_string(key)?;
        read_public_url(fields, &text).map(Some)
    });
    let trusted_proxies = fields.optional("trusted_proxies", TrustedProxies::default(), read_proxies);
    let theme = fields.optional("theme", Some(DEFAULT_THEME), |fields, key| fields.table(key).map(read_theme));
    fields.finish();
    Some(SiteSettings {
        name: name?,
        contact: contact?,
        public_url: public_url?,
        trusted_proxies: trusted_proxies?,
        theme: theme??,
    })
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
fn read_public_url(fields: &Fields<'_>, text: &Located<String>) -> Option<Url> {
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
        return Some(url);
    }
    let message = if has_userinfo(&text.value) {
        "`public_url` has a user in it".to_owned()
    } else {
        format!("`public_url` cannot be {}", quote(&text.value))
    };
    fields.sink.report(
        &text.location,
        message,
        "write the address people open, with scheme and host and nothing behind: `https://boards.corp.example.com`",
    );
    None
}

fn read_theme(mut fields: Fields<'_>) -> Option<SiteTheme> {
    let hue = fields.optional("hue", i64::from(DEFAULT_THEME.hue), |fields, key| fields.integer(key, 0..=359));
    let accent_hue =
        fields.optional("accent_hue", i64::from(DEFAULT_THEME.accent_hue), |fields, key| fields.integer(key, 0..=359));
    let saturation =
        fields.optional("saturation", i64::from(DEFAULT_THEME.saturation), |fields, key| fields.integer(key, 0..=100));
    fields.finish();
    Some(SiteTheme {
        hue: u16::try_from(hue?).ok()?,
        accent_hue: u16::try_from(accent_hue?).ok()?,
        saturation: u8::try_from(saturation?).ok()?,
    })
}
