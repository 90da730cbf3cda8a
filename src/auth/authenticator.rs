use super::scheme::{AuthError, AuthRequest, AuthScheme, split_scheme};
use super::schemes::{self, SchemeParts};
use super::{CredentialWatch, Rejection, proof_kind};
use crate::audit::{Audit, AuditEvent};
use crate::domain::{Credential, Member, Visitor};
use crate::epochs::PersonEpochs;

/// Authenticates requests by the schemes of the registry.
///
/// The first scheme that recognizes a request decides: credentials in the `Authorization` header before the cookie, so that
/// whoever sends a wrong password is told, and never somebody else by the cookie beside it. A header of no known scheme decides
/// nothing: corporate browsers send one unasked (Negotiate). Where nothing else proves who asks, whoever is no browser with a
/// page is told of it.
pub struct Authenticator {
    schemes: Vec<Box<dyn AuthScheme>>,
    audit: Audit,
    epochs: PersonEpochs,
}

impl Authenticator {
    /// Creates it with all schemes that the settings allow.
    pub fn new(parts: &SchemeParts<'_>) -> Self {
        Self { schemes: schemes::open(parts), audit: parts.auth.audit().clone(), epochs: parts.auth.epochs.clone() }
    }

    /// The visitor who made the request. [`Visitor::Unconfirmed`] when the directory could not be asked about them for too
    /// long.
    ///
    /// # Errors
    /// An [`AuthError`], as far as a visitor may know it.
    pub async fn authenticate(&self, request: &dyn AuthRequest) -> Result<Visitor, AuthError> {
        let outcome = self.try_authenticate(request).await;
        if let Err(AuthError::Rejected(Rejection { audit_reason: Some(reason), .. })) = outcome {
            self.audit.record(&request.client(), &AuditEvent::AuthorizationRefused { reason });
        }
        outcome
    }

    async fn try_authenticate(&self, request: &dyn AuthRequest) -> Result<Visitor, AuthError> {
        let headers = request.headers("Authorization");
        if headers.len() > 1 {
            // Whichever was meant, the other must not count.
            return Err(Rejection::unreadable("There is more than one Authorization header, and only one can count").into());
        }
        let visitor = match self.schemes.iter().find(|scheme| scheme.recognizes(request)) {
            Some(scheme) => scheme.authenticate(request).await?,
            None => Visitor::Anonymous,
        };
        match (headers.first(), &visitor) {
            (Some(header), Visitor::Anonymous) if !request.is_of_page() => Err(unrecognized(header).into()),
            _ => Ok(visitor),
        }
    }

    /// The challenges for a request without valid credentials (RFC 9110, 15.5.2 wants one with every 401). That of its
    /// `rejection` comes first, in place of the same scheme's usual one.
    pub fn challenges(&self, request: &dyn AuthRequest, rejection: Option<&Rejection>) -> Vec<String> {
        let own = rejection.and_then(|rejection| rejection.challenge.clone());
        let own_word = own.as_deref().map(word).map(str::to_owned);
        let usual = self.schemes.iter().filter_map(|scheme| scheme.challenge(request));
        own.into_iter().chain(usual.filter(|challenge| own_word.as_deref() != Some(word(challenge)))).collect()
    }

    /// Watches what a member's credential rests on, for its end. Must be called within a Tokio runtime.
    pub fn watch(&self, member: &Member) -> CredentialWatch {
        let row = self.schemes.iter().find_map(|scheme| scheme.watch(member));
        let Credential { root, epoch, expires_at, .. } = member.credential;
        let epoch = epoch.map(|made_in| Box::new(self.epochs.watch(&member.person.id, proof_kind(root), made_in)));
        CredentialWatch { row, epoch, expires_at }
    }
}

/// The rejection of a header that no scheme recognizes.
fn unrecognized(header: &str) -> Rejection {
    Rejection::unreadable(match split_scheme(header) {
        Some(_) => "The Authorization header has a scheme that is not known here: use Basic or Bearer",
        None => "The Authorization header cannot be read",
    })
}

/// The scheme of a challenge.
fn word(challenge: &str) -> &str {
    challenge.split(' ').next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
