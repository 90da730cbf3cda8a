use super::StoreError;

/// Fills `bytes` with randomness of the system's that is fit for secrets; nothing weaker is used in its place.
///
/// # Errors
/// [`StoreError::NoRandomness`] when the system has none to give.
pub fn fill_randomly(bytes: &mut [u8]) -> Result<(), StoreError> {
    getrandom::fill(bytes).map_err(|error| StoreError::NoRandomness(error.to_string()))
}
