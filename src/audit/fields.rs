use std::time::Duration;

use super::AuditEvent;
use super::retention::RetentionClass;
use super::sanitize::{sanitize, sanitize_detail};
use crate::domain::{EndReason, Member, Person, Realm, RootCredential, SessionId, TokenId, Visitor};

/// The words of all events, as the log and the store have them, in the order in which people look for them. A new event
/// needs its word here.
pub const EVENTS: &[&str] = &[
    "signed-in",
    "sign-in-refused",
    "signed-out",
    "session-ended",
    "proved-again",
    "proof-refused",
    "password-changed",
    "password-change-refused",
    "second-factor-asked",
    "second-factor-shown",
    "second-factor-refused",
    "factor-added",
    "factor-removed",
    "recovery-codes-made",
    "factors-reset",
    "account-closed",
    "password-changed-elsewhere",
    "groups-changed",
    "password-accepted",
    "token-made",
    "token-used",
    "token-ended",
    "signed-token-made",
    "authorization-refused",
    "page-refused",
    "forgery-refused",
    "account-added",
    "account-disabled",
    "account-enabled",
    "account-removed",
    "account-groups-set",
    "account-password-set",
    "account-digest-on",
    "account-digest-off",
    "invited",
    "invitation-accepted",
    "invitation-withdrawn",
    "invitation-refused",
    "admin-acted",
    "attempts-released",
    "audit-exported",
    "pages-reloaded",
    "started",
    "stopped",
    "events-lost",
];

/// The words of all results.
pub const RESULTS: &[&str] = &["ok", "refused", "failed"];

/// An event as the fields of a log line and of a row.
#[derive(Clone, Debug)]
pub struct AuditFields {
    /// The event's word.
    pub event: &'static str,
    /// The result's word.
    pub result: &'static str,
    /// When it makes room for others.
    pub class: RetentionClass,
    /// The account's name with its realm before it, as pages write it; where nobody has proved to be anybody, what was typed.
    pub who: Option<String>,
    /// The realm of somebody who is known: `local`, `default`, a further directory. What was typed has none.
    pub realm: Option<String>,
    /// The account's name in its realm, in the directory's own spelling.
    pub account: Option<String>,
    /// The person's stable id.
    pub person: Option<String>,
    /// The session.
    pub session: Option<SessionId>,
    /// The API token.
    pub token: Option<TokenId>,
    /// The page.
    pub page: Option<String>,
    /// The reason's word.
    pub reason: Option<&'static str>,
    /// The sub-code with which Active Directory says it.
    pub directory_code: Option<&'static str>,
    /// The kind of second factor: `app`, `recovery-code`, `passkey`.
    pub factor: Option<&'static str>,
    /// The wait until another try.
    pub retry_after: Option<Duration>,
    /// The groups that somebody has gained.
    pub gained: Option<String>,
    /// The groups that somebody has lost.
    pub lost: Option<String>,
    /// Further details, in a few words.
    pub detail: Option<String>,
}

