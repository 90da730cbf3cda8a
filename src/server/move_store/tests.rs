#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;

use super::*;
use crate::accounts::{AccountProfile, ActionOrigin};
use crate::audit::{Audit, AuditEvent};
use crate::domain::{Client, Password, Person, Revalidation};
use crate::epochs::{ObservedPassword, RevocationEvent, RevokedPeople};
use crate::nodes::{NodeDescription, NodeId};
use crate::sessions::SessionOptions;
use crate::store::AeadCipher;
use crate::store::tests::postgres::{self, PostgresServer};
use crate::telemetry::Metrics;

/// Rows that only an authenticator, a script or a directory makes, with the values that are most easily changed on their way: empty
/// and large bytes, negative keys, texts with signs of JSON and SQL.
const ROWS: [(&str, &str); 13] = [
    (TOKENS_FILE, "INSERT INTO tokens VALUES (7, randomblob(32), '\"a\\b'' \u{2028}', 'alice', '{\"name\":\"a\\u0000b\"}', 'read', 1, 1, 2, 3,
         'refreshed', NULL, NULL, NULL, NULL, 9)"),
    (TOKENS_FILE, "INSERT INTO signing_keys VALUES ('kid', x'', 5)"),
    (FACTORS_FILE, "INSERT INTO answered VALUES (x'00ff0102030405060708090a0b0c0d0e', 9223372036854775806)"),
    (FACTORS_FILE, "INSERT INTO passkeys SELECT 3, x'0102', person_id, 'Key', x'03', randomblob(7), 1, 2, 3 FROM people"),
    (FACTORS_FILE, "INSERT INTO answered VALUES (randomblob(16), 9223372036854775807)"),
    (FACTORS_FILE, "INSERT INTO code_attempts SELECT person_id, 'unfamiliar', 3, 4, 5 FROM people"),
    (FAILED_ATTEMPTS_FILE, "INSERT INTO names VALUES (-9223372036854775808, 1, -1, 5), (-1, 0, 3, 5), (-1, 0, -3, 5)"),
    (FAILED_ATTEMPTS_FILE, "INSERT INTO people VALUES (-1, NULL, NULL, NULL, 5), (3, -7, 5, 1800000, 6)"),
    (FAILED_ATTEMPTS_FILE, "INSERT INTO failures VALUES (0, -9, '[[1,0],[2,2]]', 1800000, 5)"),
    (FAILED_ATTEMPTS_FILE, "INSERT INTO releases VALUES (4, 1, -9, 5)"),
    (PUSHED_FILE, "INSERT INTO pushed_documents VALUES ('meter', 9, 5, CAST('{}' AS BLOB))"),
    (HISTORY_FILE, "INSERT INTO series VALUES (x'00ff0102030405060708090a0b0c0d0e', 'meter', '.\"a\"', '{}', 60000, 5)"),
    (HISTORY_FILE, "INSERT INTO chunks VALUES (7, x'00ff0102030405060708090a0b0c0d0e', 1, 2, 0, 3, x'00ff01')"),
];

/// The settings of a server with this state folder, and this database.
fn settings(state: &Path, url: &str) -> (Figment, Settings) {
    let figment = Figment::from(rocket::Config::debug_default())
        .merge(("directory.url", "ldap://127.0.0.1:9"))
        .merge(("state", state))
        .merge(("secret_key", "hPRYyVRiMyxpw5sBB1XeCMN1kFsDCqKvBi2QJxBVHQk="))
        .merge(("store.url", url));
    let settings = Settings::from_figment(&figment).unwrap();
    (figment, settings)
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::PermissionsExt::set_mode(&mut folder.path().metadata().unwrap().permissions(), 0o700);
    folder
}

