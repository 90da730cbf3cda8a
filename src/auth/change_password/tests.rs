#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::{Auth, PasswordChangeRequest, PasswordChanged};
use crate::audit::Audit;
use crate::auth::sign_in::tests::InstantClock;
use crate::auth::throttle::SqliteThrottleStore;
use crate::auth::{AuthStores, Keys, PasswordChangeRefusal, SecondStep, SignInRefusal, SignedIn};
use crate::config::SessionSettings;
use crate::directory::{
    AccountStatus, BindGate, ChangeRefusal, Directory, DirectoryRefusal, GroupLookup, LockoutInfo, PasswordChange,
    PasswordFate, PasswordRule, PasswordState, Unreachable,
};
use crate::domain::{Client, GroupRef, ManualClock, Password, Person, PersonId, Realm, Revalidation, Timestamp, Username};
use crate::epochs::PersonEpochs;
use crate::factors::Factors;
use crate::sessions::Sessions;

const OLD: &str = "correct horse";
const NEW: &str = "battery staple";

/// Everybody has one and the same password, until somebody changes it.
struct OnePassword {
    password: Mutex<String>,
    /// The number of passwords that were sent.
    sent: AtomicUsize,
}

impl OnePassword {
    async fn check(&self, sent: &Password, gate: &dyn BindGate) -> Result<(), DirectoryRefusal> {
        gate.allow_bind(None).await?;
        self.sent.fetch_add(1, Ordering::SeqCst);
        if *self.password.lock().unwrap() == sent.expose() { Ok(()) } else { Err(DirectoryRefusal::WrongCredentials) }
    }
}

fn unreachable(password: PasswordFate) -> DirectoryRefusal {
    DirectoryRefusal::Unreachable(Unreachable { password, ..Unreachable::new("dc1: no answer") })
}

fn person(name: &str) -> Person {
    Person { password_expires: Some(Timestamp::from_millis(NOW) + Duration::from_hours(30)), ..Person::named(name) }
}

