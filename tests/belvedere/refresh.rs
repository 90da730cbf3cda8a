//! Changes in the directory reach those who are signed in: their session, their pages, the bar, their open boards.

use std::sync::Arc;
use std::time::Duration;

use belvedere::domain::ManualClock;
use reqwest::StatusCode;
use serde_json::json;

use crate::harness::board::Board;
use crate::harness::browser::{Browser, Screen};
use crate::harness::demo_server::page;
use crate::harness::fault_proxy::{Fault, FaultProxy};
use crate::harness::ldif::{LdifChange, LdifEntry};
use crate::harness::test_server::{TestServer, TestServerBuilder};
use crate::harness::visitor::{Response, Visitor};
use crate::harness::{samba, slapd};
use crate::sessions::{MINUTE, START, is_a_stranger, is_signed_in};

/// How often the time is moved on while something is waited for.
const TICK: Duration = Duration::from_millis(50);

/// How often everybody is refreshed, where nobody sets it.
const REFRESH: Duration = MINUTE.saturating_mul(5);

const OUTAGE_NOTE: &str = "The company directory does not answer.";

/// A page for the members of one group.
fn page_of(group: &str) -> String {
    format!("access = {{ groups = [\"{group}\"] }}\n{}", page(&format!("For {group}")))
}

/// Waits for a future while the time passes, a minute at a time.
pub(crate) async fn in_time<T>(clock: &ManualClock, coming: impl Future<Output = T>) -> T {
    tokio::select! {
        come = coming => come,
        () = async {
            loop {
                clock.advance(MINUTE);
                tokio::time::sleep(TICK).await;
            }
        } => unreachable!("it passes for ever"),
    }
}

async fn opens_in_time(clock: &ManualClock, visitor: &mut Visitor, path: &str, right: impl Fn(&Response) -> bool) -> Response {
    in_time(clock, visitor.opens_until(path, right)).await
}

/// Waits until members are told of an outage. The time stands still meanwhile, however long the refresh takes to give up: an
/// hour later the same pages are shut.
async fn sees_the_outage(clock: &ManualClock, visitor: &mut Visitor) {
    clock.advance(REFRESH + MINUTE);
    visitor.opens_until("/p/members", |answer| answer.body.contains(OUTAGE_NOTE)).await;
}

/// The end of a board, while the time passes: the reason and the close code.
pub(crate) async fn ends_in_time(clock: &ManualClock, board: &mut Board) -> (String, Option<u16>) {
    let close = in_time(clock, board.is_closed()).await;
    let bye = close.bye.unwrap_or_default();
    (bye["reason"].as_str().unwrap_or_default().to_owned(), close.code)
}

pub(crate) async fn watches(visitor: &Visitor, path: &str) -> Board {
    let mut board = visitor.watches(path).await.unwrap();
    board.hears_a("snapshot").await;
    board
}

async fn revision_at(visitor: &Visitor, path: &str) -> String {
    visitor.watches(path).await.unwrap().hears_a("hello").await["revision"].as_str().unwrap().to_owned()
}

fn shows_in_the_bar(answer: &Response, title: &str) -> bool {
    answer.body.split("class=\"places\"").nth(1).is_some_and(|bar| bar.contains(title))
}

/// A server on the domain controller, for these groups' pages and one for all members.
pub(crate) fn on_samba(domain: &samba::SambaDomain, clock: &Arc<ManualClock>, groups: &[&str]) -> TestServerBuilder {
    let builder = TestServerBuilder::with_directory(&domain.ldaps_url())
        .set("directory.ca_file", domain.ca_file.to_str().unwrap())
        .set("directory.bind_name", samba::SERVICE_ACCOUNT)
        .set("directory.bind_password", samba::PASSWORD)
        .clock(clock.clone())
        .page("members", &page("Members"));
    groups.iter().fold(builder, |builder, group| builder.page(group, &page_of(group)))
}

pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(START))
}

#[tokio::test]
async fn a_disabled_account_loses_its_session_and_its_open_board() {
    let Some(domain) = samba::domain() else { return };
    domain.hire("live-disabled");
    domain.hire("live-deleted");
    let clock = clock();
    let house = on_samba(domain, &clock, &[]).open().await;
    for name in ["live-disabled", "live-deleted"] {
        let mut visitor = house.visitor();
        visitor.signs_in(name, samba::PASSWORD).await;
        let mut board = watches(&visitor, "/live/members").await;
        if name == "live-disabled" {
            domain.disable(name);
        } else {
            domain.delete(name);
        }
        assert_eq!(ends_in_time(&clock, &mut board).await, ("revoked".to_owned(), Some(4401)), "{name}");
        is_a_stranger(&mut visitor).await;
    }
    // Another person under the same name has nothing of the first one's.
    domain.hire("live-deleted");
    house.visitor().signs_in("live-deleted", samba::PASSWORD).await;
}

