use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::authority::Authority;
use super::channel::Position;
use super::farewell::Farewell;
use super::goodbye;
use super::said::{Event, Said};
use super::seat::Seat;
use super::viewer::Viewer;
use crate::domain::{Clock, Timestamp};

/// A stream that takes nothing for so long is given up; a browser comes back by itself.
const STALLED_AFTER: Duration = Duration::from_mins(1);

/// A live connection that is asked what to say next, as a stream of events asks it.
pub struct Connection {
    viewer: Viewer,
    greeting: Option<Arc<Said>>,
    authority: Authority,
    clock: Arc<dyn Clock>,
    heartbeat: Duration,
    next_ping: Timestamp,
}

/// What to do next.
#[derive(Clone, Debug)]
pub enum Say {
    /// Send this.
    Said(Arc<Said>),
    /// Send the goodbye, and end.
    Bye(Farewell),
}

impl Connection {
    /// A connection that goes on from `position`, as far as the channel still can.
    pub fn new(seat: Seat, position: Option<&Position>, authority: Authority, clock: Arc<dyn Clock>) -> Self {
        let heartbeat = seat.channel().heartbeat();
        let viewer = Viewer::new(seat, position);
        viewer.metrics().begun(viewer.resumes());
        let next_ping = clock.now() + heartbeat;
        Self { greeting: Some(viewer.hello(authority.revision())), viewer, authority, clock, heartbeat, next_ping }
    }

    /// Gives what there is to say to a stream, until the stream or the connection ends. A stream that takes nothing for a
    /// minute, or not even the goodbye, is given up: `hang_up` has it ended, and is kept until then.
    pub async fn pour(mut self, stream: mpsc::Sender<Event>, hang_up: impl FnOnce()) {
        let clock = Arc::clone(&self.clock);
        let farewell = loop {
            let say = tokio::select! {
                () = stream.closed() => return,
                say = self.next() => say,
            };
            let event = match say {
                Say::Said(said) => said.event(),
                Say::Bye(farewell) => break farewell,
            };
            self.viewer.metrics().streamed(event.as_ref().len());
            tokio::select! {
                biased;
                sent = stream.send(event) => if sent.is_err() { return },
                farewell = self.authority.ended(&*clock) => break farewell,
                () = clock.sleep(STALLED_AFTER) => return hang_up(),
            }
        };
        self.viewer.metrics().goodbye(farewell.reason);
        let bye = stream.send(Arc::new(farewell.said()).event());
        // Real time, as over a socket: whoever is sent away waits in real time.
        if tokio::time::timeout(goodbye::PATIENCE, bye).await.is_err() {
            hang_up();
        }
    }

    /// What to say next. Cancelling this loses nothing.
    pub async fn next(&mut self) -> Say {
        if let Some(greeting) = self.greeting.take() {
            return Say::Said(greeting);
        }
        // No further off than a heartbeat, should the machine's clock have been set back.
        let until_ping = self.next_ping.since(self.clock.now()).min(self.heartbeat);
        tokio::select! {
            biased;
            farewell = self.authority.ended(&*self.clock) => Say::Bye(farewell),
            () = self.clock.sleep(until_ping) => {
                self.next_ping = self.clock.now() + self.heartbeat;
                Say::Said(self.viewer.ping())
            }
            said = self.viewer.next() => said.map_or_else(|| Say::Bye(Farewell::broken()), Say::Said),
        }
    }
}