impl AuditFields {
    pub(super) fn from_event(event: &AuditEvent<'_>) -> Self {
        match *event {
            AuditEvent::SignedIn { person, session } => {
                Self { session: Some(session), ..Self::of_person(person, "signed-in", "ok") }
            }
            AuditEvent::SignInRefused { name, reason, directory_code, retry_after } => {
                Self { directory_code, retry_after, ..Self::refused("sign-in-refused", name, reason) }
            }
            AuditEvent::ProvedAgain { person, session } => {
                Self { session: Some(session), ..Self::of_person(person, "proved-again", "ok") }
            }
            AuditEvent::ProofRefused { name, reason, directory_code, retry_after } => {
                Self { directory_code, retry_after, ..Self::refused("proof-refused", name, reason) }
            }
            AuditEvent::PasswordChanged { name, person } => Self {
                who: Some(sanitize(name)),
                person: Some(sanitize(person.as_str())),
                ..Self::new("password-changed", "ok", RetentionClass::Person)
            },
            AuditEvent::PasswordChangeRefused { name, reason, directory_code, retry_after } => {
                Self { directory_code, retry_after, ..Self::refused("password-change-refused", name, reason) }
            }
            AuditEvent::SignedOut { person, session } => {
                Self { session: Some(session), ..Self::of_person(person, "signed-out", "ok") }
            }
            AuditEvent::SessionEnded { person, session, reason } => {
                Self { session: Some(session), reason: Some(reason.as_str()), ..Self::of_person(person, "session-ended", "ok") }
            }
            AuditEvent::SessionEndedBy { person, session, by } => Self {
                class: class_of(person, by),
                session: Some(session),
                reason: Some(EndReason::Revoked.as_str()),
                detail: Some(by_whom(person, by)),
                ..Self::of_person(person, "session-ended", "ok")
            },
            AuditEvent::AdminActed { admin, what } => Self::of_admin(admin, "admin-acted", what),
            AuditEvent::AttemptsReleased { name, by } => Self::attempts_released(name, by),
            AuditEvent::AuditExported { admin, what } => Self::of_admin(admin, "audit-exported", what),
            AuditEvent::PasswordAccepted { person } => Self::of_person(person, "password-accepted", "ok"),
            AuditEvent::TokenMade { person, token } => Self::of_token(person, token, "token-made"),
            AuditEvent::TokenUsed { person, token } => Self::of_token(person, token, "token-used"),
            AuditEvent::TokenEnded { person, token, reason } => {
                Self { reason: Some(reason.as_str()), ..Self::of_token(person, token, "token-ended") }
            }
            AuditEvent::SignedTokenMade { member } => Self::of_member(member, "signed-token-made", "ok"),
            AuditEvent::AuthorizationRefused { reason } => {
                Self { reason: Some(reason), ..Self::of_stranger("authorization-refused") }
            }
            AuditEvent::AccountClosed { person, reason } => {
                Self { reason: Some(reason), ..Self::of_person(person, "account-closed", "ok") }
            }
            AuditEvent::PasswordChangedElsewhere { person } => Self::of_person(person, "password-changed-elsewhere", "ok"),
            AuditEvent::GroupsChanged { person, gained, lost } => Self {
                gained: (!gained.is_empty()).then(|| sanitize(gained)),
                lost: (!lost.is_empty()).then(|| sanitize(lost)),
                ..Self::of_person(person, "groups-changed", "ok")
            },
            AuditEvent::AccountAction { act, account, by } => Self::of_administration(
                act,
                by.map(|person| Self::of_person(person, act, "ok")),
                &Realm::Local.qualify(account),
            ),
            AuditEvent::InvitationRefused { reason } => {
                Self { reason: Some(reason), ..Self::of_stranger("invitation-refused") }
            }
            AuditEvent::PageRefused { visitor, page } => {
                Self { page: Some(page.to_string()), ..Self::of_visitor(visitor, "page-refused") }
            }
            AuditEvent::SecondFactorAsked { person } => Self::of_person(person, "second-factor-asked", "ok"),
            AuditEvent::SecondFactorShown { person, factor } => {
                Self { factor: Some(factor), ..Self::of_person(person, "second-factor-shown", "ok") }
            }
            AuditEvent::SecondFactorRefused { person, reason, retry_after } => {
                Self { reason: Some(reason), retry_after, ..Self::of_person(person, "second-factor-refused", "refused") }
            }
            AuditEvent::FactorAdded { person, factor } => {
                Self { factor: Some(factor), ..Self::of_person(person, "factor-added", "ok") }
            }
            AuditEvent::FactorRemoved { person, factor } => {
                Self { factor: Some(factor), ..Self::of_person(person, "factor-removed", "ok") }
            }
            AuditEvent::RecoveryCodesMade { person } => Self::of_person(person, "recovery-codes-made", "ok"),
            AuditEvent::FactorsReset { person, by } => Self {
                class: class_of(person, by),
                detail: Some(by_whom(person, by)),
                ..Self::of_person(person, "factors-reset", "ok")
            },
            AuditEvent::ForgeryRefused { visitor, reason } => {
                Self { reason: Some(reason), ..Self::of_visitor(visitor, "forgery-refused") }
            }
            AuditEvent::Started { version } => Self::of_program("started", version.to_owned()),
            AuditEvent::Stopped => Self::new("stopped", "ok", RetentionClass::Administration),
            AuditEvent::PagesReloaded { what } => Self::of_program("pages-reloaded", sanitize_detail(what)),
            AuditEvent::EventsLost { count } => Self {
                result: "failed",
                ..Self::of_program("events-lost", format!("{count} could not be kept here; the log has them"))
            },
        }
    }

