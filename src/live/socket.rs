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
use super::talk::Values;
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
    pub fn serve<K: Send + 'static>(self, upgraded: Upgraded, kept: K) -> impl Future<Output = ()> + Send {
        let Self { hub, authority, clock, seat, position } = self;
        let greeting = Arc::new(seat.channel().hello(authority.revision()));
        let metrics = Arc::clone(seat.channel().metrics());
        let cursor = Cursor::new(seat, position.as_ref());
        metrics.begun(cursor.resumes());
        let channel = Arc::clone(cursor.channel());
        let line = Arc::new(Line::new(upgraded, cursor, greeting, clock.now()));
        let place = RowPlace::take(&channel, &line, &clock);
        // What it takes to begin is gone by now: only what a viewer needs all the time is part of the future.
        Watching { hub, authority, clock, metrics, line, place, kept }.go_on()
    }
}

/// A socket that is being served.
struct Watching<K> {
    hub: Arc<Hub>,
    authority: Box<Authority>,
    clock: Arc<dyn Clock>,
    metrics: Arc<LiveMetrics>,
    line: Arc<Line>,
    place: RowPlace,
    kept: K,
}

impl<K> Watching<K> {
    async fn go_on(mut self) {
        let farewell = loop {
            match self.next().await {
                Next::Ended(farewell) | Next::Heard(News::Abuse(farewell)) => break farewell,
                Next::Heard(News::Broken) => break Farewell::broken(),
                Next::Heard(News::Lost) => return,
                Next::Heard(News::Closed(code)) => {
                    if let Some(leaving) = self.line.leave() {
                        Box::pin(leaving.answer(code)).await;
                    }
                    return;
                }
                Next::Heard(News::Choice(values)) => {
                    if let Err(farewell) = self.sits_elsewhere(&values) {
                        break farewell;
                    }
                }
            }
        };
        Box::pin(self.says(farewell)).await;
    }

    async fn next(&mut self) -> Next {
        let Self { authority, clock, metrics, line, .. } = self;
        let news = poll_fn(|context| {
            let mut tally = Tally::default();
            let news = line.poll_news(context, clock.now(), &mut tally);
            tally.count(metrics);
            news
        });
        tokio::select! {
            biased;
            farewell = authority.ended(&**clock) => Next::Ended(farewell),
            news = news => Next::Heard(news),
        }
    }

    /// Takes a seat at the channel of other inputs, if the door still opens.
    fn sits_elsewhere(&mut self, values: &Values) -> Result<(), Farewell> {
        let page = self.authority.ask_the_door()?;
        let asked = values.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let choice = page.choose(asked).map_err(|_| Farewell::bad_inputs())?;
        let seat = self.hub.sit(&page, &choice).map_err(|crowded| Farewell::crowded(crowded.retry()))?;
        let channel = Arc::clone(seat.channel());
        self.line.move_to(Cursor::new(seat, None));
        self.place = RowPlace::take(&channel, &self.line, &self.clock);
        Ok(())
    }

    /// Says goodbye, and lets go of all the rest then.
    async fn says(self, farewell: Farewell) {
        let Self { place, metrics, line, kept, .. } = self;
        drop(place);
        metrics.goodbye(farewell.reason);
        if let Some(leaving) = line.leave() {
            leaving.say(&farewell).await;
        }
        drop(kept);
    }
}
