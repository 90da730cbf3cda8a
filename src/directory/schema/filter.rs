use std::fmt::Write as _;

use crate::config::FilterTemplate;

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

/// The filter without the entries that pass one of `excluded`.
pub(in crate::directory) fn excluding(filter: &str, excluded: &[String]) -> String {
    if excluded.is_empty() {
        return filter.to_owned();
    }
    all(&[filter, &format!("(!{})", any(excluded))])
}

/// The settings' person filter for one name. A filter without `{username}` says which entries are people, and
/// `by_name` says which of them is meant.
pub(in crate::directory) fn person_by_name(template: &FilterTemplate, username: &str, by_name: &str) -> String {
    let filter = template.fill("", &escape(username));
    if template.has_username() { filter } else { all(&[&filter, by_name]) }
}

/// The settings' person filter for any name at all.
pub(in crate::directory) fn any_person(template: &FilterTemplate) -> String {
    template.fill("", "*")
}

/// The settings' group filter for one member.
pub(in crate::directory) fn group_by_member(template: &FilterTemplate, dn: &str, username: &str) -> String {
    template.fill(&escape(dn), &escape(username))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn template(text: &str) -> FilterTemplate {
        text.parse().unwrap()
    }

    #[test]
    fn no_name_can_be_a_filter() {
        for name in ["*", "*)(uid=*", "alice)(|(uid=*", "a\\2a", "\0", "(", ")", "!", "&", "|", "Müller, Jörg", "a{dn}b"] {
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
        assert_eq!(group_by_member(&template("(&(a={dn})(b={username}))"), "cn={username}", "{dn}"), {
            "(&(a=cn=\\7busername\\7d)(b=\\7bdn\\7d))"
        });
    }

    #[test]
    fn a_person_filter_without_a_place_for_the_name_gets_one() {
        assert_eq!(person_by_name(&template("(uid={username})"), "a*", "(never)"), "(uid=a\\2a)");
        assert_eq!(person_by_name(&template("(objectClass=person)"), "a", "(uid=a)"), "(&(objectClass=person)(uid=a))");
    }

    #[test]
    fn any_name_passes_the_settings_filter_for_any() {
        assert_eq!(any_person(&template("(&(objectClass=person)(uid={username}))")), "(&(objectClass=person)(uid=*))");
        assert!(ldap3::parse_filter(any_person(&template("(mail={username}@corp.example.com)"))).is_ok());
    }
}
