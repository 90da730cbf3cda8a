//! What any viewer sends over a live connection, deflated or not: it is read without a panic, within the bound, and however it is
//! cut into pieces it means the same. What it asks for at the handshake is answered by one of two lines, or by none.

#![no_main]

use belvedere::websocket::{Fault, Heard, Reader, agree_to_deflate};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(header) = std::str::from_utf8(data) {
        let _ = agree_to_deflate([header]);
    }
    // The first two bytes say how long messages may be, whether they may be deflated, and where the stream is cut.
    let [longest, cut, stream @ ..] = data else { return };
    let (longest, inflates, cut) = (usize::from(*longest) * 8, cut & 0x80 != 0, usize::from(cut & 0x7F).max(1));
    let reader = || if inflates { Reader::new(longest).inflating() } else { Reader::new(longest) };
    let whole = hear(reader(), [stream]);
    assert_eq!(hear(reader(), stream.chunks(cut)), whole, "however it is cut");
    assert_eq!(hear(reader(), stream.chunks(1)), whole, "byte by byte");
    for heard in whole.0 {
        keeps_its_bound(&heard, longest);
    }
});

fn hear<'a>(mut reader: Reader, chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Heard>, Option<Fault>) {
    let (mut all, mut fault) = (Vec::new(), None);
    for chunk in chunks {
        let mut bytes = chunk.to_vec();
        let mut rest = bytes.as_mut_slice();
        loop {
            match reader.next(&mut rest) {
                Ok(Some(heard)) => all.push(heard),
                Ok(None) => break,
                Err(found) => {
                    assert_eq!(fault.replace(found), None, "a fault is told once");
                    break;
                }
            }
        }
        assert!(rest.is_empty() || fault.is_some(), "all is used up");
    }
    let is_over = fault.is_some() || matches!(all.last(), Some(Heard::Close(_)));
    assert!(!(is_over && reader.is_unfinished()), "nothing goes on behind the end");
    (all, fault)
}

fn keeps_its_bound(heard: &Heard, longest: usize) {
    match heard {
        Heard::Text(text) => assert!(text.capacity() <= longest),
        Heard::Binary(bytes) => assert!(bytes.capacity() <= longest),
        Heard::Ping(payload) | Heard::Pong(payload) => assert!(payload.len() <= 125),
        Heard::Close(closing) => assert!(closing.as_ref().is_none_or(|closing| closing.reason.len() <= 123)),
    }
}
