use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, ReadBuf};

use super::channel::ChannelEnd;
use super::close_handshake::CloseHandshake;
use super::close_reason::CloseReason;
use super::cursor::Cursor;
use super::inbound::{ClientEvents, InboundReader, RequestedInputs};
use super::message::EncodedMessage;
use super::transport::{OutgoingFrame, Upgraded, WsTransport};
use crate::domain::Timestamp;
use crate::telemetry::LiveMetrics;
use crate::websocket;

/// The sweeps of the shard, a minute, after which a connection that accepts no bytes is dropped; a browser reconnects by itself.
/// Sweeps are counted, and not the time: a clock that jumps is no stall.
const MAX_BLOCKED_SWEEPS: u32 = 12;

/// The sweeps, two minutes, after which a connection that has not accepted a whole frame is dropped: it holds that frame for
/// itself alone by then, and a browser has given up waiting for its end.
const MAX_FRAME_SWEEPS: u32 = 24;

/// The pings in a row that a client may leave unanswered. One that answers none is gone: a laptop that sleeps, a network that is away.
const MAX_UNANSWERED_PINGS: u32 = 3;

/// The size of the read buffer. Clients send little.
const READ_BUFFER_BYTES: usize = 2 * 1024;

/// The WebSocket of one viewer, from the upgrade on.
///
/// Two tasks write to it, each only whole frames, and never both at once: that of its shard, whenever its channel has published
/// a batch, and its own, once a transport that was full takes more. It has a cursor and no queue: what is not written yet is
/// the rest of one frame, which all viewers share.
pub(super) struct WsConnection {
    state: Mutex<WsState>,
}

/// The state that the connection's two tasks share.
struct WsState {
    /// Wakes the connection's own task, when the transport can be read or written again.
    task_waker: Waker,
    socket: Option<OpenSocket>,
    lost: bool,
}

/// The transport of an open connection, and the state of both directions.
struct OpenSocket {
    transport: Box<dyn WsTransport>,
    /// Whether its client agreed on deflated messages.
    deflates: bool,
    cursor: Cursor,
    /// The frame that is being written.
    outgoing: Option<OutgoingFrame>,
    pending: PendingControl,
    inbound: InboundReader,
    /// While the transport is full: for how many sweeps it has accepted nothing.
    blocked_sweeps: Option<u32>,
    /// For how many sweeps the current frame has been in writing.
    frame_sweeps: u32,
    /// Pings since anything was received. They are counted, and not the time: a clock that jumps is no silence.
    unanswered_pings: u32,
}

/// Messages that go out before the channel's next one, once the current frame is written. At most one of each.
#[derive(Default)]
struct PendingControl {
    hello: Option<Arc<EncodedMessage>>,
    ping: bool,
    /// The payload of the client's newest ping, which is to be answered; older ones need no answer (RFC 6455, 5.5.3).
    pong: Option<Vec<u8>>,
}

/// Frames and bytes written that are not in the metrics yet.
#[derive(Default)]
pub(super) struct WriteStats {
    frames: u64,
    bytes: u64,
}

impl WriteStats {
    fn add_frame(&mut self, bytes: usize) {
        self.frames += 1;
        self.bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
    }

    /// The bytes that are not in the metrics yet.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds them to the metrics, once for many frames.
    pub(super) fn flush_to(&mut self, metrics: &LiveMetrics) {
        let Self { frames, bytes } = std::mem::take(self);
        if frames > 0 {
            metrics.add_written(frames, bytes);
        }
    }
}

/// An event that a connection's own task handles.
pub(super) enum ConnectionEvent {
    /// The client asks for the channel of other inputs.
    InputsRequested(RequestedInputs),
    /// The client broke the protocol.
    ProtocolError(CloseReason),
    /// The client sent a close frame with this code.
    PeerClosed(u16),
    /// The channel has ended.
    ChannelEnded(ChannelEnd),
    /// The connection is lost, or was dropped by a sweep.
    Lost,
}

