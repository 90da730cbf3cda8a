use std::fmt;

use zeroize::Zeroizing;

/// The longest password: AD ends at 256 characters, other directories take more. Beyond this it is a flood.
const MAX_PASSWORD_BYTES: usize = 1024;

/// A password on its way to one bind. It wipes itself when dropped and never prints itself.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// Why a password is refused before any bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPassword {
    /// An empty password would be an anonymous bind, which *succeeds* (RFC 4513, 5.1.2).
    #[error("the password is empty")]
    Empty,
    /// Longer than 1,024 bytes.
    #[error("the password is longer than {MAX_PASSWORD_BYTES} bytes")]
    TooLong,
    /// Contains NUL, at which some servers stop reading.
    #[error("the password contains NUL")]
    Nul,
}

impl Password {
    /// Accepts a password as typed; nothing is trimmed or changed.
    ///
    /// # Errors
    /// [`InvalidPassword`] when it must not reach a directory.
    pub fn parse(typed: String) -> Result<Self, InvalidPassword> {
        let typed = Zeroizing::new(typed);
        if typed.is_empty() {
            return Err(InvalidPassword::Empty);
        }
        if typed.len() > MAX_PASSWORD_BYTES {
            return Err(InvalidPassword::TooLong);
        }
        if typed.contains('\0') {
            return Err(InvalidPassword::Nul);
        }
        Ok(Self(typed))
    }

    /// The password itself, for the bind alone.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_not_reach_a_directory_is_refused() {
        assert_eq!(Password::parse(String::new()).unwrap_err(), InvalidPassword::Empty);
        assert_eq!(Password::parse("a\0b".into()).unwrap_err(), InvalidPassword::Nul);
        assert_eq!(Password::parse("x".repeat(1025)).unwrap_err(), InvalidPassword::TooLong);
        assert_eq!(Password::parse(" x ".into()).unwrap().expose(), " x ");
    }

    #[test]
    fn a_password_does_not_print_itself() {
        let password = Password::parse("correct horse".into()).unwrap();
        assert!(!format!("{password:?}").contains("horse"));
    }
}
