//! The limits as they are promised. This module is there twice, once for each engine (`on_postgres`), so that both keep all of it.

#![allow(clippy::unwrap_used)]

mod memory;
mod places;
pub(super) mod postgres;
mod words;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::account_counters::AccountCounters;
use super::account_key::{AccountKey, NameKeys};
use super::limits::MAX_ENTRIES;
use super::skeleton::skeleton;
use super::store::{AccountScope, Decision, Release, ThrottleStore};
use super::{AttemptDenial, AttemptFailure, AttemptPermit, DeviceProof, MAX_WAIT, Throttle, ThrottleReason};
use crate::auth::Keys;
use crate::directory::{BindCandidate, LockoutInfo, LockoutPolicy};
use crate::domain::{Client, Clock, ManualClock, Password, PersonId, Realm, Timestamp, Username};
use crate::store::{StoreError, fill_randomly};
use async_trait::async_trait;

const MINUTE: Duration = Duration::from_mins(1);

/// The typed passwords so far: each is another, unless a test says otherwise.
static TYPED: AtomicU32 = AtomicU32::new(0);

struct ThrottleFixture {
    clock: Arc<ManualClock>,
    throttle: Throttle,
    /// The store, where it is one server's own.
    forgetful: Arc<Forgetful>,
    lockout: LockoutInfo,
}

/// Whether this is the module's copy for PostgreSQL.
fn on_postgres() -> bool {
    module_path!().contains("postgres")
}

impl ThrottleFixture {
    /// Before a directory that shows people, and tells nothing of its policy.
    fn new() -> Self {
        Self::before(LockoutInfo::new(None, true))
    }

    fn before(lockout: LockoutInfo) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_795_309_126_976)));
        let forgetful = Arc::new(Forgetful::new(&clock));
        // Where no policy is told, that of everybody in the database holds.
        let shared = if on_postgres() { postgres::open(&clock, lockout.policy.is_some()) } else { None };
        let store = shared.unwrap_or_else(|| forgetful.clone());
        // Nobody else's keys: so fixtures that share a database share nothing.
        let keys = Arc::new(Keys::from_secret(&random_secret()));
        Self { throttle: Throttle::new(clock.clone(), keys, store), forgetful, clock, lockout }
    }

    /// Before a directory of which only a bind tells who it is.
    fn blind(threshold: u32) -> Self {
        Self::before(LockoutInfo::new(Some(policy(threshold)), false))
    }

    /// Before a directory that shows people.
    fn seeing(threshold: u32) -> Self {
        Self::before(LockoutInfo::new(Some(policy(threshold)), true))
    }

    /// Time passes, once what has ended is settled.
    fn pass(&self, duration: Duration) {
        postgres::wait_for(self.throttle.flush());
        self.clock.advance(duration);
    }

    fn fails(&self, name: &str, address: &str) -> Result<(), ThrottleReason> {
        self.admit(name, address).map(|permit| permit.fail(AttemptFailure::Wrong))
    }

    /// Somebody who has just this one name.
    fn succeeds(&self, name: &str, address: &str) -> Result<(), ThrottleReason> {
        self.admit(name, address).map(|permit| permit.succeed(&person(&skeleton(&username(name))), &[]))
    }

    fn admit(&self, name: &str, address: &str) -> Result<AttemptPermit<'_>, ThrottleReason> {
        self.admit_with(name, &unused_password(), &from(address))
    }

    fn admit_with(&self, name: &str, password: &str, client: &Client) -> Result<AttemptPermit<'_>, ThrottleReason> {
        let (name, password) = (username(name), typed(password));
        let admitted = async {
            self.throttle.flush().await;
            self.throttle.try_admit((&name, &Realm::Default), Some(&password), client, self.lockout).await
        };
        postgres::wait_for(admitted).or_reason()
    }

    /// The directory shows, before the bind, that the name is this person's; then the try fails.
    async fn fails_as(&self, name: &str, id: &str) -> Result<(), ThrottleReason> {
        self.fails_as_one_of(name, "192.0.2.1", &candidate(id)).await
    }

    async fn fails_as_one_of(&self, name: &str, address: &str, who: &BindCandidate) -> Result<(), ThrottleReason> {
        self.fails_with(name, &unused_password(), &from(address), who).await
    }

    async fn fails_with(&self, name: &str, password: &str, client: &Client, who: &BindCandidate) -> Result<(), ThrottleReason> {
        let permit = self.admit_with(name, password, client)?;
        if let Err(denial) = permit.identify(who).await {
            permit.deny(&denial);
            return Err(denial).or_reason();
        }
        permit.fail(AttemptFailure::Wrong);
        Ok(())
    }

    /// The browser in which that person has signed in, who has these names.
    fn own_browser(&self, names: &[&str], id: &str) -> Client {
        let names: Vec<_> = names.iter().map(|name| username(name)).collect();
        let cookie =
            self.throttle.issue_device_cookie(&names, &Realm::Default, &person(id), DeviceProof::Password).unwrap().reveal();
        from("198.51.100.77").with_device_cookie(Some(&cookie))
    }
}

