use std::time::Duration;

use crate::domain::{EndReason, Member, PageSlug, Person, PersonId, SessionId, TokenId, Visitor};

/// An event for the audit. Each variant is named as the word by which the log and the store know it.
#[derive(Clone, Copy, Debug)]
pub enum AuditEvent<'a> {
    /// Somebody signed in, and a session began.
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
        /// The reason's word, which does not change: `wrong-credentials`, `locked`, `throttled`.
        reason: &'static str,
        /// The sub-code with which Active Directory says it (`532`, `775`), where there is one.
        directory_code: Option<&'static str>,
        /// How long until another try is accepted, when there were too many.
        retry_after: Option<Duration>,
    },
    /// Somebody who is signed in re-authenticated.
    ProvedAgain {
        /// Who.
        person: &'a Person,
        /// In which session.
        session: SessionId,
    },
    /// Somebody who is signed in tried to re-authenticate, and was refused.
    ProofRefused {
        /// Their name.
        name: &'a str,
        /// The reason's word, which does not change: those of a refused sign-in, `another-person`.
        reason: &'static str,
        /// The sub-code with which Active Directory says it, where there is one.
        directory_code: Option<&'static str>,
        /// How long until another try is accepted, when there were too many.
        retry_after: Option<Duration>,
    },
    /// Somebody changed their password.
    PasswordChanged {
        /// The name as it was typed.
        name: &'a str,
        /// The person whose password it was.
        person: &'a PersonId,
    },
    /// Somebody tried to change a password and was refused.
    PasswordChangeRefused {
        /// The name as it was typed.
        name: &'a str,
        /// The reason's word, which does not change: those of a refused sign-in, `too-short`, `in-history`, `not-here`.
        reason: &'static str,
        /// The sub-code with which Active Directory says it, where there is one.
        directory_code: Option<&'static str>,
        /// How long until another try is accepted, when there were too many.
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
        /// The person it belonged to.
        person: &'a Person,
        /// Which.
        session: SessionId,
        /// Why.
        reason: EndReason,
    },
    /// Somebody ended a session of their own from another browser, or an admin ended somebody's.
    SessionEndedBy {
        /// The person it belonged to.
        person: &'a Person,
        /// Which.
        session: SessionId,
        /// Who ended it.
        by: &'a Member,
    },
    /// An admin did something that is not about one session or one person alone.
    AdminActed {
        /// The admin.
        admin: &'a Member,
        /// The action, in a few words: `ended all sessions of bob: 3`.
        what: &'a str,
    },
    /// Somebody's failed sign-ins were forgotten by hand, so that they may try again.
    AttemptsReleased {
        /// The name, as the admin typed it.
        name: &'a str,
        /// The admin; `None` for the command line.
        by: Option<&'a Member>,
    },
    /// An admin took the audit away as a file.
    AuditExported {
        /// The admin.
        admin: &'a Member,
        /// The format and the filter, in a few words: `csv, who=bob`.
        what: &'a str,
    },
    /// The directory says that somebody who is signed in may not be any more; the ends of their sessions follow.
    AccountClosed {
        /// Who.
        person: &'a Person,
        /// The reason's word, which does not change: `not-found`, `disabled`, `account-expired`, `not-at-this-hour`.
        reason: &'static str,
    },
    /// The directory says that somebody who is signed in has another password, or must change it; the ends of their sessions follow.
    PasswordChangedElsewhere {
        /// Who.
        person: &'a Person,
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
    /// A name and a password that were sent with a request were right. Further requests that are answered from the
    /// credential cache are not recorded.
    PasswordAccepted {
        /// Who.
        person: &'a Person,
    },
    /// An API token was made.
    TokenMade {
        /// The person it belongs to.
        person: &'a Person,
        /// Which.
        token: TokenId,
    },
    /// An API token was used from an address that it was not used from last.
    TokenUsed {
        /// The person it belongs to.
        person: &'a Person,
        /// Which.
        token: TokenId,
    },
    /// An API token ended: it was revoked, or expired.
    TokenEnded {
        /// The person it belonged to.
        person: &'a Person,
        /// Which.
        token: TokenId,
        /// Why.
        reason: EndReason,
    },
    /// A short-lived signed token, a JWT, was issued.
    SignedTokenMade {
        /// The member it is for, with the credential they presented.
        member: &'a Member,
    },
    /// An `Authorization` header was refused. Wrong passwords are refused sign-ins.
    AuthorizationRefused {
        /// The reason's word, which does not change: `unreadable`, `not-taken`, `second-factor`, `unknown`, `expired`,
        /// `revoked`, `unconfirmed`.
        reason: &'static str,
    },
    /// An action on a local account, or on an invitation to one.
    AccountAction {
        /// The action's word, which does not change: `account-disabled`, `invited`, `invitation-accepted`.
        act: &'static str,
        /// The account's name.
        account: &'a str,
        /// Who did it; `None` for the command line.
        by: Option<&'a Person>,
    },
    /// Somebody came with an invitation, and it was not accepted.
    InvitationRefused {
        /// The reason's word, which does not change: `no-such-invitation`, `password`, `taken`.
        reason: &'static str,
    },
    /// A visitor may not open a page.
    PageRefused {
        /// Who asked.
        visitor: &'a Visitor,
        /// The page.
        page: &'a PageSlug,
    },
    /// Somebody gave the right password, and is asked for their second factor.
    SecondFactorAsked {
        /// Who.
        person: &'a Person,
    },
    /// Somebody showed a second factor.
    SecondFactorShown {
        /// Who.
        person: &'a Person,
        /// Which kind: `app`, `recovery-code`, `passkey`.
        factor: &'static str,
    },
    /// Somebody showed a second factor that was not taken.
    SecondFactorRefused {
        /// Who.
        person: &'a Person,
        /// The reason's word, which does not change: `wrong-code`, `used-code`, `throttled`.
        reason: &'static str,
        /// How long until another code is accepted, when there were too many.
        retry_after: Option<Duration>,
    },
    /// Somebody set up a second factor.
    FactorAdded {
        /// Who.
        person: &'a Person,
        /// Which kind.
        factor: &'static str,
    },
    /// Somebody took one of their second factors away.
    FactorRemoved {
        /// Who.
        person: &'a Person,
        /// Which kind.
        factor: &'static str,
    },
    /// Somebody made new recovery codes.
    RecoveryCodesMade {
        /// Who.
        person: &'a Person,
    },
    /// An admin took all second factors of somebody away.
    FactorsReset {
        /// The person they belonged to.
        person: &'a Person,
        /// The admin.
        by: &'a Member,
    },
    /// A form, or a live connection's opening, did not come from a page of ours.
    ForgeryRefused {
        /// Who seems to have sent it.
        visitor: &'a Visitor,
        /// The reason's word: `csrf-token`, `origin`.
        reason: &'static str,
    },
    /// The program began, with the settings as they are in its file now.
    Started {
        /// Its version.
        version: &'a str,
    },
    /// The program is stopping in good order.
    Stopped,
    /// Page files were read again, and pages are other than before.
    PagesReloaded {
        /// The changes, in a few words: `changed operations; removed sales`.
        what: &'a str,
    },
    /// Events could not be kept in the store; the log has them.
    EventsLost {
        /// How many.
        count: u64,
    },
}
