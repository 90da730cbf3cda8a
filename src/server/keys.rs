use rocket::figment::Figment;
use zeroize::Zeroizing;

use super::StartError;
use crate::auth::Keys;
use crate::config::{self, Settings};

/// Loads the server's keys, for the command line beside it.
///
/// # Errors
/// [`StartError`] when the secret key cannot be read, or made.
pub(crate) fn load_keys(figment: &Figment, settings: &Settings) -> Result<Keys, StartError> {
    match config::load_or_create_secret_key(figment, &settings.state)? {
        Some(kept) => derive_keys(&kept.merge_into(figment.clone())),
        None => derive_keys(figment),
    }
}

/// Derives the server's keys from Rocket's `secret_key`, in whichever way it is written: text or bytes.
pub(super) fn derive_keys(figment: &Figment) -> Result<Keys, StartError> {
    let secret = match figment.extract_inner::<String>("secret_key") {
        Ok(text) => Zeroizing::new(text.into_bytes()),
        Err(_) => Zeroizing::new(figment.extract_inner::<Vec<u8>>("secret_key")?),
    };
    Ok(Keys::from_secret(&secret))
}
