use super::fields::AuditFields;

/// The events that refuse a password.
const PASSWORD_REFUSALS: &[&str] = &["sign-in-refused", "password-change-refused", "proof-refused"];

/// The reasons for which a password is refused before any verifier sees it, by a directory or a hash.
const BEFORE_VERIFIER: &[&str] = &[
    "throttled",
    "busy",
    "directory-count",
    "same-password",
    "withheld",
    "directory-unreachable",
    "directory-error",
    "no-such-directory",
    "name-empty",
    "name-too-long",
    "name-with-control-character",
    "password-empty",
    "password-too-long",
    "password-with-nul",
    "new-empty",
    "new-not-repeated",
    "new-is-old",
    "new-too-long",
    "new-with-nul",
    "not-here",
];

/// The reasons for which a code is refused that was looked at.
const CODE_REASONS: &[&str] = &["wrong-code", "used-code"];

impl AuditFields {
    /// Whether this refuses a password or a code that a verifier has seen: what may have been a guess. A reason that is not
    /// listed is taken for one.
    pub(super) fn was_verified(&self) -> bool {
        let is_one_of = |reasons: &[&str]| self.reason.is_some_and(|reason| reasons.contains(&reason));
        if self.event == "second-factor-refused" {
            is_one_of(CODE_REASONS)
        } else {
            PASSWORD_REFUSALS.contains(&self.event) && !is_one_of(BEFORE_VERIFIER)
        }
    }
}
