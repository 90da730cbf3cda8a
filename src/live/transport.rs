use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite};

use super::message::EncodedMessage;

/// The byte stream beneath a WebSocket, both ways: TCP, or TLS over it.
pub trait WsTransport: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> WsTransport for T {}

/// A connection after the WebSocket handshake, and the extension agreed on in it.
pub struct Upgraded {
    /// The byte stream.
    pub transport: Box<dyn WsTransport>,
    /// Whether messages may be deflated, each by itself (RFC 7692).
    pub deflates: bool,
}

/// A frame that is being written, and how much of it is.
pub(super) struct OutgoingFrame {
    frame: FrameBytes,
    written: usize,
}

enum FrameBytes {
    Shared { message: Arc<EncodedMessage>, deflates: bool },
    Owned(Vec<u8>),
}

impl OutgoingFrame {
    /// A message of the channel, whose bytes all viewers share.
    pub(super) fn shared(message: Arc<EncodedMessage>, deflates: bool) -> Self {
        Self { frame: FrameBytes::Shared { message, deflates }, written: 0 }
    }

    /// A frame for this connection alone.
    pub(super) fn owned(frame: Vec<u8>) -> Self {
        Self { frame: FrameBytes::Owned(frame), written: 0 }
    }

    /// The number of bytes written.
    pub(super) fn written(&self) -> usize {
        self.written
    }

    /// The bytes that are not written yet.
    pub(super) fn remaining(&self) -> &[u8] {
        let bytes = match &self.frame {
            FrameBytes::Shared { message, deflates } => message.frame(*deflates),
            FrameBytes::Owned(bytes) => bytes,
        };
        &bytes[self.written..]
    }

    /// Continues writing. Ready once all is written and flushed.
    pub(super) fn poll_write(
        &mut self,
        transport: &mut Box<dyn WsTransport>,
        context: &mut Context<'_>,
    ) -> io::Result<Poll<()>> {
        match self.poll_write_all(transport, context) {
            Poll::Ready(written) => written.map(Poll::Ready),
            Poll::Pending => Ok(Poll::Pending),
        }
    }

    fn poll_write_all(&mut self, transport: &mut Box<dyn WsTransport>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.remaining().is_empty() {
            match ready!(Pin::new(&mut *transport).poll_write(context, self.remaining()))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.written += count,
            }
        }
        // TLS buffers what the system did not accept.
        Pin::new(transport).poll_flush(context)
    }
}
