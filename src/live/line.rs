use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, ReadBuf};

use super::cursor::Cursor;
use super::farewell::Farewell;
use super::goodbye::Leaving;
use super::said::Said;
use super::talk::{Heard, Talk, Values};
use super::wire::{Sending, Upgraded, Wire};
use crate::domain::Timestamp;
use crate::telemetry::LiveMetrics;
use crate::websocket;

/// A line that takes nothing for so many rounds of its row, a minute, is given up; a browser comes back by itself. Rounds are
/// counted, and not the time: a clock that jumps is no stall.
const ROUNDS_TO_STALL: u32 = 12;

/// And one that has not taken a frame whole after two minutes: it holds that frame for itself alone by then, and a browser
/// has given up waiting for its end.
const ROUNDS_FOR_A_FRAME: u32 = 24;

/// Whoever answers none of so many pings in a row has gone without a word: a laptop that sleeps, a network that is away.
const UNANSWERED_PINGS: u32 = 3;

/// What is read at once. Clients say little.
const READ_AT_ONCE: usize = 2 * 1024;

/// One viewer's WebSocket, from the upgrade on.
///
/// Two write to it, each only whole frames, and never both at once: the row it sits in, whenever its channel has told
/// something, and its own task, once a wire that was full takes more. It has a cursor and no queue: what is not written
/// yet is the rest of one frame, which all who get it share.
pub(super) struct Line {
    state: Mutex<State>,
}

struct State {
    /// Who is woken when the wire can be read, or written again.
    own: Waker,
    pen: Option<Pen>,
    lost: bool,
}

/// What is said, and what is heard.
struct Pen {
    wire: Box<dyn Wire>,
    /// Whether its client takes messages deflated.
    deflates: bool,
    cursor: Cursor,
    /// The frame that is being written.
    sending: Option<Sending>,
    owed: Owed,
    talk: Talk,
    /// Whether the wire is full, and for how many rounds it has taken nothing.
    blocked: Option<u32>,
    /// For how many rounds the frame that is being written has been.
    frame_rounds: u32,
    /// Pings since anything was heard. They are counted, and not the time: a clock that jumps is no silence.
    unanswered: u32,
}

/// What is to be said at the next end of a frame, besides what the channel tells. Each is there once at most.
#[derive(Default)]
struct Owed {
    greeting: Option<Arc<Said>>,
    ping: bool,
    /// The answer to the newest of the other side's pings: older ones need none (RFC 6455, 5.5.3).
    pong: Option<Vec<u8>>,
}

/// What was written, until it is counted.
#[derive(Default)]
pub(super) struct Tally {
    frames: u64,
    bytes: u64,
}

impl Tally {
    fn wrote(&mut self, bytes: usize) {
        self.frames += 1;
        self.bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
    }

    /// How many bytes are not counted yet.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Counts it, once for many frames.
    pub(super) fn count(&mut self, metrics: &LiveMetrics) {
        let Self { frames, bytes } = std::mem::take(self);
        if frames > 0 {
            metrics.wrote(frames, bytes);
        }
    }
}

/// What a line has for its own task.
pub(super) enum News {
    /// Another channel of the page is asked for.
    Choice(Values),
    /// What came is none of the protocol's.
    Abuse(Farewell),
    /// They say goodbye first.
    Closed(u16),
    /// The channel broke.
    Broken,
    /// Nobody is there any more.
    Lost,
}

impl Line {
    /// A line that begins with `greeting`.
    pub(super) fn new(upgraded: Upgraded, cursor: Cursor, greeting: Arc<Said>, now: Timestamp) -> Self {
        let Upgraded { wire, deflates } = upgraded;
        let owed = Owed { greeting: Some(greeting), ..Owed::default() };
        let talk = Talk::new(now, deflates);
        let pen =
            Pen { wire, deflates, cursor, sending: None, owed, talk, blocked: None, frame_rounds: 0, unanswered: 0 };
        Self { state: Mutex::new(State { own: Waker::noop().clone(), pen: Some(pen), lost: false }) }
    }

    /// Writes what its channel has told, as far as the wire takes it at once.
    pub(super) fn write(&self, tally: &mut Tally) {
        let State { own, pen, lost } = &mut *self.state();
        let Some(pen) = pen else { return };
        // Its own task is woken by the wire, and goes on.
        if pen.blocked.is_some() {
            return;
        }
        if pen.cursor.channel().is_broken() {
            own.wake_by_ref();
        } else if pen.write(&mut Context::from_waker(own), tally).is_err() {
            *lost = true;
            own.wake_by_ref();
        }
    }

    /// Asks whether anybody is there.
    pub(super) fn ping(&self, tally: &mut Tally) {
        if let Some(pen) = &mut self.state().pen {
            pen.owed.ping = true;
            // While a frame waits for room nobody can have heard the question.
            pen.unanswered += u32::from(pen.blocked.is_none());
        }
        self.write(tally);
    }

