use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

/// So many addresses are read of what proxies say, from the nearest on: more of one's own in a row are not behind each
/// other but made up.
const MAX_HOPS: usize = 16;

/// The proxies in front that are believed when they say for whom they ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Whoever asks from one of these networks is a proxy of ours.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether the machine at `address` is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// For whom `peer`, at the other end of the connection, asks. `forwarded` are the values of `X-Forwarded-For` in the
    /// order of the headers, each a list to which every proxy adds at the end who asked it.
    ///
    /// Nothing in them counts unless a proxy of ours wrote it. So they are read from the end, as long as what was there
    /// named a proxy of ours; the first other address is the one that asks, whatever stands before it. Where the list
    /// ends or makes no sense, it is the last that does.
    pub fn client_address<'a>(&self, peer: IpAddr, forwarded: impl DoubleEndedIterator<Item = &'a str>) -> IpAddr {
        let mut asks = peer.to_canonical();
        let said = forwarded.rev().flat_map(|list| list.rsplit(','));
        for text in said.take(MAX_HOPS) {
            if !self.contains(asks) {
                break;
            }
            let Some(before) = parse_address(text.trim()) else { break };
            asks = before;
        }
        asks
    }
}

/// An address as proxies write it: bare, with a port, or in the brackets of a URL.
fn parse_address(text: &str) -> Option<IpAddr> {
    let bare = || text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    bare().or_else(with_port).or_else(in_brackets).map(|address| address.to_canonical())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    const PROXY: &str = "10.0.0.1";

    fn proxies() -> TrustedProxies {
        TrustedProxies::new(["10.0.0.0/8", "::1/128", "fd00::/8"].map(|network| network.parse().unwrap()).to_vec())
    }

    #[track_caller]
    fn asks(peer: &str, forwarded: &[&str], expected: &str) {
        let who = proxies().client_address(peer.parse().unwrap(), forwarded.iter().copied());
        assert_eq!(who, expected.parse::<IpAddr>().unwrap(), "{peer} says {forwarded:?}");
    }

    #[test]
    fn a_stranger_who_says_to_ask_for_somebody_is_not_believed() {
        asks("192.0.2.7", &["203.0.113.1"], "192.0.2.7");
        asks("::ffff:192.0.2.7", &["10.0.0.1"], "192.0.2.7");
        asks("2001:db8::7", &["203.0.113.1"], "2001:db8::7");
    }

    #[test]
    fn of_what_a_proxy_says_the_last_address_counts_that_is_no_proxy() {
        asks(PROXY, &["203.0.113.1"], "203.0.113.1");
        asks(PROXY, &["198.51.100.9, 203.0.113.1"], "203.0.113.1");
        asks(PROXY, &["198.51.100.9, 203.0.113.1, 10.2.3.4"], "203.0.113.1");
        asks(PROXY, &["198.51.100.9", "203.0.113.1, 10.2.3.4", "fd00::5"], "203.0.113.1");
        asks("::ffff:10.0.0.1", &["203.0.113.1"], "203.0.113.1");
        asks("::1", &["203.0.113.1"], "203.0.113.1");
    }

    #[test]
    fn an_address_is_read_in_every_spelling_of_proxies() {
        asks(PROXY, &[" 203.0.113.1:4711 "], "203.0.113.1");
        asks(PROXY, &["[2001:db8::1]:4711"], "2001:db8::1");
        asks(PROXY, &["[2001:db8::1]"], "2001:db8::1");
        asks(PROXY, &["2001:DB8::1"], "2001:db8::1");
        asks(PROXY, &["::ffff:203.0.113.1"], "203.0.113.1");
    }

    #[test]
    fn where_the_list_makes_no_sense_the_nearest_known_address_counts() {
        for garbage in
            ["", ",", "unknown", "for=203.0.113.1", "203.0.113", "[203.0.113.1]", "fe80::1%eth0", "\u{7f}", "é"]
        {
            asks(PROXY, &[garbage], PROXY);
            asks(PROXY, &["203.0.113.1", garbage], PROXY);
            asks(PROXY, &[garbage, "203.0.113.1"], "203.0.113.1");
            asks(PROXY, &[garbage, "10.2.3.4"], "10.2.3.4");
        }
        asks(PROXY, &[], PROXY);
    }

    #[test]
    fn a_list_without_end_is_not_read_to_its_end() {
        let list = format!("203.0.113.1{}", ", 10.0.0.2".repeat(100_000));
        asks(PROXY, &[&list], "10.0.0.2");
    }
}
