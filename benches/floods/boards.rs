//! Floods of boards and pages. Their strangers come from addresses of their own on loopback.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::common::http_client::HttpClient;
use crate::flood::Flood;
use crate::pages::{FLOODED, HUNGRY, OPTIONS};
use crate::program::Program;

/// The choices of each page that are held: more than a page has places for.
const HELD: usize = 300;

/// The connections of whoever walks through the choices.
const WALKERS: usize = 8;

/// Strangers of a few addresses hold all the choices of four pages.
pub(crate) fn channels(flood: &mut Flood, program: &Program) {
    for (at, slug) in FLOODED.into_iter().enumerate() {
        for choice in 0..HELD {
            let from = Ipv4Addr::new(127, 1, u8::try_from(at).unwrap_or(0), 1);
            let server = program.address;
            flood.joins(async move |answered| {
                let path = format!("/events/{slug}?city={choice}");
                // It is refused, or goes on until it is dropped.
                let _ = watch(from, server, &path, &answered).await;
            });
        }
    }
}

/// A stranger walks through the choices of a page as fast as it is answered.
pub(crate) fn sources(flood: &mut Flood, program: &Program) {
    for walker in 0..WALKERS {
        let server = program.address;
        flood.joins(async move |answered| {
            for choice in (walker..).step_by(WALKERS) {
                let path = format!("/p/{}?city={}", FLOODED[choice / OPTIONS % FLOODED.len()], choice % OPTIONS);
                if visit(server, &path).await.is_ok_and(|status| status == 200) {
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
}

/// A stranger looks at a page whose filters want much memory.
pub(crate) fn filters(flood: &mut Flood, program: &Program) {
    let server = program.address;
    flood.joins(async move |answered| {
        let _ = watch(Ipv4Addr::new(127, 1, 0, 1), server, &format!("/events/{HUNGRY}"), &answered).await;
    });
    flood.samples_memory(program);
}

async fn visit(server: SocketAddr, path: &str) -> io::Result<u16> {
    Ok(HttpClient::from(Ipv4Addr::new(127, 1, 0, 1), server).await?.opens(path, None).await?.status)
}

/// Watches a page's events until it is dropped.
async fn watch(from: Ipv4Addr, server: SocketAddr, path: &str, answered: &AtomicUsize) -> io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    let mut stream: TcpStream = socket.connect(server).await?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {server}\r\n\r\n").as_bytes()).await?;
    let mut bytes = vec![0; 4096];
    let read = stream.read(&mut bytes).await?;
    answered.fetch_add(usize::from(bytes[..read].starts_with(b"HTTP/1.1 200")), Ordering::Relaxed);
    while stream.read(&mut bytes).await? > 0 {}
    Ok(())
}
