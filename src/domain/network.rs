use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The steps of networks that an IPv6 address is counted by, and the multiple of one holder's share that each may have: a
/// subscriber's link, a home's delegation, and a site's (RFC 6177). Whoever has a /48 has 65,536 links, and four shares.
const IPV6_STEPS: [(u8, usize); 3] = [(64, 1), (56, 2), (48, 4)];

/// The same for an IPv4 address: the address, behind which may be an office, and the smallest network that is routed on the
/// Internet, in which there are many holders.
const IPV4_STEPS: [(u8, usize); 2] = [(32, 1), (24, 8)];

/// The step of a connection without an address, as over a Unix socket: all of them are one holder.
const NO_ADDRESS_STEPS: [(u8, usize); 1] = [(0, 1)];

/// A network that limits count as one holder: an address without its host bits, and the length of its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    address: Option<IpAddr>,
    prefix: u8,
}

impl Network {
    /// The most steps that an address has.
    pub const MOST_STEPS: usize = IPV6_STEPS.len();

    /// The networks that a client at `address` is counted by, the narrowest first, each with the multiple of one holder's
    /// share that all in it may have together.
    pub fn steps_of(address: Option<IpAddr>) -> impl Iterator<Item = (Self, usize)> {
        let address = address.map(|address| address.to_canonical());
        let steps: &'static [(u8, usize)] = match address {
            None => &NO_ADDRESS_STEPS,
            Some(IpAddr::V4(_)) => &IPV4_STEPS,
            Some(IpAddr::V6(_)) => &IPV6_STEPS,
        };
        steps.iter().map(move |&(prefix, shares)| {
            let address = address.map(|address| without_host_bits(address, prefix));
            (Self { address, prefix }, shares)
        })
    }

    /// The networks that this one is counted by: itself, and those around it.
    pub fn steps(self) -> impl Iterator<Item = (Self, usize)> {
        Self::steps_of(self.address)
    }

    /// The multiple of one holder's share that all in it may have together.
    pub fn shares(self) -> usize {
        self.steps().find(|(step, _)| *step == self).map_or(1, |(_, shares)| shares)
    }

    /// Whether its clients are also in `other`, which is a step of theirs.
    pub fn is_within(self, other: Self) -> bool {
        self.steps().any(|(step, _)| step == other)
    }

    /// The narrowest network that a client at `address` is counted by: an IPv4 address, or an IPv6 network of 64 bits, as
    /// whoever has one address of it has all of them.
    pub fn narrowest_of(address: Option<IpAddr>) -> Self {
        Self::steps_of(address).map(|(network, _)| network).next().unwrap_or(Self { address: None, prefix: 0 })
    }

    /// The widest network that a client at `address` is counted by.
    pub fn widest_of(address: Option<IpAddr>) -> Self {
        Self::narrowest_of(address).widest()
    }

    /// The widest network that the clients of this one are counted by.
    #[must_use]
    pub fn widest(self) -> Self {
        self.steps().last().map_or(self, |(network, _)| network)
    }
}

impl fmt::Display for Network {
    /// In CIDR notation (RFC 4632): `2001:db8::/48`; `local` for connections without an address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(address) => write!(f, "{address}/{}", self.prefix),
            None => f.write_str("local"),
        }
    }
}

/// The address with all bits after the prefix at 0.
fn without_host_bits(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(u32::BITS - u32::from(prefix)).unwrap_or_default();
            IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask))
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(u128::BITS - u32::from(prefix)).unwrap_or_default();
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
    }
}

/// How much of something scarce the clients of each network hold. Every step of an address's networks has a count and a bound
/// of its own, so that many addresses of one holder are not many holders.
#[derive(Debug, Default)]
pub struct NetworkCounts {
    held: HashMap<Network, usize>,
}

impl NetworkCounts {
    /// How much the clients in `network` hold.
    pub fn of(&self, network: Network) -> usize {
        self.held.get(&network).copied().unwrap_or_default()
    }

    /// Whether a client in `network`, the narrowest of its address, may hold one more, where one holder's share is `share`.
    pub fn has_room(&self, network: Network, share: usize) -> bool {
        network.steps().all(|(step, shares)| self.of(step) < share.saturating_mul(shares))
    }

    /// Whether a client in `network` may not hold one more for the sake of what one in `other` holds: both are in a network that
    /// has its share.
    pub fn is_in_the_way(&self, other: Network, network: Network, share: usize) -> bool {
        network.steps().any(|(step, shares)| self.of(step) >= share.saturating_mul(shares) && other.is_within(step))
    }

    /// The share of one holder that would be just enough for what the networks around `network` hold.
    pub fn needed_share(&self, network: Network) -> usize {
        self.steps_needing(network, 0).map(|(_, needed)| needed).max().unwrap_or_default()
    }

