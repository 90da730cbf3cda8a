use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::close_reason::CloseReason;
use crate::domain::Timestamp;
use crate::websocket::{self, MessageReader, WebSocketError};

/// Clients say little: a pong, or the values of a page's inputs.
const MAX_MESSAGE_BYTES: usize = 16 * 1024;

/// Nobody chooses other inputs more often than this; each choice costs a snapshot. The page's own script sends no more
/// than half as many.
const MAX_INPUT_CHANGES_PER_SECOND: u32 = 8;

/// Choices, and the answers to two pings each heartbeat: more than this within a second is nothing that a page says.
const MAX_MESSAGES_PER_SECOND: u32 = 64;

/// A message that has begun is whole within so many rounds of its row, a quarter of a minute; slower than this is no network, but
/// somebody who holds a place.
const MAX_MESSAGE_SWEEPS: u32 = 3;

/// Protocol abuse (RFC 6455, 7.4.1: policy violation).
const POLICY_VIOLATION: u16 = 1008;

/// The values of inputs by name, as a client asks for them.
pub(super) type RequestedInputs = BTreeMap<String, String>;

/// What a client says over a WebSocket, held to the protocol and to its pace.
pub(super) struct InboundReader {
    reader: MessageReader,
    /// For how many rounds a message has begun and not ended.
    unfinished_sweeps: u32,
    window_start: Timestamp,
    messages_in_window: u32,
    input_changes: u32,
}

/// What there was in what was read.
#[derive(Default)]
pub(super) struct ClientEvents {
    /// Asked for last: whoever chooses twice means the second.
    pub(super) inputs: Option<RequestedInputs>,
    /// What the newest ping wants to have answered.
    pub(super) pong: Option<Vec<u8>>,
    /// The code of their close frame.
    pub(super) close: Option<u16>,
}

/// What a client may say.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum ClientMessage {
    Inputs { values: RequestedInputs },
    Pong,
}

/// A reader of what clients say; of deflated messages too, where that was agreed on.
pub(super) fn new_reader(deflates: bool) -> MessageReader {
    let reader = MessageReader::new(MAX_MESSAGE_BYTES);
    if deflates { reader.with_deflate() } else { reader }
}

impl InboundReader {
    pub(super) fn new(now: Timestamp, deflates: bool) -> Self {
        Self {
            reader: new_reader(deflates),
            unfinished_sweeps: 0,
            window_start: now,
            messages_in_window: 0,
            input_changes: 0,
        }
    }

    /// Takes in what was read.
    ///
    /// # Errors
    /// The goodbye, when it is none of the protocol's, or too much.
    pub(super) fn receive(&mut self, mut bytes: &mut [u8], now: Timestamp) -> Result<ClientEvents, CloseReason> {
        let mut all = ClientEvents::default();
        while let Some(heard) = self.reader.next(&mut bytes).map_err(protocol_error)? {
            self.count_message(now)?;
            match heard {
                websocket::WsMessage::Text(text) => match serde_json::from_str(&text) {
                    Ok(ClientMessage::Pong) => (),
                    Ok(ClientMessage::Inputs { values }) => all.inputs = Some(self.count_input_change(values)?),
                    Err(_) => return Err(CloseReason::protocol_error(POLICY_VIOLATION)),
                },
                websocket::WsMessage::Ping(payload) => all.pong = Some(payload),
                websocket::WsMessage::Pong(_) => (),
                websocket::WsMessage::Binary(_) => return Err(CloseReason::protocol_error(POLICY_VIOLATION)),
                websocket::WsMessage::Close(closing) => {
                    all.close = Some(closing.map_or(1000, |closing| closing.code));
                    break;
                }
            }
        }
        if !self.reader.is_unfinished() {
            self.unfinished_sweeps = 0;
        }
        Ok(all)
    }

    /// Counts one more round, and says whether a message has begun and does not come to its end.
    pub(super) fn is_overdue(&mut self) -> bool {
        self.unfinished_sweeps += u32::from(self.reader.is_unfinished());
        self.unfinished_sweeps >= MAX_MESSAGE_SWEEPS
    }

    /// Reads on without understanding.
    pub(super) fn into_reader(self) -> MessageReader {
        self.reader
    }

    fn count_message(&mut self, now: Timestamp) -> Result<(), CloseReason> {
        if now.since(self.window_start) >= Duration::from_secs(1) || now < self.window_start {
            (self.window_start, self.messages_in_window, self.input_changes) = (now, 0, 0);
        }
        self.messages_in_window += 1;
        if self.messages_in_window > MAX_MESSAGES_PER_SECOND {
            Err(CloseReason::protocol_error(POLICY_VIOLATION))
        } else {
            Ok(())
        }
    }

    fn count_input_change(&mut self, values: RequestedInputs) -> Result<RequestedInputs, CloseReason> {
        self.input_changes += 1;
        if self.input_changes > MAX_INPUT_CHANGES_PER_SECOND {
            Err(CloseReason::protocol_error(POLICY_VIOLATION))
        } else {
            Ok(values)
        }
    }
}

/// What is too long could be right; everything else is not WebSocket.
fn protocol_error(fault: WebSocketError) -> CloseReason {
    CloseReason::protocol_error(
        if matches!(fault, WebSocketError::MessageTooLong { .. } | WebSocketError::TooManyEmptyFrames) {
            POLICY_VIOLATION
        } else {
            fault.close_code()
        },
    )
}
