#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::{ApiToken, CreateTokenError, Token, TokenLookup, Tokens, Wanted};
use crate::config::TokenSettings;
use crate::domain::{Client, EndReason, Groups, ManualClock, Person, PersonId, Revalidation, Timestamp};
use crate::store::{RowEvent, RowWatch};

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

    async fn makes(&self, person: &Person, wanted: &Wanted) -> (ApiToken, Token) {
        self.tokens.make(person, wanted).await.unwrap()
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
    Person {
        id: PersonId::new(format!("objectGUID:{name}")),
        directory: None,
        username: name.into(),
        principal: None,
        display_name: name.into(),
        groups: Groups::default(),
        password_expires: None,
    }
}

fn lasting(lasts: Duration) -> Wanted {
    Wanted {
        name: "backup".parse().unwrap(),
        granted: "read:ops".parse().unwrap(),
        lasts,
        second_factor: false,
        upkeep: Revalidation::Refreshed,
    }
}

#[tokio::test]
async fn a_token_is_found_by_its_secret_alone_and_knows_what_it_was_made_for() {
    let drawer = TokensFixture::open().await;
    let wanted = Wanted { second_factor: true, ..lasting(HOUR) };
    let (secret, made) = drawer.makes(&person("alice"), &wanted).await;
    assert_eq!(drawer.finds(&secret).await, TokenLookup::Valid(made.clone()));
    assert_eq!(made.scope.to_string(), "read:ops");
    assert!(made.second_factor);
    assert_eq!(made.expires_at, START + HOUR);
    assert_eq!(drawer.finds(&ApiToken::generate().unwrap()).await, TokenLookup::NotFound);
}

