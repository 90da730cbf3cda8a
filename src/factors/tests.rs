use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tempfile::TempDir;
use totp_rs::{Builder, Secret};

use super::{
    CodeOrigin, CodeRefusal, Factors, PasskeyId, PasskeyRecord, PasskeyRefusal, PasskeyResponse, RelyingParty, VerifiedFactor,
};
use crate::domain::{Clock, ManualClock, Network, Person, Timestamp};
use crate::store::{SealingKey, StoreError};

const START: Timestamp = Timestamp::from_millis(1_795_309_140_000);
const STEP: Duration = Duration::from_secs(30);

/// A store in a folder of its own, with a clock set by hand.
struct FactorsFixture {
    factors: Factors,
    clock: Arc<ManualClock>,
    folder: TempDir,
}

impl FactorsFixture {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(START));
        let factors = Factors::open(&folder.path().join("factors.db"), &key(1), clock.clone()).await.unwrap();
        Self { factors, clock, folder }
    }

    async fn reopens_with(&self, key: &SealingKey) -> Factors {
        Factors::open(&self.folder.path().join("factors.db"), key, self.clock.clone()).await.unwrap()
    }

    /// Somebody sets up an app; its seed, as they typed it.
    async fn sets_up(&self, person: &Person) -> String {
        let enrollment = self.factors.start_app_enrollment(person, "Belvedere", b"browser").unwrap();
        let code = self.code(&enrollment.base32_seed);
        self.factors.finish_app_enrollment(person, &enrollment.sealed_seed, b"browser", &code).await.unwrap();
        self.clock.advance(STEP);
        enrollment.base32_seed.to_string()
    }

    fn code(&self, key: &str) -> String {
        let totp = Builder::new().with_secret(Secret::try_from_base32(key).unwrap()).build_noncompliant();
        totp.generate(u64::try_from(self.clock.now().as_millis()).unwrap() / 1000).to_string()
    }

    async fn verifies(&self, person: &Person, typed: &str) -> Result<VerifiedFactor, CodeRefusal> {
        self.factors.verify_code(&person.id, typed, &desk()).await
    }
}

/// A browser that is familiar.
fn desk() -> CodeOrigin {
    CodeOrigin::FamiliarDevice("desk".to_owned())
}

fn network(address: &str) -> CodeOrigin {
    CodeOrigin::Network(Network::widest_of(address.parse().ok()))
}

fn key(byte: u8) -> SealingKey {
    SealingKey::new([byte; 32])
}

fn person(name: &str) -> Person {
    Person::named(name)
}

#[tokio::test]
async fn an_app_counts_once_it_has_shown_a_code() {
    let fixture = FactorsFixture::open().await;
    let alice = person("alice");
    let enrollment = fixture.factors.start_app_enrollment(&alice, "Boards: Corp", b"browser").unwrap();
    assert!(enrollment.otpauth_url.starts_with("otpauth://totp/Boards%20%20Corp:alice?secret="), "{}", *enrollment.otpauth_url);
    assert!(!fixture.factors.has_any(&alice.id).await.unwrap());
    let wrong = fixture.factors.finish_app_enrollment(&alice, &enrollment.sealed_seed, b"browser", "000000").await;
    assert!(matches!(wrong, Err(CodeRefusal::Wrong)));
    assert!(!fixture.factors.has_any(&alice.id).await.unwrap());

    let code = fixture.code(&enrollment.base32_seed);
    fixture.factors.finish_app_enrollment(&alice, &enrollment.sealed_seed, b"browser", &code).await.unwrap();
    assert!(fixture.factors.has_any(&alice.id).await.unwrap());
    assert!(matches!(fixture.verifies(&alice, &code).await, Err(CodeRefusal::Used)), "it was used to confirm");
}

