mod deflate;
mod properties;

use super::*;

const MAX_MESSAGE: usize = 1000;

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;
const FIN: u8 = 0x80;

/// A frame as a client writes it. `first` has the opcode and the flags.
fn masked(first: u8, mask: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | u8::try_from(length).unwrap()),
        length @ 126..=0xFFFF => {
            frame.push(0xFE);
            frame.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            frame.push(0xFF);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

fn client_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    masked(first, [0x37, 0xFA, 0x21, 0x3D], payload)
}

/// All messages in these bytes, up to an error.
fn read_all(reader: &mut MessageReader, bytes: &[u8]) -> (Vec<WsMessage>, Option<WebSocketError>) {
    let mut bytes = bytes.to_vec();
    let mut rest = bytes.as_mut_slice();
    let mut all = Vec::new();
    loop {
        match reader.next(&mut rest) {
            Ok(Some(message)) => all.push(message),
            Ok(None) => break,
            Err(error) => return (all, Some(error)),
        }
    }
    assert!(rest.is_empty(), "all is used up");
    (all, None)
}

fn read_frames(frames: &[Vec<u8>]) -> (Vec<WsMessage>, Option<WebSocketError>) {
    read_all(&mut MessageReader::new(MAX_MESSAGE), &frames.concat())
}

fn read_error(frames: &[Vec<u8>]) -> Option<WebSocketError> {
    read_frames(frames).1
}

#[test]
fn the_examples_of_the_rfc_are_read_and_written() {
    // RFC 6455, section 5.7.
    let hello = [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58];
    assert_eq!(read_all(&mut MessageReader::new(MAX_MESSAGE), &hello), (vec![WsMessage::Text("Hello".to_owned())], None));
    assert_eq!(text_frame("Hello"), [0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F]);
    assert_eq!(ping_frame(b"Hello"), [0x89, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F]);
    assert_eq!(pong_frame(b"Hello"), [0x8A, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F]);
    assert_eq!(binary_frame(&[7; 256])[..4], [0x82, 0x7E, 0x01, 0x00]);
    assert_eq!(binary_frame(&vec![7; 65_536])[..10], [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0]);
}

#[test]
fn a_length_is_written_in_its_shortest_form() {
    assert_eq!(binary_frame(&[7; 125])[..2], [0x82, 125]);
    assert_eq!(binary_frame(&[7; 126])[..4], [0x82, 126, 0, 126]);
    assert_eq!(binary_frame(&vec![7; 65_535])[..4], [0x82, 126, 0xFF, 0xFF]);
    assert_eq!(text_frame("").len(), 2);
}

#[test]
fn a_close_frame_says_as_much_as_fits_and_cuts_no_character() {
    assert_eq!(close_frame(4401, "sign in")[..4], [0x88, 9, 0x11, 0x31]);
    assert_eq!(close_frame(1000, ""), [0x88, 2, 0x03, 0xE8]);
    let long = close_frame(1000, &"ü".repeat(100));
    assert_eq!(long.len(), 2 + 2 + 122, "61 characters of two bytes fit into 123");
    assert!(std::str::from_utf8(&long[4..]).is_ok());
    assert_eq!(ping_frame(&[7; 200]).len(), 2 + 125);
}

#[test]
fn a_message_in_fragments_is_read_as_one_and_pings_between_them_at_once() {
    let (messages, error) = read_frames(&[
        client_frame(TEXT, b"Hel"),
        client_frame(FIN | PING, b"there?"),
        client_frame(CONTINUATION, b""),
        client_frame(FIN | PONG, b""),
        client_frame(FIN | CONTINUATION, b"lo"),
        client_frame(FIN | BINARY, &[0xFF, 0]),
    ]);
    assert_eq!(error, None);
    let expected = [
        WsMessage::Ping(b"there?".to_vec()),
        WsMessage::Pong(Vec::new()),
        WsMessage::Text("Hello".to_owned()),
        WsMessage::Binary(vec![0xFF, 0]),
    ];
    assert_eq!(messages, expected);
}

