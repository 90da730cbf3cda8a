use std::future::poll_fn;
use std::sync::Arc;

use super::authorization::LiveAuthorization;
use super::channel::ChannelPosition;
use super::close_reason::CloseReason;
use super::cursor::Cursor;
use super::hub::Hub;
use super::inbound::RequestedInputs;
use super::subscription::Subscription;
use super::transport::Upgraded;
use super::writer_shards::ShardMembership;
use super::ws_connection::{ConnectionEvent, WriteStats, WsConnection};
use crate::domain::Clock;
use crate::telemetry::LiveMetrics;

/// Whoever watches over a WebSocket, from the upgrade on: what they hear, and everything that can end it.
///
/// The row writes what the channel tells. This task sleeps until the other side says something, the right to watch is
/// gone, or a wire that was full takes more.
pub struct WsHandler {
    hub: Arc<Hub>,
    authorization: Box<LiveAuthorization>,
    clock: Arc<dyn Clock>,
    subscription: Subscription,
    position: Option<ChannelPosition>,
}

enum WsTaskEvent {
    Connection(ConnectionEvent),
    Close(CloseReason),
}

impl WsHandler {
    /// A connection that goes on from `position`, as far as the channel still can.
    pub fn new(
        hub: Arc<Hub>,
        subscription: Subscription,
        position: Option<ChannelPosition>,
        authority: LiveAuthorization,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { hub, authorization: Box::new(authority), clock, subscription, position }
    }

    /// Serves the wire until one side ends it, or its time is over, and lets go of what is `kept` then.
    pub fn serve<K: Send + 'static>(self, upgraded: Upgraded, kept: K) -> impl Future<Output = ()> + Send {
        let Self { hub, authorization: authority, clock, subscription: seat, position } = self;
        let greeting = Arc::new(seat.channel().hello(authority.revision()));
        let metrics = Arc::clone(seat.channel().metrics());
        let cursor = Cursor::new(seat, position.as_ref());
        metrics.begun(cursor.is_resuming());
        let channel = Arc::clone(cursor.channel());
        let line = Arc::new(WsConnection::new(upgraded, cursor, greeting, clock.now()));
        let place = ShardMembership::join(&channel, &line, &clock);
        // What it takes to begin is gone by now: only what a viewer needs all the time is part of the future.
        WsTask { hub, authorization: authority, clock, metrics, connection: line, membership: place, guard: kept }.run()
    }
}

/// A socket that is being served.
struct WsTask<K> {
    hub: Arc<Hub>,
    authorization: Box<LiveAuthorization>,
    clock: Arc<dyn Clock>,
    metrics: Arc<LiveMetrics>,
    connection: Arc<WsConnection>,
    membership: ShardMembership,
    guard: K,
}

impl<K> WsTask<K> {
    async fn run(mut self) {
        let farewell = loop {
            match self.next_event().await {
                WsTaskEvent::Close(farewell) | WsTaskEvent::Connection(ConnectionEvent::ProtocolError(farewell)) => {
                    break farewell;
                }
                WsTaskEvent::Connection(ConnectionEvent::ChannelBroken) => break CloseReason::broken(),
                WsTaskEvent::Connection(ConnectionEvent::Lost) => return,
                WsTaskEvent::Connection(ConnectionEvent::PeerClosed(code)) => {
                    if let Some(leaving) = self.connection.begin_close() {
                        Box::pin(leaving.reply(code)).await;
                    }
                    return;
                }
                WsTaskEvent::Connection(ConnectionEvent::InputsRequested(values)) => {
                    if let Err(farewell) = self.switch_inputs(&values) {
                        break farewell;
                    }
                }
            }
        };
        Box::pin(self.close(farewell)).await;
    }

    async fn next_event(&mut self) -> WsTaskEvent {
        let Self { authorization: authority, clock, metrics, connection: line, .. } = self;
        let news = poll_fn(|context| {
            let mut tally = WriteStats::default();
            let news = line.poll_event(context, clock.now(), &mut tally);
            tally.flush_to(metrics);
            news
        });
        tokio::select! {
            biased;
            farewell = authority.wait_for_end(&**clock) => WsTaskEvent::Close(farewell),
            news = news => WsTaskEvent::Connection(news),
        }
    }

    /// Takes a seat at the channel of other inputs, if the door still opens.
    fn switch_inputs(&mut self, values: &RequestedInputs) -> Result<(), CloseReason> {
        let page = self.authorization.reauthorize()?;
        let asked = values.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let choice = page.choose(asked).map_err(|_| CloseReason::bad_inputs())?;
        let seat = self
            .hub
            .subscribe(&page, &choice)
            .map_err(|crowded| CloseReason::capacity_exceeded(crowded.retry_after()))?;
        let channel = Arc::clone(seat.channel());
        self.connection.switch_channel(Cursor::new(seat, None));
        self.membership = ShardMembership::join(&channel, &self.connection, &self.clock);
        Ok(())
    }

    /// Says goodbye, and lets go of all the rest then.
    async fn close(self, farewell: CloseReason) {
        let Self { membership: place, metrics, connection: line, guard: kept, .. } = self;
        drop(place);
        metrics.goodbye(farewell.reason);
        if let Some(leaving) = line.begin_close() {
            leaving.send(&farewell).await;
        }
        drop(kept);
    }
}
