#![allow(clippy::unwrap_used)]

use super::*;
use crate::domain::{Network, PersonId};

fn stranger(address: &str) -> Holder {
    Holder::Stranger(Network::narrowest_of(Some(address.parse().unwrap())))
}

fn member(name: &str) -> Holder {
    Holder::Person(PersonId::new(name))
}

/// The channels of a server, each with its holder and how many use it.
#[derive(Default)]
struct Channels(Vec<(PageSlug, Holder, usize)>);

impl Channels {
    /// How many channels of the page the holder has, once it has got as many as possible, all in use.
    fn takes_all(&mut self, page: &str, holder: &Holder) -> usize {
        let page: PageSlug = page.parse().unwrap();
        for _ in 0..1_000 {
            if !self.takes(&page, holder, 1) {
                break;
            }
        }
        self.of(page.as_str(), holder)
    }

    /// How many channels of the page the holder has.
    fn of(&self, page: &str, holder: &Holder) -> usize {
        self.0.iter().filter(|(of, by, _)| of.as_str() == page && by == holder).count()
    }

    /// How many channels of the page strangers have, or members.
    fn of_kind(&self, page: &str, holder: &Holder) -> usize {
        self.0.iter().filter(|(of, by, _)| of.as_str() == page && by.is_like(holder)).count()
    }

    /// Whether the holder gets one more channel of the page, which so many use.
    fn takes(&mut self, page: &PageSlug, holder: &Holder, users: usize) -> bool {
        let running = self.0.iter().enumerate().map(|(id, (page, holder, users))| HeldChannel {
            id,
            page,
            holder: holder.clone(),
            held_since: u64::try_from(id).unwrap(),
            users: *users,
        });
        let Ok(displaced) = find_displaced(running.collect(), page, holder) else { return false };
        let mut id = 0;
        self.0.retain(|_| {
            id += 1;
            !displaced.contains(&(id - 1))
        });
        self.0.push((page.clone(), holder.clone(), users));
        true
    }
}

#[test]
fn whoever_comes_next_finds_room_however_few_others_have_taken_all() {
    let mut channels = Channels::default();
    // Four sites, with as many links as they like.
    for site in 0..4 {
        for link in 0..200 {
            channels.takes_all("welcome", &stranger(&format!("2001:db8:{site:x}:{link:x}::1")));
        }
    }
    let first = channels.takes_all("welcome", &stranger("192.0.2.1"));
    assert!(first >= 10, "who comes next has {first}");
    // Eight IPv4 addresses of different networks, and as many members.
    for host in 0..8 {
        assert!(channels.takes_all("quiet", &stranger(&format!("198.51.{host}.1"))) >= 15);
        assert!(channels.takes_all("own", &member(&format!("greedy{host}"))) >= 24);
    }
    let ninth = channels.takes_all("quiet", &stranger("203.0.113.1"));
    assert!(ninth >= 13, "the ninth has {ninth}");
    let bob = channels.takes_all("own", &member("bob"));
    assert!(bob >= 21, "the ninth member has {bob}");
    let least = (0..8).map(|host| channels.of("own", &member(&format!("greedy{host}")))).min().unwrap();
    assert!(least >= 21, "and took no more than was fair: {least}");
}

#[test]
fn links_of_one_site_share_what_it_has_and_one_of_them_shuts_out_no_other() {
    let mut channels = Channels::default();
    for site in 0..40 {
        channels.takes_all("welcome", &stranger(&format!("2001:db8:{site:x}::1")));
    }
    let before = channels.of("welcome", &stranger("2001:db8:1::1"));
    assert!(before > 1);
    assert!(channels.takes_all("welcome", &stranger("2001:db8:1:1::1")) > 0);
    assert_eq!(channels.of_kind("welcome", &stranger("192.0.2.1")), OF_PAGE.of_strangers);
    for link in 0..200 {
        channels.takes_all("welcome", &stranger(&format!("2001:db8:2:{link:x}::1")));
    }
    assert!(channels.of("welcome", &stranger("2001:db8:1::1")) > 0, "two hundred links of one site displace no other site");
}

