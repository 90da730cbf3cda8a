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
    derive_keys(&with_secret_key(figment.clone(), settings)?)
}

/// The settings with a secret key: theirs, or the one that is kept in the state folder, where it is made if there is none.
pub(super) fn with_secret_key(figment: Figment, settings: &Settings) -> Result<Figment, StartError> {
    Ok(match config::load_or_create_secret_key(&figment, &settings.state)? {
        Some(kept) => kept.merge_into(figment),
        None => figment,
    })
}

/// Derives the server's keys from Rocket's `secret_key`, in whichever way it is written: text or bytes.
pub(super) fn derive_keys(figment: &Figment) -> Result<Keys, StartError> {
    let secret = match figment.extract_inner::<String>("secret_key") {
        Ok(text) => Zeroizing::new(text.into_bytes()),
        Err(_) => Zeroizing::new(figment.extract_inner::<Vec<u8>>("secret_key")?),
    };
    Ok(Keys::from_secret(&secret))
}
