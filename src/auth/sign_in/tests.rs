#![allow(clippy::unwrap_used)]

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{FuturesUnordered, StreamExt};
use zeroize::Zeroizing;

use super::{Auth, AuthStores, SignInRefusal, SignedIn};
use crate::audit::Audit;
use crate::audit::log_capture::LogCapture;
use crate::auth::sign_in_gates::DIRECTORY;
use crate::auth::throttle::SqliteThrottleStore;
use crate::auth::timing_floor;
use crate::auth::{Keys, SecondStep};
use crate::config::SessionSettings;
use crate::directory::{
    AccountStatus, BindCandidate, BindGate, ChangeRefusal, Directory, DirectoryRefusal, GroupLookup, LockoutInfo,
    LockoutPolicy, PasswordChange, PasswordFate, PasswordState, Unreachable,
};
use crate::domain::{
    Client, Clock, EndReason, GroupRef, ManualClock, Password, Person, PersonId, Realm, Revalidation, Timestamp, Username,
    Visitor,
};
use crate::epochs::PersonEpochs;
use crate::factors::Factors;
use crate::sessions::{SessionToken, Sessions};
use crate::store::RowEvent;

const PASSWORD: &str = "correct horse";

/// Everybody has the same password; what else the directory says depends on the name.
#[derive(Default)]
struct FakeDirectory {
    binds: AtomicUsize,
}

#[async_trait]
impl Directory for FakeDirectory {
    async fn sign_in(&self, username: &Username, password: &Password, gate: &dyn BindGate) -> Result<Person, DirectoryRefusal> {
        // Two names of one person, whom this directory shows before the bind.
        let john = BindCandidate::new(PersonId::new("objectGUID:john"), None);
        let policy = LockoutPolicy { threshold: 5, window: Duration::from_mins(30) };
        let near = BindCandidate { failures: Some(4), ..BindCandidate::new(PersonId::new("objectGUID:near"), Some(policy)) };
        let short = username.as_str().rsplit('\\').next().unwrap_or_default().to_lowercase();
        let other = BindCandidate::new(PersonId::new(format!("objectGUID:{short}")), None);
        let who = match username.as_str() {
            "jdoe" | "john.doe" => &john,
            name if name.starts_with("silence-john") => &john,
            "near-lockout" => &near,
            _ => &other,
        };
        gate.allow_bind(Some(who)).await?;
        self.binds.fetch_add(1, Ordering::SeqCst);
        // Others have their turn meanwhile, as with any directory.
        tokio::task::yield_now().await;
        let right = password.expose() == PASSWORD;
        match username.as_str() {
            "nobody" => Err(DirectoryRefusal::WrongCredentials),
            "locked" => Err(DirectoryRefusal::Locked),
            // It never answers.
            name if name.starts_with("silence") => std::future::pending().await,
            "declined" => Err(DirectoryRefusal::NotJudged { reason: "result 53".to_owned() }),
            "away" => Err(Unreachable::new("dc1: no route").into()),
            "slow" => Err(Unreachable { password: PasswordFate::Unanswered, ..Unreachable::new("dc1: no answer") }.into()),
            _ if !right => Err(DirectoryRefusal::WrongCredentials),
            "expired" => Err(DirectoryRefusal::PasswordExpired),
            "new" => Err(DirectoryRefusal::MustChangePassword),
            "disabled" => Err(DirectoryRefusal::Disabled),
            "gone" => Err(DirectoryRefusal::AccountExpired),
            "night" => Err(DirectoryRefusal::NotAtThisHour),
            "elsewhere" => Err(DirectoryRefusal::NotFromHere),
            "protected" => Err(DirectoryRefusal::Restricted),
            "in-many-groups" => Err(DirectoryRefusal::TooManyGroups),
            name => Ok(Person::named(name)),
        }
    }

    async fn check_reachable(&self) -> Result<(), Unreachable> {
        Ok(())
    }

    fn revalidation(&self, _person: &Person) -> Revalidation {
        Revalidation::Refreshed
    }

    async fn refresh(&self, people: &[Person]) -> Vec<Result<AccountStatus, Unreachable>> {
        people.iter().map(|person| Ok(AccountStatus::Active(person.clone()))).collect()
    }

