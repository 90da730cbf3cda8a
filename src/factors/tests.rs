use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use totp_rs::{Builder, Secret};

use super::postgres::{AttemptClock, PostgresFactors};
use super::{
    CodeOrigin, CodeRefusal, Factors, PasskeyId, PasskeyRecord, PasskeyRefusal, PasskeyResponse, RelyingParty, VerifiedFactor,
};
use crate::domain::{Clock, ManualClock, Network, Person, Timestamp};
use crate::store::tests::{TestEngine, on_both_engines};
use crate::store::{PostgresDatabase, PostgresStore, SealingKey, StoreError, StoreKind};

const START: Timestamp = Timestamp::from_millis(1_795_309_140_000);
const STEP: Duration = Duration::from_secs(30);

/// A store of its own, with a clock set by hand.
struct FactorsFixture {
    factors: Factors,
    clock: Arc<ManualClock>,
    engine: TestEngine,
}

on_both_engines! { super::FactorsFixture::within:
    an_app_counts_once_it_has_shown_a_code
    an_offer_is_for_one_person_in_one_browser_and_not_for_long
    a_code_works_once_and_none_from_before_it
    of_many_who_type_the_same_code_at_once_one_is_let_in
    wrong_codes_are_heard_ever_later_and_a_right_one_makes_them_good
    whoever_knows_the_password_uses_up_neither_the_owner_s_codes_nor_the_recovery_codes
    as_many_at_once_get_no_more_tries_than_one_after_the_other
    a_clock_that_is_set_back_keeps_nobody_out
    each_recovery_code_works_once_and_new_ones_take_their_place
    the_store_holds_neither_the_seed_nor_a_recovery_code
    under_another_secret_key_no_seed_opens_and_recovery_codes_still_do
    an_owner_is_found_by_the_beginning_of_their_name_and_told_of_a_reset
    what_no_authenticator_would_answer_is_refused
    a_challenge_is_answered_once_and_forgotten_long_after_its_time
    what_can_be_used_once_is_used_by_one
    recovery_codes_that_are_made_at_once_are_one_set
    recovery_codes_go_with_the_last_factor_however_both_go
    who_has_a_factor_is_known_at_once_and_to_a_store_opened_anew
    a_passkey_asked_for_before_a_restart_and_kept_after_it_is_known
    the_store_takes_no_factor_of_somebody_who_is_not_known
}

impl FactorsFixture {
    async fn within(engine: TestEngine) -> Self {
        let clock = Arc::new(ManualClock::at(START));
        let factors = open(&engine, &key(1), &clock).await;
        Self { factors, clock, engine }
    }

    async fn embedded() -> Self {
        Self::within(TestEngine::embedded()).await
    }

    async fn reopens_with(&self, key: &SealingKey) -> Factors {
        open(&self.engine, key, &self.clock).await
    }

    /// The factors as this server opens them, and another: an embedded store is one server's.
    async fn two_servers(&self) -> [Factors; 2] {
        match &self.engine {
            TestEngine::Embedded(_) => [self.factors.clone(), self.factors.clone()],
            TestEngine::Postgres(_) => [self.factors.clone(), self.reopens_with(&key(1)).await],
        }
    }

