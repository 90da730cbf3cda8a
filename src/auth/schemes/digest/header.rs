use std::collections::HashMap;

/// The most parameters; a dozen are known.
const MAX_PARAMS: usize = 24;

/// The parameters of a Digest `Authorization` header (RFC 7616, 3.4).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DigestCredentials {
    pub(super) username: String,
    pub(super) realm: String,
    pub(super) nonce: String,
    pub(super) uri: String,
    /// The response: 32 bytes.
    pub(super) response: Vec<u8>,
    pub(super) cnonce: String,
    /// `nc` as it was sent: eight hexadecimal digits.
    pub(super) nc: String,
    /// `nc` as a number.
    pub(super) nonce_count: u32,
}

impl DigestCredentials {
    /// Parses what follows the scheme in `Authorization`. `None` when it is malformed, or is not SHA-256 with `qop=auth`.
    pub(super) fn parse(value: &str) -> Option<Self> {
        let mut params = parse_params(value)?;
        let is = |name: &str, wanted: &str| params.get(name).is_some_and(|value| value.eq_ignore_ascii_case(wanted));
        // No `algorithm` would mean MD5; a hashed name is not offered.
        if !is("algorithm", "SHA-256") || !is("qop", "auth") || is("userhash", "true") {
            return None;
        }
        let nc = params.remove("nc").filter(|nc| nc.len() == 8 && nc.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        let response = hex::decode(params.remove("response")?).ok().filter(|response| response.len() == 32)?;
        let mut take = |name: &str| params.remove(name).filter(|value| !value.is_empty());
        Some(Self {
            username: take("username")?,
            realm: take("realm")?,
            nonce: take("nonce")?,
            uri: take("uri")?,
            cnonce: take("cnonce")?,
            nonce_count: u32::from_str_radix(&nc, 16).ok()?,
            response,
            nc,
        })
    }
}

/// Parses `name=value` with commas between them, each name once (RFC 9110, 11.2), into names in lower case and values.
fn parse_params(text: &str) -> Option<HashMap<String, String>> {
    let mut params = HashMap::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let name = name.trim().to_ascii_lowercase();
        if name.is_empty() || !name.bytes().all(is_token) || params.len() == MAX_PARAMS {
            return None;
        }
        let (value, after) = parse_value(after.trim_start())?;
        if params.insert(name, value).is_some() {
            return None;
        }
        rest = after.trim_start();
        if !rest.is_empty() {
            rest = rest.strip_prefix(',')?.trim_start();
        }
    }
    Some(params)
}

/// Parses a token or a quoted string (RFC 9110, 5.6), and gives the rest.
fn parse_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|c: char| !c.is_ascii() || !is_token(c as u8)).unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(letters.next()?.1),
            control if control.is_control() => return None,
            letter => value.push(letter),
        }
    }
    None
}

/// Whether the byte may stand in a token (RFC 9110, 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// As curl sends it.
    const SENT: &str = "username=\"cam-1\",realm=\"Belvedere\",nonce=\"abc\",uri=\"/p/ops?a=b,c\",\
        cnonce=\"0a4f113b\",nc=00000010,algorithm=SHA-256,response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\",qop=\"auth\"";

    #[test]
    fn what_clients_send_is_read() {
        let read = DigestCredentials::parse(SENT).unwrap();
        assert_eq!((&*read.username, &*read.uri, &*read.nc, read.nonce_count), ("cam-1", "/p/ops?a=b,c", "00000010", 16));
        // Python's requests quotes the algorithm, leaves `qop` in quotes and puts blanks behind commas.
        let spaced = SENT.replace(',', ", ").replace("/p/ops?a=b, c", "/p/ops?a=b,c").replace("SHA-256", "\"SHA-256\"");
        assert_eq!(DigestCredentials::parse(&spaced), Some(read));
    }

    #[test]
    fn another_kind_of_digest_is_refused() {
        for (part, other) in [
            ("SHA-256", "MD5"),
            ("algorithm=SHA-256,", ""),
            ("SHA-256", "SHA-256-sess"),
            ("qop=\"auth\"", "qop=\"auth-int\""),
            (",qop=\"auth\"", ""),
            ("qop=\"auth\"", "qop=auth,userhash=true"),
            ("nc=00000010", "nc=10"),
            ("nc=00000010", "nc=0000001g"),
            ("nc=00000010", "nc=+0000010"),
            ("753927fa", "753927f"),
            ("cnonce=\"0a4f113b\"", "cnonce=\"\""),
            ("username=\"cam-1\"", "username=\"cam-1\",username=\"admin\""),
        ] {
            let sent = SENT.replace(part, other);
            assert_ne!(sent, SENT);
            assert_eq!(DigestCredentials::parse(&sent), None, "{sent}");
        }
    }

    #[test]
    fn quotes_are_read_with_their_escapes_and_must_end() {
        assert_eq!(parse_value(r#""a\"b\\c" , x"#), Some((r#"a"b\c"#.to_owned(), " , x")));
        for broken in ["\"a", "\"a\\", "\"a\nb\"", "", "\u{e9}"] {
            assert_eq!(parse_value(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn nothing_that_can_be_sent_makes_it_fall_over() {
        let odd = ["\"", "\\", "=", ",", "\0", "é", " ", "Digest ", "\u{2028}"];
        for (count, at) in (0..SENT.len()).enumerate() {
            let odd = odd[count % odd.len()];
            for sent in [format!("{}{odd}{}", &SENT[..at], &SENT[at..]), SENT[..at].to_owned() + odd] {
                let _ = DigestCredentials::parse(&sent);
            }
        }
        assert_eq!(DigestCredentials::parse(&"Digest ".repeat(100)), None);
        let many: Vec<String> = (0..100).map(|count| format!("f{count}=1")).collect();
        assert_eq!(DigestCredentials::parse(&many.join(",")), None);
    }
}