impl WsConnection {
    /// A connection whose first message is `hello`.
    pub(super) fn new(upgraded: Upgraded, cursor: Cursor, hello: Arc<EncodedMessage>, now: Timestamp) -> Self {
        let Upgraded { transport, deflates } = upgraded;
        let pending = PendingControl { hello: Some(hello), ..PendingControl::default() };
        let inbound = InboundReader::new(now, deflates);
        let socket = OpenSocket {
            transport,
            deflates,
            cursor,
            outgoing: None,
            pending,
            inbound,
            blocked_sweeps: None,
            frame_sweeps: 0,
            unanswered_pings: 0,
        };
        Self { state: Mutex::new(WsState { task_waker: Waker::noop().clone(), socket: Some(socket), lost: false }) }
    }

    /// Writes what is new in its channel, as far as the transport accepts it at once.
    pub(super) fn write(&self, stats: &mut WriteStats) {
        let WsState { task_waker, socket, lost } = &mut *self.state();
        let Some(socket) = socket else { return };
        if socket.cursor.channel().ended().is_some() {
            task_waker.wake_by_ref();
            return;
        }
        // Its own task is woken by the transport, and continues.
        if socket.blocked_sweeps.is_some() {
            return;
        }
        if socket.write(&mut Context::from_waker(task_waker), stats).is_err() {
            *lost = true;
            task_waker.wake_by_ref();
        }
    }

    /// Sends a ping, to find out whether the client is still there.
    pub(super) fn ping(&self, stats: &mut WriteStats) {
        if let Some(socket) = &mut self.state().socket {
            socket.pending.ping = true;
            // While a frame waits for room, the ping cannot have arrived.
            socket.unanswered_pings += u32::from(socket.blocked_sweeps.is_none());
        }
        self.write(stats);
    }

    /// Counts one sweep, and drops the connection when it has accepted nothing, or answered nothing, for too long.
    pub(super) fn sweep(&self) {
        let WsState { task_waker, socket, lost } = &mut *self.state();
        if socket.as_mut().is_some_and(OpenSocket::is_overdue) {
            *lost = true;
            task_waker.wake_by_ref();
        }
    }

    /// Drops the connection after a fault of ours.
    pub(super) fn mark_lost(&self) {
        let WsState { task_waker, lost, .. } = &mut *self.state();
        *lost = true;
        task_waker.wake_by_ref();
    }

    /// Polls for the next event for its own task, and writes meanwhile.
    pub(super) fn poll_event(
        &self,
        context: &mut Context<'_>,
        now: Timestamp,
        stats: &mut WriteStats,
    ) -> Poll<ConnectionEvent> {
        let WsState { task_waker, socket, lost } = &mut *self.state();
        task_waker.clone_from(context.waker());
        let Some(socket) = socket.as_mut().filter(|_| !*lost) else { return Poll::Ready(ConnectionEvent::Lost) };
        if let Some(end) = socket.cursor.channel().ended() {
            return Poll::Ready(ConnectionEvent::ChannelEnded(end));
        }
        match socket.write(context, stats) {
            Ok(()) => socket.poll_read(context, now, stats),
            Err(_) => Poll::Ready(ConnectionEvent::Lost),
        }
    }

    /// How many batches it is behind its channel, and whether its transport is full; `None` once it is closing.
    pub(super) fn lag(&self) -> Option<(u64, bool)> {
        let state = self.state();
        let socket = state.socket.as_ref()?;
        Some((socket.cursor.lag(), socket.blocked_sweeps.is_some()))
    }

    /// Moves to the channel of another cursor. The next message is a snapshot, then.
    pub(super) fn switch_channel(&self, cursor: Cursor) {
        let mut state = self.state();
        let old_cursor = state.socket.as_mut().map(|socket| std::mem::replace(&mut socket.cursor, cursor));
        drop(state);
        // It may be the last to hold its channel, and whoever drops that drops feeds.
        drop(old_cursor);
    }

