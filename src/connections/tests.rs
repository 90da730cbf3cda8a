use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::policy::{Eviction, EvictionReason, ShutdownMode, select_evictions};
use super::table::ConnectionTable;
use crate::config::ConnectionSettings;
use crate::domain::{PersonId, Timestamp, TrustedProxies};

const PROXY: &str = "10.0.0.1:4711";

/// A server's connections and limits, with a clock set by hand.
struct ConnectionsFixture {
    table: ConnectionTable,
    listed: HashMap<SocketAddr, u64>,
    limits: ConnectionSettings,
    most: usize,
    now: Timestamp,
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// The connection from `port` of some stranger's machine.
fn stranger(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 7], port))
}

impl ConnectionsFixture {
    fn new() -> Self {
        let limits = ConnectionSettings {
            most: 1000,
            per_address: 100,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            body_timeout: Duration::from_secs(15),
        };
        let table = ConnectionTable { is_watched: true, ..ConnectionTable::default() };
        Self { table, listed: HashMap::new(), limits, most: 1000, now: Timestamp::from_millis(1_000_000) }
    }

    fn opens(&mut self, peer: SocketAddr) {
        let socket = u64::try_from(self.listed.len()).unwrap() + 1;
        self.listed.insert(peer, socket);
        self.table.observe(peer, socket, self.now);
    }

    fn asks(&mut self, peer: SocketAddr) {
        self.table.request_started(peer, self.now);
    }

    /// Opens a connection, on which the member asks for something.
    fn signed_in(&mut self, peer: SocketAddr, member: &str) {
        self.opens(peer);
        self.asks(peer);
        self.table.set_member(peer, &PersonId::new(member));
    }

    fn is_answered(&mut self, peer: SocketAddr) {
        self.table.request_finished(peer, self.now);
    }

    fn passes(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
    }

    fn sweeps(&mut self) -> Vec<Eviction> {
        let proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let mut evictions = select_evictions(&mut self.table, &self.listed, &self.limits, self.most, &proxies, self.now);
        self.table.retain_listed(&self.listed, self.now);
        evictions.sort_by_key(|eviction| eviction.peer);
        evictions
    }

    /// The connections to be ended, and why.
    fn ends(&mut self) -> Vec<(SocketAddr, EvictionReason)> {
        self.sweeps().into_iter().map(|eviction| (eviction.peer, eviction.reason)).collect()
    }
}

#[test]
fn whoever_asks_nothing_in_time_is_ended_gently_and_then_for_good() {
    let mut server = ConnectionsFixture::new();
    server.opens(stranger(1));
    server.passes(9);
    assert_eq!(server.sweeps(), []);
    server.passes(1);
    let gently = Eviction { peer: stranger(1), mode: ShutdownMode::Read, reason: EvictionReason::HeadTimeout };
    assert_eq!(server.sweeps(), [gently]);
    server.passes(9);
    assert_eq!(server.sweeps(), [], "it has a moment to go");
    server.passes(1);
    assert_eq!(server.sweeps(), [Eviction { peer: stranger(1), mode: ShutdownMode::Both, reason: EvictionReason::NotClosed }]);
}

#[test]
fn a_connection_on_which_something_is_asked_stays_as_long_as_that_takes() {
    let mut server = ConnectionsFixture::new();
    server.opens(stranger(1));
    server.asks(stranger(1));
    server.passes(7 * 24 * 3600);
    assert_eq!(server.sweeps(), []);
    server.is_answered(stranger(1));
    server.passes(74);
    assert_eq!(server.sweeps(), []);
    server.passes(1);
    assert_eq!(server.ends(), [(stranger(1), EvictionReason::IdleTimeout)]);
}

#[test]
fn one_address_has_its_share_and_takes_nobody_elses() {
    let mut server = ConnectionsFixture::new();
    for port in 1..=103 {
        server.opens(stranger(port));
        server.passes(0);
    }
    let other = address("192.0.2.8:1");
    server.opens(other);
    let ended = server.ends();
    assert_eq!(ended.len(), 3);
    assert!(ended.iter().all(|(peer, why)| *why == EvictionReason::PerAddressLimit && peer.ip() == stranger(1).ip()));
}

#[test]
fn an_ipv6_network_is_one_address() {
    let mut server = ConnectionsFixture::new();
    for host in 1..=101 {
        server.opens(address(&format!("[2001:db8::{host:x}]:1")));
        server.opens(address(&format!("[2001:db8:{host:x}::1]:1")));
    }
    assert_eq!(server.ends().len(), 1, "the first network has one too many, and a hundred networks have one each");
}

#[test]
fn many_links_of_one_site_are_not_many_addresses() {
    for (links, expected) in [(256, 200), (900, 400)] {
        let mut server = ConnectionsFixture::new();
        for link in 0..links {
            server.opens(address(&format!("[2001:db8:0:{link:x}::1]:1")));
        }
        server.opens(stranger(1));
        let ended = server.ends();
        assert_eq!(ended.len(), links - expected, "a /56 has twice as many as an address, a /48 four times");
        assert!(ended.iter().all(|(peer, _)| peer.is_ipv6()));
    }
}