    fn realm_of(&self, _username: &Username) -> Realm {
        Realm::Default
    }

    fn lockout_info(&self, _username: &Username) -> LockoutInfo {
        LockoutInfo::new(None, true)
    }

    fn can_change_password(&self, _username: &Username, _state: PasswordState) -> bool {
        false
    }

    fn password_warning(&self, _person: &Person) -> Duration {
        Duration::ZERO
    }

    fn sign_in_name(&self, _person: &Person) -> Option<Username> {
        None
    }

    async fn change_password(
        &self,
        _username: &Username,
        _change: &PasswordChange,
        _leave: &dyn BindGate,
    ) -> Result<PersonId, ChangeRefusal> {
        Err(ChangeRefusal::NotHere { reason: "this is a book" })
    }

    async fn find_groups(&self, _wanted: &[GroupRef]) -> Result<Vec<GroupLookup>, Unreachable> {
        Ok(Vec::new())
    }
}

struct SignInFixture {
    auth: Auth,
    directory: Arc<FakeDirectory>,
    sessions: Sessions,
    clock: Arc<ManualClock>,
    _folder: tempfile::TempDir,
}

impl SignInFixture {
    /// With a clock whose sleeps return at once.
    async fn new() -> Self {
        Self::with(|clock| Arc::new(InstantClock(clock))).await
    }

    /// With a clock whose sleeps last until it is moved.
    async fn patient() -> Self {
        Self::with(|clock| clock).await
    }

    async fn with(to_clock: impl FnOnce(Arc<ManualClock>) -> Arc<dyn Clock>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_795_309_126_976)));
        let settings = SessionSettings::with_lifetimes(Duration::from_mins(30), Duration::from_hours(12));
        let sessions = Sessions::open(&folder.path().join("sessions.db"), &settings, clock.clone()).await.unwrap();
        let directory = Arc::new(FakeDirectory::default());
        let keys = Keys::from_secret(&[7; 32]);
        let factors = folder.path().join("factors.db");
        let factors = Factors::open(&factors, keys.factors_key(), clock.clone()).await.unwrap();
        let second_step = SecondStep::new(factors, Duration::from_hours(12));
        let epochs = PersonEpochs::open(&folder.path().join("epochs.db"), clock.clone()).await.unwrap();
        let failed_attempts =
            SqliteThrottleStore::open(&folder.path().join("failed_attempts.db"), clock.clone()).await.unwrap();
        let stores = AuthStores { sessions: sessions.clone(), epochs, failed_attempts: Arc::new(failed_attempts) };
        let auth = Auth::new(directory.clone(), stores, second_step, Audit::new(), to_clock(clock.clone()), keys);
        Self { auth, directory, sessions, clock, _folder: folder }
    }

    async fn tries(&self, name: &str, password: &str) -> Result<SignedIn, SignInRefusal> {
        self.auth.sign_in(name, typed(password), false, &here(), None).await
    }

    async fn signs_in(&self, name: &str, previous: Option<&SessionToken>) -> SignedIn {
        self.auth.sign_in(name, typed(PASSWORD), false, &here(), previous).await.unwrap()
    }

    async fn member(&self, token: &SessionToken) -> Option<String> {
        let visitor = self.auth.visitor(Some(token)).await.unwrap();
        visitor.member().map(|member| member.person.username.clone())
    }

    fn binds(&self) -> usize {
        self.directory.binds.load(Ordering::SeqCst)
    }
}

/// A manual clock whose sleeps return at once.
pub(in crate::auth) struct InstantClock(pub(in crate::auth) Arc<ManualClock>);

impl Clock for InstantClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn sleep(&self, _length: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }
}

fn typed(password: &str) -> Zeroizing<String> {
    Zeroizing::new(password.to_owned())
}

fn here() -> Client {
    Client::new("192.0.2.1".parse().ok(), Some("Browser/1"))
}

