use std::sync::Arc;

use indexmap::IndexMap;
use serde::Serialize;

use crate::domain::{PanelId, Timestamp};
use crate::panels::PanelFrame;

/// What a channel has to say, encoded once for everybody who listens.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The channel's position after it.
    pub seq: u64,
    /// The JSON text of the wire protocol.
    pub text: Arc<str>,
}

/// The frames of panels by id, in the page's order.
pub(super) type PanelFrames<'a> = IndexMap<&'a PanelId, PanelFrame>;

/// The messages of the wire protocol, server to client.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Message<'a> {
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

impl Message<'_> {
    pub(super) fn encode(&self) -> Arc<str> {
        match serde_json::to_string(self) {
            Ok(text) => text.into(),
            // Plain structs with text keys always encode; numbers that are not finite become null.
            Err(error) => unreachable!("a message of our own did not encode: {error}"),
        }
    }
}
