use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::credential_cache::{CredentialCache, CredentialTag};
use super::password_subjects::PasswordSubjects;
use super::refused_attempt::{AttemptKind, invalid_password_word, invalid_username_word, settle_refused};
use super::sign_in_gates::{PasswordVerifier, SignInGates};
use super::throttle::{AttemptPermit, DeviceCookie, DeviceProof, Release, Throttle, ThrottleStore};
use super::timing_floor;
use super::verifier_gate::{BindDenial, VerifierGate};
use super::{Keys, SecondStep, ShortLivedStore, SignInRefusal};
use crate::audit::{Audit, AuditEvent};
use crate::directory::{Directory, Unreachable};
use crate::domain::{
    Client, Clock, EndReason, GateBusy, GateHolder, GatePlace, Member, Network, Password, Person, PersonEpoch, PersonId,
    PrincipalName, Username, Visitor,
};
use crate::epochs::{Bump, PersonEpochs, ProofKind};
use crate::sessions::{Session, SessionLookup, SessionOptions, SessionToken, Sessions};
use crate::store::StoreError;
use crate::tokens::Tokens;

/// Signs people in and out, and identifies visitors by their session tokens.
pub struct Auth {
    pub(super) directory: Arc<dyn Directory>,
    pub(super) sessions: Sessions,
    pub(super) audit: Audit,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) second_step: SecondStep,
    pub(super) credential_cache: CredentialCache,
    pub(super) epochs: PersonEpochs,
    /// The bumps of other processes that were read and are not applied yet. Whoever bumps here has it shared until that is applied, and
    /// whoever wants all to be applied has it alone.
    pub(super) foreign_bumps: tokio::sync::RwLock<Vec<Bump>>,
    pub(super) password_subjects: Arc<PasswordSubjects>,
    pub(super) tokens: Option<Tokens>,
    /// Where all nodes find what requests leave for minutes, where there are several.
    pub(super) short_lived: Option<ShortLivedStore>,
    pub(super) throttle: Throttle,
    gates: SignInGates,
    keys: Arc<Keys>,
}

/// The stores of [`Auth`].
pub struct AuthStores {
    /// The sessions.
    pub sessions: Sessions,
    /// Whose access was ended, and when.
    pub epochs: PersonEpochs,
    /// The failed sign-ins.
    pub failed_attempts: Arc<dyn ThrottleStore>,
}

/// The outcome of a successful sign-in.
#[derive(Debug)]
pub struct SignedIn {
    /// The session token, for the browser's cookie.
    pub token: SessionToken,
    /// The new session.
    pub session: Session,
    /// The browser's new device cookie.
    pub device_cookie: DeviceCookie,
}

impl Auth {
    /// Creates it over these parts, without API tokens.
    pub fn new(
        directory: Arc<dyn Directory>,
        stores: AuthStores,
        second_step: SecondStep,
        audit: Audit,
        clock: Arc<dyn Clock>,
        keys: Keys,
    ) -> Self {
        let AuthStores { sessions, epochs, failed_attempts } = stores;
        let keys = Arc::new(keys);
        let throttle = Throttle::new(clock.clone(), Arc::clone(&keys), failed_attempts);
        let gates = SignInGates::new(&clock);
        let credential_cache = CredentialCache::new(clock.clone(), Duration::ZERO);
        let password_subjects = Arc::new(PasswordSubjects::new(clock.clone()));
        Self {
            directory,
            sessions,
            audit,
            clock,
            second_step,
            credential_cache,
            epochs,
            foreign_bumps: tokio::sync::RwLock::default(),
            password_subjects,
            tokens: None,
            short_lived: None,
            throttle,
            gates,
            keys,
        }
    }

    /// Shares what sign-ins and requests leave for minutes with other nodes.
    #[must_use]
    pub fn with_short_lived(self, store: Option<&ShortLivedStore>) -> Self {
        let Some(store) = store else { return self };
        let second_step = self.second_step.with_short_lived(store);
        let password_subjects = Arc::new(PasswordSubjects::shared(Arc::clone(&self.clock), store));
        Self { second_step, password_subjects, short_lived: Some(store.clone()), ..self }
    }

    /// Forgets the failed sign-ins of a name, and of everybody it may be of, so that they may try again at once.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked: then nothing is forgotten.
    pub async fn release_attempts(&self, username: &Username) -> Result<Release, StoreError> {
        self.throttle.release(username).await
    }

