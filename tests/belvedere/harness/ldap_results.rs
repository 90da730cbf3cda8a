//! Results that a server answers requests with (RFC 4511, 4.1.9).

/// The operation that answers the request with this number (RFC 4511, 4.2 and on).
fn response_to(request: u64) -> u8 {
    match request {
        // A search ends with its own result, after the entries.
        3 => 5,
        request => u8::try_from(request).unwrap() + 1,
    }
}

/// The message in which a server answers the request `id`, an operation of this number, with a result code and nothing else.
pub(crate) fn result(id: i64, request: u64, code: u32) -> Vec<u8> {
    let [.., a, b, c, d] = id.to_be_bytes();
    let [code_high, code_low] = u16::try_from(code).unwrap().to_be_bytes();
    // Each three octets of an enumeration, since one that begins with a set bit is negative.
    let body = [0x0a, 3, 0, code_high, code_low, 4, 0, 4, 0];
    let operation = [&[0x60 | response_to(request), u8::try_from(body.len()).unwrap()][..], &body].concat();
    let length = u8::try_from(6 + operation.len()).unwrap();
    [&[0x30, length, 2, 4, a, b, c, d][..], &operation].concat()
}