#[tokio::test]
async fn a_group_gained_opens_its_page_in_the_bar_of_a_board_that_is_open_and_a_group_lost_closes_it() {
    let Some(domain) = samba::domain() else { return };
    domain.hire("live-grouped");
    domain.found_group("live-inner");
    domain.found_group("live-outer");
    domain.join("live-inner", "live-outer");
    let clock = clock();
    let house = on_samba(domain, &clock, &["live-outer"]).open().await;
    let mut alice = house.visitor();
    alice.signs_in("live-grouped", samba::PASSWORD).await;
    assert!(!shows_in_the_bar(&alice.opens("/p/members").await, "For live-outer"));
    assert_eq!(alice.opens("/p/live-outer").await.status, StatusCode::FORBIDDEN);
    let before = revision_at(&alice, "/live/members").await;
    let mut board = watches(&alice, "/live/members").await;

    // Through a group in between.
    domain.join("live-grouped", "live-inner");
    assert_eq!(ends_in_time(&clock, &mut board).await, ("changed".to_owned(), Some(1001)));
    let after = revision_at(&alice, "/live/members").await;
    assert_ne!(before, after, "the browser loads the page anew, with the bar");
    let painted = alice.opens("/p/members").await;
    assert!(shows_in_the_bar(&painted, "For live-outer") && painted.body.contains(&after), "and then it is the same");
    assert_eq!(alice.opens("/p/live-outer").await.status, StatusCode::OK);

    let mut board = watches(&alice, "/live/live-outer").await;
    domain.leave("live-grouped", "live-inner");
    assert_eq!(ends_in_time(&clock, &mut board).await, ("not-allowed".to_owned(), Some(4403)));
    assert_eq!(alice.opens("/p/live-outer").await.status, StatusCode::FORBIDDEN);
    assert!(!shows_in_the_bar(&alice.opens("/p/members").await, "For live-outer"));
    is_signed_in(&mut alice).await;
}

#[tokio::test]
async fn who_is_renamed_and_moved_stays_signed_in_and_bears_the_new_name() {
    let Some(domain) = samba::domain() else { return };
    domain.hire("live-renamed");
    let clock = clock();
    let house = on_samba(domain, &clock, &[]).open().await;
    let mut alice = house.visitor();
    alice.signs_in("live-renamed", samba::PASSWORD).await;
    domain.rename("live-renamed", "Wed, Newly");
    domain.move_to("live-renamed", "CN=Users");
    domain.modify(&LdifChange::at(&domain.dn("live-renamed")).replace("displayName", "Newly Wed").ldif());
    let is_renamed = |answer: &Response| answer.signed_in_name().as_deref() == Some("Newly Wed");
    opens_in_time(&clock, &mut alice, "/account", is_renamed).await;
}

#[tokio::test]
async fn on_openldap_sessions_pages_and_boards_follow_as_well() {
    let Some(server) = slapd::server() else { return };
    let administrator = server.administrator();
    server.hire("live-carla");
    let (carla, nobody) = (slapd::dn("live-carla"), slapd::dn("nobody"));
    let group = LdifEntry::at(&slapd::dn("live-crew")).with("objectClass", "groupOfNames").with("cn", "live-crew");
    administrator.apply(&group.with("member", &nobody).ldif()).unwrap();
    let clock = clock();
    let house = on_slapd(&server.ldap_url(), &clock).page("crew", &page_of("live-crew")).open().await;
    let mut visitor = house.visitor();
    visitor.signs_in("live-carla", slapd::PASSWORD).await;
    let mut board = watches(&visitor, "/live/members").await;
    administrator.apply(&LdifChange::at(&slapd::dn("live-crew")).add("member", &carla).ldif()).unwrap();
    assert_eq!(ends_in_time(&clock, &mut board).await.0, "changed");
    let mut board = watches(&visitor, "/live/crew").await;
    administrator.apply(&LdifChange::at(&slapd::dn("live-crew")).delete("member", &carla).ldif()).unwrap();
    assert_eq!(ends_in_time(&clock, &mut board).await.0, "not-allowed");
    administrator.apply(&crate::harness::ldif::delete(&carla)).unwrap();
    opens_in_time(&clock, &mut visitor, "/account", |answer| answer.status == StatusCode::SEE_OTHER).await;
}

/// The builder of a server on OpenLDAP, with a public page and one for all members.
fn on_slapd(url: &str, clock: &Arc<ManualClock>) -> TestServerBuilder {
    TestServerBuilder::with_directory(url)
        .set("directory.bind_name", slapd::SERVICE_DN)
        .set("directory.bind_password", slapd::PASSWORD)
        .set("admins.users", json!(["live-admin"]))
        .clock(clock.clone())
        .page("members", &page("Members"))
        .page("open", &format!("access = \"public\"\n{}", page("Open")))
}

