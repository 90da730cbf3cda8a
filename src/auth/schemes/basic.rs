use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::SchemeParts;
use crate::audit::AuditEvent;
use crate::auth::refused_attempt::AttemptKind;
use crate::auth::scheme::{AuthError, AuthRequest, AuthScheme, REALM, credentials};
use crate::auth::{Auth, Rejection, SignInRefusal, timing_floor};
use crate::domain::{Client, Member, Person, PersonEpoch, Visitor};

/// Basic authentication (RFC 7617): a name and a password with every request, under the limits and the timing floor of the
/// sign-in form.
struct Basic {
    auth: Arc<Auth>,
    enabled: bool,
    /// How long a live connection goes on, without the password being sent again.
    connection_lifetime: Duration,
    /// How long something lasts at most that was made from a password: that, or the memory of it.
    proof_lifetime: Duration,
    /// Where names are not asked for.
    metrics_path: String,
}

pub(super) fn scheme(parts: &SchemeParts<'_>) -> Box<dyn AuthScheme> {
    let (enabled, connection_lifetime) = (parts.settings.basic.enabled, parts.settings.sessions.refresh);
    let proof_lifetime = connection_lifetime.max(parts.settings.basic.remember);
    let metrics_path = parts.metrics_path.clone();
    Box::new(Basic { auth: Arc::clone(parts.auth), enabled, connection_lifetime, proof_lifetime, metrics_path })
}

#[async_trait]
impl AuthScheme for Basic {
    /// Also where it is turned off: whoever sends a password is told so.
    fn recognizes(&self, request: &dyn AuthRequest) -> bool {
        credentials(request, "Basic").is_some()
    }

    /// Not enough for somebody with a second factor: a script cannot show it, and a token made by a session that did
    /// carries it.
    async fn authenticate(&self, request: &dyn AuthRequest) -> Result<Visitor, AuthError> {
        if !self.enabled {
            let message = "names and passwords are not taken here: use an API token";
            return Err(Rejection::new("not-taken", message).audited("not-taken").into());
        }
        let sent = credentials(request, "Basic").and_then(parse);
        let (username, password) = sent.ok_or(Rejection::unreadable("The Authorization header cannot be read"))?;
        let (client, begun) = (request.client(), self.auth.clock.now());
        let verified = self.verify(&username, password, &client).await;
        if verified.is_err() {
            timing_floor::wait(&*self.auth.clock, begun).await;
        }
        let (person, epoch) = verified?;
        if self.auth.needs_second_factor(&person.id).await? {
            let message = "a name and a password are not enough for an account with a second factor: use an API token, \
                           which you make on your account page";
            return Err(Rejection::new("second-factor", message).audited("second-factor").into());
        }
        let now = self.auth.clock.now();
        let revalidation = self.auth.directory.revalidation(&person);
        self.auth.password_subjects.extend(&person, revalidation, now + self.proof_lifetime).await?;
        Ok(Member::per_request(person, now + self.connection_lifetime, epoch).into())
    }

    fn challenge(&self, request: &dyn AuthRequest) -> Option<String> {
        let is_offered = self.enabled && !request.is_browser() && request.path() != self.metrics_path;
        is_offered.then(|| format!("Basic realm=\"{REALM}\", charset=\"UTF-8\""))
    }
}

impl Basic {
    /// Verifies a name and a password; the directory is asked once, or not at all when they are in the credential cache.
    async fn verify(
        &self,
        username: &str,
        password: Zeroizing<String>,
        client: &Client,
    ) -> Result<(Person, PersonEpoch), SignInRefusal> {
        let auth = &*self.auth;
        let (name, password) = auth.parse_credentials(username, password, client)?;
        let tag = auth.keys().credential_tag(&name, &password);
        if let Some(remembered) = auth.remembered(&tag) {
            return Ok(remembered);
        }
        let epoch = auth.epochs.current().await?;
        let permit = auth.admit(AttemptKind::SignIn, &name, Some(&password), client).await?;
        // Many requests of one client come at once: those that waited for the first need not ask again.
        if let Some(remembered) = auth.remembered(&tag) {
            permit.cancel();
            return Ok(remembered);
        }
        let person = auth.authenticate(AttemptKind::SignIn, &name, &password, permit, client).await?;
        let epoch = auth.record_password(&person, epoch).await?;
        auth.audit.record(client, &AuditEvent::PasswordAccepted { person: &person });
        auth.confirm_tokens_of(&person).await;
        auth.credential_cache.insert(tag, &person, epoch);
        auth.password_subjects.insert(&person, auth.directory.revalidation(&person), auth.clock.now()).await?;
        Ok((person, epoch))
    }
}

impl From<SignInRefusal> for AuthError {
    fn from(refusal: SignInRefusal) -> Self {
        match refusal {
            SignInRefusal::Store(error) => error.into(),
            SignInRefusal::Busy => Self::Unavailable(refusal.to_string()),
            SignInRefusal::DirectoryUnreachable(unreachable) => Self::Unavailable(unreachable.to_string()),
            SignInRefusal::WrongCredentials => {
                let message = "the name and password did not match; after several wrong tries a name has to wait";
                Rejection::new("wrong-credentials", message).into()
            }
            SignInRefusal::Throttled { retry_after, .. } => {
                let seconds = retry_after.as_millis().div_ceil(1000);
                let message =
                    format!("too many wrong tries; the next one is heard in {seconds} s; the account is not locked by this");
                Rejection::new("too-many-tries", message).into()
            }
            refusal => Rejection::new("account-refused", refusal.to_string()).into(),
        }
    }
}

/// Parses `base64(name:password)`, in UTF-8; the first colon ends the name (RFC 7617, 2).
pub(in crate::auth) fn parse(value: &str) -> Option<(String, Zeroizing<String>)> {
    let decoded = Zeroizing::new(STANDARD.decode(value).ok()?);
    let (username, password) = str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((username.to_owned(), Zeroizing::new(password.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_password_are_read_as_they_were_meant() {
        let read = |value: &str| parse(value).map(|(name, password)| (name, password.to_string()));
        let pair = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
        // RFC 7617, 2 and 2.1.
        assert_eq!(read("QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), pair("Aladdin", "open sesame"));
        assert_eq!(read("dGVzdDoxMjPCow=="), pair("test", "123£"));
        let of = |text: &str| read(&STANDARD.encode(text));
        assert_eq!(of("alice:a:b: "), pair("alice", "a:b: "));
        assert_eq!(of(":"), pair("", ""));
        assert_eq!(of("CORP\\jürgen:pässwörd"), pair("CORP\\jürgen", "pässwörd"));
    }

    #[test]
    fn what_is_garbled_is_no_name_and_password() {
        let latin_1 = STANDARD.encode(b"test:123\xa3");
        for wrong in ["", "!", "QWxhZGRpbg==", "QWxhZGRpbjpv cGVu", &latin_1] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }
}
