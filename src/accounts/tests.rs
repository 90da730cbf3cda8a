#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use super::store::{NewInvitation, WriteStamp};
use super::{
    AccountAction, AccountChange, AccountError, AccountName, AccountProfile, ActionOrigin, CommandLineAction, InactiveReason,
    InvitationCode, LocalAccount, LocalAccounts, PasswordCheck,
};
use crate::config::AccountSettings;
use crate::domain::{Clock, ManualClock, Password, Timestamp};
use crate::store::tests::{TestEngine, on_both_engines};
use crate::store::{PostgresDatabase, PostgresStore, StoreError, StoreKind};

const START: Timestamp = Timestamp::from_millis(1_795_309_126_976);
const GOOD: &str = "lamp otter gravel nine";
const OTHER: &str = "copper violin seven moss";
const LASTS: Duration = Duration::from_hours(72);

struct AccountsFixture {
    clock: Arc<ManualClock>,
    accounts: LocalAccounts,
    engine: TestEngine,
}

on_both_engines! { super::AccountsFixture::within:
    an_account_is_kept_as_it_was_made_and_its_password_is_not
    a_right_password_is_right_and_nothing_else_is
    an_unknown_name_takes_the_same_work_as_a_wrong_password
    a_hash_of_less_cost_is_made_anew_by_the_sign_in_that_shows_the_password
    a_name_and_an_address_are_one_accounts_and_a_removed_ones_are_free
    an_account_is_closed_while_it_is_disabled_and_from_its_end_on
    an_invitation_works_once
    an_invitation_expires_can_be_withdrawn_and_cannot_be_guessed
    the_store_keeps_no_code_that_accepts
    what_the_command_line_does_is_noticed_and_told_once
    every_change_is_noticed_by_other_processes
    the_end_of_an_accounts_time_is_noticed
    digest_is_kept_with_a_password_and_goes_with_it
    what_is_done_at_once_is_done_once
}

impl AccountsFixture {
    async fn within(engine: TestEngine) -> Self {
        let clock = Arc::new(ManualClock::at(START));
        let accounts = open(&engine, &clock).await;
        Self { clock, accounts, engine }
    }

    /// The command line, or another server, with the same store.
    async fn command_line(&self) -> LocalAccounts {
        open(&self.engine, &self.clock).await
    }

    /// Everything that is in the store, as text.
    async fn kept(&self) -> String {
        match &self.engine {
            TestEngine::Embedded(_) => {
                self.accounts.close().await;
                String::from_utf8_lossy(&std::fs::read(self.engine.file("accounts.db")).unwrap()).into_owned()
            }
            TestEngine::Postgres(database) => {
                let rows = "SELECT coalesce(string_agg(kept, ' '), '') FROM (SELECT row(accounts.*)::text FROM accounts
                     UNION ALL SELECT row(invitations.*)::text FROM invitations) AS kept (kept)";
                store(database).await.fetch_one::<(String,)>(sqlx::query_as(rows)).await.unwrap().0
            }
        }
    }

    /// Gives every account this hash of a password, as an earlier version would have.
    async fn set_hashes(&self, hash: &str) {
        match &self.engine {
            TestEngine::Embedded(_) => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(self.engine.file("accounts.db"));
                let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
                sqlx::query("UPDATE accounts SET password_hash = ?").bind(hash).execute(&pool).await.unwrap();
            }
            TestEngine::Postgres(database) => {
                let set = sqlx::query("UPDATE accounts SET password_hash = $1").bind(hash);
                store(database).await.execute(set).await.unwrap();
            }
        }
    }

    async fn add(&self, name: &str) -> LocalAccount {
        self.accounts.add(new(name), &password(GOOD), ActionOrigin::Server).await.unwrap()
    }

    async fn check(&self, account: &LocalAccount, typed: &str) -> PasswordCheck {
        self.accounts.check_password(Some(account), &password(typed)).await.unwrap()
    }
}

async fn open(engine: &TestEngine, clock: &Arc<ManualClock>) -> LocalAccounts {
    let settings =
        AccountSettings { shortest_password: 12, invitation_lasts: LASTS, mail_domains: vec!["Partner.example".to_owned()] };
    let (clock, words) = (Arc::clone(clock) as Arc<dyn Clock>, ["Belvedere".to_owned()]);
    match engine {
        TestEngine::Embedded(_) => LocalAccounts::open(&engine.file("accounts.db"), &settings, words, clock).await,
        TestEngine::Postgres(database) => LocalAccounts::open_postgres(database, &settings, words, clock).await,
    }
    .unwrap()
}

