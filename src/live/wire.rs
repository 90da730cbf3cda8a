use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite};

use super::said::Said;

/// A connection's bytes, both ways: TCP, or TLS over it.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// A connection after the handshake, and what was agreed on in it.
pub struct Upgraded {
    /// Its bytes.
    pub wire: Box<dyn Wire>,
    /// Whether messages may be deflated, each by itself (RFC 7692).
    pub deflates: bool,
}

/// A frame that is being written.
pub(super) struct Sending {
    frame: Frame,
    written: usize,
}

enum Frame {
    Shared { said: Arc<Said>, deflates: bool },
    Own(Vec<u8>),
}

impl Sending {
    /// What is said to everybody.
    pub(super) fn shared(said: Arc<Said>, deflates: bool) -> Self {
        Self { frame: Frame::Shared { said, deflates }, written: 0 }
    }

    /// What is said to one.
    pub(super) fn own(frame: Vec<u8>) -> Self {
        Self { frame: Frame::Own(frame), written: 0 }
    }

    /// How many bytes the wire has taken.
    pub(super) fn written(&self) -> usize {
        self.written
    }

    /// What the wire has not taken yet.
    pub(super) fn rest(&self) -> &[u8] {
        let bytes = match &self.frame {
            Frame::Shared { said, deflates } => said.frame(*deflates),
            Frame::Own(bytes) => bytes,
        };
        &bytes[self.written..]
    }

    /// Writes on. Ready once all is written, and handed on to the system.
    pub(super) fn poll(&mut self, wire: &mut Box<dyn Wire>, context: &mut Context<'_>) -> io::Result<Poll<()>> {
        match self.poll_all(wire, context) {
            Poll::Ready(written) => written.map(Poll::Ready),
            Poll::Pending => Ok(Poll::Pending),
        }
    }

    fn poll_all(&mut self, wire: &mut Box<dyn Wire>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.rest().is_empty() {
            match ready!(Pin::new(&mut *wire).poll_write(context, self.rest()))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                taken => self.written += taken,
            }
        }
        // TLS keeps what the system did not take.
        Pin::new(wire).poll_flush(context)
    }
}
