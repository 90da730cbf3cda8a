use std::time::Duration;

use super::plain::plain;
use crate::domain::{Client, EndReason, Member, PageSlug, Person, PersonId, Proof, SessionId, TokenId, Visitor};

/// The `tracing` target of every line of the audit.
pub const TARGET: &str = "audit";

/// Something that happened at a door.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// Somebody proved who they are, and a session began.
    SignedIn {
        /// Who.
        person: &'a Person,
        /// Their new session.
        session: SessionId,
    },
    /// Somebody tried to sign in and was refused.
    SignInRefused {
        /// The name as it was typed.
        name: &'a str,
        /// Why, in a word that does not change: `wrong-credentials`, `locked`, `throttled`.
        reason: &'static str,
        /// The sub-code with which Active Directory says it (`532`, `775`), where there is one.
        directory_code: Option<&'static str>,
        /// How long until another try is heard, when there were too many.
        retry_after: Option<Duration>,
    },
    /// Somebody who is signed in proved anew who they are.
    ProvedAgain {
        /// Who.
        person: &'a Person,
        /// In which session.
        session: SessionId,
    },
    /// Somebody who is signed in tried to prove anew who they are, and was refused.
    ProofRefused {
        /// Their name.
        name: &'a str,
        /// Why, in a word that does not change: those of a refused sign-in, `another-person`.
        reason: &'static str,
        /// The sub-code with which Active Directory says it, where there is one.
        directory_code: Option<&'static str>,
        /// How long until another try is heard, when there were too many.
        retry_after: Option<Duration>,
    },
    /// Somebody changed their password.
    PasswordChanged {
        /// The name as it was typed.
        name: &'a str,
        /// Whose password it was.
        person: &'a PersonId,
    },
    /// Somebody tried to change a password and was refused.
    PasswordChangeRefused {
        /// The name as it was typed.
        name: &'a str,
        /// Why, in a word that does not change: those of a refused sign-in, `too-short`, `in-history`, `not-here`.
        reason: &'static str,
        /// The sub-code with which Active Directory says it, where there is one.
        directory_code: Option<&'static str>,
        /// How long until another try is heard, when there were too many.
        retry_after: Option<Duration>,
    },
    /// Somebody signed out.
    SignedOut {
        /// Who.
        person: &'a Person,
        /// The session that ended.
        session: SessionId,
    },
    /// A session ended otherwise than by signing out.
    SessionEnded {
        /// Whose it was.
        person: &'a Person,
        /// Which.
        session: SessionId,
        /// Why.
        reason: EndReason,
    },
    /// The directory says that somebody who is signed in may not be any more; the ends of their sessions follow.
    AccountClosed {
        /// Who.
        person: &'a Person,
        /// Why, in a word that does not change: `not-found`, `disabled`, `account-expired`, `not-at-this-hour`.
        reason: &'static str,
    },
    /// The directory says that somebody who is signed in is in other groups than before.
    GroupsChanged {
        /// Who, with the groups of now.
        person: &'a Person,
        /// The names of the groups they came into, with commas between them.
        gained: &'a str,
        /// The names of the groups they left, likewise.
        lost: &'a str,
    },
    /// Somebody sent a name and a password with a request, and they were right. What is remembered of it is not written
    /// down with every further request.
    PasswordAccepted {
        /// Who.
        person: &'a Person,
    },
    /// An API token was made.
    TokenMade {
        /// Whose it is.
        person: &'a Person,
        /// Which.
        token: TokenId,
    },
    /// An API token was used from an address that it was not used from last.
    TokenUsed {
        /// Whose it is.
        person: &'a Person,
        /// Which.
        token: TokenId,
    },
    /// An API token ended: it was revoked, or expired.
    TokenEnded {
        /// Whose it was.
        person: &'a Person,
        /// Which.
        token: TokenId,
        /// Why.
        reason: EndReason,
    },
    /// A short-lived signed token was made.
    SignedTokenMade {
        /// For whom, and by what they had proved who they are.
        member: &'a Member,
    },
    /// An `Authorization` header showed what opens nothing. Wrong passwords are refused sign-ins.
    AuthorizationRefused {
        /// Why, in a word that does not change: `unreadable`, `not-taken`, `unknown`, `expired`, `revoked`, `unconfirmed`.
        reason: &'static str,
    },
    /// A visitor may not open a page.
    PageRefused {
        /// Who asked.
        visitor: &'a Visitor,
        /// For what.
        page: &'a PageSlug,
    },
    /// A form, or a live connection's opening, did not come from a page of ours.
    ForgeryRefused {
        /// Who seems to have sent it.
        visitor: &'a Visitor,
        /// What was wrong: `csrf-token`, `origin`.
        reason: &'static str,
    },
}

/// Writes the audit. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Audit {}

