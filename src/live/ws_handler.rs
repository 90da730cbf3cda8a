use std::future::poll_fn;
use std::sync::Arc;

use super::authorization::LiveAuthorization;
use super::close_reason::CloseReason;
use super::cursor::Cursor;
use super::hub::Hub;
use super::inbound::RequestedInputs;
use super::message::ChannelPosition;
use super::subscription::{Subscription, ViewerSubscription};
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
        authorization: LiveAuthorization,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { hub, authorization: Box::new(authorization), clock, subscription, position }
    }

    /// Serves the connection until one side ends it, or the authorization does; then drops `guard`.
    pub fn serve<K: Send + 'static>(self, upgraded: Upgraded, guard: K) -> impl Future<Output = ()> + Send {
        let Self { hub, authorization, clock, subscription, position } = self;
        let channel = subscription.channel();
        let hello = Arc::new(channel.hello(authorization.revision()));
        let metrics = Arc::clone(channel.metrics());
        let cursor = Cursor::new(Arc::clone(channel), position.as_ref());
        metrics.connection_started(cursor.is_resuming());
        let connection = Arc::new(WsConnection::new(upgraded, cursor, hello, clock.now()));
        let membership = subscription.shards().join(&connection);
        let subscription = subscription.into_viewer();
        // What only the start needs is gone by now: the future holds no more than a viewer needs all the time.
        WsTask { hub, authorization, clock, metrics, connection, membership, subscription, guard }.run()
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
    subscription: ViewerSubscription,
    guard: K,
}

impl<K> WsTask<K> {
    async fn run(mut self) {
        let reason = loop {
            match self.next_event().await {
                WsTaskEvent::Close(reason) | WsTaskEvent::Connection(ConnectionEvent::ProtocolError(reason)) => {
                    break reason;
                }
                WsTaskEvent::Connection(ConnectionEvent::ChannelEnded(end)) => break CloseReason::channel_ended(end),
                WsTaskEvent::Connection(ConnectionEvent::Lost) => return,
                WsTaskEvent::Connection(ConnectionEvent::PeerClosed(code)) => {
                    if let Some(handshake) = self.connection.begin_close() {
                        Box::pin(handshake.reply(code)).await;
                    }
                    return;
                }
                WsTaskEvent::Connection(ConnectionEvent::InputsRequested(values)) => {
                    if let Err(reason) = self.switch_inputs(&values) {
                        break reason;
                    }
                }
            }
        };
        Box::pin(self.close(reason)).await;
    }

    async fn next_event(&mut self) -> WsTaskEvent {
        let Self { authorization, clock, metrics, connection, .. } = self;
        let event = poll_fn(|context| {
            let mut stats = WriteStats::default();
            let event = connection.poll_event(context, clock.now(), &mut stats);
            stats.flush_to(metrics);
            event
        });
        tokio::select! {
            biased;
            reason = authorization.wait_for_end(&**clock) => WsTaskEvent::Close(reason),
            event = event => WsTaskEvent::Connection(event),
        }
    }

    /// Moves to the channel of other inputs, if the door still opens.
    fn switch_inputs(&mut self, values: &RequestedInputs) -> Result<(), CloseReason> {
        let page = self.authorization.reauthorize()?;
        let pairs = values.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let choice = page.choose(pairs).map_err(|_| CloseReason::bad_inputs())?;
        let subscription = self
            .hub
            .subscribe(&page, &choice, self.subscription.holder())
            .map_err(|exceeded| CloseReason::capacity_exceeded(exceeded.retry_after()))?;
        self.connection.switch_channel(Cursor::new(Arc::clone(subscription.channel()), None));
        self.membership = subscription.shards().join(&self.connection);
        self.subscription = subscription.into_viewer();
        Ok(())
    }

    /// Closes the connection with a reason, then drops all the rest.
    async fn close(self, reason: CloseReason) {
        let Self { membership, subscription, metrics, connection, guard, .. } = self;
        drop((membership, subscription));
        metrics.connection_closed(reason.reason);
        if let Some(handshake) = connection.begin_close() {
            handshake.send(&reason).await;
        }
        drop(guard);
    }
}