#[test]
fn what_the_rfc_forbids_is_refused_with_1002() {
    let mut unmasked = client_frame(FIN | TEXT, b"Hello");
    unmasked[1] &= 0x7F;
    assert_eq!(read_error(&[unmasked]), Some(WebSocketError::UnmaskedFrame));
    for bit in [0x40, 0x20, 0x10] {
        assert_eq!(read_error(&[client_frame(FIN | bit | TEXT, b"")]), Some(WebSocketError::ReservedBit));
    }
    for opcode in [3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF] {
        assert_eq!(read_error(&[client_frame(FIN | opcode, b"")]), Some(WebSocketError::UnknownOpcode(opcode)));
    }
    for opcode in [PING, PONG, CLOSE] {
        assert_eq!(read_error(&[client_frame(opcode, b"")]), Some(WebSocketError::FragmentedControl));
        assert_eq!(read_error(&[client_frame(FIN | opcode, &[7; 126])]), Some(WebSocketError::ControlTooLong));
    }
    assert_eq!(read_error(&[client_frame(FIN | CONTINUATION, b"")]), Some(WebSocketError::UnexpectedContinuation));
    assert_eq!(
        read_error(&[client_frame(TEXT, b"a"), client_frame(FIN | TEXT, b"b")]),
        Some(WebSocketError::InterleavedMessage)
    );
    assert_eq!(WebSocketError::InterleavedMessage.close_code(), 1002);
}

#[test]
fn the_first_two_bytes_are_refused_without_waiting_for_more() {
    assert_eq!(read_all(&mut MessageReader::new(MAX_MESSAGE), &[FIN | TEXT, 5]).1, Some(WebSocketError::UnmaskedFrame));
    assert_eq!(read_all(&mut MessageReader::new(MAX_MESSAGE), &[FIN | PING, 0xFE]).1, Some(WebSocketError::ControlTooLong));
}

#[test]
fn a_length_has_to_come_in_its_shortest_form() {
    let long_forms: [&[u8]; 4] = [
        &[FIN | TEXT, 0xFE, 0, 125, 1, 2, 3, 4],
        &[FIN | TEXT, 0xFF, 0, 0, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4],
        &[FIN | TEXT, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 1, 2, 3, 4],
        &[FIN | TEXT, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4],
    ];
    for bytes in long_forms {
        assert_eq!(
            read_all(&mut MessageReader::new(MAX_MESSAGE), bytes),
            (Vec::new(), Some(WebSocketError::NonMinimalLength)),
            "{bytes:?}"
        );
    }
}

#[test]
fn a_message_that_is_too_long_is_refused_by_its_header() {
    let mut reader = MessageReader::new(MAX_MESSAGE);
    let announced = [FIN | BINARY, 0xFF, 0x7F, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4];
    assert_eq!(read_all(&mut reader, &announced).1, Some(WebSocketError::MessageTooLong { longest: MAX_MESSAGE }));
    assert_eq!(reader.buffered_bytes(), 0);

    let (first, second) = (client_frame(BINARY, &[7; 600]), client_frame(FIN | CONTINUATION, &[7; 401]));
    assert_eq!(
        read_all(&mut MessageReader::new(MAX_MESSAGE), &[&*first, &second[..8]].concat()).1.map(WebSocketError::close_code),
        Some(1009)
    );
    let second = client_frame(FIN | CONTINUATION, &[7; 400]);
    assert_eq!(read_frames(&[first, second]), (vec![WsMessage::Binary(vec![7; 1000])], None));
}

#[test]
fn an_announced_length_costs_nothing_until_it_comes() {
    let mut reader = MessageReader::new(16 << 10);
    read_all(&mut reader, &client_frame(FIN | TEXT, &[b'a'; 16 << 10])[..9]);
    assert!(reader.is_unfinished());
    assert!(reader.buffered_bytes() <= 128, "{} bytes for the one that came", reader.buffered_bytes());
}

#[test]
fn between_messages_nothing_is_held() {
    assert!(size_of::<MessageReader>() <= 64, "{} bytes", size_of::<MessageReader>());
    let mut reader = MessageReader::new(MAX_MESSAGE);
    for bytes in [client_frame(FIN | TEXT, &[b'a'; 900]), client_frame(FIN | PING, b"there?")] {
        let (begin, end) = bytes.split_at(4);
        read_all(&mut reader, begin);
        assert!(reader.is_unfinished());
        assert_eq!(read_all(&mut reader, end).0.len(), 1);
        assert!(!reader.is_unfinished());
        assert_eq!(reader.buffered_bytes(), 0);
    }
}