    /// Gives it up when it has taken nothing, or answered nothing, for too long.
    pub(super) fn sweep(&self) {
        let State { own, pen, lost } = &mut *self.state();
        if pen.as_mut().is_some_and(Pen::is_overdue) {
            *lost = true;
            own.wake_by_ref();
        }
    }

    /// Gives it up after a fault of ours.
    pub(super) fn give_up(&self) {
        let State { own, lost, .. } = &mut *self.state();
        *lost = true;
        own.wake_by_ref();
    }

    /// What there is for its own task to do. It goes on writing meanwhile.
    pub(super) fn poll_news(&self, context: &mut Context<'_>, now: Timestamp, tally: &mut Tally) -> Poll<News> {
        let State { own, pen, lost } = &mut *self.state();
        own.clone_from(context.waker());
        let Some(pen) = pen.as_mut().filter(|_| !*lost) else { return Poll::Ready(News::Lost) };
        if pen.cursor.channel().is_broken() {
            return Poll::Ready(News::Broken);
        }
        match pen.write(context, tally) {
            Ok(()) => pen.poll_heard(context, now, tally),
            Err(_) => Poll::Ready(News::Lost),
        }
    }

    /// How many batches it is behind its channel, and whether its wire is full; `None` once it has ended.
    pub(super) fn lag(&self) -> Option<(u64, bool)> {
        let state = self.state();
        let pen = state.pen.as_ref()?;
        Some((pen.cursor.lag(), pen.blocked.is_some()))
    }

    /// Goes on in another channel. What follows begins with a snapshot.
    pub(super) fn move_to(&self, cursor: Cursor) {
        let mut state = self.state();
        let left = state.pen.as_mut().map(|pen| std::mem::replace(&mut pen.cursor, cursor));
        drop(state);
        // Letting go of a channel takes locks of its own.
        drop(left);
    }

    /// Takes the wire out, to say goodbye on it. Nothing else is written to it from now on.
    pub(super) fn leave(&self) -> Option<Leaving> {
        let Pen { wire, sending, talk, .. } = self.state().pen.take()?;
        Some(Leaving::new(wire, sending, talk.into_reader()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pen {
    /// Writes frame after frame, until there is nothing to say or the wire is full.
    fn write(&mut self, context: &mut Context<'_>, tally: &mut Tally) -> io::Result<()> {
        loop {
            if let Some(sending) = &mut self.sending {
                let before = sending.written();
                let sent = sending.poll(&mut self.wire, context)?;
                let is_taken = sent.is_ready() || sending.written() > before;
                if sent.is_pending() {
                    self.blocked = if is_taken { Some(0) } else { self.blocked.or(Some(0)) };
                    return Ok(());
                }
                (self.blocked, self.frame_rounds) = (None, 0);
                tally.wrote(sending.written());
            }
            self.sending = self.next_to_say();
            if self.sending.is_none() {
                return Ok(());
            }
        }
    }

    fn next_to_say(&mut self) -> Option<Sending> {
        if let Some(greeting) = self.owed.greeting.take() {
            return Some(Sending::shared(greeting, false));
        }
        if let Some(payload) = self.owed.pong.take() {
            return Some(Sending::own(websocket::pong_frame(&payload)));
        }
        if std::mem::take(&mut self.owed.ping) {
            return Some(Sending::shared(Arc::clone(self.cursor.channel().ping()), false));
        }
        self.cursor.advance().map(|said| Sending::shared(said, self.deflates))
    }

    /// Reads what has come, up to what its task has to know.
    fn poll_heard(&mut self, context: &mut Context<'_>, now: Timestamp, tally: &mut Tally) -> Poll<News> {
        let mut bytes = [0; READ_AT_ONCE];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            match std::task::ready!(Pin::new(&mut self.wire).poll_read(context, &mut buffer)) {
                Ok(()) if buffer.filled().is_empty() => return Poll::Ready(News::Lost),
                Ok(()) => self.unanswered = 0,
                Err(_) => return Poll::Ready(News::Lost),
            }
            let Heard { choice, pong, close } = match self.talk.hear(buffer.filled_mut(), now) {
                Ok(heard) => heard,
                Err(farewell) => return Poll::Ready(News::Abuse(farewell)),
            };
            if let Some(code) = close {
                return Poll::Ready(News::Closed(code));
            }
            if let Some(payload) = pong {
                self.owed.pong = Some(payload);
                if self.blocked.is_none() && self.write(context, tally).is_err() {
                    return Poll::Ready(News::Lost);
                }
            }
            if let Some(values) = choice {
                return Poll::Ready(News::Choice(values));
            }
        }
    }

    /// Counts one more round, and says whether it was one too many.
    fn is_overdue(&mut self) -> bool {
        self.frame_rounds += u32::from(self.sending.is_some());
        self.blocked = self.blocked.map(|rounds| rounds + 1);
        let is_stalled = self.blocked.is_some_and(|rounds| rounds >= ROUNDS_TO_STALL);
        let is_too_slow = self.frame_rounds >= ROUNDS_FOR_A_FRAME;
        is_stalled || is_too_slow || self.unanswered > UNANSWERED_PINGS || self.talk.is_overdue()
    }
}
