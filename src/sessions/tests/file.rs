use std::path::Path;
use std::sync::Arc;

use super::fixture::{ABSOLUTE, IDLE, MINUTE, START, SessionsFixture, hears_the_end, person};
use crate::config::SessionSettings;
use crate::domain::{EndReason, ManualClock, SessionId, Timestamp};
use crate::sessions::Sessions;
use crate::store::StoreError;

impl SessionsFixture {
    /// How many rows the file has, whatever their state.
    pub(super) async fn rows(&self) -> i64 {
        self.ask("SELECT count(*) FROM sessions").await
    }

    async fn ask(&self, query: &'static str) -> i64 {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(self.file());
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        let answer = sqlx::query_scalar(query).fetch_one(&pool).await.unwrap();
        pool.close().await;
        answer
    }

    async fn act(&self, statement: impl Into<String>) {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(self.file());
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(statement.into())).execute(&pool).await.unwrap();
        pool.close().await;
    }
}

async fn opening(path: &Path) -> StoreError {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(0)));
    let settings = SessionSettings::with_lifetimes(IDLE, ABSOLUTE);
    match Sessions::open(path, &settings, clock).await {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(error) => error,
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn no_file_of_the_store_holds_a_token() {
    let fixture = SessionsFixture::new().await;
    let (token, _) = fixture.signs_in("alice").await;
    let text = token.reveal();
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, text.as_bytes()).unwrap();
    let mut hashes = 0;
    for entry in std::fs::read_dir(fixture.folder.path()).unwrap() {
        let content = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!contains(&content, text.as_bytes()) && !contains(&content, &bytes));
        hashes += usize::from(contains(&content, &token.hash()));
    }
    assert!(hashes > 0, "the search would find what is there");
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt;

    let mut fixture = SessionsFixture::new().await;
    std::fs::set_permissions(fixture.file(), std::fs::Permissions::from_mode(0o644)).unwrap();
    fixture.restarts(IDLE, ABSOLUTE).await;
    fixture.signs_in("alice").await;
    let mut names = Vec::new();
    for entry in std::fs::read_dir(fixture.folder.path()).unwrap() {
        let entry = entry.unwrap();
        names.push(entry.file_name().into_string().unwrap());
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{names:?}");
    }
    assert!(names.contains(&"sessions.db-wal".to_owned()), "{names:?}");
}

#[tokio::test]
async fn the_store_writes_ahead() {
    let fixture = SessionsFixture::new().await;
    assert_eq!(fixture.ask("SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'").await, 1);
}

#[tokio::test]
async fn a_file_that_is_something_else_is_named_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    std::fs::write(&path, "This is not a database. ".repeat(1000)).unwrap();
    let error = opening(&path).await;
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    let words = error.to_string();
    assert!(words.contains(path.to_str().unwrap()) && words.contains("move the file away"), "{words}");
    assert_eq!(std::fs::read(&path).unwrap().len(), 24_000, "and it is left as it was");
}

#[tokio::test]
async fn a_damaged_file_is_found_out_at_the_start() {
    let fixture = SessionsFixture::new().await;
    for number in 0..200 {
        fixture.signs_in(&format!("person{number}")).await;
    }
    fixture.sessions.close().await;
    let mut content = std::fs::read(fixture.file()).unwrap();
    // The first page stays whole, so that it looks like a database for long.
    content[8192..].fill(0xa5);
    std::fs::write(fixture.file(), content).unwrap();
    let error = opening(&fixture.file()).await;
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_named_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("gone/sessions.db"), folder.path().to_owned()] {
        let error = opening(&path).await;
        assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
        let words = error.to_string();
        assert!(words.contains(path.to_str().unwrap()) && words.contains("'state'"), "{words}");
    }
}

