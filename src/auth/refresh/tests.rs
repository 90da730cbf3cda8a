#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use tokio_util::task::AbortOnDropHandle;

use super::*;
use crate::audit::log_capture::LogCapture;
use crate::config::{SessionSettings, TokenSettings};
use crate::directory::{BindGate, ChangeRefusal, DirectoryRefusal, GroupLookup, LockoutInfo, PasswordChange, PasswordState};
use crate::domain::{Group, GroupId, GroupRef, ManualClock, Password, PersonEpoch, Realm, Revalidation, Username};
use crate::sessions::{SessionLookup, SessionOptions, SessionToken};
use crate::tokens::{self, ApiToken, NewToken};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const EVERY: Duration = Duration::from_mins(5);
const STALE: Duration = Duration::from_hours(1);
const LONG: Duration = Duration::from_hours(24 * 90);

/// A directory with scripted answers; people without one stay as they are.
#[derive(Default)]
struct ScriptedDirectory {
    says: Mutex<HashMap<PersonId, Result<AccountStatus, Unreachable>>>,
    is_away: Mutex<bool>,
    /// The number of people in each request.
    asked: Mutex<Vec<usize>>,
}

impl ScriptedDirectory {
    fn asked(&self) -> Vec<usize> {
        self.asked.lock().unwrap().clone()
    }

    fn says(&self, of: &Person, standing: Result<AccountStatus, Unreachable>) {
        self.says.lock().unwrap().insert(of.id.clone(), standing);
    }

    fn goes_away(&self, is_away: bool) {
        *self.is_away.lock().unwrap() = is_away;
    }
}

fn unreachable() -> Unreachable {
    Unreachable::new("dc1: no route")
}

#[async_trait]
impl Directory for ScriptedDirectory {
    async fn sign_in(&self, _: &Username, _: &Password, _: &dyn BindGate) -> Result<Person, DirectoryRefusal> {
        Err(DirectoryRefusal::WrongCredentials)
    }

    async fn check_reachable(&self) -> Result<(), Unreachable> {
        Ok(())
    }

    fn revalidation(&self, person: &Person) -> Revalidation {
        if person.username.starts_with("local") { Revalidation::Unrefreshed } else { Revalidation::Refreshed }
    }

    async fn refresh(&self, people: &[Person]) -> Vec<Result<AccountStatus, Unreachable>> {
        self.asked.lock().unwrap().push(people.len());
        let (says, is_away) = (self.says.lock().unwrap(), *self.is_away.lock().unwrap());
        let of = |person: &Person| {
            // Further directories are never away here.
            if is_away && person.realm == Realm::Default {
                return Err(unreachable());
            }
            says.get(&person.id).cloned().unwrap_or_else(|| Ok(AccountStatus::Active(person.clone())))
        };
        people.iter().map(of).collect()
    }

    fn realm_of(&self, _username: &Username) -> Realm {
        Realm::Default
    }

    fn lockout_info(&self, _: &Username) -> LockoutInfo {
        LockoutInfo::new(None, true)
    }

    fn can_change_password(&self, _: &Username, _: PasswordState) -> bool {
        false
    }

    async fn change_password(&self, _: &Username, _: &PasswordChange, _: &dyn BindGate) -> Result<PersonId, ChangeRefusal> {
        Err(ChangeRefusal::NotHere { reason: "this is a book" })
    }

    fn password_warning(&self, _: &Person) -> Duration {
        Duration::ZERO
    }

    fn sign_in_name(&self, _: &Person) -> Option<Username> {
        None
    }

    async fn find_groups(&self, _: &[GroupRef]) -> Result<Vec<GroupLookup>, Unreachable> {
        Ok(Vec::new())
    }
}

struct RefreshFixture {
    directory: Arc<ScriptedDirectory>,
    sessions: Sessions,
    tokens: Tokens,
    clock: Arc<ManualClock>,
    refresh: Arc<SessionRefresher>,
    _folder: tempfile::TempDir,
}

