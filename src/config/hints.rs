//! Text for messages: quoted input, and suggestions of what was probably meant.

/// The longest quote of input in a message; longer input is truncated.
const MAX_QUOTED_CHARS: usize = 60;

/// Quotes input for a message: control characters escaped, long texts truncated, and without what may be a password.
pub(crate) fn quote(text: &str) -> String {
    let text = if may_have_password(text) { "…" } else { text };
    let mut shown = String::new();
    for c in text.chars().take(MAX_QUOTED_CHARS) {
        if c.is_control() { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    if text.chars().nth(MAX_QUOTED_CHARS).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// Whether `text` is a URL with userinfo (RFC 3986, 3.2.1): a name, and perhaps a password, before its host.
pub(super) fn has_userinfo(text: &str) -> bool {
    text.split_once("://").is_some_and(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default().contains('@'))
}

/// Whether a password may be in `text`, as in `scheme://name:password@host`: the scheme may have been forgotten, and the
/// password may have characters in it that a URL has not.
pub(super) fn may_have_password(text: &str) -> bool {
    text.rsplit_once('@').is_some_and(|(before, _)| before.contains(':'))
}

/// Suggests one of `known` when it is near `written` ("did you mean …?"), and otherwise lists them all.
pub(crate) fn suggest(written: &str, known: &[&str]) -> String {
    let list = || known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    match closest(written, known) {
        Some(word) => format!("did you mean `{word}`?"),
        None if known.is_empty() => "nothing is known here".to_owned(),
        None if known.len() == 1 => format!("write {}", list()),
        None => format!("write one of {}", list()),
    }
}

/// The known word nearest to `written`, unless even that is quite another word.
pub(crate) fn closest<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    let written: String = written.chars().take(MAX_QUOTED_CHARS).flat_map(char::to_lowercase).collect();
    // One slip in a short word, one more for every five letters: of four, two others make another word.
    let allowed = 1 + written.chars().count() / 5;
    known
        .iter()
        .map(|word| (strsim::damerau_levenshtein(&written, &word.to_lowercase()), *word))
        .filter(|(distance, word)| *distance <= allowed && *distance < word.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_offered_and_a_far_one_is_not() {
        let known = ["public", "signed-in", "NYC"];
        assert_eq!(closest("signed_in", &known), Some("signed-in"));
        assert_eq!(closest("PUBLIC", &known), Some("public"));
        assert_eq!(closest("nyx", &known), Some("NYC"));
        assert_eq!(closest("private", &known), None);
        assert_eq!(closest("", &known), None);
        assert_eq!(closest("link", &["kind", "title"]), None);
        assert_eq!(closest("knid", &["kind", "title"]), Some("kind"));
        assert_eq!(suggest("private", &["a", "b"]), "write one of `a`, `b`");
    }

    #[test]
    fn what_was_written_is_shown_without_control_characters_and_cut() {
        assert_eq!(quote("a\u{1b}[31mb\n"), "`a\\u{1b}[31mb\\n`");
        assert_eq!(quote(&"ä".repeat(100)).chars().count(), 63);
    }
}