#[tokio::test]
async fn a_file_of_a_later_version_is_refused_and_not_touched() {
    let fixture = SessionsFixture::new().await;
    fixture.sessions.close().await;
    fixture
        .act(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9999, 'later', 1, x'00', 0)",
        )
        .await;
    let error = opening(&fixture.file()).await;
    assert!(matches!(error, StoreError::OtherVersion { .. }), "{error:?}");
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_an_error_and_not_a_stranger() {
    let fixture = SessionsFixture::new().await;
    let (token, _) = fixture.signs_in("alice").await;
    fixture.act("UPDATE sessions SET person = '{}'").await;
    let error = fixture.sessions.find(&token).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
}

#[tokio::test]
async fn one_damaged_row_hides_no_other_session_and_does_not_stop_the_sweep() {
    for damage in ["'{}'", "CAST(x'fffe' AS TEXT)"] {
        let fixture = SessionsFixture::new().await;
        let (damaged, first) = fixture.signs_in("alice").await;
        fixture.clock.advance(MINUTE);
        let (_, second) = fixture.signs_in("alice").await;
        let mut tab = fixture.sessions.watch(first.id, &first.person);
        // The older of the two.
        fixture.act(format!("UPDATE sessions SET person = {damage} WHERE id = (SELECT min(id) FROM sessions)")).await;
        let listed = fixture.sessions.of_person(&second.person.id).await.unwrap();
        assert_eq!(listed.iter().map(|session| session.id).collect::<Vec<_>>(), [second.id]);
        assert!(fixture.sessions.find(&damaged).await.is_err(), "not known is not nobody");

        fixture.clock.advance(IDLE);
        let ended = fixture.sessions.sweep().await.unwrap();
        assert_eq!(ended.iter().map(|session| session.id).collect::<Vec<_>>(), [second.id]);
        assert_eq!(hears_the_end(&mut tab).await, EndReason::Expired, "the damaged one has ended all the same");
    }
}

#[tokio::test]
async fn a_damaged_row_keeps_nobody_from_being_asked_about() {
    let fixture = SessionsFixture::new().await;
    fixture.signs_in("alice").await;
    fixture.clock.advance(MINUTE);
    let (_, last) = fixture.signs_in("alice").await;
    let damage = "UPDATE sessions SET person = CAST(x'fffe' AS TEXT) WHERE id = (SELECT max(id) FROM sessions)";
    fixture.act(damage).await;
    assert_eq!(fixture.sessions.people(None, 9).await.unwrap().people, [last.person]);
}

/// A file as the version with numbers for ids left it, with two sessions of hers: 7 and 8.
async fn file_with_numbers(path: &Path) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let mut old = sqlx::migrate!("src/sessions/migrations");
    old.migrations.to_mut().retain(|migration| migration.version < 4);
    old.run(&pool).await.unwrap();
    for id in [7_u8, 8] {
        sqlx::query(
            "INSERT INTO sessions (id, token_hash, person_id, person, created_at, last_seen_at, confirmed_at, proved_at, upkeep)
             VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?5, ?5, 'refreshed')",
        )
        .bind(i64::from(id))
        .bind([id; 32].as_slice())
        .bind(person("alice").id.as_str())
        .bind(serde_json::to_string(&person("alice")).unwrap())
        .bind(START.as_millis())
        .execute(&pool)
        .await
        .unwrap();
    }
    pool.close().await;
}

#[tokio::test]
async fn sessions_from_the_time_of_numbers_go_on_with_ids_in_the_same_order() {
    let folder = tempfile::tempdir().unwrap();
    file_with_numbers(&folder.path().join("sessions.db")).await;
    let fixture = SessionsFixture::within(folder).await;
    let listed = fixture.sessions.of_person(&person("alice").id).await.unwrap();
    assert_eq!(listed.iter().map(|session| session.id).collect::<Vec<_>>(), [8, 7].map(SessionId::new));
    assert_eq!(listed[0].id.to_string(), "00000000-0000-0000-0000-000000000008");
    assert_eq!((&listed[0].person, listed[0].created_at), (&person("alice"), START));
    fixture.clock.advance(MINUTE);
    let (_, new) = fixture.signs_in("alice").await;
    assert!(new.id > SessionId::new(8), "a new one comes behind them");
    assert!(fixture.sessions.end(SessionId::new(7), EndReason::Revoked).await.unwrap());
}
