//! StartTLS (RFC 4511, 4.14): the one request that goes out before TLS is there.
//!
//! It is not left to the `ldap3` crate, which takes whatever length and depth a stranger between us and the server
//! sends, and what followed the answer in the clear.

use ldap3::asn1::{StructureTag, TagClass, Types, parse_tag};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::driver::{NoDeepStack, on_deep_stack};
use crate::directory::schema::unsigned;

/// A message with id 1: the extended request 1.3.6.1.4.1.1466.20037.
const REQUEST: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";

/// The longest answer read: one is some dozen bytes, and some words.
const MAX_ANSWER_BYTES: usize = 4096;

/// Asks the server to speak TLS from here on. Nothing else may follow its answer: what came in the clear must never be
/// taken for what came encrypted.
///
/// # Errors
/// In words, with what to do about it.
pub(in crate::directory) async fn request(stream: &mut TcpStream) -> Result<(), String> {
    stream.write_all(REQUEST).await.map_err(|error| error.to_string())?;
    let mut answer = Vec::with_capacity(MAX_ANSWER_BYTES);
    let code = loop {
        match stream.read_buf(&mut answer).await {
            Ok(0) => return Err("it closed the connection when it was asked for StartTLS".to_owned()),
            Ok(_) => {}
            Err(error) => return Err(error.to_string()),
        }
        match parse_answer(&answer).map_err(|no_stack| no_stack.to_string())? {
            StartTlsAnswer::Code(code) => break code,
            StartTlsAnswer::Incomplete if answer.len() <= MAX_ANSWER_BYTES => {}
            StartTlsAnswer::Incomplete | StartTlsAnswer::NotLdap => {
                return Err("its answer is not LDAP as RFC 4511 has it".to_owned());
            }
            StartTlsAnswer::TrailingData => {
                return Err("it went on in the clear after StartTLS: somebody may be between it and us".to_owned());
            }
        }
    };
    match code {
        0 => Ok(()),
        code => Err(format!(
            "it refused StartTLS (result {code}), and nothing was sent without it: use an ldaps:// URL, or install a \
             certificate on the server"
        )),
    }
}

/// The answer to a StartTLS request, as far as it has come.
enum StartTlsAnswer {
    /// The whole answer: its result code.
    Code(u32),
    Incomplete,
    /// The whole answer, with more bytes behind it.
    TrailingData,
    NotLdap,
}

fn parse_answer(bytes: &[u8]) -> Result<StartTlsAnswer, NoDeepStack> {
    const SEQUENCE: u8 = 0x30;
    if bytes.first() != Some(&SEQUENCE) {
        return Ok(StartTlsAnswer::NotLdap);
    }
    on_deep_stack(|| match parse_tag(bytes) {
        Ok(([], message)) => result_code(message).map_or(StartTlsAnswer::NotLdap, StartTlsAnswer::Code),
        Ok(_) => StartTlsAnswer::TrailingData,
        Err(error) if error.is_incomplete() => StartTlsAnswer::Incomplete,
        Err(_) => StartTlsAnswer::NotLdap,
    })
}

/// The result code of an extended response (RFC 4511, 4.1.1 and 4.12).
fn result_code(message: StructureTag) -> Option<u32> {
    const EXTENDED_RESPONSE: u64 = 24;
    let mut parts = message.expect_constructed()?.into_iter().skip(1);
    let response = parts.next()?.match_class(TagClass::Application)?.match_id(EXTENDED_RESPONSE)?;
    let code = response.expect_constructed()?.into_iter().next()?.match_id(Types::Enumerated as u64)?;
    unsigned(&code.expect_primitive()?)
}
