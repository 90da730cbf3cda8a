//! What of the bytes that a server sends is a message, looked over whole before anything in it is read.

use super::ber::header;
use super::ber::universal::{INTEGER, SEQUENCE};

/// The largest message that is taken: a thousand entries with some kilobytes each, times a few.
const LARGEST_MESSAGE: usize = 16 * 1024 * 1024;

/// The most that is heard in answer to one question: four of the largest messages.
pub(super) const MOST_HEARD: usize = 4 * LARGEST_MESSAGE;

/// LDAP's deepest message, a filter that is echoed by nobody, has some ten levels.
const DEEPEST: usize = 32;

/// Bytes that are no LDAP message (RFC 4511, 5.1: definite lengths, and BER of few levels).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::directory) enum NotLdap {
    #[error("its answer is not LDAP as RFC 4511 has it")]
    Malformed,
    #[error("its answer is longer than {LARGEST_MESSAGE} bytes")]
    TooLong,
    #[error("its answer is nested deeper than LDAP ever is")]
    TooDeep,
    #[error("its answers to one question are longer than {MOST_HEARD} bytes together")]
    TooMuch,
}

/// The length of the message at the beginning of `bytes`; `None` when it has not come whole.
///
/// # Errors
/// When no bytes that follow could make it a message.
pub(in crate::directory) fn message(bytes: &[u8]) -> Result<Option<usize>, NotLdap> {
    match bytes.first() {
        None => return Ok(None),
        Some(&SEQUENCE) => {}
        Some(_) => return Err(NotLdap::Malformed),
    }
    let Some(header) = header(bytes)? else { return Ok(None) };
    let length = header.length.checked_add(header.content).ok_or(NotLdap::TooLong)?;
    if length > LARGEST_MESSAGE {
        return Err(NotLdap::TooLong);
    }
    let Some(whole) = bytes.get(..length) else { return Ok(None) };
    envelope(&whole[header.length..])?;
    elements(&whole[header.length..])?;
    Ok(Some(length))
}

/// A message's id, and something behind it (RFC 4511, 4.1.1).
fn envelope(content: &[u8]) -> Result<(), NotLdap> {
    let id = header(content)?.filter(|_| content[0] == INTEGER).ok_or(NotLdap::Malformed)?;
    let behind = id.length + id.content;
    if (1..=4).contains(&id.content) && content.len() > behind { Ok(()) } else { Err(NotLdap::Malformed) }
}

/// Whether elements fill `content` exactly, each within the one that it is in.
fn elements(content: &[u8]) -> Result<(), NotLdap> {
    let mut at = 0;
    // Where each element that was entered ends.
    let mut ends = vec![content.len()];
    while let Some(&end) = ends.last() {
        if at == end {
            ends.pop();
            continue;
        }
        let header = header(&content[at..end])?.ok_or(NotLdap::Malformed)?;
        let begins = at + header.length;
        let next = begins.checked_add(header.content).filter(|next| *next <= end).ok_or(NotLdap::Malformed)?;
        if !header.constructed {
            at = next;
            continue;
        }
        if ends.len() == DEEPEST {
            return Err(NotLdap::TooDeep);
        }
        at = begins;
        ends.push(next);
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A successful bind's answer.
    const DONE: &[u8] = &[0x30, 0x0c, 0x02, 0x01, 0x01, 0x61, 0x07, 0x0a, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00];

    fn nested(levels: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..levels {
            let mut outer = vec![0x30, 0x84];
            outer.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
            outer.extend(&bytes);
            bytes = outer;
        }
        let mut message = vec![0x30, 0x84];
        message.extend(u32::try_from(bytes.len() + 3).unwrap().to_be_bytes());
        message.extend([0x02, 0x01, 0x01]);
        message.extend(bytes);
        message
    }

    #[test]
    fn a_message_passes_when_it_has_come_whole() {
        for cut in 0..DONE.len() {
            assert_eq!(message(&DONE[..cut]), Ok(None), "{cut}");
        }
        assert_eq!(message(DONE), Ok(Some(DONE.len())));
        assert_eq!(message(&[DONE, DONE].concat()), Ok(Some(DONE.len())));
        assert!(message(&nested(20)).unwrap().is_some());
    }

    #[test]
    fn what_is_not_ldap_does_not_pass() {
        for (bytes, verdict) in [
            (&b"HTTP/1.1 400 Bad Request"[..], NotLdap::Malformed),
            (&[0, 0, 0, 0], NotLdap::Malformed),
            (&[0x30, 0x80, 0x02], NotLdap::Malformed),
            (&[0x30, 0xff, 0x02], NotLdap::Malformed),
            (&[0x30, 0x00], NotLdap::Malformed),
            (&[0x30, 0x03, 0x02, 0x01, 0x01], NotLdap::Malformed),
            (&[0x30, 0x05, 0x02, 0x01, 0x01, 0x61, 0x07], NotLdap::Malformed),
            (&[0x30, 0x05, 0x02, 0x01, 0x01, 0x3f, 0x00], NotLdap::Malformed),
            (&[0x30, 0x84, 0x7f, 0xff, 0xff, 0xff], NotLdap::TooLong),
            (&[0x30, 0x88, 0, 0, 0, 1, 0, 0, 0, 0], NotLdap::TooLong),
            (&nested(40), NotLdap::TooDeep),
            (&nested(100_000), NotLdap::TooDeep),
        ] {
            assert_eq!(message(bytes), Err(verdict), "{:02x?}", &bytes[..bytes.len().min(12)]);
        }
    }
}
