//! Every proof of a person × every event that revokes it, with a live connection under each, on a clock that stands still: nothing
//! ends here because its time is over.

use std::sync::Arc;
use std::time::Duration;

use belvedere::domain::{ManualClock, PersonId};
use belvedere::epochs::{PersonEpochs, RevocationEvent, RevokedPeople};
use reqwest::StatusCode;

use crate::credentials::of_session;
use crate::digest::Device;
use crate::factors::sets_up_an_app;
use crate::harness::accounts::{PASSWORD, account, account_in, administers, hires};
use crate::harness::board::Board;
use crate::harness::demo_server::{DemoServer, page};
use crate::harness::test_server::TestServerBuilder;
use crate::harness::visitor::Visitor;
use crate::sessions::START;

const NEW: &str = "copper violin seven moss";
const BOARD: &str = "/live/board";
const READS: &str = "/api/v1/pages/board";

/// The account of whom all is revoked, in a group that its page is for.
const GUEST: &str = "guest";

/// An event that revokes what the guest has proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    PasswordByCommandLine,
    DisabledByCommandLine,
    RemovedByCommandLine,
    GroupByCommandLine,
    OwnPassword,
    OwnEnd,
    FirstFactor,
    FactorRemoved,
    FactorsReset,
    EndByAdmin,
    EndOfEverybody,
    DisabledByAdmin,
}

/// One proof, and the board that it has opened.
struct Proof {
    name: &'static str,
    visitor: Visitor,
    board: Board,
}

struct Revoked {
    demo: DemoServer,
    clock: Arc<ManualClock>,
    admin: Visitor,
    /// The guest's browser, in which they do what they do.
    desk: Visitor,
    desk_board: Board,
    proofs: Vec<Proof>,
}

impl Revoked {
    /// A server on which the guest has proved themselves in every way; with an app, where the event is about factors.
    async fn before(event: Event) -> Self {
        let clock = Arc::new(ManualClock::at(START));
        let board = format!("access = {{ groups = ['local\\viewers'] }}\n{}", page("Board"));
        let demo = DemoServer::builder_with_clock(clock.clone())
            .await
            .set("digest.enabled", true)
            .set("basic.remember", "15m")
            .set("admins.groups", vec![r"local\admins"])
            .page("board", &board)
            .open()
            .await;
        hires(&demo.house, "root", &["admins"]).await;
        administers(&demo.house, &["add", GUEST, "--group", "viewers", "--digest", "--password-stdin"]).await;
        let name = r"local\guest";
        let (mut admin, mut desk, mut other) = (demo.house.visitor(), demo.house.visitor(), demo.house.visitor());
        admin.signs_in(r"local\root", PASSWORD).await;
        desk.signs_in(name, PASSWORD).await;
        other.signs_in(name, PASSWORD).await;
        let visitor = || demo.house.visitor();
        let token = other.makes_a_token("read", 86_400).await;
        let by_session = of_session(&mut other).await;
        let by_token = visitor().with_token(&token).gets_a_signed_token().await;
        let by_password = visitor().with_password(name, PASSWORD).gets_a_signed_token().await;
        let mut device = Device::of(&demo, GUEST, PASSWORD);
        device.is_challenged().await;
        let response = device.proof(BOARD);
        let all = [
            ("a session", other),
            ("an API token", visitor().with_token(&token)),
            ("a signed token of a session", visitor().with_token(&by_session)),
            ("a signed token of an API token", visitor().with_token(&by_token)),
            ("a signed token of a password", visitor().with_token(&by_password)),
            ("Basic", visitor().with_password(name, PASSWORD)),
            ("Digest", device.visitor.clone().sends_authorization(&response)),
        ];
        let mut proofs = Vec::new();
        for (name, visitor) in all {
            let board = visitor.watches(BOARD).await.unwrap_or_else(|status| panic!("{name} opens no board: {status}"));
            proofs.push(Proof { name, visitor, board });
        }
        if matches!(event, Event::FactorRemoved | Event::FactorsReset) {
            return Self::with_an_app(demo, clock, admin, desk).await;
        }
        let desk_board = desk.watches(BOARD).await.unwrap();
        Self { demo, clock, admin, desk, desk_board, proofs }
    }