#[tokio::test]
async fn the_file_holds_a_hash_and_never_the_token() {
    let drawer = TokensFixture::open().await;
    let (secret, _) = drawer.makes(&person("alice"), &lasting(HOUR)).await;
    let (text, mut holds_hash) = (secret.reveal(), false);
    for file in std::fs::read_dir(drawer.folder.path()).unwrap() {
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
    let drawer = TokensFixture::open().await;
    let (secret, made) = drawer.makes(&person("alice"), &lasting(30 * MINUTE)).await;
    drawer.clock.advance(30 * MINUTE);
    assert_eq!(drawer.finds(&secret).await, TokenLookup::Ended(EndReason::Expired));
    assert!(drawer.tokens.of_person(&made.person.id).await.unwrap().is_empty());
    let swept: Vec<_> = drawer.tokens.sweep().await.unwrap().iter().map(|token| token.id).collect();
    assert_eq!(swept, [made.id]);
    assert_eq!(drawer.finds(&secret).await, TokenLookup::Ended(EndReason::Expired), "its script still hears why");
    drawer.clock.advance(31 * DAY);
    assert!(drawer.tokens.sweep().await.unwrap().is_empty());
    assert_eq!(drawer.finds(&secret).await, TokenLookup::NotFound);
}

#[tokio::test]
async fn nobody_gets_a_longer_one_than_the_settings_allow() {
    let drawer = TokensFixture::open().await;
    let (_, made) = drawer.makes(&person("alice"), &lasting(4_000 * DAY)).await;
    assert_eq!(made.expires_at, START + 365 * DAY);
}

#[tokio::test]
async fn a_revoked_token_is_dead_at_once_and_only_its_owner_or_an_admin_revokes_it() {
    let drawer = TokensFixture::open().await;
    let (secret, made) = drawer.makes(&person("alice"), &lasting(HOUR)).await;
    assert_eq!(drawer.tokens.revoke(made.id, Some(&person("bob"))).await.unwrap(), None);
    assert!(matches!(drawer.finds(&secret).await, TokenLookup::Valid(_)));
    assert!(drawer.tokens.revoke(made.id, Some(&person("alice"))).await.unwrap().is_some());
    assert_eq!(drawer.finds(&secret).await, TokenLookup::Ended(EndReason::Revoked));
    assert_eq!(drawer.tokens.revoke(made.id, None).await.unwrap(), None, "it has ended before");
}

#[tokio::test]
async fn one_person_has_a_bounded_number_of_tokens() {
    let drawer = TokensFixture::open().await;
    let alice = person("alice");
    for _ in 0..50 {
        drawer.makes(&alice, &lasting(HOUR)).await;
    }
    assert!(matches!(drawer.tokens.make(&alice, &lasting(HOUR)).await, Err(CreateTokenError::TooMany)));
    drawer.makes(&person("bob"), &lasting(HOUR)).await;
    drawer.clock.advance(HOUR);
    drawer.makes(&alice, &lasting(HOUR)).await;
}

#[tokio::test]
async fn the_last_use_is_noted_to_about_a_minute_and_a_new_address_at_once() {
    let drawer = TokensFixture::open().await;
    let (secret, made) = drawer.makes(&person("alice"), &lasting(HOUR)).await;
    let at = |address: &str| Client::new(address.parse().ok(), None);
    let used = async || drawer.tokens.of_person(&made.person.id).await.unwrap()[0].last_used_at;
    assert_eq!(used().await, None);
    drawer.tokens.find(&secret, &at("192.0.2.1")).await.unwrap();
    assert_eq!(used().await, Some(START));
    drawer.clock.advance(MINUTE / 2);
    drawer.tokens.find(&secret, &at("192.0.2.1")).await.unwrap();
    assert_eq!(used().await, Some(START));
    drawer.tokens.find(&secret, &at("192.0.2.2")).await.unwrap();
    assert_eq!(used().await, Some(START + MINUTE / 2));
}

#[tokio::test]
async fn whom_nobody_confirms_for_too_long_has_no_way_in_until_somebody_does() {
    let drawer = TokensFixture::open().await;
    let alice = person("alice");
    let (asked, _) = drawer.makes(&alice, &lasting(30 * DAY)).await;
    let (unasked, _) = drawer.makes(&alice, &Wanted { upkeep: Revalidation::Unrefreshed, ..lasting(30 * DAY) }).await;
    drawer.clock.advance(STALE);
    assert!(matches!(drawer.finds(&asked).await, TokenLookup::Stale(_)));
    assert!(matches!(drawer.finds(&unasked).await, TokenLookup::Valid(_)));
    drawer.clock.advance(7 * DAY);
    assert!(matches!(drawer.finds(&unasked).await, TokenLookup::Stale(_)));
    let now = START + 7 * DAY + STALE;
    drawer.tokens.confirm(&[alice], now).await.unwrap();
    assert!(matches!(drawer.finds(&asked).await, TokenLookup::Valid(_)));
    assert!(matches!(drawer.finds(&unasked).await, TokenLookup::Valid(_)));
}

#[tokio::test]
async fn people_are_listed_once_and_in_pages_as_long_as_they_can_be_asked_about() {
    let drawer = TokensFixture::open().await;
    for name in ["a", "b", "b", "c"] {
        drawer.makes(&person(name), &lasting(HOUR)).await;
    }
    drawer.makes(&person("d"), &Wanted { upkeep: Revalidation::Unrefreshed, ..lasting(HOUR) }).await;
    assert_eq!(drawer.tokens.count_people().await.unwrap(), 3);
    let (people, last) = drawer.tokens.people(None, 2).await.unwrap();
    assert_eq!(people.iter().map(|person| &*person.username).collect::<Vec<_>>(), ["a", "b"]);
    let (people, last) = drawer.tokens.people(last.as_ref(), 2).await.unwrap();
    assert_eq!(people.iter().map(|person| &*person.username).collect::<Vec<_>>(), ["c"]);
    assert_eq!(last, None);
    drawer.tokens.update_revalidation(|_| Revalidation::Unrefreshed).await.unwrap();
    assert_eq!(drawer.tokens.count_people().await.unwrap(), 0);
}

#[tokio::test]
async fn whoever_is_gone_has_no_tokens_but_what_they_proved_since_counts() {
    let drawer = TokensFixture::open().await;
    let alice = person("alice");
    let (before, _) = drawer.makes(&alice, &lasting(HOUR)).await;
    let asked_at = START;
    drawer.clock.advance(MINUTE);
    let (since, _) = drawer.makes(&alice, &lasting(HOUR)).await;
    assert_eq!(drawer.tokens.end_all_of(&alice.id, asked_at).await.unwrap().len(), 1);
    assert_eq!(drawer.finds(&before).await, TokenLookup::Ended(EndReason::Revoked));
    assert!(matches!(drawer.finds(&since).await, TokenLookup::Valid(_)));
}

/// What a watch says within a real second, which is long for it and never decides a test that passes.
async fn soon(watch: &mut RowWatch) -> RowEvent {
    tokio::time::timeout(Duration::from_secs(20), watch.next_event()).await.expect("there is news")
}

#[tokio::test]
async fn a_watch_hears_of_a_change_and_of_the_end() {
    let drawer = TokensFixture::open().await;
    let alice = person("alice");
    let (_, made) = drawer.makes(&alice, &lasting(HOUR)).await;
    let mut watch = drawer.tokens.watch(made.id, &alice);
    drawer.clock.advance(MINUTE);
    let renamed = Person { display_name: "Alice B.".into(), ..alice };
    drawer.tokens.confirm(std::slice::from_ref(&renamed), START + MINUTE).await.unwrap();
    assert_eq!(soon(&mut watch).await, RowEvent::Changed(renamed));
    drawer.tokens.revoke(made.id, None).await.unwrap();
    assert_eq!(soon(&mut watch).await, RowEvent::Ended(EndReason::Revoked));
    drop(watch);
    assert_eq!(drawer.tokens.watch_registry().len(), 0);
}

#[tokio::test]
async fn a_watch_ends_by_itself_when_the_token_expires_or_goes_stale() {
    let drawer = TokensFixture::open().await;
    let alice = person("alice");
    let (_, short) = drawer.makes(&alice, &lasting(10 * MINUTE)).await;
    let (_, long) = drawer.makes(&alice, &lasting(DAY)).await;
    let (mut short, mut long) = (drawer.tokens.watch(short.id, &alice), drawer.tokens.watch(long.id, &alice));
    drawer.clock.advance(10 * MINUTE);
    assert_eq!(soon(&mut short).await, RowEvent::Ended(EndReason::Expired));
    drawer.clock.advance(STALE);
    assert_eq!(soon(&mut long).await, RowEvent::Unconfirmed);
}

#[tokio::test]
async fn a_watch_hears_what_another_process_did_to_the_file() {
    let drawer = TokensFixture::open().await;
    let alice = person("alice");
    let (_, made) = drawer.makes(&alice, &lasting(HOUR)).await;
    let mut watch = drawer.tokens.watch(made.id, &alice);
    let other = open(&drawer.folder, &drawer.clock).await;
    other.revoke(made.id, None).await.unwrap();
    let news = async {
        tokio::select! {
            news = watch.next_event() => news,
            () = drawer.tokens.poll_external_changes() => unreachable!("it follows for ever"),
            () = async {
                loop {
                    // The store's answers come from a thread of its own: the time goes on only when they have been heard.
                    drawer.tokens.count_people().await.unwrap();
                    drawer.clock.advance(Duration::from_millis(100));
                }
            } => unreachable!("the time passes for ever"),
        }
    };
    assert_eq!(news.await, RowEvent::Ended(EndReason::Revoked));
    assert!(drawer.clock_now() < START + Duration::from_secs(50), "long before the watch looks for itself");
}

impl TokensFixture {
    fn clock_now(&self) -> Timestamp {
        crate::domain::Clock::now(&*self.clock)
    }
}
