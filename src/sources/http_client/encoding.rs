//! The text of an answer: JSON is UTF-8 (RFC 8259, section 8.1), and what is not is told by its name.

/// The beginnings of texts that tell their encoding.
const BYTE_ORDER_MARKS: [(&[u8], &str); 4] =
    [(b"\xff\xfe\0\0", "UTF-32"), (b"\0\0\xfe\xff", "UTF-32"), (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16")];

const UTF_8_BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The text without a byte order mark.
///
/// # Errors
/// The name of the encoding that it seems to be in: the one that the `Content-Type` declares, or what its bytes look like.
pub(super) fn utf8(mut body: Vec<u8>, content_type: Option<&str>) -> Result<Vec<u8>, String> {
    if body.starts_with(UTF_8_BYTE_ORDER_MARK) {
        body.drain(..UTF_8_BYTE_ORDER_MARK.len());
    }
    if let Some((_, name)) = BYTE_ORDER_MARKS.iter().find(|(mark, _)| body.starts_with(mark)) {
        return Err((*name).to_owned());
    }
    let beginning = &body[..body.len().min(4)];
    // No JSON has such a byte, and in the wider encodings every letter of ours does.
    if beginning.contains(&0) {
        let is_utf_32 = beginning.windows(3).any(|bytes| bytes == [0, 0, 0]);
        return Err(if is_utf_32 { "UTF-32" } else { "UTF-16" }.to_owned());
    }
    if std::str::from_utf8(&body).is_ok() {
        return Ok(body);
    }
    Err(content_type.and_then(declared).unwrap_or_else(|| "ISO-8859-1 (latin-1) or Windows-1252".to_owned()))
}

/// The `charset` of a media type, where that is not UTF-8 and a name.
fn declared(content_type: &str) -> Option<String> {
    let parameters = content_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let charset = parameters.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))?.1;
    let name = charset.trim().trim_matches('"');
    let is_name =
        !name.is_empty() && name.len() <= 40 && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_:.".contains(&c));
    (is_name && !["utf-8", "utf8"].contains(&name.to_ascii_lowercase().as_str())).then(|| name.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_skipped_and_another_encoding_named() {
        let wide = |text: &str, byte_order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(byte_order).collect::<Vec<_>>();
        let latin = b"{\"city\": \"Z\xfcrich\"}";
        for (body, content_type, expected) in [
            (b"\xef\xbb\xbf[1]".to_vec(), None, Ok("[1]")),
            ("{\"city\": \"Zürich\"}".into(), Some("application/json; charset=ISO-8859-1"), Ok("{\"city\": \"Zürich\"}")),
            (b"1".to_vec(), None, Ok("1")),
            (Vec::new(), None, Ok("")),
            (wide("\u{feff}[1]", u16::to_le_bytes), None, Err("UTF-16")),
            (wide("\u{feff}[1]", u16::to_be_bytes), None, Err("UTF-16")),
            (wide("[1]", u16::to_le_bytes), Some("application/json"), Err("UTF-16")),
            (wide("7", u16::to_be_bytes), None, Err("UTF-16")),
            (b"[\0\0\x001\0\0\0".to_vec(), None, Err("UTF-32")),
            (latin.to_vec(), None, Err("ISO-8859-1 (latin-1) or Windows-1252")),
            (latin.to_vec(), Some("application/json; Charset=\"windows-1252\""), Err("windows-1252")),
            (latin.to_vec(), Some("application/json; charset=UTF-8"), Err("ISO-8859-1 (latin-1) or Windows-1252")),
            (latin.to_vec(), Some("text/json; charset=<script>"), Err("ISO-8859-1 (latin-1) or Windows-1252")),
        ] {
            let text = utf8(body.clone(), content_type).map(|text| String::from_utf8(text).unwrap());
            assert_eq!(text.as_deref().map_err(String::as_str), expected, "{body:?} {content_type:?}");
        }
    }
}
