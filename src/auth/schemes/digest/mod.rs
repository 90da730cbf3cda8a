//! Digest authentication (RFC 7616) for local accounts that opted in: for devices that can do nothing better.
//!
//! SHA-256 and `qop=auth` only. A nonce carries an HMAC over its time (`nonce`), so strangers cost no memory; each
//! nonce count is good once. In place of a password the store has the encrypted HA1 (`credentials`). A wrong response
//! counts like a wrong password, in the same throttle. People of a directory never use Digest: it would need their
//! passwords.

mod credentials;
mod header;
mod nonce;
mod postgres;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::accounts::{AccountName, LocalAccount, LocalAccounts};
use crate::audit::AuditEvent;
use crate::auth::refused_attempt::AttemptKind;
use crate::auth::scheme::{AuthError, AuthRequest, AuthScheme, REALM, credentials};
use crate::auth::schemes::SchemeParts;
use crate::auth::throttle::{AttemptFailure, AttemptPermit};
use crate::auth::{Auth, Rejection, SignInRefusal, local, timing_floor};
use crate::directory::{BindCandidate, DirectoryRefusal};
use crate::domain::{Client, Member, PersonEpoch, Realm, Username, Visitor};
use crate::store::StoreError;
use credentials::Ha1;
pub use credentials::{disable, enable};
use header::DigestCredentials;
use nonce::{NonceCheck, Nonces};

/// The Digest authenticator.
struct Digest {
    auth: Arc<Auth>,
    accounts: LocalAccounts,
    nonces: Nonces,
    enabled: bool,
    /// How long a live connection goes on, without another response.
    connection_lifetime: Duration,
}

/// Why a Digest authentication was refused.
enum DigestError {
    /// The name or password is wrong, or the account lets nobody in, or there were too many failures: all alike.
    Wrong,
    /// The nonce is too old, or this count of it was used before: the same password with a new nonce may succeed.
    Stale,
    /// The store could not be asked: this says nothing about the credentials.
    Store(StoreError),
}

pub(super) fn scheme(parts: &SchemeParts<'_>) -> Box<dyn AuthScheme> {
    let SchemeParts { auth, accounts, settings, .. } = *parts;
    Box::new(Digest {
        auth: Arc::clone(auth),
        accounts: accounts.clone(),
        nonces: match &auth.short_lived {
            Some(store) => Nonces::shared(Arc::clone(&auth.clock), store.clone()),
            None => Nonces::new(Arc::clone(&auth.clock)),
        },
        enabled: settings.digest.enabled,
        connection_lifetime: settings.sessions.refresh,
    })
}

#[async_trait]
impl AuthScheme for Digest {
    fn recognizes(&self, request: &dyn AuthRequest) -> bool {
        self.enabled && credentials(request, "Digest").is_some()
    }

    /// A refusal is delayed like one of a sign-in, and comes with another nonce.
    async fn authenticate(&self, request: &dyn AuthRequest) -> Result<Visitor, AuthError> {
        let begun = self.auth.clock.now();
        match self.try_authenticate(request, &request.client()).await {
            Ok(member) => Ok(member.into()),
            Err(DigestError::Wrong) => {
                timing_floor::wait(&*self.auth.clock, begun).await;
                Err(Rejection::continue_with(self.new_challenge("")).into())
            }
            Err(DigestError::Stale) => Err(Rejection::continue_with(self.new_challenge(", stale=true")).into()),
            Err(DigestError::Store(error)) => Err(error.into()),
        }
    }

    fn challenge(&self, request: &dyn AuthRequest) -> Option<String> {
        if self.enabled && !request.is_browser() { self.new_challenge("") } else { None }
    }
}

impl Digest {
    /// A challenge with a new nonce; `stale` tells that only the nonce was out of date, so that a device tries again by
    /// itself. `None` when the system has no randomness to give.
    fn new_challenge(&self, stale: &str) -> Option<String> {
        let nonce = self.nonces.generate(self.auth.keys());
        let nonce = nonce.inspect_err(|error| tracing::error!(%error, "nobody can be asked for Digest")).ok()?;
        Some(format!("Digest realm=\"{REALM}\", qop=\"auth\", algorithm=SHA-256, nonce=\"{nonce}\", charset=UTF-8{stale}"))
    }