#[test]
fn members_are_counted_by_themselves_wherever_a_whole_company_comes_from() {
    let mut server = ConnectionsFixture::new();
    server.limits.per_address = 8;
    for staff in 0..100_u16 {
        for connection in 0..3 {
            server.signed_in(SocketAddr::from(([192, 0, 2, 7], 1_000 + staff * 8 + connection)), &format!("staff{staff}"));
            server.signed_in(address(&format!("[2001:db8:0:{staff:x}::1]:{}", 1 + connection)), &format!("staff{staff}"));
        }
    }
    assert_eq!(server.ends(), [], "of six each, behind one address and in one site");
    for port in 1..=10 {
        server.opens(stranger(port));
    }
    let ended = server.ends();
    assert_eq!(ended.len(), 2, "a colleague who has not signed in yet has the address's share");
    assert!(ended.iter().all(|(peer, why)| peer.port() <= 10 && *why == EvictionReason::PerAddressLimit));
    for port in 1..=20 {
        server.signed_in(SocketAddr::from(([198, 51, 100, 1], port)), "greedy");
        server.signed_in(SocketAddr::from(([203, 0, 113, 1], port)), "greedy");
    }
    assert_eq!(server.ends().len(), 32, "one member has one share, from however many addresses");
}

#[test]
fn when_there_are_too_many_they_go_from_whoever_has_most() {
    let mut server = ConnectionsFixture::new();
    (server.most, server.limits.per_address) = (400, 1000);
    for link in 0..400 {
        let peer = address(&format!("[2001:db8:0:{link:x}::1]:1"));
        server.opens(peer);
        server.asks(peer);
    }
    server.passes(1);
    let newcomers: Vec<_> = (0..50).map(|host| address(&format!("198.51.{host}.1:1"))).collect();
    for peer in &newcomers {
        server.opens(*peer);
    }
    let ended = server.ends();
    assert_eq!(ended.len(), 50);
    assert!(ended.iter().all(|(peer, _)| !newcomers.contains(peer)), "a site with four hundred keeps out nobody");
}

#[test]
fn a_proxy_may_have_any_number_of_its_share_and_be_silent() {
    let mut server = ConnectionsFixture::new();
    for port in 1..=200 {
        server.opens(SocketAddr::new(address(PROXY).ip(), port));
    }
    server.passes(3600);
    assert_eq!(server.sweeps(), []);
}

#[test]
fn when_there_are_too_many_the_silent_go_first_and_members_last() {
    let mut server = ConnectionsFixture::new();
    let (old, young) = (stranger(1), stranger(2));
    let (quiet, board) = (stranger(3), stranger(4));
    let (members_quiet, members_board) = (address("192.0.2.9:1"), address("192.0.2.9:2"));
    server.opens(old);
    for peer in [quiet, board, members_quiet, members_board] {
        server.opens(peer);
        server.asks(peer);
    }
    for peer in [members_quiet, members_board] {
        server.table.set_member(peer, &PersonId::new("alice"));
    }
    server.is_answered(quiet);
    server.is_answered(members_quiet);
    server.passes(1);
    server.opens(young);
    for (most, gone) in [(5, old), (4, young), (3, quiet), (2, board), (1, members_quiet), (0, members_board)] {
        server.most = most;
        assert_eq!(server.ends(), [(gone, EvictionReason::TotalLimit)], "of {}", most + 1);
        server.listed.remove(&gone);
    }
}

#[test]
fn of_boards_the_newest_goes_so_that_what_is_there_stays() {
    let mut server = ConnectionsFixture::new();
    for port in 1..=3 {
        server.opens(stranger(port));
        server.asks(stranger(port));
        server.passes(1);
    }
    server.most = 2;
    assert_eq!(server.ends(), [(stranger(3), EvictionReason::TotalLimit)]);
}

#[test]
fn what_is_gone_is_forgotten_and_a_port_that_comes_again_begins_anew() {
    let mut server = ConnectionsFixture::new();
    server.opens(stranger(1));
    server.passes(9);
    server.listed.insert(stranger(1), 4711);
    server.passes(1);
    assert_eq!(server.sweeps(), [], "another connection, a moment old");
    server.listed.clear();
    server.passes(1);
    server.sweeps();
    assert!(server.table.connections.is_empty());
}

#[test]
fn a_million_requests_leave_nothing_behind_even_where_nobody_looks() {
    let mut table = ConnectionTable::default();
    let now = Timestamp::from_millis(0);
    for n in 0..1_000_000_u32 {
        let [_, a, b, c] = n.to_be_bytes();
        let peer = SocketAddr::from(([10, a, b, c], 1));
        table.request_started(peer, now);
        table.request_finished(peer, now);
    }
    assert!(table.connections.is_empty());
}
