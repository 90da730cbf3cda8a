use std::time::Duration;

use zeroize::Zeroizing;

use super::refusal::audit_reason;
use super::refused_attempt::{AttemptKind, invalid_password_word, invalid_username_word, settle_refused};
use super::sign_in::{Auth, SignedIn};
use super::timing_floor;
use super::verifier_gate::{BindDenial, SentPassword};
use super::{PasswordChangeRefusal, PendingToken, SignInRefusal};
use crate::audit::AuditEvent;
use crate::directory::{ChangeRefusal, PasswordChange, PasswordRule, PasswordState};
use crate::domain::{Client, InvalidPassword, Password, Person, PersonId, Username};
use crate::epochs::RevocationEvent;
use crate::sessions::SessionToken;

/// The typed fields of a password change.
pub struct PasswordChangeRequest {
    /// The current password.
    pub old: Zeroizing<String>,
    /// The new password.
    pub new: Zeroizing<String>,
    /// The new password once more.
    pub new_repeated: Zeroizing<String>,
}

/// The outcome of a changed password.
#[derive(Debug)]
pub struct PasswordChanged {
    /// The owner's new session; `None` when the directory or the store failed after the change, and they must sign in
    /// themselves.
    pub signed_in: Option<SignedIn>,
    /// The token of the pending sign-in, where they have a second factor: they are signed in only after it.
    pub second_factor: Option<PendingToken>,
    /// Whether all their other sessions have ended. If not, the log says why.
    pub others_ended: bool,
}

impl Auth {
    /// Whether the password of `username` can be changed here when it is in this state, as far as is known.
    pub fn changes_passwords(&self, username: &str, state: PasswordState) -> bool {
        Username::parse(username).is_ok_and(|name| self.directory.can_change_password(&name, state))
    }

    /// The name under which a member can change their password here; `None` where they cannot.
    pub fn password_change_name(&self, person: &Person) -> Option<Username> {
        let name = self.directory.sign_in_name(person)?;
        self.directory.can_change_password(&name, PasswordState::Good).then_some(name)
    }

    /// The time until the person's password expires, when that is short enough for a warning; zero when it has expired.
    pub fn password_expires_in(&self, person: &Person) -> Option<Duration> {
        let warning = self.directory.password_warning(person);
        let left = person.password_expires?.since(self.clock.now());
        (!warning.is_zero() && left <= warning).then_some(left)
    }

    /// Changes a password, ends all that its owner had proved before, and signs them in with the new one: a fresh session for
    /// this browser, whose `previous` token is good no more.
    ///
    /// The old password is tried once, under the same limits as at a sign-in, and not at all when the new one cannot
    /// be one. A refusal is delayed like one of a sign-in.
    ///
    /// # Errors
    /// A [`PasswordChangeRefusal`]; the password is what it was, unless the directory did not answer after it was sent.
    pub async fn change_password(
        &self,
        username: &str,
        request: PasswordChangeRequest,
        client: &Client,
        previous: Option<&SessionToken>,
    ) -> Result<PasswordChanged, PasswordChangeRefusal> {
        let begun = self.clock.now();
        let (name, new, person) = match self.try_change(username, request, client).await {
            Ok(changed) => changed,
            Err(refusal) => {
                timing_floor::wait(&*self.clock, begun).await;
                return Err(refusal);
            }
        };
        let revoked = self.revoke(&person, RevocationEvent::PasswordChanged, None).await;
        let others_ended = match revoked {
            Ok(ended) => {
                self.audit_revoked(&ended, client);
                true
            }
            Err(error) => {
                tracing::error!(%error, %person, "a password was changed, but what the one before had opened could not be ended");
                false
            }
        };
        let signed_in = self.sign_in_parsed(&name, &new, false, client, previous).await;
        if let Err(SignInRefusal::Store(error)) = &signed_in {
            tracing::error!(%error, "a password was changed, but its owner's new session could not be kept");
        }
        let (signed_in, second_factor) = match signed_in {
            Ok(signed_in) => (Some(signed_in), None),
            Err(SignInRefusal::SecondFactorFirst(pending)) => (None, Some(pending)),
            Err(_) => (None, None),
        };
        Ok(PasswordChanged { signed_in, second_factor, others_ended })
    }

