//! Whoever mistypes gets in: on a real domain controller, whatever strangers try meanwhile, and nobody is ever locked there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use belvedere::domain::{Clock as _, ManualClock, SystemClock};
use futures::future::join_all;
use reqwest::StatusCode;

use crate::directory_sign_in::{open, settings, sign_in};
use crate::harness::accounts::releases;
use crate::harness::fault_proxy::{Fault, FaultProxy};
use crate::harness::ldap_requests::{LdapRequest, SearchScope};
use crate::harness::ldif::LdifChange;
use crate::harness::postgres;
use crate::harness::samba::{self, SambaDomain};
use crate::harness::slapd;
use crate::harness::test_server::{TestServer, TestServerBuilder};
use crate::harness::visitor::Visitor;
use crate::lockout::password_settings;

/// A key for servers that share a store.
const SECRET_KEY: &str = "hPRYyVRiMyxpw5sBB1XeCMN1kFsDCqKvBi2QJxBVHQk=";

fn wrong(number: usize) -> String {
    format!("Not-The-Password-{number}")
}

/// A server on the domain controller that believes what a proxy says of addresses.
fn on(domain: &SambaDomain) -> TestServerBuilder {
    let builder = TestServerBuilder::with_directory(&domain.ldaps_url());
    builder.set("directory.ca_file", domain.ca_file.to_str().unwrap()).set("ip_header", "X-Real-IP")
}

fn with_service_account(domain: &SambaDomain) -> TestServerBuilder {
    on(domain).set("directory.bind_name", samba::SERVICE_ACCOUNT).set("directory.bind_password", samba::PASSWORD)
}

/// A browser in which the person has signed in, and out again.
async fn own_browser(house: &TestServer, name: &str) -> Visitor {
    let mut owner = house.visitor().at("198.51.100.200");
    owner.signs_in(name, samba::PASSWORD).await;
    owner.signs_out().await;
    owner
}

/// Tries wrong passwords, each another one, until the answer is to wait: how many were answered before.
async fn tries(visitor: &mut Visitor, name: &str, most: usize) -> usize {
    static TYPED: AtomicUsize = AtomicUsize::new(0);
    for number in 0..most {
        let typed = wrong(TYPED.fetch_add(1, Ordering::Relaxed));
        let answer = visitor.tries_to_sign_in(name, &typed, "/").await;
        match answer.status {
            StatusCode::UNAUTHORIZED => {}
            StatusCode::TOO_MANY_REQUESTS => {
                let words = answer.form_message().unwrap();
                assert!(words.contains("You can try again in") && words.contains("has not locked the account"), "{words}");
                return number;
            }
            status => panic!("{name}: {status}"),
        }
    }
    most
}

/// Tries as [`tries`] does, at one server after the other.
async fn tries_in_turn(visitor: &mut Visitor, houses: &[TestServer], name: &str) -> usize {
    for number in 0..12 {
        visitor.moves_to(houses[number % houses.len()].address);
        if tries(visitor, name, 1).await == 0 {
            return number;
        }
    }
    12
}

#[tokio::test]
async fn two_servers_on_one_database_give_as_many_tries_as_one() {
    let (Some(domain), Some(database)) = (samba::domain(), postgres::server()) else { return };
    for (kind, builder) in [("in-turn", on as fn(&SambaDomain) -> TestServerBuilder), ("in-turn-too", with_service_account)] {
        let store = database.url(&database.create_database());
        let (name, other) = (kind.to_owned(), format!("{kind}-peace"));
        domain.hire_all(&[name.clone(), other.clone()]);
        let mut houses = Vec::new();
        for _ in 0..2 {
            houses.push(builder(domain).set("store.url", store.as_str()).set("secret_key", SECRET_KEY).open().await);
        }
        let (mut owner, mut peaceful) = (own_browser(&houses[0], &name).await, own_browser(&houses[1], &other).await);
        let mut stranger = 0;
        for address in ["203.0.113.1", "203.0.113.2"] {
            stranger += tries_in_turn(&mut houses[0].visitor().at(address), &houses, &name).await;
        }
        let own = tries_in_turn(&mut owner, &houses, &name).await;
        let in_peace = tries_in_turn(&mut peaceful, &houses, &other).await;
        assert_eq!((stranger, own, in_peace), (1, 1, 2), "{kind}: as one server, where three lock");
        assert!(domain.bad_password_count(&name) < 3 && domain.bad_password_count(&other) < 3);
    }
}

#[tokio::test]
async fn no_stranger_takes_the_tries_of_the_own_browser() {
    let Some(domain) = samba::domain() else { return };
    for (name, builder) in [("tried-by-others", on(domain)), ("tried-by-others-too", with_service_account(domain))] {
        domain.hire(name);
        let house = builder.open().await;
        let mut owner = own_browser(&house, name).await;
        for address in ["203.0.113.5", "203.0.113.6"] {
            assert!(tries(&mut house.visitor().at(address), name, 9).await <= 1, "half of what locks nobody");
        }
        assert_eq!(domain.bad_password_count(name), 1);
        owner = owner.at("192.0.2.77");
        owner.signs_in(name, samba::PASSWORD).await;
    }
}

