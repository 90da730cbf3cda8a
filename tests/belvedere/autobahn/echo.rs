//! A server that says every message back, on the reader and the frames that the boards have.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use belvedere::websocket::{self, Heard, Reader};
use rocket::data::{IoHandler, IoStream};
use rocket::fairing::AdHoc;
use rocket::http::{Header, Status};
use rocket::response::Responder;
use rocket::{Request, Response, Shutdown, get, response, routes};
use rocket_ws::WebSocket;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;

/// The suite's largest messages are 16 MiB.
const LONGEST_MESSAGE: usize = 16 << 20;

/// How long a client may take to close once everything is said.
const LEAVE_PATIENCE: Duration = Duration::from_secs(2);

/// The server, which ends with this.
pub(super) struct Echo {
    pub(super) address: SocketAddr,
    shutdown: Shutdown,
}

impl Echo {
    pub(super) async fn open() -> Self {
        let (tell, told) = oneshot::channel();
        let up = AdHoc::on_liftoff("Up", |rocket| {
            let here = SocketAddr::new(rocket.config().address, rocket.config().port);
            let _ = tell.send((here, rocket.shutdown()));
            Box::pin(async {})
        });
        let config =
            rocket::Config { log_level: rocket::config::LogLevel::Off, port: 0, ..rocket::Config::debug_default() };
        let rocket = rocket::custom(config).mount("/", routes![echo]).attach(up);
        tokio::spawn(rocket.launch());
        let (address, shutdown) = told.await.expect("the echo is up");
        Self { address, shutdown }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.shutdown.clone().notify();
    }
}

#[get("/")]
fn echo(socket: WebSocket) -> Upgrade {
    Upgrade(socket)
}

/// The answer that agrees to the upgrade; from then on the connection is ours.
struct Upgrade(WebSocket);

impl<'r> Responder<'r, 'static> for Upgrade {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        Response::build()
            .status(Status::SwitchingProtocols)
            .header(Header::new("Sec-WebSocket-Version", "13"))
            .header(Header::new("Sec-WebSocket-Accept", self.0.accept_key().to_owned()))
            .upgrade("websocket", Connection)
            .ok()
    }
}

struct Connection;

#[rocket::async_trait]
impl IoHandler for Connection {
    async fn io(self: Pin<Box<Self>>, mut stream: IoStream) -> io::Result<()> {
        talk(&mut stream).await?;
        // The client's own end is awaited, or what it still sends would be answered by a reset, and the close frame lost with it.
        stream.shutdown().await?;
        let _ = tokio::time::timeout(LEAVE_PATIENCE, tokio::io::copy(&mut stream, &mut tokio::io::sink())).await;
        Ok(())
    }
}

/// Says everything back, until a close frame or a fault, or the client is gone.
async fn talk(stream: &mut IoStream) -> io::Result<()> {
    let mut reader = Reader::new(LONGEST_MESSAGE);
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        let mut bytes = &mut buffer[..read];
        loop {
            let (answer, is_last) = match reader.next(&mut bytes) {
                Ok(None) => break,
                Ok(Some(Heard::Text(text))) => (websocket::text(&text), false),
                Ok(Some(Heard::Binary(payload))) => (websocket::binary(&payload), false),
                Ok(Some(Heard::Ping(payload))) => (websocket::pong(&payload), false),
                Ok(Some(Heard::Pong(_))) => continue,
                Ok(Some(Heard::Close(closing))) => {
                    (websocket::close(closing.map_or(1000, |closing| closing.code), ""), true)
                }
                Err(fault) => (websocket::close(fault.code(), &fault.to_string()), true),
            };
            stream.write_all(&answer).await?;
            if is_last {
                return Ok(());
            }
        }
    }
}
