use std::time::Duration;

use super::pending::PendingSignIns;
use super::{FactorRefusal, PendingToken};
use crate::audit::Event;
use crate::auth::sign_in::{Auth, SignedIn};
use crate::directory::AccountStatus;
use crate::domain::{Client, Person, PersonId, Revalidation, Timestamp, Username};
use crate::factors::{CodeRefusal, Factors, PasskeyAnswer, PasskeySite, Shown};
use crate::sessions::{Beginning, Proved, Session, SessionToken};
use crate::store::StoreError;

/// What the second step needs.
pub struct SecondStep {
    pub(super) factors: Factors,
    pub(super) pending: PendingSignIns,
    lifetime: Duration,
}

impl SecondStep {
    /// The second step over these factors; each that is shown counts for as long as `remember`.
    pub fn new(factors: Factors, lifetime: Duration) -> Self {
        Self { factors, pending: PendingSignIns::default(), lifetime }
    }
}

/// A session goes on, and its browser needs another token.
#[derive(Debug)]
pub struct RenewedSession {
    /// For their browser's cookie.
    pub token: SessionToken,
    /// The session.
    pub session: Session,
}

/// What somebody shows.
#[derive(Clone, Copy)]
pub enum FactorResponse<'a> {
    /// A code, of their app or for recovery, as they typed it.
    Code(&'a str),
    /// A passkey.
    Passkey {
        /// Where it must be good.
        site: &'a PasskeySite,
        /// What the form is bound to.
        browser: &'a [u8],
        /// What their authenticator answered.
        answer: PasskeyAnswer<'a>,
    },
}

impl Auth {
    /// Whether somebody's password alone opens nothing, since they have a second factor: at no way in, so that none walks around
    /// it.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked: that is never "no".
    pub async fn needs_second_factor(&self, person: &PersonId) -> Result<bool, StoreError> {
        self.second_step.factors.has_any(person).await
    }

    /// The factors themselves, to look at.
    pub fn factors(&self) -> &Factors {
        &self.second_step.factors
    }

    /// Until when the factor counts that was shown in a session; `None` when none was, or it counts no more.
    pub fn second_factor_until(&self, session: &Session) -> Option<Timestamp> {
        let until = session.second_factor_at? + self.second_step.lifetime;
        (self.clock.now() < until).then_some(until)
    }

    /// Somebody has given the right password and has a second factor: they wait for it, and have no session until then.
    pub(in crate::auth) fn begin_second_step(
        &self,
        name: &Username,
        person: Person,
        beginning: Beginning,
        client: &Client,
    ) -> Result<PendingToken, StoreError> {
        self.audit.record(client, &Event::SecondFactorAsked { person: &person });
        self.second_step.pending.insert(name, person, beginning, self.clock.now())
    }

    /// Who waits with this token.
    pub fn pending_person(&self, token: &PendingToken) -> Option<Person> {
        self.second_step.pending.find(token, self.clock.now()).map(|waiting| waiting.person)
    }

    /// Ends a sign-in with the second factor: a fresh session, whose person has shown both. `previous` is the token that this
    /// browser sent; that session ends.
    ///
    /// # Errors
    /// A [`FactorRefusal`]; whoever was refused goes on waiting.
    pub async fn finish_sign_in(
        &self,
        token: &PendingToken,
        showing: FactorResponse<'_>,
        client: &Client,
        previous: Option<&SessionToken>,
    ) -> Result<SignedIn, FactorRefusal> {
        let waiting = self.second_step.pending.find(token, self.clock.now()).ok_or(FactorRefusal::NotPending)?;
        self.verify_factor(&waiting.person, showing, client).await?;
        // Two right answers at once are one sign-in.
        let waiting = self.second_step.pending.take(token, self.clock.now()).ok_or(FactorRefusal::NotPending)?;
        let person = self.reread_person(waiting.person).await.ok_or(FactorRefusal::NotPending)?;
        let beginning = Beginning { second_factor: true, ..waiting.beginning };
        Ok(self.begin_session(&waiting.name, &person, beginning, client, previous).await?)
    }

    /// Somebody who has waited, as the directory describes them now; `None` when they may not be signed in any more. Where
    /// nobody can be asked, what it said minutes ago stands.
    async fn reread_person(&self, person: Person) -> Option<Person> {
        if self.directory.upkeep(&person) == Revalidation::Unrefreshed {
            return Some(person);
        }
        match self.directory.refresh(std::slice::from_ref(&person)).await.into_iter().next() {
            Some(Ok(AccountStatus::Active(described))) => Some(described),
            Some(Ok(AccountStatus::Removed(_))) => None,
            Some(Err(_)) | None => Some(person),
        }
    }

    /// Whoever waits with this person's password waits no more: it is not theirs any longer, or all of theirs ends.
    pub(in crate::auth) fn forget_pending(&self, person: &PersonId) {
        self.second_step.pending.forget(person);
    }

    /// Notes that a member has shown their second factor anew, and gives their browser another token.
    ///
    /// # Errors
    /// A [`FactorRefusal`]; the token is what it was then. [`FactorRefusal::NotWaiting`] when the session has ended.
    pub async fn step_up(
        &self,
        token: &SessionToken,
        person: &Person,
        showing: FactorResponse<'_>,
        client: &Client,
    ) -> Result<RenewedSession, FactorRefusal> {
        let proved = match self.verify_factor(person, showing, client).await? {
            Shown::Passkey => Proved::Both,
            Shown::App | Shown::RecoveryCode { .. } => Proved::SecondFactor,
        };
        self.record_authentication(token, &person.id, proved).await
    }

    /// Notes what somebody has proved in their session, and gives their browser another token.
    pub(super) async fn record_authentication(
        &self,
        token: &SessionToken,
        person: &PersonId,
        proved: Proved,
    ) -> Result<RenewedSession, FactorRefusal> {
        let (token, session) = self.sessions.prove(token, person, proved).await?.ok_or(FactorRefusal::NotPending)?;
        Ok(RenewedSession { token, session })
    }

    /// Judges what somebody shows, and writes down how it went.
    async fn verify_factor(
        &self,
        person: &Person,
        showing: FactorResponse<'_>,
        client: &Client,
    ) -> Result<Shown, FactorRefusal> {
        let judged = match showing {
            FactorResponse::Code(typed) => {
                self.second_step.factors.judge_code(&person.id, typed).await.map_err(FactorRefusal::from)
            }
            FactorResponse::Passkey { site, browser, answer } => {
                self.verify_passkey(person, site, browser, answer).await
            }
        };
        match &judged {
            Ok(shown) => self.audit.record(client, &Event::SecondFactorShown { person, factor: shown.word() }),
            Err(refusal) => {
                if matches!(refusal, FactorRefusal::Code(CodeRefusal::Sealed)) {
                    tracing::error!(
                        person = %person.id,
                        "the seed of an authenticator app cannot be unsealed, as the secret key is another than when it was \
                         set up: put the old one back, or reset this person's second factors"
                    );
                }
                let (reason, retry_after) = (refusal.word(), refusal.retry_after());
                self.audit.record(client, &Event::SecondFactorRefused { person, reason, retry_after });
            }
        }
        judged
    }

    async fn verify_passkey(
        &self,
        person: &Person,
        site: &PasskeySite,
        browser: &[u8],
        answer: PasskeyAnswer<'_>,
    ) -> Result<Shown, FactorRefusal> {
        let owner = self.second_step.factors.judge_passkey(site, browser, answer).await?;
        if owner.id == person.id { Ok(Shown::Passkey) } else { Err(FactorRefusal::WrongOwner) }
    }
}
