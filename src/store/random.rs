use uuid::Uuid;

use super::StoreError;

/// Fills `bytes` from the system's cryptographic random generator; nothing weaker is used in its place.
///
/// # Errors
/// [`StoreError::NoRandomness`] when the system has none to give.
pub fn fill_randomly(bytes: &mut [u8]) -> Result<(), StoreError> {
    getrandom::fill(bytes).map_err(|error| StoreError::NoRandomness(error.to_string()))
}

/// A random UUID (version 4, RFC 9562).
///
/// # Errors
/// [`StoreError::NoRandomness`] when the system has none to give.
pub fn random_uuid() -> Result<Uuid, StoreError> {
    let mut bytes = [0; 16];
    fill_randomly(&mut bytes)?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid())
}