    async fn try_authenticate(&self, request: &dyn AuthRequest, client: &Client) -> Result<Member, DigestError> {
        let sent = credentials(request, "Digest").and_then(DigestCredentials::parse).ok_or(DigestError::Wrong)?;
        // A response over another target is one for another request.
        if sent.realm != REALM || !is_target(&sent.uri, request) {
            return Err(DigestError::Wrong);
        }
        let checked = self.nonces.validate(&sent.nonce, self.auth.keys()).await.map_err(DigestError::Store)?;
        let NonceCheck::Valid(nonce) = checked else {
            return Err(DigestError::Stale);
        };
        let name = Username::parse(&format!("{}\\{}", Realm::LOCAL, sent.username));
        let name = name.map_err(|_no_account_has_such_a_name| DigestError::Wrong)?;
        let epoch = self.auth.epochs.current().await.map_err(DigestError::Store)?;
        let permit = self.auth.admit(AttemptKind::SignIn, &name, None, client).await.map_err(to_refusal)?;
        let (account, ha1) = match self.find_account(&sent.username).await {
            Ok(found) => found,
            Err(error) => {
                permit.cancel();
                return Err(DigestError::Store(error));
            }
        };
        if let Some(account) = &account
            && let Err(denial) = permit.identify(&candidate(account)).await
        {
            permit.deny(&denial);
            return Err(to_refusal(self.auth.refuse_attempt(AttemptKind::SignIn, denial, &name, client)));
        }
        // An unknown name is compared with a dummy, so that its time reveals nothing.
        let is_right = ha1.unwrap_or_else(Ha1::dummy).verify_response(&sent, request.method()) && account.is_some();
        let failure = if account.is_some() { AttemptFailure::Wrong } else { AttemptFailure::NoSuchName };
        let is_unused = if is_right { self.nonces.consume(&nonce, sent.nonce_count).await } else { Ok(true) };
        if !matches!(is_unused, Ok(true)) {
            permit.cancel();
            return Err(is_unused.map_or_else(DigestError::Store, |_| DigestError::Stale));
        }
        let Some(account) = account.filter(|_| is_right) else {
            permit.fail(failure);
            self.auth.flush_failed_attempts().await;
            return Err(to_refusal(self.auth.refuse(AttemptKind::SignIn, DirectoryRefusal::WrongCredentials, &name, client)));
        };
        self.record_outcome(account, epoch, permit, &name, client).await
    }

    /// Settles the permit of a right response, and gives the member.
    async fn record_outcome(
        &self,
        account: LocalAccount,
        epoch: PersonEpoch,
        permit: AttemptPermit<'_>,
        name: &Username,
        client: &Client,
    ) -> Result<Member, DigestError> {
        if let Some(inactive) = account.inactive_reason(self.auth.clock.now()) {
            permit.decline();
            return Err(to_refusal(self.auth.refuse(AttemptKind::SignIn, DirectoryRefusal::from(inactive), name, client)));
        }
        let person = account.person();
        // A right response alone is not enough for somebody with a second factor: they make an API token.
        let needs_factor = match self.auth.needs_second_factor(&person.id).await {
            Ok(needs_factor) => needs_factor,
            Err(error) => {
                permit.decline();
                return Err(DigestError::Store(error));
            }
        };
        if needs_factor {
            permit.decline();
            let (name, reason) = (name.as_str(), "second-factor");
            let event = AuditEvent::SignInRefused { name, reason, directory_code: None, retry_after: None };
            self.auth.audit.record(client, &event);
            return Err(DigestError::Wrong);
        }
        permit.succeed(&person.id, &[]);
        let until = self.auth.clock.now() + self.connection_lifetime;
        let inserted = self.auth.password_subjects.insert(&person, self.auth.directory.revalidation(&person), until).await;
        inserted.map_err(DigestError::Store)?;
        Ok(Member::per_request(person, until, epoch))
    }

    /// The account of this name and its HA1, where it may use Digest.
    async fn find_account(&self, name: &str) -> Result<(Option<LocalAccount>, Option<Ha1>), StoreError> {
        let Ok(name) = name.parse::<AccountName>() else { return Ok((None, None)) };
        let Some(account) = self.accounts.by_name(&name).await?.filter(|account| account.has_digest) else {
            return Ok((None, None));
        };
        let sealed = self.accounts.digest(&account.id).await?;
        let ha1 = sealed.and_then(|sealed| Ha1::open(self.auth.keys(), &account.id, &sealed));
        if ha1.is_none() {
            tracing::warn!(
                account = %account.profile.name,
                "what Digest needs of this account cannot be decrypted, as the secret key has changed: turn it on again \
                 with `belvedere account digest`"
            );
            return Ok((None, None));
        }
        Ok((Some(account), ha1))
    }
}

/// Whether that is the request target (RFC 9112, 3.2.1), path and query as they were sent.
fn is_target(uri: &str, request: &dyn AuthRequest) -> bool {
    let (path, query) = uri.split_once('?').map_or((uri, None), |(path, query)| (path, Some(query)));
    path == request.path() && query == request.query()
}

/// Parses a header, for the fuzz targets in `fuzz/`: the name, the URI and the nonce count.
#[cfg(feature = "fuzzing")]
pub fn parse_for_fuzzing(authorization: &str) -> Option<(String, String, u32)> {
    let (_, value) = crate::auth::scheme::split_scheme(authorization)?;
    DigestCredentials::parse(value).map(|sent| (sent.username, sent.uri, sent.nonce_count))
}

fn candidate(account: &LocalAccount) -> BindCandidate {
    BindCandidate::new(account.id.person_id(), Some(local::NO_LOCKOUT))
}

/// The refusal as the client sees it: all causes but the store's look the same.
fn to_refusal(refusal: SignInRefusal) -> DigestError {
    match refusal {
        SignInRefusal::Store(error) => DigestError::Store(error),
        _ => DigestError::Wrong,
    }
}