    /// With the app, which has ended what was there before, and what the guest then has.
    async fn with_an_app(demo: DemoServer, clock: Arc<ManualClock>, admin: Visitor, mut desk: Visitor) -> Self {
        sets_up_an_app(&mut desk, &clock, "").await;
        let token = desk.makes_a_token("read", 86_400).await;
        let by_token = demo.house.visitor().with_token(&token).gets_a_signed_token().await;
        let by_session = of_session(&mut desk).await;
        let mut proofs = Vec::new();
        for (name, token) in
            [("an API token", token), ("a signed token of an API token", by_token), ("a signed token of a session", by_session)]
        {
            let visitor = demo.house.visitor().with_token(&token);
            let board = visitor.watches(BOARD).await.unwrap();
            proofs.push(Proof { name, visitor, board });
        }
        let desk_board = desk.watches(BOARD).await.unwrap();
        Self { demo, clock, admin, desk, desk_board, proofs }
    }

    async fn suffers(&mut self, event: Event) {
        match event {
            Event::PasswordByCommandLine => {
                let output = account(&self.demo.house, &["password", GUEST, "--password-stdin"], &format!("{NEW}\n")).await;
                assert!(output.status.success());
            }
            Event::DisabledByCommandLine => drop(administers(&self.demo.house, &["disable", GUEST]).await),
            Event::RemovedByCommandLine => drop(administers(&self.demo.house, &["remove", GUEST]).await),
            Event::GroupByCommandLine => drop(administers(&self.demo.house, &["groups", GUEST]).await),
            Event::OwnPassword => {
                let form = "/account/password";
                let csrf = self.desk.opens(form).await.field(form, "csrf").unwrap();
                let fields = [("csrf", &*csrf), ("old", PASSWORD), ("new", NEW), ("again", NEW)];
                assert_eq!(self.desk.posts(form, &fields).await.status, StatusCode::SEE_OTHER);
            }
            Event::OwnEnd => self.desk_sends("/account", "/account/sessions/end-others", &[]).await,
            Event::FirstFactor => drop(sets_up_an_app(&mut self.desk, &self.clock, "").await),
            Event::FactorRemoved => self.desk_sends("/account/factors", "/account/factors/app/remove", &[]).await,
            Event::FactorsReset => {
                self.admin_sends("/admin/factors", "/admin/factors/reset", &[("person", &self.id().await)]).await;
            }
            Event::EndByAdmin => {
                self.admin_sends("/admin/sessions", "/admin/sessions/end-all-of", &[("person", &self.id().await)]).await;
            }
            Event::EndOfEverybody => self.admin_sends("/admin/sessions", "/admin/sessions/end-everybodys", &[]).await,
            Event::DisabledByAdmin => {
                let id = self.id().await.trim_start_matches("local:").to_owned();
                self.admin_sends("/admin/accounts", "/admin/accounts/disable", &[("id", &id)]).await;
            }
        }
    }

    /// The guest's id, as the admins' list of sessions has it.
    async fn id(&self) -> String {
        let list = self.admin.clone().opens("/admin/sessions?name=guest").await;
        list.field("/admin/sessions/end-all-of", "person").expect("the guest is in the list")
    }

    async fn desk_sends(&mut self, page: &str, action: &str, fields: &[(&str, &str)]) {
        sends(&mut self.desk, page, action, fields).await;
    }

    async fn admin_sends(&self, page: &str, action: &str, fields: &[(&str, &str)]) {
        sends(&mut self.admin.clone(), page, action, fields).await;
    }
}

async fn sends(visitor: &mut Visitor, page: &str, action: &str, fields: &[(&str, &str)]) {
    let shown = visitor.opens(page).await;
    let csrf = shown.field(action, "csrf").unwrap_or_else(|| panic!("{page} has a form for {action}: {}", shown.body));
    let answer = visitor.posts(action, &[&[("csrf", &*csrf)], fields].concat()).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{action}: {}", answer.body);
}

/// Whether the proof is none any more after that event. With a password that is still right, Basic proves itself anew.
fn is_refused(event: Event, proof: &str) -> bool {
    proof != "Basic" || !matches!(event, Event::OwnEnd | Event::EndByAdmin | Event::EndOfEverybody)
}

async fn ends_all(event: Event) {
    let mut house = Revoked::before(event).await;
    house.suffers(event).await;
    let code = if event == Event::GroupByCommandLine { 4403 } else { 4401 };
    let keeps_the_desk = matches!(event, Event::OwnEnd | Event::FirstFactor | Event::FactorRemoved);
    for Proof { name, mut visitor, mut board } in house.proofs {
        // A signed token that remembers the person ends with the group; what has a row is asked for again.
        let remembers =
            event == Event::GroupByCommandLine && (name.ends_with("password") || ["Basic", "Digest"].contains(&name));
        let code = if remembers { 4401 } else { code };
        assert_eq!(board.is_closed().await.code, Some(code), "{event:?}: the board of {name}");
        // Digest's response is good once in any case.
        if is_refused(event, name) && name != "Digest" {
            let status = visitor.fetches(READS).await.status;
            assert!(
                [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status),
                "{event:?}: {name} still reads: {status}"
            );
        }
    }
    if keeps_the_desk {
        assert_eq!(house.desk.fetches(READS).await.status, StatusCode::OK, "{event:?}: the browser in which it was done");
        house.clock.advance(Duration::from_secs(2));
        house.desk_board.hears_a("batch").await;
    } else {
        house.desk_board.is_closed().await;
    }
}

