//! An echo server, on the reader and the frames that live connections use.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use belvedere::websocket::{self, MessageReader, WebSocketError, WsMessage};
use rocket::data::{IoHandler, IoStream};
use rocket::fairing::AdHoc;
use rocket::http::{Header, Status};
use rocket::response::Responder;
use rocket::{Request, Response, Shutdown, get, response, routes};
use rocket_ws::WebSocket;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;

/// The longest message: the suite's largest are 16 MiB.
const MAX_MESSAGE: usize = 16 << 20;

/// The time for a client to close after its last message.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The server, which stops when dropped.
pub(super) struct EchoServer {
    pub(super) address: SocketAddr,
    shutdown: Shutdown,
}

impl EchoServer {
    pub(super) async fn open() -> Self {
        let (tell, told) = oneshot::channel();
        let up = AdHoc::on_liftoff("Up", |rocket| {
            let here = SocketAddr::new(rocket.config().address, rocket.config().port);
            let _ = tell.send((here, rocket.shutdown()));
            Box::pin(async {})
        });
        let config = rocket::Config { log_level: rocket::config::LogLevel::Off, port: 0, ..rocket::Config::debug_default() };
        let rocket = rocket::custom(config).mount("/", routes![echo]).attach(up);
        tokio::spawn(rocket.launch());
        let (address, shutdown) = told.await.expect("the echo is up");
        Self { address, shutdown }
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        self.shutdown.clone().notify();
    }
}

#[get("/")]
fn echo(socket: WebSocket) -> UpgradeToEcho {
    UpgradeToEcho(socket)
}

/// The answer that agrees to the upgrade; from then on the connection is ours.
struct UpgradeToEcho(WebSocket);

impl<'r> Responder<'r, 'static> for UpgradeToEcho {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let agreed = websocket::negotiate_deflate(request.headers().get("Sec-WebSocket-Extensions"));
        let mut answer = Response::build();
        answer
            .status(Status::SwitchingProtocols)
            .header(Header::new("Sec-WebSocket-Version", "13"))
            .header(Header::new("Sec-WebSocket-Accept", self.0.accept_key().to_owned()))
            .upgrade("websocket", EchoConnection { deflates: agreed.is_some() });
        if let Some(agreed) = agreed {
            answer.header(Header::new("Sec-WebSocket-Extensions", agreed));
        }
        answer.ok()
    }
}

struct EchoConnection {
    deflates: bool,
}

#[rocket::async_trait]
impl IoHandler for EchoConnection {
    async fn io(self: Pin<Box<Self>>, mut stream: IoStream) -> io::Result<()> {
        self.talk(&mut stream).await?;
        // The client's own end is awaited, or what it still sends would be answered by a reset, and the close frame lost with it.
        stream.shutdown().await?;
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, tokio::io::copy(&mut stream, &mut tokio::io::sink())).await;
        Ok(())
    }
}

impl EchoConnection {
    /// Echoes every message, until a close frame or a fault, or the client is gone.
    async fn talk(&self, stream: &mut IoStream) -> io::Result<()> {
        let mut reader = MessageReader::new(MAX_MESSAGE);
        if self.deflates {
            reader = reader.with_deflate();
        }
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = stream.read(&mut buffer).await?;
            if read == 0 {
                return Ok(());
            }
            let mut bytes = &mut buffer[..read];
            while let Some(heard) = reader.next(&mut bytes).transpose() {
                let is_last = matches!(heard, Ok(WsMessage::Close(_)) | Err(_));
                stream.write_all(&self.answer(heard)).await?;
                if is_last {
                    return Ok(());
                }
            }
        }
    }

    fn answer(&self, heard: Result<WsMessage, WebSocketError>) -> Vec<u8> {
        match heard {
            Ok(WsMessage::Text(text)) if self.deflates => websocket::deflated_text_frame(&text),
            Ok(WsMessage::Text(text)) => websocket::text_frame(&text),
            Ok(WsMessage::Binary(payload)) if self.deflates => websocket::deflated_binary_frame(&payload),
            Ok(WsMessage::Binary(payload)) => websocket::binary_frame(&payload),
            Ok(WsMessage::Ping(payload)) => websocket::pong_frame(&payload),
            Ok(WsMessage::Pong(_)) => Vec::new(),
            Ok(WsMessage::Close(closing)) => websocket::close_frame(closing.map_or(1000, |closing| closing.code), ""),
            Err(fault) => websocket::close_frame(fault.close_code(), &fault.to_string()),
        }
    }
}
