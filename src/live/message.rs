use std::fmt::Write;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use serde::{Serialize, Serializer};

use crate::domain::{PanelId, Timestamp};
use crate::panels::PanelFrame;
use crate::websocket;

/// A position in a channel's history of batches: which run of the channel, and how far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelPosition {
    /// Which run of the channel; a new one after every restart.
    pub epoch: String,
    /// The number of the newest batch at that position; 0 before the first.
    pub seq: u64,
}

/// A server message, encoded once in each form it is sent in, for all viewers.
#[derive(Debug)]
pub struct EncodedMessage {
    /// The channel's position after it; `None` for messages other than batches and snapshots.
    position: Option<ChannelPosition>,
    /// When the oldest reading of a batch was taken; `None` for what is no batch.
    read_at: Option<Timestamp>,
    /// The WebSocket frame. A server's frames are not masked (RFC 6455, 5.1), so the same bytes serve all.
    frame: Box<[u8]>,
    /// The frame with its payload deflated, made for the first client that agreed on it. `None` where it would not be shorter.
    deflated: OnceLock<Option<Box<[u8]>>>,
    /// The range of the JSON text within the frame.
    text: Range<usize>,
    /// The server-sent event, made for the first stream that sends it.
    event: OnceLock<Box<[u8]>>,
}

/// A message as server-sent event (HTML, 9.2), ready to be written.
#[derive(Clone, Debug)]
pub struct SseEvent(Arc<EncodedMessage>);

/// The frames of panels by id, in the page's order.
#[derive(Debug)]
pub(super) struct PanelFrames<'a>(Vec<(&'a PanelId, PanelFrame)>);

impl PanelFrames<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn into_owned(self) -> impl Iterator<Item = (PanelId, PanelFrame)> {
        self.0.into_iter().map(|(id, frame)| (id.clone(), frame))
    }
}

impl<'a> FromIterator<(&'a PanelId, PanelFrame)> for PanelFrames<'a> {
    fn from_iter<I: IntoIterator<Item = (&'a PanelId, PanelFrame)>>(frames: I) -> Self {
        Self(frames.into_iter().collect())
    }
}

impl Serialize for PanelFrames<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(id, frame)| (id, frame)))
    }
}

/// The messages of the wire protocol, server to client.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum ServerMessage<'a> {
    Hello {
        epoch: &'a str,
        seq: u64,
        heartbeat: u64,
        revision: &'a str,
    },
    Snapshot {
        epoch: &'a str,
        seq: u64,
        panels: &'a PanelFrames<'a>,
    },
    Batch {
        seq: u64,
        sent: Timestamp,
        panels: &'a PanelFrames<'a>,
    },
    Ping,
    Bye {
        reason: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_ms: Option<u64>,
    },
}

impl EncodedMessage {
    /// A message of that JSON text, after which a channel is at `position`.
    pub(super) fn of_text(text: &str, position: Option<ChannelPosition>, read_at: Option<Timestamp>) -> Self {
        let frame = websocket::text_frame(text).into_boxed_slice();
        let text = frame.len() - text.len()..frame.len();
        Self { position, read_at, frame, deflated: OnceLock::new(), text, event: OnceLock::new() }
    }

    /// The JSON text of the wire protocol.
    pub fn text(&self) -> &str {
        // It was text when the frame was made of it.
        str::from_utf8(&self.frame[self.text.clone()]).unwrap_or_default()
    }

    /// The WebSocket frame, deflated where its client agreed on that and it is shorter.
    pub fn frame(&self, deflates: bool) -> &[u8] {
        if !deflates || self.text.len() < websocket::MIN_DEFLATED_BYTES {
            return &self.frame;
        }
        let deflated = self.deflated.get_or_init(|| {
            let deflated = websocket::deflated_text_frame(self.text());
            (deflated.len() < self.frame.len()).then(|| deflated.into_boxed_slice())
        });
        deflated.as_deref().unwrap_or(&self.frame)
    }

    /// The channel's position after it; `None` for messages other than batches and snapshots.
    pub fn position(&self) -> Option<&ChannelPosition> {
        self.position.as_ref()
    }

    /// When the oldest of its readings was taken; `None` for what is no batch.
    pub(super) fn read_at(&self) -> Option<Timestamp> {
        self.read_at
    }

    /// The server-sent event. Its `id` is the position, so that a browser brings it back.
    pub fn event(self: &Arc<Self>) -> SseEvent {
        self.event.get_or_init(|| {
            let mut event = String::with_capacity(self.text.len() + 64);
            if let Some(ChannelPosition { epoch, seq }) = &self.position {
                // A string takes whatever is written to it.
                let _ = writeln!(event, "id: {epoch}:{seq}");
            }
            event.push_str("data: ");
            event.push_str(self.text());
            event.push_str("\n\n");
            event.into_bytes().into()
        });
        SseEvent(Arc::clone(self))
    }

    /// The message with a control frame behind it, for WebSockets alone.
    #[must_use]
    pub(super) fn with_control_frame(mut self, control: &[u8]) -> Self {
        self.frame = [&*self.frame, control].concat().into();
        self
    }
}

impl AsRef<[u8]> for SseEvent {
    fn as_ref(&self) -> &[u8] {
        self.0.event.get().map_or(&[], |event| event)
    }
}

impl ServerMessage<'_> {
    pub(super) fn encode(&self) -> EncodedMessage {
        self.encode_at(None)
    }

    /// The JSON text.
    pub(super) fn to_text(&self) -> String {
        match serde_json::to_string(self) {
            Ok(text) => text,
            // Plain structs with text keys always encode; numbers that are not finite become null.
            Err(error) => unreachable!("a message of our own did not encode: {error}"),
        }
    }

    fn read_at(&self) -> Option<Timestamp> {
        match self {
            Self::Batch { panels, .. } => panels.0.iter().filter_map(|(_, frame)| frame.at).min(),
            _ => None,
        }
    }

    /// Encodes a message after which a channel is at `position`.
    pub(super) fn encode_at(&self, position: Option<ChannelPosition>) -> EncodedMessage {
        EncodedMessage::of_text(&self.to_text(), position, self.read_at())
    }
}
