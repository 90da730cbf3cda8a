use std::fmt;

/// A security identifier (MS-DTYP 2.4.2), by which Windows knows users and groups.
///
/// The directory sends it in its binary form; people, and this program's settings, write `S-1-5-21-…`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::directory) struct Sid(Vec<u8>);

/// The length of the header (MS-DTYP 2.4.2.2): revision, count of sub-authorities, six bytes of authority.
const HEADER: usize = 8;

/// The most sub-authorities of a SID (MS-DTYP 2.4.2.2).
const MAX_SUB_AUTHORITIES: usize = 15;

impl Sid {
    /// Reads the binary form; `None` when the bytes are not one.
    pub(in crate::directory) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let [1, count, ..] = bytes else { return None };
        let count = usize::from(*count);
        (count <= MAX_SUB_AUTHORITIES && bytes.len() == HEADER + 4 * count).then(|| Self(bytes.to_vec()))
    }

    /// Reads `S-1-5-21-…`, with a decimal or hexadecimal authority (MS-DTYP 2.4.2.1); `None` when the text is not one.
    pub(in crate::directory) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('-');
        if !parts.next()?.eq_ignore_ascii_case("s") || parts.next()? != "1" {
            return None;
        }
        let authority = parts.next()?;
        let authority = match authority.strip_prefix("0x").or_else(|| authority.strip_prefix("0X")) {
            Some(digits) => u64::from_str_radix(digits, 16).ok()?,
            None => authority.parse().ok()?,
        };
        let [0, 0, authority @ ..] = authority.to_be_bytes() else { return None };
        let subs = parts.map(|part| part.parse::<u32>().ok()).collect::<Option<Vec<_>>>()?;
        let count = u8::try_from(subs.len()).ok().filter(|count| usize::from(*count) <= MAX_SUB_AUTHORITIES)?;
        let mut bytes = vec![1, count];
        bytes.extend(authority);
        bytes.extend(subs.iter().flat_map(|sub| sub.to_le_bytes()));
        Some(Self(bytes))
    }

    /// The binary form, as filters compare it.
    pub(in crate::directory) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The SID with another relative id: with a user's `primaryGroupID`, their primary group (MS-ADTS 3.1.1.2.3.5).
    pub(in crate::directory) fn with_rid(&self, rid: u32) -> Option<Self> {
        let cut = self.0.len().checked_sub(4).filter(|cut| *cut >= HEADER)?;
        let mut bytes = self.0[..cut].to_vec();
        bytes.extend(rid.to_le_bytes());
        Some(Self(bytes))
    }
}

impl fmt::Display for Sid {
    /// `S-1-5-21-…`. Authorities beyond 32 bits are written in hexadecimal (MS-DTYP 2.4.2.1).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.0[2..HEADER].iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        if authority < 1 << 32 {
            write!(f, "S-{}-{authority}", self.0[0])?;
        } else {
            write!(f, "S-{}-0x{authority:012X}", self.0[0])?;
        }
        for sub in self.0[HEADER..].as_chunks::<4>().0 {
            write!(f, "-{}", u32::from_le_bytes(*sub))?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_sid_is_written_as_people_write_it() {
        let domain_users = [1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x80, 3, 0, 0, 0, 1, 2, 0, 0];
        assert_eq!(Sid::from_bytes(&domain_users).unwrap().to_string(), "S-1-5-21-1-2147483648-3-513");
        assert_eq!(Sid::from_bytes(&[1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]).unwrap().to_string(), "S-1-1-0");
        assert_eq!(Sid::from_bytes(&[1, 0, 1, 0, 0, 0, 0, 0]).unwrap().to_string(), "S-1-0x010000000000");
    }

    #[test]
    fn what_people_write_is_the_sid_they_see() {
        for text in ["S-1-5-21-1-2147483648-3-513", "S-1-1-0", "S-1-0x010000000000", "S-1-5-32-544"] {
            let sid = Sid::parse(text).unwrap();
            assert_eq!(sid.to_string(), text);
            assert_eq!(Sid::from_bytes(sid.as_bytes()), Some(sid));
        }
        assert_eq!(Sid::parse("s-1-5-18"), Sid::parse("S-1-5-18"));
        let many = format!("S-1-5{}", "-1".repeat(16));
        for bad in ["", "S-1", "S-2-5-18", "S-1-5-x", "S-1-5-4294967296", "S-1-281474976710656", "x-1-5-18", &many] {
            assert_eq!(Sid::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_primary_group_differs_from_its_member_in_the_last_part_alone() {
        let user = Sid::from_bytes(&[1, 2, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 7, 4, 0, 0]).unwrap();
        assert_eq!(user.with_rid(513).unwrap().to_string(), "S-1-5-21-513");
        assert_eq!(Sid::from_bytes(&[1, 0, 0, 0, 0, 0, 0, 1]).unwrap().with_rid(1), None);
    }

    #[test]
    fn bytes_of_another_length_are_no_sid() {
        for bad in [&[][..], &[1], &[2, 0, 0, 0, 0, 0, 0, 5], &[1, 1, 0, 0, 0, 0, 0, 5, 21, 0, 0], &[1, 16]] {
            assert_eq!(Sid::from_bytes(bad), None, "{bad:?}");
        }
        let mut too_many = vec![1, 16, 0, 0, 0, 0, 0, 5];
        too_many.extend([0; 64]);
        assert_eq!(Sid::from_bytes(&too_many), None);
    }
}