#[tokio::test]
async fn an_outage_is_lived_through_with_a_note_until_it_is_too_long_and_is_over_when_it_is_over() {
    let Some(server) = slapd::server() else { return };
    server.hire("live-admin");
    let proxy = FaultProxy::before(&server.ldap_url()).await;
    let clock = clock();
    let house = on_slapd(proxy.url(), &clock).open().await;
    let mut alice = house.visitor();
    alice.signs_in("live-admin", slapd::PASSWORD).await;
    assert!(!alice.opens("/").await.body.contains(OUTAGE_NOTE));

    proxy.set(Fault::Refuse).await;
    sees_the_outage(&clock, &mut alice).await;
    let admin = alice.opens("/admin").await;
    assert!(admin.body.contains("cannot be asked since"), "{}", admin.body);
    let stranger = house.visitor().opens("/p/open").await;
    assert!(!stranger.body.contains(OUTAGE_NOTE), "strangers hear nothing of it");
    let mut board = watches(&alice, "/live/members").await;
    assert_eq!(ends_in_time(&clock, &mut board).await, ("unconfirmed".to_owned(), Some(1013)));
    is_shut_out_for_now(&house, &mut alice).await;

    proxy.set(Fault::Pass).await;
    opens_in_time(&clock, &mut alice, "/p/members", |answer| answer.status == StatusCode::OK).await;
    assert!(!alice.opens("/p/members").await.body.contains(OUTAGE_NOTE));
    watches(&alice, "/live/members").await;
}

/// Every door says that it is not for good, and public pages are open.
async fn is_shut_out_for_now(house: &TestServer, alice: &mut Visitor) {
    let sent = alice.opens("/p/members").await;
    assert_eq!(sent.location.as_deref(), Some("/login?next=%2Fp%2Fmembers"), "{}", sent.status);
    let form = alice.opens("/login?next=%2Fp%2Fmembers").await;
    assert!(form.form_message().unwrap().starts_with("You are still signed in, but the company directory"), "{}", form.body);
    assert_eq!(alice.opens("/p/open").await.status, StatusCode::OK);
    assert_eq!(alice.opens("/").await.status, StatusCode::OK);

    let object = alice.fetches("/api/v1/pages/members").await;
    assert_eq!(object.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(object.json()["error"]["code"], "unconfirmed");
    let mut board = alice.watches("/live/members").await.unwrap();
    let close = board.is_closed().await;
    let bye = close.bye.unwrap();
    assert_eq!((bye["reason"].as_str(), close.code), (Some("unconfirmed"), Some(1013)));
    assert!(bye["retry_ms"].is_u64(), "{bye}");
    let stream = alice.fetches("/events/members").await;
    assert!(stream.status == StatusCode::OK && stream.body.contains("\"unconfirmed\""), "{}", stream.body);
    watches(&house.visitor(), "/live/open").await;
}

#[tokio::test]
async fn without_an_account_that_searches_a_session_is_short() {
    let Some(server) = slapd::server() else { return };
    server.hire("live-short");
    let clock = clock();
    let house = TestServerBuilder::with_directory(&server.ldap_url())
        .set("sessions.unrefreshed", "2h")
        .clock(clock.clone())
        .page("members", &page("Members"))
        .open()
        .await;
    let mut alice = house.visitor();
    alice.signs_in("live-short", slapd::PASSWORD).await;
    clock.advance(119 * MINUTE);
    is_signed_in(&mut alice).await;
    clock.advance(MINUTE);
    is_a_stranger(&mut alice).await;
}

#[tokio::test]
async fn in_a_browser_an_outage_is_a_quiet_note_and_an_open_board_comes_back_by_itself() {
    let Some(server) = slapd::server() else { return };
    server.hire("live-viewer");
    for (name, screen) in [("desktop", Screen::Desktop), ("phone", Screen::Phone)] {
        let Some(browser) = Browser::open(screen).await else { return };
        let proxy = FaultProxy::before(&server.ldap_url()).await;
        let clock = clock();
        let house = on_slapd(proxy.url(), &clock).set("admins.users", json!(["live-viewer"])).open().await;
        browser.goes_to(&house.url("/login?next=%2Fp%2Fmembers")).await;
        browser.signs_in("live-viewer", slapd::PASSWORD).await;
        browser.sees("#connection .words", |words| words == "Live" || words.is_empty()).await;
        let mut viewer = house.visitor();
        viewer.signs_in("live-viewer", slapd::PASSWORD).await;

        proxy.set(Fault::Refuse).await;
        sees_the_outage(&clock, &mut viewer).await;
        browser.goes_to(&house.url("/p/members")).await;
        assert_eq!(browser.asks("return document.querySelector('.notes') !== null").await, true);
        browser.pictures(&format!("outage-note-{name}")).await;
        assert_eq!(browser.barriers().await, Vec::<String>::new());
        browser.asks("document.documentElement.className = 'theme-dark'").await;
        browser.pictures(&format!("outage-note-{name}-dark")).await;
        browser.goes_to(&house.url("/admin")).await;
        browser.pictures(&format!("outage-admin-{name}")).await;
        browser.goes_to(&house.url("/p/members")).await;
        browser.waits_for("return document.querySelector('#connection').dataset.state", |state| state == "live").await;

        let waits = "return document.querySelector('#notice').innerText";
        in_time(&clock, browser.waits_for(waits, |words| words.as_str().unwrap().contains("directory"))).await;
        browser.pictures(&format!("outage-shut-{name}")).await;
        proxy.set(Fault::Pass).await;
        let state = "return document.querySelector('#connection').dataset.state";
        in_time(&clock, browser.waits_for(state, |state| state == "live")).await;
        browser.closes().await;
    }
}
