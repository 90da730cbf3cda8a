//! Those at the far end of a socket who are slow, silent, or mean harm.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::SinkExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::websocket;

const WIDE: usize = 1 << 20;

/// What has come at the far end, as far as it has.
async fn arrived(far: &mut Far) -> Vec<Value> {
    let mut messages = Vec::new();
    while let Some(Some(Ok(message))) = next_of(far).await {
        if let Message::Text(text) = message {
            messages.push(serde_json::from_str(&text).unwrap());
        }
    }
    messages
}

fn kinds(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["type"].as_str().unwrap()).collect()
}

/// The code of the close frame at the end of what has come.
async fn close_code(mut far: DuplexStream) -> Option<u16> {
    let mut bytes = Vec::new();
    // Within the goodbye's patience the other side hangs up.
    tokio::time::timeout(Duration::from_secs(5), far.read_to_end(&mut bytes)).await.unwrap().unwrap();
    let at = bytes.windows(2).rposition(|pair| pair[0] == 0x88 && usize::from(pair[1]) < 126)?;
    Some(u16::from_be_bytes([*bytes.get(at + 2)?, *bytes.get(at + 3)?]))
}

/// A client's frame: masked, with a mask of zeros.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first, 0x80 | u8::try_from(payload.len()).unwrap(), 0, 0, 0, 0];
    frame.extend_from_slice(payload);
    frame
}

#[tokio::test]
async fn a_socket_hears_hello_then_a_snapshot_then_every_batch() {
    let stage = Stage::with_page(BOARD);
    let _painted = stage.sit(&[]);
    settle().await;
    let mut far = stage.watches(&[], None, WIDE).await;
    settle().await;
    stage.passes(3 * SECOND).await;
    let heard = arrived(&mut far).await;
    assert_eq!(kinds(&heard), ["hello", "snapshot", "batch", "batch", "batch"]);
    assert_eq!(heard[4]["seq"].as_u64(), heard[1]["seq"].as_u64().map(|seq| seq + 3));
}

#[tokio::test]
async fn who_stalls_falls_off_the_ring_and_goes_on_from_one_snapshot() {
    let stage = Stage::with_page(BOARD);
    let mut slow = stage.watches(&[], None, 64).await;
    let mut quick = stage.watches(&[], None, WIDE).await;
    settle().await;
    for _ in 0..20 {
        stage.passes(SECOND).await;
        assert!(!arrived(&mut quick).await.is_empty(), "nobody waits for the one who takes nothing");
    }
    let heard = arrived(&mut slow).await;
    assert_eq!(kinds(&heard).iter().filter(|kind| **kind == "snapshot").count(), 1 + usize::from(heard.len() > 3));
    let seqs: Vec<_> = heard.iter().filter_map(|message| message["seq"].as_u64()).collect();
    assert_eq!(seqs.last(), Some(&stage.sit(&[]).paint().position.seq), "it has caught up");
    assert!(seqs.len() < 20, "and not by every batch that it has missed: {seqs:?}");
}

#[tokio::test]
async fn who_takes_nothing_for_a_minute_is_cut_off_and_who_takes_a_little_is_not() {
    let stage = Stage::with_page(BOARD);
    let mut dead = stage.connects(&[], None, 64);
    let mut slow = stage.watches(&[], None, 64).await;
    settle().await;
    for _ in 0..70 {
        stage.passes(SECOND).await;
        let _ = slow.next().now_or_never();
    }
    assert_eq!(stage.hub.viewers(), 1);
    let mut left = Vec::new();
    dead.read_to_end(&mut left).await.unwrap();
    assert!(left.len() <= 64, "nothing was kept for it");
}

#[tokio::test]
async fn who_has_gone_without_a_word_is_found_out_by_unanswered_pings() {
    let stage = Stage::with_page(BOARD);
    let mut silent = stage.connects(&[], None, WIDE);
    let mut there = stage.watches(&[], None, WIDE).await;
    settle().await;
    for _ in 0..5 {
        assert_eq!(stage.hub.viewers(), 2);
        stage.passes(26 * SECOND).await;
        // It says nothing, but its library answers.
        arrived(&mut there).await;
        let _ = there.flush().now_or_never();
        settle().await;
    }
    assert_eq!(stage.hub.viewers(), 1);
    let mut heard = Vec::new();
    silent.read_to_end(&mut heard).await.unwrap();
    assert!(heard.windows(2).any(|pair| pair == [0x89, 0]), "it was asked");
}