    async fn try_change(
        &self,
        username: &str,
        request: PasswordChangeRequest,
        client: &Client,
    ) -> Result<(Username, Password, PersonId), PasswordChangeRefusal> {
        let (name, change) = parse_change(username, request).map_err(|(refusal, reason)| {
            let event = AuditEvent::PasswordChangeRefused { name: username, reason, directory_code: None, retry_after: None };
            self.audit.record(client, &event);
            refusal
        })?;
        let permit = self.admit(AttemptKind::PasswordChange, &name, Some(&change.old), client).await?;
        let Ok(gate) = self.enter(&name, client, &permit).await else {
            permit.cancel();
            return Err(self.refuse_denied(AttemptKind::PasswordChange, BindDenial::Busy, &name, client).into());
        };
        let result = self.directory.change_password(&name, &change, &gate).await;
        let (sent, denial) = (gate.sent_password(), gate.into_denial());
        let refusal = match result {
            Ok(person) => {
                permit.succeed(&person, &[]);
                self.flush_failed_attempts().await;
                self.audit.record(client, &AuditEvent::PasswordChanged { name: name.as_str(), person: &person });
                return Ok((name, change.new, person));
            }
            Err(refusal) => refusal,
        };
        if let Some(denial) = denial {
            denial.settle(permit);
            self.flush_failed_attempts().await;
            return Err(self.refuse_denied(AttemptKind::PasswordChange, denial, &name, client).into());
        }
        match &refusal {
            ChangeRefusal::OldPassword(refusal) => settle_refused(permit, refusal, sent),
            // The old password was right.
            _ if sent != SentPassword::NotSent => permit.decline(),
            _ => permit.cancel(),
        }
        self.flush_failed_attempts().await;
        Err(self.refuse_change(refusal, &name, client))
    }

    fn refuse_change(&self, refusal: ChangeRefusal, name: &Username, client: &Client) -> PasswordChangeRefusal {
        let (reason, directory_code) = match &refusal {
            ChangeRefusal::OldPassword(refusal) => audit_reason(refusal),
            ChangeRefusal::Policy { rule, .. } => (rule.map_or("policy", rule_word), None),
            ChangeRefusal::NotHere { .. } => ("not-here", None),
            ChangeRefusal::Unanswered { .. } => ("directory-silent", None),
        };
        let event = AuditEvent::PasswordChangeRefused { name: name.as_str(), reason, directory_code, retry_after: None };
        self.audit.record(client, &event);
        refusal.into()
    }
}

/// Parses the typed fields; malformed ones are refused before the directory is asked, with the word for the audit.
fn parse_change(
    username: &str,
    mut request: PasswordChangeRequest,
) -> Result<(Username, PasswordChange), (PasswordChangeRefusal, &'static str)> {
    let wrong = |word| (SignInRefusal::WrongCredentials.into(), word);
    let name = Username::parse(username).map_err(|invalid| wrong(invalid_username_word(invalid)))?;
    if request.new.is_empty() {
        return Err((PasswordChangeRefusal::NewEmpty, "new-empty"));
    }
    if request.new != request.new_repeated {
        return Err((PasswordChangeRefusal::NotRepeated, "new-not-repeated"));
    }
    if request.new == request.old {
        return Err((PasswordChangeRefusal::Unchanged, "new-is-old"));
    }
    // Moved, not copied: no second copy is left behind.
    let old = Password::parse(std::mem::take(&mut *request.old)).map_err(|invalid| wrong(invalid_password_word(invalid)))?;
    let new = Password::parse(std::mem::take(&mut *request.new)).map_err(|invalid| match invalid {
        InvalidPassword::Empty => (PasswordChangeRefusal::NewEmpty, "new-empty"),
        InvalidPassword::TooLong => (PasswordChangeRefusal::NotAPassword, "new-too-long"),
        InvalidPassword::Nul => (PasswordChangeRefusal::NotAPassword, "new-with-nul"),
    })?;
    Ok((name, PasswordChange { old, new }))
}

fn rule_word(rule: PasswordRule) -> &'static str {
    match rule {
        PasswordRule::TooShort => "too-short",
        PasswordRule::TooLong => "too-long",
        PasswordRule::TooSimple => "too-simple",
        PasswordRule::InHistory => "in-history",
        PasswordRule::TooYoung => "too-young",
    }
}

#[cfg(test)]
mod tests;