#[test]
fn a_message_between_two_fragments_is_unfinished() {
    let mut reader = MessageReader::new(MAX_MESSAGE);
    read_all(&mut reader, &client_frame(TEXT, b"Hel"));
    assert!(reader.is_unfinished());
    read_all(&mut reader, &client_frame(FIN | CONTINUATION, b"lo"));
    assert!(!reader.is_unfinished());
}

#[test]
fn a_message_does_not_go_on_for_ever_in_empty_frames() {
    let mut reader = MessageReader::new(MAX_MESSAGE);
    assert_eq!(read_all(&mut reader, &client_frame(TEXT, b"")).1, None);
    let error = (0..200).find_map(|_| read_all(&mut reader, &client_frame(CONTINUATION, b"")).1);
    assert_eq!(error, Some(WebSocketError::TooManyEmptyFrames));
}

#[test]
fn text_that_is_not_utf_8_is_refused_at_the_first_byte_that_shows_it() {
    let refused = Some(WebSocketError::InvalidUtf8);
    assert_eq!(read_error(&[client_frame(FIN | TEXT, &[0xCE])]), refused, "half a character at the end");
    assert_eq!(read_error(&[client_frame(TEXT, &[0xF4]), client_frame(CONTINUATION, &[0x90])]), refused, "over U+10FFFF");
    assert_eq!(read_error(&[client_frame(TEXT, &[0xED]), client_frame(CONTINUATION, &[0xA0])]), refused, "a surrogate");
    let all = client_frame(FIN | TEXT, b"\xC0 and more");
    assert_eq!(read_all(&mut MessageReader::new(MAX_MESSAGE), &all[..7]).1, refused, "within the frame");
    assert_eq!(refused.map(WebSocketError::close_code), Some(1007));
}

#[test]
fn a_character_may_be_split_over_frames() {
    let bytes = "κ𝄞".as_bytes();
    let mut frames: Vec<_> = bytes.iter().map(|byte| client_frame(CONTINUATION, &[*byte])).collect();
    frames[0][0] = TEXT;
    frames.push(client_frame(FIN | CONTINUATION, b""));
    assert_eq!(read_frames(&frames), (vec![WsMessage::Text("κ𝄞".to_owned())], None));
}

#[test]
fn a_close_is_read_with_its_code_and_reason() {
    let closed = |payload: &[u8]| read_frames(&[client_frame(FIN | CLOSE, payload)]);
    assert_eq!(closed(b""), (vec![WsMessage::Close(None)], None));
    let closing = CloseFrame { code: 1001, reason: "gone".to_owned() };
    assert_eq!(closed(b"\x03\xE9gone"), (vec![WsMessage::Close(Some(closing))], None));
    assert_eq!(closed(b"\x03").1, Some(WebSocketError::TruncatedCloseCode));
    assert_eq!(closed(b"\x03\xE9\xFF").1, Some(WebSocketError::InvalidUtf8));
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
        assert_eq!(closed(&code.to_be_bytes()).1, Some(WebSocketError::InvalidCloseCode(code)));
    }
    for code in [1000_u16, 1003, 1007, 1011, 1014, 3000, 3999, 4000, 4999] {
        assert_eq!(closed(&code.to_be_bytes()).0.len(), 1, "{code}");
    }
}

#[test]
fn nothing_is_read_behind_a_close_or_an_error() {
    let hello = client_frame(FIN | TEXT, b"Hello");
    let (messages, error) = read_frames(&[client_frame(FIN | CLOSE, b""), hello.clone()]);
    assert_eq!((messages, error), (vec![WsMessage::Close(None)], None));
    let mut reader = MessageReader::new(MAX_MESSAGE);
    assert!(read_all(&mut reader, &client_frame(FIN | CONTINUATION, b"")).1.is_some());
    assert_eq!(read_all(&mut reader, &hello), (Vec::new(), None));
    assert!(!reader.is_unfinished());
}