    /// Signs somebody in with what they typed. The directory is asked once, or not at all: when the name or password
    /// cannot be one, or when there were too many failures. `previous` is the token that this browser sent; that
    /// session ends, whoever's it was, so that a token from before a sign-in is never good after it. Whether
    /// `stay_signed_in` is granted is for the settings.
    ///
    /// A refusal is delayed until every kind of refusal takes as long; no permit is held meanwhile.
    ///
    /// # Errors
    /// A [`SignInRefusal`], as far as a visitor may know it.
    pub async fn sign_in(
        &self,
        username: &str,
        password: Zeroizing<String>,
        stay_signed_in: bool,
        client: &Client,
        previous: Option<&SessionToken>,
    ) -> Result<SignedIn, SignInRefusal> {
        let begun = self.clock.now();
        let outcome = match self.parse_credentials(username, password, client) {
            Ok((name, password)) => self.sign_in_parsed(&name, &password, stay_signed_in, client, previous).await,
            Err(refusal) => Err(refusal),
        };
        // Being asked for a second factor is no refusal.
        if outcome.as_ref().is_err_and(|refusal| !matches!(refusal, SignInRefusal::SecondFactorFirst(_))) {
            timing_floor::wait(&*self.clock, begun).await;
        }
        outcome
    }

    /// Signs in with a name and a password that are well formed.
    pub(super) async fn sign_in_parsed(
        &self,
        name: &Username,
        password: &Password,
        stay_signed_in: bool,
        client: &Client,
        previous: Option<&SessionToken>,
    ) -> Result<SignedIn, SignInRefusal> {
        let epoch = self.epochs.current().await?;
        let permit = self.admit(AttemptKind::SignIn, name, Some(password), client).await?;
        let person = self.authenticate(AttemptKind::SignIn, name, password, permit, client).await?;
        let epoch = self.record_password(&person, epoch).await?;
        let options =
            SessionOptions { stay_signed_in, epoch, ..SessionOptions::password_only(self.directory.revalidation(&person)) };
        if self.needs_second_factor(&person.id).await? {
            let pending = self.begin_second_step(name, person, options, client).await?;
            return Err(SignInRefusal::SecondFactorFirst(pending));
        }
        Ok(self.begin_session(name, &person, options, client, previous).await?)
    }

    /// Begins the session of somebody who is fully authenticated, in place of the `previous` one.
    pub(super) async fn begin_session(
        &self,
        name: &Username,
        person: &Person,
        options: SessionOptions,
        client: &Client,
        previous: Option<&SessionToken>,
    ) -> Result<SignedIn, StoreError> {
        self.confirm_tokens_of(person).await;
        if let Some(previous) = previous {
            self.sign_out(previous, client).await;
        }
        let (token, session) = self.sessions.begin(person, client, options).await?;
        self.audit.record(client, &AuditEvent::SignedIn { person, session: session.id });
        // Revoked while it began: whoever did so may not have seen it yet.
        if self.is_revoked(&person.id, ProofKind::Session, options.epoch) {
            self.sessions.end(session.id, EndReason::Revoked).await?;
            self.audit.record(client, &AuditEvent::SessionEnded { person, session: session.id, reason: EndReason::Revoked });
        }
        let device_cookie = self.issue_device_cookie(name, person, DeviceProof::of_session(options.second_factor))?;
        Ok(SignedIn { token, session, device_cookie })
    }

    /// The visitor whose session token a request carries. An invalid token is nobody's; one that could not be confirmed
    /// for too long is its owner's again when the directory answers.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked: not known is not anonymous.
    pub async fn visitor(&self, token: Option<&SessionToken>) -> Result<Visitor, StoreError> {
        let Some(token) = token else { return Ok(Visitor::Anonymous) };
        Ok(match self.sessions.find(token).await? {
            SessionLookup::Valid(session) => {
                let second_factor_until = self.second_factor_until(&session);
                Visitor::from(Member { second_factor_until, ..Member::signed_in(session.id, session.person) })
            }
            SessionLookup::Stale(_) => Visitor::Unconfirmed,
            SessionLookup::NotFound => Visitor::Anonymous,
        })
    }

    /// Ends the session of this token, and its live connections. Nothing happens when it has ended before.
    pub async fn sign_out(&self, token: &SessionToken, client: &Client) {
        if let Some(session) = self.sessions.sign_out(token).await {
            self.audit.record(client, &AuditEvent::SignedOut { person: &session.person, session: session.id });
        }
    }