#[tokio::test]
async fn a_typing_error_in_peace_is_followed_by_the_right_password() {
    let Some(domain) = samba::domain() else { return };
    for (name, builder) in [("slips", on(domain)), ("slips-too", with_service_account(domain))] {
        domain.hire(name);
        let house = builder.open().await;
        let mut owner = own_browser(&house, name).await;
        for _ in 0..3 {
            let typo = owner.tries_to_sign_in(name, "correct-horse-7", "/").await;
            assert_eq!(typo.status, StatusCode::UNAUTHORIZED);
        }
        assert_eq!(domain.bad_password_count(name), 1, "the same again is not tried");
        owner.signs_in(name, samba::PASSWORD).await;
        // And so does a typing error of the old password, where it is changed.
        let form = owner.opens("/account/password").await;
        let csrf = form.field("/account/password", "csrf").unwrap();
        let fields = [("csrf", &*csrf), ("old", "correct-horse-7"), ("new", "Another-Horse-8"), ("again", "Another-Horse-8")];
        assert_eq!(owner.posts("/account/password", &fields).await.status, StatusCode::UNAUTHORIZED);
        owner.signs_out().await;
        owner.signs_in(name, samba::PASSWORD).await;
    }
}

#[tokio::test]
async fn the_helpdesk_a_good_sign_in_elsewhere_and_an_unlocking_end_the_wait() {
    let Some(domain) = samba::domain() else { return };
    let house = with_service_account(domain).open().await;
    let elsewhere = open(&settings(&[&domain.ldaps_url()], &domain.ca_file));
    for name in ["helped", "signs-in-elsewhere", "unlocked"] {
        domain.hire(name);
        let mut owner = own_browser(&house, name).await;
        assert_eq!(tries(&mut owner, name, 9).await, 2, "{name}");
        let mut password = samba::PASSWORD;
        match name {
            "helped" => {
                password = "From-The-Helpdesk-9";
                domain.set_password(name, password);
            }
            "signs-in-elsewhere" => assert!(sign_in(&elsewhere, name, samba::PASSWORD).await.is_ok()),
            _ => {
                let _ = sign_in(&elsewhere, name, "wrong elsewhere, too").await;
                domain.modify(&LdifChange::at(&samba::dn(name)).replace("lockoutTime", "0").ldif());
            }
        }
        owner.signs_in(name, password).await;
    }
}

#[tokio::test]
async fn an_admin_and_the_command_line_release_somebody_and_the_audit_says_who() {
    let Some(domain) = samba::domain() else { return };
    let house = on(domain).set("admins.users", vec!["alice".to_owned()]).open().await;
    let mut alice = house.visitor();
    alice.signs_in("alice", samba::PASSWORD).await;
    domain.hire("released");
    let mut owner = own_browser(&house, "released").await;
    assert_eq!(tries(&mut owner, "released", 9).await, 2);
    let csrf = alice.opens("/admin/directory").await.field("/admin/release", "csrf").unwrap();
    let answer = alice.posts("/admin/release", &[("csrf", &csrf), ("person", "CORP\\released")]).await;
    assert_eq!(answer.location.as_deref(), Some("/admin/directory?release=released"));
    assert!(alice.opens("/admin/directory?release=released").await.body.contains("wrong tries are forgotten"));
    owner.signs_in("released", samba::PASSWORD).await;
    owner.signs_out().await;

    assert_eq!(tries(&mut owner, "released", 9).await, 2);
    let said = releases(&house, "released").await;
    assert!(said.contains("may try again at once"), "{said}");
    owner.signs_in("released", samba::PASSWORD).await;
    assert!(releases(&house, "nobody-at-all").await.contains("nobody has signed in with this name"));
    let book = alice.opens_until("/admin/audit?event=attempts-released", |page| page.body.contains("command-line")).await;
    assert!(book.body.contains("CORP\\released") && book.body.contains("alice"), "{}", book.body);
}

#[tokio::test]
async fn under_settings_of_their_own_that_nobody_here_may_read_strangers_lock_nobody() {
    let Some(domain) = samba::domain() else { return };
    for (name, builder) in [("hidden-pso", on(domain)), ("hidden-pso-too", with_service_account(domain))] {
        domain.hire(name);
        domain.modify(&password_settings(&format!("strict-{name}"), 3, name).ldif());
        let house = builder.open().await;
        crate::sign_in::is_welcomed(&house, "bob", samba::PASSWORD, "Bob Baker").await;
        for number in 0..9 {
            let mut stranger = house.visitor().at(&format!("203.0.113.{number}"));
            let _ = stranger.tries_to_sign_in(name, &wrong(number), "/").await;
        }
        assert!(domain.bad_password_count(name) < 3, "{name}");
        let elsewhere = open(&settings(&[&domain.ldaps_url()], &domain.ca_file));
        assert!(sign_in(&elsewhere, name, samba::PASSWORD).await.is_ok(), "{name} is locked");
    }
}

