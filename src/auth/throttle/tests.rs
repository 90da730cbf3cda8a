#![allow(clippy::unwrap_used)]

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::failure_counters::MAX_ENTRIES;
use super::{AttemptPermit, MAX_WAIT, Throttle, ThrottleReason, skeleton};
use crate::auth::Keys;
use crate::directory::{BindCandidate, LockoutInfo, LockoutPolicy};
use crate::domain::{Client, Clock, ManualClock, PersonId, Timestamp, Username};

const MINUTE: Duration = Duration::from_mins(1);

struct ThrottleFixture {
    clock: Arc<ManualClock>,
    throttle: Throttle,
    lockout: LockoutInfo,
}

impl ThrottleFixture {
    /// Before a directory that shows people, and tells nothing of its policy.
    fn new() -> Self {
        Self::before(LockoutInfo { policy: None, identifies_before_bind: true })
    }

    fn before(lockout: LockoutInfo) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_795_309_126_976)));
        Self { throttle: Throttle::new(clock.clone(), Arc::new(Keys::from_secret(&[7; 32]))), clock, lockout }
    }

    fn fails(&self, name: &str, address: &str) -> Result<(), ThrottleReason> {
        self.admit(name, address).map(drop)
    }

    /// Somebody who has just this one name.
    fn succeeds(&self, name: &str, address: &str) -> Result<(), ThrottleReason> {
        self.admit(name, address).map(|permit| permit.succeed(&person(&skeleton(&username(name)))))
    }

    fn admit(&self, name: &str, address: &str) -> Result<AttemptPermit<'_>, ThrottleReason> {
        self.throttle.try_admit(&username(name), &from(address), self.lockout)
    }

    /// The directory shows, before the bind, that the name is this person's; then the try fails.
    async fn fails_as(&self, name: &str, id: &str) -> Result<(), ThrottleReason> {
        self.fails_as_one_of(name, "192.0.2.1", &candidate(id)).await
    }

    async fn fails_as_one_of(&self, name: &str, address: &str, who: &BindCandidate) -> Result<(), ThrottleReason> {
        let permit = self.admit(name, address)?;
        if let Err(held) = permit.identify(who).await {
            permit.cancel();
            return Err(held);
        }
        drop(permit);
        Ok(())
    }
}

fn from(address: &str) -> Client {
    Client::new(Some(ip(address)), None)
}

fn username(name: &str) -> Username {
    Username::parse(name).unwrap()
}

/// Somebody of whom the directory tells no count.
fn candidate(id: &str) -> BindCandidate {
    BindCandidate { id: person(id), policy: None, failures: None }
}

fn person(id: &str) -> PersonId {
    PersonId::new(format!("objectGUID:{id}"))
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Active Directory's own count: it starts afresh when the last failure is half an hour old, and locks at five unless
/// the policy says otherwise.
#[derive(Default)]
struct DirectoryCount {
    failures: u32,
    last: Option<Timestamp>,
    worst: u32,
}

impl DirectoryCount {
    fn fail(&mut self, now: Timestamp) {
        self.failures = self.now(now) + 1;
        self.last = Some(now);
        self.worst = self.worst.max(self.failures);
    }

    fn now(&self, now: Timestamp) -> u32 {
        if self.last.is_some_and(|last| now.since(last) > 30 * MINUTE) { 0 } else { self.failures }
    }
}

fn policy(threshold: u32) -> LockoutPolicy {
    LockoutPolicy { threshold, window: 30 * MINUTE }
}

#[test]
fn the_fourth_failure_for_a_name_is_not_heard_until_the_window_is_over() {
    let fixture = ThrottleFixture::new();
    for address in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
        assert_eq!(fixture.fails("alice", address), Ok(()));
    }
    assert_eq!(fixture.fails("alice", "192.0.2.4"), Err(ThrottleReason::Exhausted(31 * MINUTE)));
    fixture.clock.advance(30 * MINUTE);
    assert_eq!(fixture.fails("alice", "192.0.2.4"), Err(ThrottleReason::Exhausted(MINUTE)));
    assert_eq!(fixture.fails("bob", "192.0.2.4"), Ok(()), "others are not concerned");
    fixture.clock.advance(MINUTE);
    assert_eq!(fixture.fails("alice", "192.0.2.4"), Ok(()));
}

