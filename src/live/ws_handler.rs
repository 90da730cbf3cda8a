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

/// Serves one viewer over a WebSocket, from the upgrade to the close.
///
/// The shard writes the channel's batches. The viewer's own task sleeps until the client sends something, the right to watch
/// is gone, or a transport that was full takes more.
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
    /// A handler that resumes at `position`, if the channel can still replay from there.
    pub fn new(
        hub: Arc<Hub>,
        subscription: Subscription,
        position: Option<ChannelPosition>,
        authority: LiveAuthorization,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { hub, authorization: Box::new(authority), clock, subscription, position }
    }

    /// Serves the connection until one side ends it, or the authorization does; then drops `guard`.
    pub fn serve<K: Send + 'static>(self, upgraded: Upgraded, kept: K) -> impl Future<Output = ()> + Send {
        let Self { hub, authorization: authority, clock, subscription: seat, position } = self;
        let greeting = Arc::new(seat.channel().hello(authority.revision()));
        let metrics = Arc::clone(seat.channel().metrics());
        let cursor = Cursor::new(seat, position.as_ref());
        metrics.begun(cursor.is_resuming());
        let channel = Arc::clone(cursor.channel());
        let line = Arc::new(WsConnection::new(upgraded, cursor, greeting, clock.now()));
        let place = ShardMembership::join(&channel, &line, &clock);
        // What only the start needs is gone by now: the future holds no more than a viewer needs all the time.
        WsTask { hub, authorization: authority, clock, metrics, connection: line, membership: place, guard: kept }.run()
    }
}

/// The task of a WebSocket that is being served.
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

    /// Moves to the channel of other inputs, if the door still opens.
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

    /// Closes the connection with a reason, then drops all the rest.
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
