use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite};

use super::message::EncodedMessage;

/// A connection's bytes, both ways: TCP, or TLS over it.
pub trait WsTransport: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> WsTransport for T {}

/// A connection after the handshake, and what was agreed on in it.
pub struct Upgraded {
    /// Its bytes.
    pub transport: Box<dyn WsTransport>,
    /// Whether messages may be deflated, each by itself (RFC 7692).
    pub deflates: bool,
}

/// A frame that is being written.
pub(super) struct OutgoingFrame {
    frame: FrameBytes,
    written: usize,
}

enum FrameBytes {
    Shared { said: Arc<EncodedMessage>, deflates: bool },
    Owned(Vec<u8>),
}

impl OutgoingFrame {
    /// What is said to everybody.
    pub(super) fn shared(said: Arc<EncodedMessage>, deflates: bool) -> Self {
        Self { frame: FrameBytes::Shared { said, deflates }, written: 0 }
    }

    /// What is said to one.
    pub(super) fn owned(frame: Vec<u8>) -> Self {
        Self { frame: FrameBytes::Owned(frame), written: 0 }
    }

    /// How many bytes the wire has taken.
    pub(super) fn written(&self) -> usize {
        self.written
    }

    /// What the wire has not taken yet.
    pub(super) fn remaining(&self) -> &[u8] {
        let bytes = match &self.frame {
            FrameBytes::Shared { said, deflates } => said.frame(*deflates),
            FrameBytes::Owned(bytes) => bytes,
        };
        &bytes[self.written..]
    }

    /// Writes on. Ready once all is written, and handed on to the system.
    pub(super) fn poll_write(
        &mut self,
        wire: &mut Box<dyn WsTransport>,
        context: &mut Context<'_>,
    ) -> io::Result<Poll<()>> {
        match self.poll_write_all(wire, context) {
            Poll::Ready(written) => written.map(Poll::Ready),
            Poll::Pending => Ok(Poll::Pending),
        }
    }

    fn poll_write_all(&mut self, wire: &mut Box<dyn WsTransport>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.remaining().is_empty() {
            match ready!(Pin::new(&mut *wire).poll_write(context, self.remaining()))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                taken => self.written += taken,
            }
        }
        // TLS keeps what the system did not take.
        Pin::new(wire).poll_flush(context)
    }
}
