use crate::domain::{Bindings, Placeholder, TemplateError, TextTemplate};
use crate::sources::QueryError;

/// The two values that a template is tried with: what differs between the two comes from a placeholder.
const TRIAL_VALUES: [&str; 2] = ["x", "y"];

/// The argument behind which programs take nothing for an option.
const END_OF_OPTIONS: &str = "--";

/// The arguments of a program, with placeholders for visitors' values. A value is part of one argument, and never an option or the
/// name of one; there is no shell that could read it.
#[derive(Clone, Debug)]
pub(super) struct ArgumentTemplates(Vec<ArgumentTemplate>);

#[derive(Clone, Debug)]
struct ArgumentTemplate {
    template: TextTemplate,
    /// Whether an argument before it ends the options.
    is_behind_options: bool,
}

impl ArgumentTemplates {
    /// Parses the arguments as an admin wrote them, without the program.
    ///
    /// # Errors
    /// The place of the first one that is wrong, what is wrong with it, and the remedy.
    pub(super) fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, (usize, String, &'static str)> {
        let mut templates = Vec::new();
        let mut is_behind_options = false;
        for (place, text) in texts.into_iter().enumerate() {
            let template = text.parse::<TextTemplate>().map_err(|fault: TemplateError| {
                (place, format!("has a crooked placeholder: {fault}"), "a placeholder is an input's name in braces: `{site}`")
            })?;
            if text.contains('\0') {
                return Err((place, "has a NUL in it".to_owned(), "no program can be given one"));
            }
            if !is_behind_options && has_placeholder_in_option(&template) {
                let help = "the admin alone decides which options there are: write `--site={site}`, or put it behind `--`";
                return Err((place, "has a placeholder in the name of an option".to_owned(), help));
            }
            templates.push(ArgumentTemplate { template, is_behind_options });
            is_behind_options |= text == END_OF_OPTIONS;
        }
        Ok(Self(templates))
    }

    /// The placeholders, in order.
    pub(super) fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        self.0.iter().flat_map(|argument| argument.template.placeholders())
    }

    /// The arguments with these values bound.
    ///
    /// # Errors
    /// Which value cannot be part of an argument.
    pub(super) fn bind(&self, bindings: &Bindings) -> Result<Vec<String>, QueryError> {
        self.0.iter().map(|argument| argument.bind(bindings)).collect()
    }
}

impl ArgumentTemplate {
    fn bind(&self, bindings: &Bindings) -> Result<String, QueryError> {
        for placeholder in self.template.placeholders() {
            let value = placeholder.value(bindings).ok_or_else(|| QueryError::no_value(placeholder))?;
            if value.contains('\0') {
                return Err(QueryError(format!(
                    "the value of {{{}}} has a NUL in it, which no program can be given",
                    placeholder.key
                )));
            }
        }
        let argument = self.template.fill(bindings, str::to_owned);
        let becomes_option = argument.starts_with('-') && !tried(&self.template, TRIAL_VALUES[0]).starts_with('-');
        if becomes_option && !self.is_behind_options {
            return Err(QueryError("a chosen value begins with '-' and would be an option of the program".to_owned()));
        }
        Ok(argument)
    }
}

/// Whether a placeholder is in the name of a long option, or the letter of a short one.
fn has_placeholder_in_option(template: &TextTemplate) -> bool {
    let name = |value| {
        let argument = tried(template, value);
        match argument.strip_prefix("--") {
            Some(long) => long.split('=').next().map(str::to_owned),
            None => argument.strip_prefix('-').map(|short| short.chars().take(1).collect()),
        }
    };
    name(TRIAL_VALUES[0]) != name(TRIAL_VALUES[1])
}

/// The argument with this value in the place of every placeholder.
fn tried(template: &TextTemplate, value: &str) -> String {
    let bindings = template.placeholders().map(|placeholder| (placeholder.key.clone(), value.to_owned())).collect();
    template.fill(&bindings, str::to_owned)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn bound(texts: &[&str], value: &str) -> Result<Vec<String>, String> {
        let templates = ArgumentTemplates::parse(texts.iter().copied()).map_err(|(_, message, _)| message)?;
        templates.bind(&[("x".to_owned(), value.to_owned())].into()).map_err(|error| error.0)
    }

    #[test]
    fn a_value_is_one_argument_or_part_of_one_whatever_is_in_it() {
        for value in ["a b", "$(id)", "`id`", "; rm -rf /", "'\"\\", "a\nb", "{y}", "*", "", "Zürich", "x=-y", "a -b"] {
            assert_eq!(bound(&["--site", "{x}", "in={x}.csv"], value).unwrap(), ["--site", value, &format!("in={value}.csv")]);
        }
        assert!(bound(&["{x}"], "a\0b").unwrap_err().contains("NUL"));
        assert!(ArgumentTemplates::parse(["{y}"]).unwrap().bind(&Bindings::new()).unwrap_err().0.contains("{y} has no value"));
    }

    #[test]
    fn no_value_becomes_an_option_or_the_name_of_one() {
        for value in ["-", "--", "-rf", "--output=/etc/passwd"] {
            assert!(bound(&["{x}"], value).unwrap_err().contains("would be an option"), "{value}");
            assert!(bound(&["{x}{x}"], value).is_err(), "{value}");
            assert_eq!(bound(&["--site={x}", "-n{x}", "./{x}"], value).unwrap().len(), 3, "{value}");
            assert_eq!(bound(&["-v", "--", "{x}"], value).unwrap()[2], value, "behind the end of options");
        }
        assert!(bound(&["{x}-rf"], "").is_err(), "an empty value lets the text behind it begin the argument");
        for name in ["-{x}", "--{x}", "--no-{x}", "--{x}=1", "{x"] {
            assert!(ArgumentTemplates::parse(["a", name]).is_err_and(|(place, ..)| place == 1), "{name}");
        }
        assert!(ArgumentTemplates::parse(["--", "--{x}"]).is_ok());
    }
}
