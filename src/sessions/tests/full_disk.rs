//! A store that can be read and not be written, as on a full disk.

use sqlx::{Connection as _, SqliteConnection};

use super::fixture::{MINUTE, SessionsFixture, hears_the_end};
use crate::domain::EndReason;

impl SessionsFixture {
    async fn execute(&self, statement: &'static str) {
        let mut connection = SqliteConnection::connect(&format!("sqlite:{}", self.file().display())).await.unwrap();
        sqlx::query(statement).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    async fn disk_fills_up(&self) {
        self.execute("CREATE TRIGGER full BEFORE UPDATE ON sessions BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END")
            .await;
    }

    async fn disk_has_room_again(&self) {
        self.execute("DROP TRIGGER full").await;
    }
}

#[tokio::test]
async fn who_signs_out_on_a_full_disk_is_signed_out_and_it_is_written_when_there_is_room() {
    let fixture = SessionsFixture::new().await;
    let (token, session) = fixture.signs_in("alice").await;
    let (other_token, _) = fixture.signs_in("bob").await;
    let mut watch = fixture.sessions.watch(session.id, &session.person);
    fixture.disk_fills_up().await;
    assert!(fixture.sessions.end(session.id, EndReason::Revoked).await.is_err(), "nothing can be written");

    let ended = fixture.sessions.sign_out(&token).await.unwrap();
    assert_eq!(ended.id, session.id);
    assert_eq!(hears_the_end(&mut watch).await, EndReason::SignedOut);
    assert!(!fixture.knows(&token).await && fixture.sessions.get(session.id).await.unwrap().is_none());
    assert!(fixture.knows(&other_token).await && fixture.sessions.has_unwritten_ends());
    assert!(fixture.sessions.sign_out(&token).await.is_none(), "once");
    assert!(fixture.sessions.sweep().await.is_err() && !fixture.knows(&token).await);

    fixture.disk_has_room_again().await;
    fixture.clock.advance(MINUTE);
    fixture.sessions.sweep().await.unwrap();
    assert!(!fixture.sessions.has_unwritten_ends());
    let mut fixture = fixture;
    fixture.restarts(MINUTE * 30, MINUTE * 600).await;
    assert!(!fixture.knows(&token).await && fixture.knows(&other_token).await);
}
