//! The least that it can cost: bare tokio, the bytes of a frame built once, one write for each viewer. It knows nobody, reads
//! nothing after the handshake, and forgets whoever is too slow.

use std::sync::Arc;

use belvedere::connections::raise_open_file_limit;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::common::process;
use crate::worker_options::FloorOptions;
use crate::{server, tally};

const SWITCHING: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                           Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

pub(crate) fn run(options: &FloorOptions) {
    raise_open_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        process::send_to_parent(&listener.local_addr().unwrap());
        server::answer();
        let head = watch::Sender::new(frame(0, options.length));
        tokio::spawn(accept(listener, head.clone()));
        tokio::select! {
            () = tick(&head, options) => {}
            () = told_to_end() => {}
        }
    });
}

async fn tick(head: &watch::Sender<Arc<[u8]>>, options: &FloorOptions) {
    let mut ticks = tokio::time::interval(options.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for seq in 1.. {
        ticks.tick().await;
        head.send_replace(frame(seq, options.length));
    }
}

async fn told_to_end() {
    let mut signal = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap();
    signal.recv().await;
}

async fn accept(listener: TcpListener, head: watch::Sender<Arc<[u8]>>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, head.subscribe()));
    }
}

/// Serves one viewer until it is gone.
async fn serve(mut stream: TcpStream, mut head: watch::Receiver<Arc<[u8]>>) {
    {
        let mut request = Vec::with_capacity(1024);
        while !request.ends_with(b"\r\n\r\n") {
            if !matches!(stream.read_buf(&mut request).await, Ok(1..)) {
                return;
            }
        }
    }
    if stream.set_nodelay(true).is_err() || stream.write_all(SWITCHING).await.is_err() {
        return;
    }
    // Whoever comes is told at once how it stands.
    head.mark_changed();
    while head.changed().await.is_ok() {
        let frame = Arc::clone(&head.borrow_and_update());
        if stream.write_all(&frame).await.is_err() {
            return;
        }
    }
}

/// A batch of ours as a frame, stretched to that length.
fn frame(seq: u64, length: u64) -> Arc<[u8]> {
    let length = usize::try_from(length).unwrap();
    let now = tally::now().as_millis();
    let mut text = format!("{{\"type\":\"batch\",\"seq\":{seq},\"sent\":{now},\"panels\":{{\"cpu\":{{\"at\":{now},\"view\":\"");
    let head = if length > 127 { 4 } else { 2 };
    text.extend(std::iter::repeat_n('x', length.saturating_sub(head + text.len() + 4)));
    text.push_str("\"}}}");
    let bytes = text.into_bytes();
    let mut frame = vec![0x81];
    match u16::try_from(bytes.len()).unwrap() {
        short @ 0..=125 => frame.push(u8::try_from(short).unwrap()),
        long => {
            frame.push(126);
            frame.extend(long.to_be_bytes());
        }
    }
    frame.extend(bytes);
    frame.into()
}