async fn store(database: &PostgresDatabase) -> PostgresStore {
    let kind = StoreKind { name: "store of local accounts", if_recreated: "" };
    PostgresStore::open(database, kind, "accounts", sqlx::migrate!("src/accounts/migrations_postgres")).await.unwrap()
}

fn name(name: &str) -> AccountName {
    name.parse().unwrap()
}

fn new(of: &str) -> AccountProfile {
    AccountProfile::named(name(of), "Guest")
}

fn password(text: &str) -> Password {
    Password::parse(text.to_owned()).unwrap()
}

async fn an_account_is_kept_as_it_was_made_and_its_password_is_not(fixture: AccountsFixture) {
    let of = AccountProfile {
        mail: "Ann@Partner.example".parse().ok(),
        groups: vec!["guests".parse().unwrap(), "admins".parse().unwrap(), "guests".parse().unwrap()],
        expires_at: Some(START + Duration::from_hours(1)),
        second_factor: true,
        ..AccountProfile::named(name("Ann"), "Ann Partner")
    };
    let account = fixture.accounts.add(of, &password(GOOD), ActionOrigin::Server).await.unwrap();
    assert_eq!(fixture.accounts.get(&account.id).await.unwrap().as_ref(), Some(&account));
    assert_eq!(fixture.accounts.by_name(&name("ann")).await.unwrap().as_ref(), Some(&account));
    assert_eq!(fixture.accounts.by_mail(&"ann@partner.example".parse().unwrap()).await.unwrap().as_ref(), Some(&account));
    let person = account.person();
    assert_eq!((person.qualified_name().as_str(), &*person.display_name), ("local\\ann", "Ann Partner"));
    assert_eq!(person.principal, None, "an address written down here would pass for a directory's");
    assert_eq!(person.groups.iter().map(|group| &*group.name).collect::<Vec<_>>(), ["admins", "guests", "second-factor"]);
    assert!(person.requires_second_factor());
    let kept = fixture.kept().await;
    assert!(kept.contains("$argon2id$") && !kept.contains(GOOD));
}

async fn a_right_password_is_right_and_nothing_else_is(fixture: AccountsFixture) {
    let ann = fixture.add("ann").await;
    assert_eq!(fixture.check(&ann, GOOD).await, PasswordCheck::Correct);
    assert_eq!(fixture.check(&ann, OTHER).await, PasswordCheck::Wrong);
    assert_eq!(fixture.accounts.check_password(None, &password(GOOD)).await.unwrap(), PasswordCheck::Wrong);
    fixture.clock.advance(Duration::from_secs(1));
    let changed = fixture.accounts.set_password(&ann.id, &password(OTHER), ActionOrigin::Server).await.unwrap();
    assert_eq!(changed.password_set_at, START + Duration::from_secs(1));
    assert_eq!(
        (fixture.check(&ann, GOOD).await, fixture.check(&ann, OTHER).await),
        (PasswordCheck::Wrong, PasswordCheck::Correct)
    );
}

async fn an_unknown_name_takes_the_same_work_as_a_wrong_password(fixture: AccountsFixture) {
    let ann = fixture.add("ann").await;
    fixture.accounts.prepare_dummy_hash().await.unwrap();
    let computed = || fixture.accounts.inner.hashing.computed.load(std::sync::atomic::Ordering::SeqCst);
    let before = computed();
    fixture.check(&ann, OTHER).await;
    let wrong = computed() - before;
    fixture.accounts.check_password(None, &password(OTHER)).await.unwrap();
    assert_eq!((wrong, computed() - before - wrong), (1, 1));
}

async fn a_hash_of_less_cost_is_made_anew_by_the_sign_in_that_shows_the_password(fixture: AccountsFixture) {
    use argon2::password_hash::{PasswordHasher as _, SaltString};
    let ann = fixture.add("ann").await;
    let params = argon2::Params::new(8 * 1024, 1, 1, None).unwrap();
    let weak = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let weak = weak.hash_password(GOOD.as_bytes(), &SaltString::encode_b64(&[7; 16]).unwrap()).unwrap().to_string();
    fixture.set_hashes(&weak).await;
    let hash = async || fixture.accounts.store().password_hash(&ann.id).await.unwrap();
    assert_eq!(fixture.check(&ann, OTHER).await, PasswordCheck::Wrong);
    assert!(hash().await.unwrap().contains("m=8192"));
    assert_eq!(fixture.check(&ann, GOOD).await, PasswordCheck::Correct);
    assert!(hash().await.unwrap().contains("m=19456,t=2,p=1"));
    assert_eq!(fixture.check(&ann, GOOD).await, PasswordCheck::Correct);
}

