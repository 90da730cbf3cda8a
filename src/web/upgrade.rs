use std::io;
use std::pin::Pin;
use std::sync::Arc;

use rocket::data::{IoHandler, IoStream};
use rocket::response::{self, Responder};
use rocket::{Request, Response};
use rocket_ws::WebSocket;

use crate::connections::InFlightRequest;
use crate::live::{CloseReason, Hub, Upgraded, WsHandler, reject};
use crate::websocket::negotiate_deflate;

use super::connection_tracking::in_flight_request;

/// The response to a WebSocket handshake, and what becomes of the connection after it.
pub(super) struct WebSocketUpgrade {
    handshake: WebSocket,
    hub: Arc<Hub>,
    action: UpgradeAction,
}

/// The action on an upgraded connection.
pub(super) enum UpgradeAction {
    /// Serve the channel.
    Serve(Box<WsHandler>),
    /// Close with the reason.
    Reject(CloseReason),
}

impl WebSocketUpgrade {
    pub(super) fn new(handshake: WebSocket, hub: &Arc<Hub>, action: UpgradeAction) -> Self {
        Self { handshake, hub: Arc::clone(hub), action }
    }
}

/// The server's handshake (RFC 6455, 4.2.2).
impl<'r> Responder<'r, 'static> for WebSocketUpgrade {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let Self { handshake, hub, action } = self;
        let offers = request.headers().get("Sec-WebSocket-Extensions");
        let extension = negotiate_deflate(offers);
        let handler = UpgradeHandler {
            hub,
            action,
            deflates: extension.is_some(),
            in_flight: in_flight_request(request).map(InFlightRequest::duplicate),
        };
        let mut response = Response::build();
        response.raw_header("Sec-WebSocket-Accept", handshake.accept_key().to_owned());
        if let Some(extension) = extension {
            response.raw_header("Sec-WebSocket-Extensions", extension);
        }
        response.upgrade("websocket", handler).ok()
    }
}

struct UpgradeHandler {
    hub: Arc<Hub>,
    action: UpgradeAction,
    deflates: bool,
    in_flight: Option<InFlightRequest>,
}

#[rocket::async_trait]
impl IoHandler for UpgradeHandler {
    /// Hands the connection to the hub and returns at once: Rocket keeps a request, with the buffer that its head was
    /// read into, until this does. The hub runs the socket, and knows of it at a shutdown.
    async fn io(self: Pin<Box<Self>>, stream: IoStream) -> io::Result<()> {
        let Self { hub, action, deflates, in_flight } = *Pin::into_inner(self);
        let upgraded = Upgraded { transport: Box::new(stream), deflates };
        match action {
            // The connection table counts a socket as a request in flight.
            UpgradeAction::Serve(socket) => hub.spawn(socket.serve(upgraded, in_flight)),
            UpgradeAction::Reject(close_reason) => hub.spawn(reject(upgraded, close_reason, in_flight)),
        }
        Ok(())
    }
}
