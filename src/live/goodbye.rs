use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::farewell::Farewell;
use super::talk;
use super::wire::{Sending, Upgraded, Wire};
use crate::websocket::{self, MessageReader, WsMessage};

/// How long the goodbye and the close handshake may take. Past this the connection is cut.
pub(super) const PATIENCE: Duration = Duration::from_millis(900);

/// A wire on which nothing is left to say but goodbye.
pub(super) struct Leaving {
    wire: Box<dyn Wire>,
    unsent: Option<Sending>,
    reader: MessageReader,
}

impl Leaving {
    /// The frame that was begun is `unsent` yet.
    pub(super) fn new(wire: Box<dyn Wire>, unsent: Option<Sending>, reader: MessageReader) -> Self {
        Self { wire, unsent, reader }
    }

    /// Says goodbye and closes with the farewell's code, within a second whatever the other side does.
    pub(super) async fn say(self, farewell: &Farewell) {
        let said = farewell.said();
        self.within_patience(said.frame(false), false).await;
    }

    /// Answers the other side's close frame with the same code (RFC 6455, 5.5.1).
    pub(super) async fn answer(self, code: u16) {
        self.within_patience(&websocket::close_frame(code, ""), true).await;
    }

    async fn within_patience(self, last: &[u8], they_have_closed: bool) {
        match tokio::time::timeout(PATIENCE, self.close(last, they_have_closed)).await {
            Ok(Ok(())) => (),
            Ok(Err(error)) => tracing::debug!(%error, "a viewer left during the goodbye"),
            Err(_) => tracing::debug!("a viewer did not take the goodbye in time"),
        }
    }

    async fn close(mut self, last: &[u8], they_have_closed: bool) -> io::Result<()> {
        if let Some(unsent) = &self.unsent {
            self.wire.write_all(unsent.rest()).await?;
        }
        self.wire.write_all(last).await?;
        self.wire.flush().await?;
        if !they_have_closed {
            self.hear_their_close().await?;
        }
        self.wire.shutdown().await
    }

    /// Resolves at their close frame, or when they are gone.
    async fn hear_their_close(&mut self) -> io::Result<()> {
        let mut bytes = [0; 512];
        loop {
            let count = self.wire.read(&mut bytes).await?;
            if count == 0 {
                return Ok(());
            }
            let mut rest = &mut bytes[..count];
            // What is no protocol has no close frame either.
            while let Some(heard) = self.reader.next(&mut rest).map_err(io::Error::other)? {
                if matches!(heard, WsMessage::Close(_)) {
                    return Ok(());
                }
            }
        }
    }
}

/// Says goodbye to somebody who gets no connection, since a browser's script cannot see the answer to a handshake, and lets go
/// of what is `kept` then.
pub async fn turn_away(upgraded: Upgraded, farewell: Farewell, kept: impl Send) {
    let Upgraded { wire, deflates } = upgraded;
    Leaving::new(wire, None, talk::reader(deflates)).say(&farewell).await;
    drop(kept);
}