    /// How much more than a client in `newcomer` would have with `amount` more, as a share of one holder, `network` has already;
    /// `None` where it is no more. Networks that both are in are no difference between them: so the links of one site share what
    /// it has as the sites share all.
    pub fn lead(&self, network: Network, newcomer: Network, amount: usize) -> Option<usize> {
        let beside = |other: Network| move |(step, needed): (Network, usize)| (!other.is_within(step)).then_some(needed);
        let has = self.steps_needing(network, 0).filter_map(beside(newcomer)).max()?;
        let would_have = self.steps_needing(newcomer, amount).filter_map(beside(network)).max()?;
        has.checked_sub(would_have).filter(|lead| *lead > 0)
    }

    /// The steps of `network`, each with the share of one holder that would be just enough for what it holds and `more`.
    fn steps_needing(&self, network: Network, more: usize) -> impl Iterator<Item = (Network, usize)> {
        network.steps().map(move |(step, shares)| (step, (self.of(step) + more).div_ceil(shares)))
    }

    /// Counts `amount` more for a client in `network`.
    pub fn add(&mut self, network: Network, amount: usize) {
        for (step, _) in network.steps() {
            *self.held.entry(step).or_default() += amount;
        }
    }

    /// Counts `amount` less for a client in `network`.
    pub fn remove(&mut self, network: Network, amount: usize) {
        for (step, _) in network.steps() {
            if let Entry::Occupied(mut held) = self.held.entry(step) {
                *held.get_mut() -= amount;
                if *held.get() == 0 {
                    held.remove();
                }
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::narrowest_of(Some(text.parse().unwrap()))
    }

    /// How many clients at the addresses get one each, where a holder's share is `share`.
    fn admitted(share: usize, addresses: impl IntoIterator<Item = String>) -> usize {
        let mut counts = NetworkCounts::default();
        let admit = |text: String| {
            let client = network(&text);
            let has_room = counts.has_room(client, share);
            if has_room {
                counts.add(client, 1);
            }
            has_room
        };
        addresses.into_iter().map(admit).filter(|admitted| *admitted).count()
    }

    #[test]
    fn many_addresses_of_one_holder_are_not_many_holders() {
        let of_link = (0..100).map(|host| format!("2001:db8::{host:x}"));
        let of_home = (0..100).map(|link| format!("2001:db8:0:{:x}::1", link % 256));
        let of_site = (0..10_000).map(|link| format!("2001:db8:0:{link:x}::1"));
        let of_many_sites = (0..100).map(|site| format!("2001:db8:{site:x}::1"));
        assert_eq!((admitted(4, of_link), admitted(4, of_home), admitted(4, of_site)), (4, 8, 16));
        assert_eq!(admitted(4, of_many_sites), 100);
        let of_one_address = (0..100).map(|_| "192.0.2.1".to_owned());
        let of_one_network = (0..200).map(|host| format!("192.0.2.{host}"));
        assert_eq!((admitted(4, of_one_address), admitted(4, of_one_network)), (4, 32));
    }

    #[test]
    fn an_address_is_counted_however_it_is_written() {
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_eq!(network("2001:db8::1"), network("2001:db8::2"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(Network::widest_of("2001:db8:0:1::1".parse().ok()).to_string(), "2001:db8::/48");
    }

    #[test]
    fn a_network_leads_by_what_it_has_beyond_a_newcomer_and_links_of_one_site_by_what_is_their_own() {
        let mut counts = NetworkCounts::default();
        counts.add(network("2001:db8:1:1::1"), 9);
        counts.add(network("2001:db8:1:2::1"), 1);
        counts.add(network("192.0.2.1"), 4);
        let lead = |network_of: &str, newcomer: &str| counts.lead(network(network_of), network(newcomer), 1);
        assert_eq!(lead("2001:db8:1:1::1", "2001:db8:2::1"), Some(8));
        assert_eq!(lead("2001:db8:1:2::1", "2001:db8:2::1"), Some(4), "the home has ten, of two shares");
        assert_eq!(lead("2001:db8:1:1::1", "2001:db8:1:2::1"), Some(7));
        assert_eq!(lead("2001:db8:1:2::1", "2001:db8:1:3::1"), None, "it would have as much");
        assert_eq!(lead("192.0.2.1", "2001:db8:1:3::1"), None, "whose home has more");
        assert_eq!(lead("192.0.2.1", "192.0.2.2"), Some(3));
        assert_eq!(lead("192.0.2.1", "192.0.2.1"), None, "nobody has more than itself");
    }

    #[test]
    fn what_is_given_back_makes_room() {
        let mut counts = NetworkCounts::default();
        for client in [network("2001:db8::1"), network("192.0.2.1"), Network::narrowest_of(None)] {
            counts.add(client, 1);
            assert!(!counts.has_room(client, 1));
            counts.remove(client, 1);
            assert!(counts.has_room(client, 1));
        }
        assert!(counts.held.is_empty(), "nothing is remembered of who holds nothing");
    }
}
