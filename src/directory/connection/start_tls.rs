//! StartTLS (RFC 4511, 4.14): the one thing that is said before TLS is there.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::protocol::{Answer, NotLdap, message, tag};

/// A message with id 1: the extended request 1.3.6.1.4.1.1466.20037.
const REQUEST: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";

/// An answer is some dozen bytes, and some words.
const LONGEST_ANSWER: usize = 4096;

/// Asks the server to speak TLS from here on. Nothing else may follow its answer: what came in the clear must never be
/// taken for what came encrypted.
///
/// # Errors
/// In words, with what to do about it.
pub(in crate::directory) async fn ask(stream: &mut TcpStream) -> Result<(), String> {
    stream.write_all(REQUEST).await.map_err(|error| error.to_string())?;
    let mut answer = Vec::new();
    let length = loop {
        match stream.read_buf(&mut answer).await {
            Ok(0) => return Err("it closed the connection when it was asked for StartTLS".to_owned()),
            Ok(_) => {}
            Err(error) => return Err(error.to_string()),
        }
        match message(&answer).map_err(|not_ldap| not_ldap.to_string())? {
            Some(length) => break length,
            None if answer.len() > LONGEST_ANSWER => return Err(NotLdap::TooLong.to_string()),
            None => {}
        }
    };
    if answer.len() > length {
        return Err("it went on in the clear after StartTLS: somebody may be between it and us".to_owned());
    }
    let result = Answer::read(&answer).and_then(|answer| answer.result(tag::EXTENDED));
    match result.map_err(|not_ldap| not_ldap.to_string())?.rc {
        0 => Ok(()),
        code => Err(format!(
            "it refused StartTLS (result {code}), and nothing was sent without it: use an ldaps:// URL, or install a \
             certificate on the server"
        )),
    }
}
