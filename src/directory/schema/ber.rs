/// A BER number that is not negative, of four octets at the most, as LDAP has them (RFC 4511, 4.1.1).
pub(in crate::directory) fn unsigned(content: &[u8]) -> Option<u32> {
    let fits = matches!(content, [first, rest @ ..] if rest.len() <= 3 && *first < 0x80);
    fits.then(|| content.iter().fold(0, |number, octet| number << 8 | u32::from(*octet)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_one_to_four_octets_and_not_negative() {
        assert_eq!(unsigned(&[0x0e, 0x10]), Some(3600));
        assert_eq!(unsigned(&[0x7f, 0xff, 0xff, 0xff]), Some(0x7fff_ffff));
        for bad in [&[][..], &[0x80], &[0, 0, 0, 0, 1]] {
            assert_eq!(unsigned(bad), None, "{bad:?}");
        }
    }
}
