#![allow(clippy::unwrap_used)]

use std::net::IpAddr;

use super::super::AuditEvent;
use super::*;
use crate::domain::{Client, Member, Person, PersonId, SessionId, TokenId};

const START: Timestamp = Timestamp::from_millis(1_795_309_126_976);

fn alice() -> Person {
    Person { id: PersonId::new("id:alice"), display_name: "Alice".to_owned(), ..Person::named("alice") }
}

/// Whether the event is a row of its own.
fn is_row(folder: &RepeatFolder, event: &AuditEvent<'_>, address: &str, user_agent: &str) -> bool {
    let address: Option<IpAddr> = address.parse().ok();
    let client = Client::new(address, Some(user_agent));
    let fields = AuditFields::from_event(event);
    let holder = EventHolder::of(&fields, address);
    let address = client.address();
    let text = address.map(|address| address.to_string());
    let user_agent = client.user_agent().map(str::to_owned);
    let entry = AuditEntry { at: START, fields, address: text, user_agent, holder, sequence: 0 };
    folder.fold(entry, Network::narrowest_of(address), |_| {}).is_some()
}

#[test]
fn what_a_thief_does_beside_the_owner_is_a_row_of_its_own() {
    let (alice, token) = (alice(), TokenId::new(3));
    let admin = Member::signed_in(SessionId::new(7), alice.clone());
    for event in [
        AuditEvent::PasswordAccepted { person: &alice },
        AuditEvent::TokenUsed { person: &alice, token },
        AuditEvent::SecondFactorAsked { person: &alice },
        AuditEvent::SecondFactorShown { person: &alice, factor: "app" },
        AuditEvent::SecondFactorRefused { person: &alice, reason: "wrong-code", retry_after: None },
        AuditEvent::FactorAdded { person: &alice, factor: "app" },
        AuditEvent::FactorRemoved { person: &alice, factor: "app" },
        AuditEvent::RecoveryCodesMade { person: &alice },
        AuditEvent::PasswordChanged { name: "alice", person: &alice.id },
        AuditEvent::SignedTokenMade { member: &admin },
        AuditEvent::AdminActed { admin: &admin, what: "ended all sessions of bob: 3" },
        AuditEvent::AttemptsReleased { name: "bob", by: Some(&admin) },
    ] {
        let folder = RepeatFolder::new();
        assert!(is_row(&folder, &event, "2001:db8::1", "Firefox"));
        assert!(!is_row(&folder, &event, "2001:db8::1", "Firefox"), "the same once more: {event:?}");
        assert!(is_row(&folder, &event, "2001:db8::2", "Firefox"), "from the same link: {event:?}");
        assert!(is_row(&folder, &event, "2001:db8::1", "curl"), "from behind the same address: {event:?}");
    }
}

#[test]
fn beyond_a_person_s_rows_each_network_has_one_and_then_all_together() {
    let (folder, alice) = (RepeatFolder::new(), alice());
    let event = AuditEvent::PasswordAccepted { person: &alice };
    let rows = |networks: std::ops::Range<usize>, browsers: usize| {
        let all = networks.flat_map(|network| (0..browsers).map(move |browser| (network, browser)));
        all.filter(|(network, browser)| is_row(&folder, &event, &format!("10.0.{network}.1"), &format!("Browser/{browser}")))
            .count()
    };
    assert_eq!(rows(0..1, 500), MAX_ROWS_PER_HOLDER + 1);
    assert_eq!(rows(1..2, 500), 1, "the thief's network");
    assert_eq!(rows(2..250, 3), MAX_NETWORK_ROWS - 2 + 1);
}

#[test]
fn one_kind_of_refusal_takes_no_rows_of_another() {
    let folder = RepeatFolder::new();
    let rows = |reason| {
        let event = AuditEvent::AuthorizationRefused { reason };
        let addresses = (0..2_000).map(|number| format!("10.{}.{}.1", number / 250, number % 250));
        addresses.filter(|address| is_row(&folder, &event, address, "curl")).count()
    };
    assert_eq!(rows("unknown"), MAX_STRANGER_ROWS + MAX_NETWORK_ROWS + 1);
    let event = AuditEvent::SignInRefused { name: "alice", reason: "locked", directory_code: None, retry_after: None };
    assert!(is_row(&folder, &event, "192.0.2.1", "Firefox"));
}

#[test]
fn what_frees_an_account_is_an_act_of_administration_whoever_does_it() {
    let admin = Member::signed_in(SessionId::new(7), alice());
    for by in [None, Some(&admin)] {
        let fields = AuditFields::from_event(&AuditEvent::AttemptsReleased { name: "bob", by });
        assert_eq!((fields.class, fields.detail.as_deref()), (RetentionClass::Administration, Some("bob")));
    }
}