    /// Everything that is in the store, as bytes and as text.
    async fn kept(&self) -> Vec<Vec<u8>> {
        match &self.engine {
            TestEngine::Embedded(folder) => {
                self.factors.close().await;
                std::fs::read_dir(folder.path()).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
            }
            TestEngine::Postgres(database) => {
                let store = store(database).await;
                let rows = "SELECT row(apps.*)::text FROM authenticator_apps apps UNION ALL SELECT row(codes.*)::text
                     FROM recovery_codes codes UNION ALL SELECT encode(sealed_seed, 'escape') FROM authenticator_apps";
                let rows: Vec<(String,)> = store.fetch_all(sqlx::query_as(rows)).await.unwrap();
                rows.into_iter().map(|(row,)| row.into_bytes()).collect()
            }
        }
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

/// The factors as a server opens them. Its clock is the test's.
async fn open(engine: &TestEngine, key: &SealingKey, clock: &Arc<ManualClock>) -> Factors {
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    match engine {
        TestEngine::Embedded(_) => Factors::open(&engine.file("factors.db"), key, clock).await.unwrap(),
        TestEngine::Postgres(database) => {
            Factors::new(Box::new(PostgresFactors::new(store(database).await, AttemptClock::Server)), key, clock)
        }
    }
}

async fn store(database: &PostgresDatabase) -> PostgresStore {
    let kind = StoreKind { name: "store of second factors", if_recreated: "" };
    PostgresStore::open(database, kind, "factors", sqlx::migrate!("src/factors/migrations_postgres")).await.unwrap()
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

async fn an_app_counts_once_it_has_shown_a_code(fixture: FactorsFixture) {
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

async fn an_offer_is_for_one_person_in_one_browser_and_not_for_long(fixture: FactorsFixture) {
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

async fn a_code_works_once_and_none_from_before_it(fixture: FactorsFixture) {
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

async fn of_many_who_type_the_same_code_at_once_one_is_let_in(fixture: FactorsFixture) {
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
        let fixture = FactorsFixture::embedded().await;
        let alice = person("alice");
        let key = fixture.sets_up(&alice).await;
        fixture.clock.advance(STEP * 4);
        let code = fixture.code(&key);
        fixture.clock.advance(STEP * steps);
        assert_eq!(fixture.verifies(&alice, &code).await.is_ok(), right, "{steps} steps late");
    }
}

async fn wrong_codes_are_heard_ever_later_and_a_right_one_makes_them_good(fixture: FactorsFixture) {
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

async fn whoever_knows_the_password_uses_up_neither_the_owner_s_codes_nor_the_recovery_codes(fixture: FactorsFixture) {
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
    let fixture = FactorsFixture::embedded().await;
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
    let fixture = FactorsFixture::embedded().await;
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

async fn as_many_at_once_get_no_more_tries_than_one_after_the_other(fixture: FactorsFixture) {
    let alice = person("alice");
    fixture.sets_up(&alice).await;
    let tries = (0..20).map(|_| fixture.verifies(&alice, "000000"));
    let verified = futures::future::join_all(tries).await;
    assert_eq!(verified.iter().filter(|verified| matches!(verified, Err(CodeRefusal::Wrong))).count(), 5);
}

async fn a_clock_that_is_set_back_keeps_nobody_out(fixture: FactorsFixture) {
    let alice = person("alice");
    fixture.sets_up(&alice).await;
    for _ in 0..5 {
        let _ = fixture.verifies(&alice, "000000").await;
    }
    fixture.clock.set_back(Duration::from_hours(24));
    assert!(matches!(fixture.verifies(&alice, "000000").await, Err(CodeRefusal::Wrong)));
}

async fn each_recovery_code_works_once_and_new_ones_take_their_place(fixture: FactorsFixture) {
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

async fn the_store_holds_neither_the_seed_nor_a_recovery_code(fixture: FactorsFixture) {
    let alice = person("alice");
    let key = fixture.sets_up(&alice).await;
    let codes = fixture.factors.make_recovery_codes(&alice.id).await.unwrap();
    let seed = Secret::try_from_base32(&key).unwrap().as_bytes().to_vec();
    let code = codes[0].reveal();
    let bare = code.replace('-', "");
    for kept in fixture.kept().await {
        assert!(!kept.is_empty());
        for secret in [&seed[..], key.as_bytes(), code.as_bytes(), bare.as_bytes()] {
            assert!(!kept.windows(secret.len()).any(|window| window == secret));
        }
    }
}

async fn under_another_secret_key_no_seed_opens_and_recovery_codes_still_do(fixture: FactorsFixture) {
    let alice = person("alice");
    let seed = fixture.sets_up(&alice).await;
    let codes = fixture.factors.make_recovery_codes(&alice.id).await.unwrap();
    let other = fixture.reopens_with(&key(2)).await;
    let code = fixture.code(&seed);
    assert!(matches!(other.verify_code(&alice.id, &code, &desk()).await, Err(CodeRefusal::SealedUnderAnotherKey)));
    assert!(other.has_any(&alice.id).await.unwrap(), "her password alone opens nothing all the same");
    assert!(other.verify_code(&alice.id, &codes[0].reveal(), &desk()).await.is_ok());
}

async fn an_owner_is_found_by_the_beginning_of_their_name_and_told_of_a_reset(fixture: FactorsFixture) {
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

async fn what_no_authenticator_would_answer_is_refused(fixture: FactorsFixture) {
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

async fn a_challenge_is_answered_once_and_forgotten_long_after_its_time(fixture: FactorsFixture) {
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
async fn what_can_be_used_once_is_used_by_one(fixture: FactorsFixture) {
    let alice = person("alice");
    fixture.sets_up(&alice).await;
    let servers = fixture.two_servers().await;
    let store = |number: usize| servers[number % 2].store();
    let taken = join_all((0..8).map(|number| store(number).take_step(&alice.id, i64::MAX, START))).await;
    assert_eq!(taken.into_iter().filter(|taken| *taken.as_ref().unwrap()).count(), 1, "a step");
    store(0).set_recovery_codes(&alice.id, &[vec![1; 32], vec![2; 32]]).await.unwrap();
    let used = join_all((0..8).map(|number| store(number).use_recovery_code(&alice.id, &[1; 32]))).await;
    let used: Vec<_> = used.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(used, [1], "a recovery code, and one is left");
    let answered = join_all((0..8).map(|number| store(number).answer_challenge(&[3; 16], START + STEP, START))).await;
    assert_eq!(answered.into_iter().filter(|first| *first.as_ref().unwrap()).count(), 1, "a challenge");
    let enrolled = join_all((0..8).map(|number| keeps_a_passkey(&servers[number % 2], &alice))).await;
    assert_eq!(enrolled.into_iter().filter_map(Result::unwrap).count(), 1, "a credential id");
}

async fn recovery_codes_that_are_made_at_once_are_one_set(fixture: FactorsFixture) {
    let alice = person("alice");
    fixture.sets_up(&alice).await;
    let servers = fixture.two_servers().await;
    for _ in 0..8 {
        let made = join_all(servers.iter().map(|factors| factors.make_recovery_codes(&alice.id))).await;
        assert!(made.iter().all(Result::is_ok));
        assert_eq!(fixture.factors.enrolled(&alice.id).await.unwrap().recovery_codes, 10);
    }
}

async fn recovery_codes_go_with_the_last_factor_however_both_go(fixture: FactorsFixture) {
    let alice = person("alice");
    let [here, there] = fixture.two_servers().await;
    for _ in 0..8 {
        fixture.sets_up(&alice).await;
        let passkey = keeps_a_passkey(&here, &alice).await.unwrap().unwrap();
        here.make_recovery_codes(&alice.id).await.unwrap();
        let (app, passkey) = tokio::join!(here.remove_app(&alice.id), there.remove_passkey(&alice.id, passkey));
        assert!(app.unwrap() && passkey.unwrap().is_some());
        assert_eq!(here.enrolled(&alice.id).await.unwrap().recovery_codes, 0);
    }
}

/// In the embedded store one server writes, and knows who has enrolled.
#[tokio::test]
async fn who_enrolls_on_one_server_is_asked_for_their_factor_by_all() {
    let Some(engine) = TestEngine::postgres() else { return };
    let fixture = FactorsFixture::within(engine).await;
    let alice = person("alice");
    let [_, there] = fixture.two_servers().await;
    assert!(!there.has_any(&alice.id).await.unwrap());
    let key = fixture.sets_up(&alice).await;
    assert!(there.has_any(&alice.id).await.unwrap());
    assert_eq!(there.verify_code(&alice.id, &fixture.code(&key), &desk()).await.unwrap(), VerifiedFactor::App);
    there.remove_app(&alice.id).await.unwrap();
    assert!(!fixture.factors.has_any(&alice.id).await.unwrap());
}

/// Two servers whose clocks differ by five minutes, in either direction: no more tries than one has, and no longer a wait.
#[tokio::test]
async fn servers_whose_clocks_differ_give_nobody_more_tries() {
    let Some(TestEngine::Postgres(database)) = TestEngine::postgres() else { return };
    let alice = person("alice");
    let clocks = [START, START + Duration::from_mins(5)].map(|at| Arc::new(ManualClock::at(at)));
    let key = key(1);
    let servers = join_all(clocks.iter().map(|clock| Factors::open_postgres(&database, &key, clock.clone()))).await;
    let servers: Vec<Factors> = servers.into_iter().map(Result::unwrap).collect();
    servers[0].update_description(&alice).await.unwrap();
    servers[0].store().set_app(&alice.id, b"sealed under another key", 0, START).await.unwrap();
    let mut heard = 0;
    for number in 0..24 {
        let (server, clock) = (&servers[number % 2], &clocks[number % 2]);
        match server.verify_code(&alice.id, "000000", &desk()).await.unwrap_err() {
            CodeRefusal::SealedUnderAnotherKey => heard += 1,
            CodeRefusal::Throttled { retry_after, until } => {
                assert!(retry_after <= Duration::from_secs(30), "{retry_after:?}");
                assert_eq!(until, clock.now() + retry_after, "in the server's own time");
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!(heard, 5);
}

async fn who_has_a_factor_is_known_at_once_and_to_a_store_opened_anew(fixture: FactorsFixture) {
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

async fn a_passkey_asked_for_before_a_restart_and_kept_after_it_is_known(fixture: FactorsFixture) {
    let alice = person("alice");
    let site = RelyingParty::for_request(None, Some("localhost:8000"), false).unwrap();
    fixture.factors.start_passkey_registration(&alice, &site, b"browser").await.unwrap();
    let restarted = fixture.reopens_with(&key(1)).await;
    assert!(!restarted.has_any(&alice.id).await.unwrap());
    keeps_a_passkey(&restarted, &alice).await.unwrap();
    assert!(restarted.has_any(&alice.id).await.unwrap());
}

async fn the_store_takes_no_factor_of_somebody_who_is_not_known(fixture: FactorsFixture) {
    let stranger = person("stranger");
    assert!(keeps_a_passkey(&fixture.factors, &stranger).await.is_err());
    assert!(fixture.factors.store().set_app(&stranger.id, b"", 0, START).await.is_err());
}
