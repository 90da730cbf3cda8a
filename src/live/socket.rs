use std::future::poll_fn;
use std::sync::Arc;

use super::authority::Authority;
use super::channel::Position;
use super::cursor::Cursor;
use super::farewell::Farewell;
use super::hub::Hub;
use super::line::{Line, News, Tally};
use super::rows::RowPlace;
use super::seat::Seat;
use super::talk::Choice;
use super::wire::Upgraded;
use crate::domain::Clock;
use crate::telemetry::LiveMetrics;

/// Whoever watches over a WebSocket, from the upgrade on: what they hear, and everything that can end it.
///
/// The row writes what the channel tells. This task sleeps until the other side says something, the right to watch is
/// gone, or a wire that was full takes more.
pub struct Socket {
    hub: Arc<Hub>,
    authority: Box<Authority>,
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
        Self { hub, authority: Box::new(authority), clock, seat, position }
    }

    /// Serves the wire until one side ends it, or its time is over, and lets go of what is `kept` then.
    pub async fn serve(self: Box<Self>, upgraded: Upgraded, kept: impl Send) {
        let Self { hub, mut authority, clock, seat, position } = *self;
        let greeting = Arc::new(seat.channel().hello(authority.revision()));
        let metrics = Arc::clone(seat.channel().metrics());
        let cursor = Cursor::new(seat, position.as_ref());
        metrics.begun(cursor.resumes());
        drop(position);
        let channel = Arc::clone(cursor.channel());
        let line = Arc::new(Line::new(upgraded, cursor, greeting, clock.now()));
        let mut place = RowPlace::take(&channel, &line, &clock);
        drop(channel);
        let farewell = loop {
            match next(&line, &mut authority, &*clock, &metrics).await {
                Next::Ended(farewell) | Next::Heard(News::Abuse(farewell)) => break farewell,
                Next::Heard(News::Broken) => break Farewell::broken(),
                Next::Heard(News::Lost) => return,
                Next::Heard(News::Closed(code)) => {
                    if let Some(leaving) = line.leave() {
                        Box::pin(leaving.answer(code)).await;
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
        metrics.goodbye(farewell.reason);
        if let Some(leaving) = line.leave() {
            Box::pin(leaving.say(&farewell)).await;
        }
        drop(kept);
    }
}

async fn next(line: &Line, authority: &mut Authority, clock: &dyn Clock, metrics: &LiveMetrics) -> Next {
    let news = poll_fn(|context| {
        let mut tally = Tally::default();
        let news = line.poll_news(context, clock.now(), &mut tally);
        tally.count(metrics);
        news
    });
    tokio::select! {
        biased;
        farewell = authority.ended(clock) => Next::Ended(farewell),
        news = news => Next::Heard(news),
    }
}

/// A seat at the channel of other inputs, if the door still opens.
fn sit_elsewhere(hub: &Hub, authority: &Authority, choice: &Choice) -> Result<Seat, Farewell> {
    let page = authority.ask_the_door()?;
    let asked = choice.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let choice = page.choose(asked).map_err(|_| Farewell::bad_inputs())?;
    hub.sit(&page, &choice).map_err(|crowded| Farewell::crowded(crowded.retry()))
}
