//! A password that is reset or changed in the directory ends what was proved by the one before, at the next refresh.

use std::sync::Arc;

use belvedere::domain::ManualClock;
use futures::future::join_all;
use reqwest::StatusCode;

use crate::credentials::of_session;
use crate::directory_passwords::hire_for;
use crate::harness::board::Board;
use crate::harness::samba;
use crate::harness::test_server::TestServer;
use crate::harness::visitor::Visitor;
use crate::passwords::{NEW, changes};
use crate::refresh::{clock, ends_in_time, in_time, on_samba, watches};
use crate::sessions::{is_a_stranger, is_signed_in};

const BOARD: &str = "/live/members";
const READS: &str = "/api/v1/pages/members";

/// What somebody has proved by their password on a domain controller.
struct Proved {
    clock: Arc<ManualClock>,
    house: TestServer,
    /// The browser in which they do what they do.
    desk: Visitor,
    proofs: Vec<(&'static str, Visitor)>,
}

impl Proved {
    async fn by(domain: &samba::SambaDomain, name: &str) -> Self {
        let clock = clock();
        // Signed tokens outlast the refreshes, so that their boards end by nothing else.
        let house = on_samba(domain, &clock, &[]).set("jwt.lifetime", "1h").open().await;
        let (mut desk, mut phone) = (house.visitor(), house.visitor());
        desk.signs_in(name, samba::PASSWORD).await;
        phone.signs_in(name, samba::PASSWORD).await;
        let visitor = || house.visitor();
        let token = phone.makes_a_token("read", 86_400).await;
        let by_session = of_session(&mut phone).await;
        let by_password = visitor().with_password(name, samba::PASSWORD).gets_a_signed_token().await;
        let proofs = vec![
            ("a session", phone),
            ("an API token", visitor().with_token(&token)),
            ("a signed token of a session", visitor().with_token(&by_session)),
            ("a signed token of a password", visitor().with_token(&by_password)),
        ];
        Self { clock, house, desk, proofs }
    }

    /// A board that each of the proofs has opened.
    async fn boards(&self) -> Vec<Board> {
        join_all(self.proofs.iter().map(|(_, visitor)| watches(visitor, BOARD))).await
    }

    /// The boards end while the time passes, and none of the proofs is one any more.
    async fn ends(&mut self, mut boards: Vec<Board>, event: &str) {
        // All at once: a board that does not answer meanwhile is given up.
        let closes = in_time(&self.clock, join_all(boards.iter_mut().map(Board::is_closed))).await;
        for ((name, visitor), close) in self.proofs.iter_mut().zip(closes) {
            assert_eq!(close.code, Some(4401), "{event}: the board of {name}");
            assert_eq!(visitor.clone().fetches(READS).await.status, StatusCode::UNAUTHORIZED, "{event}: {name} still reads");
        }
    }

    /// Waits for a refresh of everybody: a witness, whose account is disabled, is signed out by it.
    async fn is_refreshed(&self, domain: &samba::SambaDomain, witness: &str) {
        domain.hire(witness);
        let mut visitor = self.house.visitor();
        visitor.signs_in(witness, samba::PASSWORD).await;
        let mut board = watches(&visitor, BOARD).await;
        domain.disable(witness);
        assert_eq!(ends_in_time(&self.clock, &mut board).await.1, Some(4401));
    }
}

#[tokio::test]
async fn a_password_that_an_admin_resets_in_the_directory_ends_every_proof_and_board_at_the_next_refresh() {
    let Some(domain) = samba::domain() else { return };
    for event in ["reset", "must-change"] {
        let name = format!("rev-{event}");
        domain.hire(&name);
        let mut proved = Proved::by(domain, &name).await;
        proved.is_refreshed(domain, &format!("rev-{event}-w")).await;
        is_signed_in(&mut proved.desk).await;
        let boards = proved.boards().await;
        if event == "reset" {
            domain.set_password(&name, NEW);
        } else {
            domain.must_change(&name);
        }
        proved.ends(boards, event).await;
        is_a_stranger(&mut proved.desk).await;
    }
}

#[tokio::test]
async fn whoever_signs_in_with_a_password_that_was_reset_ends_what_the_one_before_has_opened_and_stays() {
    let Some(domain) = samba::domain() else { return };
    domain.hire("rev-since");
    let mut proved = Proved::by(domain, "rev-since").await;
    let boards = proved.boards().await;
    domain.set_password("rev-since", NEW);
    let mut since = proved.house.visitor();
    since.signs_in("rev-since", NEW).await;
    is_a_stranger(&mut proved.desk).await;
    proved.ends(boards, "a sign-in since").await;
    proved.is_refreshed(domain, "rev-since-w").await;
    is_signed_in(&mut since).await;
}

#[tokio::test]
async fn a_password_that_is_changed_here_keeps_the_browser_in_which_it_was_changed_also_after_the_next_refresh() {
    let Some(domain) = samba::domain() else { return };
    hire_for(domain, "rev-here", 100);
    let mut proved = Proved::by(domain, "rev-here").await;
    let boards = proved.boards().await;
    let answer = changes(&mut proved.desk, samba::PASSWORD, NEW).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    proved.ends(boards, "changed here").await;
    proved.is_refreshed(domain, "rev-here-w").await;
    is_signed_in(&mut proved.desk).await;
}
