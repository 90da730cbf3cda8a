//! Sentences that several sources need.

/// Below this likeness (0 to 1) a name is another name, not a typing slip.
const MIN_SIMILARITY: f64 = 0.5;

/// The name among `known` that is most like `wrong`, when one is like it at all.
pub(super) fn closest_match<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (strsim::normalized_damerau_levenshtein(&wrong.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= MIN_SIMILARITY)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

/// `; did you mean 'cpu.total'?` when there is something to mean, nothing otherwise.
pub(super) fn did_you_mean<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    closest_match(wrong, known).map(|name| format!("; did you mean '{name}'?")).unwrap_or_default()
}

/// The first `longest` characters of `text`, with a mark when there were more.
pub(super) fn truncated(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_name_and_a_stranger_finds_none() {
        let known = ["cpu.total", "cpu.cores", "uptime"];
        assert_eq!(closest_match("cpu.totl", known), Some("cpu.total"));
        assert_eq!(closest_match("Uptime", known), Some("uptime"));
        assert_eq!(closest_match("quarterly sales", known), None);
    }

    #[test]
    fn shortening_cuts_between_characters() {
        assert_eq!(truncated("äöü", 2), "äö…");
        assert_eq!(truncated("äöü", 3), "äöü");
    }
}
