//! A log writer that keeps the log in memory, for tests.

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tracing::Dispatch;
use tracing_subscriber::fmt::MakeWriter;

/// A `tracing` writer into memory. Clones share their text.
#[derive(Clone, Default)]
pub(crate) struct LogCapture(Arc<Mutex<Vec<u8>>>);

impl LogCapture {
    /// An empty capture.
    ///
    /// While there is just one subscriber, `tracing` asks the thread that first reaches a callsite whether it is of
    /// interest, and caches a "no" for all; the tests' other threads would say no. A second subscriber, which throws
    /// everything away, keeps it from that.
    pub(crate) fn new() -> Self {
        static SECOND_SUBSCRIBER: OnceLock<Dispatch> = OnceLock::new();
        SECOND_SUBSCRIBER.get_or_init(|| {
            let all = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
            Dispatch::new(all.with_writer(io::sink).finish())
        });
        Self::default()
    }

    /// The text that was written so far.
    pub(crate) fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl io::Write for LogCapture {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogCapture {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