    /// Brings what this node itself keeps up to date: failed sign-ins, and ends of sessions that could not be written. To be called
    /// every minute or so, by each node.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn sweep_own(&self) -> Result<(), StoreError> {
        self.throttle.sweep().await?;
        self.sessions.write_ends().await
    }

    /// Ends the sessions whose time is over, and writes them into the audit. To be called every minute or so, by one node.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        for session in self.sessions.sweep().await? {
            let event = AuditEvent::SessionEnded { person: &session.person, session: session.id, reason: EndReason::Expired };
            self.audit.record(&session.client, &event);
        }
        Ok(())
    }

    /// The audit log, for the events of other rooms.
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// The keys for CSRF tokens and everything else that is signed or sealed.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Parses a typed name and password. To a visitor, malformed ones look like any other wrong name or password.
    pub(super) fn parse_credentials(
        &self,
        username: &str,
        mut password: Zeroizing<String>,
        client: &Client,
    ) -> Result<(Username, Password), SignInRefusal> {
        // Moved, not copied: no second copy is left behind.
        let password = Password::parse(std::mem::take(&mut *password));
        let reason = match (Username::parse(username), password) {
            (Ok(name), Ok(password)) => return Ok((name, password)),
            (Err(invalid), _) => invalid_username_word(invalid),
            (_, Err(invalid)) => invalid_password_word(invalid),
        };
        let event = AttemptKind::SignIn.refusal_event(username, reason, None, None);
        self.audit.record(client, &event);
        Err(SignInRefusal::WrongCredentials)
    }

    /// The owner of a name and password that were right a short while ago, and the epoch in which they were.
    pub(super) fn remembered(&self, tag: &CredentialTag) -> Option<(Person, PersonEpoch)> {
        let remembered = self.credential_cache.get(tag);
        remembered.filter(|(person, epoch)| !self.is_revoked(&person.id, ProofKind::Password, *epoch))
    }

    /// Asks the throttle for a permit, before the directory is asked.
    pub(super) async fn admit(
        &self,
        attempt: AttemptKind,
        name: &Username,
        password: Option<&Password>,
        client: &Client,
    ) -> Result<AttemptPermit<'_>, SignInRefusal> {
        let (realm, lockout) = (self.directory.realm_of(name), self.directory.lockout_info(name));
        let admitted = self.throttle.admit((name, &realm), password, client, lockout).await;
        match admitted {
            Ok(permit) => Ok(permit),
            Err(denial) => {
                self.throttle.flush().await;
                Err(self.refuse_attempt(attempt, denial, name, client))
            }
        }
    }

    /// A device cookie for the browser in which `person` has just signed in as `name`.
    pub(super) fn issue_device_cookie(
        &self,
        name: &Username,
        person: &Person,
        proof: DeviceProof,
    ) -> Result<DeviceCookie, StoreError> {
        self.throttle.issue_device_cookie(&names_of(person, name), &person.realm, &person.id, proof)
    }

    /// Writes down what has changed of the failed sign-ins.
    pub async fn flush_failed_attempts(&self) {
        self.throttle.flush().await;
    }

    /// Has the directory verify the password, and settles the permit by the outcome.
    pub(super) async fn authenticate(
        &self,
        attempt: AttemptKind,
        name: &Username,
        password: &Password,
        permit: AttemptPermit<'_>,
        client: &Client,
    ) -> Result<Person, SignInRefusal> {
        let Ok(gate) = self.enter(name, client, &permit).await else {
            permit.cancel();
            return Err(self.refuse_denied(attempt, BindDenial::Busy, name, client));
        };
        let result = self.directory.sign_in(name, password, &gate).await;
        let sent = gate.sent_password();
        let denial = gate.into_denial();
        let refusal = match result {
            Ok(person) => {
                permit.succeed(&person.id, &names_of(&person, name));
                self.throttle.flush_if_due().await;
                return Ok(person);
            }
            Err(refusal) => refusal,
        };
        let refusal = if let Some(denial) = denial {
            denial.settle(permit);
            self.refuse_denied(attempt, denial, name, client)
        } else {
            settle_refused(permit, &refusal, sent);
            self.refuse(attempt, refusal, name, client)
        };
        self.throttle.flush().await;
        Err(refusal)
    }

    /// The gate before what verifies the password of this name; strangers have the places of their network.
    ///
    /// # Errors
    /// [`GateBusy`], when there is none, and nothing was asked or computed.
    pub(super) async fn enter<'a>(
        &'a self,
        name: &Username,
        client: &Client,
        permit: &'a AttemptPermit<'a>,
    ) -> Result<VerifierGate<'a>, GateBusy> {
        let familiar = permit.familiar_owner().map(GateHolder::Known);
        let holder = familiar.unwrap_or_else(|| GateHolder::Stranger(Network::narrowest_of(client.address())));
        let is_hashed = self.directory.hashes_password(name);
        let verifier = if is_hashed { PasswordVerifier::Hashing } else { PasswordVerifier::Directory };
        VerifierGate::enter(&self.gates, verifier, holder, permit).await
    }

    /// A place before the directory, for somebody who has proved who they are.
    ///
    /// # Errors
    /// [`Unreachable`], when there is none.
    pub(super) async fn enter_as(&self, person: &PersonId) -> Result<GatePlace<String>, Unreachable> {
        self.gates.enter(PasswordVerifier::Directory, GateHolder::Known(person.to_string())).await.map_err(|GateBusy| {
            let reason = "as many are waiting for its answer as may".to_owned();
            Unreachable::new(reason)
        })
    }
}

/// The names by which somebody signs in: the account's, the principal's, and what they typed.
fn names_of(person: &Person, typed: &Username) -> Vec<Username> {
    let account = person.qualified_name();
    let principal = person.principal.as_ref().map(PrincipalName::as_str);
    let told = [Some(account.as_str()), principal].into_iter().flatten().filter_map(|name| Username::parse(name).ok());
    // What a directory says of somebody is never a local account's name.
    let told = told.filter(|name| name.is_local() == person.realm.is_local());
    told.chain([typed.clone()]).collect()
}

#[cfg(test)]
pub(super) mod tests;
