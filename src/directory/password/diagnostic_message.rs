use ldap3::LdapResult;

/// The most characters of a directory's message that is shown to a person: two sentences.
const MAX_MESSAGE_CHARS: usize = 160;

/// The prefix that Samba puts before the sentence that is meant for people.
const SAMBA_PREFIX: &str = "check_password_restrictions: ";

/// Marks of the diagnostics that Microsoft's controllers and Samba write for programmers.
const TECHNICAL_MARKERS: [&str; 6] = ["DSID-", "problem ", "Ldap", "LDB_", "rror in module", "0x"];

/// The sentence for people in a server's diagnostic message, if there is one: it has a beginning, is short, and
/// names no DN, no code and no line of a program.
pub(super) fn message_for_people(result: &LdapResult) -> Option<String> {
    let text = result.text.trim_end_matches('\0').trim();
    let text = text.rsplit_once(SAMBA_PREFIX).map_or(text, |(_, sentence)| sentence);
    let is_sentence = text.split_whitespace().count() > 2
        && text.chars().count() <= MAX_MESSAGE_CHARS
        && !text.contains(|c: char| c.is_control() || c == '=')
        && !TECHNICAL_MARKERS.iter().any(|mark| text.contains(mark))
        && text.starts_with(char::is_alphabetic);
    is_sentence.then(|| as_sentence(text))
}

/// The text with a capital, a full stop, and no exclamation mark.
fn as_sentence(text: &str) -> String {
    let mut letters = text.trim_end_matches(['!', '.', ' ']).chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).chain(['.']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Option<String> {
        let result = LdapResult { rc: 19, matched: String::new(), text: text.into(), refs: vec![], ctrls: vec![] };
        message_for_people(&result)
    }

    #[test]
    fn sentences_are_told_and_diagnostics_are_not() {
        let samba = "0000052D: Constraint violation - check_password_restrictions: the password is too short. It should \
                     be equal or longer than 7 characters!";
        let short = "The password is too short. It should be equal or longer than 7 characters.";
        assert_eq!(words(samba).as_deref(), Some(short));
        let history = Some("Password is in history of old passwords.");
        assert_eq!(words("Password is in history of old passwords").as_deref(), history);
        for diagnostic in [
            "",
            "\0",
            "0000052D: AtrErr: DSID-03191083, #1:\n\t0: 0000052D: DSID-03191083, problem 1005 (CONSTRAINT_ATT_TYPE)",
            "0000052D: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0\n\0",
            "constraint violation",
            "error in module acl: Constraint violation during LDB_MODIFY (19)",
            "no changes to cn=alice,dc=example,dc=org are allowed",
            &"long ".repeat(100),
        ] {
            assert_eq!(words(diagnostic), None, "{diagnostic:?}");
        }
    }
}
