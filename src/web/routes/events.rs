use std::sync::Arc;

use rocket::http::{ContentType, Header};
use rocket::response::stream::ByteStream;
use rocket::{Responder, get};

use crate::domain::{Client, Visitor};
use crate::live::{Event, Farewell, Say};
use crate::pages::Closed;
use crate::web::dial::Dial;
use crate::web::guards::{Asked, LastEventId, Origin};
use crate::web::refusal::Refusal;

/// A stream of server-sent events. Each event was made once, for all who hear it.
#[derive(Responder)]
pub(super) struct Events<S> {
    stream: S,
    kind: ContentType,
    buffering: Header<'static>,
    caching: Header<'static>,
}

impl<S> Events<S> {
    fn of(stream: S) -> Self {
        // nginx gathers a stream until it has a page of it, unless it is told not to. And what a member saw is not kept.
        let buffering = Header::new("X-Accel-Buffering", "no");
        Self { stream, kind: ContentType::EventStream, buffering, caching: Header::new("Cache-Control", "no-store") }
    }
}

/// The live channel as server-sent events, for browsers behind proxies that cut upgrades. `id` carries the position,
/// which comes back as `Last-Event-ID` after a break (HTML, 9.2).
#[get("/<slug>")]
pub(super) fn watch(
    slug: &str,
    asked: Asked,
    last: LastEventId,
    visitor: Visitor,
    client: Client,
    origin: Origin,
    dial: Dial<'_>,
) -> Result<Events<ByteStream![Event]>, Refusal> {
    if origin == Origin::Foreign {
        return Err(Refusal::ForeignOrigin);
    }
    let position = last.0.or_else(|| asked.position());
    // A stream cannot be refused with a reason that its script would see.
    let (mut connection, farewell) = match dial.stream(slug, &visitor, &client, &asked, position.as_ref()) {
        Ok(connection) => (Some(connection), None),
        Err(Refusal::Closed(Closed::SignInFirst)) if matches!(visitor, Visitor::Unconfirmed) => {
            (None, Some(Farewell::unconfirmed()))
        }
        Err(Refusal::Crowded(crowded)) if origin == Origin::Ours => (None, Some(Farewell::crowded(crowded.retry()))),
        Err(refusal) => return Err(refusal),
    };
    Ok(Events::of(ByteStream! {
        if let Some(farewell) = farewell {
            yield Arc::new(farewell.said()).event();
        }
        while let Some(open) = &mut connection {
            match open.next().await {
                Say::Said(said) => yield said.event(),
                Say::Bye(farewell) => {
                    yield Arc::new(farewell.said()).event();
                    connection = None;
                }
            }
        }
    }))
}
