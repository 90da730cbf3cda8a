use crate::store::StoreError;

/// The most JSON that a body may become, as so many times the largest body. Filters, which have memory for four times as much, must
/// be able to read it.
const MAX_GROWTH: usize = 4;

/// Why a push was not taken.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The body is no document. No full stop.
    #[error("{0}")]
    BadBody(String),
    /// It becomes too much JSON, of an endpoint whose largest body has so many bytes.
    #[error("what was pushed becomes more than four times {0} bytes of JSON")]
    TooLarge(usize),
    /// It could not be written down.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Checks what a body of at most `max_bytes` has become.
///
/// # Errors
/// [`PushError::TooLarge`].
pub(super) fn check_size(json: &[u8], max_bytes: usize) -> Result<(), PushError> {
    if json.len() > MAX_GROWTH * max_bytes { Err(PushError::TooLarge(max_bytes)) } else { Ok(()) }
}
