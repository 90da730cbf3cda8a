use ldap3::LdapResult;
use ldap3::controls::{Control, RawControl};

use super::ber::universal::{BOOLEAN, ENUMERATED, INTEGER, OCTET_STRING, SEQUENCE};
use super::ber::{Elements, unsigned};
use super::message::NotLdap;

/// What a server answers (RFC 4511, 4.2.2 to 4.13), by its tag.
pub(in crate::directory) mod tag {
    pub(in crate::directory) const BOUND: u8 = 0x61;
    pub(in crate::directory) const ENTRY: u8 = 0x64;
    pub(in crate::directory) const SEARCHED: u8 = 0x65;
    pub(in crate::directory) const MODIFIED: u8 = 0x67;
    pub(in crate::directory) const REFERENCE: u8 = 0x73;
    pub(in crate::directory) const EXTENDED: u8 = 0x78;
    pub(in crate::directory) const INTERMEDIATE: u8 = 0x79;
}

/// A message of a server's.
pub(in crate::directory) struct Answer<'a> {
    /// Of the request that it answers; 0 of none.
    pub(in crate::directory) id: i32,
    /// What it is.
    pub(in crate::directory) tag: u8,
    /// That operation's content.
    pub(in crate::directory) content: &'a [u8],
    controls: Option<&'a [u8]>,
}

impl<'a> Answer<'a> {
    /// Reads a message's parts (RFC 4511, 4.1.1). What else stands behind the operation is passed over: Active Directory puts a
    /// name there that belongs into it.
    pub(in crate::directory) fn read(message: &'a [u8]) -> Result<Self, NotLdap> {
        Self::parts(message).ok_or(NotLdap::Malformed)
    }

    fn parts(message: &'a [u8]) -> Option<Self> {
        const CONTROLS: u8 = 0xa0;
        let mut parts = Elements::of(Elements::of(message).next_is(SEQUENCE)?);
        let id = i32::try_from(unsigned(parts.next_is(INTEGER)?)?).ok()?;
        let (tag, content) = parts.next()?;
        let controls = parts.find(|(tag, _)| *tag == CONTROLS).map(|(_, controls)| controls);
        Some(Self { id, tag, content, controls })
    }

    /// The result in it (RFC 4511, 4.1.9), where it is one of this kind: without the entry that was matched and without
    /// referrals, which are of no use to whoever follows none.
    pub(in crate::directory) fn result(&self, kind: u8) -> Result<LdapResult, NotLdap> {
        if self.tag != kind {
            return Err(NotLdap::Malformed);
        }
        self.result_parts().ok_or(NotLdap::Malformed)
    }

    fn result_parts(&self) -> Option<LdapResult> {
        let mut parts = Elements::of(self.content);
        let rc = unsigned(parts.next_is(ENUMERATED)?)?;
        parts.next_is(OCTET_STRING)?;
        let text = String::from_utf8_lossy(parts.next_is(OCTET_STRING)?).into_owned();
        let ctrls = Elements::of(self.controls.unwrap_or_default())
            .map(|(tag, control)| if tag == SEQUENCE { read_control(control) } else { None })
            .collect::<Option<_>>()?;
        Some(LdapResult { rc, matched: String::new(), text, refs: Vec::new(), ctrls })
    }
}

/// A control (RFC 4511, 4.1.11).
fn read_control(control: &[u8]) -> Option<Control> {
    let mut parts = Elements::of(control);
    let ctype = str::from_utf8(parts.next_is(OCTET_STRING)?).ok()?.to_owned();
    let crit = parts.next_is(BOOLEAN).is_some_and(|critical| critical != [0]);
    let val = parts.next_is(OCTET_STRING).map(<[u8]>::to_vec);
    parts.ended()?;
    Some(Control(None, RawControl { ctype, crit, val }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    /// A bind's answer: invalidCredentials, with words and a control.
    const REFUSED: &[u8] =
        b"\x30\x21\x02\x01\x05\x61\x0c\x0a\x01\x31\x04\x00\x04\x05no\xff52\xa0\x0e\x30\x0c\x04\x031.2\x04\x05value";

    #[test]
    fn a_result_has_its_code_its_words_and_its_controls() {
        let answer = Answer::read(REFUSED).unwrap();
        assert_eq!(answer.id, 5);
        let result = answer.result(tag::BOUND).unwrap();
        assert_eq!((result.rc, result.text.as_str()), (49, "no\u{fffd}52"));
        let Control(_, control) = &result.ctrls[0];
        assert_eq!((control.ctype.as_str(), control.val.as_deref()), ("1.2", Some(&b"value"[..])));
        assert_eq!(answer.result(tag::SEARCHED).map(|result| result.rc), Err(NotLdap::Malformed));
    }

    #[test]
    fn an_extended_answers_result_is_read_and_nothing_else_passes_for_it() {
        let answer = |code| [0x30, 0x0c, 0x02, 0x01, 0x01, 0x78, 0x07, 0x0a, 0x01, code, 0x04, 0x00, 0x04, 0x00];
        let code =
            |bytes: &[u8]| Answer::read(bytes).and_then(|answer| answer.result(tag::EXTENDED)).map(|result| result.rc);
        assert_eq!(code(&answer(0)), Ok(0));
        assert_eq!(code(&answer(52)), Ok(52));
        let mut a_binds = answer(0);
        a_binds[5] = 0x61;
        assert_eq!(code(&a_binds), Err(NotLdap::Malformed));
        assert_eq!(code(&[0x30, 0x03, 0x02, 0x01, 0x01]), Err(NotLdap::Malformed));
    }

    #[test]
    fn a_notice_of_disconnection_is_read_in_active_directorys_way_of_writing_it() {
        // Its name stands behind the operation, in place of in it.
        let notice = b"\x30\x13\x02\x01\x00\x78\x07\x0a\x01\x34\x04\x00\x04\x00\x8a\x051.3.6";
        let answer = Answer::read(notice).unwrap();
        assert_eq!((answer.id, answer.result(tag::EXTENDED).unwrap().rc), (0, 52));
    }

    #[test]
    fn what_is_no_answer_is_refused_without_a_panic() {
        for bytes in
            [&[][..], &[0x30, 0], &[0x30, 3, 2, 1, 1], &[0x30, 5, 4, 1, 1, 0x61, 0], &[0x30, 6, 2, 1, 0xff, 0x61, 1, 0]]
        {
            assert!(Answer::read(bytes).is_err(), "{bytes:02x?}");
        }
        for content in [&[][..], &[0x0a, 1, 0], &[0x0a, 1, 0, 4, 0], &[0x0a, 0, 4, 0, 4, 0], &[2, 1, 0, 4, 0, 4, 0]] {
            let answer = Answer { id: 1, tag: tag::BOUND, content, controls: None };
            assert!(answer.result(tag::BOUND).is_err(), "{content:02x?}");
        }
        proptest::proptest!(|(bytes: Vec<u8>)| {
            let _ = Answer::read(&bytes).map(|answer| answer.result(answer.tag));
            let whole = Answer { id: 1, tag: tag::BOUND, content: &bytes, controls: Some(&bytes) };
            let _ = whole.result(tag::BOUND);
        });
    }
}
