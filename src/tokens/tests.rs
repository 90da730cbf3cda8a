#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::token::TokenLifetimes;
use super::{ApiToken, CreateTokenError, NewToken, Token, TokenInsert, TokenLookup, TokenRecord, TokenStore, Tokens};
use crate::config::TokenSettings;
use crate::domain::{Client, EndReason, ManualClock, Person, PersonEpoch, Revalidation, Timestamp, TokenId};
use crate::store::tests::contract::{Subject, credential_contract};
use crate::store::{
    PeopleBatch, PostgresCredentials, PostgresDatabase, PostgresNews, PostgresStore, RowEvent, RowWatch, SqliteCredentials,
    SqliteStore, StoreKind, WatchedStore as _,
};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const STALE: Duration = HOUR;
const START: Timestamp = Timestamp::from_millis(1_795_309_126_976);

struct TokensFixture {
    tokens: Tokens,
    clock: Arc<ManualClock>,
    folder: TempDir,
}

impl TokensFixture {
    async fn open() -> Self {
        let (clock, folder) = (Arc::new(ManualClock::at(START)), tempfile::tempdir().unwrap());
        let tokens = open(&folder, &clock).await;
        Self { tokens, clock, folder }
    }

    async fn makes(&self, person: &Person, new: &NewToken) -> (ApiToken, Token) {
        self.tokens.create(person, new).await.unwrap()
    }

    async fn finds(&self, secret: &ApiToken) -> TokenLookup {
        self.tokens.find(secret, &Client::default()).await.unwrap()
    }
}

async fn open(folder: &TempDir, clock: &Arc<ManualClock>) -> Tokens {
    let settings = TokenSettings { lifetime: 90 * DAY, longest: 365 * DAY, unrefreshed: 7 * DAY };
    Tokens::open(&folder.path().join("tokens.db"), &settings, STALE, clock.clone()).await.unwrap()
}

fn person(name: &str) -> Person {
    Person::named(name)
}

fn lasting(lifetime: Duration) -> NewToken {
    NewToken {
        name: "backup".parse().unwrap(),
        scope: "read:ops".parse().unwrap(),
        lifetime,
        second_factor: false,
        revalidation: Revalidation::Refreshed,
        epoch: PersonEpoch::default(),
    }
}

#[tokio::test]
async fn a_token_is_found_by_its_secret_alone_and_knows_what_it_was_made_for() {
    let fixture = TokensFixture::open().await;
    let new = NewToken { second_factor: true, ..lasting(HOUR) };
    let (secret, made) = fixture.makes(&person("alice"), &new).await;
    assert_eq!(fixture.finds(&secret).await, TokenLookup::Valid(made.clone()));
    assert_eq!(made.scope.to_string(), "read:ops");
    assert!(made.second_factor);
    assert_eq!(made.expires_at, START + HOUR);
    assert_eq!(fixture.finds(&ApiToken::generate().unwrap()).await, TokenLookup::NotFound);
}

#[tokio::test]
async fn the_file_holds_a_hash_and_never_the_token() {
    let fixture = TokensFixture::open().await;
    let (secret, _) = fixture.makes(&person("alice"), &lasting(HOUR)).await;
    let (text, mut holds_hash) = (secret.reveal(), false);
    for file in std::fs::read_dir(fixture.folder.path()).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let holds = |secret: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
        assert!(!holds(&text.as_bytes()[4..40]), "{} holds the token", path.display());
        holds_hash |= holds(&secret.hash());
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o077, 0, "others may read {}", path.display());
    }
    assert!(holds_hash);
}

