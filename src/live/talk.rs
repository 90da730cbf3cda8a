use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::farewell::Farewell;
use crate::domain::Timestamp;
use crate::websocket::{self, MessageReader, WebSocketError};

/// Clients say little: a pong, or the values of a page's inputs.
const LONGEST_MESSAGE: usize = 16 * 1024;

/// Nobody chooses other inputs more often than this; each choice costs a snapshot. The page's own script sends no more
/// than half as many.
const MOST_CHOICES_A_SECOND: u32 = 8;

/// Choices, and the answers to two pings each heartbeat: more than this within a second is nothing that a page says.
const MOST_MESSAGES_A_SECOND: u32 = 64;

/// A message that has begun is whole within so many rounds of its row, a quarter of a minute; slower than this is no network, but
/// somebody who holds a place.
const ROUNDS_TO_FINISH: u32 = 3;

/// Protocol abuse (RFC 6455, 7.4.1: policy violation).
const ABUSE: u16 = 1008;

/// The values of inputs by name, as a client asks for them.
pub(super) type Values = BTreeMap<String, String>;

/// What a client says over a WebSocket, held to the protocol and to its pace.
pub(super) struct Talk {
    reader: MessageReader,
    /// For how many rounds a message has begun and not ended.
    unfinished: u32,
    second: Timestamp,
    messages: u32,
    choices: u32,
}

/// What there was in what was read.
#[derive(Default)]
pub(super) struct Heard {
    /// Asked for last: whoever chooses twice means the second.
    pub(super) choice: Option<Values>,
    /// What the newest ping wants to have answered.
    pub(super) pong: Option<Vec<u8>>,
    /// The code of their close frame.
    pub(super) close: Option<u16>,
}

/// What a client may say.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum ClientMessage {
    Inputs { values: Values },
    Pong,
}

/// A reader of what clients say; of deflated messages too, where that was agreed on.
pub(super) fn reader(deflates: bool) -> MessageReader {
    let reader = MessageReader::new(LONGEST_MESSAGE);
    if deflates { reader.with_deflate() } else { reader }
}

impl Talk {
    pub(super) fn new(now: Timestamp, deflates: bool) -> Self {
        Self { reader: reader(deflates), unfinished: 0, second: now, messages: 0, choices: 0 }
    }

    /// Takes in what was read.
    ///
    /// # Errors
    /// The goodbye, when it is none of the protocol's, or too much.
    pub(super) fn hear(&mut self, mut bytes: &mut [u8], now: Timestamp) -> Result<Heard, Farewell> {
        let mut all = Heard::default();
        while let Some(heard) = self.reader.next(&mut bytes).map_err(abuse_of)? {
            self.count(now)?;
            match heard {
                websocket::WsMessage::Text(text) => match serde_json::from_str(&text) {
                    Ok(ClientMessage::Pong) => (),
                    Ok(ClientMessage::Inputs { values }) => all.choice = Some(self.allow(values)?),
                    Err(_) => return Err(Farewell::abuse(ABUSE)),
                },
                websocket::WsMessage::Ping(payload) => all.pong = Some(payload),
                websocket::WsMessage::Pong(_) => (),
                websocket::WsMessage::Binary(_) => return Err(Farewell::abuse(ABUSE)),
                websocket::WsMessage::Close(closing) => {
                    all.close = Some(closing.map_or(1000, |closing| closing.code));
                    break;
                }
            }
        }
        if !self.reader.is_unfinished() {
            self.unfinished = 0;
        }
        Ok(all)
    }

    /// Counts one more round, and says whether a message has begun and does not come to its end.
    pub(super) fn is_overdue(&mut self) -> bool {
        self.unfinished += u32::from(self.reader.is_unfinished());
        self.unfinished >= ROUNDS_TO_FINISH
    }

    /// Reads on without understanding.
    pub(super) fn into_reader(self) -> MessageReader {
        self.reader
    }

    fn count(&mut self, now: Timestamp) -> Result<(), Farewell> {
        if now.since(self.second) >= Duration::from_secs(1) || now < self.second {
            (self.second, self.messages, self.choices) = (now, 0, 0);
        }
        self.messages += 1;
        if self.messages > MOST_MESSAGES_A_SECOND { Err(Farewell::abuse(ABUSE)) } else { Ok(()) }
    }

    fn allow(&mut self, values: Values) -> Result<Values, Farewell> {
        self.choices += 1;
        if self.choices > MOST_CHOICES_A_SECOND { Err(Farewell::abuse(ABUSE)) } else { Ok(values) }
    }
}

/// What is too long could be right; everything else is not WebSocket.
fn abuse_of(fault: WebSocketError) -> Farewell {
    Farewell::abuse(if matches!(fault, WebSocketError::MessageTooLong { .. } | WebSocketError::TooManyEmptyFrames) {
        ABUSE
    } else {
        fault.code()
    })
}
