/// Whether two names are one, without regard to case, as directories compare them (`caseIgnoreMatch`, RFC 4517, 4.2.11).
///
/// A letter outside ASCII is never the same as one inside, though Unicode folds some so (the Kelvin sign `K` to `k`):
/// not every server does, and where one tells two accounts apart, they must be two here.
pub fn is_same_name(a: &str, b: &str) -> bool {
    a.chars().flat_map(fold).eq(b.chars().flat_map(fold))
}

/// The text in the form that all spellings of a name share.
pub(super) fn fold_case(text: &str) -> String {
    text.chars().flat_map(fold).collect()
}

fn fold(c: char) -> impl Iterator<Item = char> {
    let becomes_ascii = !c.is_ascii() && c.to_lowercase().any(|lower| lower.is_ascii());
    let folded = (!becomes_ascii).then(|| c.to_lowercase());
    folded.into_iter().flatten().chain(becomes_ascii.then_some(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_makes_no_other_name_and_a_letter_that_only_looks_alike_does() {
        for (a, b) in [("Alice", "aLICE"), ("M\u{dc}LLER", "m\u{fc}ller"), ("", "")] {
            assert!(is_same_name(a, b), "{a:?} {b:?}");
        }
        for (a, b) in
            [("\u{212a}ate", "kate"), ("alice ", "alice"), ("\u{430}lice", "alice"), ("\u{130}", "i\u{307}"), ("a", "")]
        {
            assert!(!is_same_name(a, b), "{a:?} {b:?}");
        }
    }
}
