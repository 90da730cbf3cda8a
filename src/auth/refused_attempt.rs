use std::time::Duration;

use super::throttle::{AttemptFailure, AttemptPermit};
use super::verifier_gate::SentPassword;
use crate::audit::AuditEvent;
use crate::directory::{DirectoryRefusal, PasswordFate, Unreachable};
use crate::domain::{InvalidPassword, InvalidUsername};

/// The purposes for which a password is checked; the audit has an event for each.
#[derive(Clone, Copy, Debug)]
pub(super) enum AttemptKind {
    SignIn,
    PasswordChange,
    Reauthentication,
}

impl AttemptKind {
    /// The audit event of its refusal.
    pub(super) fn refusal_event<'a>(
        self,
        name: &'a str,
        reason: &'static str,
        directory_code: Option<&'static str>,
        retry_after: Option<Duration>,
    ) -> AuditEvent<'a> {
        match self {
            Self::SignIn => AuditEvent::SignInRefused { name, reason, directory_code, retry_after },
            Self::PasswordChange => AuditEvent::PasswordChangeRefused { name, reason, directory_code, retry_after },
            Self::Reauthentication => AuditEvent::ProofRefused { name, reason, directory_code, retry_after },
        }
    }
}

pub(super) fn invalid_username_word(invalid: InvalidUsername) -> &'static str {
    match invalid {
        InvalidUsername::Empty => "name-empty",
        InvalidUsername::TooLong => "name-too-long",
        InvalidUsername::ControlCharacter => "name-with-control-character",
    }
}

pub(super) fn invalid_password_word(invalid: InvalidPassword) -> &'static str {
    match invalid {
        InvalidPassword::Empty => "password-empty",
        InvalidPassword::TooLong => "password-too-long",
        InvalidPassword::Nul => "password-with-nul",
    }
}

/// Settles the permit of an attempt that the directory refused.
pub(super) fn settle_refused(permit: AttemptPermit<'_>, refusal: &DirectoryRefusal, sent: SentPassword) {
    match refusal {
        DirectoryRefusal::WrongCredentials => permit.fail(match sent {
            SentPassword::NotSent => AttemptFailure::NoSuchName,
            SentPassword::NotAccepted => AttemptFailure::Wrong,
            // Such as one whom the settings do not let in. It is told as a wrong one.
            SentPassword::Accepted => AttemptFailure::Unjudged,
        }),
        DirectoryRefusal::Locked | DirectoryRefusal::NotJudged { .. } => permit.fail(AttemptFailure::Unjudged),
        // It may have been judged and counted.
        DirectoryRefusal::Unreachable(Unreachable { password: PasswordFate::Unanswered, .. }) => {
            permit.fail(AttemptFailure::Unanswered);
        }
        DirectoryRefusal::Unreachable(Unreachable { password: PasswordFate::NotSent, .. })
        | DirectoryRefusal::BindDenied(_) => {
            permit.cancel();
        }
        // The password was right, or not judged.
        DirectoryRefusal::Unreachable(Unreachable { password: PasswordFate::Answered, .. })
        | DirectoryRefusal::NotAtThisHour
        | DirectoryRefusal::NotFromHere
        | DirectoryRefusal::Restricted
        | DirectoryRefusal::TooManyGroups
        | DirectoryRefusal::PasswordExpired
        | DirectoryRefusal::MustChangePassword
        | DirectoryRefusal::Disabled
        | DirectoryRefusal::AccountExpired => permit.decline(),
    }
}