#[test]
fn nobody_can_lock_a_colleague_however_the_tries_are_spread() {
    for pause in [1, 61, 601, 899, 1201, 1799, 1801, 1859] {
        let fixture = ThrottleFixture::new();
        fixture.succeeds("alice", "198.51.100.9").unwrap();
        let mut directory = DirectoryCount::default();
        for try_ in 0..2_000_u32 {
            let stranger = format!("192.0.{}.{}", try_ / 250 % 250, try_ % 250);
            for address in [stranger.as_str(), "198.51.100.9"] {
                if fixture.fails("alice", address).is_ok() {
                    directory.fail(fixture.clock.now());
                }
            }
            fixture.clock.advance(Duration::from_secs(pause));
        }
        assert!(directory.worst < 5, "every {pause} s: {} failures in the directory's count", directory.worst);
        assert!(directory.worst >= 2, "every {pause} s: the try was made at all");
    }
}

#[tokio::test]
async fn whatever_the_policy_a_person_is_never_locked_under_all_of_their_names() {
    for threshold in 2..=12 {
        for pause in [1, 601, 1799, 1801, 1859] {
            let fixture =
                ThrottleFixture::before(LockoutInfo { policy: Some(policy(threshold)), identifies_before_bind: true });
            let john = BindCandidate { policy: Some(policy(threshold)), ..candidate("john") };
            let good = fixture.admit("jdoe", "198.51.100.9").unwrap();
            good.identify(&john).await.unwrap();
            good.succeed(&john.id);
            let mut directory = DirectoryCount::default();
            for try_ in 0..200_u32 {
                let stranger = format!("192.0.2.{try_}");
                for (name, address) in
                    [("jdoe", &*stranger), ("john.doe@corp.example.com", &*stranger), ("jdoe", "198.51.100.9")]
                {
                    if fixture.fails_as_one_of(name, address, &john).await.is_ok() {
                        directory.fail(fixture.clock.now());
                    }
                }
                fixture.clock.advance(Duration::from_secs(pause));
            }
            assert!(directory.worst < threshold, "{threshold}, every {pause} s: {} failures", directory.worst);
            assert!(directory.worst >= 1, "{threshold}, every {pause} s: the try was made at all");
        }
    }
}

#[test]
fn where_only_the_bind_tells_who_it_is_two_unlike_names_never_add_up_to_a_lockout() {
    for threshold in 3..=12 {
        for pause in [1, 601, 1799, 1801, 1859] {
            let fixture =
                ThrottleFixture::before(LockoutInfo { policy: Some(policy(threshold)), identifies_before_bind: false });
            // Their owner has signed in with one of them.
            fixture.admit("jdoe", "198.51.100.9").unwrap().succeed(&person("john"));
            let mut directory = DirectoryCount::default();
            for try_ in 0..200_u32 {
                let stranger = format!("192.0.2.{try_}");
                for name in ["jdoe", "CORP\\jdoe", "john.doe@corp.example.com", "John.Doe@CORP.example.com"] {
                    for address in [&*stranger, "198.51.100.9"] {
                        if fixture.fails(name, address).is_ok() {
                            directory.fail(fixture.clock.now());
                        }
                    }
                }
                fixture.clock.advance(Duration::from_secs(pause));
            }
            assert!(directory.worst < threshold, "{threshold}, every {pause} s: {} failures", directory.worst);
            assert!(directory.worst >= 2, "{threshold}, every {pause} s: both were tried");
        }
    }
}

#[tokio::test]
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
        let fixture = ThrottleFixture::before(LockoutInfo { policy: Some(policy(threshold)), identifies_before_bind: true });
        let john = BindCandidate { policy: Some(policy(threshold)), failures: Some(failures), ..candidate("john") };
        let tried = fixture.fails_as_one_of("jdoe", "192.0.2.1", &john).await;
        assert_eq!(tried, expected, "{failures} of {threshold}");
    }
}

#[tokio::test]
async fn what_is_withheld_for_the_directory_s_count_is_no_failure_and_open_again_afterwards() {
    let fixture = ThrottleFixture::new();
    let near = BindCandidate { policy: Some(policy(5)), failures: Some(4), ..candidate("john") };
    for _ in 0..20 {
        assert_eq!(fixture.fails_as_one_of("jdoe", "192.0.2.1", &near).await, Err(ThrottleReason::NearLockout));
    }
    let afresh = BindCandidate { failures: Some(0), ..near };
    assert_eq!(fixture.fails_as_one_of("jdoe", "192.0.2.1", &afresh).await, Ok(()));
}