#[tokio::test]
async fn who_signs_in_is_a_member_from_then_on() {
    let fixture = SignInFixture::new().await;
    let alice = fixture.signs_in("alice", None).await;
    assert_eq!(alice.session.person.username, "alice");
    assert_eq!(alice.session.client, here());
    assert_eq!(fixture.member(&alice.token).await.as_deref(), Some("alice"));
    assert_eq!(fixture.binds(), 1, "one sign-in is one bind");
}

#[tokio::test]
async fn nobody_is_a_member_without_a_good_token() {
    let fixture = SignInFixture::new().await;
    fixture.signs_in("alice", None).await;
    assert!(matches!(fixture.auth.visitor(None).await.unwrap(), Visitor::Anonymous));
    assert_eq!(fixture.member(&SessionToken::generate().unwrap()).await, None);
}

#[tokio::test]
async fn signing_in_gives_a_new_token_and_the_old_one_is_dead_at_once() {
    let fixture = SignInFixture::new().await;
    let first = fixture.signs_in("alice", None).await;
    let mut tab = fixture.sessions.watch(first.session.id, &first.session.person);
    let second = fixture.signs_in("bob", Some(&first.token)).await;
    assert_ne!(first.token.reveal(), second.token.reveal());
    assert_eq!(fixture.member(&first.token).await, None);
    assert_eq!(fixture.member(&second.token).await.as_deref(), Some("bob"));
    assert_eq!(tab.next_event().await, RowEvent::Ended(EndReason::SignedOut));
}

#[tokio::test]
async fn a_token_planted_before_the_sign_in_is_of_no_use_after_it() {
    let fixture = SignInFixture::new().await;
    let planted = SessionToken::generate().unwrap();
    let alice = fixture.signs_in("alice", Some(&planted)).await;
    assert_ne!(planted.reveal(), alice.token.reveal());
    assert_eq!(fixture.member(&planted).await, None);
}

#[tokio::test]
async fn a_refused_sign_in_leaves_the_session_that_was_there() {
    let fixture = SignInFixture::new().await;
    let alice = fixture.signs_in("alice", None).await;
    let refused = fixture.auth.sign_in("bob", typed("wrong"), false, &here(), Some(&alice.token)).await;
    assert!(matches!(refused, Err(SignInRefusal::WrongCredentials)));
    assert_eq!(fixture.member(&alice.token).await.as_deref(), Some("alice"));
}

#[tokio::test]
async fn who_signs_out_is_nobody_and_their_live_pages_hear_of_it() {
    let fixture = SignInFixture::new().await;
    let alice = fixture.signs_in("alice", None).await;
    let mut tab = fixture.sessions.watch(alice.session.id, &alice.session.person);
    fixture.auth.sign_out(&alice.token, &here()).await;
    assert_eq!(fixture.member(&alice.token).await, None);
    assert_eq!(tab.next_event().await, RowEvent::Ended(EndReason::SignedOut));
    fixture.auth.sign_out(&alice.token, &here()).await;
}

#[tokio::test]
async fn a_try_that_could_lock_the_account_makes_no_bind_and_looks_like_a_wrong_password() {
    let fixture = SignInFixture::new().await;
    for password in ["wrong", PASSWORD] {
        let refused = fixture.tries("near-lockout", password).await;
        assert!(matches!(refused, Err(SignInRefusal::WrongCredentials)), "{refused:?}");
    }
    let refused = fixture.tries("near-lockout", PASSWORD).await;
    assert!(matches!(refused, Err(SignInRefusal::Throttled { .. })), "as for any name: {refused:?}");
    assert_eq!(fixture.binds(), 0);
}