#[tokio::test]
async fn an_offer_is_for_one_person_in_one_browser_and_not_for_long() {
    let fixture = FactorsFixture::open().await;
    let (alice, bob) = (person("alice"), person("bob"));
    let enrollment = fixture.factors.start_app_enrollment(&alice, "Belvedere", b"browser").unwrap();
    let code = fixture.code(&enrollment.base32_seed);
    for (who, browser) in [(&bob, &b"browser"[..]), (&alice, b"another")] {
        let taken = fixture.factors.finish_app_enrollment(who, &enrollment.sealed_seed, browser, &code).await;
        assert!(matches!(taken, Err(CodeRefusal::EnrollmentExpired)));
    }
    fixture.clock.advance(Duration::from_mins(15));
    let code = fixture.code(&enrollment.base32_seed);
    let late = fixture.factors.finish_app_enrollment(&alice, &enrollment.sealed_seed, b"browser", &code).await;
    assert!(matches!(late, Err(CodeRefusal::EnrollmentExpired)));
    let rubbish = fixture.factors.finish_app_enrollment(&alice, "rubbish!", b"browser", &code).await;
    assert!(matches!(rubbish, Err(CodeRefusal::EnrollmentExpired)));
}

#[tokio::test]
async fn a_code_works_once_and_none_from_before_it() {
    let fixture = FactorsFixture::open().await;
    let alice = person("alice");
    let key = fixture.sets_up(&alice).await;
    let earlier = fixture.code(&key);
    fixture.clock.advance(STEP);
    let code = fixture.code(&key);
    assert_eq!(fixture.verifies(&alice, &code).await.unwrap(), VerifiedFactor::App);
    assert!(matches!(fixture.verifies(&alice, &code).await, Err(CodeRefusal::Used)));
    assert!(matches!(fixture.verifies(&alice, &earlier).await, Err(CodeRefusal::Used)), "seen over a shoulder");
    fixture.clock.advance(STEP);
    let spaced = fixture.code(&key);
    let spaced = format!(" {} {} ", &spaced[..3], &spaced[3..]);
    assert_eq!(fixture.verifies(&alice, &spaced).await.unwrap(), VerifiedFactor::App, "as phones show it");
}

#[tokio::test]
async fn of_many_who_type_the_same_code_at_once_one_is_let_in() {
    let fixture = FactorsFixture::open().await;
    let alice = person("alice");
    let key = fixture.sets_up(&alice).await;
    let code = fixture.code(&key);
    let tries = (0..4).map(|_| fixture.verifies(&alice, &code));
    let let_in = futures::future::join_all(tries).await.into_iter().flatten().count();
    assert_eq!(let_in, 1);
}

#[tokio::test]
async fn a_phone_that_is_a_step_wrong_is_right_and_two_steps_are_too_many() {
    for (steps, right) in [(1, true), (2, false)] {
        let fixture = FactorsFixture::open().await;
        let alice = person("alice");
        let key = fixture.sets_up(&alice).await;
        fixture.clock.advance(STEP * 4);
        let code = fixture.code(&key);
        fixture.clock.advance(STEP * steps);
        assert_eq!(fixture.verifies(&alice, &code).await.is_ok(), right, "{steps} steps late");
    }
}

