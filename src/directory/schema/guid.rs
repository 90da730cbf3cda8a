/// The text form of `objectGUID`'s sixteen bytes, `None` when there are not sixteen.
///
/// Its first three parts are little-endian, the rest is not (MS-DTYP 2.3.4.2): what tools on Windows show is this
/// form, and only this form.
pub(in crate::directory) fn guid_text(bytes: &[u8]) -> Option<String> {
    let bytes: &[u8; 16] = bytes.try_into().ok()?;
    let [a3, a2, a1, a0, b1, b0, c1, c0, d @ ..] = bytes;
    Some(format!(
        "{}-{}-{}-{}-{}",
        hex::encode([*a0, *a1, *a2, *a3]),
        hex::encode([*b0, *b1]),
        hex::encode([*c0, *c1]),
        hex::encode(&d[..2]),
        hex::encode(&d[2..]),
    ))
}

/// The sixteen bytes of a GUID's text form; `None` when it is not one.
pub(in crate::directory) fn guid_bytes(text: &str) -> Option<[u8; 16]> {
    let digits = text.replace('-', "");
    let mut bytes: [u8; 16] = hex::decode(digits).ok()?.try_into().ok()?;
    bytes[..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    // Only the one way of writing it: what else has 32 digits is not from us.
    (guid_text(&bytes)? == text).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_is_written_mixed_endian() {
        let bytes = hex::decode("33221100554477668899aabbccddeeff").unwrap_or_default();
        assert_eq!(guid_text(&bytes).as_deref(), Some("00112233-4455-6677-8899-aabbccddeeff"));
    }

    #[test]
    fn a_guid_has_sixteen_bytes() {
        assert_eq!(guid_text(&[0; 15]), None);
        assert_eq!(guid_text(&[0; 17]), None);
    }

    #[test]
    fn a_guid_survives_being_written() {
        let bytes: [u8; 16] = std::array::from_fn(|n| u8::try_from(n * 17).unwrap_or_default());
        assert_eq!(guid_text(&bytes).as_deref().and_then(guid_bytes), Some(bytes));
        for bad in ["", "00112233445566778899aabbccddeeff", "00112233-4455-6677-8899-AABBCCDDEEFF", "x"] {
            assert_eq!(guid_bytes(bad), None, "{bad}");
        }
    }
}
