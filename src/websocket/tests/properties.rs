use proptest::collection::vec;
use proptest::prelude::*;

use super::{BINARY, CONTINUATION, FINAL, MAX_MESSAGE, PING, PONG, TEXT, client_frame, masked, read_all};
use crate::websocket::{MessageReader, WsMessage};

/// What a reader may hold beside the message: its frame around the bytes, and a control frame's payload.
const BESIDE: usize = 128 + 250;

/// What a client may mean to say, as long as a reader takes it.
fn anything_sayable() -> impl Strategy<Value = WsMessage> {
    let control = || vec(any::<u8>(), 0..=125);
    prop_oneof![
        3 => any::<String>().prop_filter("short enough", |text| text.len() <= MAX_MESSAGE).prop_map(WsMessage::Text),
        1 => "[a-zü€𝄞]{0,300}".prop_filter("short enough", |text| text.len() <= MAX_MESSAGE).prop_map(WsMessage::Text),
        3 => vec(any::<u8>(), 0..=MAX_MESSAGE).prop_map(WsMessage::Binary),
        1 => control().prop_map(WsMessage::Ping),
        1 => control().prop_map(WsMessage::Pong),
    ]
}

/// Splits into pieces of the lengths given, the last of which takes the rest.
fn split<'a>(mut bytes: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for length in lengths {
        let (piece, rest) = bytes.split_at((*length).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces.push(bytes);
    pieces
}

/// The frames of what is said, a message in fragments of those lengths.
fn frames(said: &WsMessage, lengths: &[usize], mask: [u8; 4]) -> Vec<Vec<u8>> {
    let (opcode, payload) = match said {
        WsMessage::Text(text) => (TEXT, text.as_bytes()),
        WsMessage::Binary(bytes) => (BINARY, &**bytes),
        WsMessage::Ping(payload) => return vec![masked(FINAL | PING, mask, payload)],
        WsMessage::Pong(payload) => return vec![masked(FINAL | PONG, mask, payload)],
        WsMessage::Close(_) => unreachable!("it would be the last"),
    };
    let pieces = split(payload, lengths);
    let last = pieces.len() - 1;
    let first = |at| if at == 0 { opcode } else { CONTINUATION } | if at == last { FINAL } else { 0 };
    pieces.iter().enumerate().map(|(at, piece)| masked(first(at), mask, piece)).collect()
}

proptest! {
    #[test]
    fn what_was_said_is_heard_however_it_was_split(
        said in vec((anything_sayable(), vec(0..400_usize, 0..6), any::<[u8; 4]>()), 0..6),
        chunks in vec(0..300_usize, 0..40),
    ) {
        let bytes = said.iter().flat_map(|(said, lengths, mask)| frames(said, lengths, *mask)).collect::<Vec<_>>().concat();
        let mut reader = MessageReader::new(MAX_MESSAGE);
        let mut all = Vec::new();
        for chunk in split(&bytes, &chunks) {
            let (heard, fault) = read_all(&mut reader, chunk);
            prop_assert_eq!(fault, None);
            prop_assert!(reader.buffered_bytes() <= MAX_MESSAGE + BESIDE, "{} bytes", reader.buffered_bytes());
            all.extend(heard);
        }
        prop_assert_eq!(all, said.into_iter().map(|(said, ..)| said).collect::<Vec<_>>());
        prop_assert!(!reader.is_unfinished());
        prop_assert_eq!(reader.buffered_bytes(), 0);
    }

    #[test]
    fn whatever_comes_is_no_panic_and_little_memory(chunks in vec(vec(any::<u8>(), 0..200), 0..30), longest in 0..600_usize) {
        let mut reader = MessageReader::new(longest);
        for chunk in chunks {
            read_all(&mut reader, &chunk);
            prop_assert!(reader.buffered_bytes() <= longest + BESIDE, "{} bytes", reader.buffered_bytes());
        }
    }

    #[test]
    fn frames_with_any_header_bits_are_no_panic_and_little_memory(
        any_frames in vec((any::<u8>(), vec(any::<u8>(), 0..300)), 0..30),
        longest in 0..600_usize,
    ) {
        let mut reader = MessageReader::new(longest);
        for (first, payload) in any_frames {
            read_all(&mut reader, &client_frame(first & 0x8F, &payload));
            prop_assert!(reader.buffered_bytes() <= longest + BESIDE, "{} bytes", reader.buffered_bytes());
        }
    }

    #[test]
    fn how_bytes_come_changes_nothing_of_what_is_heard(
        any_frames in vec((any::<u8>(), vec(any::<u8>(), 0..150)), 0..10),
        chunks in vec(0..100_usize, 0..20),
    ) {
        let bytes = any_frames.iter().map(|(first, payload)| client_frame(first & 0x8F, payload)).collect::<Vec<_>>().concat();
        let at_once = read_all(&mut MessageReader::new(MAX_MESSAGE), &bytes);
        let mut reader = MessageReader::new(MAX_MESSAGE);
        let (mut all, mut fault) = (Vec::new(), None);
        for chunk in split(&bytes, &chunks) {
            let (heard, fault_here) = read_all(&mut reader, chunk);
            all.extend(heard);
            fault = fault.or(fault_here);
        }
        prop_assert_eq!((all, fault), at_once);
    }
}