#[tokio::test]
async fn tries_that_read_the_same_count_wait_for_each_other() {
    let fixture = ThrottleFixture::before(LockoutInfo { policy: Some(policy(10)), identifies_before_bind: true });
    let near = BindCandidate { policy: Some(policy(10)), failures: Some(7), ..candidate("john") };
    let mut permits = Vec::new();
    for _ in 0..3 {
        permits.push(fixture.admit("jdoe", "192.0.2.1").unwrap());
    }
    let last = permits.pop().unwrap();
    for permit in &permits {
        permit.identify(&near).await.unwrap();
    }
    let found = last.identify(&near);
    futures::pin_mut!(found);
    assert!(futures::poll!(found.as_mut()).is_pending(), "seven, two under way, and this one would be ten");
    drop(permits);
    assert_eq!(found.await, Err(ThrottleReason::NearLockout), "they failed after the count was read");
}

#[tokio::test]
async fn a_stricter_policy_of_a_persons_own_holds_for_them() {
    let fixture = ThrottleFixture::before(LockoutInfo { policy: Some(policy(10)), identifies_before_bind: true });
    let strict = Some(LockoutPolicy { threshold: 3, window: 90 * MINUTE });
    let john = BindCandidate { policy: strict, ..candidate("john") };
    assert_eq!(fixture.fails_as_one_of("jdoe", "192.0.2.1", &john).await, Ok(()));
    assert!(matches!(fixture.fails_as_one_of("jdoe", "192.0.2.1", &john).await, Err(ThrottleReason::Exhausted(_))));
    fixture.clock.advance(90 * MINUTE);
    assert_eq!(fixture.fails_as_one_of("jdoe", "192.0.2.1", &john).await, Err(ThrottleReason::Exhausted(MINUTE)));
    fixture.clock.advance(MINUTE);
    assert_eq!(fixture.fails_as_one_of("jdoe", "192.0.2.1", &john).await, Ok(()));
}

#[tokio::test]
async fn good_sign_ins_at_once_all_come_through_under_the_strictest_policy() {
    let fixture = &ThrottleFixture::before(LockoutInfo { policy: Some(policy(3)), identifies_before_bind: true });
    let john = &BindCandidate { policy: Some(policy(3)), failures: Some(1), ..candidate("john") };
    let sign_in = async |name: &str| {
        let permit = fixture.throttle.admit(&username(name), &from("192.0.2.1"), fixture.lockout).await?;
        permit.identify(john).await?;
        tokio::task::yield_now().await;
        permit.succeed(&john.id);
        Ok::<_, ThrottleReason>(())
    };
    let names = ["jdoe", "john.doe", "JDOE"];
    let all = futures::future::join_all((0..30).map(|number| sign_in(names[number % names.len()]))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
}

#[test]
fn a_window_that_was_longer_when_somebody_failed_is_not_cut_short() {
    let mut fixture = ThrottleFixture::before(LockoutInfo { policy: Some(policy(5)), identifies_before_bind: false });
    fixture.fails("alice", "192.0.2.1").unwrap();
    fixture.fails("alice", "192.0.2.1").unwrap();
    fixture.lockout.policy = Some(LockoutPolicy { threshold: 5, window: MINUTE });
    fixture.clock.advance(30 * MINUTE);
    assert_eq!(fixture.fails("alice", "192.0.2.1"), Err(ThrottleReason::Exhausted(MINUTE)));
    fixture.clock.advance(MINUTE);
    assert_eq!(fixture.fails("alice", "192.0.2.1"), Ok(()));
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

    let fixture = ThrottleFixture::new();
    for name in ["alice", "CORP\\ALICE", "alice@corp.example.com"] {
        fixture.fails(name, "192.0.2.1").unwrap();
    }
    assert!(fixture.fails("Alíce", "192.0.2.1").is_err());
}

#[test]
fn strangers_cannot_keep_out_the_address_that_last_signed_in_well() {
    let fixture = ThrottleFixture::new();
    fixture.succeeds("alice", "192.0.2.1").unwrap();
    for _ in 0..100 {
        let _ = fixture.fails("alice", "203.0.113.5");
    }
    assert!(fixture.fails("alice", "203.0.113.6").is_err());
    assert_eq!(fixture.succeeds("alice", "192.0.2.1"), Ok(()));
}

#[test]
fn even_a_familiar_address_has_an_end_to_its_tries() {
    let fixture = ThrottleFixture::new();
    fixture.succeeds("alice", "192.0.2.1").unwrap();
    let heard = (0..100).filter(|_| fixture.fails("alice", "192.0.2.1").is_ok()).count();
    assert_eq!(heard, 4);
}

#[test]
fn a_familiar_address_is_strange_again_after_a_month() {
    let fixture = ThrottleFixture::new();
    fixture.succeeds("alice", "192.0.2.1").unwrap();
    fixture.clock.advance(31 * 24 * 60 * MINUTE);
    for _ in 0..3 {
        fixture.fails("alice", "203.0.113.5").unwrap();
    }
    assert!(fixture.fails("alice", "192.0.2.1").is_err());
}

#[test]
fn a_good_sign_in_starts_the_names_count_afresh() {
    let fixture = ThrottleFixture::new();
    fixture.fails("alice", "192.0.2.1").unwrap();
    fixture.fails("alice", "192.0.2.1").unwrap();
    fixture.succeeds("alice", "192.0.2.1").unwrap();
    for _ in 0..3 {
        fixture.fails("alice", "192.0.2.1").unwrap();
    }
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
        fixture.clock.advance(wait);
        fail().unwrap();
    }
    assert_eq!(fixture.fails("somebody", "192.0.2.2"), Ok(()), "other addresses are not concerned");
}

