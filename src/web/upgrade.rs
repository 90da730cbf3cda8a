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

use super::connection_tracking::in_flight_request;

/// The answer to a WebSocket's handshake, and what becomes of the connection after it.
pub(super) struct WebSocketUpgrade {
    handshake: WebSocket,
    hub: Arc<Hub>,
    action: UpgradeAction,
}

/// What an upgraded connection is for.
pub(super) enum UpgradeAction {
    /// Its visitor watches.
    Serve(Box<Socket>),
    /// Its visitor is told why not.
    Reject(Farewell),
}

impl WebSocketUpgrade {
    pub(super) fn new(handshake: WebSocket, hub: &Arc<Hub>, action: UpgradeAction) -> Self {
        Self { handshake, hub: Arc::clone(hub), action }
    }
}

/// RFC 6455, 4.2.2.
impl<'r> Responder<'r, 'static> for WebSocketUpgrade {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let Self { handshake, hub, action: then } = self;
        let offers = request.headers().get("Sec-WebSocket-Extensions");
        let agreed = negotiate_deflate(offers);
        let carrier = UpgradeHandler {
            hub,
            action: then,
            deflates: agreed.is_some(),
            in_flight: in_flight_request(request).map(Asking::another),
        };
        let mut response = Response::build();
        response.raw_header("Sec-WebSocket-Accept", handshake.accept_key().to_owned());
        if let Some(agreed) = agreed {
            response.raw_header("Sec-WebSocket-Extensions", agreed);
        }
        response.upgrade("websocket", carrier).ok()
    }
}

struct UpgradeHandler {
    hub: Arc<Hub>,
    action: UpgradeAction,
    deflates: bool,
    in_flight: Option<Asking>,
}

#[rocket::async_trait]
impl IoHandler for UpgradeHandler {
    /// Returns at once: Rocket keeps a request, with the buffer that its head was read into, until this does. The hub
    /// carries the socket on, and knows of it at a shutdown.
    async fn io(self: Pin<Box<Self>>, wire: IoStream) -> io::Result<()> {
        let Self { hub, action, deflates, in_flight } = *Pin::into_inner(self);
        let upgraded = Upgraded { wire: Box::new(wire), deflates };
        match action {
            // To the watch over the connections, a socket is a request that is under way.
            UpgradeAction::Serve(socket) => hub.carry(socket.serve(upgraded, in_flight)),
            UpgradeAction::Reject(farewell) => hub.carry(turn_away(upgraded, farewell, in_flight)),
        }
        Ok(())
    }
}
