use std::future::poll_fn;
use std::sync::Arc;

use super::authority::Authority;
use super::channel::Position;
use super::cursor::Cursor;
use super::farewell::Farewell;
use super::hub::Hub;
use super::line::{Line, News};
use super::rows::RowPlace;
use super::seat::Seat;
use super::talk::Choice;
use super::wire::Wire;
use crate::domain::Clock;

/// Whoever watches over a WebSocket, from the upgrade on: what they hear, and everything that can end it.
///
/// The row writes what the channel tells. This task sleeps until the other side says something, the right to watch is
/// gone, or a wire that was full takes more.
pub struct Socket {
    hub: Arc<Hub>,
    authority: Authority,
    clock: Arc<dyn Clock>,
    seat: Seat,
    position: Option<Position>,
}

enum Next {
    Heard(News),
    Ended(Farewell),
}

impl Socket {
    /// A connection that goes on from `position`, as far as the channel still can.
    pub fn new(
        hub: Arc<Hub>,
        seat: Seat,
        position: Option<Position>,
        authority: Authority,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { hub, authority, clock, seat, position }
    }

    /// Serves the wire until one side ends it, or its time is over.
    pub async fn serve(self, wire: impl Wire + 'static) {
        let Self { hub, mut authority, clock, seat, position } = self;
        let greeting = Arc::new(seat.channel().hello(authority.revision()));
        let cursor = Cursor::new(seat, position.as_ref());
        drop(position);
        let channel = Arc::clone(cursor.channel());
        let line = Arc::new(Line::new(Box::new(wire), cursor, greeting, clock.now()));
        let mut place = RowPlace::take(&channel, &line, &clock);
        drop(channel);
        let farewell = loop {
            match next(&line, &mut authority, &*clock).await {
                Next::Ended(farewell) | Next::Heard(News::Abuse(farewell)) => break farewell,
                Next::Heard(News::Broken) => break Farewell::broken(),
                Next::Heard(News::Lost) => return,
                Next::Heard(News::Closed(code)) => {
                    if let Some(leaving) = line.leave() {
                        leaving.answer(code).await;
                    }
                    return;
                }
                Next::Heard(News::Choice(choice)) => match sit_elsewhere(&hub, &authority, &choice) {
                    Ok(seat) => {
                        let channel = Arc::clone(seat.channel());
                        line.move_to(Cursor::new(seat, None));
                        place = RowPlace::take(&channel, &line, &clock);
                    }
                    Err(farewell) => break farewell,
                },
            }
        };
        drop(place);
        if let Some(leaving) = line.leave() {
            leaving.say(&farewell).await;
        }
    }
}

async fn next(line: &Line, authority: &mut Authority, clock: &dyn Clock) -> Next {
    tokio::select! {
        biased;
        farewell = authority.ended(clock) => Next::Ended(farewell),
        news = poll_fn(|context| line.poll_news(context, clock.now())) => Next::Heard(news),
    }
}

/// A seat at the channel of other inputs, if the door still opens.
fn sit_elsewhere(hub: &Hub, authority: &Authority, choice: &Choice) -> Result<Seat, Farewell> {
    let page = authority.ask_the_door()?;
    let asked = choice.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let choice = page.choose(asked).map_err(|_| Farewell::bad_inputs())?;
    hub.sit(&page, &choice).map_err(|crowded| Farewell::crowded(crowded.retry()))
}