#[tokio::test]
async fn an_expired_token_opens_nothing_even_before_the_sweep() {
    let fixture = TokensFixture::open().await;
    let (secret, made) = fixture.makes(&person("alice"), &lasting(30 * MINUTE)).await;
    fixture.clock.advance(30 * MINUTE);
    assert_eq!(fixture.finds(&secret).await, TokenLookup::Ended(EndReason::Expired));
    assert!(fixture.tokens.of_person(&made.person.id).await.unwrap().is_empty());
    let swept: Vec<_> = fixture.tokens.sweep().await.unwrap().iter().map(|token| token.id).collect();
    assert_eq!(swept, [made.id]);
    assert_eq!(fixture.finds(&secret).await, TokenLookup::Ended(EndReason::Expired), "its script still hears why");
    fixture.clock.advance(31 * DAY);
    assert!(fixture.tokens.sweep().await.unwrap().is_empty());
    assert_eq!(fixture.finds(&secret).await, TokenLookup::NotFound);
}

#[tokio::test]
async fn nobody_gets_a_longer_one_than_the_settings_allow() {
    let fixture = TokensFixture::open().await;
    let (_, made) = fixture.makes(&person("alice"), &lasting(4_000 * DAY)).await;
    assert_eq!(made.expires_at, START + 365 * DAY);
}

#[tokio::test]
async fn a_revoked_token_is_dead_at_once_and_only_its_owner_or_an_admin_revokes_it() {
    let fixture = TokensFixture::open().await;
    let (secret, made) = fixture.makes(&person("alice"), &lasting(HOUR)).await;
    assert_eq!(fixture.tokens.revoke(made.id, Some(&person("bob"))).await.unwrap(), None);
    assert!(matches!(fixture.finds(&secret).await, TokenLookup::Valid(_)));
    assert!(fixture.tokens.revoke(made.id, Some(&person("alice"))).await.unwrap().is_some());
    assert_eq!(fixture.finds(&secret).await, TokenLookup::Ended(EndReason::Revoked));
    assert_eq!(fixture.tokens.revoke(made.id, None).await.unwrap(), None, "it has ended before");
}

#[tokio::test]
async fn one_person_has_a_bounded_number_of_tokens() {
    let fixture = TokensFixture::open().await;
    let alice = person("alice");
    for _ in 0..50 {
        fixture.makes(&alice, &lasting(HOUR)).await;
    }
    assert!(matches!(fixture.tokens.create(&alice, &lasting(HOUR)).await, Err(CreateTokenError::TooMany)));
    fixture.makes(&person("bob"), &lasting(HOUR)).await;
    fixture.clock.advance(HOUR);
    fixture.makes(&alice, &lasting(HOUR)).await;
}

#[tokio::test]
async fn the_last_use_is_noted_to_about_a_minute_and_a_new_address_at_once() {
    let fixture = TokensFixture::open().await;
    let (secret, made) = fixture.makes(&person("alice"), &lasting(HOUR)).await;
    let at = |address: &str| Client::new(address.parse().ok(), None);
    let used = async || fixture.tokens.of_person(&made.person.id).await.unwrap()[0].last_used_at;
    assert_eq!(used().await, None);
    fixture.tokens.find(&secret, &at("192.0.2.1")).await.unwrap();
    assert_eq!(used().await, Some(START));
    fixture.clock.advance(MINUTE / 2);
    fixture.tokens.find(&secret, &at("192.0.2.1")).await.unwrap();
    assert_eq!(used().await, Some(START));
    fixture.tokens.find(&secret, &at("192.0.2.2")).await.unwrap();
    assert_eq!(used().await, Some(START + MINUTE / 2));
}

#[tokio::test]
async fn whom_nobody_confirms_for_too_long_has_no_way_in_until_somebody_does() {
    let fixture = TokensFixture::open().await;
    let alice = person("alice");
    let (asked, _) = fixture.makes(&alice, &lasting(30 * DAY)).await;
    let (unasked, _) = fixture.makes(&alice, &NewToken { revalidation: Revalidation::Unrefreshed, ..lasting(30 * DAY) }).await;
    fixture.clock.advance(STALE);
    assert!(matches!(fixture.finds(&asked).await, TokenLookup::Stale(_)));
    assert!(matches!(fixture.finds(&unasked).await, TokenLookup::Valid(_)));
    fixture.clock.advance(7 * DAY);
    assert!(matches!(fixture.finds(&unasked).await, TokenLookup::Stale(_)));
    let now = START + 7 * DAY + STALE;
    fixture.tokens.confirm(&[alice], now).await.unwrap();
    assert!(matches!(fixture.finds(&asked).await, TokenLookup::Valid(_)));
    assert!(matches!(fixture.finds(&unasked).await, TokenLookup::Valid(_)));
}

