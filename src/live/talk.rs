use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::farewell::Farewell;
use crate::domain::Timestamp;
use crate::websocket::{self, Fault, Reader};

/// Clients say little: a pong, or the values of a page's inputs.
const LONGEST_MESSAGE: usize = 16 * 1024;

/// Nobody chooses other inputs more often than this; each choice costs a snapshot. The page's own script sends no more
/// than half as many.
const MOST_CHOICES_A_SECOND: u32 = 8;

/// Choices, and the answers to two pings each heartbeat: more than this within a second is nothing that a page says.
const MOST_MESSAGES_A_SECOND: u32 = 64;

/// A message that has begun is whole by then; slower than this is no network, but somebody who holds a place.
const UNFINISHED_AFTER: Duration = Duration::from_secs(15);

/// Protocol abuse (RFC 6455, 7.4.1: policy violation).
const ABUSE: u16 = 1008;

/// The values of inputs by name, as a client asks for them.
pub(super) type Choice = BTreeMap<String, String>;

/// What a client says over a WebSocket, held to the protocol and to its pace.
pub(super) struct Talk {
    reader: Reader,
    unfinished_since: Option<Timestamp>,
    second: Timestamp,
    messages: u32,
    choices: u32,
}

/// What there was in what was read.
#[derive(Default)]
pub(super) struct Heard {
    /// Asked for last: whoever chooses twice means the second.
    pub(super) choice: Option<Choice>,
    /// What the newest ping wants to have answered.
    pub(super) pong: Option<Vec<u8>>,
    /// The code of their close frame.
    pub(super) close: Option<u16>,
}

/// What a client may say.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum ClientMessage {
    Inputs { values: Choice },
    Pong,
}

impl Talk {
    pub(super) fn new(now: Timestamp, deflates: bool) -> Self {
        let reader = Reader::new(LONGEST_MESSAGE);
        let reader = if deflates { reader.inflating() } else { reader };
        Self { reader, unfinished_since: None, second: now, messages: 0, choices: 0 }
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
                websocket::Heard::Text(text) => match serde_json::from_str(&text) {
                    Ok(ClientMessage::Pong) => (),
                    Ok(ClientMessage::Inputs { values }) => all.choice = Some(self.allow(values)?),
                    Err(_) => return Err(Farewell::abuse(ABUSE)),
                },
                websocket::Heard::Ping(payload) => all.pong = Some(payload),
                websocket::Heard::Pong(_) => (),
                websocket::Heard::Binary(_) => return Err(Farewell::abuse(ABUSE)),
                websocket::Heard::Close(closing) => {
                    all.close = Some(closing.map_or(1000, |closing| closing.code));
                    break;
                }
            }
        }
        self.unfinished_since = self.reader.is_unfinished().then(|| self.unfinished_since.unwrap_or(now));
        Ok(all)
    }

    /// Whether a message has begun and does not come to its end.
    pub(super) fn is_overdue(&self, now: Timestamp) -> bool {
        self.unfinished_since.is_some_and(|since| now.since(since) >= UNFINISHED_AFTER)
    }

    /// Reads on without understanding.
    pub(super) fn into_reader(self) -> Reader {
        self.reader
    }

    fn count(&mut self, now: Timestamp) -> Result<(), Farewell> {
        if now.since(self.second) >= Duration::from_secs(1) || now < self.second {
            (self.second, self.messages, self.choices) = (now, 0, 0);
        }
        self.messages += 1;
        if self.messages > MOST_MESSAGES_A_SECOND { Err(Farewell::abuse(ABUSE)) } else { Ok(()) }
    }

    fn allow(&mut self, values: Choice) -> Result<Choice, Farewell> {
        self.choices += 1;
        if self.choices > MOST_CHOICES_A_SECOND { Err(Farewell::abuse(ABUSE)) } else { Ok(values) }
    }
}

/// What is too long could be right; everything else is not WebSocket.
fn abuse_of(fault: Fault) -> Farewell {
    Farewell::abuse(if matches!(fault, Fault::TooLong { .. } | Fault::TooManyEmptyFrames) {
        ABUSE
    } else {
        fault.code()
    })
}
