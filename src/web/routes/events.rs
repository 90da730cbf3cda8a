use rocket::http::Header;
use rocket::response::stream::{Event, EventStream};
use rocket::{Responder, get};

use crate::domain::Visitor;
use crate::live::{Farewell, Position, Say};
use crate::pages::Closed;
use crate::web::guards::{Asked, LastEventId, SameOrigin};
use crate::web::refusal::Refusal;
use crate::web::socket::Dial;

#[derive(Responder)]
pub(super) struct Unbuffered<S> {
    stream: S,
    buffering: Header<'static>,
    caching: Header<'static>,
}

/// The live channel as server-sent events, for browsers behind proxies that cut upgrades. `id` carries the position,
/// which comes back as `Last-Event-ID` after a break (HTML, 9.2).
#[get("/<slug>")]
pub(super) fn watch(
    slug: &str,
    asked: Asked,
    last: LastEventId,
    visitor: Visitor,
    _from_here: SameOrigin,
    dial: Dial<'_>,
) -> Result<Unbuffered<EventStream![]>, Refusal> {
    let position = last.0.or_else(|| asked.position());
    // A stream cannot be refused with a reason that its script would see.
    let mut connection = match dial.connect(slug, &visitor, &asked, position.as_ref()) {
        Err(Refusal::Closed(Closed::SignInFirst)) if matches!(visitor, Visitor::Unconfirmed) => None,
        connection => Some(connection?),
    };
    let stream = EventStream! {
        loop {
            let say = match &mut connection {
                Some(connection) => connection.next().await,
                None => Say::Bye(Farewell::unconfirmed()),
            };
            match say {
                Say::Text { text, position } => {
                    let event = Event::data(text.to_string());
                    yield match position {
                        Some(Position { epoch, seq }) => event.id(format!("{epoch}:{seq}")),
                        None => event,
                    };
                }
                Say::Bye(farewell) => {
                    yield Event::data(farewell.text().to_string());
                    break;
                }
            }
        }
    };
    // Rocket's own "no-cache" would let a browser keep what a member saw.
    let caching = Header::new("Cache-Control", "no-store");
    Ok(Unbuffered { stream, buffering: Header::new("X-Accel-Buffering", "no"), caching })
}
