use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{CodeRefusal, Factors, VerifiedFactor};
use crate::domain::PersonId;
use crate::store::{StoreError, fill_randomly};

/// The number of codes: years of lost and forgotten phones.
const CODE_COUNT: usize = 10;

/// The alphabet of codes: base 32 without the letters that look like digits (Crockford).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The characters of a code, five bits each: a hundred bits, which nobody can guess, so that a plain hash is enough.
const CODE_LENGTH: usize = 20;

/// The characters of a group, small enough to be copied without a slip.
const GROUP_LENGTH: usize = 5;

/// A recovery code, which stands in for a lost factor, once. It is shown when it is made, and wipes itself.
pub struct RecoveryCode(Zeroizing<String>);

impl RecoveryCode {
    fn generate() -> Result<Self, StoreError> {
        let mut bytes = Zeroizing::new([0; CODE_LENGTH]);
        fill_randomly(bytes.as_mut_slice())?;
        let letters = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
        Ok(Self(Zeroizing::new(letters.collect())))
    }

    /// The code as it is shown: `4v0kx-9t2mq-…`.
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut shown = Zeroizing::new(String::with_capacity(CODE_LENGTH + CODE_LENGTH / GROUP_LENGTH));
        for (at, letter) in self.0.chars().enumerate() {
            if at > 0 && at % GROUP_LENGTH == 0 {
                shown.push('-');
            }
            shown.push(letter);
        }
        shown
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(…)")
    }
}

/// Recovery codes.
impl Factors {
    /// Makes new codes for somebody who has a factor. Those from before are removed.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be stored: those from before stay valid then.
    pub async fn make_recovery_codes(&self, person: &PersonId) -> Result<Vec<RecoveryCode>, StoreError> {
        let codes = (0..CODE_COUNT).map(|_| RecoveryCode::generate()).collect::<Result<Vec<_>, _>>()?;
        let hashes: Vec<_> = codes.iter().map(|code| hash(person, &code.0)).collect();
        self.store().set_recovery_codes(person, &hashes).await?;
        Ok(codes)
    }

    /// Verifies a recovery code and uses it up. The store finds it by its hash: how long that takes tells nothing of a hundred
    /// random bits.
    pub(super) async fn verify_recovery_code(&self, person: &PersonId, typed: &str) -> Result<VerifiedFactor, CodeRefusal> {
        let code = Zeroizing::new(normalize(typed));
        if code.len() != CODE_LENGTH {
            return Err(CodeRefusal::Wrong);
        }
        let left = self.store().use_recovery_code(person, &hash(person, &code)).await?;
        Ok(VerifiedFactor::RecoveryCode { left: left.ok_or(CodeRefusal::Wrong)? })
    }
}

/// Normalizes a typed code: to lower case, with digits for the letters that look like them.
fn normalize(typed: &str) -> String {
    let letter = |c: char| match c.to_ascii_lowercase() {
        'o' => '0',
        'i' | 'l' => '1',
        c => c,
    };
    typed.chars().map(letter).collect()
}

/// The hash of a code. The person is in it, so that equal codes of two people do not look alike.
fn hash(person: &PersonId, code: &str) -> Vec<u8> {
    Sha256::new().chain_update(person.as_str()).chain_update([0]).chain_update(code).finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_a_hundred_bits_and_is_read_as_people_write_it() {
        let code = RecoveryCode::generate().unwrap();
        let shown = code.reveal();
        assert_eq!(shown.split('-').map(str::len).collect::<Vec<_>>(), [5, 5, 5, 5]);
        assert_eq!(normalize(&shown.replace('-', "").to_uppercase()), *code.0);
        assert_eq!(normalize("OoIiLl"), "001111");
        assert_ne!(*code.0, *RecoveryCode::generate().unwrap().0);
        assert_eq!(format!("{code:?}"), "RecoveryCode(…)");
    }
}
