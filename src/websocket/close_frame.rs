use super::error::WebSocketError;

/// The payload of a client's close frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseFrame {
    /// The status code: RFC 6455, section 7.4, and the codes registered since.
    pub code: u16,
    /// The reason in the client's words; often empty.
    pub reason: String,
}

impl CloseFrame {
    /// Parses a close frame's payload (section 5.5.1): nothing, or a code and a reason.
    pub(super) fn parse(payload: &[u8]) -> Result<Option<Self>, WebSocketError> {
        let Some((code, reason)) = payload.split_first_chunk() else {
            return if payload.is_empty() { Ok(None) } else { Err(WebSocketError::TruncatedCloseCode) };
        };
        let code = u16::from_be_bytes(*code);
        if !is_valid_close_code(code) {
            return Err(WebSocketError::InvalidCloseCode(code));
        }
        let reason = std::str::from_utf8(reason).map_err(|_| WebSocketError::InvalidUtf8)?;
        Ok(Some(Self { code, reason: reason.to_owned() }))
    }
}

/// Whether a close code may be sent (section 7.4): of 1000 to 2999 those registered, but not 1005, 1006 and 1015, which stand for
/// closes that nobody sent; from 3000 on those that libraries and programs choose.
fn is_valid_close_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
