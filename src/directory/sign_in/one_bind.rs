use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::leave::{Candidate, Leave};
use super::policy_control::PolicyAnswer;
use super::refusal;
use crate::directory::connection::{
    DirectoryProfile, LdapConnection, OperationFault, OperationKind, PASSWORD_POLICY_CONTROL,
};
use crate::domain::Password;

/// A password is not sent when there is less time than this for the answer.
const TIME_FOR_AN_ANSWER: Duration = Duration::from_millis(100);

/// The right to send a person's password once. It is spent by the bind, whatever comes of it, over all servers:
/// one failed sign-in must never count twice against the directory's lockout threshold.
pub(in crate::directory) struct OneBind<'a> {
    password: Option<&'a Password>,
    leave: &'a dyn Leave,
    /// So long is the password good, by the bind's answer.
    pub(super) expires_in: Option<Duration>,
}

impl<'a> OneBind<'a> {
    pub(in crate::directory) fn with(password: &'a Password, leave: &'a dyn Leave) -> Self {
        Self { password: Some(password), leave, expires_in: None }
    }

    pub(in crate::directory) fn is_spent(&self) -> bool {
        self.password.is_none()
    }

    /// The password, with leave to send it this once.
    pub(in crate::directory) async fn release(
        &mut self,
        operation: OperationKind,
        who: Option<&Candidate>,
        by: Option<Instant>,
    ) -> Result<&'a Password, OperationFault> {
        let Some(password) = self.password else {
            return Err(OperationFault::unreachable(operation, "the password was sent before, and is not sent twice"));
        };
        let too_late =
            || OperationFault::unreachable(operation, "other tries for this account took all the time there was");
        let leave = self.leave.to_bind(who);
        let leave = match by {
            Some(by) => timeout_at(by, leave).await.map_err(|_| too_late())?,
            None => leave.await,
        };
        leave.map_err(|withheld| OperationFault::refused(operation, withheld.into()))?;
        // Sent without time for an answer it might be judged, and nobody would hear.
        if by.is_some_and(|by| Instant::now() + TIME_FOR_AN_ANSWER > by) {
            return Err(too_late());
        }
        self.password = None;
        Ok(password)
    }

    /// Binds as `name`, once. `who` that is, where it is known before.
    pub(in crate::directory) async fn spend(
        &mut self,
        profile: &DirectoryProfile,
        connection: &mut LdapConnection,
        name: &str,
        who: Option<&Candidate>,
    ) -> Result<(), OperationFault> {
        let password = self.release(OperationKind::Bind, who, connection.deadline()).await?;
        let control = profile.password_capabilities.supports_policy_control.then_some(PASSWORD_POLICY_CONTROL);
        let result = connection.bind(OperationKind::Bind, name, password, control).await?;
        self.expires_in = PolicyAnswer::read(&result.ctrls).expires_in;
        refusal::judge_bind(profile.kind(), &result)
    }
}