#[tokio::test]
async fn two_unlike_names_of_somebody_under_settings_that_nobody_may_read_do_not_add_up_to_a_lockout() {
    let Some(domain) = samba::domain() else { return };
    let name = "hidden-names";
    domain.hire(name);
    let principal = "somebody.else@brand.example";
    domain.modify(&LdifChange::at(&samba::dn(name)).replace("userPrincipalName", principal).ldif());
    domain.modify(&password_settings("strict-names", 3, name).ldif());
    let house = on(domain).open().await;
    // Whoever signs in, anybody, has the server see that there are such settings.
    crate::sign_in::is_welcomed(&house, "bob", samba::PASSWORD, "Bob Baker").await;
    for number in 0..9 {
        for name in [name, principal] {
            let _ = house.visitor().at(&format!("203.0.113.{number}")).tries_to_sign_in(name, &wrong(number), "/").await;
        }
    }
    assert!(domain.bad_password_count(name) < 3);
}

#[tokio::test]
async fn a_right_password_is_none_of_the_wrong_ones_whatever_fails_after_it() {
    let Some(server) = slapd::server() else { return };
    server.hire("stalled-after");
    let proxy = FaultProxy::before(&server.ldap_url()).await;
    let house = TestServerBuilder::with_directory(proxy.url()).set("directory.operation_timeout", "1s").open().await;
    let groups = |request: &LdapRequest| matches!(request, LdapRequest::Search(search) if search.scope == SearchScope::Base && search.base.contains("stalled-after"));
    for _ in 0..6 {
        proxy.set_when(groups, Fault::Cut);
        let answer = house.visitor().tries_to_sign_in("stalled-after", slapd::PASSWORD, "/").await;
        let (status, words) = (answer.status, answer.form_message().unwrap_or_default());
        assert!(status == StatusCode::SERVICE_UNAVAILABLE && words.contains("does not count"), "{status} {words}");
        proxy.set(Fault::Pass).await;
    }
    house.visitor().signs_in("stalled-after", slapd::PASSWORD).await;
}

/// The tries that people have, as measured: wrong passwords in a row until one has to wait, for a stranger, then in the own
/// browser, and in an own browser that nobody has tried before. None of them locks the account.
#[tokio::test]
async fn the_table_of_tries_is_as_it_is_written_down() {
    let Some(domain) = samba::another_domain() else { return };
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    println!("threshold: without and with a service account; a stranger, the own browser after that, and in peace");
    for (threshold, blind, seeing) in [
        // Where nothing locks, one who keeps trying is slowed: strangers at three addresses, and the own browser.
        (0, (8, 4, 4), (8, 4, 4)),
        (1, (1, 0, 1), (1, 0, 1)),
        (2, (1, 0, 1), (1, 0, 1)),
        (3, (1, 1, 2), (1, 1, 2)),
        (4, (1, 2, 3), (2, 1, 3)),
        (5, (2, 2, 4), (2, 2, 4)),
        (6, (2, 3, 5), (3, 2, 5)),
        (7, (2, 4, 6), (3, 3, 6)),
        (8, (2, 5, 7), (4, 3, 7)),
        (9, (2, 6, 8), (4, 4, 8)),
        (10, (2, 7, 9), (5, 4, 9)),
    ] {
        domain.modify(&LdifChange::at(samba::BASE_DN).replace("lockoutThreshold", threshold.to_string()).ldif());
        let measured = join_all([(on(domain), "blind"), (with_service_account(domain), "seeing")].map(|(builder, kind)| {
            let clock = Arc::clone(&clock);
            async move {
                let (name, other) = (format!("{kind}-{threshold}"), format!("{kind}-peace-{threshold}"));
                domain.hire_all(&[name.clone(), other.clone()]);
                let house = builder.clock(clock).open().await;
                let (mut owner, mut peaceful) = (own_browser(&house, &name).await, own_browser(&house, &other).await);
                let mut stranger = 0;
                for address in ["203.0.113.1", "203.0.113.2", "192.0.2.3"] {
                    stranger += tries(&mut house.visitor().at(address), &name, 12).await;
                }
                let own = tries(&mut owner, &name, 12).await;
                let in_peace = tries(&mut peaceful, &other, 12).await;
                for name in [name, other] {
                    let count = domain.bad_password_count(&name);
                    assert!(threshold == 0 || count < threshold.max(2), "{name}: {count} reached the controller");
                }
                (stranger, own, in_peace)
            }
        }));
        let measured = measured.await;
        println!("{threshold:>2}: {:?} {:?}", measured[0], measured[1]);
        assert_eq!(measured, [blind, seeing], "{threshold}");
        clock.advance(Duration::from_hours(1));
    }
}
