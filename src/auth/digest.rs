//! Digest authentication (RFC 7616) for local accounts that opted in: for devices that can do nothing better.
//!
//! SHA-256 and `qop=auth` only. A nonce carries an HMAC over its time (`nonce`), so strangers cost no memory; each
//! nonce count is good once. In place of a password the store has the encrypted HA1 (`credentials`). A wrong response
//! counts like a wrong password, in the same throttle. People of a directory never use Digest: it would need their
//! passwords.

mod credentials;
mod header;
mod nonce;

use std::sync::Arc;

use super::SignInRefusal;
use super::sign_in::{AttemptKind, Auth};
use super::throttle::AttemptPermit;
use super::timing_floor;
use crate::accounts::{AccountId, AccountName, LocalAccount, LocalAccounts};
use crate::audit::AuditEvent;
use crate::directory::{BindCandidate, DirectoryRefusal};
use crate::domain::{Client, Credential, DirectoryName, Member, Scope, Username};
use crate::store::StoreError;
use credentials::Ha1;
pub use credentials::{disable, enable};
use header::DigestCredentials;
use nonce::{NonceCheck, Nonces};

/// The realm. It is part of every stored HA1, so it never changes.
const REALM: &str = "Belvedere";

/// The Digest authenticator.
pub struct DigestAuth {
    auth: Arc<Auth>,
    accounts: LocalAccounts,
    nonces: Nonces,
}

/// The parts of a request that a Digest response is computed over.
#[derive(Clone, Copy, Debug)]
pub struct DigestRequest<'r> {
    /// `GET`.
    pub method: &'r str,
    /// The request target as it was sent, path and query (RFC 9112, 3.2.1).
    pub target: &'r str,
    /// The value of `Authorization`, scheme included.
    pub authorization: &'r str,
}

/// Why a Digest authentication was refused.
#[derive(Debug, thiserror::Error)]
pub enum DigestRefusal {
    /// The name or password is wrong, or the account lets nobody in, or there were too many failures: all alike.
    #[error("the name and password do not match")]
    Wrong,
    /// The nonce is too old, or this count of it was used before: the same password with a new nonce may succeed.
    #[error("the nonce is stale")]
    Stale,
    /// The store could not be asked: this says nothing about the credentials.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl DigestAuth {
    /// Creates it for `accounts`, under the limits of `auth`.
    pub fn new(auth: Arc<Auth>, accounts: LocalAccounts) -> Self {
        let nonces = Nonces::new(Arc::clone(&auth.clock));
        Self { auth, accounts, nonces }
    }

    /// Whether a value of `Authorization` has the scheme Digest.
    pub fn is_digest(authorization: &str) -> bool {
        header::strip_scheme(authorization).is_some()
    }

    /// The value of `WWW-Authenticate` for an unauthenticated request. `stale` tells that only the nonce was out of
    /// date, so that a device tries again by itself.
    ///
    /// # Errors
    /// [`StoreError::NoRandomness`] when the system has none to give.
    pub fn challenge(&self, stale: bool) -> Result<String, StoreError> {
        let nonce = self.nonces.generate(self.auth.keys())?;
        let stale = if stale { ", stale=true" } else { "" };
        Ok(format!("Digest realm=\"{REALM}\", qop=\"auth\", algorithm=SHA-256, nonce=\"{nonce}\", charset=UTF-8{stale}"))
    }

    /// Authenticates a request. A refusal is delayed like one of a sign-in.
    ///
    /// # Errors
    /// [`DigestRefusal`].
    pub async fn authenticate(&self, request: DigestRequest<'_>, client: &Client) -> Result<Member, DigestRefusal> {
        let begun = self.auth.clock.now();
        let outcome = self.try_authenticate(request, client).await;
        if matches!(outcome, Err(DigestRefusal::Wrong)) {
            timing_floor::wait(&*self.auth.clock, begun).await;
        }
        outcome
    }