impl RefreshFixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_795_309_126_976)));
        let lasting = SessionSettings::with_lifetimes(Duration::from_hours(12), Duration::from_hours(48));
        let settings = SessionSettings { refresh: EVERY, max_staleness: STALE, ..lasting };
        let sessions = Sessions::open(&folder.path().join("sessions.db"), &settings, clock.clone()).await.unwrap();
        let directory = Arc::new(ScriptedDirectory::default());
        let lasting = TokenSettings { lifetime: LONG, longest: LONG, unrefreshed: LONG };
        let tokens = Tokens::open(&folder.path().join("tokens.db"), &lasting, STALE, clock.clone()).await.unwrap();
        let refresh = SessionRefresher::new(directory.clone(), sessions.clone(), Audit::new(), clock.clone(), settings.refresh);
        let mut refresh = refresh.with_tokens(tokens.clone());
        refresh.epochs = Some(PersonEpochs::open(&folder.path().join("epochs.db"), clock.clone()).await.unwrap());
        let refresh = Arc::new(refresh);
        Self { directory, sessions, tokens, clock, refresh, _folder: folder }
    }

    async fn signs_in(&self, person: &Person) -> SessionToken {
        let upkeep = self.directory.revalidation(person);
        self.sessions.begin(person, &Client::default(), SessionOptions::password_only(upkeep)).await.unwrap().0
    }

    async fn makes_a_token(&self, person: &Person) -> ApiToken {
        let upkeep = self.directory.revalidation(person);
        let (name, granted) = ("backup".parse().unwrap(), "read".parse().unwrap());
        let wanted = NewToken {
            name,
            scope: granted,
            lifetime: LONG,
            second_factor: false,
            revalidation: upkeep,
            epoch: PersonEpoch::default(),
        };
        self.tokens.create(person, &wanted).await.unwrap().0
    }

    async fn finds_token(&self, token: &ApiToken) -> tokens::TokenLookup {
        self.tokens.find(token, &Client::default()).await.unwrap()
    }

    async fn finds(&self, token: &SessionToken) -> SessionLookup {
        self.sessions.find(token).await.unwrap()
    }

    fn works(&self) -> AbortOnDropHandle<()> {
        let refresh = Arc::clone(&self.refresh);
        AbortOnDropHandle::new(tokio::spawn(async move { refresh.run().await }))
    }

    /// Lets the time pass, a second at a time, until the report is as `wanted` says.
    async fn reports(&self, wanted: impl FnMut(&RefreshReport) -> bool) -> RefreshReport {
        let mut reports = self.refresh.subscribe();
        let passing = async {
            loop {
                // The store's answers come from a thread of its own: the time goes on only when they have been heard.
                self.sessions.count_people().await.unwrap();
                self.clock.advance(SECOND);
            }
        };
        tokio::select! {
            report = reports.wait_for(wanted) => report.unwrap().clone(),
            () = passing => unreachable!("it passes for ever"),
            () = tokio::time::sleep(Duration::from_secs(20)) => panic!("the report stays {:?}", self.refresh.report()),
        }
    }

    /// Waits for the round after this one.
    async fn goes_round(&self) -> RefreshReport {
        let before = self.refresh.report().last_completed;
        self.reports(|report| report.last_completed > before).await
    }
}

fn person(name: &str) -> Person {
    Person::named(name)
}

fn in_group(name: &str, group: &str) -> Person {
    let group =
        Group { id: GroupId::new(format!("S-1-5-21-{group}")), name: group.into(), dn: String::new(), shares_name: false };
    Person { groups: [group].into_iter().collect(), ..person(name) }
}

