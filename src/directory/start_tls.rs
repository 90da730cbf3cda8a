//! StartTLS (RFC 4511, 4.14): the one thing that is said before TLS is there.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::gate::{self, NotLdap};

/// A message with id 1: the extended request 1.3.6.1.4.1.1466.20037.
const REQUEST: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";

/// The answer's tag: `ExtendedResponse ::= [APPLICATION 24]`.
const RESPONSE: u8 = 0x78;

/// An answer is some dozen bytes, and some words.
const LONGEST_ANSWER: usize = 4096;

/// Asks the server to speak TLS from here on. Nothing else may follow its answer: what came in the clear must never be
/// taken for what came encrypted.
///
/// # Errors
/// In words, with what to do about it.
pub(super) async fn ask(stream: &mut TcpStream) -> Result<(), String> {
    stream.write_all(REQUEST).await.map_err(|error| error.to_string())?;
    let mut answer = Vec::new();
    let length = loop {
        match stream.read_buf(&mut answer).await {
            Ok(0) => return Err("it closed the connection when it was asked for StartTLS".to_owned()),
            Ok(_) => {}
            Err(error) => return Err(error.to_string()),
        }
        match gate::message(&answer).map_err(|not_ldap| not_ldap.to_string())? {
            Some(length) => break length,
            None if answer.len() > LONGEST_ANSWER => return Err(NotLdap::TooLong.to_string()),
            None => {}
        }
    };
    if answer.len() > length {
        return Err("it went on in the clear after StartTLS: somebody may be between it and us".to_owned());
    }
    match result_code(&answer).ok_or_else(|| NotLdap::Malformed.to_string())? {
        0 => Ok(()),
        code => Err(format!(
            "it refused StartTLS (result {code}), and nothing was sent without it: use an ldaps:// URL, or install a \
             certificate on the server"
        )),
    }
}

/// The result code of an extended response (RFC 4511, 4.12), where this is one.
fn result_code(message: &[u8]) -> Option<u8> {
    const ENUMERATED: u8 = 0x0a;
    // The gate has seen that every element is within the one around it.
    let (_, content) = element(message)?;
    let (_id, behind) = element_and_rest(content)?;
    let (tag, response) = element(behind)?;
    let ((kind, code), _) = element_and_rest(response)?;
    match (tag, kind, code) {
        (RESPONSE, ENUMERATED, [code]) => Some(*code),
        _ => None,
    }
}

/// An element's tag and content.
type Element<'a> = (u8, &'a [u8]);

fn element(bytes: &[u8]) -> Option<Element<'_>> {
    element_and_rest(bytes).map(|(element, _)| element)
}

/// The element at the beginning, as its tag and content, and what is behind it.
fn element_and_rest(bytes: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (header, content) = gate::extent(bytes)?;
    let content_end = header.checked_add(content)?;
    Some(((*bytes.first()?, bytes.get(header..content_end)?), bytes.get(content_end..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_result_is_read_and_nothing_else_passes_for_it() {
        let answer = |code| [0x30, 0x0c, 0x02, 0x01, 0x01, 0x78, 0x07, 0x0a, 0x01, code, 0x04, 0x00, 0x04, 0x00];
        assert_eq!(result_code(&answer(0)), Some(0));
        assert_eq!(result_code(&answer(52)), Some(52));
        let mut a_binds = answer(0);
        a_binds[5] = 0x61;
        assert_eq!(result_code(&a_binds), None);
        assert_eq!(result_code(&[0x30, 0x03, 0x02, 0x01, 0x01]), None);
    }
}