#[test]
fn an_address_is_heard_so_often_a_day_and_no_more() {
    let fixture = ThrottleFixture::new();
    let mut heard = 0;
    for second in 0..24 * 60 * 60 {
        heard += u32::from(fixture.fails(&format!("name{second}"), "192.0.2.1").is_ok());
        fixture.clock.advance(Duration::from_secs(1));
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
fn tries_at_the_same_time_are_never_more_than_may_fail() {
    let fixture = ThrottleFixture::new();
    let mut permits: Vec<_> = (0..10).filter_map(|_| fixture.admit("alice", "192.0.2.1").ok()).collect();
    assert_eq!(permits.len(), 3);
    assert_eq!(fixture.fails("alice", "192.0.2.1"), Err(ThrottleReason::Pending), "they have not failed yet");
    permits.pop().unwrap().succeed(&person("alice"));
    permits.push(fixture.admit("alice", "192.0.2.1").unwrap());
    drop(permits);
    assert!(matches!(fixture.fails("alice", "203.0.113.5"), Err(ThrottleReason::Exhausted(_))), "now they have");
}

#[test]
fn a_good_sign_in_forgives_nothing_that_the_directory_may_count_after_it() {
    let fixture = ThrottleFixture::new();
    let good = fixture.admit("alice", "192.0.2.1").unwrap();
    fixture.fails("alice", "192.0.2.1").unwrap();
    fixture.fails("alice", "192.0.2.1").unwrap();
    good.succeed(&person("alice"));
    fixture.fails("alice", "203.0.113.5").unwrap();
    assert!(matches!(fixture.fails("alice", "203.0.113.5"), Err(ThrottleReason::Exhausted(_))));
}

#[test]
fn an_address_with_many_tries_under_way_waits_and_is_not_refused() {
    let fixture = ThrottleFixture::new();
    let permits: Vec<_> = (0..30).map(|number| fixture.admit(&format!("name{number}"), "192.0.2.1").unwrap()).collect();
    assert_eq!(fixture.fails("somebody", "192.0.2.1"), Err(ThrottleReason::Pending));
    for (number, permit) in permits.into_iter().enumerate() {
        permit.succeed(&person(&number.to_string()));
    }
    assert_eq!(fixture.fails("somebody", "192.0.2.1"), Ok(()));
}

#[tokio::test]
async fn who_waits_for_a_try_under_way_is_heard_once_it_has_ended() {
    let fixture = ThrottleFixture::new();
    let mut permits: Vec<_> = (0..3).map(|_| fixture.admit("alice", "192.0.2.1").unwrap()).collect();
    let name = username("alice");
    let client = from("192.0.2.1");
    let waiting = fixture.throttle.admit(&name, &client, fixture.lockout);
    futures::pin_mut!(waiting);
    assert!(futures::poll!(waiting.as_mut()).is_pending());
    fixture.fails("bob", "192.0.2.2").unwrap();
    assert!(futures::poll!(waiting.as_mut()).is_pending(), "another's end makes no room");
    permits.pop().unwrap().succeed(&person("alice"));
    assert!(matches!(futures::poll!(waiting.as_mut()), std::task::Poll::Ready(Ok(_))));
}

#[tokio::test]
async fn nobody_waits_for_ever_for_tries_under_way() {
    let fixture = ThrottleFixture::new();
    let _permits: Vec<_> = (0..3).map(|_| fixture.admit("alice", "192.0.2.1").unwrap()).collect();
    let name = username("alice");
    let client = from("192.0.2.1");
    let waiting = fixture.throttle.admit(&name, &client, fixture.lockout);
    futures::pin_mut!(waiting);
    assert!(futures::poll!(waiting.as_mut()).is_pending());
    fixture.clock.advance(MAX_WAIT);
    assert_eq!(waiting.await.err(), Some(ThrottleReason::Pending));
}

#[tokio::test]
async fn all_names_of_a_person_share_one_budget_where_the_directory_shows_them_first() {
    let fixture = ThrottleFixture::new();
    for name in ["jdoe", "john.doe@corp.example.com", "doe"] {
        fixture.fails_as(name, "john").await.unwrap();
    }
    for name in ["jdoe", "john.doe", "never-typed-before"] {
        assert!(matches!(fixture.fails_as(name, "john").await, Err(ThrottleReason::Exhausted(_))), "{name}");
    }
    assert_eq!(fixture.fails_as("other", "jane").await, Ok(()), "others are not concerned");
    fixture.clock.advance(31 * MINUTE);
    assert_eq!(fixture.fails_as("jdoe", "john").await, Ok(()));
}

#[test]
fn names_share_one_budget_once_a_person_has_signed_in_with_each() {
    let fixture = ThrottleFixture::new();
    for name in ["jdoe", "john.doe@corp.example.com"] {
        fixture.admit(name, "192.0.2.1").unwrap().succeed(&person("john"));
    }
    for name in ["jdoe", "john.doe@corp.example.com", "jdoe"] {
        fixture.fails(name, "203.0.113.5").unwrap();
    }
    assert!(matches!(fixture.fails("john.doe@corp.example.com", "203.0.113.5"), Err(ThrottleReason::Exhausted(_))));
    assert!(matches!(fixture.fails("jdoe", "203.0.113.5"), Err(ThrottleReason::Exhausted(_))));
}

#[test]
fn a_name_like_a_colleagues_does_not_wash_their_failures_away() {
    let fixture = ThrottleFixture::new();
    for _ in 0..2 {
        fixture.fails("alice", "192.0.2.1").unwrap();
    }
    // Another account, whose name has the same letters.
    fixture.admit("a.lice", "192.0.2.1").unwrap().succeed(&person("eve"));
    fixture.fails("alice", "203.0.113.5").unwrap();
    assert!(matches!(fixture.fails("alice", "203.0.113.5"), Err(ThrottleReason::Exhausted(_))));
}

#[tokio::test]
async fn one_try_of_one_person_waits_for_another_under_another_name() {
    let fixture = ThrottleFixture::new();
    let mut permits = Vec::new();
    for name in ["jdoe", "john.doe", "doe"] {
        let permit = fixture.admit(name, "192.0.2.1").unwrap();
        permit.identify(&candidate("john")).await.unwrap();
        permits.push(permit);
    }
    let fourth = fixture.admit("johnny", "192.0.2.1").unwrap();
    let john = candidate("john");
    {
        let found = fourth.identify(&john);
        futures::pin_mut!(found);
        assert!(futures::poll!(found.as_mut()).is_pending());
        permits.pop().unwrap().succeed(&john.id);
        assert_eq!(found.await, Ok(()));
    }
    drop((fourth, permits));
    assert!(matches!(fixture.fails("jdoe", "203.0.113.5"), Err(ThrottleReason::Exhausted(_))));
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
    for _ in 0..3 {
        fixture.fails("alice", "192.0.2.1").unwrap();
    }
}

#[tokio::test]
async fn a_flood_of_made_up_names_forgets_nothing_that_counts_against_a_person() {
    let fixture = ThrottleFixture::new();
    for _ in 0..3 {
        fixture.fails_as("alice", "alice").await.unwrap();
    }
    for number in 0..MAX_ENTRIES + 1000 {
        let address = format!("10.{}.{}.{}", number >> 16, number >> 8 & 255, number & 255);
        fixture.fails(&format!("name{number}"), &address).unwrap();
    }
    assert!(fixture.fails_as("alice", "alice").await.is_err());
}

#[test]
fn strangers_cannot_keep_out_the_browser_in_which_its_owner_last_signed_in_well() {
    let fixture = ThrottleFixture::new();
    let cookie = fixture.throttle.issue_device_cookie(&username("alice"), &person("alice")).unwrap().reveal();
    for _ in 0..100 {
        let _ = fixture.fails("alice", "203.0.113.5");
    }
    let admit = |name: &str, cookie: Option<&str>| {
        let client = from("198.51.100.77").with_device_cookie(cookie);
        fixture.throttle.try_admit(&username(name), &client, fixture.lockout)
    };
    assert!(admit("alice", None).is_err() && admit("alice", Some("forged")).is_err());
    admit("ALICE@corp.example.com", Some(&cookie)).unwrap().cancel();
    for _ in 0..3 {
        fixture.fails("bob", "203.0.113.6").unwrap();
    }
    assert!(admit("bob", Some(&cookie)).is_err(), "it is alice's and opens nobody else's way");
}

#[tokio::test]
async fn a_marked_browser_has_no_more_than_the_one_try_that_is_kept_back() {
    let fixture = ThrottleFixture::before(LockoutInfo { policy: Some(policy(5)), identifies_before_bind: true });
    let cookie = fixture.throttle.issue_device_cookie(&username("alice"), &person("alice")).unwrap().reveal();
    let client = from("198.51.100.77").with_device_cookie(Some(&cookie));
    let mut failed = 0;
    for _ in 0..20 {
        let Ok(permit) = fixture.throttle.try_admit(&username("alice"), &client, fixture.lockout) else { continue };
        match permit.identify(&candidate("alice")).await {
            Ok(()) => failed += 1,
            Err(held) => permit.deny(held),
        }
    }
    assert_eq!(failed, 4, "one below the lockout");
}

#[test]
fn one_address_alone_cannot_use_up_what_an_account_may_fail() {
    let fixture = ThrottleFixture::before(LockoutInfo { policy: Some(policy(10)), identifies_before_bind: true });
    let heard = (0..12).filter(|_| {
        fixture.clock.advance(2 * MINUTE);
        fixture.fails("alice", "203.0.113.5").is_ok()
    });
    assert_eq!(heard.count(), 7);
    assert_eq!(fixture.fails("alice", "198.51.100.9"), Ok(()), "its owner is heard from elsewhere");
}

#[test]
fn whoever_keeps_trying_one_account_waits_longer_each_time() {
    let fixture = ThrottleFixture::before(LockoutInfo { policy: Some(policy(0)), identifies_before_bind: true });
    let mut waits = Vec::new();
    for _ in 0..7 {
        let waited = match fixture.fails("alice", "203.0.113.5") {
            Ok(()) => Duration::ZERO,
            Err(ThrottleReason::Exhausted(wait)) => {
                fixture.clock.advance(wait);
                fixture.fails("alice", "203.0.113.5").unwrap();
                wait
            }
            Err(held) => panic!("{held:?}"),
        };
        waits.push(waited.as_secs());
    }
    assert_eq!(waits, [0, 0, 0, 0, 5, 10, 20]);
}

#[test]
fn a_flood_of_names_and_addresses_does_not_fill_the_memory() {
    let fixture = ThrottleFixture::new();
    for number in 0..MAX_ENTRIES + 1000 {
        let address = format!("10.{}.{}.{}", number >> 16, number >> 8 & 255, number & 255);
        fixture.succeeds(&format!("good{number}"), &address).unwrap();
        fixture.fails(&format!("name{number}"), &address).unwrap();
    }
    let counters = fixture.throttle.counters();
    assert_eq!(counters.persons.len(), 0, "made-up names are no persons");
    for entries in [
        counters.names.len(),
        counters.pairs.len(),
        counters.addresses.len(),
        counters.familiar_addresses.len(),
        counters.name_owners.len(),
    ] {
        assert!(entries <= MAX_ENTRIES && entries > MAX_ENTRIES / 2, "{entries}");
    }
}