#[async_trait]
impl Directory for OnePassword {
    async fn sign_in(&self, username: &Username, password: &Password, gate: &dyn BindGate) -> Result<Person, DirectoryRefusal> {
        self.check(password, gate).await?;
        let fails_after_the_change = username.as_str() == "unlucky" && password.expose() == NEW;
        if fails_after_the_change { Err(unreachable(PasswordFate::Answered)) } else { Ok(person(username.as_str())) }
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

    fn can_change_password(&self, _username: &Username, state: PasswordState) -> bool {
        state == PasswordState::Good
    }

    fn password_warning(&self, person: &Person) -> Duration {
        if person.username == "calm" { Duration::ZERO } else { Duration::from_hours(48) }
    }

    fn sign_in_name(&self, person: &Person) -> Option<Username> {
        Username::parse(&person.username).ok()
    }

    async fn change_password(
        &self,
        username: &Username,
        change: &PasswordChange,
        gate: &dyn BindGate,
    ) -> Result<PersonId, ChangeRefusal> {
        match username.as_str() {
            "away" => return Err(unreachable(PasswordFate::NotSent).into()),
            "abroad" => return Err(ChangeRefusal::NotHere { reason: "it is elsewhere" }),
            _ => self.check(&change.old, gate).await?,
        }
        match username.as_str() {
            "slow" => return Err(unreachable(PasswordFate::Unanswered).into()),
            "halted" => return Err(ChangeRefusal::Unanswered { reason: "dc1: no answer".into() }),
            _ => {}
        }
        if change.new.expose() == "short" {
            return Err(ChangeRefusal::Policy { rule: Some(PasswordRule::TooShort), message: None });
        }
        change.new.expose().clone_into(&mut self.password.lock().unwrap());
        Ok(person(username.as_str()).id)
    }

    async fn find_groups(&self, _wanted: &[GroupRef]) -> Result<Vec<GroupLookup>, Unreachable> {
        Ok(Vec::new())
    }
}

const NOW: i64 = 1_795_309_126_976;

struct PasswordChangeFixture {
    auth: Auth,
    directory: Arc<OnePassword>,
    sessions: Sessions,
    _folder: tempfile::TempDir,
}

impl PasswordChangeFixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(NOW)));
        let settings = SessionSettings::with_lifetimes(Duration::from_mins(30), Duration::from_hours(12));
        let sessions = Sessions::open(&folder.path().join("sessions.db"), &settings, clock.clone()).await.unwrap();
        let directory = Arc::new(OnePassword { password: Mutex::new(OLD.to_owned()), sent: AtomicUsize::new(0) });
        let keys = Keys::from_secret(&[7; 32]);
        let factors = folder.path().join("factors.db");
        let factors = Factors::open(&factors, keys.factors_key(), clock.clone()).await.unwrap();
        let second_step = SecondStep::new(factors, Duration::from_hours(12));
        let epochs = PersonEpochs::open(&folder.path().join("epochs.db"), clock.clone()).await.unwrap();
        let clock = Arc::new(InstantClock(clock));
        let failed_attempts =
            SqliteThrottleStore::open(&folder.path().join("failed_attempts.db"), clock.clone()).await.unwrap();
        let stores = AuthStores { sessions: sessions.clone(), epochs, failed_attempts: Arc::new(failed_attempts) };
        let auth = Auth::new(directory.clone(), stores, second_step, Audit::new(), clock, keys);
        Self { auth, directory, sessions, _folder: folder }
    }

    async fn changes(&self, name: &str, [old, new, again]: [&str; 3]) -> Result<PasswordChanged, PasswordChangeRefusal> {
        let [old, new, again] = [old, new, again].map(|text| Zeroizing::new(text.to_owned()));
        self.auth.change_password(name, PasswordChangeRequest { old, new, new_repeated: again }, &Client::default(), None).await
    }

    async fn signs_in(&self, name: &str, password: &str) -> Result<SignedIn, SignInRefusal> {
        self.auth.sign_in(name, Zeroizing::new(password.to_owned()), false, &Client::default(), None).await
    }

    async fn sessions_of(&self, name: &str) -> usize {
        self.sessions.of_person(&person(name).id).await.unwrap().len()
    }

    fn sent(&self) -> usize {
        self.directory.sent.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_change_ends_the_sessions_from_before_and_begins_one() {
    let fixture = PasswordChangeFixture::new().await;
    for _ in 0..3 {
        fixture.signs_in("alice", OLD).await.unwrap();
    }
    fixture.signs_in("bob", OLD).await.unwrap();
    let changed = fixture.changes("alice", [OLD, NEW, NEW]).await.unwrap();
    assert!(changed.others_ended);
    let left = fixture.sessions.of_person(&person("alice").id).await.unwrap();
    assert_eq!(left.iter().map(|session| session.id).collect::<Vec<_>>(), [changed.signed_in.unwrap().session.id]);
    assert_eq!(fixture.sessions_of("bob").await, 1, "somebody else's stay");
}

#[tokio::test]
async fn where_the_sign_in_after_it_fails_the_change_stands_and_the_sessions_have_ended_all_the_same() {
    let fixture = PasswordChangeFixture::new().await;
    fixture.signs_in("unlucky", OLD).await.unwrap();
    let changed = fixture.changes("unlucky", [OLD, NEW, NEW]).await.unwrap();
    assert!(changed.signed_in.is_none() && changed.others_ended);
    assert_eq!(fixture.sessions_of("unlucky").await, 0);
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_before_anybody_is_asked() {
    let fixture = PasswordChangeFixture::new().await;
    assert!(matches!(fixture.changes("alice", [OLD, "", ""]).await, Err(PasswordChangeRefusal::NewEmpty)));
    assert!(matches!(fixture.changes("alice", [OLD, NEW, OLD]).await, Err(PasswordChangeRefusal::NotRepeated)));
    assert!(matches!(fixture.changes("alice", [OLD, OLD, OLD]).await, Err(PasswordChangeRefusal::Unchanged)));
    for new in ["a\0b", &*"x".repeat(1025)] {
        let refused = fixture.changes("alice", [OLD, new, new]).await;
        assert!(matches!(refused, Err(PasswordChangeRefusal::NotAPassword)), "{new:?}");
    }
    for (name, old) in [("", OLD), ("al\nice", OLD), ("alice", ""), ("alice", "a\0b")] {
        let refused = fixture.changes(name, [old, NEW, NEW]).await;
        let wrong = PasswordChangeRefusal::Old(SignInRefusal::WrongCredentials);
        assert_eq!(refused.unwrap_err().to_string(), wrong.to_string(), "{name:?} {old:?}");
    }
    assert_eq!(fixture.sent(), 0);
}

#[tokio::test]
async fn wrong_old_passwords_use_up_the_tries_of_the_account_for_signing_in_too() {
    let fixture = PasswordChangeFixture::new().await;
    for number in 0..10 {
        assert!(fixture.changes("alice", [&format!("wrong {number}"), NEW, NEW]).await.is_err());
    }
    let sent = fixture.sent();
    assert!((1..=4).contains(&sent), "{sent} wrong passwords were sent");
    assert!(matches!(fixture.signs_in("alice", OLD).await, Err(SignInRefusal::Throttled { .. })));
    assert_eq!(fixture.sent(), sent);
    fixture.signs_in("bob", OLD).await.unwrap();
}

#[tokio::test]
async fn who_struggles_with_the_rules_guesses_nothing_and_is_not_locked_out() {
    let fixture = PasswordChangeFixture::new().await;
    for _ in 0..10 {
        let refused = fixture.changes("alice", [OLD, "short", "short"]).await;
        assert!(matches!(refused, Err(PasswordChangeRefusal::Policy { rule: Some(PasswordRule::TooShort), .. })));
    }
    fixture.changes("alice", [OLD, NEW, NEW]).await.unwrap();
}

#[tokio::test]
async fn a_password_that_was_not_sent_counts_for_nothing_and_one_that_was_counts() {
    let fixture = PasswordChangeFixture::new().await;
    for _ in 0..10 {
        let refused = fixture.changes("away", [OLD, NEW, NEW]).await;
        assert!(matches!(refused, Err(PasswordChangeRefusal::Old(SignInRefusal::DirectoryUnreachable(_)))));
        assert!(matches!(fixture.changes("abroad", [OLD, NEW, NEW]).await, Err(PasswordChangeRefusal::NotHere)));
    }
    // A right one counts for nothing either, when the change it was for is not answered.
    for _ in 0..10 {
        assert!(matches!(fixture.changes("halted", [OLD, NEW, NEW]).await, Err(PasswordChangeRefusal::Unanswered)));
    }
    for name in ["away", "abroad", "halted"] {
        fixture.signs_in(name, OLD).await.unwrap();
    }
    for _ in 0..10 {
        assert!(fixture.changes("slow", [OLD, NEW, NEW]).await.is_err());
    }
    assert!(matches!(fixture.signs_in("slow", OLD).await, Err(SignInRefusal::Throttled { .. })));
}

#[tokio::test]
async fn people_hear_of_the_end_of_their_password_when_it_is_near_and_the_settings_want_it() {
    let fixture = PasswordChangeFixture::new().await;
    assert_eq!(fixture.auth.password_expires_in(&person("alice")), Some(Duration::from_hours(30)));
    assert_eq!(fixture.auth.password_expires_in(&person("calm")), None, "no warning is wanted");
    let at = |expires| Person { password_expires: expires, ..person("alice") };
    let now = Timestamp::from_millis(NOW);
    assert_eq!(fixture.auth.password_expires_in(&at(None)), None);
    assert_eq!(fixture.auth.password_expires_in(&at(Some(now + Duration::from_hours(49)))), None);
    assert_eq!(fixture.auth.password_expires_in(&at(Some(Timestamp::from_millis(0)))), Some(Duration::ZERO));
}
