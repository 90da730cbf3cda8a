use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::bind_gate::{BindCandidate, BindGate};
use super::bind_result;
use super::policy_control::PasswordPolicyResponse;
use crate::directory::connection::{
    DirectoryProfile, LdapConnection, OperationFault, OperationKind, PASSWORD_POLICY_CONTROL, PasswordFate,
};
use crate::domain::Password;

/// The least time left for an answer: with less, a password is not sent.
const MIN_ANSWER_TIME: Duration = Duration::from_millis(100);

/// A person's password that can be sent once. It is spent by the bind, whatever comes of it, over all servers: one
/// failed sign-in must never count twice against the directory's lockout threshold.
pub(in crate::directory) struct SingleUsePassword<'a> {
    password: Option<&'a Password>,
    fate: PasswordFate,
    gate: &'a dyn BindGate,
    /// The time until the password expires, by the bind's answer.
    pub(super) expires_in: Option<Duration>,
}

impl<'a> SingleUsePassword<'a> {
    pub(in crate::directory) fn new(password: &'a Password, gate: &'a dyn BindGate) -> Self {
        Self { password: Some(password), fate: PasswordFate::NotSent, gate, expires_in: None }
    }

    /// The gate that lets it be sent.
    pub(super) fn gate(&self) -> &dyn BindGate {
        self.gate
    }

    /// Its fate so far.
    pub(in crate::directory) fn fate(&self) -> PasswordFate {
        self.fate
    }

    /// Records that the server answered what it was sent with.
    fn record_answer(&mut self) {
        self.fate = PasswordFate::Answered;
    }

    /// Takes the password to send it, if the gate allows it.
    async fn take(
        &mut self,
        operation: OperationKind,
        candidate: Option<&BindCandidate>,
        by: Option<Instant>,
    ) -> Result<&'a Password, OperationFault> {
        let Some(password) = self.password else {
            return Err(OperationFault::unreachable(operation, "the password was sent before, and is not sent twice"));
        };
        let too_late = || OperationFault::unreachable(operation, "other tries for this account took all the time there was");
        let permission = self.gate.allow_bind(candidate);
        let permission = match by {
            Some(by) => timeout_at(by, permission).await.map_err(|_| too_late())?,
            None => permission.await,
        };
        permission.map_err(|denied| OperationFault::refused(operation, denied.into()))?;
        // Sent without time for an answer it might be judged, and nobody would hear.
        if by.is_some_and(|by| Instant::now() + MIN_ANSWER_TIME > by) {
            return Err(too_late());
        }
        self.password = None;
        self.fate = PasswordFate::Unanswered;
        Ok(password)
    }

    /// Binds as `name`, once. `candidate` is the person, where it is known before.
    pub(in crate::directory) async fn bind(
        &mut self,
        profile: &DirectoryProfile,
        connection: &mut LdapConnection,
        name: &str,
        candidate: Option<&BindCandidate>,
    ) -> Result<(), OperationFault> {
        let judge = connection.server().map(|server| server.address.to_string());
        let candidate = candidate.map(|candidate| BindCandidate { judge, ..candidate.clone() });
        let password = self.take(OperationKind::Bind, candidate.as_ref(), connection.deadline()).await?;
        let control = profile.password_capabilities.supports_policy_control.then_some(PASSWORD_POLICY_CONTROL);
        let result = connection.bind(OperationKind::Bind, name, password, control).await?;
        self.record_answer();
        self.expires_in = PasswordPolicyResponse::read(&result.ctrls).expires_in;
        bind_result::judge_bind(profile.kind(), &result)?;
        self.gate.record_acceptance();
        Ok(())
    }
}
