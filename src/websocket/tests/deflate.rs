use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{BINARY, CONTINUATION, FIN, MAX_MESSAGE, PING, TEXT, client_frame, read_all};
use crate::websocket::{
    MessageReader, WebSocketError, WsMessage, binary_frame, deflated_binary_frame, deflated_text_frame, negotiate_deflate,
    text_frame,
};

const RSV1: u8 = 0x40;

fn inflated(longest: usize, frames: &[Vec<u8>]) -> (Vec<WsMessage>, Option<WebSocketError>) {
    read_all(&mut MessageReader::new(longest).with_deflate(), &frames.concat())
}

fn hello() -> (Vec<WsMessage>, Option<WebSocketError>) {
    (vec![WsMessage::Text("Hello".to_owned())], None)
}

/// A server's frame as the client would send it: the payload behind its header, masked, with the same flags.
fn echoed(frame: &[u8]) -> Vec<u8> {
    let header = match frame[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    client_frame(frame[0], &frame[header..])
}

/// Bytes without a pattern, and the same in every run.
fn noise(length: usize) -> Vec<u8> {
    let next = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    std::iter::successors(Some(7), next).map(|state| state.to_be_bytes()[0]).take(length).collect()
}

#[test]
fn the_examples_of_rfc_7692_are_read() {
    // Section 7.2.3: in one block, in two fragments, in a block without compression, with a last block, in two blocks.
    let one = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
    assert_eq!(inflated(MAX_MESSAGE, &[client_frame(FIN | RSV1 | TEXT, &one)]), hello());
    let two = [client_frame(RSV1 | TEXT, &one[..3]), client_frame(FIN | CONTINUATION, &one[3..])];
    assert_eq!(inflated(MAX_MESSAGE, &two), hello());
    let stored = [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00];
    assert_eq!(inflated(MAX_MESSAGE, &[client_frame(FIN | RSV1 | TEXT, &stored)]), hello());
    let last = [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00];
    assert_eq!(inflated(MAX_MESSAGE, &[client_frame(FIN | RSV1 | TEXT, &last)]), hello());
    let blocks = [0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00];
    assert_eq!(inflated(MAX_MESSAGE, &[client_frame(FIN | RSV1 | TEXT, &blocks)]), hello());
    assert_eq!(inflated(MAX_MESSAGE, &[client_frame(FIN | RSV1 | TEXT, &[0])]), (vec![WsMessage::Text(String::new())], None));
}

#[test]
fn what_repeats_itself_is_deflated_and_what_does_not_is_left_plain() {
    let long = "a board, ".repeat(120);
    let deflated = deflated_text_frame(&long);
    assert_eq!(deflated[0], FIN | RSV1 | TEXT);
    assert!(deflated.len() < 40, "{} bytes", deflated.len());
    assert_eq!(inflated(2000, &[echoed(&deflated)]), (vec![WsMessage::Text(long)], None));
    let short = "a board, ".repeat(100);
    assert_eq!(deflated_text_frame(&short), text_frame(&short));
    assert_eq!(deflated_text_frame(""), text_frame(""));
    let noise = noise(2000);
    assert!(deflated_binary_frame(&noise) == binary_frame(&noise), "what nothing makes shorter");
}

#[test]
fn each_message_stands_for_itself() {
    let (one, other) = (deflated_text_frame(&"one, ".repeat(300)), deflated_text_frame(&"another, ".repeat(300)));
    let (messages, error) = inflated(5000, &[echoed(&one), client_frame(FIN | TEXT, b"plain"), echoed(&other)]);
    assert_eq!(error, None);
    let expected =
        [WsMessage::Text("one, ".repeat(300)), WsMessage::Text("plain".to_owned()), WsMessage::Text("another, ".repeat(300))];
    assert_eq!(messages, expected);
}

#[test]
fn a_deflated_message_is_refused_where_it_was_not_agreed_on_and_where_it_has_no_place() {
    let refused = (Vec::new(), Some(WebSocketError::ReservedBit));
    let deflated = client_frame(FIN | RSV1 | TEXT, &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]);
    assert_eq!(read_all(&mut MessageReader::new(MAX_MESSAGE), &deflated), refused);
    assert_eq!(inflated(MAX_MESSAGE, &[client_frame(FIN | RSV1 | PING, b"")]), refused);
    let second = [client_frame(RSV1 | TEXT, b"a"), client_frame(FIN | RSV1 | CONTINUATION, b"b")];
    assert_eq!(inflated(MAX_MESSAGE, &second), refused);
}

