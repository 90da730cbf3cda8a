/// The directory's refusal to let somebody sign in (MS-ADTS 5.1.1.5, and the sub-codes of result 49).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryRefusal {
    /// No such person, more than one, or the wrong password (`52e`, `525`): these must look alike to a stranger.
    #[error("the name and password do not match")]
    WrongCredentials,
    /// `530`: not at this hour.
    #[error("signing in is not allowed at this hour")]
    NotAtThisHour,
    /// `531`: not from this workstation, which for a simple bind is the domain controller. The password was right.
    #[error("signing in is not allowed from here")]
    NotFromHere,
    /// `52f`, `569`: a restriction of the account, such as that of Protected Users, who may bind with Kerberos alone, or a right
    /// to sign in that it lacks. The password was right.
    #[error("a restriction of the account does not let it sign in by a password over LDAP")]
    Restricted,
    /// `568`: the account is in more groups than a token holds. The password was right.
    #[error("the account is in more groups than a token holds")]
    TooManyGroups,
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
    /// The server declined to judge this account's password, whatever it is (results 19, 50, 53 and 123, sub-codes about the
    /// kind of account): to a stranger it must look like [`DirectoryRefusal::WrongCredentials`].
    #[error("the server did not judge the password: {reason}")]
    NotJudged {
        /// For the log: the result. No secret.
        reason: String,
    },
    /// No server could be asked, or none gave an answer about the person.
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
            Self::Restricted => "restricted",
            Self::TooManyGroups => "too-many-groups",
            Self::PasswordExpired => "password-expired",
            Self::MustChangePassword => "must-change-password",
            Self::Disabled => "disabled",
            Self::AccountExpired => "account-expired",
            Self::Locked => "locked",
            Self::NotJudged { .. } => "not-judged",
            Self::Unreachable(_) => "unreachable",
            Self::BindDenied(_) => "withheld",
        }
    }
}

/// The directory could not be asked, or did not answer as a directory does. Never an answer about a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", self.summary())]
pub struct Unreachable {
    /// For the log: every server tried and what went wrong there. No secret.
    pub reason: String,
    /// The fate of the person's password, where one was to be sent.
    pub password: PasswordFate,
    /// The result with which a server declined what was asked last: it was reached, and is not silent.
    pub result_code: Option<u32>,
}

impl Unreachable {
    /// No answer, and no password was sent.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), password: PasswordFate::NotSent, result_code: None }
    }

    /// Whether a server answered, in words.
    pub(super) fn summary(&self) -> &'static str {
        if self.result_code.is_some() { "the directory answered with an error" } else { "the directory cannot be reached" }
    }
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
