//! Text helpers of the sources' error messages: suggestions and truncation.

/// The least similarity (0 to 1) of a typo; below it a name is another name.
const MIN_SIMILARITY: f64 = 0.5;

/// The name among `known` that is most similar to `wrong`, if one is similar enough.
pub(super) fn closest_match<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (strsim::normalized_damerau_levenshtein(&wrong.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(similarity, _)| *similarity >= MIN_SIMILARITY)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

/// `; did you mean 'cpu.total'?` when there is a similar name, nothing otherwise.
pub(super) fn did_you_mean<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    closest_match(wrong, known).map(|name| format!("; did you mean '{name}'?")).unwrap_or_default()
}

/// The first `max_chars` characters of `text`, with an ellipsis when there were more.
pub(super) fn truncated(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_the_name_and_another_word_finds_none() {
        let known = ["cpu.total", "cpu.cores", "uptime"];
        assert_eq!(closest_match("cpu.totl", known), Some("cpu.total"));
        assert_eq!(closest_match("Uptime", known), Some("uptime"));
        assert_eq!(closest_match("quarterly sales", known), None);
    }

    #[test]
    fn truncation_cuts_between_characters() {
        assert_eq!(truncated("äöü", 2), "äö…");
        assert_eq!(truncated("äöü", 3), "äöü");
    }
}
