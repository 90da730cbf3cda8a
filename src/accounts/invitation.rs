use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::AccountProfile;
use crate::domain::Timestamp;
use crate::store::{StoreError, fill_randomly};

/// The length of a code: 256 bits, which nobody guesses.
const BYTES: usize = 32;

/// The length of a code as text: 32 bytes in base64url without padding.
const CHARACTERS: usize = 43;

/// An open invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Its id in lists and forms; it is no code that accepts.
    pub id: i64,
    /// The profile of the account that it makes.
    pub profile: AccountProfile,
    /// The name of whoever invited.
    pub invited_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The moment from which on it cannot be accepted.
    pub expires_at: Timestamp,
}

/// The secret code in an invitation's link: whoever has it may accept, once. It never prints itself and wipes itself when
/// dropped.
#[derive(Clone)]
pub struct InvitationCode(Zeroizing<[u8; BYTES]>);

/// The error for a text that is not the code of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the code of an invitation is {CHARACTERS} characters: copy the whole link")]
pub struct InvalidInvitationCode;

impl InvitationCode {
    /// A new code from the system's generator.
    ///
    /// # Errors
    /// [`StoreError::NoRandomness`] when the system has none to give.
    pub(super) fn generate() -> Result<Self, StoreError> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        fill_randomly(bytes.as_mut_slice())?;
        Ok(Self(bytes))
    }

    /// The code as the link carries it: base64url, 43 characters. For the link, and the form it leads to, alone.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0.as_slice()))
    }

    /// SHA-256 of the code, which the store keeps. The hash of 256 random bits cannot be reversed by guessing.
    pub(super) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_slice()).into()
    }
}

impl FromStr for InvitationCode {
    type Err = InvalidInvitationCode;

    /// Accepts the code alone, and the whole link as people copy it, with the code behind its `#`.
    fn from_str(text: &str) -> Result<Self, InvalidInvitationCode> {
        let text = text.trim();
        let code = text.rsplit_once('#').map_or(text, |(_, code)| code);
        if code.len() != CHARACTERS {
            return Err(InvalidInvitationCode);
        }
        let mut bytes = Zeroizing::new([0; BYTES]);
        match URL_SAFE_NO_PAD.decode_slice(code, bytes.as_mut_slice()) {
            Ok(BYTES) => Ok(Self(bytes)),
            _ => Err(InvalidInvitationCode),
        }
    }
}

impl fmt::Debug for InvitationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InvitationCode(…)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_code_survives_its_link_and_nothing_else_is_one() {
        let code = InvitationCode::generate().unwrap();
        let text = code.reveal();
        for written in [text.to_string(), format!(" https://boards.example/invitation#{} \n", *text)] {
            assert_eq!(written.parse::<InvitationCode>().unwrap().hash(), code.hash(), "{written}");
        }
        let (shorter, longer) = (&text[..42], format!("{}A", *text));
        for wrong in ["", "#", shorter, &longer, &"é".repeat(21), "https://boards.example/invitation#"] {
            assert_eq!(wrong.parse::<InvitationCode>().unwrap_err(), InvalidInvitationCode, "{wrong:?}");
        }
    }

    #[test]
    fn codes_differ_and_do_not_print_themselves() {
        let (one, other) = (InvitationCode::generate().unwrap(), InvitationCode::generate().unwrap());
        assert_ne!(one.hash(), other.hash());
        assert_eq!(format!("{one:?}"), "InvitationCode(…)");
    }
}