#[tokio::test]
async fn wrong_codes_are_heard_ever_later_and_a_right_one_makes_them_good() {
    let fixture = FactorsFixture::open().await;
    let (alice, bob) = (person("alice"), person("bob"));
    let key = fixture.sets_up(&alice).await;
    let bobs = fixture.sets_up(&bob).await;
    for _ in 0..5 {
        assert!(matches!(fixture.verifies(&alice, "000000").await, Err(CodeRefusal::Wrong)));
    }
    let mut waits = Vec::new();
    for _ in 0..9 {
        let right = fixture.code(&key);
        let Err(CodeRefusal::Throttled { retry_after, .. }) = fixture.verifies(&alice, &right).await else {
            panic!("a right code is not heard either");
        };
        waits.push(retry_after.as_secs());
        fixture.clock.advance(retry_after);
        assert!(matches!(fixture.verifies(&alice, "000000").await, Err(CodeRefusal::Wrong)), "one is heard then");
    }
    assert_eq!(waits, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
    let code = fixture.code(&bobs);
    assert!(fixture.verifies(&bob, &code).await.is_ok(), "nobody else waits");

    let again = fixture.reopens_with(&self::key(1)).await;
    let code = fixture.code(&key);
    assert!(matches!(again.verify_code(&alice.id, &code, &desk()).await, Err(CodeRefusal::Throttled { .. })), "over a restart");
    fixture.clock.advance(Duration::from_hours(1));
    let code = fixture.code(&key);
    assert_eq!(fixture.verifies(&alice, &code).await.unwrap(), VerifiedFactor::App);
    assert!(matches!(fixture.verifies(&alice, "000000").await, Err(CodeRefusal::Wrong)));
    fixture.clock.advance(STEP);
    let code = fixture.code(&key);
    assert!(fixture.verifies(&alice, &code).await.is_ok(), "no wait after one");
}

#[tokio::test]
async fn whoever_knows_the_password_uses_up_neither_the_owner_s_codes_nor_the_recovery_codes() {
    let fixture = FactorsFixture::open().await;
    let alice = person("alice");
    let key = fixture.sets_up(&alice).await;
    let codes = fixture.factors.make_recovery_codes(&alice.id).await.unwrap();
    // From as many networks as there are in a year's tries, apps' codes and recovery codes.
    for number in 0..400 {
        let thief = network(&format!("2001:db8:{number:x}::1"));
        for typed in ["000000", "4v0kx-9t2mq-4v0kx-9t2mq"] {
            let _ = fixture.factors.verify_code(&alice.id, typed, &thief).await;
        }
    }
    let code = fixture.code(&key);
    let thief = network("2001:db8:ffff::1");
    let verified = fixture.factors.verify_code(&alice.id, &code, &thief).await;
    assert!(matches!(verified, Err(CodeRefusal::Throttled { .. })), "together they have had theirs: {verified:?}");
    assert_eq!(fixture.verifies(&alice, &code).await.unwrap(), VerifiedFactor::App, "the owner's own browser");
    let elsewhere = network("192.0.2.1");
    let recovered = fixture.factors.verify_code(&alice.id, &codes[0].reveal(), &elsewhere).await;
    assert_eq!(recovered.unwrap(), VerifiedFactor::RecoveryCode { left: 9 }, "in any browser");
    let again = fixture.reopens_with(&self::key(1)).await;
    fixture.clock.advance(STEP);
    let verified = again.verify_code(&alice.id, &fixture.code(&key), &thief).await;
    assert!(verified.is_ok() || matches!(verified, Err(CodeRefusal::Throttled { .. })), "{verified:?}");
    fixture.factors.reset(&alice.id).await.unwrap();
    assert!(matches!(fixture.factors.verify_code(&alice.id, "000000", &thief).await, Err(CodeRefusal::Wrong)), "lifted");
}

#[tokio::test]
async fn one_network_takes_no_more_than_its_part_of_what_all_have() {
    let fixture = FactorsFixture::open().await;
    let alice = person("alice");
    let key = fixture.sets_up(&alice).await;
    let thief = network("203.0.113.5");
    for _ in 0..24 * 60 {
        fixture.clock.advance(Duration::from_mins(1));
        let _ = fixture.factors.verify_code(&alice.id, "000000", &thief).await;
    }
    let verified = fixture.factors.verify_code(&alice.id, &fixture.code(&key), &network("192.0.2.1")).await;
    assert_eq!(verified.unwrap(), VerifiedFactor::App, "a new browser of the owner's, a day later");
}

/// Six digits, three of a million right at any moment: the chance of a thief who has the password and any number of networks.
#[tokio::test]
async fn a_thief_guesses_a_code_within_a_year_with_a_chance_of_three_percent() {
    let fixture = FactorsFixture::open().await;
    let alice = person("alice");
    fixture.sets_up(&alice).await;
    let mut heard = Vec::new();
    for day in 0..4 {
        let mut of_day = 0;
        for minute in 0..24 * 60 {
            fixture.clock.advance(Duration::from_mins(1));
            let thief = network(&format!("10.{}.{}.1", day * 6 + minute / 256, minute % 256));
            of_day +=
                u32::from(matches!(fixture.factors.verify_code(&alice.id, "000000", &thief).await, Err(CodeRefusal::Wrong)));
        }
        heard.push(of_day);
    }
    assert!(heard[0] <= 49 && heard[1..].iter().all(|of_day| *of_day <= 27), "{heard:?}");
    let chance = 3.0 / 1e6 * f64::from(49 + 27 * 364);
    assert!(chance < 0.03, "{chance}");
}

#[tokio::test]
async fn as_many_at_once_get_no_more_tries_than_one_after_the_other() {
    let fixture = FactorsFixture::open().await;
    let alice = person("alice");
    fixture.sets_up(&alice).await;
    let tries = (0..20).map(|_| fixture.verifies(&alice, "000000"));
    let verified = futures::future::join_all(tries).await;
    assert_eq!(verified.iter().filter(|verified| matches!(verified, Err(CodeRefusal::Wrong))).count(), 5);
}

#[tokio::test]
async fn a_clock_that_is_set_back_keeps_nobody_out() {
    let fixture = FactorsFixture::open().await;
    let alice = person("alice");
    fixture.sets_up(&alice).await;
    for _ in 0..5 {
        let _ = fixture.verifies(&alice, "000000").await;
    }
    fixture.clock.set_back(Duration::from_hours(24));
    assert!(matches!(fixture.verifies(&alice, "000000").await, Err(CodeRefusal::Wrong)));
}

#[tokio::test]
async fn each_recovery_code_works_once_and_new_ones_take_their_place() {
    let fixture = FactorsFixture::open().await;
    let (alice, bob) = (person("alice"), person("bob"));
    fixture.sets_up(&alice).await;
    fixture.sets_up(&bob).await;
    let codes = fixture.factors.make_recovery_codes(&alice.id).await.unwrap();
    assert_eq!(codes.len(), 10);
    let first = codes[0].reveal();
    assert!(matches!(fixture.verifies(&bob, &first).await, Err(CodeRefusal::Wrong)), "they are hers");
    assert_eq!(fixture.verifies(&alice, &first.to_uppercase()).await.unwrap(), VerifiedFactor::RecoveryCode { left: 9 });
    assert!(matches!(fixture.verifies(&alice, &first).await, Err(CodeRefusal::Wrong)));

    fixture.factors.make_recovery_codes(&alice.id).await.unwrap();
    assert!(matches!(fixture.verifies(&alice, &codes[1].reveal()).await, Err(CodeRefusal::Wrong)));
    assert_eq!(fixture.factors.enrolled(&alice.id).await.unwrap().recovery_codes, 10);
    fixture.factors.remove_app(&alice.id).await.unwrap();
    assert_eq!(fixture.factors.enrolled(&alice.id).await.unwrap().recovery_codes, 0, "they stand in for nothing");
    assert!(!fixture.factors.has_any(&alice.id).await.unwrap());
}

#[tokio::test]
async fn the_file_holds_neither_the_seed_nor_a_recovery_code() {
    let fixture = FactorsFixture::open().await;
    let alice = person("alice");
    let key = fixture.sets_up(&alice).await;
    let codes = fixture.factors.make_recovery_codes(&alice.id).await.unwrap();
    let seed = Secret::try_from_base32(&key).unwrap().as_bytes().to_vec();
    let code = codes[0].reveal();
    let bare = code.replace('-', "");
    fixture.factors.close().await;
    for file in std::fs::read_dir(fixture.folder.path()).unwrap() {
        let kept = std::fs::read(file.unwrap().path()).unwrap();
        for secret in [&seed[..], key.as_bytes(), code.as_bytes(), bare.as_bytes()] {
            assert!(!kept.windows(secret.len()).any(|window| window == secret));
        }
    }
}

#[tokio::test]
async fn under_another_secret_key_no_seed_opens_and_recovery_codes_still_do() {
    let fixture = FactorsFixture::open().await;
    let alice = person("alice");
    let seed = fixture.sets_up(&alice).await;
    let codes = fixture.factors.make_recovery_codes(&alice.id).await.unwrap();
    let other = fixture.reopens_with(&key(2)).await;
    let code = fixture.code(&seed);
    assert!(matches!(other.verify_code(&alice.id, &code, &desk()).await, Err(CodeRefusal::SealedUnderAnotherKey)));
    assert!(other.has_any(&alice.id).await.unwrap(), "her password alone opens nothing all the same");
    assert!(other.verify_code(&alice.id, &codes[0].reveal(), &desk()).await.is_ok());
}

#[tokio::test]
async fn an_owner_is_found_by_the_beginning_of_their_name_and_told_of_a_reset() {
    let fixture = FactorsFixture::open().await;
    let (alice, bob) = (person("Alice"), person("bob"));
    fixture.sets_up(&alice).await;
    fixture.sets_up(&bob).await;
    let names = |found: Vec<super::FactorOwner>| found.into_iter().map(|owner| owner.name).collect::<Vec<_>>();
    assert_eq!(names(fixture.factors.owners("", 10).await.unwrap()), ["alice", "bob"]);
    assert_eq!(names(fixture.factors.owners("AL", 10).await.unwrap()), ["alice"]);
    assert_eq!(names(fixture.factors.owners("%", 10).await.unwrap()), Vec::<String>::new());
    assert!(fixture.factors.reset(&alice.id).await.unwrap());
    assert!(!fixture.factors.reset(&alice.id).await.unwrap(), "there is nothing left");
    assert_eq!(names(fixture.factors.owners("", 10).await.unwrap()), ["bob"]);
    let (changed, _) = fixture.factors.enrolled(&alice.id).await.unwrap().changed.unwrap();
    assert_eq!(changed, "an administrator reset your second factors");
}

#[tokio::test]
async fn what_no_authenticator_would_answer_is_refused() {
    let fixture = FactorsFixture::open().await;
    let site = RelyingParty::for_request(None, Some("localhost:8000"), false).unwrap();
    let challenge = fixture.factors.start_passkey_authentication(&site, b"browser").unwrap();
    for credential in ["", "{}", "[]", "null", "{\"id\":\"AA\",\"rawId\":\"AA\",\"type\":\"public-key\",\"response\":{}}"] {
        let response = PasskeyResponse { credential, sealed: &challenge.sealed };
        let verified = fixture.factors.finish_passkey_authentication(&site, b"browser", response).await;
        assert!(matches!(verified, Err(PasskeyRefusal::InvalidResponse(_))), "{credential}: {verified:?}");
        let elsewhere = fixture.factors.finish_passkey_authentication(&site, b"another", response).await;
        assert!(matches!(elsewhere, Err(PasskeyRefusal::UnknownChallenge)), "{credential}: {elsewhere:?}");
    }
    let long = "x".repeat(20_000);
    let response = PasskeyResponse { credential: &long, sealed: &challenge.sealed };
    assert!(matches!(
        fixture.factors.finish_passkey_authentication(&site, b"browser", response).await,
        Err(PasskeyRefusal::InvalidResponse(_))
    ));
    let alice = person("alice");
    let challenge = fixture.factors.start_passkey_registration(&alice, &site, b"browser").await.unwrap();
    assert_eq!(challenge.options["rp"]["id"], "localhost");
    assert_eq!(challenge.options["authenticatorSelection"]["userVerification"], "required");
    let response = PasskeyResponse { credential: "{}", sealed: &challenge.sealed };
    let bobs = fixture.factors.finish_passkey_registration(&person("bob"), "x", &site, b"browser", response).await;
    assert!(matches!(bobs, Err(PasskeyRefusal::UnknownChallenge)), "it was asked of alice");
    assert!(!fixture.factors.has_any(&alice.id).await.unwrap());
}

#[tokio::test]
async fn a_challenge_is_answered_once_and_forgotten_long_after_its_time() {
    let fixture = FactorsFixture::open().await;
    let (first, other) = ([1; 16], [2; 16]);
    fixture.factors.consume_challenge(first).await.unwrap();
    let again = fixture.factors.consume_challenge(first).await;
    assert!(matches!(again, Err(PasskeyRefusal::UnknownChallenge)), "{again:?}");
    fixture.factors.consume_challenge(other).await.unwrap();
    let restarted = fixture.reopens_with(&key(1)).await;
    assert!(restarted.consume_challenge(first).await.is_err(), "over a restart");
    fixture.clock.advance(Duration::from_mins(5));
    assert!(fixture.factors.consume_challenge(first).await.is_err(), "for as long as the question is good");
    fixture.clock.advance(Duration::from_mins(10));
    fixture.factors.consume_challenge(first).await.unwrap();
}

/// Inserts a passkey's row, as a registration does.
async fn keeps_a_passkey(factors: &Factors, person: &Person) -> Result<Option<PasskeyId>, StoreError> {
    let passkey = PasskeyRecord { credential_id: vec![1], static_state: vec![], dynamic_state: vec![0; 7], transports: 0 };
    factors.store().insert_passkey(&person.id, "Passkey", &passkey, START).await
}

/// The contract that every [`FactorStore`] has to keep: of many at the same time, one uses what can be used once.
#[tokio::test]
async fn what_can_be_used_once_is_used_by_one() {
    let fixture = FactorsFixture::open().await;
    let alice = person("alice");
    fixture.sets_up(&alice).await;
    let store = fixture.factors.store();
    let taken = join_all((0..8).map(|_| store.take_step(&alice.id, i64::MAX, START))).await;
    assert_eq!(taken.into_iter().filter(|taken| *taken.as_ref().unwrap()).count(), 1, "a step");
    store.set_recovery_codes(&alice.id, &[vec![1; 32], vec![2; 32]]).await.unwrap();
    let used = join_all((0..8).map(|_| store.use_recovery_code(&alice.id, &[1; 32]))).await;
    let used: Vec<_> = used.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(used, [1], "a recovery code, and one is left");
    let answered = join_all((0..8).map(|_| store.answer_challenge(&[3; 16], START + STEP, START))).await;
    assert_eq!(answered.into_iter().filter(|first| *first.as_ref().unwrap()).count(), 1, "a challenge");
    let enrolled = join_all((0..8).map(|_| keeps_a_passkey(&fixture.factors, &alice))).await;
    assert_eq!(enrolled.into_iter().filter_map(Result::unwrap).count(), 1, "a credential id");
}

#[tokio::test]
async fn who_has_a_factor_is_known_at_once_and_to_a_store_opened_anew() {
    let fixture = FactorsFixture::open().await;
    let (alice, bob) = (person("alice"), person("bob"));
    fixture.sets_up(&alice).await;
    let again = fixture.reopens_with(&key(1)).await;
    for factors in [&fixture.factors, &again] {
        assert!(factors.has_any(&alice.id).await.unwrap());
        assert!(!factors.has_any(&bob.id).await.unwrap());
    }
    fixture.factors.remove_app(&alice.id).await.unwrap();
    assert!(!fixture.factors.has_any(&alice.id).await.unwrap(), "removed");
    fixture.sets_up(&alice).await;
    assert!(fixture.factors.has_any(&alice.id).await.unwrap(), "and set up again");
    fixture.factors.reset(&alice.id).await.unwrap();
    assert!(!fixture.factors.has_any(&alice.id).await.unwrap(), "reset");
    assert!(!fixture.reopens_with(&key(1)).await.has_any(&alice.id).await.unwrap());
}

#[tokio::test]
async fn a_passkey_asked_for_before_a_restart_and_kept_after_it_is_known() {
    let fixture = FactorsFixture::open().await;
    let alice = person("alice");
    let site = RelyingParty::for_request(None, Some("localhost:8000"), false).unwrap();
    fixture.factors.start_passkey_registration(&alice, &site, b"browser").await.unwrap();
    let restarted = fixture.reopens_with(&key(1)).await;
    assert!(!restarted.has_any(&alice.id).await.unwrap());
    keeps_a_passkey(&restarted, &alice).await.unwrap();
    assert!(restarted.has_any(&alice.id).await.unwrap());
}

#[tokio::test]
async fn the_store_takes_no_factor_of_somebody_who_is_not_known() {
    let fixture = FactorsFixture::open().await;
    let stranger = person("stranger");
    assert!(keeps_a_passkey(&fixture.factors, &stranger).await.is_err());
    assert!(fixture.factors.store().set_app(&stranger.id, b"", 0, START).await.is_err());
}