#[tokio::test]
async fn a_letter_now_and_then_is_not_waited_for() {
    let stage = Stage::with_page(BOARD);
    let mut far = stage.connects(&[], None, WIDE);
    for byte in [0x81, 0xfe] {
        far.write_all(&[byte]).await.unwrap();
        stage.passes(8 * SECOND).await;
    }
    assert_eq!(stage.hub.viewers(), 0);
}

#[tokio::test]
async fn a_flood_of_pings_is_answered_once_and_then_closed() {
    let stage = Stage::with_page(BOARD);
    let mut far = stage.connects(&[], None, WIDE);
    settle().await;
    far.write_all(&[masked(0x89, b"one"), masked(0x89, b"two")].concat()).await.unwrap();
    settle().await;
    let mut answered = vec![0; 64 * 1024];
    let count = far.read(&mut answered).await.unwrap();
    let pong = websocket::pong_frame(b"two");
    assert!(answered[..count].windows(pong.len()).any(|bytes| bytes == pong), "the newest has its answer");
    assert!(!answered[..count].windows(5).any(|bytes| bytes == websocket::pong_frame(b"one")), "older ones need none");
    far.write_all(&masked(0x89, b"").repeat(100)).await.unwrap();
    assert_eq!(close_code(far).await, Some(1008));
}

#[tokio::test]
async fn what_is_no_websocket_is_closed_with_the_code_that_says_so() {
    let stage = Stage::with_page(BOARD);
    let long = [&[0x81_u8, 0xff][..], &(1_u64 << 40).to_be_bytes(), &[0; 4]].concat();
    let fragments = [masked(0x01, b"{"), masked(0x00, b"").repeat(2_000)].concat();
    let wrong: [(&str, Vec<u8>, u16); 8] = [
        ("not masked", vec![0x81, 0x01, b'x'], 1002),
        ("a reserved bit", masked(0xc1, b"x"), 1002),
        ("an unknown opcode", masked(0x83, b"x"), 1002),
        ("not UTF-8", masked(0x81, b"\xff"), 1007),
        ("a terabyte announced", long, 1008),
        ("fragments for ever", fragments, 1008),
        ("a binary message", masked(0x82, b"x"), 1008),
        ("no message of ours", masked(0x81, b"{}"), 1008),
    ];
    for (what, bytes, code) in wrong {
        let mut far = stage.connects(&[], None, WIDE);
        far.write_all(&bytes).await.unwrap();
        // The close handshake's other half.
        far.write_all(&masked(0x88, &code.to_be_bytes())).await.unwrap();
        assert_eq!(close_code(far).await, Some(code), "{what}");
    }
    settle().await;
    assert_eq!(stage.hub.viewers(), 0);
}

#[tokio::test]
async fn who_closes_gets_the_same_code_back() {
    let stage = Stage::with_page(BOARD);
    let mut far = stage.connects(&[], None, WIDE);
    far.write_all(&masked(0x88, &1001_u16.to_be_bytes())).await.unwrap();
    assert_eq!(close_code(far).await, Some(1001));
}

#[tokio::test]
async fn a_row_is_as_long_as_it_may_be_and_no_longer_than_somebody_sits_in_it() {
    let stage = Stage::with_page(BOARD);
    let mut fars: Vec<_> = (0..150).map(|_| stage.connects(&[], None, WIDE)).collect();
    settle().await;
    let seat = stage.sit(&[]);
    assert_eq!(seat.channel().rows().lengths(), [64, 64, 22]);
    fars.truncate(70);
    settle().await;
    assert_eq!(seat.channel().rows().lengths(), [64, 6]);
    stage.passes(SECOND).await;
    fars.push(stage.connects(&[], None, WIDE));
    fars.drain(..64);
    settle().await;
    assert_eq!(seat.channel().rows().lengths(), [7]);
    drop(fars);
    settle().await;
    assert_eq!((seat.channel().rows().lengths().len(), seat.watching()), (0, 0));
}

