#![allow(clippy::unwrap_used)]

use super::log_capture::LogCapture;
use super::{Audit, AuditEvent};
use crate::domain::{Client, EndReason, Member, Person, PersonId, SessionId, Visitor};

/// The log's text, in the given format, after `act`.
fn log_of(json: bool, act: impl FnOnce(&Audit)) -> String {
    let capture = LogCapture::new();
    let format = tracing_subscriber::fmt().with_writer(capture.clone()).with_ansi(false);
    if json {
        tracing::subscriber::with_default(format.json().finish(), || act(&Audit::new()));
    } else {
        tracing::subscriber::with_default(format.finish(), || act(&Audit::new()));
    }
    capture.text()
}

fn fields(line: &str) -> serde_json::Value {
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["target"], "audit");
    line["fields"].clone()
}

fn refused(name: &str) -> AuditEvent<'_> {
    AuditEvent::SignInRefused { name, reason: "locked", directory_code: Some("775"), retry_after: None }
}

fn alice(username: &str) -> Person {
    Person { id: PersonId::new("objectGUID:1"), display_name: "Alice".into(), ..Person::named(username) }
}

/// Names that try to be a line, or a field, of their own.
const FORGERIES: &[&str] = &[
    "bob\n2026-01-01T00:00:00Z  INFO audit: event=\"signed-in\" who=\"admin\"",
    "bob\r\n{\"target\":\"audit\",\"fields\":{\"event\":\"signed-in\"}}",
    "bob\" event=\"signed-in\" who=\"admin",
    "bob\u{2028}signed-in",
    "bob\u{2029}signed-in",
    "bob\u{85}signed-in",
    "bob\u{b}\u{c}signed-in",
    "bob\u{1b}[2K\u{1b}[1Gsigned-in",
    "bob\u{8}\u{8}\u{8}eve",
    "nimda\u{202e}bob",
    "al\u{200b}ice",
    "bob\0",
];

#[test]
fn a_name_cannot_forge_a_line_in_the_human_format() {
    for name in FORGERIES {
        let log = log_of(false, |audit| audit.record(&Client::default(), &refused(name)));
        assert_eq!(log.lines().count(), 1, "{name:?}: {log:?}");
        assert!(log.trim_end_matches('\n').chars().all(|c| !c.is_control()), "{name:?}: {log:?}");
        for hidden in ['\u{2028}', '\u{2029}', '\u{202e}', '\u{200b}'] {
            assert!(!log.contains(hidden), "{name:?}: {log:?}");
        }
        // The only unescaped `event="` is ours.
        assert_eq!(log.matches(" event=\"").count(), 1, "{name:?}: {log:?}");
        assert!(log.contains("event=\"sign-in-refused\""), "{log:?}");
    }
}

#[test]
fn a_name_cannot_forge_a_line_in_the_json_format() {
    for name in FORGERIES {
        let log = log_of(true, |audit| audit.record(&Client::default(), &refused(name)));
        assert_eq!(log.lines().count(), 1, "{name:?}: {log:?}");
        let fields = fields(&log);
        assert_eq!(fields["event"], "sign-in-refused");
        let who = fields["who"].as_str().unwrap();
        assert!(who.chars().all(|c| !c.is_control()), "{who:?}");
    }
}

#[test]
fn names_as_people_have_them_are_written_as_they_are() {
    for name in ["Jürgen Groß", r"CORP\alice", "o'neil@corp.example", "李小龍", "a,b (c) * d"] {
        let log = log_of(true, |audit| audit.record(&Client::default(), &refused(name)));
        assert_eq!(fields(&log)["who"], *name);
    }
}

#[test]
fn a_flood_in_a_name_does_not_flood_the_log() {
    let log = log_of(true, |audit| audit.record(&Client::default(), &refused(&"x".repeat(1_000_000))));
    assert!(log.len() < 2_000, "{}", log.len());
}

#[test]
fn an_event_says_who_from_where_what_and_how_it_went() {
    let client = Client::new("192.0.2.7".parse().ok(), Some("Browser/1"));
    let person = alice("alice");
    let log = log_of(true, |audit| {
        audit.record(&client, &AuditEvent::SignedIn { person: &person, session: SessionId::new(7) });
    });
    let fields = fields(&log);
    for (field, value) in [
        ("event", "signed-in"),
        ("result", "ok"),
        ("who", "alice"),
        ("person", "objectGUID:1"),
        ("address", "192.0.2.7"),
        ("user_agent", "Browser/1"),
    ] {
        assert_eq!(fields[field], value, "{fields}");
    }
    assert_eq!(fields["session"], "00000000-0000-0000-0000-000000000007");
    assert!(fields.get("reason").is_none(), "{fields}");
}

#[test]
fn a_refusal_keeps_the_directorys_sub_code_and_an_end_its_reason() {
    let log = log_of(true, |audit| audit.record(&Client::default(), &refused("bob")));
    assert_eq!(fields(&log)["directory_code"], "775");

    let (person, session) = (alice("alice"), SessionId::new(7));
    let log = log_of(true, |audit| {
        let event = AuditEvent::SessionEnded { person: &person, session, reason: EndReason::Revoked };
        audit.record(&Client::default(), &event);
    });
    assert_eq!(fields(&log)["reason"], "revoked");
}

#[test]
fn a_change_in_the_directory_says_whom_it_concerns_and_what_it_is() {
    let person = alice("alice");
    let log = log_of(true, |audit| {
        audit.record(&Client::default(), &AuditEvent::AccountClosed { person: &person, reason: "disabled" });
        audit.record(
            &Client::default(),
            &AuditEvent::GroupsChanged { person: &person, gained: "dash-ops, Sales\nforged", lost: "" },
        );
    });
    let lines: Vec<_> = log.lines().map(fields).collect();
    assert_eq!(lines[0]["event"], "account-closed");
    assert_eq!((&lines[0]["who"], &lines[0]["reason"]), (&"alice".into(), &"disabled".into()));
    assert_eq!((&lines[1]["event"], &lines[1]["who"]), (&"groups-changed".into(), &"alice".into()));
    assert_eq!(lines[1]["gained"], r"dash-ops, Sales\u{a}forged");
    assert!(lines[1].get("lost").is_none(), "{}", lines[1]);
}

#[test]
fn a_refused_page_names_the_member_or_nobody() {
    let page = "operations".parse().unwrap();
    let member = Visitor::from(Member::signed_in(SessionId::new(7), alice("ali\nce")));
    let log = log_of(true, |audit| {
        audit.record(&Client::default(), &AuditEvent::PageRefused { visitor: &member, page: &page });
        audit.record(&Client::default(), &AuditEvent::PageRefused { visitor: &Visitor::Anonymous, page: &page });
    });
    let lines: Vec<_> = log.lines().map(fields).collect();
    assert_eq!(lines[0]["who"], r"ali\u{a}ce");
    assert_eq!(lines[0]["page"], "operations");
    assert!(lines[1].get("who").is_none());
}
