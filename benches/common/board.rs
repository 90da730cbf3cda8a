//! A member who watches a board over a WebSocket.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::StreamExt as _;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// A live connection to the page `own`, in a session.
pub(crate) struct Board(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Board {
    pub(crate) async fn open(server: SocketAddr, session: &str) -> Self {
        let mut request = format!("ws://{server}/live/own").into_client_request().unwrap();
        request.headers_mut().insert("Origin", format!("http://{server}").parse().unwrap());
        request.headers_mut().insert("Cookie", format!("belvedere={session}").parse().unwrap());
        Self(tokio_tungstenite::connect_async(request).await.unwrap().0)
    }

    /// How long after it was sent each of its batches comes, for that long from `began` on.
    pub(crate) async fn delays(&mut self, began: Instant, length: Duration) -> Vec<Duration> {
        let mut delays = Vec::new();
        while began.elapsed() < length {
            let Some(Ok(message)) = self.0.next().await else { break };
            let Ok(text) = message.to_text() else { continue };
            let Ok(said) = serde_json::from_str::<serde_json::Value>(text) else { continue };
            if let Some(sent) = said["sent"].as_u64() {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
                delays.push(now.saturating_sub(Duration::from_millis(sent)));
            }
        }
        delays
    }
}