/// A store that outlives nothing.
struct Forgetful {
    clock: Arc<ManualClock>,
    counters: Mutex<AccountCounters>,
}

impl Forgetful {
    fn new(clock: &Arc<ManualClock>) -> Self {
        Self { clock: clock.clone(), counters: Mutex::new(AccountCounters::new()) }
    }
}

#[async_trait]
impl ThrottleStore for Forgetful {
    async fn step(&self, _scope: &AccountScope, decide: Decision<'_>) -> Result<(), StoreError> {
        decide(&mut self.counters.lock().unwrap(), self.clock.now());
        Ok(())
    }

    fn is_shared(&self) -> bool {
        false
    }

    async fn flush(&self, _all: bool) {}

    async fn release(&self, _name: NameKeys) -> Result<Release, StoreError> {
        Ok(Release { had_failures: false, is_known: false })
    }

    async fn take_releases(&self) -> Result<Vec<AccountKey>, StoreError> {
        Ok(Vec::new())
    }

    async fn sweep(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn close(&self) {}
}

/// The reason of a denial, where the store did not fail.
trait OrReason<T> {
    fn or_reason(self) -> Result<T, ThrottleReason>;
}

impl<T> OrReason<T> for Result<T, AttemptDenial> {
    fn or_reason(self) -> Result<T, ThrottleReason> {
        self.map_err(|denial| match denial {
            AttemptDenial::Throttled(reason) => reason,
            AttemptDenial::Store(error) => panic!("{error}"),
        })
    }
}

pub(super) fn random_secret() -> [u8; 32] {
    let mut secret = [0; 32];
    fill_randomly(&mut secret).unwrap();
    secret
}

pub(super) fn from(address: &str) -> Client {
    Client::new(Some(ip(address)), None)
}

pub(super) fn username(name: &str) -> Username {
    Username::parse(name).unwrap()
}

pub(super) fn typed(password: &str) -> Password {
    Password::parse(password.to_owned()).unwrap()
}

fn unused_password() -> String {
    format!("typed-{}", TYPED.fetch_add(1, Ordering::Relaxed))
}

/// Somebody of whom the directory tells no count.
fn candidate(id: &str) -> BindCandidate {
    BindCandidate::new(person(id), None)
}

pub(super) fn person(id: &str) -> PersonId {
    PersonId::new(format!("objectGUID:{id}"))
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Active Directory's own count: it starts afresh when the last failure is half an hour old, and locks at five unless
/// the policy says otherwise.
#[derive(Default)]
pub(super) struct DirectoryCount {
    pub(super) failures: u32,
    last: Option<Timestamp>,
    pub(super) worst: u32,
}

impl DirectoryCount {
    pub(super) fn fail(&mut self, now: Timestamp) {
        self.failures = self.now(now) + 1;
        self.last = Some(now);
        self.worst = self.worst.max(self.failures);
    }

    fn now(&self, now: Timestamp) -> u32 {
        if self.last.is_some_and(|last| now.since(last) > 30 * MINUTE) { 0 } else { self.failures }
    }
}

pub(super) fn policy(threshold: u32) -> LockoutPolicy {
    LockoutPolicy { threshold, window: 30 * MINUTE }
}

#[test]
fn the_third_failure_for_a_name_is_not_heard_until_the_window_is_over() {
    let fixture = ThrottleFixture::new();
    for address in ["192.0.2.1", "192.0.2.2"] {
        assert_eq!(fixture.fails("alice", address), Ok(()));
    }
    assert_eq!(fixture.fails("alice", "192.0.2.4"), Err(ThrottleReason::Exhausted(31 * MINUTE)));
    fixture.pass(30 * MINUTE);
    assert_eq!(fixture.fails("alice", "192.0.2.4"), Err(ThrottleReason::Exhausted(MINUTE)));
    assert_eq!(fixture.fails("bob", "192.0.2.4"), Ok(()), "others are not concerned");
    fixture.pass(MINUTE);
    assert_eq!(fixture.fails("alice", "192.0.2.4"), Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_try_that_could_be_the_one_that_locks_is_not_made() {
    for (threshold, failures, expected) in [
        (5, 0, Ok(())),
        (5, 3, Ok(())),
        (5, 4, Err(ThrottleReason::NearLockout)),
        (5, 5, Err(ThrottleReason::NearLockout)),
        (3, 2, Err(ThrottleReason::NearLockout)),
        (2, 1, Err(ThrottleReason::NearLockout)),
        (2, 0, Ok(())),
        (1, 0, Ok(())),
        (0, 1_000_000, Ok(())),
    ] {
        let fixture = ThrottleFixture::before(LockoutInfo::new(Some(policy(threshold)), true));
        let john = BindCandidate { policy: Some(policy(threshold)), failures: Some(failures), ..candidate("john") };
        let tried = fixture.fails_as_one_of("jdoe", "192.0.2.1", &john).await;
        assert_eq!(tried, expected, "{failures} of {threshold}");
    }
}

#[test]
fn all_spellings_of_a_name_share_one_budget() {
    let key = |name: &str| skeleton(&username(name));
    for spelling in [
        "ALICE",
        "CORP\\alice",
        "other\\Alice",
        "alice@corp.example.com",
        "alíce",
        "ａｌｉｃｅ",
        "al ice",
        "al\u{200b}ice",
        "a.lice",
    ] {
        assert_eq!(key(spelling), key("alice"), "{spelling:?}");
    }
    assert_eq!(key("groß"), key("GROSS"));
    for (letters, plain) in [("bjørn", "bjorn"), ("Łukasz", "lukasz"), ("đæœþħŧı", "daeoethhti")] {
        assert_eq!(key(letters), key(plain), "Active Directory takes them for the same");
    }
    assert_eq!(key("Müller"), key("muller"));
    assert_ne!(key("alice"), key("alicia"));
    assert_ne!(key("李小龍"), key("李小"));
    assert_ne!(key("**"), key("()"));

    assert_ne!(key("local\\alice"), key("alice"), "local accounts are in no directory");
    let fixture = ThrottleFixture::new();
    for name in ["alice", "CORP\\ALICE"] {
        fixture.fails(name, "192.0.2.1").unwrap();
    }
    assert!(fixture.fails("Alíce", "192.0.2.1").is_err());
}

#[test]
fn an_address_that_tries_one_name_after_the_other_is_slowed_more_and_more() {
    let fixture = ThrottleFixture::new();
    let mut name = 0;
    let mut fail = || {
        name += 1;
        fixture.fails(&format!("name{name}"), "192.0.2.1")
    };
    for _ in 0..30 {
        fail().unwrap();
    }
    let mut last = Duration::ZERO;
    for _ in 0..3 {
        let Err(ThrottleReason::Exhausted(wait)) = fail() else { panic!("it is heard") };
        assert!(wait > last, "{wait:?} after {last:?}");
        last = wait;
        fixture.pass(wait);
        fail().unwrap();
    }
    assert_eq!(fixture.fails("somebody", "192.0.2.2"), Ok(()), "other addresses are not concerned");
}

#[test]
fn an_address_is_heard_so_often_a_day_and_no_more() {
    if on_postgres() {
        // Networks are each server's own.
        return;
    }
    let fixture = ThrottleFixture::new();
    let mut heard = 0;
    for second in 0..24 * 60 * 60 {
        heard += u32::from(fixture.fails(&format!("name{second}"), "192.0.2.1").is_ok());
        fixture.pass(Duration::from_secs(1));
    }
    // The burst, and then one in half a minute at the most.
    assert!((500..=31 + 2 * 24 * 60).contains(&heard), "{heard}");
}

#[test]
fn ones_own_account_does_not_wash_away_tries_on_others() {
    let fixture = ThrottleFixture::new();
    for name in 0..30 {
        fixture.fails(&format!("name{name}"), "192.0.2.1").unwrap();
        let _ = fixture.succeeds("eve", "192.0.2.1");
    }
    assert!(fixture.fails("alice", "192.0.2.1").is_err());
}

#[test]
fn one_line_of_ipv6_addresses_counts_as_one() {
    let fixture = ThrottleFixture::new();
    for number in 0..30 {
        fixture.fails(&format!("name{number}"), &format!("2001:db8:0:1::{number:x}")).unwrap();
    }
    assert!(fixture.fails("alice", "2001:db8:0:1:ffff::1").is_err());
    assert!(fixture.fails("alice", "2001:db8:0:2::1").is_ok());
    assert!(fixture.fails("bob", "192.0.2.1").is_ok() && fixture.fails("bob", "::ffff:192.0.2.1").is_ok());
}

#[test]
fn an_address_with_many_tries_under_way_waits_and_is_not_refused() {
    let fixture = ThrottleFixture::new();
    let permits: Vec<_> = (0..30).map(|number| fixture.admit(&format!("name{number}"), "192.0.2.1").unwrap()).collect();
    assert_eq!(fixture.fails("somebody", "192.0.2.1"), Err(ThrottleReason::Pending));
    for (number, permit) in permits.into_iter().enumerate() {
        permit.succeed(&person(&number.to_string()), &[]);
    }
    assert_eq!(fixture.fails("somebody", "192.0.2.1"), Ok(()));
}

#[test]
fn many_links_of_one_site_share_its_tries() {
    let fixture = ThrottleFixture::new();
    let heard = (0..1000).filter(|link| fixture.fails(&format!("name{link}"), &format!("2001:db8:0:{link:x}::1")).is_ok());
    assert_eq!(heard.count(), 4 * 30, "a /48 has four addresses' share");
    assert!(fixture.fails("alice", "2001:db8:1::1").is_ok(), "another site is not concerned");
}

#[test]
fn tries_at_the_same_time_are_never_more_than_may_fail() {
    let fixture = ThrottleFixture::new();
    let mut permits: Vec<_> = (0..10).filter_map(|_| fixture.admit("alice", "192.0.2.1").ok()).collect();
    assert_eq!(permits.len(), 2);
    assert_eq!(fixture.fails("alice", "192.0.2.1"), Err(ThrottleReason::Pending), "they have not failed yet");
    permits.pop().unwrap().cancel();
    permits.push(fixture.admit("alice", "192.0.2.1").unwrap());
    drop(permits);
    assert!(matches!(fixture.fails("alice", "203.0.113.5"), Err(ThrottleReason::Exhausted(_))), "now they have");
}

#[test]
fn what_was_no_guess_does_not_count() {
    let fixture = ThrottleFixture::new();
    for _ in 0..1000 {
        fixture.admit("alice", "192.0.2.1").unwrap().cancel();
    }
    for _ in 0..20 {
        fixture.admit("alice", "192.0.2.1").unwrap().decline();
    }
    for _ in 0..2 {
        fixture.fails("alice", "192.0.2.1").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_a_try_under_way_is_heard_once_it_has_ended() {
    let fixture = ThrottleFixture::new();
    let mut permits: Vec<_> = (0..2).map(|_| fixture.admit("alice", "192.0.2.1").unwrap()).collect();
    let (name, password) = (username("alice"), typed("another"));
    let client = from("192.0.2.1");
    let waiting = fixture.throttle.admit((&name, &Realm::Default), Some(&password), &client, fixture.lockout);
    futures::pin_mut!(waiting);
    assert!(futures::poll!(waiting.as_mut()).is_pending());
    fixture.fails("bob", "192.0.2.2").unwrap();
    assert!(futures::poll!(waiting.as_mut()).is_pending(), "another's end makes no room");
    permits.pop().unwrap().succeed(&person("alice"), &[]);
    assert!(waiting.await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_ever_for_tries_under_way() {
    let fixture = ThrottleFixture::new();
    let _permits: Vec<_> = (0..2).map(|_| fixture.admit("alice", "192.0.2.1").unwrap()).collect();
    let (name, password) = (username("alice"), typed("another"));
    let client = from("192.0.2.1");
    let waiting = fixture.throttle.admit((&name, &Realm::Default), Some(&password), &client, fixture.lockout);
    futures::pin_mut!(waiting);
    assert!(futures::poll!(waiting.as_mut()).is_pending());
    fixture.clock.advance(MAX_WAIT);
    assert_eq!(waiting.await.or_reason().err(), Some(ThrottleReason::Pending));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tries_that_read_the_same_count_wait_for_each_other() {
    let fixture = ThrottleFixture::seeing(10);
    let near = BindCandidate { policy: Some(policy(10)), failures: Some(7), ..candidate("john") };
    let mut permits: Vec<_> = (0..3).map(|_| fixture.admit("jdoe", "192.0.2.1").unwrap()).collect();
    let last = permits.pop().unwrap();
    for permit in &permits {
        permit.identify(&near).await.unwrap();
    }
    let found = last.identify(&near);
    futures::pin_mut!(found);
    assert!(futures::poll!(found.as_mut()).is_pending(), "seven, two under way, and this one would be ten");
    drop(permits);
    assert_eq!(found.await.or_reason(), Err(ThrottleReason::NearLockout), "they failed after the count was read");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_try_of_one_person_waits_for_another_under_another_name() {
    let fixture = ThrottleFixture::new();
    let john = candidate("john");
    let mut permits = Vec::new();
    for name in ["jdoe", "john.doe"] {
        let permit = fixture.admit(name, "192.0.2.1").unwrap();
        permit.identify(&john).await.unwrap();
        permits.push(permit);
    }
    let third = fixture.admit("johnny", "192.0.2.1").unwrap();
    {
        let found = third.identify(&john);
        futures::pin_mut!(found);
        assert!(futures::poll!(found.as_mut()).is_pending());
        permits.pop().unwrap().succeed(&john.id, &[]);
        assert_eq!(found.await.or_reason(), Ok(()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn good_sign_ins_at_once_all_come_through_under_the_strictest_policy() {
    let fixture = &ThrottleFixture::seeing(3);
    let john = &BindCandidate { policy: Some(policy(3)), failures: Some(1), ..candidate("john") };
    let sign_in = async |name: &str| {
        let permit = {
            let name = (&username(name), &Realm::Default);
            fixture.throttle.admit(name, Some(&typed("right")), &from("192.0.2.1"), fixture.lockout).await.or_reason()?
        };
        permit.identify(john).await.or_reason()?;
        tokio::task::yield_now().await;
        permit.succeed(&john.id, &[]);
        Ok::<_, ThrottleReason>(())
    };
    let names = ["jdoe", "john.doe", "JDOE"];
    let all = futures::future::join_all((0..30).map(|number| sign_in(names[number % names.len()]))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
}

#[test]
fn a_window_that_was_longer_when_somebody_failed_is_not_cut_short() {
    let mut fixture = ThrottleFixture::seeing(5);
    fixture.fails("alice", "192.0.2.1").unwrap();
    fixture.fails("alice", "192.0.2.1").unwrap();
    fixture.lockout.policy = Some(LockoutPolicy { threshold: 5, window: MINUTE });
    fixture.pass(30 * MINUTE);
    assert_eq!(fixture.fails("alice", "192.0.2.1"), Err(ThrottleReason::Exhausted(MINUTE)));
    fixture.pass(MINUTE);
    assert_eq!(fixture.fails("alice", "192.0.2.1"), Ok(()));
}

#[test]
fn one_address_alone_cannot_use_up_what_a_name_may_fail() {
    let fixture = ThrottleFixture::seeing(10);
    let heard = (0..12).filter(|_| {
        fixture.pass(2 * MINUTE);
        fixture.fails("alice", "203.0.113.5").is_ok()
    });
    assert_eq!(heard.count(), 4);
    assert_eq!(fixture.fails("alice", "198.51.100.9"), Ok(()), "its owner is heard from elsewhere");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_keeps_trying_one_account_waits_longer_each_time() {
    let fixture = ThrottleFixture::seeing(0);
    let mut waits = Vec::new();
    for _ in 0..7 {
        let waited = match fixture.fails("alice", "203.0.113.5") {
            Ok(()) => Duration::ZERO,
            Err(ThrottleReason::Exhausted(wait)) => {
                fixture.pass(wait);
                fixture.fails("alice", "203.0.113.5").unwrap();
                wait
            }
            Err(denial) => panic!("{denial:?}"),
        };
        waits.push(waited.as_secs());
    }
    assert_eq!(waits, [0, 0, 0, 0, 5, 10, 20]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_made_up_names_forgets_nothing_that_counts_against_a_person() {
    if on_postgres() {
        // Memory is bounded, where there is no database.
        return;
    }
    let fixture = ThrottleFixture::new();
    for _ in 0..2 {
        fixture.fails_as("alice", "alice").await.unwrap();
    }
    for number in 0..MAX_ENTRIES + 1000 {
        let address = format!("10.{}.{}.{}", number >> 16, number >> 8 & 255, number & 255);
        let _ = fixture.fails(&format!("name{number}"), &address);
    }
    assert!(fixture.fails_as("alice", "alice").await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_flood_of_made_up_names_has_to_forget_of_one_is_assumed_of_every_other() {
    if on_postgres() {
        return;
    }
    let fixture = ThrottleFixture::blind(5);
    fixture.admit("jdoe", "198.51.100.9").unwrap().succeed(&person("john"), &[]);
    let own = fixture.own_browser(&["jdoe"], "john");
    for address in ["203.0.113.5", "203.0.113.6"] {
        fixture.fails("victim", address).unwrap();
    }
    fixture.pass(Duration::from_secs(1));
    let flood = |range: std::ops::Range<usize>| {
        range.filter(|number| {
            let address = format!("{}.{}.{}.7", 10 + (number >> 16), number >> 8 & 255, number & 255);
            fixture.fails(&format!("name{number}"), &address).is_ok()
        })
    };
    assert_eq!(flood(0..MAX_ENTRIES).count(), MAX_ENTRIES);
    assert!(matches!(fixture.fails("victim", "203.0.113.7"), Err(ThrottleReason::Exhausted(_))), "it is forgotten");
    assert_eq!(flood(MAX_ENTRIES..MAX_ENTRIES + 1000).count(), 0, "nor is the flood heard any more");
    fixture.admit_with("jdoe", &unused_password(), &own).unwrap().fail(AttemptFailure::Wrong);
    fixture.pass(31 * MINUTE);
    assert_eq!(fixture.fails("newcomer", "203.0.113.7"), Ok(()));
}

#[test]
fn a_flood_of_names_and_addresses_does_not_fill_the_memory() {
    if on_postgres() {
        return;
    }
    let fixture = ThrottleFixture::new();
    for number in 0..MAX_ENTRIES + 1000 {
        let address = format!("{}.{}.{}.7", 10 + (number >> 16), number >> 8 & 255, number & 255);
        fixture.succeeds(&format!("good{number}"), &address).unwrap();
        fixture.fails(&format!("name{number}"), &address).unwrap();
    }
    let counters = fixture.forgetful.counters.lock().unwrap();
    let ([names, persons], [pairs, networks]) = (counters.lengths(), fixture.throttle.counters.networks().lengths());
    assert_eq!(persons, 0, "made-up names are no persons");
    for entries in [names, pairs, networks, counters.known.len().1] {
        assert!(entries <= MAX_ENTRIES && entries > MAX_ENTRIES / 2, "{entries}");
    }
}