#[tokio::test]
async fn people_are_listed_once_and_in_pages_as_long_as_they_can_be_asked_about() {
    let fixture = TokensFixture::open().await;
    for name in ["a", "b", "b", "c"] {
        fixture.makes(&person(name), &lasting(HOUR)).await;
    }
    fixture.makes(&person("d"), &NewToken { revalidation: Revalidation::Unrefreshed, ..lasting(HOUR) }).await;
    assert_eq!(fixture.tokens.count_people().await.unwrap(), 3);
    let PeopleBatch { people, next_after: last } = fixture.tokens.people(None, 2).await.unwrap();
    assert_eq!(people.iter().map(|person| &*person.username).collect::<Vec<_>>(), ["a", "b"]);
    let PeopleBatch { people, next_after: last } = fixture.tokens.people(last.as_ref(), 2).await.unwrap();
    assert_eq!(people.iter().map(|person| &*person.username).collect::<Vec<_>>(), ["c"]);
    assert_eq!(last, None);
    fixture.tokens.update_revalidation(|_| Revalidation::Unrefreshed).await.unwrap();
    assert_eq!(fixture.tokens.count_people().await.unwrap(), 0);
}

#[tokio::test]
async fn whoever_is_gone_has_no_tokens_but_what_they_proved_since_counts() {
    let fixture = TokensFixture::open().await;
    let alice = person("alice");
    let (before, _) = fixture.makes(&alice, &lasting(HOUR)).await;
    let asked_at = START;
    fixture.clock.advance(MINUTE);
    let (since, _) = fixture.makes(&alice, &lasting(HOUR)).await;
    assert_eq!(fixture.tokens.end_all_of(&alice.id, asked_at, EndReason::Revoked).await.unwrap().len(), 1);
    assert_eq!(fixture.finds(&before).await, TokenLookup::Ended(EndReason::Revoked));
    assert!(matches!(fixture.finds(&since).await, TokenLookup::Valid(_)));
}

/// The watch's next event. The timeout is long, and never decides a test that passes.
async fn soon(watch: &mut RowWatch) -> RowEvent {
    tokio::time::timeout(Duration::from_secs(20), watch.next_event()).await.expect("there is news")
}

#[tokio::test]
async fn a_watch_hears_of_a_change_and_of_the_end() {
    let fixture = TokensFixture::open().await;
    let alice = person("alice");
    let (_, made) = fixture.makes(&alice, &lasting(HOUR)).await;
    let mut watch = fixture.tokens.watch(made.id, &alice);
    fixture.clock.advance(MINUTE);
    let renamed = Person { display_name: "Alice B.".into(), ..alice };
    fixture.tokens.confirm(std::slice::from_ref(&renamed), START + MINUTE).await.unwrap();
    assert_eq!(soon(&mut watch).await, RowEvent::Changed(renamed));
    fixture.tokens.revoke(made.id, None).await.unwrap();
    assert_eq!(soon(&mut watch).await, RowEvent::Ended(EndReason::Revoked));
    drop(watch);
    assert_eq!(fixture.tokens.watch_registry().len(), 0);
}

#[tokio::test]
async fn a_watch_ends_by_itself_when_the_token_expires_or_goes_stale() {
    let fixture = TokensFixture::open().await;
    let alice = person("alice");
    let (_, short) = fixture.makes(&alice, &lasting(10 * MINUTE)).await;
    let (_, long) = fixture.makes(&alice, &lasting(DAY)).await;
    let (mut short, mut long) = (fixture.tokens.watch(short.id, &alice), fixture.tokens.watch(long.id, &alice));
    fixture.clock.advance(10 * MINUTE);
    assert_eq!(soon(&mut short).await, RowEvent::Ended(EndReason::Expired));
    fixture.clock.advance(STALE);
    assert_eq!(soon(&mut long).await, RowEvent::Unconfirmed);
}

