use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

/// The most addresses read of `X-Forwarded-For`, from the nearest on: more proxies in a row are not behind each other
/// but made up.
const MAX_HOPS: usize = 16;

/// The reverse proxies in front whose `X-Forwarded-For` is believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Trusts every proxy in one of these networks.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether the machine at `address` is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The address of the client, where `peer` is the other end of the connection. `forwarded` are the values of
    /// `X-Forwarded-For` in the order of the headers, each a list to which every proxy adds at the end who asked it.
    ///
    /// Nothing in them counts unless a proxy of ours wrote it. So they are read from the end, as long as what was there
    /// named a proxy of ours; the first other address is the one that asks, whatever stands before it. Where the list
    /// ends or makes no sense, it is the last that does.
    pub fn client_address<'a>(&self, peer: IpAddr, forwarded: impl DoubleEndedIterator<Item = &'a str>) -> IpAddr {
        let mut client = peer.to_canonical();
        let addresses = forwarded.rev().flat_map(|list| list.rsplit(','));
        for text in addresses.take(MAX_HOPS) {
            if !self.contains(client) {
                break;
            }
            let Some(previous) = parse_address(text.trim()) else { break };
            client = previous;
        }
        client
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
    fn expect_client(peer: &str, forwarded: &[&str], expected: &str) {
        let who = proxies().client_address(peer.parse().unwrap(), forwarded.iter().copied());
        assert_eq!(who, expected.parse::<IpAddr>().unwrap(), "{peer} says {forwarded:?}");
    }

    #[test]
    fn a_stranger_who_says_to_ask_for_somebody_is_not_believed() {
        expect_client("192.0.2.7", &["203.0.113.1"], "192.0.2.7");
        expect_client("::ffff:192.0.2.7", &["10.0.0.1"], "192.0.2.7");
        expect_client("2001:db8::7", &["203.0.113.1"], "2001:db8::7");
    }

    #[test]
    fn of_what_a_proxy_says_the_last_address_counts_that_is_no_proxy() {
        expect_client(PROXY, &["203.0.113.1"], "203.0.113.1");
        expect_client(PROXY, &["198.51.100.9, 203.0.113.1"], "203.0.113.1");
        expect_client(PROXY, &["198.51.100.9, 203.0.113.1, 10.2.3.4"], "203.0.113.1");
        expect_client(PROXY, &["198.51.100.9", "203.0.113.1, 10.2.3.4", "fd00::5"], "203.0.113.1");
        expect_client("::ffff:10.0.0.1", &["203.0.113.1"], "203.0.113.1");
        expect_client("::1", &["203.0.113.1"], "203.0.113.1");
    }

    #[test]
    fn an_address_is_read_in_every_spelling_of_proxies() {
        expect_client(PROXY, &[" 203.0.113.1:4711 "], "203.0.113.1");
        expect_client(PROXY, &["[2001:db8::1]:4711"], "2001:db8::1");
        expect_client(PROXY, &["[2001:db8::1]"], "2001:db8::1");
        expect_client(PROXY, &["2001:DB8::1"], "2001:db8::1");
        expect_client(PROXY, &["::ffff:203.0.113.1"], "203.0.113.1");
    }

    #[test]
    fn where_the_list_makes_no_sense_the_nearest_known_address_counts() {
        for garbage in ["", ",", "unknown", "for=203.0.113.1", "203.0.113", "[203.0.113.1]", "fe80::1%eth0", "\u{7f}", "é"] {
            expect_client(PROXY, &[garbage], PROXY);
            expect_client(PROXY, &["203.0.113.1", garbage], PROXY);
            expect_client(PROXY, &[garbage, "203.0.113.1"], "203.0.113.1");
            expect_client(PROXY, &[garbage, "10.2.3.4"], "10.2.3.4");
        }
        expect_client(PROXY, &[], PROXY);
    }

    #[test]
    fn a_list_without_end_is_not_read_to_its_end() {
        let list = format!("203.0.113.1{}", ", 10.0.0.2".repeat(100_000));
        expect_client(PROXY, &[&list], "10.0.0.2");
    }
}
