use std::fmt;
use std::str::FromStr;

use super::same_name::fold_case;

/// A distinguished name (RFC 4514), compared by its meaning: attribute names and values without regard to case,
/// white space around separators ignored, every escape read.
#[derive(Clone, Debug, Eq)]
pub struct Dn {
    original: String,
    normalized: String,
}

/// A text that is not a distinguished name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a distinguished name: {0}")]
pub struct InvalidDn(&'static str);

impl Dn {
    /// The name as it was written.
    pub fn as_str(&self) -> &str {
        &self.original
    }

    /// The normalized form, which all spellings of this name share: an id, not a name to show or to send to a server.
    pub fn normalized(&self) -> &str {
        &self.normalized
    }

    /// Whether `self` lies in the subtree of `base`, or is it.
    pub fn is_within(&self, base: &Dn) -> bool {
        self.normalized == base.normalized || self.normalized.ends_with(&format!(",{}", base.normalized))
    }
}

impl FromStr for Dn {
    type Err = InvalidDn;

    fn from_str(text: &str) -> Result<Self, InvalidDn> {
        let rdns = split_unescaped(text, ',').into_iter().map(normalize_rdn).collect::<Result<Vec<_>, _>>()?;
        // Not `trim`: it would take the space out of `CN=x\ ` and leave the backslash, which is another name, or none.
        Ok(Self { original: trim_unescaped(text).to_owned(), normalized: rdns.join(",") })
    }
}

impl PartialEq for Dn {
    fn eq(&self, other: &Dn) -> bool {
        self.normalized == other.normalized
    }
}

impl std::hash::Hash for Dn {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.normalized.hash(state);
    }
}

impl fmt::Display for Dn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.original)
    }
}

fn normalize_rdn(rdn: &str) -> Result<String, InvalidDn> {
    let mut pairs = split_unescaped(rdn, '+').into_iter().map(normalize_attribute).collect::<Result<Vec<_>, _>>()?;
    pairs.sort();
    Ok(pairs.join("+"))
}

fn normalize_attribute(pair: &str) -> Result<String, InvalidDn> {
    let (attribute, value) = pair.split_once('=').ok_or(InvalidDn("a part has no '='"))?;
    let attribute = attribute.trim().to_lowercase();
    if attribute.is_empty() {
        return Err(InvalidDn("a part has no attribute before its '='"));
    }
    let value = fold_case(&unescape(trim_unescaped(value))?);
    if value.is_empty() {
        return Err(InvalidDn("a part has no value behind its '='"));
    }
    // Escaped anew in one canonical way, so that a comma in a value cannot pass for a separator.
    let value = value.replace('\\', "\\5c").replace(',', "\\2c").replace('+', "\\2b");
    Ok(format!("{attribute}={value}"))
}

fn split_unescaped(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == separator {
            parts.push(&text[start..at]);
            start = at + c.len_utf8();
        }
    }
    parts.push(&text[start..]);
    parts
}

/// Trims the spaces around a value, except an escaped last one (`CN=x\ `).
fn trim_unescaped(value: &str) -> &str {
    let value = value.trim_start_matches(' ');
    let trimmed = value.trim_end_matches(' ');
    let backslashes = trimmed.chars().rev().take_while(|c| *c == '\\').count();
    if backslashes % 2 == 1 && trimmed.len() < value.len() { &value[..=trimmed.len()] } else { trimmed }
}

fn unescape(value: &str) -> Result<String, InvalidDn> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [byte, tail @ ..] = rest {
        rest = tail;
        if *byte != b'\\' {
            bytes.push(*byte);
            continue;
        }
        match rest {
            [high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                bytes.extend(hex::decode([*high, *low]).unwrap_or_default());
                rest = tail;
            }
            [special, tail @ ..] => {
                bytes.push(*special);
                rest = tail;
            }
            [] => return Err(InvalidDn("it ends in a lone '\\'")),
        }
    }
    String::from_utf8(bytes).map_err(|_| InvalidDn("an escaped value is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dn(text: &str) -> Dn {
        text.parse().unwrap()
    }

    #[test]
    fn names_are_compared_by_meaning() {
        assert_eq!(dn("CN=Ops, OU=Groups,DC=corp"), dn("cn=ops,ou=groups,dc=CORP"));
        assert_eq!(dn(r"CN=Müller\, Jörg (Sales),DC=corp"), dn(r"cn=M\C3\BCller\2C J\C3\B6rg (sales),dc=corp"));
        assert_ne!(dn(r"CN=a\,DC=b,DC=corp"), dn("CN=a,DC=b,DC=corp"));
        assert_ne!(dn("CN=a,DC=corp"), dn("OU=a,DC=corp"));
        assert_eq!(dn("CN=a+UID=b,DC=c"), dn("uid=b+cn=a,dc=c"));
        assert_ne!(dn(r"CN=x\ ,DC=c"), dn("CN=x,DC=c"));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for bad in ["", "ops", "=x,DC=c", "CN=,DC=c", "CN=a\\", "CN=a,,DC=c", r"CN=\ff,DC=c"] {
            assert!(bad.parse::<Dn>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_was_written_is_still_the_same_name() {
        for text in [" CN=a,DC=c ", r"DC=c,CN=x\ ", "CN=a\t", "\tCN=a", r"CN=x\\  "] {
            let name = dn(text);
            assert_eq!(dn(name.as_str()), name, "{text:?}");
        }
        assert_eq!(dn(" CN=a,DC=c ").as_str(), "CN=a,DC=c");
    }

    #[test]
    fn a_subtree_holds_its_own() {
        let base = dn("OU=Sales,DC=corp");
        assert!(dn("CN=x,ou=sales,dc=corp").is_within(&base));
        assert!(base.is_within(&base));
        assert!(!dn("CN=x,OU=PreSales,DC=corp").is_within(&base));
    }
}