#[tokio::test]
async fn who_chooses_hears_the_other_channel_alone_and_the_rows_follow() {
    let page = BOARD
        .replace("[[panel]]", "[[input]]\nname = \"city\"\nkind = \"radio\"\noptions = [\"LA\", \"NYC\"]\n[[panel]]");
    let stage = Stage::with_page(&page);
    let mut far = stage.watches(&[("city", "LA")], None, WIDE).await;
    stage.passes(SECOND).await;
    let first = arrived(&mut far).await;
    far.send(Message::text(r#"{"type":"inputs","values":{"city":"NYC"}}"#)).await.unwrap();
    stage.passes(2 * SECOND).await;
    let after = arrived(&mut far).await;
    assert_eq!(after[0]["type"], "snapshot");
    assert_ne!(after[0]["epoch"], first[1]["epoch"]);
    assert_eq!(stage.sit(&[("city", "LA")]).channel().rows().lengths().len(), 0);
    assert_eq!(stage.sit(&[("city", "NYC")]).channel().rows().lengths(), [1]);
}

#[tokio::test]
async fn strangers_have_only_so_many_places_and_never_the_last_ones() {
    let stage = Stage::with_page(BOARD);
    let stranger =
        |last: u16| Holder::Stranger(Some(std::net::Ipv6Addr::from([0x2001, 0xdb8, 0, last, 0, 0, 0, 1]).into()));
    let session = |id| Holder::Session(SessionId::new(id));
    let mut places: Vec<_> = (0..10).map(|_| stage.hub.place(session(7), None).unwrap()).collect();
    assert_eq!(stage.hub.place(session(7), None).err(), Some(Crowded::BySession));
    places.extend((0..100).map(|_| stage.hub.place(stranger(1), None).unwrap()));
    assert_eq!(stage.hub.place(stranger(1), None).err(), Some(Crowded::FromThere));
    while let Ok(place) = stage.hub.place(stranger(u16::try_from(places.len()).unwrap()), None) {
        places.push(place);
    }
    assert_eq!(stage.hub.viewers(), 750, "three quarters of `live.most`");
    assert!(stage.hub.place(session(8), None).is_ok(), "there is room for who is signed in");
    drop(places);
    assert_eq!(stage.hub.viewers(), 0);
    assert!(stage.hub.place(stranger(1), None).is_ok(), "a place that was given back is free");
}

#[tokio::test]
async fn nobody_takes_the_others_places_by_signing_in_again_and_again() {
    let stage = Stage::with_page(BOARD);
    let [alice, bob] = ["objectGUID:alice", "objectGUID:bob"].map(PersonId::new);
    let session = |id| Holder::Session(SessionId::new(id));
    let mut places: Vec<_> = (0..40).map(|n| stage.hub.place(session(n), Some(&alice)).unwrap()).collect();
    assert_eq!(stage.hub.place(session(40), Some(&alice)).err(), Some(Crowded::ByPerson));
    assert!(stage.hub.place(session(41), Some(&bob)).is_ok());
    places.pop();
    assert!(stage.hub.place(session(40), Some(&alice)).is_ok());
}

#[tokio::test]
async fn a_long_message_goes_deflated_to_those_who_take_it_so_and_plain_to_the_others() {
    let words = "All is well. ".repeat(200);
    let page = format!(
        "title = \"Board\"\naccess = \"public\"\n[[panel]]\nid = \"text\"\nkind = \"text\"\ntext = \"{words}\""
    );
    let stage = Stage::with_page(&page);
    let mut takes_it = stage.connects_after(&[], None, WIDE, true);
    let mut plain = stage.watches(&[], None, WIDE).await;
    settle().await;
    let mut bytes = vec![0; 64 * 1024];
    let count = takes_it.read(&mut bytes).await.unwrap();
    let hello = 2 + usize::from(bytes[1]);
    assert_eq!(bytes[0], 0x81, "hello is short");
    assert_eq!(bytes[hello..hello + 2], [0xc1, 126], "a text frame with RSV1");
    let payload = [&bytes[hello + 4..count], &[0, 0, 0xff, 0xff]].concat();
    let mut text = String::new();
    // A message ends without an end of the stream (RFC 7692, 7.2.2).
    let _ = std::io::Read::read_to_string(&mut flate2::read::DeflateDecoder::new(&*payload), &mut text);
    let snapshot: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(Some(&snapshot), arrived(&mut plain).await.get(1));
    assert!(payload.len() * 5 < text.len(), "{} of {}", payload.len(), text.len());
}

#[tokio::test]
async fn what_a_viewer_keeps_is_small() {
    let stage = Stage::with_page(BOARD);
    let (near, _far) = tokio::io::duplex(64);
    let clock: Arc<dyn Clock> = stage.clock.clone();
    let socket = Socket::new(Arc::clone(&stage.hub), stage.sit(&[]), None, stage.authority(), clock);
    let task = socket.serve(Upgraded { wire: Box::new(near), deflates: true }, ());
    assert!(size_of_val(&task) <= 900, "the task of a viewer takes {} bytes", size_of_val(&task));
    assert!(size_of::<super::super::line::Line>() <= 300);
    assert!(size_of::<Authority>() <= 200);
}

/// Reads until the channel's end of the story, as fast as it goes, and says how many snapshots it took.
async fn follows(mut far: Far, until: u64) -> u32 {
    let (mut at, mut snapshots) = (None, 0);
    while at < Some(until) {
        let Message::Text(text) = far.next().await.unwrap().unwrap() else { continue };
        let message: Value = serde_json::from_str(&text).unwrap();
        let seq = message["seq"].as_u64();
        match message["type"].as_str().unwrap() {
            "snapshot" => {
                assert!(seq > at, "a snapshot leads on: {seq:?} after {at:?}");
                (at, snapshots) = (seq, snapshots + 1);
            }
            "batch" => {
                assert_eq!(seq, at.map(|at| at + 1), "no gap and no repeat");
                at = seq;
            }
            _ => {}
        }
    }
    snapshots
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_many_threads_nobody_misses_a_batch_or_hears_one_twice() {
    const END: u64 = 150;
    let stage = Stage::with_page(&BOARD.replace("\"1s\"", "\"100ms\""));
    let mut followers = tokio::task::JoinSet::new();
    for number in 0..200 {
        // Half of them on wires that are full at every frame.
        let wire = if number % 2 == 0 { 100 } else { WIDE };
        followers.spawn(follows(stage.watches(&[], None, wire).await, END));
    }
    let seat = stage.sit(&[]);
    let mut head = seat.channel().head();
    while head.borrow_and_update().seq < END {
        stage.clock.advance(INTERVAL / 2);
        // The pump and the feed take turns; only so much real time as they need passes.
        let _ = tokio::time::timeout(Duration::from_millis(2), head.changed()).await;
    }
    let snapshots: u32 = followers.join_all().await.into_iter().sum();
    assert!(snapshots >= 200, "everybody began with one");
}

#[tokio::test]
async fn a_stream_that_takes_nothing_is_given_up_and_hears_its_end_as_soon_as_a_socket() {
    let stage = Stage::with_page(BOARD);
    let pour = || {
        let (events, said) = tokio::sync::mpsc::channel(1);
        let clock: Arc<dyn Clock> = stage.clock.clone();
        let connection = Connection::new(stage.sit(&[]), None, stage.authority(), clock);
        let hung_up = Arc::new(AtomicBool::new(false));
        let hangs_up = Arc::clone(&hung_up);
        stage.hub.carry(connection.pour(events, move || hangs_up.store(true, Ordering::Relaxed)));
        (said, hung_up)
    };
    let is_up = |hung_up: &AtomicBool| hung_up.load(Ordering::Relaxed);
    let (mut reads, well) = pour();
    let (_stalls, stalled) = pour();
    for _ in 0..62 {
        stage.passes(SECOND).await;
        while reads.try_recv().is_ok() {
            settle().await;
        }
    }
    assert!(is_up(&stalled), "a minute without a word taken");
    assert_eq!((is_up(&well), stage.hub.viewers()), (false, 1));

    let (deaf, ended) = pour();
    stage.passes(SECOND).await;
    stage.shutdown.send_replace(true);
    stage.hub.sockets_are_closed(Duration::from_secs(5)).await;
    assert!(is_up(&ended), "not even the goodbye was taken");
    assert_eq!(stage.hub.viewers(), 0);
    drop(deaf);
}
