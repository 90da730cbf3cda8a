//! What any viewer sends over a live connection: it is read without a panic, within the bound, and however it is cut into pieces
//! it means the same.

#![no_main]

use belvedere::websocket::{Fault, Heard, Reader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // The first two bytes say how long messages may be and where the stream is cut.
    let [longest, cut, stream @ ..] = data else { return };
    let longest = usize::from(*longest) * 8;
    let whole = hear(longest, [stream]);
    assert_eq!(hear(longest, stream.chunks(usize::from(*cut).max(1))), whole, "however it is cut");
    assert_eq!(hear(longest, stream.chunks(1)), whole, "byte by byte");
    for heard in whole.0 {
        keeps_its_bound(&heard, longest);
    }
});

fn hear<'a>(longest: usize, chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Heard>, Option<Fault>) {
    let mut reader = Reader::new(longest);
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
