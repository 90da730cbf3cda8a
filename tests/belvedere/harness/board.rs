//! A live board: a WebSocket client that applies what it is told, as the page's script does.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// How long a test waits for something that must come. It never decides a test that passes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connected board.
pub(crate) struct Board {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// How a connection ended.
#[derive(Debug)]
pub(crate) struct ReceivedClose {
    pub(crate) bye: Option<Value>,
    pub(crate) code: Option<u16>,
}

impl Board {
    pub(super) fn new(socket: WebSocketStream<MaybeTlsStream<TcpStream>>) -> Self {
        Self { socket }
    }

    /// The next message.
    pub(crate) async fn hears(&mut self) -> Value {
        loop {
            match self.frame().await {
                Message::Text(text) => return serde_json::from_str(&text).expect("a message is JSON"),
                // The library answers by itself.
                Message::Ping(_) => (),
                other => panic!("a message was expected, not {other:?}"),
            }
        }
    }

    /// The next message, however long it takes; `None` when the connection has ended.
    pub(crate) async fn next_message(&mut self) -> Option<Value> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).expect("a message is JSON")),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => (),
            }
        }
    }

    /// The next message of that type; others before it are passed over.
    pub(crate) async fn hears_a(&mut self, kind: &str) -> Value {
        loop {
            let message = self.hears().await;
            if message["type"] == kind {
                return message;
            }
        }
    }

    /// The next message that says something of `panel`.
    pub(crate) async fn hears_of(&mut self, panel: &str) -> Value {
        loop {
            let message = self.hears().await;
            if !message["panels"][panel].is_null() {
                return message["panels"][panel].clone();
            }
        }
    }

    /// Chooses other inputs.
    pub(crate) async fn chooses(&mut self, values: Value) {
        self.says(&json!({ "type": "inputs", "values": values }).to_string()).await;
    }

    /// Sends a text, valid or not.
    pub(crate) async fn says(&mut self, text: &str) {
        self.tries_to_say(text).await.expect("the socket takes it");
    }

    /// Sends a message to a server that may be closing the connection.
    pub(crate) async fn tries_to_say(&mut self, text: &str) -> Result<(), tokio_tungstenite::tungstenite::Error> {
        self.socket.send(Message::text(text)).await
    }

    /// Waits until the connection ends, and returns how it did.
    pub(crate) async fn is_closed(&mut self) -> ReceivedClose {
        let mut bye = None;
        loop {
            match tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("the connection ends") {
                Some(Ok(Message::Text(text))) => {
                    let message: Value = serde_json::from_str(&text).expect("a message is JSON");
                    assert!(bye.is_none(), "nothing follows the bye, but {message} did");
                    if message["type"] == "bye" {
                        bye = Some(message);
                    }
                }
                Some(Ok(Message::Close(frame))) => {
                    return ReceivedClose { bye, code: frame.map(|CloseFrame { code, .. }| code.into()) };
                }
                Some(Ok(_)) => (),
                Some(Err(_)) | None => return ReceivedClose { bye, code: None },
            }
        }
    }

    async fn frame(&mut self) -> Message {
        tokio::time::timeout(PATIENCE, self.socket.next())
            .await
            .expect("something is said in time")
            .expect("the connection goes on")
            .expect("the frame is whole")
    }
}
