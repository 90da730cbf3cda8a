use thiserror::Error;

/// What a client said that RFC 6455 forbids, or that is more than is taken. The connection fails with it (section 7.1.7):
/// a close frame with its [`code`](Fault::code), and nothing more is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WebSocketError {
    /// A frame is not masked (section 5.1).
    #[error("the client sent a frame that is not masked; RFC 6455 has every client mask")]
    UnmaskedFrame,
    /// One of the bits RSV1 to RSV3 is set, which belong to extensions (section 5.2).
    #[error("the client set a reserved bit, but no extension that uses it was agreed on")]
    ReservedBit,
    /// Section 5.2.
    #[error("the client sent a frame with the opcode {0}, which RFC 6455 reserves")]
    UnknownOpcode(u8),
    /// Section 5.5.
    #[error("the client split a control frame, which only messages may be")]
    FragmentedControl,
    /// Section 5.5.
    #[error("the client sent a control frame of more than 125 bytes")]
    ControlTooLong,
    /// A length is not in its shortest form, or the topmost of its 64 bits is set (section 5.2).
    #[error("the client wrote a frame's length in another form than the shortest")]
    NonMinimalLength,
    /// Section 5.4.
    #[error("the client goes on with a message that has not begun")]
    UnexpectedContinuation,
    /// Section 5.4.
    #[error("the client began a message before the one under way had ended")]
    InterleavedMessage,
    /// A close frame's payload is a single byte (section 5.5.1).
    #[error("the client's close frame has one byte, which is half a code")]
    TruncatedCloseCode,
    /// Section 7.4.
    #[error("the client closed with the code {0}, which must not be sent")]
    InvalidCloseCode(u16),
    /// A text message or close reason is not UTF-8 (section 8.1).
    #[error("the client sent text that is not UTF-8")]
    InvalidUtf8,
    /// A message marked as deflated is not (RFC 7692, section 7.2.2).
    #[error("the client sent a message as deflated that is not")]
    InvalidDeflate,
    /// A message is longer than is accepted.
    #[error("the client's message is longer than {longest} bytes")]
    MessageTooLong {
        /// The longest message that is accepted, in bytes.
        longest: usize,
    },
    /// A message has too many empty fragments; it could go on for ever without getting any longer.
    #[error("the client split a message into too many empty frames")]
    TooManyEmptyFrames,
}

impl WebSocketError {
    /// The status code to close the connection with (RFC 6455, section 7.4.1).
    pub fn code(self) -> u16 {
        match self {
            Self::InvalidUtf8 | Self::InvalidDeflate => 1007,
            Self::MessageTooLong { .. } | Self::TooManyEmptyFrames => 1009,
            _ => 1002,
        }
    }
}
