use zeroize::Zeroizing;

use super::message::NotLdap;

/// BER's own tags (X.690, 8).
pub(in crate::directory) mod universal {
    pub(in crate::directory) const BOOLEAN: u8 = 0x01;
    pub(in crate::directory) const INTEGER: u8 = 0x02;
    pub(in crate::directory) const OCTET_STRING: u8 = 0x04;
    pub(in crate::directory) const ENUMERATED: u8 = 0x0a;
    pub(in crate::directory) const SEQUENCE: u8 = 0x30;
    pub(in crate::directory) const SET: u8 = 0x31;
}

/// An element's first octets.
pub(super) struct Header {
    pub(super) constructed: bool,
    /// How many octets they are.
    pub(super) length: usize,
    /// How many octets follow them.
    pub(super) content: usize,
}

/// Reads an element's tag and length (X.690, 8.1.2 and 8.1.3); `None` when they have not come whole.
pub(super) fn header(bytes: &[u8]) -> Result<Option<Header>, NotLdap> {
    const CONSTRUCTED: u8 = 0x20;
    const TAG_NUMBER: u8 = 0x1f;
    /// Enough for the largest message that is taken.
    const MOST_LENGTH_OCTETS: usize = 4;
    let [tag, length, rest @ ..] = bytes else { return Ok(None) };
    // LDAP has no tag numbers beyond 30, which would take more octets.
    if tag & TAG_NUMBER == TAG_NUMBER {
        return Err(NotLdap::Malformed);
    }
    let constructed = tag & CONSTRUCTED != 0;
    if *length < 0x80 {
        return Ok(Some(Header { constructed, length: 2, content: usize::from(*length) }));
    }
    // 0x80 is the indefinite form, which LDAP forbids.
    let octets = usize::from(length & 0x7f);
    if octets == 0 || octets == 0x7f {
        return Err(NotLdap::Malformed);
    }
    if octets > MOST_LENGTH_OCTETS {
        return Err(NotLdap::TooLong);
    }
    let Some(octets) = rest.get(..octets) else { return Ok(None) };
    let content = octets.iter().fold(0_usize, |sum, octet| sum << 8 | usize::from(*octet));
    Ok(Some(Header { constructed, length: 2 + octets.len(), content }))
}

/// Elements of BER (X.690, 8.1) in a row, each as its tag and its content: one octet of tag, the length, the content. A length
/// may be written in up to five octets however short it is, as some servers do. It ends at the first that is not whole;
/// [`Elements::ended`] tells that from the end.
pub(in crate::directory) struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    /// The elements that fill `content`.
    pub(in crate::directory) fn of(content: &'a [u8]) -> Self {
        Self(content)
    }

    /// The content of the next one, where it has this tag.
    pub(in crate::directory) fn next_is(&mut self, tag: u8) -> Option<&'a [u8]> {
        let mut ahead = Self(self.0);
        let (found, content) = ahead.next()?;
        (found == tag).then(|| {
            self.0 = ahead.0;
            content
        })
    }

    /// That nothing is left.
    pub(in crate::directory) fn ended(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let Header { length, content, .. } = header(self.0).ok()??;
        let (element, rest) = self.0.split_at_checked(length.checked_add(content)?)?;
        self.0 = rest;
        Some((element[0], &element[length..]))
    }
}

/// A number that is not negative, of four octets at the most, as LDAP has them (RFC 4511, 4.1.1).
pub(in crate::directory) fn unsigned(content: &[u8]) -> Option<u32> {
    let fits = matches!(content, [first, rest @ ..] if rest.len() <= 3 && *first < 0x80);
    fits.then(|| content.iter().fold(0, |number, octet| number << 8 | u32::from(*octet)))
}

/// Writes elements. There may be a password among them, so they wipe themselves.
pub(super) struct Writer(Zeroizing<Vec<u8>>);