async fn a_name_and_an_address_are_one_accounts_and_a_removed_ones_are_free(fixture: AccountsFixture) {
    let mail = "ann@partner.example".parse().ok();
    let ann = AccountProfile { mail, ..new("ann") };
    let first = fixture.accounts.add(ann.clone(), &password(GOOD), ActionOrigin::Server).await.unwrap();
    let again = fixture.accounts.add(new("ANN"), &password(GOOD), ActionOrigin::Server).await;
    assert!(matches!(again, Err(AccountError::NameTaken(_))), "{again:?}");
    let same_mail = AccountProfile { mail: ann.mail.clone(), ..new("bob") };
    let refused = fixture.accounts.invite(same_mail, "alice", ActionOrigin::Server).await;
    assert!(matches!(refused, Err(AccountError::MailTaken(_))), "{refused:?}");
    fixture.accounts.change(&first.id, AccountChange::Removed, ActionOrigin::Server).await.unwrap();
    let second = fixture.accounts.add(ann, &password(GOOD), ActionOrigin::Server).await.unwrap();
    assert_ne!(first.id, second.id, "an account made anew is another");
    let gone = fixture.accounts.change(&first.id, AccountChange::Removed, ActionOrigin::Server).await;
    assert!(matches!(gone, Err(AccountError::Gone)), "{gone:?}");
}

async fn an_account_is_closed_while_it_is_disabled_and_from_its_end_on(fixture: AccountsFixture) {
    let ann = fixture.add("ann").await;
    assert_eq!(ann.inactive_reason(START), None);
    let disabled = fixture.accounts.change(&ann.id, AccountChange::Disabled(true), ActionOrigin::Server).await.unwrap();
    assert_eq!(disabled.inactive_reason(START), Some(InactiveReason::Disabled));
    let enabled = fixture.accounts.change(&ann.id, AccountChange::Disabled(false), ActionOrigin::Server).await.unwrap();
    assert_eq!(enabled.inactive_reason(START), None);
    let end = START + Duration::from_hours(1);
    let guest = AccountProfile { expires_at: Some(end), ..new("guest") };
    let guest = fixture.accounts.add(guest, &password(GOOD), ActionOrigin::Server).await.unwrap();
    assert_eq!(
        (guest.inactive_reason(end - Duration::from_millis(1)), guest.inactive_reason(end)),
        (None, Some(InactiveReason::Expired))
    );
}

async fn an_invitation_works_once(fixture: AccountsFixture) {
    let (code, invitation) = fixture.accounts.invite(new("ann"), "alice", ActionOrigin::Server).await.unwrap();
    assert_eq!((invitation.invited_by.as_str(), invitation.expires_at), ("alice", START + LASTS));
    assert_eq!(fixture.accounts.invitation(&code).await.unwrap(), Some(invitation));
    let short = fixture.accounts.accept(&code, None, &password("short")).await;
    assert!(matches!(short, Err(AccountError::Password(_))), "{short:?}");
    let typed = password(GOOD);
    let accept = || fixture.accounts.accept(&code, Some("Ann Partner"), &typed);
    let (one, other) = tokio::join!(accept(), accept());
    assert_eq!(usize::from(one.is_ok()) + usize::from(other.is_ok()), 1, "{one:?} {other:?}");
    let ann = one.or(other).unwrap();
    assert_eq!(ann.profile.display_name, "Ann Partner");
    assert_eq!(fixture.check(&ann, GOOD).await, PasswordCheck::Correct);
    let again = accept().await;
    assert!(matches!(again, Err(AccountError::Gone)), "{again:?}");
    assert_eq!(fixture.accounts.invitations().await.unwrap(), []);
}

