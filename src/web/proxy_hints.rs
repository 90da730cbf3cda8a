use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::domain::{HostName, Timestamp};

/// The shortest time between two hints of a kind: strangers can cause them.
const HINT_INTERVAL: Duration = Duration::from_mins(1);

/// The most proxies that are hinted at: there are hardly more.
const MAX_HINTED_PROXIES: usize = 16;

/// The log lines that name to the admin the setting which a proxy in front of the server, or another name for it, wants.
#[derive(Debug, Default)]
pub struct ProxyHints {
    hosts: Mutex<Option<Timestamp>>,
    origins: Mutex<Option<Timestamp>>,
    proxies: Mutex<Vec<IpAddr>>,
}

/// The two origins of a request that was refused as another site's.
pub(super) struct OriginMismatch<'a> {
    /// The browser's word for where the request came from.
    pub(super) told: &'a str,
    /// The origin that the server takes for its own.
    pub(super) own: &'a str,
}

impl ProxyHints {
    /// Hints at `site.allowed_hosts` for a host that is not allowed.
    pub(super) fn unknown_host(&self, host: &HostName, now: Timestamp) {
        if !is_due(&self.hosts, now) {
            return;
        }
        tracing::warn!(
            %host,
            "a request was refused with 421: it names the host {host}, which is none of this server's; if people come by \
             this name, set `site.public_url` to the address that they open, or add \"{host}\" to `site.allowed_hosts`"
        );
    }

    /// Hints at `site.public_url` for a form that seems to come from another site.
    pub(super) fn foreign_origin(&self, origins: &OriginMismatch<'_>, now: Timestamp) {
        if !is_due(&self.origins, now) {
            return;
        }
        let OriginMismatch { told, own } = origins;
        tracing::warn!(
            told,
            own,
            "a request was refused as another site's: the browser says that it comes from {told:?}, and this server takes \
             itself for {own:?}; if the first is this site as people open it, through a proxy, set `site.public_url` to it \
             and name the proxy in `site.trusted_proxies`"
        );
    }

    /// Hints, once for each, at `site.trusted_proxies` for a peer that forwards requests and is not among them.
    pub(super) fn unknown_proxy(&self, peer: IpAddr, header: &'static str) {
        let peer = peer.to_canonical();
        let mut hinted = self.proxies.lock().unwrap_or_else(PoisonError::into_inner);
        if hinted.contains(&peer) || hinted.len() >= MAX_HINTED_PROXIES {
            return;
        }
        hinted.push(peer);
        tracing::warn!(
            %peer,
            header,
            "a request from {peer} bears {header}, as a proxy sends it, and no proxy there is known; if it is yours, set \
             `site.trusted_proxies = [\"{peer}\"]` and `site.public_url` to the address that people open; until then the \
             limits count everybody behind it as one"
        );
    }
}

/// Whether a hint is due, which it is not again for a while.
fn is_due(last: &Mutex<Option<Timestamp>>, now: Timestamp) -> bool {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    let is_due = last.is_none_or(|last| now.since(last) >= HINT_INTERVAL);
    if is_due {
        *last = Some(now);
    }
    is_due
}
