use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use totp_rs::{Builder, Secret, Totp};
use zeroize::Zeroizing;

use super::seal::SealPurpose;
use super::{CodeRefusal, Factors, VerifiedFactor};
use crate::domain::{Person, PersonId, Timestamp};
use crate::store::{StoreError, fill_randomly};

/// The length of a code. SHA-1, six digits and thirty seconds are what every app expects, and all that some of them can
/// (RFC 6238, 1.2).
pub(super) const DIGITS: usize = 6;

/// The length of a time step, in seconds.
const STEP_SECONDS: u64 = 30;

/// The steps before and after whose codes are accepted too: phones' clocks differ, and people type slowly (RFC 6238, 5.2).
const SKEW: u16 = 1;

/// The length of a seed: 160 bits, as long as the output of SHA-1 (RFC 4226, 4).
const SEED_BYTES: usize = 20;

/// The time in which an enrollment has to be confirmed: its QR code may have been seen by others since.
const ENROLLMENT_LIFETIME: Duration = Duration::from_mins(15);

/// An enrollment of an authenticator app under way: a new seed, to be confirmed with a code. It is not stored until then.
pub struct AppEnrollment {
    /// The seed, sealed for this person and this browser, for the form's hidden field.
    pub sealed_seed: String,
    /// The seed as people type it: base32.
    pub base32_seed: Zeroizing<String>,
    /// The seed in an `otpauth:` URL, for the QR code.
    pub otpauth_url: Zeroizing<String>,
}

impl fmt::Debug for AppEnrollment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppEnrollment(…)")
    }
}

/// Authenticator apps (RFC 6238).
impl Factors {
    /// Starts the enrollment of an app, with a new seed. `site` is the issuer that the app shows; `browser` is the secret that the
    /// form is bound to.
    ///
    /// # Errors
    /// [`StoreError::NoRandomness`] when the system has none to give.
    pub fn start_app_enrollment(&self, person: &Person, site: &str, browser: &[u8]) -> Result<AppEnrollment, StoreError> {
        let mut seed = Zeroizing::new([0; SEED_BYTES]);
        fill_randomly(seed.as_mut_slice())?;
        self.app_enrollment(person, site, browser, seed.as_slice(), self.now())
    }

    /// Goes on with the enrollment that was sealed in a form, so that the app which has scanned its code need not do so again; `None`
    /// when it was not this person's in this browser, or too long ago.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be sealed.
    pub fn resume_app_enrollment(
        &self,
        person: &Person,
        site: &str,
        browser: &[u8],
        sealed: &str,
    ) -> Result<Option<AppEnrollment>, StoreError> {
        let begun = self.unseal_enrollment(&person.id, sealed, browser);
        begun.map(|(begun_at, seed)| self.app_enrollment(person, site, browser, &seed, begun_at)).transpose()
    }

    fn app_enrollment(
        &self,
        person: &Person,
        site: &str,
        browser: &[u8],
        seed: &[u8],
        begun_at: Timestamp,
    ) -> Result<AppEnrollment, StoreError> {
        // Neither may hold a colon, which divides the two in the address.
        let without_colon = |text: &str| text.replace(':', " ");
        let totp = totp_builder(seed)
            .with_issuer(Some(without_colon(site)))
            .with_account_name(without_colon(&person.qualified_name()))
            .build_noncompliant();
        let otpauth_url = totp.to_url().map_err(|error| self.store().damaged(&error))?;
        let text = Zeroizing::new([&begun_at.as_millis().to_be_bytes()[..], seed].concat());
        let sealed = self.seal().seal(SealPurpose::Enrollment, &seal_context(&person.id, browser), &text)?;
        Ok(AppEnrollment {
            sealed_seed: URL_SAFE_NO_PAD.encode(sealed),
            base32_seed: Zeroizing::new(totp.secret().to_base32()),
            otpauth_url: Zeroizing::new(otpauth_url),
        })
    }