#[tokio::test]
async fn who_is_gone_is_signed_out_with_the_reason_in_the_audit_and_who_is_not_stays() {
    let paper = LogCapture::new();
    let log = tracing_subscriber::fmt().json().with_writer(paper.clone()).finish();
    let _written = tracing::subscriber::set_default(log);
    let fixture = RefreshFixture::new().await;
    let (alice, bob) = (fixture.signs_in(&person("alice")).await, fixture.signs_in(&person("bob")).await);
    let elsewhere = fixture.signs_in(&person("alice")).await;
    fixture.directory.says(&person("alice"), Ok(AccountStatus::Removed(RemovalReason::Disabled)));
    let _work = fixture.works();
    fixture.goes_round().await;
    assert_eq!(fixture.finds(&alice).await, SessionLookup::NotFound);
    assert_eq!(fixture.finds(&elsewhere).await, SessionLookup::NotFound);
    assert!(matches!(fixture.finds(&bob).await, SessionLookup::Valid(_)));
    let text = paper.text();
    let closed: Vec<&str> = text.lines().filter(|line| line.contains("\"account-closed\"")).collect();
    assert!(closed.len() == 1 && closed[0].contains("\"reason\":\"disabled\""), "{text}");
    assert_eq!(text.matches("\"session-ended\"").count(), 2, "{text}");
}

#[tokio::test]
async fn who_is_described_anew_is_so_in_every_session_and_the_audit_tells_of_the_groups() {
    let paper = LogCapture::new();
    let log = tracing_subscriber::fmt().json().with_writer(paper.clone()).finish();
    let _written = tracing::subscriber::set_default(log);
    let fixture = RefreshFixture::new().await;
    let (before, now) = (in_group("alice", "sales"), in_group("alice", "ops"));
    let (desk, phone) = (fixture.signs_in(&before).await, fixture.signs_in(&before).await);
    fixture.directory.says(&before, Ok(AccountStatus::Active(now.clone())));
    let _work = fixture.works();
    fixture.goes_round().await;
    for token in [desk, phone] {
        assert_eq!(fixture.finds(&token).await.valid().unwrap().person, now);
    }
    let text = paper.text();
    let changed: Vec<&str> = text.lines().filter(|line| line.contains("\"groups-changed\"")).collect();
    assert_eq!(changed.len(), 1, "{text}");
    assert!(changed[0].contains("\"gained\":\"ops\"") && changed[0].contains("\"lost\":\"sales\""), "{text}");
}

#[tokio::test]
async fn everybody_s_turn_comes_once_in_an_interval_in_parts_that_are_a_trickle() {
    let fixture = RefreshFixture::new().await;
    for number in 0..450 {
        fixture.signs_in(&person(&format!("person{number}"))).await;
    }
    let _work = fixture.works();
    let first = fixture.goes_round().await;
    assert_eq!(first.people, 450);
    assert_eq!(fixture.directory.asked(), [200, 200, 50], "at the start everybody at once");
    let second = fixture.goes_round().await;
    assert_eq!(second.people, 450);
    assert_eq!(fixture.directory.asked()[3..], [90, 90, 90, 90, 90]);
    // The test's time also passes while the store works, so there is no telling how much longer it was.
    let took = second.last_completed.unwrap().since(first.last_completed.unwrap());
    assert!(took >= EVERY, "{took:?}");
}

