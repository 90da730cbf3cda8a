use std::fmt::Write as _;

/// The placeholder for the escaped username in a filter of the settings.
const USERNAME: &str = "{username}";

/// The placeholder for an escaped distinguished name in a filter of the settings.
const DN: &str = "{dn}";

/// Escapes text as a filter's value. Everything but letters, digits and a few harmless signs is written `\xx`, which
/// RFC 4515, 3 allows for any octet: a name can hold whatever it likes and still be nothing but a value.
pub(in crate::directory) fn escape(text: &str) -> String {
    escape_bytes(text.as_bytes())
}

/// Escapes bytes, such as a SID, as a filter's value.
pub(in crate::directory) fn escape_bytes(bytes: &[u8]) -> String {
    let mut escaped = String::with_capacity(bytes.len() * 3);
    for byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'@' | b',' | b'=' => {
                escaped.push(char::from(*byte));
            }
            // Writing to a String cannot fail.
            _ => drop(write!(escaped, "\\{byte:02x}")),
        }
    }
    escaped
}

/// `(attribute=value)`, with the value escaped.
pub(in crate::directory) fn equals(attribute: &str, value: &str) -> String {
    format!("({attribute}={})", escape(value))
}

/// A filter that holds where all of `filters` do: `(&…)`.
pub(in crate::directory) fn all(filters: &[&str]) -> String {
    format!("(&{})", filters.concat())
}

/// A filter that holds where one of `filters` does: `(|…)`.
pub(in crate::directory) fn any(filters: &[String]) -> String {
    match filters {
        [only] => only.clone(),
        _ => format!("(|{})", filters.concat()),
    }
}

/// The settings' person filter for one name. A filter without `{username}` says which entries are people, and
/// `by_name` says which of them is meant.
pub(in crate::directory) fn person_by_name(template: &str, username: &str, by_name: &str) -> String {
    if template.contains(USERNAME) { template.replace(USERNAME, &escape(username)) } else { all(&[template, by_name]) }
}

/// The settings' person filter for any name at all.
pub(in crate::directory) fn any_person(template: &str) -> String {
    template.replace(USERNAME, "*")
}

/// The settings' group filter for one member.
pub(in crate::directory) fn group_by_member(template: &str, dn: &str, username: &str) -> String {
    // One pass over the template's own placeholders: a DN that contains `{username}` is escaped, braces included.
    template.replace(DN, &escape(dn)).replace(USERNAME, &escape(username))
}

/// Fills in the placeholders of a filter's unescaped value, without escaping.
pub(in crate::directory) fn fill_placeholders(value: &str, dn: &str, username: &str) -> String {
    // One pass: what is filled in is never taken for a placeholder.
    let mut filled = String::with_capacity(value.len() + dn.len());
    let mut rest = value;
    while let Some(at) = rest.find('{') {
        filled.push_str(&rest[..at]);
        rest = &rest[at..];
        let placeholder = [(DN, dn), (USERNAME, username)].into_iter().find(|(name, _)| rest.starts_with(name));
        let (length, text) = placeholder.map_or((1, "{"), |(name, text)| (name.len(), text));
        filled.push_str(text);
        rest = &rest[length..];
    }
    filled.push_str(rest);
    filled
}

/// Whether this part of a filter has a placeholder for a member's DN or name.
pub(in crate::directory) fn has_placeholder(part: &str) -> bool {
    part.contains(DN) || part.contains(USERNAME)
}

/// Unescapes a filter's value: `\xx` stands for an octet (RFC 4515, 3). Octets that are no text are left out.
pub(in crate::directory) fn unescape(value: &str) -> String {
    let mut parts = value.split('\\');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.get(..2).and_then(|digits| hex::decode(digits).ok()) {
            Some(octet) => {
                bytes.extend(octet);
                bytes.extend(&part.as_bytes()[2..]);
            }
            None => bytes.extend(part.as_bytes()),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether a filter of the settings is well-formed (RFC 4515), whatever goes into its placeholders.
pub(in crate::directory) fn is_well_formed(template: &str) -> bool {
    ldap3::parse_filter(group_by_member(template, "cn=x", "x")).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_can_be_a_filter() {
        for name in
            ["*", "*)(uid=*", "alice)(|(uid=*", "a\\2a", "\0", "(", ")", "!", "&", "|", "Müller, Jörg", "a{dn}b"]
        {
            let escaped = escape(name);
            assert!(!escaped.contains(['*', '(', ')', '\0', '&', '|', '!', '{', '}']), "{name:?} became {escaped:?}");
            assert!(escaped.matches('\\').count() == escaped.split('\\').skip(1).count());
            assert!(ldap3::parse_filter(equals("uid", name)).is_ok(), "{name:?}");
        }
        assert_eq!(escape("*)(uid=*"), "\\2a\\29\\28uid=\\2a");
        assert_eq!(escape("ö"), "\\c3\\b6");
        assert_eq!(escape_bytes(&[1, 0x41, 0xff]), "\\01A\\ff");
    }

    #[test]
    fn a_placeholder_in_a_name_is_only_text() {
        assert_eq!(group_by_member("(&(a={dn})(b={username}))", "cn={username}", "{dn}"), {
            "(&(a=cn=\\7busername\\7d)(b=\\7bdn\\7d))"
        });
    }

    #[test]
    fn a_person_filter_without_a_place_for_the_name_gets_one() {
        assert_eq!(person_by_name("(uid={username})", "a*", "(never)"), "(uid=a\\2a)");
        assert_eq!(person_by_name("(objectClass=person)", "a", "(uid=a)"), "(&(objectClass=person)(uid=a))");
    }

    #[test]
    fn any_name_passes_the_settings_filter_for_any() {
        assert_eq!(any_person("(&(objectClass=person)(uid={username}))"), "(&(objectClass=person)(uid=*))");
        assert!(ldap3::parse_filter(any_person("(mail={username}@corp.example.com)")).is_ok());
    }

    #[test]
    fn a_value_of_the_settings_is_read_as_it_is_meant() {
        assert_eq!(unescape(r"a\2ab\5c\c3\b6"), "a*b\\ö");
        assert_eq!(fill_placeholders("uid={username},{dn}{", "{username}", "{dn}"), "uid={dn},{username}{");
        assert!(has_placeholder("member={dn}") && has_placeholder("x={username}") && !has_placeholder("objectClass=*"));
    }

    #[test]
    fn filters_of_the_settings_are_checked() {
        assert!(is_well_formed("(&(objectClass=groupOfNames)(member={dn}))"));
        for bad in ["", "uid", "(uid={username}", "(&(uid={username})"] {
            assert!(!is_well_formed(bad), "{bad:?}");
        }
    }
}
