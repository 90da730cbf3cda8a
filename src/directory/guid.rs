/// The text form of `objectGUID`'s sixteen bytes, `None` when there are not sixteen.
///
/// Its first three parts are little-endian, the rest is not (MS-DTYP 2.3.4.2): what tools on Windows show is this
/// form, and only this form.
pub(super) fn guid_text(bytes: &[u8]) -> Option<String> {
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
}
