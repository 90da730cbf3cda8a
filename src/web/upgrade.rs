use std::io;
use std::pin::Pin;
use std::sync::Arc;

use rocket::data::{IoHandler, IoStream};
use rocket::response::{self, Responder};
use rocket::{Request, Response};
use rocket_ws::WebSocket;

use crate::connections::Asking;
use crate::live::{Farewell, Hub, Socket, turn_away};

use super::connected::goes_on;

/// The answer to a WebSocket's handshake, and what becomes of the connection after it.
pub(super) struct Upgrade {
    handshake: WebSocket,
    hub: Arc<Hub>,
    then: Then,
}

/// What an upgraded connection is for.
pub(super) enum Then {
    /// Its visitor watches.
    Serve(Box<Socket>),
    /// Its visitor is told why not.
    TurnAway(Farewell),
}

impl Upgrade {
    pub(super) fn new(handshake: WebSocket, hub: &Arc<Hub>, then: Then) -> Self {
        Self { handshake, hub: Arc::clone(hub), then }
    }
}

/// RFC 6455, 4.2.2.
impl<'r> Responder<'r, 'static> for Upgrade {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let Self { handshake, hub, then } = self;
        Response::build()
            .raw_header("Sec-WebSocket-Accept", handshake.accept_key().to_owned())
            .upgrade("websocket", Upgraded { hub, then, asking: goes_on(request) })
            .ok()
    }
}

struct Upgraded {
    hub: Arc<Hub>,
    then: Then,
    asking: Option<Asking>,
}

#[rocket::async_trait]
impl IoHandler for Upgraded {
    /// Returns at once: Rocket keeps a request, with the buffer that its head was read into, until this does. The hub
    /// carries the socket on, and knows of it at a shutdown.
    async fn io(self: Pin<Box<Self>>, wire: IoStream) -> io::Result<()> {
        let Self { hub, then, asking } = *Pin::into_inner(self);
        match then {
            Then::Serve(socket) => hub.carry(asked_on(asking, socket.serve(wire))),
            Then::TurnAway(farewell) => hub.carry(asked_on(asking, turn_away(wire, farewell))),
        }
        Ok(())
    }
}

/// To the watch over the connections, a socket is a request that is under way.
async fn asked_on(asking: Option<Asking>, work: impl Future<Output = ()>) {
    work.await;
    drop(asking);
}
