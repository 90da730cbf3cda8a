use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::close_reason::CloseReason;
use super::inbound;
use super::transport::{OutgoingFrame, Upgraded, WsTransport};
use crate::websocket::{self, MessageReader, WsMessage};

/// How long the `bye` message and the close handshake may take. Past this the connection is cut.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_millis(900);

/// The close handshake of a WebSocket (RFC 6455, 7.1.2): the last message, the close frames, the end of the transport.
pub(super) struct CloseHandshake {
    transport: Box<dyn WsTransport>,
    unsent: Option<OutgoingFrame>,
    reader: MessageReader,
}

impl CloseHandshake {
    /// `unsent` is the frame that was begun, whose rest must go out first.
    pub(super) fn new(transport: Box<dyn WsTransport>, unsent: Option<OutgoingFrame>, reader: MessageReader) -> Self {
        Self { transport, unsent, reader }
    }

    /// Sends the `bye` message and closes with the reason's code, within a second whatever the client does.
    pub(super) async fn send(self, reason: &CloseReason) {
        let message = reason.encode();
        self.close_in_time(message.frame(false), false).await;
    }

    /// Answers the client's close frame with the same code (RFC 6455, 5.5.1).
    pub(super) async fn reply(self, code: u16) {
        self.close_in_time(&websocket::close_frame(code, ""), true).await;
    }

    async fn close_in_time(self, last: &[u8], peer_has_closed: bool) {
        match tokio::time::timeout(CLOSE_TIMEOUT, self.close(last, peer_has_closed)).await {
            Ok(Ok(())) => (),
            Ok(Err(error)) => tracing::debug!(%error, "a viewer left during the goodbye"),
            Err(_) => tracing::debug!("a viewer did not take the goodbye in time"),
        }
    }

    async fn close(mut self, last: &[u8], peer_has_closed: bool) -> io::Result<()> {
        if let Some(unsent) = &self.unsent {
            self.transport.write_all(unsent.remaining()).await?;
        }
        self.transport.write_all(last).await?;
        self.transport.flush().await?;
        if !peer_has_closed {
            self.wait_for_peer_close().await?;
        }
        self.transport.shutdown().await
    }

    /// Resolves at the client's close frame, or when it is gone.
    async fn wait_for_peer_close(&mut self) -> io::Result<()> {
        let mut bytes = [0; 512];
        loop {
            let count = self.transport.read(&mut bytes).await?;
            if count == 0 {
                return Ok(());
            }
            let mut rest = &mut bytes[..count];
            // What is no protocol has no close frame either.
            while let Some(message) = self.reader.next(&mut rest).map_err(io::Error::other)? {
                if matches!(message, WsMessage::Close(_)) {
                    return Ok(());
                }
            }
        }
    }
}

/// Closes an upgraded connection that was refused, since a browser's script cannot see the answer to a handshake; then drops
/// `guard`.
pub async fn reject(upgraded: Upgraded, reason: CloseReason, guard: impl Send) {
    let Upgraded { transport, deflates } = upgraded;
    CloseHandshake::new(transport, None, inbound::new_reader(deflates)).send(&reason).await;
    drop(guard);
}