async fn an_invitation_expires_can_be_withdrawn_and_cannot_be_guessed(fixture: AccountsFixture) {
    let (code, _) = fixture.accounts.invite(new("ann"), "alice", ActionOrigin::Server).await.unwrap();
    let guess = InvitationCode::generate().unwrap();
    assert_eq!(fixture.accounts.invitation(&guess).await.unwrap(), None);
    fixture.clock.advance(Duration::from_hours(71));
    assert!(fixture.accounts.invitation(&code).await.unwrap().is_some());
    fixture.clock.advance(Duration::from_hours(1));
    assert_eq!(fixture.accounts.invitation(&code).await.unwrap(), None);
    let late = fixture.accounts.accept(&code, None, &password(GOOD)).await;
    assert!(matches!(late, Err(AccountError::Gone)), "{late:?}");
    assert_eq!(fixture.accounts.invitations().await.unwrap().len(), 1, "it is still listed");

    let (fresh, invitation) = fixture.accounts.invite(new("ann"), "alice", ActionOrigin::Server).await.unwrap();
    let taken = fixture.accounts.add(new("ann"), &password(GOOD), ActionOrigin::Server).await;
    assert!(matches!(taken, Err(AccountError::NameTaken(_))), "the name is promised: {taken:?}");
    fixture.accounts.withdraw(invitation.id, ActionOrigin::Server).await.unwrap();
    assert_eq!(fixture.accounts.invitation(&fresh).await.unwrap(), None);
    assert!(matches!(fixture.accounts.withdraw(invitation.id, ActionOrigin::Server).await, Err(AccountError::Gone)));
    fixture.add("ann").await;
}

async fn the_store_keeps_no_code_that_accepts(fixture: AccountsFixture) {
    let (code, _) = fixture.accounts.invite(new("ann"), "alice", ActionOrigin::Server).await.unwrap();
    let kept = fixture.kept().await;
    assert!(kept.contains("ann") && !kept.contains(code.reveal().as_str()));
}

async fn what_the_command_line_does_is_noticed_and_told_once(fixture: AccountsFixture) {
    let ann = fixture.add("ann").await;
    let watcher = fixture.accounts.clone();
    let watch = tokio::spawn(async move { watcher.watch_changes().await });
    let mut changes = fixture.accounts.subscribe();
    changes.changed().await.unwrap();
    changes.mark_unchanged();

    let beside = fixture.command_line().await;
    let mail = "bob@partner.example".parse().ok();
    beside.add(AccountProfile { mail, ..new("bob") }, &password(GOOD), ActionOrigin::CommandLine).await.unwrap();
    beside.change(&ann.id, AccountChange::Disabled(true), ActionOrigin::CommandLine).await.unwrap();
    fixture.clock.advance(Duration::from_millis(500));
    tokio::time::timeout(Duration::from_secs(20), changes.changed()).await.unwrap().unwrap();
    assert!(fixture.accounts.is_mail_domain("PARTNER.example") && !fixture.accounts.is_mail_domain("corp.example.com"));

    let action_of = |action, account: &str| CommandLineAction { at: START, action, account: account.to_owned() };
    let actions = fixture.accounts.take_actions().await.unwrap();
    assert_eq!(actions, [action_of(AccountAction::Added, "bob"), action_of(AccountAction::Disabled, "ann")]);
    assert_eq!(fixture.accounts.take_actions().await.unwrap(), [], "nothing is told twice");
    watch.abort();
}

async fn every_change_is_noticed_by_other_processes(fixture: AccountsFixture) {
    let beside = fixture.command_line().await;
    let has_changed = async || beside.store().has_changed(START, START).await.unwrap();
    assert!(has_changed().await, "nobody has looked yet");
    assert!(!has_changed().await);
    let ann = fixture.add("ann").await;
    assert!(has_changed().await, "added");
    fixture.accounts.change(&ann.id, AccountChange::Disabled(true), ActionOrigin::CommandLine).await.unwrap();
    assert!(has_changed().await, "disabled");
    assert!(!has_changed().await);
    let (code, _) = fixture.accounts.invite(new("bob"), "alice", ActionOrigin::Server).await.unwrap();
    assert!(has_changed().await, "invited");
    fixture.accounts.accept(&code, None, &password(GOOD)).await.unwrap();
    assert!(has_changed().await, "accepted");
    let (_, invitation) = fixture.accounts.invite(new("carol"), "alice", ActionOrigin::Server).await.unwrap();
    fixture.accounts.withdraw(invitation.id, ActionOrigin::Server).await.unwrap();
    assert!(has_changed().await, "withdrawn");
    fixture.accounts.change(&ann.id, AccountChange::Removed, ActionOrigin::Server).await.unwrap();
    assert!(has_changed().await, "removed");
    assert!(!has_changed().await);
}

