use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::authorization::LiveAuthorization;
use super::channel_reader::ChannelReader;
use super::close_handshake;
use super::close_reason::CloseReason;
use super::message::{ChannelPosition, EncodedMessage, SseEvent};
use super::subscription::Subscription;
use crate::domain::{Clock, Timestamp};

/// The time after which a stream that accepts nothing is dropped; a browser reconnects by itself.
const STALL_TIMEOUT: Duration = Duration::from_mins(1);

/// A live connection over server-sent events.
pub struct SseConnection {
    reader: ChannelReader,
    hello: Option<Arc<EncodedMessage>>,
    authorization: LiveAuthorization,
    clock: Arc<dyn Clock>,
    heartbeat: Duration,
    next_ping: Timestamp,
}

/// The next step of a stream.
#[derive(Clone, Debug)]
pub enum SseAction {
    /// Send this message.
    Send(Arc<EncodedMessage>),
    /// Send the `bye` message, and end.
    Close(CloseReason),
}

impl SseConnection {
    /// A connection that resumes at `position`, if the channel can still replay from there.
    pub fn new(
        subscription: Subscription,
        position: Option<&ChannelPosition>,
        authorization: LiveAuthorization,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let heartbeat = subscription.channel().heartbeat();
        let reader = ChannelReader::new(subscription, position);
        reader.metrics().connection_started(reader.is_resuming());
        let next_ping = clock.now() + heartbeat;
        Self { hello: Some(reader.hello(authorization.revision())), reader, authorization, clock, heartbeat, next_ping }
    }

    /// Sends the events to a stream, until the stream or the connection ends. A stream that accepts nothing for a minute, or
    /// not even the last event, is ended by `hang_up`, which lives until then.
    pub async fn forward_to(mut self, sender: mpsc::Sender<SseEvent>, hang_up: impl FnOnce()) {
        let clock = Arc::clone(&self.clock);
        let reason = loop {
            let action = tokio::select! {
                () = sender.closed() => return,
                action = self.next_action() => action,
            };
            let event = match action {
                SseAction::Send(message) => message.event(),
                SseAction::Close(reason) => break reason,
            };
            self.reader.metrics().add_streamed_event(event.as_ref().len());
            tokio::select! {
                biased;
                sent = sender.send(event) => if sent.is_err() { return },
                reason = self.authorization.wait_for_end(&*clock) => break reason,
                end = self.reader.wait_for_end() => break CloseReason::channel_ended(end),
                () = clock.sleep(STALL_TIMEOUT) => return hang_up(),
            }
        };
        self.reader.metrics().connection_closed(reason.reason);
        let bye = sender.send(Arc::new(reason.encode()).event());
        // Real time, as over a WebSocket: clients wait in real time.
        if tokio::time::timeout(close_handshake::CLOSE_TIMEOUT, bye).await.is_err() {
            hang_up();
        }
    }

    /// Waits for the next step. Cancelling this loses nothing.
    pub async fn next_action(&mut self) -> SseAction {
        if let Some(hello) = self.hello.take() {
            return SseAction::Send(hello);
        }
        // No further off than a heartbeat, should the machine's clock have been set back.
        let until_ping = self.next_ping.since(self.clock.now()).min(self.heartbeat);
        tokio::select! {
            biased;
            reason = self.authorization.wait_for_end(&*self.clock) => SseAction::Close(reason),
            () = self.clock.sleep(until_ping) => {
                self.next_ping = self.clock.now() + self.heartbeat;
                SseAction::Send(self.reader.ping_message())
            }
            message = self.reader.next() => match message {
                Some(message) => SseAction::Send(message),
                None => SseAction::Close(CloseReason::channel_ended(self.reader.wait_for_end().await)),
            },
        }
    }
}