/// Fills the embedded store as a server does.
async fn fill(figment: &Figment, settings: &Settings) {
    let embedded = Settings { store: StoreSettings::default(), ..settings.clone() };
    let (keys, clock): (Keys, Arc<dyn Clock>) = (load_keys(figment, settings).unwrap(), Arc::new(SystemClock));
    let stores = Stores::open(&embedded, &keys, PushEndpoints::default(), &clock).await.unwrap();
    let alice = Person::named("alice");
    let good = Password::parse("lamp otter gravel nine".to_owned()).unwrap();
    let named = |name: &str| AccountProfile::named(name.parse().unwrap(), "Änn \0 'Partner'");
    stores.accounts.add(named("ann"), &good, ActionOrigin::CommandLine).await.unwrap();
    let gone = stores.accounts.invite(named("gone"), "alice", ActionOrigin::Server).await.unwrap().1;
    stores.accounts.invite(named("bob"), "alice", ActionOrigin::Server).await.unwrap();
    let last = stores.accounts.invite(named("carol"), "alice", ActionOrigin::Server).await.unwrap().1;
    for invitation in [gone, last] {
        stores.accounts.withdraw(invitation.id, ActionOrigin::Server).await.unwrap();
    }
    let options = SessionOptions::password_only(Revalidation::Refreshed);
    stores.sessions.begin(&alice, &Client::new("2001:db8::1".parse().ok(), Some("Browser")), options).await.unwrap();
    stores.epochs.record_password(&alice.id, Some(ObservedPassword::MustChange)).await.unwrap();
    stores.epochs.bump(RevokedPeople::Everybody, RevocationEvent::GroupsLost, None).await.unwrap();
    stores.factors.update_description(&alice).await.unwrap();
    stores.factors.make_recovery_codes(&alice.id).await.unwrap();
    let (audit, writer) = Audit::with_trail(stores.audit.clone(), Metrics::new().audit(), Arc::clone(&clock));
    for number in 0..1_200 {
        audit.record(&Client::default(), &AuditEvent::PagesReloaded { what: &format!("page {number}") });
    }
    writer.finish().await;
    stores.close().await;
    let owner = [&b"seed\0"[..], alice.id.as_str().as_bytes()].concat();
    let seed = AeadCipher::new(keys.factors_key()).seal(&owner, b"a seed").unwrap();
    let app = sqlx::query("INSERT INTO apps SELECT person_id, ?, 5, 6, NULL FROM people").bind(seed);
    app.execute(&open_file(settings, FACTORS_FILE).await).await.unwrap();
    for (file, statement) in ROWS {
        sqlx::query(statement).execute(&open_file(settings, file).await).await.unwrap();
    }
}

async fn open_file(settings: &Settings, file: &str) -> SqlitePool {
    SqlitePool::connect_with(SqliteConnectOptions::new().filename(settings.state.join(file))).await.unwrap()
}

/// Every row of every table in the files, as text.
async fn rows(settings: &Settings) -> Vec<(&'static str, Vec<Vec<Option<String>>>)> {
    let mut all = Vec::new();
    for (file, table, name) in TABLES {
        let table = SqliteTable::new(&settings.state.join(file), table);
        let columns = table.columns().await.unwrap();
        all.push((name, table.page(&columns, None, i64::MAX).await.unwrap()));
    }
    all
}

/// Moves, and returns the number of rows of each table.
async fn moved(figment: &Figment, settings: &Settings, target: MoveTarget) -> Result<BTreeMap<String, u64>, MoveError> {
    let mut tables = BTreeMap::new();
    let record = |table: &str, digest: &TableDigest| {
        tables.insert(table.to_owned(), digest.rows);
    };
    move_store(figment, settings, target, record).await?;
    Ok(tables)
}

fn database(server: &PostgresServer) -> String {
    server.url(&server.create_database())
}

