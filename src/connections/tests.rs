use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::policy::{Eviction, EvictionReason, ShutdownMode, select_evictions};
use super::table::ConnectionTable;
use crate::config::ConnectionSettings;
use crate::domain::{Timestamp, TrustedProxies};

const PROXY: &str = "10.0.0.1:4711";

/// A server's connections, and the time.
struct ConnectionsFixture {
    book: ConnectionTable,
    shown: HashMap<SocketAddr, u64>,
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
        let book = ConnectionTable { is_watched: true, ..ConnectionTable::default() };
        Self { book, shown: HashMap::new(), limits, most: 1000, now: Timestamp::from_millis(1_000_000) }
    }

    fn opens(&mut self, peer: SocketAddr) {
        let socket = u64::try_from(self.shown.len()).unwrap() + 1;
        self.shown.insert(peer, socket);
        self.book.observe(peer, socket, self.now);
    }

    fn asks(&mut self, peer: SocketAddr) {
        self.book.request_started(peer, self.now);
    }

    fn is_answered(&mut self, peer: SocketAddr) {
        self.book.request_finished(peer, self.now);
    }

    fn passes(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
    }

    fn judges(&mut self) -> Vec<Eviction> {
        let proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let mut verdicts = select_evictions(&mut self.book, &self.shown, &self.limits, self.most, &proxies, self.now);
        self.book.retain_listed(&self.shown, self.now);
        verdicts.sort_by_key(|verdict| verdict.peer);
        verdicts
    }

    /// Who has to go, and why.
    fn ends(&mut self) -> Vec<(SocketAddr, EvictionReason)> {
        self.judges().into_iter().map(|verdict| (verdict.peer, verdict.reason)).collect()
    }
}

#[test]
fn whoever_asks_nothing_in_time_is_ended_gently_and_then_for_good() {
    let mut place = ConnectionsFixture::new();
    place.opens(stranger(1));
    place.passes(9);
    assert_eq!(place.judges(), []);
    place.passes(1);
    let gently = Eviction { peer: stranger(1), mode: ShutdownMode::Read, reason: EvictionReason::HeadTimeout };
    assert_eq!(place.judges(), [gently]);
    place.passes(9);
    assert_eq!(place.judges(), [], "it has a moment to go");
    place.passes(1);
    assert_eq!(
        place.judges(),
        [Eviction { peer: stranger(1), mode: ShutdownMode::Both, reason: EvictionReason::NotClosed }]
    );
}

#[test]
fn a_connection_on_which_something_is_asked_stays_as_long_as_that_takes() {
    let mut place = ConnectionsFixture::new();
    place.opens(stranger(1));
    place.asks(stranger(1));
    place.passes(7 * 24 * 3600);
    assert_eq!(place.judges(), []);
    place.is_answered(stranger(1));
    place.passes(74);
    assert_eq!(place.judges(), []);
    place.passes(1);
    assert_eq!(place.ends(), [(stranger(1), EvictionReason::IdleTimeout)]);
}

#[test]
fn one_address_has_its_share_and_takes_nobody_elses() {
    let mut place = ConnectionsFixture::new();
    for port in 1..=103 {
        place.opens(stranger(port));
        place.passes(0);
    }
    let other = address("192.0.2.8:1");
    place.opens(other);
    let ended = place.ends();
    assert_eq!(ended.len(), 3);
    assert!(ended.iter().all(|(peer, why)| *why == EvictionReason::PerAddressLimit && peer.ip() == stranger(1).ip()));
}

#[test]
fn an_ipv6_network_is_one_address() {
    let mut place = ConnectionsFixture::new();
    for host in 1..=101 {
        place.opens(address(&format!("[2001:db8::{host:x}]:1")));
        place.opens(address(&format!("[2001:db8:0:{host:x}::1]:1")));
    }
    assert_eq!(place.ends().len(), 1, "the first network has one too many, and a hundred networks have one each");
}

#[test]
fn a_proxy_may_have_any_number_of_its_share_and_be_silent() {
    let mut place = ConnectionsFixture::new();
    for port in 1..=200 {
        place.opens(SocketAddr::new(address(PROXY).ip(), port));
    }
    place.passes(3600);
    assert_eq!(place.judges(), []);
}

#[test]
fn when_there_are_too_many_the_silent_go_first_and_members_last() {
    let mut place = ConnectionsFixture::new();
    let (old, young) = (stranger(1), stranger(2));
    let (quiet, board) = (stranger(3), stranger(4));
    let (members_quiet, members_board) = (address("192.0.2.9:1"), address("192.0.2.9:2"));
    place.opens(old);
    for peer in [quiet, board, members_quiet, members_board] {
        place.opens(peer);
        place.asks(peer);
    }
    place.book.mark_as_members(members_quiet);
    place.book.mark_as_members(members_board);
    place.is_answered(quiet);
    place.is_answered(members_quiet);
    place.passes(1);
    place.opens(young);
    for (most, gone) in [(5, old), (4, young), (3, quiet), (2, board), (1, members_quiet), (0, members_board)] {
        place.most = most;
        assert_eq!(place.ends(), [(gone, EvictionReason::TotalLimit)], "of {}", most + 1);
        place.shown.remove(&gone);
    }
}

#[test]
fn of_boards_the_newest_goes_so_that_what_is_there_stays() {
    let mut place = ConnectionsFixture::new();
    for port in 1..=3 {
        place.opens(stranger(port));
        place.asks(stranger(port));
        place.passes(1);
    }
    place.most = 2;
    assert_eq!(place.ends(), [(stranger(3), EvictionReason::TotalLimit)]);
}

#[test]
fn what_is_gone_is_forgotten_and_a_port_that_comes_again_begins_anew() {
    let mut place = ConnectionsFixture::new();
    place.opens(stranger(1));
    place.passes(9);
    place.shown.insert(stranger(1), 4711);
    place.passes(1);
    assert_eq!(place.judges(), [], "another connection, a moment old");
    place.shown.clear();
    place.passes(1);
    place.judges();
    assert!(place.book.connections.is_empty());
}

#[test]
fn a_million_requests_leave_nothing_behind_even_where_nobody_looks() {
    let mut book = ConnectionTable::default();
    let now = Timestamp::from_millis(0);
    for n in 0..1_000_000_u32 {
        let [_, a, b, c] = n.to_be_bytes();
        let peer = SocketAddr::from(([10, a, b, c], 1));
        book.request_started(peer, now);
        book.request_finished(peer, now);
    }
    assert!(book.connections.is_empty());
}
