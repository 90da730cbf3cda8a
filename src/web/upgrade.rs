use std::io;
use std::pin::Pin;
use std::sync::Arc;

use rocket::data::{IoHandler, IoStream};
use rocket::response::{self, Responder};
use rocket::{Request, Response};
use rocket_ws::WebSocket;

use crate::connections::Asking;
use crate::live::{Farewell, Hub, Socket, Upgraded, turn_away};
use crate::websocket::negotiate_deflate;

use super::connected::asking_of;

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
        let offers = request.headers().get("Sec-WebSocket-Extensions");
        let agreed = negotiate_deflate(offers);
        let carrier =
            Carrier { hub, then, deflates: agreed.is_some(), asking: asking_of(request).map(Asking::another) };
        let mut response = Response::build();
        response.raw_header("Sec-WebSocket-Accept", handshake.accept_key().to_owned());
        if let Some(agreed) = agreed {
            response.raw_header("Sec-WebSocket-Extensions", agreed);
        }
        response.upgrade("websocket", carrier).ok()
    }
}

struct Carrier {
    hub: Arc<Hub>,
    then: Then,
    deflates: bool,
    asking: Option<Asking>,
}

#[rocket::async_trait]
impl IoHandler for Carrier {
    /// Returns at once: Rocket keeps a request, with the buffer that its head was read into, until this does. The hub
    /// carries the socket on, and knows of it at a shutdown.
    async fn io(self: Pin<Box<Self>>, wire: IoStream) -> io::Result<()> {
        let Self { hub, then, deflates, asking } = *Pin::into_inner(self);
        let upgraded = Upgraded { wire: Box::new(wire), deflates };
        match then {
            // To the watch over the connections, a socket is a request that is under way.
            Then::Serve(socket) => hub.carry(socket.serve(upgraded, asking)),
            Then::TurnAway(farewell) => hub.carry(turn_away(upgraded, farewell, asking)),
        }
        Ok(())
    }
}
