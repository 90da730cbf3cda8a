use rocket::http::{Header, Status};
use rocket::response::Responder;
use rocket::{Request, Response, get, response};
use rocket_ws::WebSocket;

use crate::audit::Event;
use crate::domain::{Client, Visitor};
use crate::live::Farewell;
use crate::pages::Closed;
use crate::web::guards::{Asked, Origin};
use crate::web::refusal::Refusal;
use crate::web::socket::{self, Dial};

/// The live channel of a page. A page of another site never gets one, and a session's cookie counts only when the
/// browser says where it comes from; what is shown in a header no page can send. A browser that the door refuses is told so on the socket, since its script
/// cannot see the answer to a handshake; a script gets the plain refusal.
#[get("/<slug>")]
pub(super) fn watch<'r>(
    slug: &str,
    asked: Asked,
    origin: Origin,
    visitor: Visitor,
    client: Client,
    dial: Dial<'r>,
    socket: WebSocket,
) -> Result<rocket_ws::Channel<'r>, Refusal> {
    match (origin, &visitor) {
        (Origin::Unsaid, _) if dial.is_by_header() => (),
        (Origin::Foreign, _) | (Origin::Unsaid, Visitor::Member(_) | Visitor::Unconfirmed) => {
            return Err(Refusal::ForeignOrigin);
        }
        (Origin::Ours, _) | (Origin::Unsaid, Visitor::Anonymous) => (),
    }
    let socket = socket.config(socket::limits());
    match dial.connect(slug, &visitor, &asked, asked.position().as_ref()) {
        Ok(connection) => Ok(socket.channel(move |stream| Box::pin(socket::serve(stream, connection, dial)))),
        Err(Refusal::Closed(closed)) if origin == Origin::Ours => {
            let farewell = farewell_of(&closed, &visitor);
            // This answer passes no catcher, which would have written it down.
            if let (Closed::NotAllowed { .. } | Closed::OutOfScope, Ok(page)) = (&closed, &slug.parse()) {
                dial.audit().record(&client, &Event::PageRefused { visitor: &visitor, page });
            }
            Ok(socket.channel(move |stream| Box::pin(socket::say_goodbye(stream, farewell))))
        }
        Err(refusal) => Err(refusal),
    }
}

/// What a closed door has to say to this visitor: whom nobody can confirm need not sign in, but come again.
fn farewell_of(closed: &Closed, visitor: &Visitor) -> Farewell {
    match (closed, visitor) {
        (Closed::SignInFirst, Visitor::Unconfirmed) => Farewell::unconfirmed(),
        _ => Farewell::of(closed),
    }
}

/// Whoever asks for a live channel without asking for an upgrade.
pub(super) struct UpgradeRequired;

#[get("/<_slug>", rank = 2)]
pub(super) fn not_an_upgrade(_slug: &str) -> UpgradeRequired {
    UpgradeRequired
}

/// RFC 9110, 15.5.22.
impl<'r> Responder<'r, 'static> for UpgradeRequired {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let text = "This is a WebSocket. The same as server-sent events is at /events/.\n".respond_to(request)?;
        Response::build_from(text)
            .status(Status::UpgradeRequired)
            .header(Header::new("Upgrade", "websocket"))
            .header(Header::new("Connection", "Upgrade"))
            .ok()
    }
}
