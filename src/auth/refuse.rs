use super::refusal::audit_reason;
use super::refused_attempt::AttemptKind;
use super::throttle::{AttemptDenial, ThrottleReason};
use super::verifier_gate::BindDenial;
use super::{Auth, SignInRefusal};
use crate::directory::{DirectoryRefusal, Unreachable};
use crate::domain::{Client, Username};

/// Refusing an attempt: the audit has the cause, and the visitor what they may know.
impl Auth {
    /// Refuses an attempt that the throttle does not allow, or cannot.
    pub(super) fn refuse_attempt(
        &self,
        attempt: AttemptKind,
        denial: AttemptDenial,
        name: &Username,
        client: &Client,
    ) -> SignInRefusal {
        match denial {
            AttemptDenial::Throttled(reason) => self.refuse_throttled(attempt, reason, name, client),
            AttemptDenial::Store(error) => SignInRefusal::Store(error),
        }
    }

    fn refuse_throttled(
        &self,
        attempt: AttemptKind,
        denial: ThrottleReason,
        name: &Username,
        client: &Client,
    ) -> SignInRefusal {
        // What is told as a wrong password says so in the audit alone.
        let as_wrong = |reason| {
            self.audit.record(client, &attempt.refusal_event(name.as_str(), reason, None, None));
            SignInRefusal::WrongCredentials
        };
        match denial {
            ThrottleReason::Exhausted(retry_after) => {
                let event = attempt.refusal_event(name.as_str(), "throttled", None, Some(retry_after));
                self.audit.record(client, &event);
                SignInRefusal::Throttled { retry_after, until: self.clock.now() + retry_after }
            }
            ThrottleReason::NearLockout => as_wrong("directory-count"),
            ThrottleReason::Withheld => as_wrong("withheld"),
            ThrottleReason::SamePassword => as_wrong("same-password"),
            ThrottleReason::Pending => {
                let reason = "earlier sign-ins for this account are waiting for its answer".to_owned();
                let refusal = DirectoryRefusal::Unreachable(Unreachable::new(reason));
                self.refuse(attempt, refusal, name, client)
            }
        }
    }

    /// Refuses an attempt whose bind was denied.
    pub(super) fn refuse_denied(
        &self,
        attempt: AttemptKind,
        denial: BindDenial,
        name: &Username,
        client: &Client,
    ) -> SignInRefusal {
        match denial {
            BindDenial::Throttle(denial) => self.refuse_attempt(attempt, denial, name, client),
            BindDenial::Busy => {
                self.audit.record(client, &attempt.refusal_event(name.as_str(), "busy", None, None));
                SignInRefusal::Busy
            }
        }
    }

    /// Refuses an attempt that the directory refused.
    pub(super) fn refuse(
        &self,
        attempt: AttemptKind,
        refusal: DirectoryRefusal,
        name: &Username,
        client: &Client,
    ) -> SignInRefusal {
        let (reason, directory_code) = audit_reason(&refusal);
        let event = attempt.refusal_event(name.as_str(), reason, directory_code, None);
        self.audit.record(client, &event);
        refusal.into()
    }
}
