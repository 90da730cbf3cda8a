/// Why the credentials of a request are not accepted: a code for programs, and a message for whoever sent them. It shows
/// nothing of what was sent.
#[derive(Clone, Debug)]
pub struct Rejection {
    /// The error code, which does not change.
    pub code: &'static str,
    /// The message, a sentence without its full stop.
    pub message: String,
    /// The scheme's challenge in answer to these very credentials, in place of its usual one.
    pub challenge: Option<String>,
    /// The audit's reason, where the scheme has not recorded the refusal itself.
    pub(super) audit_reason: Option<&'static str>,
}

impl Rejection {
    /// A rejection that the audit does not record.
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), challenge: None, audit_reason: None }
    }

    /// Credentials that cannot be read, and why.
    pub(super) fn unreadable(message: &'static str) -> Self {
        Self::new("bad-authorization", message).audited("unreadable")
    }

    /// Credentials that do not suffice, and the challenge to go on with: the next leg, or another nonce.
    pub(super) fn continue_with(challenge: Option<String>) -> Self {
        Self { challenge, ..Self::new("sign-in", "This is for people who have signed in") }
    }

    /// This rejection, which the audit records with `reason`: a word that does not change.
    pub(super) fn audited(self, reason: &'static str) -> Self {
        Self { audit_reason: Some(reason), ..self }
    }
}
