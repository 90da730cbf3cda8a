use std::sync::Arc;
use std::time::Duration;

use super::authority::Authority;
use super::channel::Position;
use super::farewell::Farewell;
use super::said::Said;
use super::seat::Seat;
use super::viewer::Viewer;
use crate::domain::{Clock, Timestamp};

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

    /// What to say next. Cancelling this loses nothing.
    pub async fn next(&mut self) -> Say {
        let say = self.decide().await;
        match &say {
            Say::Said(said) => self.viewer.metrics().streamed(said.event().as_ref().len()),
            Say::Bye(farewell) => self.viewer.metrics().goodbye(farewell.reason),
        }
        say
    }

    async fn decide(&mut self) -> Say {
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
