use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::close_reason::CloseReason;
use crate::domain::Timestamp;
use crate::websocket::{self, MessageReader, WebSocketError};

/// The longest message of a client: a pong, or the values of a page's inputs.
const MAX_MESSAGE_BYTES: usize = 16 * 1024;

/// The limit on input changes: each costs a snapshot. The page's own script sends no more than half as many.
const MAX_INPUT_CHANGES_PER_SECOND: u32 = 8;

/// The limit on all messages. No page sends so many: input changes, and the answers to two pings each heartbeat.
const MAX_MESSAGES_PER_SECOND: u32 = 64;

/// A message that has begun must be whole within so many sweeps of the shard, a quarter of a minute; slower than this is no
/// network, but an attempt to hold connections.
const MAX_MESSAGE_SWEEPS: u32 = 3;

/// The close code for protocol abuse (RFC 6455, 7.4.1).
const POLICY_VIOLATION: u16 = 1008;

/// The input values that a client asks for, by the inputs' names; not checked yet.
pub(super) type RequestedInputs = BTreeMap<String, String>;

/// Reads a client's messages from a WebSocket, and holds it to the protocol and its rate limits.
pub(super) struct InboundReader {
    reader: MessageReader,
    /// For how many sweeps a message has begun and not ended.
    unfinished_sweeps: u32,
    window_start: Timestamp,
    messages_in_window: u32,
    input_changes: u32,
}

/// The events in the bytes that were read.
#[derive(Default)]
pub(super) struct ClientEvents {
    /// The inputs asked for last: whoever changes them twice means the second.
    pub(super) inputs: Option<RequestedInputs>,
    /// The payload of the newest ping.
    pub(super) pong: Option<Vec<u8>>,
    /// The code of the client's close frame.
    pub(super) close: Option<u16>,
}

/// The messages of the wire protocol, client to server.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum ClientMessage {
    Inputs { values: RequestedInputs },
    Pong,
}

/// A frame reader for clients' messages; for deflated ones too, where that was agreed on.
pub(super) fn new_reader(deflates: bool) -> MessageReader {
    let reader = MessageReader::new(MAX_MESSAGE_BYTES);
    if deflates { reader.with_deflate() } else { reader }
}

impl InboundReader {
    pub(super) fn new(now: Timestamp, deflates: bool) -> Self {
        Self { reader: new_reader(deflates), unfinished_sweeps: 0, window_start: now, messages_in_window: 0, input_changes: 0 }
    }

    /// Parses the bytes that were read.
    ///
    /// # Errors
    /// The reason to close, when they break the protocol or a rate limit.
    pub(super) fn receive(&mut self, mut bytes: &mut [u8], now: Timestamp) -> Result<ClientEvents, CloseReason> {
        let mut events = ClientEvents::default();
        while let Some(message) = self.reader.next(&mut bytes).map_err(protocol_error)? {
            self.count_message(now)?;
            match message {
                websocket::WsMessage::Text(text) => match serde_json::from_str(&text) {
                    Ok(ClientMessage::Pong) => (),
                    Ok(ClientMessage::Inputs { values }) => events.inputs = Some(self.count_input_change(values)?),
                    Err(_) => return Err(CloseReason::protocol_error(POLICY_VIOLATION)),
                },
                websocket::WsMessage::Ping(payload) => events.pong = Some(payload),
                websocket::WsMessage::Pong(_) => (),
                websocket::WsMessage::Binary(_) => return Err(CloseReason::protocol_error(POLICY_VIOLATION)),
                websocket::WsMessage::Close(closing) => {
                    events.close = Some(closing.map_or(1000, |closing| closing.code));
                    break;
                }
            }
        }
        if !self.reader.is_unfinished() {
            self.unfinished_sweeps = 0;
        }
        Ok(events)
    }

    /// Counts one more sweep, and returns whether a message has begun and does not come to its end.
    pub(super) fn is_overdue(&mut self) -> bool {
        self.unfinished_sweeps += u32::from(self.reader.is_unfinished());
        self.unfinished_sweeps >= MAX_MESSAGE_SWEEPS
    }

    /// The frame reader, for the close handshake.
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

/// The close reason for a fault in the frames: what is too long could be valid, everything else is not WebSocket.
fn protocol_error(error: WebSocketError) -> CloseReason {
    CloseReason::protocol_error(
        if matches!(error, WebSocketError::MessageTooLong { .. } | WebSocketError::TooManyEmptyFrames) {
            POLICY_VIOLATION
        } else {
            error.close_code()
        },
    )
}