#[tokio::test]
async fn an_outage_ends_nothing_and_when_it_is_over_everybody_is_asked_at_once() {
    let fixture = RefreshFixture::new().await;
    let token = fixture.signs_in(&person("alice")).await;
    for number in 0..150 {
        fixture.signs_in(&person(&format!("person{number}"))).await;
    }
    let _work = fixture.works();
    fixture.goes_round().await;
    fixture.directory.goes_away(true);
    let away = fixture.reports(|report| !report.outages.is_empty()).await;
    assert_eq!(away.outages[&Realm::Default].reason, "dc1: no route");
    assert_eq!(fixture.refresh.unreachable_since(&Realm::Default), Some(away.outages[&Realm::Default].since));
    assert!(matches!(fixture.finds(&token).await, SessionLookup::Valid(_)));
    fixture.clock.advance(STALE);
    assert!(matches!(fixture.finds(&token).await, SessionLookup::Stale(_)), "not good, and not ended");

    fixture.directory.goes_away(false);
    fixture.directory.says(&person("person7"), Ok(AccountStatus::Removed(RemovalReason::NotFound)));
    let back = fixture.goes_round().await;
    assert!(back.outages.is_empty());
    assert_eq!(back.people, 151);
    assert!(matches!(fixture.finds(&token).await, SessionLookup::Valid(_)), "without signing in");
    let asked = fixture.directory.asked();
    assert_eq!(asked[asked.len() - 2..], [10, 151], "tried with a few, then everybody: {asked:?}");
}

#[tokio::test]
async fn a_directory_that_is_away_is_tried_again_less_and_less_often_and_keeps_nobody_waiting() {
    let fixture = RefreshFixture::new().await;
    let brand = Person { realm: Realm::Additional("brand".parse().unwrap()), ..person("bea") };
    let (alice, bea) = (fixture.signs_in(&person("alice")).await, fixture.signs_in(&brand).await);
    fixture.directory.goes_away(true);
    let _work = fixture.works();
    fixture.reports(|report| !report.outages.is_empty()).await;
    let before = fixture.clock.now();
    let asked_before = fixture.directory.asked().len();
    let mut reports = fixture.refresh.subscribe();
    while fixture.clock.now().since(before) < STALE {
        fixture.reports(|_| true).await;
        fixture.sessions.count_people().await.unwrap();
        fixture.clock.advance(SECOND);
    }
    reports.mark_unchanged();
    let asked = fixture.directory.asked().len() - asked_before;
    assert!((50..100).contains(&asked), "{asked} questions in an hour");
    assert!(matches!(fixture.finds(&bea).await, SessionLookup::Valid(_)), "the other directory answers for her");
    assert!(matches!(fixture.finds(&alice).await, SessionLookup::Stale(_)));
}

#[tokio::test]
async fn one_person_of_whom_nothing_can_be_said_is_no_outage_and_ends_by_themselves() {
    let fixture = RefreshFixture::new().await;
    let (alice, bob) = (fixture.signs_in(&person("alice")).await, fixture.signs_in(&person("bob")).await);
    fixture.directory.says(&person("alice"), Err(unreachable()));
    let _work = fixture.works();
    let begun = fixture.clock.now();
    while fixture.clock.now().since(begun) < STALE {
        assert!(fixture.goes_round().await.outages.is_empty());
    }
    assert!(matches!(fixture.finds(&alice).await, SessionLookup::Stale(_)));
    assert!(matches!(fixture.finds(&bob).await, SessionLookup::Valid(_)));
}

#[tokio::test]
async fn whom_nobody_can_ask_about_is_not_asked_about_and_ends_in_time() {
    let fixture = RefreshFixture::new().await;
    let token = fixture.signs_in(&person("local")).await;
    let _work = fixture.works();
    assert_eq!(fixture.goes_round().await.people, 0);
    fixture.clock.advance(Duration::from_mins(9 * 60 + 30));
    assert!(matches!(fixture.finds(&token).await, SessionLookup::Valid(_)), "it does not grow stale");
    fixture.clock.advance(30 * MINUTE);
    assert_eq!(fixture.finds(&token).await, SessionLookup::NotFound);
}

#[test]
fn few_people_are_one_part_and_many_are_ten() {
    for (people, expected) in [(0, 1), (1, 1), (100, 1), (101, 2), (450, 5), (1_000, 10), (100_000, 10)] {
        assert_eq!(part_count(people), expected, "{people}");
    }
}