#[tokio::test]
async fn a_watch_hears_what_another_process_did_to_the_file() {
    let fixture = TokensFixture::open().await;
    let alice = person("alice");
    let (_, made) = fixture.makes(&alice, &lasting(HOUR)).await;
    let mut watch = fixture.tokens.watch(made.id, &alice);
    let other = open(&fixture.folder, &fixture.clock).await;
    other.revoke(made.id, None).await.unwrap();
    let event = async {
        tokio::select! {
            event = watch.next_event() => event,
            () = fixture.tokens.poll_external_changes() => unreachable!("it follows for ever"),
            () = async {
                loop {
                    // The store's answers come from a thread of its own: the time goes on only when they have arrived.
                    fixture.tokens.count_people().await.unwrap();
                    fixture.clock.advance(Duration::from_millis(100));
                }
            } => unreachable!("the time passes for ever"),
        }
    };
    assert_eq!(event.await, RowEvent::Ended(EndReason::Revoked));
    assert!(fixture.clock_now() < START + Duration::from_secs(50), "long before the watch is checked by itself");
}

impl TokensFixture {
    fn clock_now(&self) -> Timestamp {
        crate::domain::Clock::now(&*self.clock)
    }
}

/// Every store of tokens that is to keep the contract.
mod contract {
    use super::*;

    mod sqlite {
        use super::*;

        async fn subject() -> Option<Subject<TokenRecord>> {
            let (store, folder) = sqlite_store().await;
            Some(subject_of(store, folder))
        }

        credential_contract!(subject);
    }

    mod postgres {
        use super::*;

        async fn subject() -> Option<Subject<TokenRecord>> {
            Some(subject_of(postgres_store().await?, ()))
        }

        credential_contract!(subject);
    }
}

async fn sqlite_store() -> (Arc<SqliteCredentials<TokenRecord>>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let kind = StoreKind { name: "token store", if_recreated: "" };
    let file =
        SqliteStore::open(&folder.path().join("tokens.db"), kind, &sqlx::migrate!("src/tokens/migrations")).await.unwrap();
    (Arc::new(SqliteCredentials::new(file)), folder)
}

async fn postgres_store() -> Option<Arc<PostgresCredentials<TokenRecord>>> {
    let database = PostgresDatabase::of_test()?;
    PostgresNews::open(&database).await.unwrap();
    let kind = StoreKind { name: "token store", if_recreated: "" };
    let store = PostgresStore::open(&database, kind, "tokens", sqlx::migrate!("src/tokens/migrations_postgres")).await.unwrap();
    Some(Arc::new(PostgresCredentials::new(store)))
}

fn subject_of<S: TokenStore + 'static>(store: Arc<S>, kept: impl std::any::Any) -> Subject<TokenRecord> {
    let lifetimes = TokenLifetimes { longest: 2 * HOUR, max_staleness: DAY, unrefreshed: DAY };
    let inserted = Arc::clone(&store);
    let insert = move |person: Person, created_at| -> futures::future::BoxFuture<'static, TokenId> {
        let store = Arc::clone(&inserted);
        Box::pin(async move {
            let token_hash = &ApiToken::generate().unwrap().hash();
            let new = &lasting(2 * HOUR);
            let insert = TokenInsert { token_hash, person: &person, new, created_at, expires_at: created_at + 2 * HOUR };
            store.insert(insert, 9, lifetimes).await.unwrap().unwrap().id
        })
    };
    Subject { store, lifetimes, insert: Box::new(insert), _kept: Box::new(kept) }
}

#[tokio::test]
async fn of_many_who_make_a_token_at_once_no_more_do_than_may() {
    let fixture = TokensFixture::open().await;
    let (alice, new) = (person("alice"), lasting(HOUR));
    let made = futures::future::join_all((0..60).map(|_| fixture.tokens.create(&alice, &new))).await;
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 50);
}