    /// Finishes the enrollment of an app, once it has given a code. The app replaces the one before.
    ///
    /// # Errors
    /// A [`CodeRefusal`]; then nothing is stored.
    pub async fn finish_app_enrollment(
        &self,
        person: &Person,
        sealed: &str,
        browser: &[u8],
        typed: &str,
    ) -> Result<(), CodeRefusal> {
        let (_, seed) = self.unseal_enrollment(&person.id, sealed, browser).ok_or(CodeRefusal::EnrollmentExpired)?;
        let typed: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
        let step = matching_step(&seed, &typed, self.now()).ok_or(CodeRefusal::Wrong)?;
        let sealed = self.seal().seal(SealPurpose::Seed, person.id.as_str().as_bytes(), &seed)?;
        self.update_description(person).await?;
        self.store().set_app(&person.id, &sealed, step, self.now()).await?;
        Ok(self.record_change(&person.id, "an authenticator app was set up").await?)
    }

    /// Removes somebody's app. `false` when there was none.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn remove_app(&self, person: &PersonId) -> Result<bool, StoreError> {
        let removed = self.store().remove_app(person).await?;
        if removed {
            self.record_change(person, "the authenticator app was removed").await?;
        }
        Ok(removed)
    }

    pub(super) async fn verify_app_code(&self, person: &PersonId, typed: &str) -> Result<VerifiedFactor, CodeRefusal> {
        let Some((sealed, last_step)) = self.store().app(person).await? else { return Err(CodeRefusal::Wrong) };
        let seed = self
            .seal()
            .unseal(SealPurpose::Seed, person.as_str().as_bytes(), &sealed)
            .ok_or(CodeRefusal::SealedUnderAnotherKey)?;
        let now = self.now();
        let step = matching_step(&seed, typed, now).ok_or(CodeRefusal::Wrong)?;
        if step <= last_step {
            return Err(CodeRefusal::Used);
        }
        let is_first = self.store().take_step(person, step, now).await?;
        if is_first { Ok(VerifiedFactor::App) } else { Err(CodeRefusal::Used) }
    }

    fn unseal_enrollment(&self, person: &PersonId, sealed: &str, browser: &[u8]) -> Option<(Timestamp, Zeroizing<Vec<u8>>)> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let text = self.seal().unseal(SealPurpose::Enrollment, &seal_context(person, browser), &sealed)?;
        let (made_at, seed) = text.split_at_checked(size_of::<i64>())?;
        let made_at = Timestamp::from_millis(i64::from_be_bytes(made_at.try_into().ok()?));
        (self.now().since(made_at) < ENROLLMENT_LIFETIME).then(|| (made_at, Zeroizing::new(seed.to_vec())))
    }
}

/// The associated data for a person and their browser. A length stands between, so that neither runs into the other.
pub(super) fn seal_context(person: &PersonId, browser: &[u8]) -> Vec<u8> {
    let person = person.as_str().as_bytes();
    [&person.len().to_be_bytes()[..], person, browser].concat()
}

fn totp_builder(seed: &[u8]) -> Builder {
    Builder::new().with_secret(Secret::from(seed.to_vec())).with_skew(SKEW).with_step_duration(STEP_SECONDS)
}

/// The time step whose code was typed, among those that are valid now. The comparison takes constant time.
fn matching_step(seed: &[u8], typed: &str, now: Timestamp) -> Option<i64> {
    let totp: Totp = totp_builder(seed).build_noncompliant();
    let seconds = u64::try_from(now.as_millis() / 1000).ok()?;
    i64::try_from(totp.check(typed, seconds)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seed of RFC 6238, appendix B, and its codes for SHA-1, the last six digits of eight.
    #[test]
    fn codes_are_those_of_rfc_6238() {
        let seed = b"12345678901234567890";
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            let now = Timestamp::from_millis(seconds * 1000);
            assert_eq!(matching_step(seed, code, now), Some(seconds / 30), "{seconds}");
            assert_eq!(matching_step(seed, "000000", now), None);
        }
    }

    #[test]
    fn a_code_is_good_a_step_early_and_a_step_late() {
        let seed = b"12345678901234567890";
        let at = |seconds: i64| matching_step(seed, "287082", Timestamp::from_millis(seconds * 1000));
        assert_eq!([at(0), at(29), at(30), at(59), at(60), at(89)], [Some(1); 6]);
        assert_eq!(at(90), None);
    }

    #[test]
    fn what_is_not_six_digits_is_no_code() {
        let now = Timestamp::from_millis(59_000);
        for typed in ["", "28708", "2870821", "28708a", "２８７０８２", "-87082", "+87082"] {
            assert_eq!(matching_step(b"12345678901234567890", typed, now), None, "{typed:?}");
        }
    }
}