#[tokio::test]
async fn tokens_follow_the_directory_as_sessions_do_and_their_owners_need_not_be_signed_in() {
    let paper = LogCapture::new();
    let log = tracing_subscriber::fmt().json().with_writer(paper.clone()).finish();
    let _written = tracing::subscriber::set_default(log);
    let fixture = RefreshFixture::new().await;
    let gone = fixture.makes_a_token(&person("gone")).await;
    let moved = fixture.makes_a_token(&in_group("moved", "ops")).await;
    let unasked = fixture.makes_a_token(&person("local")).await;
    let signed_in = fixture.signs_in(&person("both")).await;
    let both = fixture.makes_a_token(&person("both")).await;
    fixture.directory.says(&person("gone"), Ok(AccountStatus::Removed(RemovalReason::Disabled)));
    fixture.directory.says(&person("moved"), Ok(AccountStatus::Active(in_group("moved", "sales"))));
    fixture.directory.says(&person("both"), Ok(AccountStatus::Removed(RemovalReason::NotFound)));
    let _work = fixture.works();
    fixture.goes_round().await;
    assert_eq!(fixture.finds_token(&gone).await, tokens::TokenLookup::Ended(EndReason::Revoked));
    assert_eq!(fixture.finds_token(&both).await, tokens::TokenLookup::Ended(EndReason::Revoked));
    assert_eq!(fixture.finds(&signed_in).await, SessionLookup::NotFound);
    let tokens::TokenLookup::Valid(moved) = fixture.finds_token(&moved).await else { panic!("it is good") };
    assert_eq!(moved.person, in_group("moved", "sales"));
    assert!(matches!(fixture.finds_token(&unasked).await, tokens::TokenLookup::Valid(_)));
    let text = paper.text();
    assert_eq!(text.matches("\"token-ended\"").count(), 2, "{text}");

    // Confirmed again and again, it does not go stale.
    fixture.clock.advance(STALE);
    fixture.goes_round().await;
    assert!(matches!(fixture.tokens.get(moved.id).await.unwrap(), tokens::TokenLookup::Valid(_)));
}

#[tokio::test]
async fn a_password_that_was_changed_in_the_directory_ends_what_was_proved_before_it_once_and_an_older_answer_does_not() {
    let paper = LogCapture::new();
    let log = tracing_subscriber::fmt().json().with_writer(paper.clone()).finish();
    let _written = tracing::subscriber::set_default(log);
    let fixture = RefreshFixture::new().await;
    let set = |hours| Person { password_set: Some(fixture.clock.now() - Duration::from_hours(hours)), ..person("alice") };
    let (old, new) = (set(9), set(1));
    let before = fixture.signs_in(&old).await;
    let (bob, token) = (fixture.signs_in(&person("bob")).await, fixture.makes_a_token(&old).await);
    let _work = fixture.works();
    fixture.goes_round().await;
    assert!(matches!(fixture.finds(&before).await, SessionLookup::Valid(_)), "the first look ends nothing");
    fixture.directory.says(&old, Ok(AccountStatus::Active(new.clone())));
    fixture.goes_round().await;
    assert_eq!(fixture.finds(&before).await, SessionLookup::NotFound);
    assert!(!matches!(fixture.finds_token(&token).await, tokens::TokenLookup::Valid(_)));
    assert!(matches!(fixture.finds(&bob).await, SessionLookup::Valid(_)));
    assert_eq!(paper.text().matches("\"password-changed-elsewhere\"").count(), 1, "{}", paper.text());

    let epochs = fixture.refresh.epochs.clone().unwrap();
    let options =
        SessionOptions { epoch: epochs.current().await.unwrap(), ..SessionOptions::password_only(Revalidation::Refreshed) };
    let (since, _) = fixture.sessions.begin(&new, &Client::default(), options).await.unwrap();
    for told in [old, new] {
        fixture.directory.says(&told, Ok(AccountStatus::Active(told.clone())));
        fixture.goes_round().await;
        assert!(matches!(fixture.finds(&since).await, SessionLookup::Valid(_)), "{told:?}");
    }
}
