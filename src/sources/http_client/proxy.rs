use url::Host;

use crate::config::{Fields, OutboundSettings, ProxyUrl, Setting, read_secret};

/// The proxy of a source, as its table and `[default.outbound]` say.
#[derive(Clone, Debug, Default)]
pub(super) struct SourceProxy {
    own: OwnProxy,
    outbound: OutboundSettings,
}

/// What the source's own table says.
#[derive(Clone, Debug, Default)]
enum OwnProxy {
    /// Nothing.
    #[default]
    Inherited,
    /// That it is reached directly.
    None,
    /// That it is reached by this one.
    Url(ProxyUrl),
}

/// The word for no proxy.
const NONE: &str = "none";

impl SourceProxy {
    /// Takes over what holds for all sources.
    pub(super) fn set_outbound(&mut self, outbound: &OutboundSettings) {
        self.outbound = outbound.clone();
    }

    /// The proxy by which `host` is reached, if it is by one.
    pub(super) fn for_host(&self, host: &Host<&str>) -> Option<&ProxyUrl> {
        match &self.own {
            OwnProxy::Inherited => self.outbound.proxy_for(host),
            OwnProxy::None => None,
            OwnProxy::Url(proxy) => Some(proxy),
        }
    }
}

/// The key `proxy`, and `proxy_file`.
pub(super) fn proxy() -> Setting<SourceProxy> {
    Setting::new(SourceProxy::default(), "that of `[default.outbound]`", "URL, or `none`", read).beside(
        "proxy_file",
        "path",
        "A file with the proxy's URL, if there is a password in it.",
        "",
    )
}

fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<SourceProxy> {
    let own = match read_secret(fields, key, "proxy_file")? {
        None => OwnProxy::Inherited,
        Some(written) if written.value.expose() == NONE => OwnProxy::None,
        Some(written) => match written.value.expose().parse::<ProxyUrl>() {
            Ok(proxy) => OwnProxy::Url(proxy),
            Err(error) => {
                fields.sink.report(&written.location, "`proxy` is no proxy's URL", format!("{error}, or `{NONE}`"));
                return None;
            }
        },
    };
    Some(SourceProxy { own, outbound: OutboundSettings::default() })
}