#[tokio::test]
async fn a_store_that_was_moved_there_and_back_is_the_same() {
    let Some(server) = postgres::server() else { return };
    let (url, here, there) = (database(server), folder(), folder());
    let (figment, from) = settings(here.path(), &url);
    fill(&figment, &from).await;
    let tables = moved(&figment, &from, MoveTarget::Postgres).await.unwrap();
    assert_eq!((tables["audit_events"], tables["recovery_codes"]), (1_200, 10));
    assert!(tables.len() == TABLES.len() && tables.values().all(|rows| *rows > 0), "{tables:?}");
    let again = moved(&figment, &from, MoveTarget::Postgres).await;
    assert!(matches!(again, Err(MoveError::NotEmpty { .. })), "it has rows of its own: {again:?}");

    // An id is not given again, though its row is gone.
    let database = PostgresDatabase::from_settings(&from.store).unwrap();
    let moves = StoreMoves::open(&database).await.unwrap();
    for (table, number) in [("invitations", 3), ("history_chunks", 7)] {
        let table = moves.table(table);
        assert_eq!(table.last_number(&table.columns().await.unwrap()).await.unwrap(), Some(number));
    }

    let (figment, back) = settings(there.path(), &url);
    moved(&figment, &back, MoveTarget::Embedded).await.unwrap();
    let (mut before, mut after) = (rows(&from).await, rows(&back).await);
    // Who opens the store begins no earlier epoch than now.
    assert!(before[0].0 == COUNTER && after[0].0 == COUNTER);
    for side in [&mut before, &mut after] {
        side.remove(0);
    }
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_move_that_was_interrupted_goes_on_and_a_target_of_another_origin_is_refused() {
    let Some(server) = postgres::server() else { return };
    let (url, here) = (database(server), folder());
    let (figment, from) = settings(here.path(), &url);
    fill(&figment, &from).await;
    create_tables(&from, &load_keys(&figment, &from).unwrap()).await.unwrap();
    let database = PostgresDatabase::from_settings(&from.store).unwrap();
    let moves = StoreMoves::open(&database).await.unwrap();
    // As after a kill in the middle of a table.
    let id = random_uuid().unwrap();
    MoveFile::in_state_folder(here.path()).write(MoveTarget::Postgres, id).unwrap();
    assert!(moves.begin(id, true).await.unwrap());
    for (file, table, name) in TABLES {
        let (from, to) = (SqliteTable::new(&here.path().join(file), table), moves.table(name));
        let (source, target) = (from.columns().await.unwrap(), to.columns().await.unwrap());
        if name == "audit_events" {
            let target: Vec<_> =
                source.iter().map(|column| target.iter().find(|other| other.name == column.name).unwrap().clone()).collect();
            to.insert(&target, &from.page(&source, None, 700).await.unwrap()).await.unwrap();
        } else {
            copy_table(&from, &to).await.unwrap();
        }
    }
    let other = folder();
    let (other_figment, elsewhere) = settings(other.path(), &url);
    let refused = moved(&other_figment, &elsewhere, MoveTarget::Postgres).await;
    assert!(matches!(refused, Err(MoveError::NotEmpty { .. })), "{refused:?}");
    for (figment, settings) in [(&figment, &from), (&other_figment, &elsewhere)] {
        let refused = moved(figment, settings, MoveTarget::Embedded).await;
        assert!(matches!(refused, Err(MoveError::OtherDirection("postgres"))), "the source is not whole: {refused:?}");
    }
    let lock = StateLock::acquire(&from.state).unwrap();
    let refused = moved(&figment, &from, MoveTarget::Postgres).await;
    assert!(matches!(refused, Err(MoveError::Start(_))), "a server runs: {refused:?}");
    drop(lock);
    let tables = moved(&figment, &from, MoveTarget::Postgres).await.unwrap();
    assert_eq!(tables["audit_events"], 1_200);
    assert!(!here.path().join("move_store").exists());
}

#[tokio::test]
async fn while_a_server_uses_the_database_nothing_is_moved() {
    let Some(server) = postgres::server() else { return };
    let (url, here) = (database(server), folder());
    let (figment, settings) = settings(here.path(), &url);
    let nodes = PostgresNodes::open(&PostgresDatabase::from_settings(&settings.store).unwrap()).await.unwrap();
    let node = NodeDescription {
        id: NodeId::generate().unwrap(),
        name: "node-7".to_owned(),
        version: "1",
        key_fingerprint: String::new(),
    };
    nodes.register(&node, SystemClock.now()).await.unwrap();
    for target in [MoveTarget::Postgres, MoveTarget::Embedded] {
        let refused = moved(&figment, &settings, target).await;
        assert!(matches!(&refused, Err(MoveError::ServerRuns(name)) if name == "node-7"), "{refused:?}");
    }
    nodes.leave(node.id).await.unwrap();
    moved(&figment, &settings, MoveTarget::Postgres).await.unwrap();
}

#[tokio::test]
async fn rows_that_changed_behind_a_move_are_noticed() {
    let Some(server) = postgres::server() else { return };
    let (url, here) = (database(server), folder());
    let (figment, from) = settings(here.path(), &url);
    fill(&figment, &from).await;
    create_tables(&from, &load_keys(&figment, &from).unwrap()).await.unwrap();
    let database = PostgresDatabase::from_settings(&from.store).unwrap();
    let moves = StoreMoves::open(&database).await.unwrap();
    let (from_table, to) = (SqliteTable::new(&here.path().join(FACTORS_FILE), "people"), moves.table("factor_people"));
    copy_table(&from_table, &to).await.unwrap();
    verify_copy(&from_table, &to).await.unwrap();
    let change = sqlx::query("UPDATE people SET name = 'else'");
    change.execute(&open_file(&from, FACTORS_FILE).await).await.unwrap();
    let error = verify_copy(&from_table, &to).await.unwrap_err().to_string();
    assert!(error.contains("factor_people") && error.contains("empty target"), "{error}");
}

#[tokio::test]
async fn no_table_is_forgotten() {
    let Some(server) = postgres::server() else { return };
    let (url, here) = (database(server), folder());
    let (figment, settings) = settings(here.path(), &url);
    create_tables(&settings, &load_keys(&figment, &settings).unwrap()).await.unwrap();
    let names = std::fs::read_dir(here.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let files: Vec<String> = names.filter(|name| Path::new(name).extension().is_some_and(|ending| ending == "db")).collect();
    let mut found = BTreeSet::new();
    for file in &files {
        let pool = open_file(&settings, file).await;
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '_sqlx%'",
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        // It follows from the events.
        found.extend(tables.into_iter().filter(|table| table != "holdings").map(|table| (file.as_str(), table)));
    }
    assert_eq!(found, TABLES.iter().map(|(file, table, _)| (*file, (*table).to_owned())).collect());
}

#[test]
fn a_folder_whose_note_of_a_move_cannot_be_read_is_not_started_on() {
    let here = folder();
    let file = MoveFile::in_state_folder(here.path());
    assert!(!file.is_folder_incomplete());
    std::fs::write(here.path().join("move_store"), "").unwrap();
    assert!(file.is_folder_incomplete());
    let id = random_uuid().unwrap();
    for (target, is_incomplete) in [(MoveTarget::Embedded, true), (MoveTarget::Postgres, false)] {
        file.write(target, id).unwrap();
        assert_eq!((file.read().unwrap(), file.is_folder_incomplete()), (Some((target, id)), is_incomplete));
    }
    file.remove().unwrap();
    assert!(!file.is_folder_incomplete() && std::fs::read_dir(here.path()).unwrap().next().is_none());
}

#[tokio::test]
async fn a_database_takes_part_in_one_move_at_a_time_and_nothing_writes_to_it_meanwhile() {
    let Some(server) = postgres::server() else { return };
    let (url, here) = (database(server), folder());
    let (figment, settings) = settings(here.path(), &url);
    let moves = StoreMoves::open(&PostgresDatabase::from_settings(&settings.store).unwrap()).await.unwrap();
    let [first, second] = [(); 2].map(|()| random_uuid().unwrap());
    assert!(moves.begin(first, false).await.unwrap());
    assert!(!moves.begin(second, true).await.unwrap());
    for target in [MoveTarget::Postgres, MoveTarget::Embedded] {
        let refused = moved(&figment, &settings, target).await;
        assert!(matches!(refused, Err(MoveError::OtherMove)), "{refused:?}");
    }
    let refused = refuse_moving_store(&settings).await;
    assert!(matches!(refused, Err(StartError::IncompleteStore("embedded"))), "{refused:?}");
    moves.finish(first).await.unwrap();
    refuse_moving_store(&settings).await.unwrap();
    moved(&figment, &settings, MoveTarget::Postgres).await.unwrap();
}

#[tokio::test]
async fn no_secret_key_is_made_for_what_another_has_encrypted() {
    let Some(server) = postgres::server() else { return };
    let (url, here) = (database(server), folder());
    let (_, settings) = settings(here.path(), &url);
    let figment = Figment::from(rocket::Config::debug_default());
    for target in [MoveTarget::Postgres, MoveTarget::Embedded] {
        let refused = moved(&figment, &settings, target).await;
        assert!(matches!(refused, Err(MoveError::NoSecretKey)), "{refused:?}");
    }
    assert!(!here.path().join("secret_key").exists());
}

#[tokio::test]
async fn what_another_secret_key_has_encrypted_is_not_copied() {
    let Some(server) = postgres::server() else { return };
    let (url, here) = (database(server), folder());
    let (figment, from) = settings(here.path(), &url);
    fill(&figment, &from).await;
    let other = figment.clone().merge(("secret_key", "iPRYyVRiMyxpw5sBB1XeCMN1kFsDCqKvBi2QJxBVHQk="));
    let refused = moved(&other, &from, MoveTarget::Postgres).await;
    assert!(matches!(refused, Err(MoveError::OtherSecretKey)), "{refused:?}");
    moved(&figment, &from, MoveTarget::Postgres).await.unwrap();
}