/// The contract that every [`AccountStore`](super::AccountStore) has to keep: of many at the same time, from several processes, one
/// has the name, the code, the last place, or the action.
async fn what_is_done_at_once_is_done_once(fixture: AccountsFixture) {
    let both = [fixture.accounts.clone(), fixture.command_line().await];
    let store = |number: usize| both[number % 2].store();
    let stamp = |origin| WriteStamp { at: START, origin };
    let mail = "ann@partner.example".parse().ok();
    let profiles: Vec<_> = (0..8).map(|number| AccountProfile { mail: mail.clone(), ..new(&format!("ann{number}")) }).collect();
    let hash = "$argon2id$";

    let added = profiles.iter().enumerate();
    let added = join_all(added.map(|(number, of)| store(number).insert(of, hash, 9, stamp(ActionOrigin::Server)))).await;
    assert_eq!(added.iter().filter(|added| added.is_ok()).count(), 1, "an address: {added:?}");
    let ann = added.into_iter().find_map(Result::ok).unwrap();
    let invite = async |number: u8| {
        let of = new("bob");
        let invitation = NewInvitation { code_hash: &[number; 32], profile: &of, invited_by: "", expires_at: START + LASTS };
        store(number.into()).invite(invitation, 9, START - LASTS, stamp(ActionOrigin::Server)).await.is_ok()
    };
    let add = async |number: usize| store(number).insert(&new("bob"), hash, 9, stamp(ActionOrigin::Server)).await.is_ok();
    let (invited, added) = tokio::join!(join_all((0..4).map(invite)), join_all((0..4).map(add)));
    assert_eq!(invited.into_iter().chain(added).filter(|done| *done).count(), 1, "a name, of accounts and invitations");

    let of = new("carol");
    let invitation = NewInvitation { code_hash: &[99; 32], profile: &of, invited_by: "", expires_at: START + LASTS };
    store(0).invite(invitation, 9, START - LASTS, stamp(ActionOrigin::Server)).await.unwrap();
    let accepted = join_all((0..8).map(|number| store(number).accept(&[99; 32], &of, hash, 9, START))).await;
    assert_eq!(accepted.iter().filter(|accepted| accepted.is_ok()).count(), 1, "a code");
    assert!(accepted.iter().all(|accepted| matches!(accepted, Ok(_) | Err(AccountError::Gone))), "{accepted:?}");

    let count = i64::try_from(store(0).all().await.unwrap().len()).unwrap();
    let profiles: Vec<_> = (0..8).map(|number| new(&format!("dave{number}"))).collect();
    let added = profiles.iter().enumerate();
    let added =
        join_all(added.map(|(number, of)| store(number).insert(of, hash, count + 1, stamp(ActionOrigin::Server)))).await;
    assert_eq!(added.iter().filter(|added| added.is_ok()).count(), 1, "the last place");

    let remove = |number| store(number).change(&ann.id, &AccountChange::Removed, stamp(ActionOrigin::CommandLine));
    let removed: Result<Vec<_>, StoreError> = join_all((0..8).map(remove)).await.into_iter().collect();
    assert_eq!(removed.unwrap().into_iter().flatten().count(), 1, "a removal");
    let taken: Result<Vec<_>, StoreError> =
        join_all((0..8).map(|number| store(number).take_actions())).await.into_iter().collect();
    assert_eq!(taken.unwrap().concat().len(), 1, "an action for the audit");
}

async fn the_end_of_an_accounts_time_is_noticed(fixture: AccountsFixture) {
    let guest = AccountProfile { expires_at: Some(START + Duration::from_secs(1)), ..new("guest") };
    fixture.accounts.add(guest, &password(GOOD), ActionOrigin::Server).await.unwrap();
    let watcher = fixture.accounts.clone();
    let watch = tokio::spawn(async move { watcher.watch_changes().await });
    let mut changes = fixture.accounts.subscribe();
    changes.changed().await.unwrap();
    changes.mark_unchanged();
    fixture.clock.advance(Duration::from_secs(1));
    tokio::time::timeout(Duration::from_secs(20), changes.changed()).await.unwrap().unwrap();
    watch.abort();
}

async fn digest_is_kept_with_a_password_and_goes_with_it(fixture: AccountsFixture) {
    let ann = fixture.add("ann").await;
    let keep = |at| fixture.accounts.change(&ann.id, AccountChange::Digest(Some(vec![1, 2, 3]), at), ActionOrigin::Server);
    assert!(keep(ann.password_set_at).await.unwrap().has_digest);
    assert_eq!(fixture.accounts.digest(&ann.id).await.unwrap(), Some(vec![1, 2, 3]));
    fixture.clock.advance(Duration::from_secs(1));
    let changed = fixture.accounts.set_password(&ann.id, &password(OTHER), ActionOrigin::Server).await.unwrap();
    assert!(!changed.has_digest);
    assert_eq!(fixture.accounts.digest(&ann.id).await.unwrap(), None);
    let late = keep(ann.password_set_at).await;
    assert!(matches!(late, Err(AccountError::Gone)), "it belonged to the password before: {late:?}");
}
