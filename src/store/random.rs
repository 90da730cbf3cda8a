use super::StoreError;

/// Fills `bytes` from the system's cryptographic random generator; nothing weaker is used in its place.
///
/// # Errors
/// [`StoreError::NoRandomness`] when the system has none to give.
pub fn fill_randomly(bytes: &mut [u8]) -> Result<(), StoreError> {
    getrandom::fill(bytes).map_err(|error| StoreError::NoRandomness(error.to_string()))
}