    fn attempts_released(name: &str, by: Option<&Member>) -> Self {
        let event = "attempts-released";
        Self::of_administration(event, by.map(|admin| Self::of_member(admin, event, "ok")), name)
    }

    /// The store's `detail`: what has no column of its own, in a few words.
    pub fn details(&self) -> Option<String> {
        let gained = self.gained.as_ref().map(|groups| format!("gained {groups}"));
        let lost = self.lost.as_ref().map(|groups| format!("lost {groups}"));
        let wait = self.retry_after.map(|wait| format!("next try in {} s", wait.as_secs()));
        let all: Vec<String> = [self.detail.clone(), gained, lost, wait].into_iter().flatten().collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// An event without particulars.
    pub(super) fn new(event: &'static str, result: &'static str, class: RetentionClass) -> Self {
        Self {
            event,
            result,
            class,
            who: None,
            realm: None,
            account: None,
            person: None,
            session: None,
            token: None,
            page: None,
            reason: None,
            directory_code: None,
            factor: None,
            retry_after: None,
            gained: None,
            lost: None,
            detail: None,
        }
    }

    /// An act of administration on what is called `whom`: by somebody, or on the command line.
    fn of_administration(event: &'static str, by: Option<Self>, whom: &str) -> Self {
        let class = RetentionClass::Administration;
        let fields = by.unwrap_or_else(|| Self { reason: Some("command-line"), ..Self::new(event, "ok", class) });
        Self { class, detail: Some(sanitize(whom)), ..fields }
    }

    /// A refusal of somebody who typed this name.
    fn refused(event: &'static str, name: &str, reason: &'static str) -> Self {
        Self { who: Some(sanitize(name)), reason: Some(reason), ..Self::of_stranger(event) }
    }

    /// A refusal of somebody who has proved nothing.
    fn of_stranger(event: &'static str) -> Self {
        Self::new(event, "refused", RetentionClass::Stranger)
    }

    fn of_person(person: &Person, event: &'static str, result: &'static str) -> Self {
        // The directory's names are not ours either: an attribute can hold a line break.
        Self {
            who: Some(sanitize(&person.qualified_name())),
            realm: Some(person.realm.to_string()),
            account: Some(sanitize(&person.username)),
            person: Some(sanitize(person.id.as_str())),
            ..Self::new(event, result, RetentionClass::Person)
        }
    }

    /// A refusal of a visitor.
    fn of_visitor(visitor: &Visitor, event: &'static str) -> Self {
        visitor.member().map_or_else(|| Self::of_stranger(event), |member| Self::of_member(member, event, "refused"))
    }

    fn of_token(person: &Person, token: TokenId, event: &'static str) -> Self {
        Self { token: Some(token), ..Self::of_person(person, event, "ok") }
    }

    fn of_member(member: &Member, event: &'static str, result: &'static str) -> Self {
        let token = match member.credential.root {
            RootCredential::Token(token) => Some(token),
            RootCredential::Session(_) | RootCredential::PerRequest => None,
        };
        Self { session: member.session(), token, ..Self::of_person(&member.person, event, result) }
    }

    fn of_admin(admin: &Member, event: &'static str, what: &str) -> Self {
        let fields = Self::of_person(&admin.person, event, "ok");
        Self { class: RetentionClass::Administration, session: admin.session(), detail: Some(sanitize_detail(what)), ..fields }
    }

    fn of_program(event: &'static str, detail: String) -> Self {
        Self { detail: Some(detail), ..Self::new(event, "ok", RetentionClass::Administration) }
    }
}

/// The class of what somebody did to this person's: an admin's act, unless they are the person.
fn class_of(person: &Person, by: &Member) -> RetentionClass {
    if by.person.id == person.id { RetentionClass::Person } else { RetentionClass::Administration }
}

/// The words for who ended a session of this person's.
fn by_whom(person: &Person, by: &Member) -> String {
    if by.person.id == person.id {
        "by themselves, from another browser".to_owned()
    } else {
        sanitize(&format!("by the admin {}", by.person.qualified_name()))
    }
}