#[test]
fn nothing_goes_back_and_forth_between_two_who_have_as_much() {
    let mut channels = Channels::default();
    let page: PageSlug = "quiet".parse().unwrap();
    let all: Vec<_> = (0..25).map(|host| stranger(&format!("192.0.{host}.1"))).collect();
    for holder in &all {
        channels.takes_all("quiet", holder);
    }
    assert!(all.iter().all(|holder| channels.of("quiet", holder) == 5));
    assert!(!all.iter().any(|holder| channels.takes(&page, holder, 1)));
}

#[test]
fn what_many_use_and_what_has_long_been_there_stays() {
    let mut channels = Channels::default();
    let page: PageSlug = "quiet".parse().unwrap();
    let eve = stranger("192.0.2.1");
    for users in [1, 9, 0].into_iter().cycle().take(30) {
        channels.takes(&page, &eve, users);
    }
    for host in 0..95 {
        channels.takes(&page, &stranger(&format!("198.51.{host}.1")), 1);
    }
    let unused = |channels: &Channels| channels.0.iter().filter(|(.., users)| *users == 0).count();
    assert_eq!((channels.0.len(), unused(&channels)), (125, 10));
    for host in 100..115 {
        assert!(channels.takes(&page, &stranger(&format!("198.51.{host}.1")), 1));
    }
    let of_eve: Vec<_> = channels.0.iter().filter(|(_, holder, _)| *holder == eve).map(|(.., users)| *users).collect();
    assert_eq!(of_eve, [1, 9, 1, 9, 1, 9, 1, 9, 1, 9, 9, 9, 9, 9, 9], "the unused first, then the newest that few use");
}

#[test]
fn a_stranger_has_a_share_and_neither_other_strangers_nor_members_are_shut_out() {
    let mut channels = Channels::default();
    assert_eq!(channels.takes_all("welcome", &stranger("192.0.2.1")), 32);
    assert_eq!(channels.takes_all("welcome", &stranger("2001:db8::1")), 32);
    for site in 0..100 {
        channels.takes_all("welcome", &stranger(&format!("2001:db8:{site:x}:1::1")));
    }
    assert_eq!(channels.of_kind("welcome", &stranger("192.0.2.1")), OF_PAGE.of_strangers);
    assert_eq!(channels.takes_all("welcome", &member("alice")), 64, "half of the page's are the members'");
    assert_eq!(channels.takes_all("welcome", &member("bob")), 62);
    assert!(channels.takes_all("welcome", &member("carol")) >= 41);
    assert_eq!(channels.of_kind("welcome", &stranger("192.0.2.1")), OF_PAGE.of_strangers);
}

#[test]
fn members_leave_some_of_a_page_to_strangers() {
    let mut channels = Channels::default();
    for name in ["alice", "bob", "carol", "dave", "erin"].map(member) {
        channels.takes_all("welcome", &name);
    }
    assert_eq!(channels.of_kind("welcome", &member("alice")), OF_PAGE.of_members);
    assert!(channels.takes_all("welcome", &stranger("192.0.2.1")) >= 30);
}

#[test]
fn strangers_on_all_pages_leave_every_page_to_members() {
    let mut channels = Channels::default();
    for page in ["one", "two", "three", "four", "five", "six", "seven", "eight"] {
        for site in 0..200 {
            let page: PageSlug = page.parse().unwrap();
            channels.takes(&page, &stranger(&format!("2001:db8:{site:x}::1")), 1);
        }
    }
    assert!(channels.0.len() <= OF_SERVER.of_strangers, "{}", channels.0.len());
    for page in ["one", "two", "quiet"] {
        assert!(channels.takes_all(page, &member("alice")) >= 50, "{page}");
    }
    for member in ["bob", "carol", "dave"].map(member) {
        assert!(channels.takes_all("quiet", &member) > 0);
    }
}
