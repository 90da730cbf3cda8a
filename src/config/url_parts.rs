use std::net::IpAddr;

use rocket::http::RawStr;

/// Decodes a part of a URL, as a name or a password. The error is what is wrong, and the remedy.
pub(crate) fn decode_url_part(text: &str) -> Result<String, (String, String)> {
    let invalid = || ("the URL has a `%` that begins no character".to_owned(), "write a `%` itself as `%25`".to_owned());
    let decoded = RawStr::new(text).percent_decode().map_err(|_| invalid())?;
    if decoded.contains('\0') { Err(invalid()) } else { Ok(decoded.into_owned()) }
}

/// Whether a host is this machine, so that nothing crosses a network.
pub(crate) fn is_this_machine(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(ip) => ip.to_canonical().is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}
