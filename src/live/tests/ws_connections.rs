//! WebSocket clients that are slow, silent, or mean harm.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::SinkExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::websocket;

const WIDE: usize = 1 << 20;

/// The messages that have arrived at the client's end.
async fn received(client: &mut ClientSocket) -> Vec<Value> {
    let mut messages = Vec::new();
    while let Some(Some(Ok(message))) = next_message(client).await {
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
async fn close_code(mut client: DuplexStream) -> Option<u16> {
    let mut bytes = Vec::new();
    // Within the timeout of the close handshake the server hangs up.
    tokio::time::timeout(Duration::from_secs(5), client.read_to_end(&mut bytes)).await.unwrap().unwrap();
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
    let fixture = LiveFixture::with_page(BOARD);
    let _painted = fixture.subscribe(&[]);
    settle().await;
    let mut client = fixture.watches(&[], None, WIDE).await;
    settle().await;
    fixture.passes(3 * SECOND).await;
    let messages = received(&mut client).await;
    assert_eq!(kinds(&messages), ["hello", "snapshot", "batch", "batch", "batch"]);
    assert_eq!(messages[4]["seq"].as_u64(), messages[1]["seq"].as_u64().map(|seq| seq + 3));
}

#[tokio::test]
async fn who_stalls_falls_off_the_ring_and_goes_on_from_one_snapshot() {
    let fixture = LiveFixture::with_page(BOARD);
    let mut slow = fixture.watches(&[], None, 64).await;
    let mut quick = fixture.watches(&[], None, WIDE).await;
    settle().await;
    for _ in 0..20 {
        fixture.passes(SECOND).await;
        assert!(!received(&mut quick).await.is_empty(), "nobody waits for the one who takes nothing");
    }
    let messages = received(&mut slow).await;
    assert_eq!(kinds(&messages).iter().filter(|kind| **kind == "snapshot").count(), 1 + usize::from(messages.len() > 3));
    let seqs: Vec<_> = messages.iter().filter_map(|message| message["seq"].as_u64()).collect();
    assert_eq!(seqs.last(), Some(&fixture.subscribe(&[]).initial_state().position.seq), "it has caught up");
    assert!(seqs.len() < 20, "and not by every batch that it has missed: {seqs:?}");
}

#[tokio::test]
async fn who_takes_nothing_for_a_minute_is_cut_off_and_who_takes_a_little_is_not() {
    let fixture = LiveFixture::with_page(BOARD);
    let mut dead = fixture.connects(&[], None, 64);
    let mut slow = fixture.watches(&[], None, 64).await;
    settle().await;
    for _ in 0..70 {
        fixture.passes(SECOND).await;
        let _ = slow.next().now_or_never();
    }
    assert_eq!(fixture.hub.viewers(), 1);
    let mut left = Vec::new();
    dead.read_to_end(&mut left).await.unwrap();
    assert!(left.len() <= 64, "nothing was kept for it");
}

#[tokio::test]
async fn who_has_gone_without_a_word_is_found_out_by_unanswered_pings() {
    let fixture = LiveFixture::with_page(BOARD);
    let mut silent = fixture.connects(&[], None, WIDE);
    let mut there = fixture.watches(&[], None, WIDE).await;
    settle().await;
    for _ in 0..5 {
        assert_eq!(fixture.hub.viewers(), 2);
        fixture.passes(26 * SECOND).await;
        // It says nothing, but its library answers.
        received(&mut there).await;
        let _ = there.flush().now_or_never();
        settle().await;
    }
    assert_eq!(fixture.hub.viewers(), 1);
    let mut bytes = Vec::new();
    silent.read_to_end(&mut bytes).await.unwrap();
    assert!(bytes.windows(2).any(|pair| pair == [0x89, 0]), "it was asked");
}

#[tokio::test]
async fn a_letter_now_and_then_is_not_waited_for() {
    let fixture = LiveFixture::with_page(BOARD);
    let mut client = fixture.connects(&[], None, WIDE);
    for byte in [0x81, 0xfe] {
        client.write_all(&[byte]).await.unwrap();
        fixture.passes(8 * SECOND).await;
    }
    assert_eq!(fixture.hub.viewers(), 0);
}

#[tokio::test]
async fn a_flood_of_pings_is_answered_once_and_then_closed() {
    let fixture = LiveFixture::with_page(BOARD);
    let mut client = fixture.connects(&[], None, WIDE);
    settle().await;
    client.write_all(&[masked(0x89, b"one"), masked(0x89, b"two")].concat()).await.unwrap();
    settle().await;
    let mut answered = vec![0; 64 * 1024];
    let count = client.read(&mut answered).await.unwrap();
    let pong = websocket::pong_frame(b"two");
    assert!(answered[..count].windows(pong.len()).any(|bytes| bytes == pong), "the newest has its answer");
    assert!(!answered[..count].windows(5).any(|bytes| bytes == websocket::pong_frame(b"one")), "older ones need none");
    client.write_all(&masked(0x89, b"").repeat(100)).await.unwrap();
    assert_eq!(close_code(client).await, Some(1008));
}

#[tokio::test]
async fn what_is_no_websocket_is_closed_with_the_code_that_says_so() {
    let fixture = LiveFixture::with_page(BOARD);
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
        let mut client = fixture.connects(&[], None, WIDE);
        client.write_all(&bytes).await.unwrap();
        // The close handshake's other half.
        client.write_all(&masked(0x88, &code.to_be_bytes())).await.unwrap();
        assert_eq!(close_code(client).await, Some(code), "{what}");
    }
    settle().await;
    assert_eq!(fixture.hub.viewers(), 0);
}

#[tokio::test]
async fn who_closes_gets_the_same_code_back() {
    let fixture = LiveFixture::with_page(BOARD);
    let mut client = fixture.connects(&[], None, WIDE);
    client.write_all(&masked(0x88, &1001_u16.to_be_bytes())).await.unwrap();
    assert_eq!(close_code(client).await, Some(1001));
}

#[tokio::test]
async fn a_shard_is_filled_before_the_next_and_ends_with_its_last_connection() {
    let fixture = LiveFixture::with_page(BOARD);
    let mut clients: Vec<_> = (0..150).map(|_| fixture.connects(&[], None, WIDE)).collect();
    settle().await;
    let subscription = fixture.subscribe(&[]);
    assert_eq!(subscription.shards().sizes(), [64, 64, 22]);
    clients.truncate(70);
    settle().await;
    assert_eq!(subscription.shards().sizes(), [64, 6]);
    fixture.passes(SECOND).await;
    clients.push(fixture.connects(&[], None, WIDE));
    clients.drain(..64);
    settle().await;
    assert_eq!(subscription.shards().sizes(), [7]);
    drop(clients);
    settle().await;
    assert_eq!((subscription.shards().sizes().len(), subscription.viewers()), (0, 0));
}

#[tokio::test]
async fn who_chooses_hears_the_other_channel_alone_and_the_shards_follow() {
    let page =
        BOARD.replace("[[panel]]", "[[input]]\nname = \"city\"\nkind = \"radio\"\noptions = [\"LA\", \"NYC\"]\n[[panel]]");
    let fixture = LiveFixture::with_page(&page);
    let mut client = fixture.watches(&[("city", "LA")], None, WIDE).await;
    fixture.passes(SECOND).await;
    let first = received(&mut client).await;
    client.send(Message::text(r#"{"type":"inputs","values":{"city":"NYC"}}"#)).await.unwrap();
    fixture.passes(2 * SECOND).await;
    let after = received(&mut client).await;
    assert_eq!(after[0]["type"], "snapshot");
    assert_ne!(after[0]["epoch"], first[1]["epoch"]);
    assert_eq!(fixture.subscribe(&[("city", "LA")]).shards().sizes().len(), 0);
    assert_eq!(fixture.subscribe(&[("city", "NYC")]).shards().sizes(), [1]);
}

#[tokio::test]
async fn anonymous_visitors_have_only_so_many_permits_and_never_the_last_ones() {
    let fixture = LiveFixture::with_page(BOARD);
    let address = |site: u16, link: u16| std::net::Ipv6Addr::from([0x2001, 0xdb8, site, link, 0, 0, 0, 1]);
    let anonymous = |site, link| PermitHolder::Anonymous(Network::narrowest_of(Some(address(site, link).into())));
    let session = |id| PermitHolder::Session(SessionId::new(id));
    let mut permits: Vec<_> = (0..10).map(|_| fixture.hub.acquire_permit(session(7), None).unwrap()).collect();
    assert_eq!(fixture.hub.acquire_permit(session(7), None).err(), Some(CapacityExceeded::PerSession));
    permits.extend((0..100).map(|_| fixture.hub.acquire_permit(anonymous(1, 0), None).unwrap()));
    assert_eq!(fixture.hub.acquire_permit(anonymous(1, 0), None).err(), Some(CapacityExceeded::PerAddress));
    let from_all_of_it = (0..1000).filter_map(|link| fixture.hub.acquire_permit(anonymous(1, link), None).ok());
    permits.extend(from_all_of_it);
    assert_eq!(fixture.hub.viewers(), 10 + 4 * 100, "the many links of one site have the share of four");
    while let Ok(permit) = fixture.hub.acquire_permit(anonymous(u16::try_from(permits.len()).unwrap(), 0), None) {
        permits.push(permit);
    }
    assert_eq!(fixture.hub.viewers(), 750, "three quarters of `live.most`");
    assert!(fixture.hub.acquire_permit(session(8), None).is_ok(), "there is room for who is signed in");
    drop(permits);
    assert_eq!(fixture.hub.viewers(), 0);
    assert!(fixture.hub.acquire_permit(anonymous(1, 0), None).is_ok(), "a permit that was given back is free");
}

#[tokio::test]
async fn when_all_permits_are_taken_one_of_whoever_has_most_makes_room_and_is_told() {
    let fixture = LiveFixture::with_page(BOARD);
    let address = |site: u16, link: u16| std::net::Ipv6Addr::from([0x2001, 0xdb8, site, link, 0, 0, 0, 1]);
    let anonymous = |site, link| PermitHolder::Anonymous(Network::narrowest_of(Some(address(site, link).into())));
    let mut greedy: Vec<_> = (0..2)
        .flat_map(|site| (0..1000).map(move |link| (site, link)))
        .filter_map(|(site, link)| fixture.hub.acquire_permit(anonymous(site, link), None).ok())
        .collect();
    let keep_those_that_stay = |permits: &mut Vec<ConnectionPermit>| {
        permits.retain_mut(|permit| permit.displaced().now_or_never().is_none());
        permits.len()
    };
    assert_eq!((keep_those_that_stay(&mut greedy), fixture.hub.viewers()), (750, 750));
    let newcomers: Vec<_> = (10..60).map(|site| fixture.hub.acquire_permit(anonymous(site, 0), None).unwrap()).collect();
    assert_eq!(fixture.hub.viewers(), 750);
    assert_eq!((newcomers.len(), keep_those_that_stay(&mut greedy)), (50, 700));
    drop((greedy, newcomers));
    assert_eq!(fixture.hub.viewers(), 0);

    let member = |number: u128| PersonId::new(format!("member-{}", number / 40));
    let session = |number: u128| PermitHolder::Session(SessionId::new(number));
    let mut of_members: Vec<_> =
        (0..1000).map(|number| fixture.hub.acquire_permit(session(number), Some(&member(number))).unwrap()).collect();
    let alice = PersonId::new("alice");
    let hers: Vec<_> = (2000..2010).map(|number| fixture.hub.acquire_permit(session(number), Some(&alice)).unwrap()).collect();
    assert_eq!((hers.len(), keep_those_that_stay(&mut of_members)), (10, 990), "a member's go for a member");
}

#[tokio::test]
async fn nobody_takes_the_others_permits_by_signing_in_again_and_again() {
    let fixture = LiveFixture::with_page(BOARD);
    let [alice, bob] = ["objectGUID:alice", "objectGUID:bob"].map(PersonId::new);
    let session = |id| PermitHolder::Session(SessionId::new(id));
    let mut permits: Vec<_> = (0..40).map(|n| fixture.hub.acquire_permit(session(n), Some(&alice)).unwrap()).collect();
    assert_eq!(fixture.hub.acquire_permit(session(40), Some(&alice)).err(), Some(CapacityExceeded::PerPerson));
    assert!(fixture.hub.acquire_permit(session(41), Some(&bob)).is_ok());
    permits.pop();
    assert!(fixture.hub.acquire_permit(session(40), Some(&alice)).is_ok());
}

#[tokio::test]
async fn a_long_message_goes_deflated_to_those_who_take_it_so_and_plain_to_the_others() {
    let words = "All is well. ".repeat(200);
    let page = format!("title = \"Board\"\naccess = \"public\"\n[[panel]]\nid = \"text\"\nkind = \"text\"\ntext = \"{words}\"");
    let fixture = LiveFixture::with_page(&page);
    let mut takes_it = fixture.connects_with(&[], None, WIDE, true);
    let mut plain = fixture.watches(&[], None, WIDE).await;
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
    assert_eq!(Some(&snapshot), received(&mut plain).await.get(1));
    assert!(payload.len() * 5 < text.len(), "{} of {}", payload.len(), text.len());
}

#[tokio::test]
async fn what_a_viewer_keeps_is_small() {
    let fixture = LiveFixture::with_page(BOARD);
    let (server_side, _client) = tokio::io::duplex(64);
    let clock: Arc<dyn Clock> = fixture.clock.clone();
    let handler = WsHandler::new(Arc::clone(&fixture.hub), fixture.subscribe(&[]), None, fixture.authorization(), clock);
    let task = handler.serve(Upgraded { transport: Box::new(server_side), deflates: true }, ());
    assert!(size_of_val(&task) <= 900, "the task of a viewer takes {} bytes", size_of_val(&task));
    assert!(size_of::<super::super::ws_connection::WsConnection>() <= 300);
    assert!(size_of::<LiveAuthorization>() <= 216);
}

/// Reads up to the batch `until`, as fast as it goes, and returns how many snapshots it took.
async fn follows(mut client: ClientSocket, until: u64) -> u32 {
    let (mut at, mut snapshots) = (None, 0);
    while at < Some(until) {
        let Message::Text(text) = client.next().await.unwrap().unwrap() else { continue };
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
    let fixture = LiveFixture::with_page(&BOARD.replace("\"1s\"", "\"100ms\""));
    let mut followers = tokio::task::JoinSet::new();
    for number in 0..200 {
        // Half of them with buffers that are full at every frame.
        let capacity = if number % 2 == 0 { 100 } else { WIDE };
        followers.spawn(follows(fixture.watches(&[], None, capacity).await, END));
    }
    let subscription = fixture.subscribe(&[]);
    let mut head = subscription.channel().head();
    while head.borrow_and_update().seq < END {
        fixture.clock.advance(INTERVAL / 2);
        // The batcher and the feed take turns; only so much real time as they need passes.
        let _ = tokio::time::timeout(Duration::from_millis(2), head.changed()).await;
    }
    let snapshots: u32 = followers.join_all().await.into_iter().sum();
    assert!(snapshots >= 200, "everybody began with one");
}

#[tokio::test]
async fn a_stream_that_takes_nothing_is_given_up_and_hears_its_end_as_soon_as_a_socket() {
    let fixture = LiveFixture::with_page(BOARD);
    let forward = || {
        let (sender, events) = tokio::sync::mpsc::channel(1);
        let clock: Arc<dyn Clock> = fixture.clock.clone();
        let connection = SseConnection::new(fixture.subscribe(&[]), None, fixture.authorization(), clock);
        let hung_up = Arc::new(AtomicBool::new(false));
        let hangs_up = Arc::clone(&hung_up);
        fixture.hub.spawn(connection.forward_to(sender, move || hangs_up.store(true, Ordering::Relaxed)));
        (events, hung_up)
    };
    let is_up = |hung_up: &AtomicBool| hung_up.load(Ordering::Relaxed);
    let (mut reads, well) = forward();
    let (_stalls, stalled) = forward();
    for _ in 0..62 {
        fixture.passes(SECOND).await;
        while reads.try_recv().is_ok() {
            settle().await;
        }
    }
    assert!(is_up(&stalled), "a minute without an event accepted");
    assert_eq!((is_up(&well), fixture.hub.viewers()), (false, 1));

    let (deaf, ended) = forward();
    fixture.passes(SECOND).await;
    fixture.shutdown.send_replace(true);
    fixture.hub.drain(Duration::from_secs(5)).await;
    assert!(is_up(&ended), "not even the `bye` was accepted");
    assert_eq!(fixture.hub.viewers(), 0);
    drop(deaf);
}
