/// The directory's refusal to let somebody sign in (MS-ADTS 5.1.1.5, and the sub-codes of result 49).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryRefusal {
    /// No such person, more than one, or the wrong password (`52e`, `525`): these must look alike to a stranger.
    #[error("the name and password do not match")]
    WrongCredentials,
    /// `530`: not at this hour.
    #[error("signing in is not allowed at this hour")]
    NotAtThisHour,
    /// `531`, `52f`, `568`, `569`: not from this workstation, or not in this way. The password was right.
    #[error("signing in is not allowed from here")]
    NotFromHere,
    /// `532`. The password was right.
    #[error("the password has expired")]
    PasswordExpired,
    /// `773`. The password was right.
    #[error("the password must be changed before signing in")]
    MustChangePassword,
    /// `533`: disabled. Active Directory says so only when the password was right.
    #[error("the account is disabled")]
    Disabled,
    /// `701`. The password was right.
    #[error("the account has expired")]
    AccountExpired,
    /// `775`: locked, whatever the password; to a stranger it must look like [`DirectoryRefusal::WrongCredentials`].
    #[error("the account is locked")]
    Locked,
    /// No server could be asked.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// The [`BindGate`](crate::directory::BindGate) did not allow the bind, so the password was not sent.
    #[error(transparent)]
    BindDenied(#[from] BindDenied),
}

impl DirectoryRefusal {
    /// Its name in metrics and in the audit, which does not change.
    pub fn word(&self) -> &'static str {
        match self {
            Self::WrongCredentials => "wrong-credentials",
            Self::NotAtThisHour => "not-at-this-hour",
            Self::NotFromHere => "not-from-here",
            Self::PasswordExpired => "password-expired",
            Self::MustChangePassword => "must-change-password",
            Self::Disabled => "disabled",
            Self::AccountExpired => "account-expired",
            Self::Locked => "locked",
            Self::Unreachable(_) => "unreachable",
            Self::BindDenied(_) => "withheld",
        }
    }
}

/// The directory could not be asked, or did not answer as a directory does. Never an answer about a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the directory cannot be reached: {reason}")]
pub struct Unreachable {
    /// For the log: every server tried and what went wrong there. No secret.
    pub reason: String,
    /// The fate of the person's password, where one was to be sent.
    pub password: PasswordFate,
}

/// The fate of a person's password in an operation that ended without a verdict about the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordFate {
    /// It was not sent.
    NotSent,
    /// It was sent, and no answer came: it may have been judged and counted.
    Unanswered,
    /// It was sent, and the answer was not that it is wrong: it was accepted, or not judged. What failed came later.
    Answered,
}

impl PasswordFate {
    /// Its word in the log.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::NotSent => "not-sent",
            Self::Unanswered => "unanswered",
            Self::Answered => "answered",
        }
    }
}

/// The caller of the sign-in did not let the password be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the password was not sent, as whoever asked for the sign-in withheld it")]
pub struct BindDenied;
