//! Words for messages: what was written, and what was probably meant.

/// Longer texts are cut in messages.
const LONGEST_SHOWN: usize = 60;

/// What somebody wrote, fit for a message: control characters shown, long texts cut.
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars().take(LONGEST_SHOWN) {
        if c.is_control() { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    if text.chars().nth(LONGEST_SHOWN).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// "did you mean …?" when one of `known` is near `written`, and otherwise all of `known`.
pub(super) fn choose(written: &str, known: &[&str]) -> String {
    let list = || known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    match nearest(written, known) {
        Some(word) => format!("did you mean `{word}`?"),
        None if known.is_empty() => "nothing is known here".to_owned(),
        None if known.len() == 1 => format!("write {}", list()),
        None => format!("write one of {}", list()),
    }
}

/// The word most like `written`, unless even that is quite another word.
pub(super) fn nearest<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    let written: String = written.chars().take(LONGEST_SHOWN).flat_map(char::to_lowercase).collect();
    // One slip in a short word, one more for every four letters.
    let allowed = 1 + written.chars().count() / 4;
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
        assert_eq!(nearest("signed_in", &known), Some("signed-in"));
        assert_eq!(nearest("PUBLIC", &known), Some("public"));
        assert_eq!(nearest("nyx", &known), Some("NYC"));
        assert_eq!(nearest("private", &known), None);
        assert_eq!(nearest("", &known), None);
        assert_eq!(choose("private", &["a", "b"]), "write one of `a`, `b`");
    }

    #[test]
    fn what_was_written_is_shown_without_control_characters_and_cut() {
        assert_eq!(shown("a\u{1b}[31mb\n"), "`a\\u{1b}[31mb\\n`");
        assert_eq!(shown(&"ä".repeat(100)).chars().count(), 63);
    }
}