    /// Takes the transport out for the close handshake. Nothing else is written to it from now on; `None` if it is taken.
    pub(super) fn begin_close(&self) -> Option<CloseHandshake> {
        let OpenSocket { transport, outgoing, inbound, .. } = self.state().socket.take()?;
        Some(CloseHandshake::new(transport, outgoing, inbound.into_reader()))
    }

    fn state(&self) -> MutexGuard<'_, WsState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenSocket {
    /// Writes frame after frame, until there is none left or the transport is full.
    fn write(&mut self, context: &mut Context<'_>, stats: &mut WriteStats) -> io::Result<()> {
        loop {
            if let Some(outgoing) = &mut self.outgoing {
                let before = outgoing.written();
                let sent = outgoing.poll_write(&mut self.transport, context)?;
                let made_progress = sent.is_ready() || outgoing.written() > before;
                if sent.is_pending() {
                    self.blocked_sweeps = if made_progress { Some(0) } else { self.blocked_sweeps.or(Some(0)) };
                    return Ok(());
                }
                (self.blocked_sweeps, self.frame_sweeps) = (None, 0);
                stats.add_frame(outgoing.written());
            }
            self.outgoing = self.next_frame();
            if self.outgoing.is_none() {
                return Ok(());
            }
        }
    }

    fn next_frame(&mut self) -> Option<OutgoingFrame> {
        if let Some(hello) = self.pending.hello.take() {
            return Some(OutgoingFrame::shared(hello, false));
        }
        if let Some(payload) = self.pending.pong.take() {
            return Some(OutgoingFrame::owned(websocket::pong_frame(&payload)));
        }
        if std::mem::take(&mut self.pending.ping) {
            return Some(OutgoingFrame::shared(Arc::clone(self.cursor.channel().ping_message()), false));
        }
        self.cursor.next_message().map(|message| OutgoingFrame::shared(message, self.deflates))
    }

    /// Reads what has come, up to the first event for its task.
    fn poll_read(&mut self, context: &mut Context<'_>, now: Timestamp, stats: &mut WriteStats) -> Poll<ConnectionEvent> {
        let mut bytes = [0; READ_BUFFER_BYTES];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            match std::task::ready!(Pin::new(&mut self.transport).poll_read(context, &mut buffer)) {
                Ok(()) if buffer.filled().is_empty() => return Poll::Ready(ConnectionEvent::Lost),
                Ok(()) => self.unanswered_pings = 0,
                Err(_) => return Poll::Ready(ConnectionEvent::Lost),
            }
            let ClientEvents { inputs, pong, close } = match self.inbound.receive(buffer.filled_mut(), now) {
                Ok(events) => events,
                Err(reason) => return Poll::Ready(ConnectionEvent::ProtocolError(reason)),
            };
            if let Some(code) = close {
                return Poll::Ready(ConnectionEvent::PeerClosed(code));
            }
            if let Some(payload) = pong {
                self.pending.pong = Some(payload);
                if self.blocked_sweeps.is_none() && self.write(context, stats).is_err() {
                    return Poll::Ready(ConnectionEvent::Lost);
                }
            }
            if let Some(values) = inputs {
                return Poll::Ready(ConnectionEvent::InputsRequested(values));
            }
        }
    }

    /// Counts one more sweep, and returns whether a limit is exceeded.
    fn is_overdue(&mut self) -> bool {
        self.frame_sweeps += u32::from(self.outgoing.is_some());
        self.blocked_sweeps = self.blocked_sweeps.map(|sweeps| sweeps + 1);
        let is_stalled = self.blocked_sweeps.is_some_and(|sweeps| sweeps >= MAX_BLOCKED_SWEEPS);
        let is_too_slow = self.frame_sweeps >= MAX_FRAME_SWEEPS;
        is_stalled || is_too_slow || self.unanswered_pings > MAX_UNANSWERED_PINGS || self.inbound.is_overdue()
    }
}
