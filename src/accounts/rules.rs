use std::sync::Arc;

use zxcvbn::Score;

use super::AccountProfile;
use crate::domain::Password;

/// The least strength of a password: a hundred million guesses by somebody who begins with what people choose most
/// (<https://dropbox.tech/security/zxcvbn-realistic-password-strength-estimation>).
const MIN_SCORE: Score = Score::Three;

/// The rules for passwords of local accounts, those of NIST SP 800-63B (5.1.1.2): a length, and none that is common or easily
/// guessed from what is known of the person. No rule about kinds of characters, and none expires.
#[derive(Clone, Debug)]
pub struct PasswordRules {
    min_length: usize,
    /// Words that everybody here knows: the site's name, the program's.
    common_words: Arc<[String]>,
}

/// The rule that a new password violates, in words for its owner.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRuleViolation {
    /// It is too short.
    #[error(
        "The password has {length} characters and needs {shortest} or more. A few words in a row are easy to remember; \
         spaces are welcome."
    )]
    TooShort {
        /// The number of its characters.
        length: usize,
        /// The least number of characters.
        shortest: usize,
    },
    /// It is among those that are tried first.
    #[error(
        "This password is among those that are tried first. {hint}Choose one that is longer, or less usual: a few words \
         that have nothing to do with each other, say."
    )]
    Guessable {
        /// The reason, as a sentence with a space behind it, or nothing.
        hint: String,
    },
}

impl PasswordRules {
    /// Passwords of at least `min_length` characters, without the `common` words.
    pub fn new(min_length: usize, common: impl IntoIterator<Item = String>) -> Self {
        Self { min_length, common_words: common.into_iter().collect() }
    }

    /// The least number of characters.
    pub fn min_length(&self) -> usize {
        self.min_length
    }

    /// Checks a password for an account with this profile. Takes some milliseconds of computing for the longest.
    ///
    /// # Errors
    /// [`PasswordRuleViolation`], in words for the account's owner.
    pub fn check(&self, password: &Password, profile: &AccountProfile) -> Result<(), PasswordRuleViolation> {
        let length = password.expose().chars().count();
        if length < self.min_length {
            return Err(PasswordRuleViolation::TooShort { length, shortest: self.min_length });
        }
        let mut user_inputs: Vec<&str> = self.common_words.iter().map(String::as_str).collect();
        user_inputs.push(profile.name.as_str());
        user_inputs.push(&profile.display_name);
        user_inputs.extend(profile.display_name.split_whitespace());
        if let Some(mail) = &profile.mail {
            user_inputs.push(mail.as_str());
            user_inputs.extend(mail.as_str().split(['@', '.']));
        }
        let estimate = zxcvbn::zxcvbn(password.expose(), &user_inputs);
        if estimate.score() >= MIN_SCORE {
            return Ok(());
        }
        let hint = estimate.feedback().and_then(zxcvbn::feedback::Feedback::warning);
        Err(PasswordRuleViolation::Guessable { hint: hint.map_or_else(String::new, |hint| format!("{hint} ")) })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn judged(password: &str) -> Result<(), PasswordRuleViolation> {
        let rules = PasswordRules::new(12, ["Contoso Boards".to_owned(), "belvedere".to_owned()]);
        let mail = "ann@partner.example".parse().ok();
        let ann = AccountProfile { mail, ..AccountProfile::named("ann".parse().unwrap(), "Annabella Lindqvist") };
        rules.check(&Password::parse(password.to_owned()).unwrap(), &ann)
    }

    #[test]
    fn length_counts_characters_and_nothing_else_is_asked_of_them() {
        assert_eq!(judged("kurz"), Err(PasswordRuleViolation::TooShort { length: 4, shortest: 12 }));
        assert_eq!(judged("üöäüöäüöäüö"), Err(PasswordRuleViolation::TooShort { length: 11, shortest: 12 }));
        for good in ["lamp otter gravel nine", "träume häufig Birnenmost", "correcthorsebatterystaple-7", "ленивый барсук поёт"]
        {
            assert_eq!(judged(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn what_is_tried_first_is_refused_however_long() {
        for bad in [
            "password1234",
            "aaaaaaaaaaaaaaaa",
            "123456789012",
            "qwertyuiop[]",
            "Annabella2024",
            "annabellalindqvist",
            "belvederebelvedere",
            "Contoso Boards",
            "ann@partner.example",
            "abcdefghijklmnop",
        ] {
            assert!(matches!(judged(bad), Err(PasswordRuleViolation::Guessable { .. })), "{bad}: {:?}", judged(bad));
        }
    }

    #[test]
    fn a_refusal_is_words_for_people_and_does_not_repeat_the_password() {
        for bad in ["password1234", "kurz und"] {
            let words = judged(bad).unwrap_err().to_string();
            assert!(words.ends_with('.') && !words.contains(bad) && !words.contains("  "), "{words}");
        }
    }

    #[test]
    fn the_longest_password_is_judged_at_once() {
        let longest = "ab1".repeat(340);
        let begun = std::time::Instant::now();
        let _ = judged(&longest);
        assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
    }
}