impl Audit {
    /// An audit that writes to the program's log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes down what happened, from where.
    pub fn record(&self, client: &Client, event: &Event<'_>) {
        let line = Line::of(event);
        let address = client.address().map(|address| address.to_string());
        let user_agent = client.user_agent().map(plain);
        // A field that is `None` is left out of the line. Texts are given as `str`, which every format quotes.
        tracing::info!(
            target: TARGET,
            event = line.event,
            result = line.result,
            who = line.who.as_deref(),
            person = line.person.as_deref(),
            address = address.as_deref(),
            session = line.session.map(SessionId::as_i64),
            token = line.token.map(TokenId::as_i64),
            page = line.page,
            reason = line.reason,
            directory_code = line.directory_code,
            gained = line.gained.as_deref(),
            lost = line.lost.as_deref(),
            retry_after_seconds = line.retry_after.map(|wait| wait.as_secs()),
            user_agent = user_agent.as_deref(),
        );
    }
}

/// An event, spread over the fields of a line.
#[derive(Default)]
struct Line<'a> {
    event: &'static str,
    result: &'static str,
    /// The account's name: the directory's own spelling when we know them, else what was typed.
    who: Option<String>,
    /// The person's stable id.
    person: Option<String>,
    session: Option<SessionId>,
    token: Option<TokenId>,
    page: Option<&'a str>,
    reason: Option<&'static str>,
    directory_code: Option<&'static str>,
    retry_after: Option<Duration>,
    gained: Option<String>,
    lost: Option<String>,
}

impl<'a> Line<'a> {
    fn of(event: &Event<'a>) -> Self {
        match *event {
            Event::SignedIn { person, session } => {
                Self { session: Some(session), ..Self::about(person, "signed-in", "ok") }
            }
            Event::SignInRefused { name, reason, directory_code, retry_after } => {
                Self { directory_code, retry_after, ..Self::refused("sign-in-refused", name, reason) }
            }
            Event::ProvedAgain { person, session } => {
                Self { session: Some(session), ..Self::about(person, "proved-again", "ok") }
            }
            Event::ProofRefused { name, reason, directory_code, retry_after } => {
                Self { directory_code, retry_after, ..Self::refused("proof-refused", name, reason) }
            }
            Event::PasswordChanged { name, person } => Self {
                event: "password-changed",
                result: "ok",
                who: Some(plain(name)),
                person: Some(plain(person.as_str())),
                ..Self::default()
            },
            Event::PasswordChangeRefused { name, reason, directory_code, retry_after } => {
                Self { directory_code, retry_after, ..Self::refused("password-change-refused", name, reason) }
            }
            Event::SignedOut { person, session } => {
                Self { session: Some(session), ..Self::about(person, "signed-out", "ok") }
            }
            Event::SessionEnded { person, session, reason } => Self {
                session: Some(session),
                reason: Some(reason.word()),
                ..Self::about(person, "session-ended", "ok")
            },
            Event::AccountClosed { person, reason } => {
                Self { reason: Some(reason), ..Self::about(person, "account-closed", "ok") }
            }
            Event::GroupsChanged { person, gained, lost } => Self {
                gained: (!gained.is_empty()).then(|| plain(gained)),
                lost: (!lost.is_empty()).then(|| plain(lost)),
                ..Self::about(person, "groups-changed", "ok")
            },
            Event::PasswordAccepted { person } => Self::about(person, "password-accepted", "ok"),
            Event::TokenMade { person, token } => {
                Self { token: Some(token), ..Self::about(person, "token-made", "ok") }
            }
            Event::TokenUsed { person, token } => {
                Self { token: Some(token), ..Self::about(person, "token-used", "ok") }
            }
            Event::TokenEnded { person, token, reason } => {
                Self { token: Some(token), reason: Some(reason.word()), ..Self::about(person, "token-ended", "ok") }
            }
            Event::SignedTokenMade { member } => Self::of_member(member, "signed-token-made", "ok"),
            Event::AuthorizationRefused { reason } => {
                Self { event: "authorization-refused", result: "refused", reason: Some(reason), ..Self::default() }
            }
            Event::PageRefused { visitor, page } => {
                Self { page: Some(page.as_str()), ..Self::by(visitor, "page-refused", "refused") }
            }
            Event::ForgeryRefused { visitor, reason } => {
                Self { reason: Some(reason), ..Self::by(visitor, "forgery-refused", "refused") }
            }
        }
    }

    /// Something refused to whoever typed this name.
    fn refused(event: &'static str, name: &str, reason: &'static str) -> Self {
        Self { event, result: "refused", who: Some(plain(name)), reason: Some(reason), ..Self::default() }
    }

    fn about(person: &Person, event: &'static str, result: &'static str) -> Self {
        // The directory's names are not ours either: an attribute can hold a line break.
        Self {
            event,
            result,
            who: Some(plain(&person.qualified_name())),
            person: Some(plain(person.id.as_str())),
            ..Self::default()
        }
    }

    fn by(visitor: &Visitor, event: &'static str, result: &'static str) -> Self {
        match visitor.member() {
            Some(member) => Self::of_member(member, event, result),
            None => Self { event, result, ..Self::default() },
        }
    }

    fn of_member(member: &Member, event: &'static str, result: &'static str) -> Self {
        let token = match member.proof {
            Proof::Token(token) => Some(token),
            Proof::Signed { token, .. } => token,
            Proof::Session(_) | Proof::Password => None,
        };
        Self { session: member.session(), token, ..Self::about(&member.person, event, result) }
    }
}