macro_rules! events {
    ($($test:ident: $event:ident,)*) => {
        $(#[tokio::test]
        async fn $test() {
            ends_all(Event::$event).await;
        })*
    };
}

events! {
    a_password_that_the_command_line_sets_ends_every_proof: PasswordByCommandLine,
    an_account_that_the_command_line_disables_has_no_proof_left: DisabledByCommandLine,
    an_account_that_the_command_line_removes_has_no_proof_left: RemovedByCommandLine,
    a_group_that_is_lost_is_lost_to_every_proof: GroupByCommandLine,
    ones_own_new_password_ends_every_proof_of_the_old_one: OwnPassword,
    whoever_ends_all_else_keeps_the_browser_they_do_it_in: OwnEnd,
    the_first_factor_ends_what_was_proved_without_one: FirstFactor,
    a_factor_that_is_removed_takes_what_it_opened_with_it: FactorRemoved,
    a_reset_of_factors_ends_every_proof: FactorsReset,
    an_admin_ends_every_proof_of_somebody: EndByAdmin,
    an_admin_ends_every_proof_of_everybody: EndOfEverybody,
    an_account_that_an_admin_disables_has_no_proof_left: DisabledByAdmin,
}

#[tokio::test]
async fn a_sign_in_that_waits_for_its_second_factor_ends_with_what_it_rests_on() {
    for event in [
        Event::EndByAdmin,
        Event::EndOfEverybody,
        Event::FactorsReset,
        Event::PasswordByCommandLine,
        Event::DisabledByCommandLine,
    ] {
        let mut house = Revoked::before(Event::FactorRemoved).await;
        let mut waiting = house.demo.house.visitor();
        let answer = waiting.tries_to_sign_in(r"local\guest", PASSWORD, "/").await;
        assert!(answer.location.unwrap().starts_with("/login/factor"));
        house.suffers(event).await;
        waiting.opens_until("/login/factor", |page| page.status == StatusCode::SEE_OTHER).await;
    }
}

#[tokio::test]
async fn no_api_token_outlives_what_another_process_revoked_a_moment_before_it_was_made() {
    let Revoked { demo, clock, admin, mut desk, .. } = Revoked::before(Event::OwnPassword).await;
    let list = admin.clone().opens("/admin/sessions?name=guest").await;
    let guest = list.field("/admin/sessions/end-all-of", "person").unwrap();
    let csrf = desk.opens("/account").await.field("/account/tokens", "csrf").unwrap();
    let beside = PersonEpochs::open(&demo.house.folder.path().join("state/epochs.db"), clock).await.unwrap();
    beside.bump(RevokedPeople::One(PersonId::new(guest)), RevocationEvent::AllEnded, None).await.unwrap();
    let fields = [("name", "a thief's"), ("scope", "read"), ("lasts", "86400"), ("csrf", &*csrf)];
    let answer = desk.posts("/account/tokens", &fields).await;
    assert_ne!(answer.status, StatusCode::OK, "{}", answer.body);
}

#[tokio::test]
async fn what_the_command_line_revokes_while_the_server_is_down_is_over_when_it_is_back() {
    let mut house = Revoked::before(Event::OwnPassword).await;
    let token = house.desk.makes_a_token("read", 86_400).await;
    let builder = TestServerBuilder::restarting(&house.demo.house, &house.demo.ldap_proxy.url()).clock(house.clock);
    let folder = Arc::clone(&house.demo.house.folder);
    house.demo.house.shut_down().await;
    let output = account_in(folder.path(), &["password", GUEST, "--password-stdin"], NEW).await;
    assert!(output.status.success());
    let server = builder.open().await;
    let mut desk = server.visitor();
    desk.cookies = house.desk.cookies;
    for mut visitor in [desk, server.visitor().with_token(&token)] {
        visitor.opens_until(READS, |answer| answer.status == StatusCode::UNAUTHORIZED).await;
    }
}
