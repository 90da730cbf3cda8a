//! Negotiation of `permessage-deflate` (RFC 7692) in the header `Sec-WebSocket-Extensions` (RFC 6455, section 9.1).

/// The response: no context takeover on either side, which the client need not have offered (RFC 7692, section 7.1.1).
const RESPONSE: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// The response to a client that bounds the server's window, which must be confirmed.
const RESPONSE_WITH_WINDOW: &str =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15";

/// Accepts the first of a client's extension offers that can be met: the value of `Sec-WebSocket-Extensions` to respond with, or
/// `None`. After that, frames may be [deflated](super::deflated_text_frame), and the reader has to be one
/// [with deflate](super::MessageReader::with_deflate).
///
/// `offers` are the values of the header, which may come more than once. An offer with a parameter that RFC 7692 does not define,
/// that is repeated or has an invalid value, is declined as a whole (section 7). So is one with a window of less than 32 KiB: what
/// is deflated once for all clients cannot fit each.
pub fn negotiate_deflate<'a>(offers: impl IntoIterator<Item = &'a str>) -> Option<&'static str> {
    offers.into_iter().flat_map(|value| split_unquoted(value, ',')).find_map(accept_offer)
}

fn accept_offer(offer: &str) -> Option<&'static str> {
    let mut parts = split_unquoted(offer, ';').map(str::trim);
    if parts.next() != Some("permessage-deflate") {
        return None;
    }
    let (mut answer, mut seen) = (RESPONSE, Vec::new());
    for part in parts {
        let (name, value) = part.split_once('=').map_or((part, None), |(name, value)| (name.trim(), Some(unquote(value))));
        match (name, value) {
            ("server_max_window_bits", Some("15")) => answer = RESPONSE_WITH_WINDOW,
            ("server_no_context_takeover" | "client_no_context_takeover" | "client_max_window_bits", None)
            | ("client_max_window_bits", Some("8" | "9" | "10" | "11" | "12" | "13" | "14" | "15")) => {}
            _ => return None,
        }
        if seen.contains(&name) {
            return None;
        }
        seen.push(name);
    }
    Some(answer)
}

/// A parameter's value without the quotes it may have.
fn unquote(value: &str) -> &str {
    let value = value.trim();
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

/// Splits at each `separator` outside of quotes.
fn split_unquoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut within_quotes = false;
    text.split(move |c: char| {
        within_quotes ^= c == '"';
        !within_quotes && c == separator
    })
}