#[test]
fn a_bomb_is_refused_at_the_longest_message() {
    let bomb = echoed(&deflated_binary_frame(&vec![0; 1 << 20]));
    assert!(bomb.len() < 16 << 10, "{} bytes", bomb.len());
    assert_eq!(inflated(64 << 10, &[bomb]), (Vec::new(), Some(WebSocketError::MessageTooLong { longest: 64 << 10 })));
    let fits = echoed(&deflated_binary_frame(&vec![0; 64 << 10]));
    assert_eq!(inflated(64 << 10, &[fits]).0.len(), 1);
    let one_more = echoed(&deflated_binary_frame(&vec![0; (64 << 10) + 1]));
    assert_eq!(inflated(64 << 10, &[one_more]).1.map(WebSocketError::close_code), Some(1009));
}

#[test]
fn what_is_not_deflated_or_not_text_is_refused() {
    let read = |payload: &[u8]| inflated(MAX_MESSAGE, &[client_frame(FIN | RSV1 | TEXT, payload)]).1;
    assert_eq!(read(&[0xFF, 0xFF, 0xFF]), Some(WebSocketError::InvalidDeflate));
    assert_eq!(read(&[0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x01, 0x02]), Some(WebSocketError::InvalidDeflate));
    let cut_short = [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65];
    assert_eq!(read(&cut_short), Some(WebSocketError::InvalidDeflate), "the tail is no part of the text");
    let latin = echoed(&deflated_binary_frame(&[0xE4; 2000]));
    assert_eq!(inflated(2000, &[as_text(latin)]).1, Some(WebSocketError::InvalidUtf8));
    assert_eq!(WebSocketError::InvalidDeflate.close_code(), 1007);
}

fn as_text(mut frame: Vec<u8>) -> Vec<u8> {
    frame[0] = FIN | RSV1 | TEXT;
    frame
}

#[test]
fn the_first_offer_that_can_be_met_is_answered() {
    let plain = Some("permessage-deflate; server_no_context_takeover; client_no_context_takeover");
    let window = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15";
    for met in [
        "permessage-deflate",
        "permessage-deflate; client_max_window_bits",
        " permessage-deflate ;client_max_window_bits = 10; server_no_context_takeover",
        "permessage-deflate; client_no_context_takeover; client_max_window_bits=\"15\"",
        "x-other; q=\"a, permessage-deflate; b\", permessage-deflate",
        "permessage-deflate; server_max_window_bits=10, permessage-deflate",
    ] {
        assert_eq!(negotiate_deflate([met]), plain, "{met}");
    }
    assert_eq!(negotiate_deflate(["permessage-deflate; server_max_window_bits=15"]), Some(window));
    assert_eq!(negotiate_deflate(["x-webkit-deflate-frame", "permessage-deflate"]), plain, "in a second header");
}

#[test]
fn an_offer_that_is_not_strictly_one_is_declined() {
    for declined in [
        "",
        "x-other",
        "Permessage-Deflated",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=10",
        "permessage-deflate; server_max_window_bits=015",
        "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=16",
        "permessage-deflate; client_max_window_bits=",
        "permessage-deflate; client_no_context_takeover=true",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; mystery",
        "permessage-deflate;",
        "x-other; q=\"permessage-deflate, permessage-deflate",
    ] {
        assert_eq!(negotiate_deflate([declined]), None, "{declined}");
    }
}

proptest! {
    #[test]
    fn what_was_deflated_is_inflated_as_it_was(words in vec("[a-z]{0,8}", 0..300), noise in vec(0_u8..20, 0..3000)) {
        let mut sent = String::new();
        for word in &words {
            write!(sent, "{word} {word} ").unwrap();
        }
        let frames = [echoed(&deflated_text_frame(&sent)), echoed(&deflated_binary_frame(&noise))];
        prop_assert_eq!(inflated(10_000, &frames), (vec![WsMessage::Text(sent), WsMessage::Binary(noise)], None));
    }

    #[test]
    fn whatever_comes_as_deflated_is_no_panic_and_within_the_bound(payload in vec(any::<u8>(), 0..400), longest in 0..600_usize) {
        let (messages, error) = inflated(longest, &[client_frame(FIN | RSV1 | BINARY, &payload)]);
        prop_assert!(messages.len() == 1 || error.is_some());
        for message in messages {
            let WsMessage::Binary(bytes) = message else { unreachable!("it was binary") };
            prop_assert!(bytes.capacity() <= longest, "{} bytes", bytes.capacity());
        }
    }
}