    async fn try_authenticate(&self, request: DigestRequest<'_>, client: &Client) -> Result<Member, DigestRefusal> {
        let sent = DigestCredentials::parse(request.authorization).ok_or(DigestRefusal::Wrong)?;
        // A response over another target is one for another request.
        if sent.realm != REALM || sent.uri != request.target {
            return Err(DigestRefusal::Wrong);
        }
        let NonceCheck::Valid(nonce) = self.nonces.validate(&sent.nonce, self.auth.keys()) else {
            return Err(DigestRefusal::Stale);
        };
        let name = Username::parse(&format!("{}\\{}", DirectoryName::LOCAL, sent.username));
        let name = name.map_err(|_no_account_has_such_a_name| DigestRefusal::Wrong)?;
        let permit = self.auth.admit(AttemptKind::SignIn, &name, client).await.map_err(to_refusal)?;
        let (account, ha1) = match self.find_account(&sent.username).await {
            Ok(found) => found,
            Err(error) => {
                permit.cancel();
                return Err(error.into());
            }
        };
        if let Some(account) = &account
            && let Err(denial) = permit.identify(&candidate(account)).await
        {
            permit.deny(denial);
            return Err(to_refusal(self.auth.refuse_throttled(AttemptKind::SignIn, denial, &name, client)));
        }
        // An unknown name is compared with a dummy, so that its time reveals nothing.
        let is_right = ha1.unwrap_or_else(Ha1::dummy).verify_response(&sent, request.method) && account.is_some();
        let account = account.filter(|_| is_right);
        if is_right && !self.nonces.consume(&nonce, sent.nonce_count) {
            permit.cancel();
            return Err(DigestRefusal::Stale);
        }
        self.record_outcome(account, permit, &name, client).await
    }

    /// Settles the permit by the outcome, and gives the member.
    async fn record_outcome(
        &self,
        account: Option<LocalAccount>,
        permit: AttemptPermit<'_>,
        name: &Username,
        client: &Client,
    ) -> Result<Member, DigestRefusal> {
        let inactive = account.as_ref().and_then(|account| account.inactive_reason(self.auth.clock.now()));
        match (account, inactive) {
            (Some(account), None) => {
                let person = account.person();
                // A right response alone is not enough for somebody with a second factor: they make an API token.
                if self.auth.needs_second_factor(&person.id).await? {
                    permit.decline();
                    let (name, reason) = (name.as_str(), "second-factor");
                    let event = AuditEvent::SignInRefused { name, reason, directory_code: None, retry_after: None };
                    self.auth.audit.record(client, &event);
                    return Err(DigestRefusal::Wrong);
                }
                permit.succeed(&person.id);
                Ok(Member { person, credential: Credential::Password, scope: Scope::Unrestricted, second_factor_until: None })
            }
            (Some(_), Some(inactive)) => {
                permit.decline();
                Err(to_refusal(self.auth.refuse(AttemptKind::SignIn, DirectoryRefusal::from(inactive), name, client)))
            }
            (None, _) => {
                // Dropping the permit counts a failure.
                drop(permit);
                Err(to_refusal(self.auth.refuse(AttemptKind::SignIn, DirectoryRefusal::WrongCredentials, name, client)))
            }
        }
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

/// Parses a header, for the fuzz targets in `fuzz/`: the name, the URI and the nonce count.
#[cfg(feature = "fuzzing")]
pub fn parse_for_fuzzing(authorization: &str) -> Option<(String, String, u32)> {
    DigestCredentials::parse(authorization).map(|sent| (sent.username, sent.uri, sent.nonce_count))
}

fn candidate(account: &LocalAccount) -> BindCandidate {
    BindCandidate { id: AccountId::person_id(&account.id), policy: Some(super::local::NO_LOCKOUT), failures: None }
}

/// The refusal as the client sees it: all causes but the store's look the same.
fn to_refusal(refusal: SignInRefusal) -> DigestRefusal {
    match refusal {
        SignInRefusal::Store(error) => DigestRefusal::Store(error),
        _ => DigestRefusal::Wrong,
    }
}