#[tokio::test]
async fn what_no_directory_could_know_is_refused_without_a_bind() {
    let fixture = SignInFixture::new().await;
    let long_name = "x".repeat(257);
    let long_password = "x".repeat(1025);
    for (name, password) in [
        ("", PASSWORD),
        ("  ", PASSWORD),
        ("ali\0ce", PASSWORD),
        ("ali\nce", PASSWORD),
        (&long_name, PASSWORD),
        ("alice", ""),
        ("alice", "a\0b"),
        ("alice", &long_password),
        ("", ""),
    ] {
        let refused = fixture.tries(name, password).await;
        assert!(matches!(refused, Err(SignInRefusal::WrongCredentials)), "{name:?}: {refused:?}");
    }
    assert_eq!(fixture.binds(), 0);
    fixture.tries("alice", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn unknown_wrong_and_locked_look_alike_to_a_stranger() {
    let fixture = SignInFixture::new().await;
    let mut seen = Vec::new();
    for (name, password) in [("nobody", "x"), ("alice", "wrong"), ("locked", PASSWORD), ("locked", "x"), ("bob", "")] {
        let refusal = fixture.tries(name, password).await.unwrap_err();
        seen.push((format!("{refusal:?}"), refusal.to_string()));
    }
    assert!(seen.iter().all(|refusal| *refusal == seen[0]), "{seen:?}");
}

#[tokio::test]
async fn whoever_has_the_right_password_is_told_what_is_the_matter() {
    let fixture = SignInFixture::new().await;
    let refusal = async |name: &str| fixture.tries(name, PASSWORD).await.unwrap_err();
    assert!(matches!(refusal("expired").await, SignInRefusal::PasswordExpired));
    assert!(matches!(refusal("new").await, SignInRefusal::MustChangePassword));
    assert!(matches!(refusal("disabled").await, SignInRefusal::Disabled));
    assert!(matches!(refusal("gone").await, SignInRefusal::AccountExpired));
    assert!(matches!(refusal("night").await, SignInRefusal::NotAtThisHour));
    assert!(matches!(refusal("elsewhere").await, SignInRefusal::NotFromHere));
    assert!(matches!(refusal("away").await, SignInRefusal::DirectoryUnreachable(_)));
}

#[tokio::test]
async fn after_two_failures_of_a_stranger_the_directory_hears_no_more_of_that_name() {
    let fixture = SignInFixture::new().await;
    for (name, password) in [("alice", "wrong"), ("ALICE", "wrong"), ("CORP\\alice", "as wrong")] {
        assert!(matches!(fixture.tries(name, password).await, Err(SignInRefusal::WrongCredentials)));
    }
    for password in ["wrong", PASSWORD] {
        let refused = fixture.tries("alice", password).await;
        let Err(SignInRefusal::Throttled { retry_after, .. }) = refused else { panic!("{refused:?}") };
        assert_eq!(retry_after, Duration::from_mins(31));
    }
    assert_eq!(fixture.binds(), 2, "the same password twice is one");
    fixture.clock.advance(Duration::from_mins(31));
    fixture.tries("alice", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn a_locked_account_is_not_asked_for_again_and_again() {
    let fixture = SignInFixture::new().await;
    for _ in 0..10 {
        let _ = fixture.tries("locked", PASSWORD).await;
    }
    assert_eq!(fixture.binds(), 2);
}

#[tokio::test]
async fn an_outage_does_not_use_up_anybodys_tries() {
    let fixture = SignInFixture::new().await;
    for _ in 0..50 {
        let refused = fixture.tries("away", "wrong").await;
        assert!(matches!(refused, Err(SignInRefusal::DirectoryUnreachable(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn a_password_that_was_sent_counts_though_no_answer_came() {
    let fixture = SignInFixture::new().await;
    for _ in 0..2 {
        let refused = fixture.tries("slow", "wrong").await;
        let Err(SignInRefusal::DirectoryUnreachable(unreachable)) = refused else { panic!("{refused:?}") };
        assert_eq!(unreachable.password, PasswordFate::Unanswered);
    }
    assert!(matches!(fixture.tries("slow", "wrong").await, Err(SignInRefusal::Throttled { .. })));
    assert_eq!(fixture.binds(), 2);
}

#[tokio::test]
async fn two_names_of_one_person_are_not_tried_more_often_than_one() {
    let fixture = SignInFixture::new().await;
    for (name, password) in [("jdoe", "wrong"), ("john.doe", "as wrong"), ("jdoe", PASSWORD), ("john.doe", PASSWORD)] {
        assert!(matches!(fixture.tries(name, password).await, Err(SignInRefusal::WrongCredentials)), "{name}");
    }
    for name in ["jdoe", "john.doe"] {
        assert!(matches!(fixture.tries(name, PASSWORD).await, Err(SignInRefusal::Throttled { .. })), "{name}");
    }
    assert_eq!(fixture.binds(), 2);
    fixture.tries("alice", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn thirty_good_sign_ins_at_once_all_succeed_and_thirty_bad_ones_make_two_binds() {
    let fixture = SignInFixture::patient().await;
    let good: FuturesUnordered<_> = (0..30).map(|_| fixture.tries("crowd", PASSWORD)).collect();
    for outcome in good.collect::<Vec<_>>().await {
        outcome.unwrap();
    }
    assert_eq!(fixture.binds(), 30);
    let wrong: Vec<_> = (0..30).map(|number| format!("wrong {number}")).collect();
    let mut bad: FuturesUnordered<_> = wrong.iter().map(|wrong| fixture.tries("victim", wrong)).collect();
    for _ in 0..100 {
        assert!(futures::poll!(bad.next()).is_pending(), "a refusal is held back");
        tokio::task::yield_now().await;
    }
    fixture.clock.advance(timing_floor::MIN_REFUSAL_TIME + timing_floor::MAX_JITTER);
    let refused: Vec<_> = bad.collect().await;
    assert_eq!((refused.len(), refused.iter().filter(|refused| refused.is_err()).count()), (30, 30));
    assert_eq!(fixture.binds(), 32);
}

#[tokio::test]
async fn every_refusal_waits_its_time_and_no_good_sign_in_does() {
    let fixture = SignInFixture::patient().await;
    fixture.tries("alice", PASSWORD).await.unwrap();
    for (name, password) in
        [("alice", "wrong"), ("nobody", "x"), ("locked", PASSWORD), ("", PASSWORD), ("bob", ""), ("alice", "a\0b")]
    {
        let refused = fixture.tries(name, password);
        futures::pin_mut!(refused);
        while {
            assert!(futures::poll!(refused.as_mut()).is_pending(), "{name}");
            fixture.clock.sleepers() == 0
        } {
            tokio::task::yield_now().await;
        }
        fixture.clock.advance(timing_floor::MIN_REFUSAL_TIME.checked_sub(Duration::from_millis(1)).unwrap());
        assert!(futures::poll!(refused.as_mut()).is_pending(), "{name}");
        fixture.clock.advance(timing_floor::MAX_JITTER + Duration::from_millis(1));
        assert!(matches!(futures::poll!(refused.as_mut()), std::task::Poll::Ready(Err(_))), "{name}");
    }
}

#[tokio::test]
async fn a_refusal_that_is_held_back_keeps_no_place_in_the_queue() {
    let fixture = &SignInFixture::patient().await;
    let mut held = FuturesUnordered::new();
    for wave in 1..=2 {
        for number in 0..DIRECTORY.for_strangers {
            held.push(async move {
                let client = Client::new(format!("192.0.{wave}.{number}").parse().ok(), None);
                fixture.auth.sign_in(&format!("wrong{wave}-{number}"), typed("wrong"), false, &client, None).await
            });
        }
        while {
            assert!(futures::poll!(held.next()).is_pending(), "a refusal is held back");
            fixture.clock.sleepers() < held.len()
        } {
            tokio::task::yield_now().await;
        }
        assert_eq!(fixture.binds(), wave * DIRECTORY.for_strangers, "each of them was heard");
    }
}

#[tokio::test]
async fn a_directory_that_hangs_does_not_collect_questions_without_end_and_keeps_places_for_the_familiar() {
    let fixture = SignInFixture::new().await;
    let cookie = fixture.tries("alice", PASSWORD).await.unwrap().device_cookie.reveal();
    let hanging = (0..100).map(|number| {
        let client = Client::new(format!("10.{number}.0.1").parse().ok(), None);
        let auth = &fixture.auth;
        async move { auth.sign_in(&format!("silence{number}"), typed(PASSWORD), false, &client, None).await }
    });
    let mut hanging: FuturesUnordered<_> = hanging.collect();
    for _ in 0..100 - DIRECTORY.for_strangers {
        let refused = hanging.next().await.unwrap();
        assert!(matches!(refused, Err(SignInRefusal::Busy)), "{refused:?}");
    }
    assert_eq!(fixture.binds(), DIRECTORY.for_strangers + 1);
    let client = Client::new("198.51.100.77".parse().ok(), None).with_device_cookie(Some(&cookie));
    fixture.auth.sign_in("alice", typed(PASSWORD), false, &client, None).await.unwrap();
    drop(hanging);
    fixture.tries("bob", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn whoever_waits_for_other_attempts_on_the_same_account_holds_no_place() {
    let fixture = &SignInFixture::patient().await;
    let waiting = (0..60).map(|number| async move {
        let client = Client::new(format!("10.{number}.0.1").parse().ok(), None);
        fixture.auth.sign_in(&format!("silence-john-{number}"), typed(&format!("wrong {number}")), false, &client, None).await
    });
    let mut waiting: FuturesUnordered<_> = waiting.collect();
    // As many as strangers may guess of one person are asked, and the others wait for them.
    while {
        assert!(futures::poll!(waiting.next()).is_pending());
        fixture.clock.sleepers() < 58
    } {
        tokio::task::yield_now().await;
    }
    assert_eq!(fixture.binds(), 2);
    let bob = async {
        tokio::select! {
            bob = fixture.tries("bob", PASSWORD) => bob,
            other = waiting.next() => other.unwrap(),
        }
    };
    let bob = tokio::time::timeout(Duration::from_secs(20), bob).await;
    bob.expect("he waits for nobody").unwrap();
}

#[tokio::test]
async fn an_expired_password_may_be_typed_more_than_three_times() {
    let fixture = SignInFixture::new().await;
    for _ in 0..10 {
        assert!(matches!(fixture.tries("expired", PASSWORD).await, Err(SignInRefusal::PasswordExpired)));
    }
}

#[tokio::test]
async fn a_store_that_fails_lets_nobody_in_and_says_so() {
    let fixture = SignInFixture::new().await;
    let alice = fixture.signs_in("alice", None).await;
    fixture.sessions.close().await;
    assert!(matches!(fixture.tries("bob", PASSWORD).await, Err(SignInRefusal::Store(_))));
    assert!(fixture.auth.visitor(Some(&alice.token)).await.is_err(), "not known is not anonymous");
    fixture.auth.sign_out(&alice.token, &here()).await;
    assert!(fixture.auth.visitor(Some(&alice.token)).await.unwrap().member().is_none(), "but who has signed out is signed out");
}

#[tokio::test]
async fn the_log_knows_what_happened_and_no_secret() {
    let paper = LogCapture::new();
    let subscriber = tracing_subscriber::fmt().json().with_max_level(tracing::Level::TRACE).with_writer(paper.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let fixture = SignInFixture::new().await;
    let alice = fixture.signs_in("alice", None).await;
    let _ = fixture.tries("locked", "secret guess").await;
    let _ = fixture.tries("alice", &"secret guess".repeat(100)).await;
    let _ = fixture.tries("", "").await;
    let _ = fixture.tries("near-lockout", "secret guess").await;
    fixture.auth.sign_out(&alice.token, &here()).await;
    let bob = fixture.signs_in("bob", None).await;
    fixture.clock.advance(Duration::from_mins(30));
    fixture.auth.sweep().await.unwrap();

    let log = paper.text();
    let audit: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &serde_json::Value| line["target"] == "audit")
        .collect();
    let told: Vec<_> = audit
        .iter()
        .map(|line| (line["fields"]["event"].as_str().unwrap(), line["fields"]["reason"].as_str().unwrap_or("")))
        .collect();
    assert_eq!(
        told,
        [
            ("signed-in", ""),
            ("sign-in-refused", "locked"),
            ("sign-in-refused", "password-too-long"),
            ("sign-in-refused", "name-empty"),
            ("sign-in-refused", "directory-count"),
            ("signed-out", ""),
            ("signed-in", ""),
            ("session-ended", "expired"),
        ]
    );
    for secret in [PASSWORD, "secret guess", &alice.token.reveal(), &bob.token.reveal(), &hex::encode(alice.token.hash())] {
        assert!(!log.contains(secret), "{log}");
    }
}
