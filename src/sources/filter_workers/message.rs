use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::domain::{Bindings, Reading};
use crate::sources::SourceError;

/// The longest message beside a source's answer. A reading is for a panel, and every viewer would receive it: this is far more
/// than anybody looks at.
const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// A filter to be run on a source's answer, which follows it.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::sources) struct FilterRequest {
    pub(in crate::sources) filter: String,
    /// The source's host, for error messages.
    pub(in crate::sources) host: String,
    pub(in crate::sources) bindings: Bindings,
    /// For `now`: milliseconds since the Unix epoch.
    pub(in crate::sources) now: i64,
    /// The memory that the worker may take for it.
    pub(in crate::sources) memory_bytes: u64,
}

/// The first message of a worker: whether it is ready, or else why no filter may run in it.
pub(in crate::sources) type Greeting = Result<(), String>;

/// The answer of a worker.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::sources) struct FilterAnswer {
    pub(in crate::sources) result: Result<Reading, SourceError>,
    /// Whether the worker ends now, since it has grown.
    pub(in crate::sources) is_last: bool,
}

/// Reads what was sent next: its length, and as many bytes.
///
/// # Errors
/// The transport's, and one for an end within it.
pub(in crate::sources) fn read_bytes(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut bytes = vec![0; length_of(length)];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Reads a message.
///
/// # Errors
/// The transport's, and one for what is no such message.
pub(in crate::sources) fn read_message<T: DeserializeOwned>(stream: &mut impl Read) -> io::Result<T> {
    decode(&read_bytes(stream)?)
}

/// Writes a worker's answer, or in its place an error when it is too long.
///
/// # Errors
/// The transport's.
pub(in crate::sources) fn write_answer(stream: &mut impl Write, answer: &FilterAnswer) -> io::Result<()> {
    let mut bytes = encode(answer)?;
    if bytes.len() > MAX_MESSAGE_BYTES {
        let mebibytes = MAX_MESSAGE_BYTES / (1024 * 1024);
        let error = SourceError::TooLarge(format!("the filter's result is larger than {mebibytes} MiB; let it pick less"));
        bytes = encode(&FilterAnswer { result: Err(error), is_last: answer.is_last })?;
    }
    stream.write_all(&header(&bytes)?)?;
    stream.write_all(&bytes)
}

/// Writes a worker's first message.
///
/// # Errors
/// The transport's.
pub(in crate::sources) fn write_greeting(stream: &mut impl Write, greeting: &Greeting) -> io::Result<()> {
    let bytes = encode(greeting)?;
    stream.write_all(&header(&bytes)?)?;
    stream.write_all(&bytes)
}

/// Receives a worker's first message.
///
/// # Errors
/// The transport's: the worker has ended.
pub(super) async fn receive_greeting(stream: &mut tokio::net::UnixStream) -> io::Result<Greeting> {
    receive(stream).await
}

/// Sends a request and the source's answer to a worker, and receives its answer.
///
/// # Errors
/// The transport's: the worker has ended.
pub(super) async fn exchange(
    stream: &mut tokio::net::UnixStream,
    request: &FilterRequest,
    body: &[u8],
) -> io::Result<FilterAnswer> {
    for bytes in [&encode(request)?, body] {
        stream.write_all(&header(bytes)?).await?;
        stream.write_all(bytes).await?;
    }
    receive(stream).await
}

async fn receive<T: DeserializeOwned>(stream: &mut tokio::net::UnixStream) -> io::Result<T> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).await?;
    let length = length_of(length);
    if length > MAX_MESSAGE_BYTES {
        return Err(io::Error::other("the worker's message is too long"));
    }
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await?;
    decode(&bytes)
}

fn header(bytes: &[u8]) -> io::Result<[u8; 4]> {
    Ok(u32::try_from(bytes.len()).map_err(io::Error::other)?.to_le_bytes())
}

fn length_of(header: [u8; 4]) -> usize {
    usize::try_from(u32::from_le_bytes(header)).unwrap_or(usize::MAX)
}

fn encode(message: &impl Serialize) -> io::Result<Vec<u8>> {
    postcard::to_allocvec(message).map_err(io::Error::other)
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    postcard::from_bytes(bytes).map_err(io::Error::other)
}
