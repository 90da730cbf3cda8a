//! Frames of a viewer over a live connection, deflated or not: they are read without a panic, within the bound, and however they are
//! cut into pieces it means the same. What it asks for at the handshake is answered by one of two lines, or by none.

#![no_main]

use belvedere::websocket::{MessageReader, WebSocketError, WsMessage, negotiate_deflate};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(header) = std::str::from_utf8(data) {
        let _ = negotiate_deflate([header]);
    }
    // The first two bytes say how long messages may be, whether they may be deflated, and where the stream is cut.
    let [longest, cut, stream @ ..] = data else { return };
    let (longest, deflate, cut) = (usize::from(*longest) * 8, cut & 0x80 != 0, usize::from(cut & 0x7F).max(1));
    let reader = || if deflate { MessageReader::new(longest).with_deflate() } else { MessageReader::new(longest) };
    let whole = read_all(reader(), [stream]);
    assert_eq!(read_all(reader(), stream.chunks(cut)), whole, "however it is cut");
    assert_eq!(read_all(reader(), stream.chunks(1)), whole, "byte by byte");
    for message in whole.0 {
        keeps_its_bound(&message, longest);
    }
});

fn read_all<'a>(
    mut reader: MessageReader,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<WsMessage>, Option<WebSocketError>) {
    let (mut all, mut error) = (Vec::new(), None);
    for chunk in chunks {
        let mut bytes = chunk.to_vec();
        let mut rest = bytes.as_mut_slice();
        loop {
            match reader.next(&mut rest) {
                Ok(Some(message)) => all.push(message),
                Ok(None) => break,
                Err(found) => {
                    assert_eq!(error.replace(found), None, "an error is told once");
                    break;
                }
            }
        }
        assert!(rest.is_empty() || error.is_some(), "all is used up");
    }
    let is_over = error.is_some() || matches!(all.last(), Some(WsMessage::Close(_)));
    assert!(!(is_over && reader.is_unfinished()), "nothing goes on behind the end");
    (all, error)
}

fn keeps_its_bound(message: &WsMessage, longest: usize) {
    match message {
        WsMessage::Text(text) => assert!(text.capacity() <= longest),
        WsMessage::Binary(bytes) => assert!(bytes.capacity() <= longest),
        WsMessage::Ping(payload) | WsMessage::Pong(payload) => assert!(payload.len() <= 125),
        WsMessage::Close(closing) => assert!(closing.as_ref().is_none_or(|closing| closing.reason.len() <= 123)),
    }
}