impl Writer {
    /// With room for so much content: what grows leaves a copy behind.
    pub(super) fn with_room_for(content: usize) -> Self {
        /// For the tags and lengths of the largest request without its filter.
        const AROUND_IT: usize = 512;
        Self(Zeroizing::new(Vec::with_capacity(content + AROUND_IT)))
    }

    /// An element of these octets.
    pub(super) fn primitive(&mut self, tag: u8, content: &[u8]) {
        const LONGEST_IN_ONE: u8 = 0x7f;
        match u8::try_from(content.len()) {
            Ok(length) if length <= LONGEST_IN_ONE => {
                self.0.extend_from_slice(&[tag, length]);
                self.0.extend_from_slice(content);
            }
            _ => self.constructed(tag, |inside| inside.0.extend_from_slice(content)),
        }
    }

    /// A number, in as few octets as hold it (X.690, 8.3).
    pub(super) fn number(&mut self, tag: u8, number: i32) {
        let octets = number.to_be_bytes();
        let says_nothing =
            |pair: &[u8]| matches!(pair, [0, next] if *next < 0x80) || matches!(pair, [0xff, next] if *next >= 0x80);
        let first = octets.windows(2).take_while(|pair| says_nothing(pair)).count();
        self.primitive(tag, &octets[first..]);
    }

    /// An element of elements. Its length takes four octets, as Microsoft's clients write it, so that it has its place before it
    /// is known.
    pub(super) fn constructed(&mut self, tag: u8, write: impl FnOnce(&mut Self)) {
        const IN_FOUR: u8 = 0x84;
        self.0.extend_from_slice(&[tag, IN_FOUR, 0, 0, 0, 0]);
        let begins = self.0.len();
        write(self);
        let length = u32::try_from(self.0.len() - begins).unwrap_or(u32::MAX);
        self.0[begins - 4..begins].copy_from_slice(&length.to_be_bytes());
    }

    pub(super) fn finish(self) -> Zeroizing<Vec<u8>> {
        self.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let mut writer = Writer::with_room_for(0);
        writer.constructed(universal::SEQUENCE, |inside| {
            inside.number(universal::INTEGER, 7);
            inside.primitive(universal::OCTET_STRING, b"a password");
        });
        let bytes = writer.finish();
        let mut outer = Elements::of(&bytes);
        let mut inside = Elements::of(outer.next_is(universal::SEQUENCE).unwrap());
        assert_eq!(inside.next_is(universal::OCTET_STRING), None, "the number comes first");
        assert_eq!(inside.next_is(universal::INTEGER).and_then(unsigned), Some(7));
        assert_eq!(inside.next_is(universal::OCTET_STRING), Some(&b"a password"[..]));
        assert!(inside.ended().is_some() && outer.ended().is_some());
    }

    #[test]
    fn a_number_has_as_many_octets_as_it_needs() {
        for (number, octets) in [
            (0, &[0][..]),
            (127, &[0x7f]),
            (128, &[0, 0x80]),
            (255, &[0, 0xff]),
            (256, &[1, 0]),
            (32_768, &[0, 0x80, 0]),
            (i32::MAX, &[0x7f, 0xff, 0xff, 0xff]),
        ] {
            let mut writer = Writer::with_room_for(0);
            writer.number(universal::INTEGER, number);
            let bytes = writer.finish();
            let content = Elements::of(&bytes).next_is(universal::INTEGER).unwrap();
            assert_eq!(content, octets, "{number}");
            assert_eq!(unsigned(content), u32::try_from(number).ok());
        }
    }

    #[test]
    fn what_is_cut_or_endless_is_no_element() {
        for bytes in [&[0x04][..], &[0x04, 2, 0], &[0x04, 0x80, 0, 0], &[0x04, 0x85, 0, 0, 0, 0, 0], &[0x04, 0x82, 1]] {
            let mut elements = Elements::of(bytes);
            assert_eq!(elements.next(), None);
            assert!(elements.ended().is_none());
        }
        assert!(Elements::of(&[]).ended().is_some());
    }
}
