//! Gzip streams (RFC 1952) joined of parts that were deflated before and of parts that are stored as they are.
//!
//! A secret that is compressed together with something a stranger can choose tells itself by the length of the whole (BREACH).
//! So what is a visitor's own, with the token of its forms and the address as it was asked for, is never compressed: it is
//! stored between what all visitors share, in one stream. Browsers read no second member of a gzip file, so there is one.

use std::convert::Infallible;

use flate2::Crc;
use rocket::Request;
use rocket::request::{FromRequest, Outcome};

/// The header: deflated, no name, no time, of no system in particular.
const HEADER: [u8; 10] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF];

/// An empty block that is the last one (RFC 1951, 3.2.6).
const FINAL_BLOCK: [u8; 2] = [0x03, 0x00];

/// The bytes of the header and of the end of a stream.
const FRAME_BYTES: usize = HEADER.len() + FINAL_BLOCK.len() + 8;

/// The most bytes of a stored block (RFC 1951, 3.2.4), and those before it.
const MAX_STORED: usize = 0xFFFF;
const STORED_HEADER: usize = 5;

/// A gzip stream in the making.
pub(super) struct GzipStream {
    bytes: Vec<u8>,
    checksum: Crc,
}

impl GzipStream {
    /// A stream of about `length` bytes.
    pub(super) fn with_capacity(length: usize) -> Self {
        let mut bytes = Vec::with_capacity(length + FRAME_BYTES);
        bytes.extend(HEADER);
        Self { bytes, checksum: Crc::new() }
    }

    /// Appends blocks that were deflated from `text`, end at a byte, and refer to nothing before them.
    pub(super) fn push_deflated(&mut self, deflated: &[u8], text: &[u8]) {
        self.bytes.extend_from_slice(deflated);
        self.checksum.update(text);
    }

    /// Appends a text as it is.
    pub(super) fn push_stored(&mut self, text: &[u8]) {
        for block in text.chunks(MAX_STORED) {
            // No chunk is longer than its two bytes can tell.
            let [low, high] = u16::try_from(block.len()).unwrap_or(u16::MAX).to_le_bytes();
            self.bytes.extend([0x00, low, high, !low, !high]);
            self.bytes.extend_from_slice(block);
        }
        self.checksum.update(text);
    }

    /// The bytes of the whole stream.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.bytes.extend(FINAL_BLOCK);
        self.bytes.extend(self.checksum.sum().to_le_bytes());
        self.bytes.extend(self.checksum.amount().to_le_bytes());
        self.bytes
    }
}

/// The bytes that a stored text takes.
pub(super) fn stored_length(text: &str) -> usize {
    text.len() + text.len().div_ceil(MAX_STORED) * STORED_HEADER
}

/// Whether a client accepts gzip (RFC 9110, 12.5.3): by its weight of `gzip`, or else of `*`, if that is not zero and not below that of
/// `identity`. One who says nothing gets what everybody can read.
pub(super) struct AcceptsGzip(pub(super) bool);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for AcceptsGzip {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        Outcome::Success(Self::of(request))
    }
}

impl AcceptsGzip {
    pub(super) fn of(request: &Request<'_>) -> Self {
        Self(accepts_gzip(request.headers().get("Accept-Encoding")))
    }
}

fn accepts_gzip<'a>(lists: impl Iterator<Item = &'a str>) -> bool {
    let (mut gzip, mut any, mut identity) = (None, None, None);
    for coding in lists.flat_map(|list| list.split(',')) {
        let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
        let place = match name.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => &mut gzip,
            "identity" => &mut identity,
            "*" => &mut any,
            _ => continue,
        };
        *place = Some(weight(parameters));
    }
    let gzip = gzip.or(any).unwrap_or(0);
    gzip > 0 && gzip >= identity.unwrap_or(0)
}

/// The weight among a coding's parameters, in thousandths: 1 where there is none, and 0 where it cannot be read.
fn weight(parameters: &str) -> u16 {
    let mut values = parameters.split(';').filter_map(|parameter| parameter.split_once('='));
    let Some((_, value)) = values.find(|(name, _)| name.trim().eq_ignore_ascii_case("q")) else { return 1000 };
    let (whole, digits) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    let is_number = digits.len() <= 3 && digits.bytes().all(|digit| digit.is_ascii_digit());
    match whole {
        "1" if is_number => 1000,
        "0" if is_number => format!("{digits:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;
    use crate::live::Rendition;

    #[test]
    fn a_stream_of_both_kinds_of_parts_unpacks_to_all_of_them() {
        let shared = Rendition::new(["<p>shared</p>".repeat(9_000), String::new(), "end".to_owned()], None);
        let own = ["token".to_owned(), "x".repeat(2 * MAX_STORED + 1), String::new()];
        let mut stream = GzipStream::with_capacity(0);
        let mut whole = String::new();
        for (piece, own) in shared.pieces().iter().zip(&own) {
            stream.push_deflated(piece.deflated(), piece.text().as_bytes());
            let before = stream.bytes.len();
            stream.push_stored(own.as_bytes());
            assert_eq!(stream.bytes.len() - before, stored_length(own));
            whole.push_str(piece.text());
            whole.push_str(own);
        }
        let bytes = stream.finish();
        let mut unpacked = String::new();
        GzDecoder::new(&*bytes).read_to_string(&mut unpacked).unwrap();
        assert_eq!(unpacked, whole);
        let stands = |own: &str| bytes.windows(own.len()).any(|window| window == own.as_bytes());
        assert!(stands("token"), "what is a visitor's own is not compressed");
        assert!(!stands("<p>shared</p><p>shared</p>"), "what all share is");
    }

    #[test]
    fn gzip_is_for_those_alone_who_want_it() {
        for (lists, wanted) in [
            (&["gzip, deflate, br"][..], true),
            (&["br", "GZIP"], true),
            (&["x-gzip"], true),
            (&["*"], true),
            (&["gzip;q=0.001"], true),
            (&["deflate, gzip ; Q=1.000"], true),
            (&["identity;q=0.5, gzip;q=0.5"], true),
            (&["gzip;q=1, *;q=0"], true),
            (&[], false),
            (&[""], false),
            (&["br"], false),
            (&["gzipped, notgzip"], false),
            (&["gzip;q=0"], false),
            (&["gzip; q=0.000, *"], false),
            (&["gzip;q=0."], false),
            (&["*;q=0"], false),
            (&["identity, gzip;q=0.5"], false),
            (&["gzip;q=-1", "br"], false),
            (&["gzip;q=two"], false),
            (&["gzip;q=0.0001"], false),
        ] {
            assert_eq!(accepts_gzip(lists.iter().copied()), wanted, "{lists:?}");
        }
    }
}
